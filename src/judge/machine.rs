//! Whether this is the machine that was set up.

use unicode_normalization::UnicodeNormalization;

use super::facts::{Facts, Machine};
use super::reasons;
use super::trees::changes;
use super::verdict::Reason;
use crate::kubectl::Request;
use crate::policy::Policy;

/// What the machine's identity says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is the one; how that is known.
    Same(String),
    /// It is another one.
    Clone {
        /// As it is here.
        here: String,
        /// As it was set up.
        set_up: String,
    },
    /// Nothing speaks against it; why it is not known.
    Unknown(String),
}

/// Compares what the metadata service says with the configuration. The tag comes first:
/// an instance that was replaced has another id, and is no clone.
#[must_use]
pub fn identity(policy: &Policy, machine: &Machine) -> Identity {
    match machine {
        Machine::Tagged(name) => {
            let normal = |name: &str| name.trim().nfc().collect::<String>();
            let here = format!("envguard:environment={name}");
            if normal(name) == normal(&policy.environment.name) {
                Identity::Same(format!("the instance's tag is {here}"))
            } else {
                let set_up = format!("envguard:environment={}", policy.environment.name);
                Identity::Clone { here, set_up }
            }
        }
        Machine::Known { account, id } => match &policy.instance {
            Some(recorded) if (&recorded.account, &recorded.id) == (account, id) => {
                Identity::Same(format!("{id} of account {account}, as it was set up"))
            }
            Some(recorded) => Identity::Clone {
                here: format!("{id} of account {account}"),
                set_up: format!("{} of account {}", recorded.id, recorded.account),
            },
            None => Identity::Unknown(format!(
                "this is {id} of account {account}; neither a tag nor the configuration says which one it should be"
            )),
        },
        Machine::Unknown(why) => Identity::Unknown(why.clone()),
    }
}

/// A clone changes nothing. What is unknown is no clone.
pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    let Some(machine) = &facts.machine else { return };
    if changes(policy, request)
        && let Identity::Clone { here, set_up } = identity(policy, machine)
    {
        found.push(reasons::instance_cloned(policy, &here, &set_up));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples::{policy_with, request};
    use crate::judge::{Code, Outcome, judge as judge_all};

    fn tagged(name: &str) -> Machine {
        Machine::Tagged(name.to_owned())
    }

    fn known(account: &str, id: &str) -> Machine {
        Machine::Known { account: account.to_owned(), id: id.to_owned() }
    }

    const RECORDED: &str = "instance: {account: '123456789012', id: i-0123456789abcdef0}\n";

    #[test]
    fn the_tag_comes_before_the_recorded_id() {
        for (rules, machine, expected) in [
            (RECORDED, tagged("本番"), "Same"), // whatever its id
            ("", tagged("本番"), "Same"),
            ("", tagged("develop"), "Clone"),
            (RECORDED, tagged("develop"), "Clone"),
            (RECORDED, known("123456789012", "i-0123456789abcdef0"), "Same"),
            (RECORDED, known("123456789012", "i-0fedcba9876543210"), "Clone"),
            (RECORDED, known("210987654321", "i-0123456789abcdef0"), "Clone"),
            ("", known("123456789012", "i-0123456789abcdef0"), "Unknown"),
            (RECORDED, Machine::Unknown("late".into()), "Unknown"),
        ] {
            let found = format!("{:?}", identity(&policy_with("本番", rules), &machine));
            assert!(found.starts_with(expected), "{machine:?} {rules}: {found}");
        }
        // Two ways to write one letter.
        let policy = policy_with("caf\u{e9}", "");
        assert!(matches!(identity(&policy, &tagged("cafe\u{301}")), Identity::Same(_)));
    }

    #[test]
    fn a_clone_changes_nothing_and_no_mode_lifts_that() {
        for mode in ["enforce", "observe"] {
            let policy = policy_with("develop", &format!("policy: {{mode: {mode}}}\n"));
            for (line, refused) in [
                ("kubectl label pod x a=b", true),
                ("kubectl delete pod x", true),
                ("kubectl messy", true),
                ("kubectl get pods", false),
                ("kubectl logs x", false),
                ("kubectl apply -f - --dry-run=client", false),
            ] {
                for (machine, clone) in [
                    (tagged("production"), true),
                    (tagged("develop"), false),
                    (Machine::Unknown("late".into()), false),
                ] {
                    let facts = Facts { machine: Some(machine), ..Facts::default() };
                    let verdict = judge_all(&policy, &request(line), &facts);
                    let has = verdict.reasons.iter().any(|r| r.code == Code::InstanceCloned);
                    assert_eq!(has, clone && refused, "{line} {mode}");
                    assert!(!has || verdict.outcome == Outcome::Refuse, "{line} {mode}");
                    assert!(!has || crate::judge::lift(verdict.clone()) == verdict, "{line}");
                }
            }
        }
    }
}
