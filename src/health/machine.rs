//! The row about the machine itself.

use super::finding::{failed, no_configuration};
use super::{Finding, Situation, remedy};
use crate::identity;
use crate::judge::{self, Identity};
use crate::policy::Policy;
use crate::text::{listed, shown};

/// Whether this is the machine that was set up.
pub(super) fn identity(situation: &Situation) -> Finding {
    let (Some(policy), Some(machine)) = (situation.policy(), &situation.machine) else {
        return no_configuration();
    };
    match judge::identity(policy, machine) {
        Identity::Same(how) => Finding::Told(shown(how)),
        Identity::Clone { here, set_up } => failed(
            format!(
                "CLONED INSTANCE: this is {}, and {} was set up; commands that change the cluster are refused",
                shown(here),
                shown(set_up)
            ),
            format!(
                "go to the right machine; if this is to be it: {}",
                remedy::setup(situation, "")
            ),
        ),
        Identity::Unknown(why) => Finding::Unknown(shown(why) + &evidence(policy)),
    }
}

/// What the disk says, where the metadata service does not.
fn evidence(policy: &Policy) -> String {
    let Some(recorded) = &policy.instance else { return String::new() };
    let others: Vec<String> =
        identity::traces().into_iter().filter(|id| *id != recorded.id).collect();
    if others.is_empty() {
        return String::new();
    }
    format!("; set up on {}, but this disk has been {}, too", recorded.id, listed(&others))
}
