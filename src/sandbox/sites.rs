//! The closed places, under all their names, and what follows for other paths.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::mounts::{Mount, View, views};
use crate::judge::Facts;
use crate::path::is_within;
use crate::policy::{CheckoutRule, Policy, Standing};

/// The directory inside a git directory that holds what the keeper put aside.
const QUARANTINE: &str = "envguard";

/// What is granted of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It is granted with everything below it.
    Whole,
    /// Something below it is closed: its entries are looked at one by one.
    Split,
    /// It is not granted.
    Closed,
}

/// A closed place under one of its names.
#[derive(Debug)]
struct Site<'p> {
    view: View,
    /// Top and rule of the checkout; `None` for a quarantine.
    checkout: Option<(PathBuf, &'p CheckoutRule)>,
}

/// Checkouts and quarantines.
#[derive(Debug)]
pub struct Sites<'p> {
    sites: Vec<Site<'p>>,
    git_dirs: BTreeSet<PathBuf>,
    /// Directories with a closed place somewhere below.
    splits: BTreeSet<PathBuf>,
}

impl<'p> Sites<'p> {
    /// The ones that `facts` know of, wherever `mounts` show them.
    pub(super) fn new(policy: &'p Policy, facts: &[Facts], mounts: &[Mount]) -> Self {
        let mut sites = Vec::new();
        for checkout in facts.iter().take(1).flat_map(|facts| &facts.territory.checkouts) {
            let rule = &policy.checkouts[checkout.rule];
            for view in views(&checkout.top, mounts) {
                sites.push(Site { view, checkout: Some((checkout.top.clone(), rule)) });
            }
        }
        let git_dirs = facts.iter().flat_map(|facts| &facts.territory.git_dirs);
        let git_dirs: BTreeSet<PathBuf> = git_dirs.cloned().collect();
        for git_dir in &git_dirs {
            for view in views(&git_dir.join(QUARANTINE), mounts) {
                sites.push(Site { view, checkout: None });
            }
        }
        let above = sites.iter().flat_map(|site| site.view.at.ancestors().skip(1));
        let splits = above.map(Path::to_path_buf).collect();
        Self { sites, git_dirs, splits }
    }

    /// The git directories whose quarantines are closed.
    pub(super) const fn git_dirs(&self) -> &BTreeSet<PathBuf> {
        &self.git_dirs
    }

    /// Directories outside closed places that contain one.
    pub(super) fn splits_beside(&self) -> impl Iterator<Item = &Path> {
        self.splits.iter().map(PathBuf::as_path).filter(|dir| !self.is_inside(dir))
    }

    /// Everything that must not be granted as a whole, whatever it is called.
    pub(super) fn never_whole(&self) -> impl Iterator<Item = &Path> {
        let places = self.sites.iter().map(|site| site.view.at.as_path());
        self.splits.iter().map(PathBuf::as_path).chain(places)
    }

    /// The entries of `dir`, one of [`Self::splits_beside`], that cannot be granted
    /// as a whole.
    pub(super) fn closed_entries(&self, dir: &Path) -> Vec<&OsStr> {
        first_names(self.never_whole(), dir)
    }

    /// What is granted of a path below `top`, when everything below it may be read
    /// except overlay roots (of which the allowed and shared children) and
    /// quarantines.
    pub(super) fn below(&self, path: &Path, top: &Path) -> Stance {
        if self.is_barred(path, top) {
            Stance::Closed
        } else if self.is_divided(path) {
            Stance::Split
        } else {
            Stance::Whole
        }
    }

    /// What is granted of a home directory in a checkout: what begins with a dot.
    pub(super) fn dots(&self, path: &Path, home: &Path) -> Stance {
        let first = path.strip_prefix(home).ok().and_then(|below| below.components().next());
        match first {
            Some(Component::Normal(name))
                if name.as_bytes().starts_with(b".") && name != ".git" =>
            {
                self.below(path, Path::new(""))
            }
            _ => Stance::Closed,
        }
    }

