//! `unlock` and `lock`: the environment's name, typed once for a spell of work.

use std::path::Path;
use std::time::Duration;

use super::args::Unlock;
use crate::config;
use crate::confirm;
use crate::env::Env;
use crate::exit::Exit;
use crate::report::Reporter;
use crate::text::shown;
use crate::ticket;

/// Asks for the name and gives this terminal a ticket.
pub(super) fn unlock(
    arguments: &Unlock,
    given: Option<&str>,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let policy = match config::load(env, named) {
        Ok(loaded) => loaded.policy,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    let length = match arguments.length.as_deref().map(config::duration) {
        None => policy.confirm.ticket,
        Some(Ok(length)) if length <= ticket::LONGEST => length,
        Some(Ok(_)) => return super::usage("unlock gives eight hours at most", reporter),
        Some(Err(problem)) => {
            let text = arguments.length.as_deref().unwrap_or_default();
            return super::usage(&format!("unlock {}: {problem}", shown(text)), reporter);
        }
    };
    let what = format!("no question on this terminal for {}", spoken(length));
    if let Some(why) = confirm::confirm(&policy, env, &what, given).objection() {
        reporter.error(&format!("still locked: {why}"), "kubectl envguard unlock");
        return Exit::Refused;
    }
    if let Err(problem) = ticket::issue(&policy, env, length) {
        let remedy = "log in on a terminal; sudo install -d -m 1777 /run/envguard";
        reporter.error(&format!("still locked: {problem:#}"), remedy);
        return Exit::Failure;
    }
    reporter.warning(&format!(
        "unlocked for {} on this terminal; what destroys at the level critical still asks",
        spoken(length)
    ));
    Exit::Success
}

/// Takes this terminal's ticket away.
pub(super) fn lock(env: &Env, reporter: Reporter) -> Exit {
    match ticket::revoke(env) {
        Ok(true) => reporter.warning("locked: the next command that changes something asks"),
        Ok(false) => reporter.warning("was not unlocked"),
        Err(problem) => {
            reporter.error(&format!("{problem:#}"), "log out: the ticket ends with the terminal");
            return Exit::Failure;
        }
    }
    Exit::Success
}

/// `1 h 30 min`, `90 s`
fn spoken(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    parts.join(" ")
}
