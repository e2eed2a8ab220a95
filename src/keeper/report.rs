//! What was done in one checkout, and what a person is told of what was found.

use std::path::{Path, PathBuf};

use super::found::Found;
use super::git::Layout;
use super::hitch::Hitch;
use super::locks::Busy;
use super::plan::Left;
use crate::text::{quoted, shown};

/// What was done in one checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The checkout.
    pub top: PathBuf,
    /// Overlays that were on the disk and are not any more, or would be taken off.
    pub gone: Vec<PathBuf>,
    /// Things put aside: the id for `restore`, and the overlay.
    pub put_aside: Vec<(String, PathBuf)>,
    /// What a dry run found to be the user's own: it would be put aside.
    pub own: Vec<PathBuf>,
    /// How many overlays git keeps away.
    pub excluded: usize,
    /// Foreign overlays that are still on the disk.
    pub present: Vec<PathBuf>,
    /// git is at work; later.
    pub waiting: Option<Hitch>,
    /// It is git's lock that is waited for: only a moment.
    pub locked: bool,
    /// What went wrong or was left alone.
    pub hitches: Vec<Hitch>,
    /// Nothing is done here since `tidy --undo`.
    pub suspended: bool,
    /// The directories in which a foreign overlay may appear.
    pub walked: Vec<PathBuf>,
    /// This working tree's git directory.
    pub git_dir: PathBuf,
}

impl Report {
    pub(super) fn new(top: &Path) -> Self {
        // Whatever is found: something new may appear in the top directory.
        Self { top: top.to_path_buf(), walked: vec![PathBuf::new()], ..Self::default() }
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_tidy(&self) -> bool {
        let is_settled = self.waiting.is_none() && self.hitches.is_empty();
        is_settled && (self.suspended || self.present.is_empty())
    }

    /// Says what was found, in place of what was found before.
    pub(super) fn describe(&mut self, found: &Found) {
        self.excluded = found.plan.excluded.len();
        self.present = found.plan.present.iter().map(Path::to_path_buf).collect();
        self.walked.clone_from(&found.walked);
        self.hitches.clear();
        let top = &self.top;
        for (path, left) in &found.plan.left {
            self.hitches.push(left_alone(top, path, *left));
        }
        for root in &found.seen.linked_roots {
            self.hitches.push(Hitch::new(
                format!("{} is a symbolic link: nothing is done behind it", shown(top.join(root))),
                "name the directory it leads to in `overlayRoots`, or replace the link",
            ));
        }
        for (dir, problem) in &found.seen.unreadable {
            let dir = top.join(dir);
            self.hitches.push(Hitch::new(
                format!("could not look into {}: {problem}", shown(&dir)),
                format!("correct its permissions: ls -ld {}", quoted(&dir)),
            ));
        }
        if !found.plan.has_allowed
            && let Some(root) = found.plan.without_allowed.first()
        {
            self.hitches.push(Hitch::new(
                format!(
                    "no overlay root of {} has an allowed overlay (such as {}): nothing is removed",
                    shown(top),
                    shown(top.join(root))
                ),
                "correct `allow` in the configuration, or list what goes under `foreign`",
            ));
        }
    }

    /// git is at work: says so, and which of its conflicts are foreign.
    pub(super) fn wait_for(&mut self, busy: Busy, layout: &Layout, found: &Found) {
        let mut hitch = busy.hitch(layout);
        if let Busy::UnderWay(work) = busy
            && let Some(overlay) = found.foreign_conflict(layout)
        {
            hitch.what.push_str(&format!("; it concerns the foreign overlay {}", shown(overlay)));
            hitch.remedy = work.remedy(layout, &layout.in_tree(overlay));
        }
        self.waiting = Some(hitch);
        self.locked = busy == Busy::Locked;
    }

    /// Puts everything in order, each once.
    pub(super) fn sort(&mut self) {
        self.gone.retain(|overlay| !self.present.contains(overlay));
        self.gone.sort();
        self.gone.dedup();
        self.hitches.sort();
        self.hitches.dedup();
    }
}

fn left_alone(top: &Path, path: &Path, left: Left) -> Hitch {
    let whole = top.join(path);
    let (what, remedy) = match left {
        Left::MountPoint => ("is a mount point", format!("umount {}", quoted(&whole))),
        Left::Submodule => (
            "is a submodule",
            format!("cd {} && git submodule deinit {}", quoted(top), quoted(path)),
        ),
        Left::Link => ("is a symbolic link", format!("rm {}", quoted(&whole))),
        Left::NotADirectory => {
            ("is not a directory", format!("look at it: ls -l {}", quoted(&whole)))
        }
    };
    Hitch::new(format!("{} {what}: left alone", shown(&whole)), remedy)
}
