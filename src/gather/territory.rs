//! Where the configured checkouts and their overlay roots are on this disk.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::repository::Repository;
use crate::judge::{Checkout, Root, Territory};
use crate::pattern::{Pattern, has_meta};
use crate::policy::{CheckoutRule, Policy};

/// Finds the checkouts that exist, with the worktrees that share their
/// repositories. Overlay roots are looked at when a path leads through them: a
/// repository may have thousands.
#[must_use]
pub fn survey(policy: &Policy) -> Territory {
    let mut territory = Territory::default();
    for (rule, checkout) in policy.checkouts.iter().enumerate() {
        let tops = self::tops(&checkout.path);
        if tops.is_empty() {
            territory.vanished.push(checkout.path.clone());
        }
        for top in tops {
            territory.checkouts.push(Checkout { rule, git_dir: None, top });
        }
    }
    for index in 0..territory.checkouts.len() {
        let Checkout { rule, top, .. } = territory.checkouts[index].clone();
        let Some(repository) = Repository::around(&top) else { continue };
        for top in repository.other_worktrees(&top) {
            // What is configured by its own has its own rules.
            if territory.checkouts.iter().all(|known| known.top != top) {
                let git_dir = Repository::around(&top).map(|repository| repository.git_dir);
                territory.checkouts.push(Checkout { rule, git_dir, top });
            }
        }
        territory.checkouts[index].git_dir = Some(repository.git_dir.clone());
        territory.git_dirs.extend([repository.git_dir, repository.common_dir]);
    }
    territory.also_allow = policy
        .also_allow
        .iter()
        .map(|dir| dir.canonicalize().unwrap_or_else(|_| dir.clone()))
        .collect();
    territory
}

/// Looks at the overlay roots whose place the configuration states literally, so
/// that a refusal can name an overlay that exists.
pub(super) fn visit_literal_roots(territory: &mut Territory, policy: &Policy) {
    for checkout in territory.checkouts.clone() {
        for root in &policy.checkouts[checkout.rule].overlay_roots {
            let place = root.to_string();
            if !has_meta(place.as_bytes()) {
                visit(
                    territory,
                    policy,
                    &crate::path::join_clean(&checkout.top, Path::new(&place)),
                );
            }
        }
    }
}

/// The real paths of the directories that `pattern` names.
#[must_use]
pub fn tops(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for name in pattern.split('/').filter(|name| !name.is_empty()) {
        if !has_meta(name.as_bytes()) {
            for path in &mut found {
                path.push(name);
            }
            continue;
        }
        let Ok(pattern) = Pattern::new(name.as_bytes()) else { return Vec::new() };
        found = found.iter().flat_map(|dir| children(dir, &pattern)).collect();
    }
    let mut real: Vec<PathBuf> = found
        .iter()
        .filter_map(|path| path.canonicalize().ok())
        .filter(|path| path.is_dir())
        .collect();
    real.sort();
    real.dedup();
    real
}

fn children(dir: &Path, pattern: &Pattern) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| pattern.matches(entry.file_name().as_bytes()))
        .map(|entry| entry.path())
        .collect()
}

/// Looks at every overlay root on the way to `path`.
pub(super) fn visit(territory: &mut Territory, policy: &Policy, path: &Path) {
    for dir in path.ancestors() {
        visit_one(territory, policy, dir);
    }
}

/// Looks at `dir` if it is an overlay root.
pub(super) fn visit_one(territory: &mut Territory, policy: &Policy, dir: &Path) {
    for checkout in &territory.checkouts {
        let rule = &policy.checkouts[checkout.rule];
        let relative = dir.strip_prefix(&checkout.top);
        if relative.is_ok_and(|relative| rule.is_root(relative)) {
            let root = dir.to_path_buf();
            territory.roots.entry(root).or_insert_with_key(|root| inspect(root, rule));
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn inspect(root: &Path, rule: &CheckoutRule) -> Root {
    let mut found = Root::default();
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) => {
            found.unreadable = !is_absent(&error);
            return found;
        }
    };
    for entry in entries {
        let Ok(entry) = entry else {
            found.unreadable = true;
            continue;
        };
        let is_dir = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
            Ok(kind) => kind.is_dir(),
            Err(_) => true,
        };
        let name = entry.file_name();
        if !is_dir {
            found.files.insert(name);
        } else if rule.allows(&name) {
            found.allowed.push(name);
        } else {
            found.others.push(name);
        }
    }
    found.allowed.sort();
    found.others.sort();
    found
}
