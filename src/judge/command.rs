//! Rules about the command itself.

use super::facts::Facts;
use super::reasons;
use super::verdict::Reason;
use crate::kubectl::{Class, Request};
use crate::policy::Policy;

pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    match request.class {
        None => found.push(reasons::command_unknown(request)),
        Some(Class::Plugin) if facts.plugin.is_none() => {
            found.push(reasons::command_unknown(request));
        }
        Some(Class::KubeconfigWrite) if !names_other_kubeconfig(facts) => {
            found.push(reasons::kubeconfig_edit(policy, request));
        }
        Some(Class::Preferences) => found.push(reasons::preferences(request)),
        _ => {}
    }
    for (flag, value) in &request.malformed {
        found.push(reasons::malformed_list(flag, value));
    }
    let refuses_identity =
        request.class.is_none_or(|class| class.changes_cluster() || class == Class::Channel);
    if refuses_identity {
        for identity in &request.identities {
            found.push(reasons::identity_override(policy, request, identity));
        }
    }
}

/// A write to another kubeconfig is judged as a choice of another cluster.
fn names_other_kubeconfig(facts: &Facts) -> bool {
    facts.cluster.as_ref().is_some_and(|cluster| cluster.other_file)
}
