//! What is in a checkout, on the disk and in git, and what follows from it.

use std::path::{Path, PathBuf};

use super::disk;
use super::git::sparse;
use super::git::{self, Git, Layout, Listing};
use super::hitch::{Hitch, Result};
use super::overlays::Overlays;
use super::plan::{self, Left, Plan, Seen};
use crate::policy::CheckoutRule;
use crate::text::{quoted, shown};

/// What was found in a checkout.
pub(super) struct Found {
    pub(super) seen: Seen,
    pub(super) listing: Listing,
    /// How git's sparse checkout stands.
    pub(super) state: sparse::State,
    pub(super) plan: Plan,
    pub(super) walked: Vec<PathBuf>,
}

/// How a look is taken.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace<'l> {
    /// A person waits: disk and git at the same time. The watcher rather stays
    /// small, and each thread would take memory of its own.
    pub(super) hurried: bool,
    /// What git knew a moment ago: trees that are the same are not read again.
    pub(super) before: Option<&'l Listing>,
}

/// Looks at disk and git.
pub(super) fn look(
    layout: &Layout,
    top: &Path,
    rule: &CheckoutRule,
    pace: Pace<'_>,
) -> Result<Found> {
    let git = Git::new(&layout.top);
    let mut seen = Seen::default();
    let mut disk = || disk::scan(top, rule, &mut seen);
    let commits = || git::commits(layout, rule, pace.before);
    let index = || git::index(&git);
    let state = || sparse::state(&git, layout);
    let (walked, commits, index, state) = if pace.hurried {
        std::thread::scope(|scope| {
            let (index, state) = (scope.spawn(index), scope.spawn(state));
            let commits = scope.spawn(commits);
            (disk(), joined(commits), joined(index), joined(state))
        })
    } else {
        (disk(), commits(), index(), state())
    };
    let (walked, state) = (walked?, state?);
    let listing = Listing { entries: index?, ..commits? };
    listing.show(layout, rule, &mut seen);
    let plan = plan::plan(rule, &seen);
    Ok(Found { seen, listing, state, plan, walked })
}

/// What a thread has found; its panic is ours.
pub(super) fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Found {
    /// Whether git expects a file of a foreign overlay on the disk.
    pub(super) fn expects_foreign(&self, layout: &Layout) -> bool {
        let mut last: &[u8] = b"\0";
        self.listing.entries.iter().filter(|entry| !entry.skipped && !entry.submodule).any(
            |entry| {
                // The index is sorted: neighbours share their directory.
                let dir = git::parent(entry.path);
                let is_new = dir != last;
                last = dir;
                is_new
                    && layout
                        .in_checkout(dir)
                        .is_some_and(|dir| self.plan.overlay_of(dir).is_some())
            },
        )
    }

    /// The index entries that git expects in an overlay in whose place there is no
    /// directory.
    pub(super) fn missing_behind_others(&self, layout: &Layout) -> Vec<Vec<u8>> {
        let is_missing = |path: &[u8]| {
            let overlay = layout.in_checkout(path).and_then(|path| self.plan.overlay_of(path));
            let left = overlay.and_then(|overlay| self.plan.left.get(overlay));
            matches!(left, Some(Left::Link | Left::NotADirectory))
        };
        if self.plan.left.is_empty() {
            return Vec::new();
        }
        let entries = self.listing.entries.iter().filter(|entry| !entry.skipped);
        let entries = entries.filter(|entry| !entry.submodule && is_missing(entry.path));
        entries.map(|entry| entry.path.to_vec()).collect()
    }

    /// Why nothing can go where git does not tell upper from lower case: what stays is
    /// called like an overlay that goes.
    pub(super) fn same_but_for_case(&self, layout: &Layout, top: &Path) -> Option<Hitch> {
        if !self.state.ignores_case {
            return None;
        }
        let lower = |path: &Path| PathBuf::from(path.as_os_str().to_ascii_lowercase());
        let excluded: Overlays = self.plan.excluded.iter().map(lower).collect();
        self.listing.entries.iter().find_map(|entry| {
            let path = layout.in_checkout(entry.path)?;
            if self.plan.overlay_of(path).is_some() {
                return None;
            }
            let lowered = lower(path);
            let overlay = excluded.around(&lowered)?;
            let overlay = self.plan.excluded.iter().find(|path| lower(path) == overlay)?;
            Some(Hitch::new(
                format!(
                    "git would take {} off with {}, which differs in upper and lower case only: nothing is done",
                    shown(top.join(path)),
                    shown(overlay)
                ),
                format!("cd {} && git config core.ignoreCase false", quoted(&layout.top)),
            ))
        })
    }

    /// Whether a file of git's is on the disk in a foreign overlay, skipped or not.
    fn holds_tracked(&self, layout: &Layout, top: &Path) -> bool {
        !self.plan.present.is_empty()
            && self.listing.entries.iter().filter(|entry| !entry.submodule).any(|entry| {
                layout.in_checkout(entry.path).is_some_and(|path| {
                    self.plan.present.around(path).is_some()
                        && top.join(path).symlink_metadata().is_ok()
                })
            })
    }

    /// A foreign overlay with files of git's that are not kept away: while a merge
    /// is under way, one with a conflict.
    pub(super) fn foreign_conflict(&self, layout: &Layout) -> Option<&Path> {
        let overlay = self.plan.present.iter().find(|overlay| {
            self.listing.entries.iter().any(|entry| {
                !entry.skipped
                    && layout.in_checkout(entry.path).is_some_and(|path| path.starts_with(overlay))
            })
        })?;
        Some(overlay)
    }
}

/// What has to be done besides looking.
pub(super) struct Work {
    /// The lines git must be taught.
    pub(super) lines: Option<sparse::Wanted>,
    /// git expects files of a foreign overlay on the disk.
    visible: bool,
    /// git has files on the disk that it can take off itself.
    pub(super) for_git: bool,
    /// A foreign overlay is on the disk.
    pub(super) present: bool,
}

impl Work {
    /// What `found` leaves to do.
    pub(super) fn of(layout: &Layout, top: &Path, found: &Found) -> Result<Self> {
        let lines = sparse::wanted(&found.state, layout, &found.plan.excluded)?;
        let visible = found.expects_foreign(layout);
        let for_git = visible || found.holds_tracked(layout, top);
        Ok(Self { lines, visible, for_git, present: !found.plan.present.is_empty() })
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.lines.is_none() && !self.visible && !self.present
    }
}
