//! Foreign overlays that are on the disk where this command looks: nothing against
//! running, but work for the keeper.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::facts::Facts;
use super::place::{Place, place};
use crate::policy::Policy;
use crate::text::shown;

/// One line when there are any, with what takes them off. Only the overlay roots
/// that were looked at anyway are known here.
#[must_use]
pub fn foreign_present(policy: &Policy, facts: &[Facts]) -> Option<String> {
    let mut foreign: BTreeSet<PathBuf> = BTreeSet::new();
    for facts in facts {
        let roots = facts.territory.roots.iter();
        let children =
            roots.flat_map(|(root, found)| found.others.iter().map(move |name| root.join(name)));
        foreign.extend(children.filter_map(|path| match place(&path, policy, &facts.territory) {
            Place::Foreign(overlay) => Some(overlay.path),
            _ => None,
        }));
    }
    let first = foreign.first()?;
    let what = match foreign.len() {
        1 => format!("the foreign overlay {} is on the disk; take it off", shown(first)),
        count => format!(
            "{count} foreign overlays such as {} are on the disk; take them off",
            shown(first)
        ),
    };
    Some(format!("{what}: kubectl envguard tidy"))
}
