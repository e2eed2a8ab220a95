//! Foreign overlays on their way out. They go by rename to a place in which nobody
//! works; then git is told, and finds nothing to remove; then only what git has is
//! removed. What somebody writes meanwhile is in what has left, and is looked at, or
//! at its old place again, and is found by the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::bytes;
use super::disk;
use super::files;
use super::git::{self, Git, Layout};
use super::hitch::{Hitch, Result};
use super::overlays::Overlays;
use super::quarantine::{self, Item, LEAVING};
use super::sweep::{self, Sweep};
use super::transfer::{Spot, rename_new};

const JOURNAL: &str = "journal.json";
/// Where a file is while it is looked at.
const SEEN: &str = "seen";

/// What is on its way out.
#[derive(Debug)]
pub(super) struct Leaving {
    dir: PathBuf,
    top: PathBuf,
    pieces: Vec<Piece>,
}

/// A piece of an overlay, called by its number in our place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) overlay: PathBuf,
    /// Relative to the overlay; empty for all of it.
    pub(super) piece: PathBuf,
}

impl Piece {
    /// Relative to the checkout.
    fn source(&self) -> PathBuf {
        disk::piece(&self.overlay, &self.piece)
    }
}

/// Written before anything leaves: what has which number.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    checkout: String,
    pieces: Vec<(String, String)>,
}

fn place(layout: &Layout) -> PathBuf {
    quarantine::directory(layout).join(LEAVING)
}

impl Leaving {
    /// Prepares the way out of `overlays`.
    pub(super) fn prepare(layout: &Layout, top: &Path, overlays: &Overlays) -> Result<Self> {
        let mounts = disk::mounts(top);
        let mut pieces = Vec::new();
        for overlay in overlays.iter() {
            // What cannot be looked into is reported when it is to be put aside.
            let found = disk::pieces(top, overlay, &mounts).unwrap_or_default();
            let piece = |piece| Piece { overlay: overlay.to_path_buf(), piece };
            pieces.extend(found.movable.into_iter().map(piece));
        }
        let leaving = Self { dir: place(layout), top: top.to_path_buf(), pieces };
        leaving.note()?;
        Ok(leaving)
    }

    fn note(&self) -> Result<()> {
        let text = |piece: &Piece| {
            (bytes::path_to_text(&piece.overlay), bytes::path_to_text(&piece.piece))
        };
        let journal = Journal {
            checkout: bytes::path_to_text(&self.top),
            pieces: self.pieces.iter().map(text).collect(),
        };
        files::make_dir(&self.dir.join(SEEN))?;
        // Plain strings always become JSON.
        let text = serde_json::to_vec(&journal).unwrap_or_default();
        files::replace(&self.dir.join(JOURNAL), &text)
    }

    /// Takes them away. False when that cannot be done by rename; what cannot be moved
    /// at all stays.
    pub(super) fn depart(&self) -> Result<bool> {
        let top = disk::open_top(&self.top)?;
        let here = disk::open_top(&self.dir)?;
        for (number, piece) in self.pieces.iter().enumerate() {
            let source = piece.source();
            let (Some(parent), Some(name)) = (source.parent(), source.file_name()) else {
                continue;
            };
            let Ok(parent) = disk::open_below(top.as_fd(), parent) else { continue };
            let number = number.to_string();
            let to = Spot { dir: here.as_fd(), name: OsStr::new(&number) };
            match rename_new(Spot { dir: parent.as_fd(), name }, to) {
                Err(Errno::XDEV) => return Ok(false),
                // It is reported when it is to be put aside.
                Ok(()) | Err(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::BUSY) => {}
                Err(error) => {
                    let whole = self.top.join(source);
                    return Err(Hitch::moving("move", &whole, &error.into()));
                }
            }
        }
        files::sync_dir(&self.dir).map_err(|error| Hitch::io("sync", &self.dir, &error))?;
        Ok(true)
    }

    /// The numbers of what is here.
    fn here(&self) -> Vec<usize> {
        let is_here = |number: &usize| self.dir.join(number.to_string()).symlink_metadata().is_ok();
        (0..self.pieces.len()).filter(is_here).collect()
    }

