//! The line in the audit log.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Judged, understand};
use crate::audit::{self, Circumstances, Event};
use crate::env::Env;
use crate::gather;
use crate::judge::{self, Facts, Outcome, Reason};
use crate::kubectl::{Class, Request};
use crate::policy::{Answer, Mode, Policy, Topic, default_answer, is_lifted};

/// A line of the log has no room for more ignored files.
const MOST_IGNORED: usize = 50;

/// Writes the verdict to the audit log before anything runs. Where the level
/// demands a record and there is none, the verdict becomes a refusal.
pub(super) fn verdict(
    words: &[OsString],
    policy: &Policy,
    env: &Env,
    break_glass: Option<&str>,
    judged: &mut Judged<'_>,
) -> Option<Event> {
    let class = judged.requests.first().and_then(|request| request.class);
    if class == Some(Class::PassThrough) && judged.verdict.reasons.is_empty() {
        return None;
    }
    let circumstances = Circumstances::of_process(env);
    let mut event = Event::judged(policy, words, class, &judged.verdict, circumstances);
    let changes = |request: &Request| judge::changes(policy, request);
    if judged.requests.iter().any(changes) {
        event.kubectl = understand::known_release(policy, env).map(|release| release.to_string());
    }
    event.commit = gather::commit_read(&judged.facts);
    uncommitted(&judged.facts, &mut event);
    event.stdin = judged.stream_hashes();
    event.break_glass = break_glass.map(str::to_owned);
    match append(&event, policy) {
        Recorded::Yes => {}
        Recorded::Not(warning) => judged.verdict.warnings.push(warning),
        Recorded::Demanded(reason) => {
            judged.verdict.outcome = Outcome::Refuse;
            judged.verdict.reasons.push(*reason);
        }
    }
    Some(event)
}

/// What was read that the commit does not have.
fn uncommitted(facts: &[Facts], event: &mut Event) {
    let trees = facts.iter().flat_map(|facts| &facts.trees);
    for found in trees.filter_map(|tree| tree.uncommitted.as_ref()?.as_ref().ok()) {
        event.dirty = Some(event.dirty == Some(true) || !found.files.is_empty());
        let line = |(path, hash): (&PathBuf, &Option<String>)| match hash {
            Some(hash) => format!("sha256:{hash} {}", path.display()),
            None => format!("(unreadable) {}", path.display()),
        };
        event.ignored.extend(found.ignored.iter().map(line));
    }
    event.ignored.sort();
    event.ignored.dedup();
    event.ignored.truncate(MOST_IGNORED);
}

/// Break glass runs without the audit log, but not unrecorded: its line goes to the
/// system's log, and to the screen.
fn elsewhere(event: &Event, problem: &str) -> String {
    let line = event.line().unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let whereto = match audit::to_system_log(line.trim_end()) {
        Ok(()) => "to the system's log instead".to_owned(),
        Err(error) => format!("nor to the system's log ({error})"),
    };
    format!("not recorded in the audit log: {problem}; {whereto}: {}", line.trim_end())
}

/// What came of writing to the audit log.
pub(super) enum Recorded {
    Yes,
    /// It runs all the same, with this warning.
    Not(String),
    /// The level runs nothing without a record.
    Demanded(Box<Reason>),
}

/// The copy for the journal, of what stands in the log.
fn copied(event: &Event, policy: &Policy) -> Recorded {
    let sent = if policy.journal { audit::to_journal(event) } else { Ok(()) };
    match sent {
        Ok(()) => Recorded::Yes,
        Err(problem) => Recorded::Not(format!("not sent to the journal: {problem:#}")),
    }
}

pub(super) fn append(event: &Event, policy: &Policy) -> Recorded {
    let Err(problem) = audit::append(&policy.audit, event) else { return copied(event, policy) };
    let problem = format!("{problem:#}");
    let demanded = default_answer(Topic::Audit, policy.environment.level) == Answer::Refuse;
    if event.break_glass.is_some() && is_lifted(Topic::Audit) {
        Recorded::Not(elsewhere(event, &problem))
    } else if demanded && policy.mode == Mode::Enforce {
        Recorded::Demanded(Box::new(judge::audit_unwritable(policy, &problem)))
    } else {
        Recorded::Not(format!("not recorded in the audit log: {problem}"))
    }
}
