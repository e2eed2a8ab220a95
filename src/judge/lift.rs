//! Break glass: a person with a reason lifts what the level's table lets them lift.

use super::verdict::{Outcome, Reason, Verdict};
use crate::policy::{Ask, is_lifted};

/// Lifts every refusal of `verdict`, or none: with one that no reason lifts, the
/// command does not run, and the others are said all the same. What was lifted is
/// asked for every time, whatever a ticket says.
pub fn lift(verdict: Verdict) -> Verdict {
    let refused = verdict.outcome == Outcome::Refuse;
    if !refused || verdict.reasons.is_empty() || !verdict.reasons.iter().all(may_be_lifted) {
        return verdict;
    }
    Verdict {
        outcome: Outcome::Run { ask: Ask::Always },
        reasons: Vec::new(),
        lifted: verdict.reasons,
        warnings: verdict.warnings,
    }
}

/// Whatever binds in observe mode concerns the cluster, and that is never lifted.
fn may_be_lifted(reason: &Reason) -> bool {
    !reason.binding && is_lifted(reason.code.topic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Code;

    fn refusal(codes: &[Code]) -> Verdict {
        let reasons = codes.iter().map(|code| Reason {
            code: *code,
            what: String::new(),
            offender: String::new(),
            rule: String::new(),
            remedy: String::new(),
            binding: code.topic() == crate::policy::Topic::Cluster,
        });
        Verdict { reasons: reasons.collect(), ..Verdict::default() }
    }

    #[test]
    fn each_code_is_lifted_as_the_table_says() {
        use Code::{
            AuditUnwritable, ClusterDrift, ClusterOverride, CommandUnknown, ConfigInvalid,
            ConfigMissing, FlagUnknown, InstanceCloned, KubeconfigEdit, NotConfirmed,
            SandboxDenied, SandboxMissing,
        };
        let never = [
            ClusterDrift,
            ClusterOverride,
            CommandUnknown,
            ConfigInvalid,
            ConfigMissing,
            FlagUnknown,
            InstanceCloned,
            KubeconfigEdit,
            NotConfirmed,
            SandboxDenied,
            SandboxMissing,
        ];
        for code in Code::ALL {
            let lifted = lift(refusal(&[code]));
            let runs = lifted.outcome == Outcome::Run { ask: Ask::Always };
            assert_eq!(runs, !never.contains(&code), "{code}");
            assert_eq!(lifted.lifted.len(), usize::from(runs), "{code}");
        }
        // That nothing could be recorded is found out later, by who records.
        assert!(may_be_lifted(&refusal(&[AuditUnwritable]).reasons[0]));
    }

    #[test]
    fn one_reason_that_stays_keeps_all() {
        let verdict = refusal(&[Code::TargetForeign, Code::ClusterOverride]);
        assert_eq!(lift(verdict.clone()), verdict);
        let nothing = Verdict { outcome: Outcome::Run { ask: Ask::Ticket }, ..Verdict::default() };
        assert_eq!(lift(nothing.clone()), nothing);
        assert_eq!(lift(Verdict::default()), Verdict::default());
    }
}
