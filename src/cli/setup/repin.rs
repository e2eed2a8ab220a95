//! `--repin`: another cluster is recorded only after somebody has looked at both and
//! typed the environment's name, and it stands in the audit log.

use super::{Given, print, show};
use crate::audit::{self, Circumstances, Event};
use crate::confirm;
use crate::judge::{Outcome, Verdict};
use crate::policy::{Ask, Pin, Policy};
use crate::setup::{Draft, Result, Trouble};
use crate::text::shown;

/// Shows both clusters and asks for the name.
pub(super) fn agreed(given: Given<'_>, draft: &Draft) -> Result<()> {
    if let Some(old) = &draft.old_pin {
        print(&show::side_by_side(&rows(old, draft)));
    }
    let event = event(given, &draft.policy);
    record(&event, &draft.policy)?;
    let line = format!("setup --repin {}", draft.policy.pin.server);
    let answer = confirm::confirm(&draft.policy, given.env, &line, given.confirm);
    let refusal = answer.objection();
    let word = if refusal.is_none() { "confirmed" } else { "declined" };
    record(&event.answered(word, audit::now()), &draft.policy)?;
    match refusal {
        None => Ok(()),
        Some(why) => Err(Trouble::new(
            format!("nothing was written: {why}"),
            format!(
                "type {} when it asks; in scripts: kubectl-envguard --confirm NAME setup --repin",
                shown(&draft.policy.environment.name)
            ),
        )),
    }
}

fn rows(old: &Pin, draft: &Draft) -> Vec<(&'static str, String, String)> {
    let new = &draft.policy.pin;
    let authorities = |pin: &Pin| {
        let list: Vec<String> = pin.authorities.iter().map(ToString::to_string).collect();
        show::one_line(&list)
    };
    let credentials = |pin: &Pin| {
        pin.credentials.as_ref().map_or_else(|| "-".to_owned(), |exec| shown(exec.to_string()))
    };
    let text = |value: &Option<String>| value.as_ref().map_or_else(|| "-".to_owned(), shown);
    vec![
        ("name", shown(&old.name), shown(&new.name)),
        ("server", old.server.to_string(), new.server.to_string()),
        ("CA", authorities(old), authorities(new)),
        ("exec", credentials(old), credentials(new)),
        ("proxy", text(&old.proxy_url), text(&new.proxy_url)),
        ("TLS name", text(&old.tls_server_name), text(&new.tls_server_name)),
        ("UID", text(&old.uid), text(&new.uid)),
    ]
}

fn event(given: Given<'_>, policy: &Policy) -> Event {
    // As the question has it: which cluster it was is what the log is asked for.
    // The words are ours, with an address that can hold no secret: nothing is masked.
    let server = policy.pin.server.to_string();
    let argv = ["envguard", "setup", "--repin", &server].map(str::to_owned).into();
    let verdict = Verdict { outcome: Outcome::Run { ask: Ask::Always }, ..Verdict::default() };
    let circumstances = Circumstances::of_process(given.env);
    Event { argv, ..Event::judged(policy, &[], None, &verdict, circumstances) }
}

fn record(event: &Event, policy: &Policy) -> Result<()> {
    audit::append(&policy.audit, event).map_err(|problem| {
        Trouble::new(
            format!("nothing was written: it cannot be recorded in the audit log: {problem:#}"),
            "sudo install -d -m 1733 /var/log/envguard",
        )
    })
}
