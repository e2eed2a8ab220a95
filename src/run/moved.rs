//! What was judged is what runs: the commit that is checked out is looked at once more
//! when nothing stands between the verdict and kubectl.

use std::ffi::OsString;

use super::record::{Recorded, append};
use super::{Judged, Rules};
use crate::audit::{self, Event};
use crate::gather;
use crate::judge::{self, Outcome, Verdict};
use crate::policy::{Ask, Mode, Policy};

/// Records that what was shown is not what would run.
pub(super) fn changed(event: Option<&Event>, verdict: &mut Verdict, policy: &Policy) {
    let Some(event) = event else { return };
    let event = event.clone();
    let event = if verdict.outcome == Outcome::Refuse {
        event.refused_since("changed", verdict, audit::now())
    } else {
        event.answered("changed", audit::now())
    };
    match append(&event, policy) {
        Recorded::Yes => {}
        Recorded::Not(warning) => verdict.warnings.push(warning),
        Recorded::Demanded(reason) => {
            verdict.outcome = Outcome::Refuse;
            verdict.reasons.push(*reason);
        }
    }
}

/// The verdict when another commit has been checked out since; it has a line of its own
/// in the audit log.
pub(super) fn since(
    judged: &Judged<'_>,
    words: &[OsString],
    policy: &Policy,
    rules: Rules,
    event: Option<&Event>,
) -> Option<Verdict> {
    let (tree, now) = gather::moved(&judged.facts)?;
    let reasons = vec![judge::checkout_moved(words, tree, &now)];
    let observing = policy.mode == Mode::Observe;
    let outcome = if observing { Outcome::Run { ask: Ask::Never } } else { Outcome::Refuse };
    let mut verdict = rules.settle(Verdict { outcome, reasons, ..Verdict::default() });
    if verdict.outcome == Outcome::Refuse
        && let Some(event) = event
    {
        let event = event.clone().refused_since("moved", &verdict, audit::now());
        match append(&event, policy) {
            Recorded::Yes => {}
            Recorded::Not(warning) => verdict.warnings.push(warning),
            Recorded::Demanded(reason) => verdict.reasons.push(*reason),
        }
    }
    Some(verdict)
}
