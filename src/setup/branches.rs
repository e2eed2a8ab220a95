//! Repositories in which each branch is an environment.

use std::collections::BTreeSet;
use std::path::Path;

use super::children::{Children, compiled};
use super::layout::{Tree, escaped};
use super::survey::{Entry, Survey, Target};
use super::trouble::{Result, Trouble};
use super::{tree, words};
use crate::pattern::Pattern;
use crate::text::{quoted, shown};

/// Whether the branches of a repository are environments, and one is this.
#[must_use]
pub(super) fn are_environments(top: &Path, environment: &str) -> bool {
    !own(&tree::branches(top), environment).is_empty()
}

/// The branches that mean this environment, as patterns; none when the others do not
/// speak of environments.
fn own(branches: &BTreeSet<String>, environment: &str) -> Vec<String> {
    let names: BTreeSet<&str> = branches.iter().map(String::as_str).collect();
    let own = words::meaning(environment, &names);
    let others = names.iter().filter(|name| !own.contains(*name));
    let told_apart = others.flat_map(|name| words::environments(name)).count() > 0;
    own.into_iter().filter(|_| told_apart).map(escaped).collect()
}

/// A tree without environments in it: perhaps each branch is one.
pub(super) fn by_branch(
    top: &Path,
    environment: &str,
    tree: &Tree,
    mut entry: Entry,
) -> Result<Survey> {
    let own = own(&tree::branches(top), environment);
    if entry.branches.is_none() && own.is_empty() {
        return Err(Trouble::unnamed(
            format!(
                "{} has no directories named after environments, such as overlays/develop, and no branches either",
                shown(top)
            ),
            "name them: --overlay-root DIR --allow NAME; or another checkout: --checkout DIR",
        ));
    }
    if entry.branches.is_none() {
        entry.branches = Some(own);
    }
    if entry.allow.is_empty() {
        entry.allow = vec!["*".to_owned()];
    }
    entry.roots = vec![".".to_owned()];
    let roots = compiled(&entry.roots)?;
    let children = Children::of(tree, &roots);
    let top_is_target =
        tree.dirs.get(Path::new("")).is_some_and(|dir| dir.here && dir.kustomization);
    let mut allowed: Vec<Target> = children
        .all
        .iter()
        .flat_map(|(root, name)| children.targets(top, &root.join(name)))
        .collect();
    allowed.extend(top_is_target.then(|| Target { flag: "-k", dir: top.to_path_buf() }));
    let mut notes = tree.gaps.clone();
    let wanted = entry.branches.clone().unwrap_or_default();
    if let Some(branch) = tree::branch(top)
        && !wanted
            .iter()
            .any(|name| Pattern::new(name.as_bytes()).is_ok_and(|p| p.matches(branch.as_bytes())))
    {
        notes.push(format!(
            "{} is on the branch {}, which is not this environment's: git -C {} switch {}",
            shown(top),
            shown(&branch),
            quoted(top),
            wanted.first().map(quoted).unwrap_or_default()
        ));
    }
    let top = top.to_path_buf();
    Ok(Survey { top, entry, allowed, by_branch: true, top_is_target, notes, ..Survey::default() })
}