    /// Puts everything back where nothing has taken its place.
    pub(super) fn put_back(&self) -> Result<()> {
        let top = disk::open_top(&self.top)?;
        let here = disk::open_top(&self.dir)?;
        for number in self.here() {
            let source = self.pieces[number].source();
            let (Some(parent), Some(name)) = (source.parent(), source.file_name()) else {
                continue;
            };
            disk::make_below(top.as_fd(), &self.top, parent)?;
            let failed = |error| Hitch::moving("move back", &self.top.join(&source), &error);
            let parent = disk::open_below(top.as_fd(), parent).map_err(failed)?;
            let number = number.to_string();
            let from = Spot { dir: here.as_fd(), name: OsStr::new(&number) };
            match rename_new(from, Spot { dir: parent.as_fd(), name }) {
                Ok(()) | Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        Ok(())
    }

    /// Removes what git can give back; `listed` is the index.
    pub(super) fn sweep(
        &self,
        git: &Git,
        layout: &Layout,
        listed: &[u8],
        converts: bool,
        hurried: bool,
    ) -> Result<()> {
        let overlays: Overlays = self.pieces.iter().map(|piece| piece.overlay.clone()).collect();
        let sweep = Sweep::new(git, layout, &overlays, listed, converts, &self.dir.join(SEEN))?;
        let here = disk::open_top(&self.dir)?;
        let one = |number: &usize| {
            let name = number.to_string();
            let spot = Spot { dir: here.as_fd(), name: OsStr::new(&name) };
            // What cannot be looked at is kept as it is.
            sweep.piece(spot, *number, &layout.in_tree(&self.pieces[*number].source())).is_ok()
        };
        let numbers = self.here();
        let (first, second) = numbers.split_at(if hurried { numbers.len() / 2 } else { 0 });
        std::thread::scope(|scope| {
            if !first.is_empty() {
                scope.spawn(move || first.iter().filter(|number| one(number)).count());
            }
            second.iter().filter(|number| one(number)).count()
        });
        Ok(())
    }

    /// Puts what is left here into quarantine; `open` opens an item for an overlay.
    pub(super) fn keep(
        &self,
        items: &mut BTreeMap<PathBuf, Item>,
        open: impl Fn(&Path) -> Result<Item>,
    ) -> Result<()> {
        let here = disk::open_top(&self.dir)?;
        let mut opened = BTreeSet::new();
        for number in self.here() {
            let Piece { overlay, piece } = &self.pieces[number];
            // What is staged of it waits there already, unless that item has its tree.
            let known = items
                .remove(overlay)
                .filter(|item| opened.contains(overlay) || item.tree().is_none());
            let item = match known {
                Some(item) => item,
                None => open(overlay)?,
            };
            opened.insert(overlay.clone());
            let number = number.to_string();
            let spot = Spot { dir: here.as_fd(), name: OsStr::new(&number) };
            item.receive(spot, piece)
                .map_err(|error| Hitch::io("put aside", &self.dir.join(&number), &error))?;
            items.insert(overlay.clone(), item);
        }
        Ok(())
    }

    /// Nothing is here any more.
    pub(super) fn finish(&self) -> Result<()> {
        let failed = |error: io::Error| Hitch::io("remove", &self.dir, &error);
        // The journal last: as long as anything is here, it says what that is.
        match fs::remove_dir(self.dir.join(SEEN)) {
            // Removed already, and then something else went wrong.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(failed)?,
        }
        fs::remove_file(self.dir.join(JOURNAL)).map_err(failed)?;
        fs::remove_dir(&self.dir).map_err(failed)
    }
}

/// Brings back what a keeper that died had on its way; what cannot go back is kept.
pub(super) fn recover(
    git: &Git,
    layout: &Layout,
    open: impl Fn(&Path, &Path) -> Result<Item>,
) -> Result<()> {
    let dir = place(layout);
    let file = dir.join(JOURNAL);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return nothing_left(&dir);
        }
        Err(error) => return Err(Hitch::io("read", &file, &error)),
    };
    let journal: Journal = serde_json::from_slice(&text).map_err(|error| {
        Hitch::new(
            format!("{} cannot be understood: {error}", file.display()),
            format!("look at what is beside it: ls -lR {}", dir.display()),
        )
    })?;
    let piece = |(overlay, piece): &(String, String)| Piece {
        overlay: bytes::path_from_text(overlay),
        piece: bytes::path_from_text(piece),
    };
    let leaving = Leaving {
        top: bytes::path_from_text(&journal.checkout),
        pieces: journal.pieces.iter().map(piece).collect(),
        dir,
    };
    leaving.unsee(git, layout)?;
    // A checkout that is gone gets nothing back.
    if leaving.top.is_dir() {
        leaving.put_back()?;
    }
    let mut items = BTreeMap::new();
    leaving.keep(&mut items, |overlay| open(&leaving.top, overlay))?;
    leaving.finish()
}

/// Removes the place in which nothing was noted, so that nothing has left.
fn nothing_left(dir: &Path) -> Result<()> {
    if dir.symlink_metadata().is_err() {
        return Ok(());
    }
    let failed = |error: io::Error| Hitch::io("remove", dir, &error);
    for entry in fs::read_dir(dir).map_err(failed)?.flatten() {
        // The note that was being written.
        if entry.file_name().as_encoded_bytes().starts_with(b".envguard-") {
            fs::remove_file(entry.path()).map_err(failed)?;
        } else if entry.file_name() == SEEN {
            fs::remove_dir(entry.path()).map_err(failed)?;
        }
    }
    fs::remove_dir(dir).map_err(failed)
}

impl Leaving {
    /// Returns the files that were being looked at, or could not be put back after
    /// that, to where they were.
    pub(super) fn unsee(&self, git: &Git, layout: &Layout) -> Result<()> {
        let seen = self.dir.join(SEEN);
        let names: BTreeSet<OsString> = fs::read_dir(&seen)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let entries = git::index(git)?;
        for name in names {
            let number = name.to_string_lossy().split('-').next().unwrap_or("0").to_owned();
            let piece = number.parse().ok().and_then(|number: usize| self.pieces.get(number));
            let source = piece.map(|piece| layout.in_tree(&piece.source())).unwrap_or_default();
            let place = entries.iter().find_map(|entry| {
                let relative = bytes::path(entry.path).strip_prefix(&source).ok()?;
                let is_this = *name == *sweep::seen_name(number.parse().ok()?, entry.path);
                is_this.then(|| disk::piece(Path::new(&number), relative))
            });
            // If git does not know it any more it comes beside the others.
            let to = self.dir.join(place.unwrap_or_else(|| Path::new(&number).join(&name)));
            if let Some(parent) = to.parent() {
                files::make_dir(parent)?;
            }
            super::transfer::rename_new_path(&seen.join(&name), &to)
                .map_err(|error| Hitch::io("move back", &to, &error))?;
        }
        Ok(())
    }
}
