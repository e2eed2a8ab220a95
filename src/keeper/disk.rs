//! What is on the disk below a checkout: never through a symbolic link.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom};

use super::hitch::{Hitch, Result};
use super::plan::{Kind, Seen};
use crate::policy::CheckoutRule;

/// More directories than this on the way to overlay roots: nobody keeps them by
/// hand, and a loop of mounts looks the same.
const MAX_DIRECTORIES: usize = 500_000;

/// Opens a directory for listing; a symbolic link is an error.
pub(super) fn open_dir(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}

/// Opens the directory `relative` below `at`, each part of it without following a
/// link.
pub(super) fn open_below(at: BorrowedFd<'_>, relative: &Path) -> io::Result<OwnedFd> {
    let mut here = at.try_clone_to_owned()?;
    for part in relative.components() {
        here = open_dir(here.as_fd(), part.as_os_str())?;
    }
    Ok(here)
}

/// Makes the directories of `relative`, never through a link.
pub(super) fn make_below(top: BorrowedFd<'_>, whole: &Path, relative: &Path) -> Result<()> {
    let failed = |error: io::Error| Hitch::io("make", &whole.join(relative), &error);
    let mut here = top.try_clone_to_owned().map_err(failed)?;
    for part in relative.components() {
        let name = part.as_os_str();
        match rustix::fs::mkdirat(&here, name, rustix::fs::Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        here = open_dir(here.as_fd(), name).map_err(failed)?;
    }
    Ok(())
}

/// Opens an absolute directory that the configuration names.
pub(super) fn open_top(top: &Path) -> Result<OwnedFd> {
    open_dir(rustix::fs::CWD, top.as_os_str()).map_err(|error| Hitch::io("open", top, &error))
}

/// The children of a directory with their types.
pub(super) fn children(dir: BorrowedFd<'_>) -> io::Result<Vec<(OsString, FileType)>> {
    let mut found = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 8192];
    // From the descriptor itself: opening the directory anew costs three more calls.
    // From its beginning, whoever has read it before.
    rustix::fs::seek(dir, SeekFrom::Start(0))?;
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let name = OsString::from_vec(name.to_vec());
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        found.push((name, kind));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// The mount points below `top`.
pub(super) fn mounts(top: &Path) -> BTreeSet<PathBuf> {
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(|field| PathBuf::from(OsString::from_vec(unescaped(field))))
        .filter(|point| point != top && point.starts_with(top))
        .collect()
}

/// `\040` and the like, as the kernel writes blanks in its tables.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, code.and_then(|digits| u8::from_str_radix(digits, 8).ok())) {
            (b'\\', Some(byte)) => {
                out.push(byte);
                rest = &after[3..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Adds the overlay roots on the disk and their children to `seen`. Says which
/// directories were walked: those are worth watching.
pub(super) fn scan(top: &Path, rule: &CheckoutRule, seen: &mut Seen) -> Result<Vec<PathBuf>> {
    let opened = open_top(top)?;
    let mut scan = Scan { top, rule, mounts: mounts(top), seen, walked: Vec::new() };
    scan.directory(opened.as_fd(), Path::new(""));
    if scan.walked.len() >= MAX_DIRECTORIES {
        return Err(Hitch::new(
            format!("{} has too many directories to be searched", crate::text::shown(top)),
            "name the overlay roots more precisely: overlayRoots",
        ));
    }
    Ok(scan.walked)
}

struct Scan<'s> {
    top: &'s Path,
    rule: &'s CheckoutRule,
    mounts: BTreeSet<PathBuf>,
    seen: &'s mut Seen,
    walked: Vec<PathBuf>,
}

impl Scan<'_> {
    fn directory(&mut self, dir: BorrowedFd<'_>, relative: &Path) {
        if self.walked.len() >= MAX_DIRECTORIES {
            return;
        }
        let entries = match children(dir) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(relative, &error),
        };
        self.walked.push(relative.to_path_buf());
        let another_repository =
            !relative.as_os_str().is_empty() && entries.iter().any(|(name, _)| name == ".git");
        if another_repository {
            return;
        }
        let is_root = self.rule.is_root(relative);
        if is_root {
            let kinds = entries.iter().filter(|(name, _)| name != ".git");
            let kinds: Vec<_> =
                kinds.map(|(name, kind)| (name, self.kind(&relative.join(name), *kind))).collect();
            let children = self.seen.root(relative);
            for (name, kind) in kinds {
                children.entry(name.clone()).or_default().disk = Some(kind);
            }
        }
        for (name, kind) in entries {
            if name == ".git" {
                continue;
            }
            let path = relative.join(&name);
            if !self.rule.is_root(&path) && !self.rule.leads_below(&path) {
                continue;
            }
            match kind {
                FileType::Directory => match open_dir(dir, &name) {
                    Ok(below) => self.directory(below.as_fd(), &path),
                    Err(error) => self.unreadable(&path, &error),
                },
                FileType::Symlink if self.rule.is_root(&path) => {
                    self.seen.linked_roots.insert(path);
                }
                _ => {}
            }
        }
    }

    fn kind(&self, path: &Path, kind: FileType) -> Kind {
        match kind {
            FileType::Directory if self.mounts.contains(&self.top.join(path)) => Kind::MountPoint,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            FileType::RegularFile => Kind::File,
            _ => Kind::Special,
        }
    }

    fn unreadable(&mut self, relative: &Path, error: &io::Error) {
        // What went away while we looked is not there.
        if error.kind() != io::ErrorKind::NotFound {
            self.seen.unreadable.insert(relative.to_path_buf(), error.to_string());
        }
    }
}

