//! The foreign overlays that are on this disk, below a directory.

use std::path::{Path, PathBuf};

use crate::judge::Territory;
use crate::path::is_within;
use crate::policy::{CheckoutRule, Policy, Standing};

/// Directories that are searched for overlay roots below one checkout; more than
/// this is a tree nobody keeps by hand.
const MAX_DIRECTORIES: usize = 200_000;

/// What a search came upon.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Foreign overlays, by their real path.
    pub(super) overlays: Vec<PathBuf>,
    /// The first checkout that was too large to be searched to its end.
    pub(super) unsearched: Option<PathBuf>,
}

/// The foreign overlays below the real directory `dir`, in every checkout that
/// lies in it or around it.
pub(super) fn below(dir: &Path, policy: &Policy, territory: &Territory) -> Found {
    let mut found = Found::default();
    for checkout in &territory.checkouts {
        let start = if is_within(&checkout.top, dir) {
            Path::new("")
        } else if let Ok(relative) = dir.strip_prefix(&checkout.top) {
            relative
        } else {
            continue;
        };
        let rule = &policy.checkouts[checkout.rule];
        let mut search =
            Search { rule, top: &checkout.top, found: Vec::new(), left: MAX_DIRECTORIES };
        search.descend(start);
        if search.left == 0 {
            found.unsearched.get_or_insert_with(|| checkout.top.clone());
        }
        found.overlays.extend(search.found);
    }
    found.overlays.sort();
    found.overlays.dedup();
    found
}

struct Search<'r> {
    rule: &'r CheckoutRule,
    top: &'r Path,
    found: Vec<PathBuf>,
    left: usize,
}

impl Search<'_> {
    fn descend(&mut self, relative: &Path) {
        let is_root = self.rule.is_root(relative);
        if self.left == 0 || !(is_root || self.rule.leads_below(relative)) {
            return;
        }
        self.left -= 1;
        let Ok(entries) = std::fs::read_dir(self.top.join(relative)) else { return };
        let mut children = Vec::new();
        for entry in entries.flatten().filter(|entry| entry.file_name() != ".git") {
            let Ok(kind) = entry.file_type() else { continue };
            // A child that is a link to a directory is an overlay like any other;
            // the search itself stays in the tree.
            if kind.is_dir() || (is_root && kind.is_symlink() && entry.path().is_dir()) {
                children.push((entry.file_name(), kind.is_dir()));
            }
        }
        let has_allowed = is_root && children.iter().any(|(name, _)| self.rule.allows(name));
        for (name, is_dir) in children {
            let path = relative.join(&name);
            if is_root && self.rule.standing(&name, has_allowed) == Standing::Foreign {
                self.found.push(self.top.join(path));
            } else if is_dir {
                self.descend(&path);
            }
        }
    }
}
