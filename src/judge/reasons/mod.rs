//! The words of every refusal: what is refused, which path or word, which rule,
//! what to do instead. `tests/golden/reasons.txt` holds them all.

mod cluster;
mod incomprehensible;
mod inputs;
mod instance;
mod references;
mod remotes;
mod streams;
mod targets;
mod trees;

pub(super) use cluster::{
    cluster_drift, cluster_override, exported_kubeconfig, identity_override, kubeconfig_edit,
    plugin_override, preferences, preferences_flag, raw_elsewhere,
};
pub use incomprehensible::misfit;
pub(super) use incomprehensible::{command_unknown, malformed_list, unreadable};
pub(super) use inputs::{input_foreign, output_foreign};
pub use instance::{
    again, audit_unwritable, config_unusable, download, misnamed, not_confirmed, sandbox_denied,
    sandbox_missing,
};
pub(super) use instance::{instance_cloned, kubectl_skew};
pub(super) use references::{in_git_directory, reference_foreign, reference_outside};
pub(super) use remotes::{remote_not_immutable, remote_not_listed, remote_unacceptable};
pub(super) use streams::{
    stdin_beside_foreign, stdin_equals_foreign, stdin_incomparable, stdin_refused,
    stream_not_judged,
};
pub(super) use targets::{kustomize_as_files, target_foreign, target_outside};
pub use trees::checkout_moved;
pub(super) use trees::{branch_unlisted, uncommitted, uncommitted_unknown};

use super::facts::Local;
use super::verdict::{Code, Reason};
use crate::policy::Policy;
use crate::text::{listed, shown};

fn reason(code: Code, what: String, offender: String, rule: String, remedy: String) -> Reason {
    Reason { code, what, offender, rule, remedy, binding: false }
}

fn binding(code: Code, what: String, offender: String, rule: String, remedy: String) -> Reason {
    Reason { code, what, offender, rule, remedy, binding: true }
}

/// `this is the DEVELOP instance of develop-eks`
fn instance(policy: &Policy) -> String {
    format!("this is the {} instance of {}", shown(policy.display_name()), shown(&policy.pin.name))
}

fn allowed(policy: &Policy) -> String {
    let names: Vec<String> = policy.allowed_names().iter().map(shown).collect();
    listed(&names)
}

/// The first reading of a path.
fn place_of(local: &Local) -> String {
    local.readings.first().map_or_else(|| "?".to_owned(), shown)
}
