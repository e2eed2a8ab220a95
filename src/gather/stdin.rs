//! What can be known of standard input before kubectl reads it.

use std::path::{Path, PathBuf};

use crate::judge::{Stdin, Territory};
use crate::policy::{CheckoutRule, Policy, Standing};

/// Directories below a checkout that are searched for overlay roots; more than
/// this is a tree nobody keeps by hand.
const MAX_DIRECTORIES: usize = 200_000;

/// Foreign overlays on the disk. Their documents could be what is piped in.
pub(super) fn facts(policy: &Policy, territory: &mut Territory) -> Stdin {
    let mut stdin = Stdin::default();
    for checkout in territory.checkouts.clone() {
        let rule = &policy.checkouts[checkout.rule];
        let mut search =
            Search { rule, top: &checkout.top, found: Vec::new(), left: MAX_DIRECTORIES };
        search.descend(Path::new(""));
        if search.left == 0 {
            stdin.incomparable =
                Some(format!("{} is too large to be searched", checkout.top.display()));
        }
        stdin.foreign_on_disk.extend(search.found);
    }
    stdin
}

struct Search<'r> {
    rule: &'r CheckoutRule,
    top: &'r Path,
    found: Vec<PathBuf>,
    left: usize,
}

impl Search<'_> {
    fn descend(&mut self, relative: &Path) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let Ok(entries) = std::fs::read_dir(self.top.join(relative)) else { return };
        let dirs: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name())
            .filter(|name| name != ".git")
            .collect();
        let is_root = self.rule.is_root(relative);
        let has_allowed = is_root && dirs.iter().any(|name| self.rule.allows(name));
        for name in dirs {
            let path = relative.join(&name);
            if is_root && self.rule.standing(&name, has_allowed) == Standing::Foreign {
                self.found.push(self.top.join(path));
            } else {
                self.descend(&path);
            }
        }
    }
}
