//! Everything in an overlay that leads elsewhere: each can be named on a command
//! line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::Gathering;
use crate::judge::{Nature, Root};
use crate::kustomize::FILE_NAMES;
use crate::policy::CheckoutRule;

/// An overlay nests no deeper than this.
const MAX_DEPTH: usize = 64;

/// An overlay root as it was listed a moment ago.
#[derive(Debug)]
pub struct ListedRoot {
    /// The directory; no symbolic link is in its path.
    pub dir: PathBuf,
    /// Its children; `None` for what is neither file nor directory itself.
    pub children: Vec<(OsString, Option<Nature>)>,
    /// Children that are allowed overlays, or symbolic links in the place of one.
    pub allowed: Vec<OsString>,
}

impl ListedRoot {
    /// As the territory knows it, when no link has to be followed for that.
    fn root(&self, rule: &CheckoutRule) -> Option<Root> {
        let mut root = Root::default();
        for (name, nature) in &self.children {
            match nature {
                Some(Nature::Directory) if rule.allows(name) => root.allowed.push(name.clone()),
                Some(Nature::Directory) => root.others.push(name.clone()),
                Some(Nature::File) => {
                    root.files.insert(name.clone());
                }
                Some(Nature::Missing) | None => return None,
            }
        }
        Some(root)
    }
}

/// What was found in overlays.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Directories with a kustomization.
    pub(super) kustomizations: Vec<PathBuf>,
    /// Symbolic links.
    pub(super) links: Vec<PathBuf>,
}

/// Searches the allowed overlays of `roots`, which are `rule`'s.
pub(super) fn search(
    gathering: &mut Gathering<'_>,
    rule: &CheckoutRule,
    roots: &[ListedRoot],
) -> Found {
    let mut found = Found::default();
    for root in roots {
        let children = root.children.iter().map(|(name, nature)| (name.as_os_str(), *nature));
        gathering.resolver.known().learn(&root.dir, children);
        if let Some(known) = root.root(rule) {
            gathering.facts.territory.roots.insert(root.dir.clone(), known);
        }
        for name in &root.allowed {
            let overlay = root.dir.join(name);
            let is_link = root.children.contains(&(name.clone(), None));
            if is_link {
                found.links.push(overlay);
            } else {
                directory(gathering, &overlay, 0, &mut found);
            }
        }
    }
    found
}

fn directory(gathering: &mut Gathering<'_>, dir: &Path, depth: usize, found: &mut Found) {
    let subject = dir.to_string_lossy();
    if depth > MAX_DEPTH {
        let problem = format!("lies more than {MAX_DEPTH} directories deep in its overlay");
        return gathering.trouble(&subject, problem, "move it further up");
    }
    let entries = match gathering.resolver.known().list(dir) {
        Ok(entries) => entries,
        // Gone meanwhile: it needs nothing.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            let problem = format!("cannot be read: {error}");
            return gathering.trouble(&subject, problem, "correct its permissions: ls -ld");
        }
    };
    if entries.iter().any(|(name, _)| FILE_NAMES.iter().any(|known| name == known)) {
        found.kustomizations.push(dir.to_path_buf());
    }
    for (name, kind) in entries {
        if kind == FileType::Symlink {
            found.links.push(dir.join(name));
        } else if kind == FileType::Directory {
            directory(gathering, &dir.join(name), depth + 1, found);
        }
    }
}
