//! The line in the audit log.

use std::ffi::OsString;

use super::Judged;
use crate::audit::{self, Circumstances, Event};
use crate::env::Env;
use crate::judge::{self, Outcome, Reason};
use crate::kubectl::Class;
use crate::policy::{Answer, Mode, Policy, Topic, default_answer};

/// Writes the verdict to the audit log before anything runs. Where the level
/// demands a record and there is none, the verdict becomes a refusal.
pub(super) fn verdict(
    words: &[OsString],
    policy: &Policy,
    env: &Env,
    judged: &mut Judged<'_>,
) -> Option<Event> {
    let class = judged.requests.first().and_then(|request| request.class);
    if class == Some(Class::PassThrough) && judged.verdict.reasons.is_empty() {
        return None;
    }
    let circumstances = Circumstances::of_process(env);
    let mut event = Event::judged(policy, words, class, &judged.verdict, circumstances);
    event.stdin = judged.stream_hashes();
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

/// What came of writing to the audit log.
pub(super) enum Recorded {
    Yes,
    /// It runs all the same, with this warning.
    Not(String),
    /// The level runs nothing without a record.
    Demanded(Box<Reason>),
}

pub(super) fn append(event: &Event, policy: &Policy) -> Recorded {
    let Err(problem) = audit::append(&policy.audit, event) else { return Recorded::Yes };
    let demanded = default_answer(Topic::Audit, policy.environment.level) == Answer::Refuse;
    if demanded && policy.mode == Mode::Enforce {
        Recorded::Demanded(Box::new(judge::audit_unwritable(policy, &problem)))
    } else {
        Recorded::Not(format!("not recorded in the audit log: {problem}"))
    }
}