/// What of an overlay can be moved in one piece each, and what cannot.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Relative to the overlay; one empty path when it can go as a whole.
    pub(super) movable: Vec<PathBuf>,
    /// Other repositories and mount points in it, which stay.
    pub(super) fixed: Vec<PathBuf>,
}

/// Where `piece` of the overlay at `whole` is.
pub(super) fn piece(whole: &Path, piece: &Path) -> PathBuf {
    // Joined to nothing, a path gets a slash at its end.
    if piece.as_os_str().is_empty() { whole.to_path_buf() } else { whole.join(piece) }
}

/// Looks through the overlay at `top`/`overlay`; `mounts` are the mount points below
/// `top`.
pub(super) fn pieces(top: &Path, overlay: &Path, mounts: &BTreeSet<PathBuf>) -> Result<Pieces> {
    let whole = top.join(overlay);
    let opened = open_top(top)?;
    let dir =
        open_below(opened.as_fd(), overlay).map_err(|error| Hitch::io("open", &whole, &error))?;
    let mut pieces = Pieces::default();
    collect(dir.as_fd(), &whole, Path::new(""), mounts, &mut pieces)?;
    Ok(pieces)
}

/// Returns whether everything below `relative` may move. Directories are opened
/// anew from the overlay's own, so that no depth runs out of descriptors.
fn collect(
    top: BorrowedFd<'_>,
    whole: &Path,
    relative: &Path,
    mounts: &BTreeSet<PathBuf>,
    pieces: &mut Pieces,
) -> Result<bool> {
    let failed = |error: &io::Error| Hitch::moving("examine", &piece(whole, relative), error);
    let dir = open_below(top, relative).map_err(|error| failed(&error))?;
    let entries = children(dir.as_fd()).map_err(|error| failed(&error))?;
    drop(dir);
    let is_fixed =
        mounts.contains(&piece(whole, relative)) || entries.iter().any(|(name, _)| name == ".git");
    if is_fixed {
        pieces.fixed.push(relative.to_path_buf());
        return Ok(false);
    }
    let before = pieces.movable.len();
    let mut free = Vec::new();
    let mut all_free = true;
    for (name, kind) in entries {
        let path = relative.join(&name);
        let moves = kind != FileType::Directory || collect(top, whole, &path, mounts, pieces)?;
        let moves = moves && !mounts.contains(&whole.join(&path));
        if moves { free.push(path) } else { all_free = false }
    }
    if all_free {
        pieces.movable.truncate(before);
        if relative.as_os_str().is_empty() {
            pieces.movable.push(PathBuf::new());
        }
        return Ok(true);
    }
    pieces.movable.extend(free);
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_escapes_are_undone() {
        assert_eq!(unescaped(b"/a\\040b\\134"), b"/a b\\");
        assert_eq!(unescaped(b"/plain\\x"), b"/plain\\x");
    }

    #[test]
    fn an_overlay_goes_in_one_piece_unless_a_repository_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("o/prod/a/b")).unwrap();
        std::fs::write(top.join("o/prod/a/b/f"), "").unwrap();
        std::fs::write(top.join("o/prod/a/g"), "").unwrap();
        let found = pieces(&top, Path::new("o/prod"), &mounts(&top)).unwrap();
        assert_eq!(found.movable, [PathBuf::new()]);
        assert!(found.fixed.is_empty(), "{found:?}");
        std::fs::create_dir_all(top.join("o/prod/a/sub")).unwrap();
        std::fs::write(top.join("o/prod/a/sub/.git"), "gitdir: elsewhere").unwrap();
        std::fs::write(top.join("o/prod/x"), "").unwrap();
        let found = pieces(&top, Path::new("o/prod"), &mounts(&top)).unwrap();
        assert_eq!(found.movable, ["a/b", "a/g", "x"].map(PathBuf::from));
        assert_eq!(found.fixed, [PathBuf::from("a/sub")]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        let top = open_top(&dir.path().canonicalize().unwrap()).unwrap();
        assert!(open_below(top.as_fd(), Path::new("real")).is_ok());
        assert!(open_below(top.as_fd(), Path::new("link")).is_err());
    }
}
