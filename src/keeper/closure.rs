//! Before anything goes: do the allowed overlays need it?

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::found::joined;
use super::hitch::Hitch;
use super::plan::{Kind, Plan, Seen};
use crate::gather::{self, ListedRoot};
use crate::judge::{Nature, Overlay, Place, Role, Territory, Whereabouts, place};
use crate::policy::{CheckoutRule, Policy, Standing};
use crate::text::{quoted, shown};

/// Fewer overlay roots than this for each thread are not worth one.
const SHARE: usize = 50;

/// Overlay roots that are looked through together.
const BATCH: usize = 32;

/// Why it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Foreign overlays are about to go.
    Removal,
    /// They were left out of a clone.
    Clone,
}

/// What is asked before anything goes.
pub(super) struct Question<'q> {
    pub(super) policy: &'q Policy,
    pub(super) territory: &'q Territory,
    /// The checkout.
    pub(super) top: &'q Path,
    pub(super) rule: &'q CheckoutRule,
    pub(super) seen: &'q Seen,
    pub(super) plan: &'q Plan,
    pub(super) purpose: Purpose,
    /// Somebody waits for the answer.
    pub(super) hurried: bool,
}

impl Question<'_> {
    /// Reasons why the overlays of the plan cannot go; empty when they can.
    pub(super) fn objections(&self) -> Vec<Hitch> {
        let roots = self.roots();
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = roots.len().div_ceil(threads).max(SHARE);
        let mut hitches: Vec<Hitch> = if !self.hurried || roots.len() <= share {
            self.each(&roots)
        } else {
            std::thread::scope(|scope| {
                let shares: Vec<_> =
                    roots.chunks(share).map(|roots| scope.spawn(|| self.each(roots))).collect();
                shares.into_iter().flat_map(joined).collect()
            })
        };
        hitches.sort();
        hitches.dedup();
        hitches
    }

    /// The overlay roots with allowed overlays on the disk, as they were seen a moment
    /// ago: they are not listed again.
    fn roots(&self) -> Vec<ListedRoot> {
        let mut roots = Vec::new();
        for (root, children) in self.seen.sorted() {
            if self.plan.overlay_of(root).is_some() {
                continue;
            }
            let here = || children.iter().filter_map(|(name, child)| Some((name, child.disk?)));
            let is_allowed = |name: &OsStr, kind: Kind| {
                matches!(kind, Kind::Directory | Kind::MountPoint | Kind::Link)
                    && self.rule.standing(name, true) == Standing::Allowed
                    && self.plan.overlay_of(&root.join(name)).is_none()
            };
            let allowed: Vec<OsString> = here()
                .filter(|(name, kind)| is_allowed(name, *kind))
                .map(|(name, _)| name.clone())
                .collect();
            if !allowed.is_empty() {
                let children = here().map(|(name, kind)| (name.clone(), nature(kind))).collect();
                roots.push(ListedRoot { dir: self.top.join(root), children, allowed });
            }
        }
        roots
    }

    /// A few roots at a time: what is found of one matters little for the next, and a
    /// watcher must not grow with the checkout.
    fn each(&self, roots: &[ListedRoot]) -> Vec<Hitch> {
        roots.chunks(BATCH).flat_map(|roots| self.of(roots)).collect()
    }

    /// What stands against it in the overlays of `roots`.
    fn of(&self, roots: &[ListedRoot]) -> Vec<Hitch> {
        let facts =
            gather::overlay_references(self.policy, self.territory.clone(), self.rule, roots);
        let mut hitches: Vec<Hitch> = facts
            .troubles
            .iter()
            .map(|trouble| {
                Hitch::new(
                    format!(
                        "{}: {} {}, so what it needs cannot be known",
                        self.outcome(),
                        shown(&trouble.subject),
                        trouble.problem
                    ),
                    trouble.remedy.clone(),
                )
            })
            .collect();
        for reached in &facts.reached {
            let (Role::Reference { file, field }, Whereabouts::Local(local)) =
                (&reached.role, &reached.whereabouts)
            else {
                continue;
            };
            // What lies in no overlay that goes needs no closer look.
            let paths = local.readings.iter().chain(&local.links);
            for path in paths.filter(|path| self.goes(path)) {
                match place(path, self.policy, &facts.territory) {
                    Place::Foreign(overlay) if self.goes(&overlay.path) => {
                        hitches.push(self.needed(file, field, &overlay));
                    }
                    _ => {}
                }
            }
        }
        hitches
    }

    fn outcome(&self) -> String {
        let top = shown(self.top);
        match self.purpose {
            Purpose::Removal => format!("nothing was removed from {top}"),
            Purpose::Clone => format!("{top} was cloned without foreign overlays"),
        }
    }

    fn needed(&self, file: &Path, field: &str, overlay: &Overlay) -> Hitch {
        let again = match self.purpose {
            Purpose::Removal => "",
            Purpose::Clone => " and run: kubectl envguard tidy",
        };
        Hitch::new(
            format!(
                "{}: {} ({field}) needs the foreign overlay {}",
                self.outcome(),
                shown(file),
                shown(overlay.path.strip_prefix(self.top).unwrap_or(&overlay.path))
            ),
            format!(
                "add {} to `shared` of this checkout in the configuration{again}, or correct {}",
                shown(&*overlay.name.to_string_lossy()),
                quoted(file)
            ),
        )
    }

    fn goes(&self, path: &Path) -> bool {
        let mut names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
        names.any(|name| self.plan.has_overlay_called(OsStr::from_bytes(name)))
            && path.strip_prefix(self.top).is_ok_and(|path| self.plan.overlay_of(path).is_some())
    }
}

fn nature(kind: Kind) -> Option<Nature> {
    match kind {
        Kind::Directory | Kind::MountPoint => Some(Nature::Directory),
        Kind::File => Some(Nature::File),
        Kind::Link | Kind::Special => None,
    }
}
