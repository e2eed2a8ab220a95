//! Removes from what has left the checkout what git can give back, file by file:
//! moved out of everybody's reach, looked at, and only then removed.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::attributes::Attributes;
use super::bytes;
use super::disk::{self, children, open_dir};
use super::git::converted::Conversions;
use super::git::{Git, Layout, object, staged, stored};
use super::hitch::Result;
use super::overlays::Overlays;
use super::transfer::{Spot, rename_new};

/// What a file is called while it is looked at: the number of its piece, and its path.
pub(super) fn seen_name(number: usize, path: &[u8]) -> String {
    format!("{number}-{}", bytes::hex(&Sha256::digest(path)))
}

/// What git has of the overlays that have left.
pub(super) struct Sweep<'s> {
    git: &'s Git,
    known: HashMap<&'s [u8], staged::InIndex<'s>>,
    conversions: Conversions,
    seen: OwnedFd,
    seen_path: PathBuf,
    /// git looks at whether a file is executable.
    minds_mode: OnceLock<bool>,
}

impl<'s> Sweep<'s> {
    /// For `overlays`; `listed` is the index, and files are looked at in `seen`.
    pub(super) fn new(
        git: &'s Git,
        layout: &Layout,
        overlays: &Overlays,
        listed: &'s [u8],
        converts: bool,
        seen: &Path,
    ) -> Result<Self> {
        let is_here = |path: &[u8]| {
            layout.in_checkout(path).is_some_and(|path| overlays.around(path).is_some())
        };
        let mut known: HashMap<&[u8], staged::InIndex<'_>> =
            staged::entries(listed).filter(|(path, _)| is_here(path)).collect();
        // The file may be the last copy of what a damaged repository has lost.
        let stored = stored::stored(git, layout, known.values().map(|entry| entry.object))?;
        known.retain(|_, entry| stored.contains(entry.object));
        let conversions = match converts {
            true => Conversions::of(git, layout, known.keys().copied())?,
            false => Conversions::default(),
        };
        let (minds_mode, seen_path) = (OnceLock::new(), seen.to_path_buf());
        Ok(Self { git, known, conversions, seen: disk::open_top(seen)?, seen_path, minds_mode })
    }

    /// Sweeps the piece at `spot`, which was at `path` of the tree.
    pub(super) fn piece(&self, spot: Spot<'_>, number: usize, path: &Path) -> io::Result<()> {
        let about = rustix::fs::statat(spot.dir, spot.name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(about.st_mode);
        self.entry(spot, kind, number, path.as_os_str().as_bytes()).map(drop)
    }

    /// Says whether something of git's was removed here.
    fn entry(
        &self,
        spot: Spot<'_>,
        kind: FileType,
        number: usize,
        path: &[u8],
    ) -> io::Result<bool> {
        if kind != FileType::Directory {
            return match self.known.get(path) {
                Some(known) => self.file(spot, number, path, known),
                None => Ok(false),
            };
        }
        let mut any = false;
        {
            let dir = open_dir(spot.dir, spot.name)?;
            let mut below = [path, b"/"].concat();
            for (name, kind) in children(dir.as_fd())? {
                below.truncate(path.len() + 1);
                below.extend_from_slice(name.as_bytes());
                let spot = Spot { dir: dir.as_fd(), name: &name };
                any |= self.entry(spot, kind, number, &below)?;
            }
        }
        if any {
            // Directories are not git's: one that held nothing else goes with its files.
            match rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(any)
    }

    fn file(
        &self,
        spot: Spot<'_>,
        number: usize,
        path: &[u8],
        known: &staged::InIndex<'_>,
    ) -> io::Result<bool> {
        let name = seen_name(number, path);
        let seen = Spot { dir: self.seen.as_fd(), name: OsStr::new(&name) };
        // Whoever has the directory open cannot reach it by its name any more.
        rename_new(spot, seen)?;
        // What cannot be read is not known to be git's.
        if self.is_gits(seen, path, known).unwrap_or(false) {
            rustix::fs::unlinkat(seen.dir, seen.name, AtFlags::empty())?;
            return Ok(true);
        }
        let mut back = spot.name.to_os_string();
        for further in 1.. {
            match rename_new(seen, Spot { dir: spot.dir, name: &back }) {
                // Somebody has made a new one.
                Err(Errno::EXIST) => back = numbered(spot.name, further),
                other => return Ok(other.map(|()| false)?),
            }
        }
        Ok(false)
    }

    /// Whether git can give back what is at `seen`.
    fn is_gits(
        &self,
        seen: Spot<'_>,
        path: &[u8],
        known: &staged::InIndex<'_>,
    ) -> io::Result<bool> {
        let about = rustix::fs::statat(seen.dir, seen.name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Symlink if known.mode == b"120000" => {
                let link = rustix::fs::readlinkat(seen.dir, seen.name, Vec::new())?;
                Ok(object::is(link.as_bytes(), known.object))
            }
            FileType::RegularFile if known.mode.starts_with(b"100") => {
                let is_executable = about.st_mode & 0o100 != 0;
                let has_mode = is_executable == (known.mode == b"100755") || !self.minds_mode();
                Ok(has_mode && self.has_bytes(seen, path, known)?)
            }
            _ => Ok(false),
        }
    }

    fn has_bytes(
        &self,
        seen: Spot<'_>,
        path: &[u8],
        known: &staged::InIndex<'_>,
    ) -> io::Result<bool> {
        let file = open(seen.dir, seen.name)?;
        if Attributes::of(&file)?.has_users() {
            return Ok(false);
        }
        let before = state(&file)?;
        let whole = self.seen_path.join(seen.name);
        let is_stored = object::is_file(&file, &whole, before.stx_size, known.object)?;
        let can = if self.conversions.concern(path) {
            self.conversions.can_give_back(self.git, path, &whole, is_stored)
        } else {
            is_stored
        };
        // Somebody who had it open may have written to it.
        let after = state(&file)?;
        Ok(can && same(&before, &after))
    }

    fn minds_mode(&self) -> bool {
        *self.minds_mode.get_or_init(|| {
            let words = ["config", "--type=bool", "core.filemode"];
            let answer = self.git.ask(&words).ok().flatten().unwrap_or_default();
            answer.trim_ascii() != b"false"
        })
    }
}

fn open(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?.into())
}

/// What the file system itself says: what a network file system remembers may be from
/// before the file was moved.
fn state(file: &File) -> io::Result<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    Ok(rustix::fs::statx(file, "", flags, StatxFlags::BASIC_STATS)?)
}

fn same(one: &Statx, other: &Statx) -> bool {
    let of = |found: &Statx| {
        let times = [found.stx_mtime, found.stx_ctime];
        (found.stx_size, times.map(|time| (time.tv_sec, time.tv_nsec)))
    };
    of(one) == of(other)
}

/// `name` with a number at its end.
fn numbered(name: &OsStr, number: usize) -> OsString {
    let mut numbered = name.to_os_string();
    numbered.push(format!(".envguard-{number}"));
    numbered
}
