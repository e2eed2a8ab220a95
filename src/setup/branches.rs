//! Repositories in which each branch is an environment.

use std::collections::BTreeSet;
use std::path::Path;

use super::layout::{Tree, escaped};
use super::survey::{Children, Entry, Survey, Target, compiled};
use super::trouble::{Result, Trouble};
use super::{tree, words};
use crate::pattern::Pattern;
use crate::text::{quoted, shown};

/// A tree without environments in it: perhaps each branch is one.
pub(super) fn by_branch(
    top: &Path,
    environment: &str,
    tree: &Tree,
    mut entry: Entry,
) -> Result<Survey> {
    let branches = tree::branches(top);
    let names: BTreeSet<&str> = branches.iter().map(String::as_str).collect();
    let own = words::meaning(environment, &names);
    let environments: BTreeSet<&str> =
        names.iter().copied().flat_map(words::environments).collect();
    let others =
        names.iter().any(|name| !own.contains(name) && !words::environments(name).is_empty());
    if entry.branches.is_none() && (own.is_empty() || !others || environments.len() < 2) {
        return Err(Trouble::new(
            format!(
                "{} has no directories named after environments, such as overlays/develop, and no branches either",
                shown(top)
            ),
            "name them: --overlay-root DIR --allow NAME; or another checkout: --checkout DIR",
        ));
    }
    if entry.branches.is_none() {
        entry.branches = Some(own.into_iter().map(escaped).collect());
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
    let mut notes = Vec::new();
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
