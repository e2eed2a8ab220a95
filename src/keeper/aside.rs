//! The last step: what git has left of the foreign overlays goes into quarantine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::disk;
use super::git::{self, Git, Layout};
use super::hitch::{Hitch, Result};
use super::plan::Plan;
use super::quarantine::{self, Item, Occasion};
use crate::text::{quoted, shown};

/// The index entries whose file is about to go, because it is in a piece that can
/// be moved: git must not miss them.
pub(super) fn what_goes(
    git: &Git,
    layout: &Layout,
    top: &Path,
    plan: &Plan,
) -> Result<Vec<Vec<u8>>> {
    let mut fixed = BTreeSet::new();
    let mounts = disk::mounts(top);
    for overlay in plan.present.iter() {
        // What cannot be looked into is reported when it is to be moved.
        if let Ok(pieces) = disk::pieces(top, overlay, &mounts) {
            fixed.extend(pieces.fixed.iter().map(|piece| overlay.join(piece)));
        }
    }
    let entries = git::entries(git)?;
    let goes = entries.iter().filter(|entry| {
        let path = layout.in_checkout(entry.path);
        !entry.skipped
            && !entry.submodule
            && path.is_some_and(|path| {
                plan.overlay_of(path).is_some() && !path.ancestors().any(|dir| fixed.contains(dir))
            })
    });
    Ok(goes.map(|entry| entry.path.to_vec()).collect())
}

/// Whether git has brought something since it was told to take it off: that is
/// for git to take off again, not to be put aside. (A skipped file that is on the
/// disk counts as not skipped for git.)
pub(super) fn brought_since(git: &Git, layout: &Layout, top: &Path, plan: &Plan) -> Result<bool> {
    let changed = git.run(&["diff-files", "--name-only", "-z"])?;
    let changed: BTreeSet<&[u8]> = git::records(&changed).collect();
    let there = what_goes(git, layout, top, plan)?;
    Ok(there.iter().any(|path| !changed.contains(&path[..])))
}

/// Where things are put aside from, and what was put aside in this run.
pub(super) struct Aside<'a> {
    pub(super) layout: &'a Layout,
    pub(super) git: &'a Git,
    pub(super) occasion: &'a Occasion,
    pub(super) top: &'a Path,
    /// The last item of each overlay.
    pub(super) items: &'a mut BTreeMap<PathBuf, Item>,
    pub(super) failures: &'a mut Vec<Hitch>,
}

impl Aside<'_> {
    /// Puts what is left of `overlay` aside; says whether anything moved.
    pub(super) fn overlay(&mut self, overlay: &Path) -> Result<bool> {
        let pieces = disk::pieces(self.top, overlay, &disk::mounts(self.top))?;
        for piece in &pieces.fixed {
            let whole = disk::piece(&self.top.join(overlay), piece);
            self.failures.push(Hitch::new(
                format!("{} is a repository or mount point of its own: left alone", shown(&whole)),
                format!("move it out of the overlay, or: git submodule deinit {}", quoted(&whole)),
            ));
        }
        if pieces.movable.is_empty() {
            return Ok(false);
        }
        self.pieces(overlay, &pieces.movable)?;
        Ok(true)
    }

    /// Puts these pieces of `overlay` aside.
    pub(super) fn pieces(&mut self, overlay: &Path, pieces: &[PathBuf]) -> Result<()> {
        // What is staged of it waits there already, unless that item has its tree.
        let item = match self.items.remove(overlay).filter(|item| item.tree().is_none()) {
            Some(item) => item,
            None => quarantine::open(self.layout, self.git, self.occasion, overlay, &[])?,
        };
        for piece in pieces {
            if let Err(hitch) = item.take(self.top, overlay, piece) {
                if item.record.staged.is_empty() {
                    // Empty, it would only be noise in the list.
                    item.close()?;
                }
                return Err(hitch);
            }
        }
        self.items.insert(overlay.to_path_buf(), item);
        Ok(())
    }
}
