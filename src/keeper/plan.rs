//! Which overlays go, as a pure function of the rule and of what was seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::overlays::Overlays;
use crate::policy::{CheckoutRule, Standing};

/// What stands on the disk under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A directory of this file system.
    Directory,
    /// A directory on which another file system is mounted.
    MountPoint,
    /// A symbolic link.
    Link,
    /// A regular file.
    File,
    /// A pipe, socket or device.
    Special,
}

/// What is known of one child of an overlay root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Child {
    /// What is on the disk.
    pub disk: Option<Kind>,
    /// A directory in the index or in HEAD.
    pub tracked: bool,
    /// A directory in the upstream's commit.
    pub upstream: bool,
    /// It is a submodule itself.
    pub submodule: bool,
}

impl Child {
    fn is_directory_here(&self) -> bool {
        self.tracked || matches!(self.disk, Some(Kind::Directory | Kind::MountPoint))
    }
}

/// The overlay roots of a checkout with their children, from disk and git. Paths
/// are relative to the checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Children by root: there may be thousands of roots, asked for by name tens of
    /// thousands of times.
    roots: HashMap<PathBuf, BTreeMap<OsString, Child>>,
    /// Roots that are symbolic links: never followed.
    pub linked_roots: BTreeSet<PathBuf>,
    /// Directories that could not be listed, with the reason.
    pub unreadable: BTreeMap<PathBuf, String>,
}

impl Seen {
    /// The children of `root`, made a root if need be.
    pub fn root(&mut self, root: &Path) -> &mut BTreeMap<OsString, Child> {
        self.roots.entry(root.to_path_buf()).or_default()
    }

    /// The child of `root` called `name`, made if need be.
    pub fn child(&mut self, root: &Path, name: &std::ffi::OsStr) -> &mut Child {
        self.root(root).entry(name.to_os_string()).or_default()
    }

    /// The roots with their children, parents before what lies in them.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&Path, &BTreeMap<OsString, Child>)> {
        let mut roots: Vec<_> =
            self.roots.iter().map(|(root, children)| (root.as_path(), children)).collect();
        // By bytes: a parent is a prefix, and comparing components is slow.
        roots.sort_by_key(|(root, _)| root.as_os_str());
        roots
    }
}

/// Why something that is foreign, or may be, is left where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// The overlay is a mount point.
    MountPoint,
    /// The overlay is a submodule.
    Submodule,
    /// A symbolic link with the name of an overlay.
    Link,
    /// A file, pipe, socket or device with the name of an overlay.
    NotADirectory,
}

/// What is to be done in a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Foreign overlays that git must keep away.
    pub excluded: Overlays,
    /// Foreign overlays that are on the disk now.
    pub present: Overlays,
    /// What is left alone, and why.
    pub left: BTreeMap<PathBuf, Left>,
    /// Roots with children and without an allowed one.
    pub without_allowed: BTreeSet<PathBuf>,
    /// Whether any root has an allowed child.
    pub has_allowed: bool,
}

impl Plan {
    /// The foreign overlay that `path` is or lies in.
    #[must_use]
    pub fn overlay_of(&self, path: &Path) -> Option<&Path> {
        let found = [self.excluded.around(path), self.present.around(path)];
        // The inner one, where one lies in the other.
        found.into_iter().flatten().max_by_key(|overlay| overlay.as_os_str().len())
    }

    /// Whether an overlay that goes is called `name`: a quick "no" for nearly all.
    #[must_use]
    pub fn has_overlay_called(&self, name: &OsStr) -> bool {
        self.excluded.is_called(name) || self.present.is_called(name)
    }
}

/// Decides about every child of every overlay root.
#[must_use]
pub fn plan(rule: &CheckoutRule, seen: &Seen) -> Plan {
    let mut plan = Plan::default();
    // Parents come before what lies in them: what is in a foreign overlay goes
    // with it.
    for (root, children) in seen.sorted() {
        if seen.linked_roots.contains(root) || plan.overlay_of(root).is_some() {
            continue;
        }
        let allowed = |counts: &dyn Fn(&Child) -> bool| {
            children.iter().any(|(name, child)| counts(child) && rule.allows(name))
        };
        let allowed_here = allowed(&Child::is_directory_here);
        let allowed_soon = allowed_here || allowed(&|child| child.upstream);
        plan.has_allowed |= allowed_here;
        for (name, child) in children {
            // What stands here is judged by what stands beside it; what only the
            // upstream has, by how it will stand after a pull.
            let here = child.is_directory_here();
            let standing = rule.standing(name, if here { allowed_here } else { allowed_soon });
            judge_child(&mut plan, rule, root.join(name), child, standing);
        }
        let has_others = children.iter().any(|(name, child)| {
            child.is_directory_here() && rule.standing(name, true) == Standing::Foreign
        });
        if !allowed_here && has_others && rule.foreign.is_none() {
            plan.without_allowed.insert(root.to_path_buf());
        }
    }
    plan
}

fn judge_child(
    plan: &mut Plan,
    rule: &CheckoutRule,
    path: PathBuf,
    child: &Child,
    standing: Standing,
) {
    if standing != Standing::Foreign {
        return;
    }
    if child.submodule {
        if child.disk.is_some() {
            plan.left.insert(path, Left::Submodule);
        }
        return;
    }
    match child.disk {
        Some(Kind::Directory) => {
            plan.present.insert(path.clone());
        }
        Some(Kind::MountPoint) => {
            plan.left.insert(path.clone(), Left::MountPoint);
        }
        Some(Kind::Link) => {
            plan.left.insert(path.clone(), Left::Link);
        }
        // A README in a root is nobody's overlay, unless its name is listed.
        Some(Kind::File) if rule.foreign.is_some() || child.tracked => {
            plan.left.insert(path.clone(), Left::NotADirectory);
        }
        Some(Kind::Special) => {
            plan.left.insert(path.clone(), Left::NotADirectory);
        }
        Some(Kind::File) | None => {}
    }
    if child.tracked || child.upstream {
        plan.excluded.insert(path);
    }
}
