//! Refusals of what would be fetched.

use std::ffi::OsStr;

use super::references::refers;
use super::{instance, reason};
use crate::judge::facts::{Facts, Reached, Role};
use crate::judge::verdict::{Code, Reason};
use crate::policy::{Policy, Unacceptable};
use crate::text::{listed, shown, shown_address};

fn remote_code(reached: &Reached) -> Code {
    if matches!(reached.role, Role::Reference { .. }) {
        Code::ReferenceRemote
    } else {
        Code::TargetRemote
    }
}

fn remote_what(reached: &Reached) -> String {
    match &reached.role {
        Role::Reference { file, field } => refers(reached, file, field),
        _ => format!("{} would be fetched from elsewhere", shown_address(&reached.spelled)),
    }
}

pub(in crate::judge) fn remote_not_listed(
    policy: &Policy,
    facts: &Facts,
    reached: &Reached,
) -> Reason {
    let listed_prefixes: Vec<String> =
        policy.remotes.iter().map(|prefix| shown(prefix.to_string())).collect();
    let rule = if listed_prefixes.is_empty() {
        "manifests are fetched only from addresses listed under policy.remotes; none is listed"
            .to_owned()
    } else {
        format!("manifests are fetched only from {}", listed(&listed_prefixes))
    };
    reason(
        remote_code(reached),
        remote_what(reached),
        shown_address(&reached.spelled),
        rule,
        remote_remedy(facts, reached),
    )
}

fn remote_remedy(facts: &Facts, reached: &Reached) -> String {
    let prefix = prefix_of(&reached.spelled);
    format!(
        "save it in the allowed overlay, review and commit it; or add {prefix:?} to policy.remotes in {}",
        shown(&facts.config_file)
    )
}

/// The address up to its first path segment.
fn prefix_of(address: &OsStr) -> String {
    let text = shown_address(address);
    let text = text.split('?').next().unwrap_or_default();
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].match_indices('/').nth(1).map(|(at, _)| start + at + 1);
    text[..end.unwrap_or(text.len())].to_owned()
}

pub(in crate::judge) fn remote_unacceptable(reached: &Reached, why: &Unacceptable) -> Reason {
    reason(
        remote_code(reached),
        remote_what(reached),
        shown_address(&reached.spelled),
        format!("the address cannot be compared with policy.remotes: {why}"),
        "write the address as https://host/path, without user name and without `..`".to_owned(),
    )
}

pub(in crate::judge) fn remote_not_immutable(policy: &Policy, reached: &Reached) -> Reason {
    reason(
        remote_code(reached),
        remote_what(reached),
        shown_address(&reached.spelled),
        format!(
            "{}, level {}: a fetched reference names a commit, because branches and tags move",
            instance(policy),
            policy.environment.level
        ),
        format!(
            "{}?ref=COMMIT (40 hex digits: git rev-parse)",
            shown_address(&reached.spelled).split('?').next().unwrap_or_default()
        ),
    )
}