    /// Whether `path` lies in a closed place.
    pub(super) fn is_inside(&self, path: &Path) -> bool {
        self.sites.iter().any(|site| is_within(path, &site.view.at))
    }

    /// Whether a closed place lies below `path`.
    pub(super) fn is_split(&self, path: &Path) -> bool {
        self.splits.contains(path)
    }

    /// Whether something below `path` is, or may become, closed.
    pub(super) fn is_divided(&self, path: &Path) -> bool {
        let may_hold_root = |(rule, relative): (&CheckoutRule, PathBuf)| {
            rule.is_root(&relative) || rule.leads_below(&relative)
        };
        self.is_split(path)
            || (!self.is_in_git_dir(path) && self.standings(path).any(may_hold_root))
    }

    /// Whether `path` is, under any of its names, in a quarantine or in a child
    /// of an overlay root that is neither allowed nor shared. Roots above `top`
    /// do not count.
    pub(super) fn is_barred(&self, path: &Path, top: &Path) -> bool {
        let quarantines = self.sites.iter().filter(|site| site.checkout.is_none());
        if quarantines.into_iter().any(|site| is_within(path, &site.view.at)) {
            return true;
        }
        let judged = top.components().count();
        !self.is_in_git_dir(path)
            && self.standings(path).any(|(rule, relative)| {
                // The last components of both are the same ones.
                let skipped = match judged {
                    0 => 0,
                    _ => (judged + relative.components().count())
                        .saturating_sub(path.components().count()),
                };
                bars(rule, &relative, skipped)
            })
    }

    /// Whether another name of `path` is barred: what it is called here was
    /// judged, what else it is called was not.
    pub(super) fn is_barred_elsewhere(&self, path: &Path) -> bool {
        self.sites.iter().any(|site| {
            let Ok(below) = path.strip_prefix(&site.view.at) else { return false };
            let Some((top, rule)) = &site.checkout else { return true };
            let name = site.view.of.join(below);
            name != path && name.strip_prefix(top).is_ok_and(|relative| bars(rule, relative, 0))
        })
    }

    /// Overlays in a git directory are none. But a worktree may lie inside a bare
    /// repository's directory: there the working tree counts.
    fn is_in_git_dir(&self, path: &Path) -> bool {
        let tops: Vec<&Path> = self
            .sites
            .iter()
            .filter(|site| site.checkout.is_some() && is_within(path, &site.view.at))
            .map(|site| site.view.at.as_path())
            .collect();
        self.git_dirs.iter().any(|dir| {
            is_within(path, dir) && !tops.iter().any(|top| *top != dir && is_within(top, dir))
        })
    }

    /// The rules that apply to `path`, with its name relative to each checkout.
    fn standings(&self, path: &Path) -> impl Iterator<Item = (&'p CheckoutRule, PathBuf)> {
        self.sites.iter().filter_map(move |site| {
            let (top, rule) = site.checkout.as_ref()?;
            let below = path.strip_prefix(&site.view.at).ok()?;
            let name = site.view.of.join(below);
            Some((*rule, name.strip_prefix(top).ok()?.to_path_buf()))
        })
    }
}

/// Whether an overlay root on the way to `relative`, at least `skipped`
/// components deep, has a child there that is neither allowed nor shared.
fn bars(rule: &CheckoutRule, relative: &Path, skipped: usize) -> bool {
    let mut walked = PathBuf::new();
    for (depth, part) in relative.components().enumerate() {
        let Component::Normal(name) = part else { continue };
        if depth >= skipped && rule.is_root(&walked) {
            let standing = rule.standing(name, true);
            if !matches!(standing, Standing::Allowed | Standing::Shared) {
                return true;
            }
        }
        walked.push(name);
    }
    false
}

/// The entries of `dir` that lead to `paths`, each once. There are few of them: to
/// compare them all is faster than a hash.
pub(super) fn first_names<'p>(paths: impl Iterator<Item = &'p Path>, dir: &Path) -> Vec<&'p OsStr> {
    let mut names: Vec<&OsStr> =
        paths.filter_map(|path| path.strip_prefix(dir).ok()?.iter().next()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
