//! Counts the foreign overlays on the disk, for a bounded time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::judge::Territory;
use crate::policy::{CheckoutRule, Policy, Standing};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Foreign overlays seen.
    pub(super) foreign: usize,
    /// One of them.
    pub(super) example: Option<PathBuf>,
    /// Directories that are neither allowed, shared nor foreign.
    pub(super) unknown: usize,
    /// One of them.
    pub(super) unknown_example: Option<PathBuf>,
    /// Whether everything was seen.
    pub(super) complete: bool,
}

/// Looks through the overlay roots of all checkouts.
pub(super) fn count(policy: &Policy, territory: &Territory, limit: Duration) -> Count {
    let end = Instant::now() + limit;
    let mut found = Count { complete: true, ..Count::default() };
    for checkout in &territory.checkouts {
        let rule = &policy.checkouts[checkout.rule];
        let mut walk = Walk { rule, top: &checkout.top, end, found: &mut found };
        for root in &rule.overlay_roots {
            let source = root.to_string();
            let names: Vec<&str> =
                source.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
            walk.descend(Path::new(""), &names);
        }
    }
    found
}

struct Walk<'w> {
    rule: &'w CheckoutRule,
    top: &'w Path,
    end: Instant,
    found: &'w mut Count,
}

impl Walk<'_> {
    /// Follows one pattern, name by name; only what a name pattern leaves open is
    /// listed.
    fn descend(&mut self, relative: &Path, names: &[&str]) {
        if Instant::now() >= self.end {
            self.found.complete = false;
            return;
        }
        let Some((name, rest)) = names.split_first() else {
            self.root(relative);
            return;
        };
        if *name == "**" {
            self.descend(relative, rest);
            for child in self.directories(relative) {
                self.descend(&relative.join(child), names);
            }
            return;
        }
        let Ok(pattern) = crate::pattern::Pattern::new(name.as_bytes()) else { return };
        if pattern.literal().is_some() {
            self.descend(&relative.join(name), rest);
            return;
        }
        for child in self.directories(relative) {
            if pattern.matches(std::os::unix::ffi::OsStrExt::as_bytes(child.as_os_str())) {
                self.descend(&relative.join(child), rest);
            }
        }
    }

    fn root(&mut self, relative: &Path) {
        let children = self.directories(relative);
        let has_allowed = children.iter().any(|name| self.rule.allows(name));
        for name in &children {
            let place = || self.top.join(relative).join(name);
            match self.rule.standing(name, has_allowed) {
                Standing::Foreign => {
                    self.found.foreign += 1;
                    self.found.example.get_or_insert_with(place);
                }
                Standing::Unknown => {
                    self.found.unknown += 1;
                    self.found.unknown_example.get_or_insert_with(place);
                }
                Standing::Allowed | Standing::Shared => {}
            }
        }
    }

    fn directories(&self, relative: &Path) -> Vec<std::ffi::OsString> {
        let Ok(entries) = std::fs::read_dir(self.top.join(relative)) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name())
            .filter(|name| name != OsStr::new(".git"))
            .collect()
    }
}
