//! Moving a file or a tree: by rename; across file systems by copy, sync and
//! comparison before anything is removed. Nothing is ever overwritten.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::attributes::Attributes;
use super::disk::{children, open_dir};

/// Where a copy grows before it is complete.
pub(super) const INCOMING: &str = ".envguard-incoming";

/// What is called so was at this name without the end, and is being removed.
const LEAVING: &str = ".envguard-leaving";

/// A name in an open directory.
#[derive(Clone, Copy)]
pub(super) struct Spot<'s> {
    pub(super) dir: BorrowedFd<'s>,
    pub(super) name: &'s OsStr,
}

/// Moves what is at `from` to `to`, where nothing may be.
///
/// # Errors
/// Those of the kernel; then everything is still at `from`, or complete at `to`.
pub(super) fn move_to(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    match rename_new(from, to) {
        Ok(()) => {
            sync(to.dir)?;
            sync(from.dir)
        }
        Err(Errno::XDEV) => copy_over(from, to),
        Err(error) => Err(error.into()),
    }
}

/// Renames without overwriting, also where the file system cannot do that in one
/// step (NFS).
///
/// # Errors
/// Those of rename(2); `EXIST` when something is at `to`.
pub(super) fn rename_new(from: Spot<'_>, to: Spot<'_>) -> rustix::io::Result<()> {
    let renamed =
        rustix::fs::renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::NOREPLACE);
    let Err(Errno::INVAL | Errno::NOSYS) = renamed else { return renamed };
    let about = rustix::fs::statat(from.dir, from.name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
        if rustix::fs::statat(to.dir, to.name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(Errno::EXIST);
        }
        // What appears meanwhile is safe: only an empty directory gives way to one.
        return rustix::fs::renameat(from.dir, from.name, to.dir, to.name);
    }
    rustix::fs::linkat(from.dir, from.name, to.dir, to.name, AtFlags::empty())?;
    // Somebody may have put another file in its place since: that one stays.
    unlink_when(from, |leaving| {
        let (left, linked) = (stat(leaving)?, stat(to)?);
        Ok((left.st_dev, left.st_ino) == (linked.st_dev, linked.st_ino))
    })
    .map_err(|error| error.raw_os_error().map_or(Errno::BUSY, Errno::from_raw_os_error))
}

/// Removes the file at `spot` if it is what is expected. Looked at under another
/// name first: what somebody writes to its own name meanwhile is not removed.
fn unlink_when(
    spot: Spot<'_>,
    is_expected: impl FnOnce(Spot<'_>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut name = spot.name.to_os_string();
    name.push(LEAVING);
    // A name that is long already has no room for more.
    let short = OsString::from(LEAVING);
    let name = if name.len() > 255 { &short } else { &name };
    let leaving = Spot { dir: spot.dir, name };
    rename_aside(spot, leaving)?;
    match is_expected(leaving) {
        Ok(true) => Ok(rustix::fs::unlinkat(leaving.dir, leaving.name, AtFlags::empty())?),
        other => {
            // If its name is taken by now it stays under this one: nothing is lost.
            rename_aside(leaving, spot).unwrap_or_default();
            other.and_then(|_| Err(changed()))
        }
    }
}

/// Finishes what a process that died was about to remove, if it is what is at its old
/// name in `copies`; says whether.
pub(super) fn finish_leaving(spot: Spot<'_>, copies: BorrowedFd<'_>) -> io::Result<bool> {
    let name = spot.name.as_bytes().strip_suffix(LEAVING.as_bytes());
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(false) };
    let copy = Spot { dir: copies, name: OsStr::from_bytes(name) };
    if stat(copy).is_err() || !same(spot, copy)? {
        return Ok(false);
    }
    rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::empty())?;
    Ok(true)
}

/// Renames without overwriting; where that cannot be done in one step, with a look
/// first: nobody else uses these names.
fn rename_aside(from: Spot<'_>, to: Spot<'_>) -> rustix::io::Result<()> {
    let renamed =
        rustix::fs::renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::NOREPLACE);
    let Err(Errno::INVAL | Errno::NOSYS) = renamed else { return renamed };
    match rustix::fs::statat(to.dir, to.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => rustix::fs::renameat(from.dir, from.name, to.dir, to.name),
        Err(error) => Err(error),
    }
}

/// The same with paths.
pub(super) fn rename_new_path(from: &Path, to: &Path) -> io::Result<()> {
    let spot = |path| Spot { dir: rustix::fs::CWD, name: OsStr::new(path) };
    Ok(rename_new(spot(from.as_os_str()), spot(to.as_os_str()))?)
}

fn sync(dir: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::fsync(dir) {
        // Not every file system can.
        Err(Errno::INVAL | Errno::BADF) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn copy_over(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    let incoming = Spot { name: OsStr::new(INCOMING), ..to };
    // What an earlier attempt left there is a copy of what is still at `from`.
    remove(incoming)?;
    let copied = Copying { top: incoming, links: HashMap::new() }
        .copy(from, incoming, Path::new(""))
        .and_then(|()| if same(from, incoming)? { Ok(()) } else { Err(changed()) });
    if let Err(error) = copied {
        // The error is what counts; a copy that stays is removed next time.
        remove(incoming).unwrap_or_default();
        return Err(error);
    }
    rename_new(incoming, to)?;
    sync(to.dir)?;
    // Compared once more, entry by entry, while removing: what changed stays.
    remove_copied(from, to)
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "it changed while it was copied")
}

fn stat(spot: Spot<'_>) -> io::Result<Stat> {
    Ok(rustix::fs::statat(spot.dir, spot.name, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn open_file(spot: Spot<'_>) -> io::Result<File> {
    // A pipe that takes the file's place meanwhile must not keep us waiting.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(spot.dir, spot.name, flags, Mode::empty())?.into())
}

/// A copy that is being made.
struct Copying<'c> {
    top: Spot<'c>,
    /// Files with several names, by device and inode: where the first one is below
    /// the top.
    links: HashMap<(u64, u64), PathBuf>,
}

impl Copying<'_> {
    /// Copies `from` to `to`, which is `path` below the top.
    fn copy(&mut self, from: Spot<'_>, to: Spot<'_>, path: &Path) -> io::Result<()> {
        let about = stat(from)?;
        let mode = Mode::from_raw_mode(about.st_mode);
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Directory => self.directory(from, to, path, mode)?,
            FileType::Symlink => {
                let link = rustix::fs::readlinkat(from.dir, from.name, Vec::new())?;
                rustix::fs::symlinkat(link, to.dir, to.name)?;
            }
            FileType::RegularFile => {
                if self.linked(&about, to, path) {
                    return Ok(());
                }
                file(from, to, mode)?;
            }
            FileType::Fifo => rustix::fs::mknodat(to.dir, to.name, FileType::Fifo, mode, 0)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "a socket or device cannot be copied",
                ));
            }
        }
        // Last, because filling a directory changes its time.
        set_times(&about, to)
    }

    fn directory(
        &mut self,
        from: Spot<'_>,
        to: Spot<'_>,
        path: &Path,
        mode: Mode,
    ) -> io::Result<()> {
        rustix::fs::mkdirat(to.dir, to.name, Mode::RWXU)?;
        let (source, target) = (open_dir(from.dir, from.name)?, open_dir(to.dir, to.name)?);
        for (name, _) in children(source.as_fd())? {
            let from = Spot { dir: source.as_fd(), name: &name };
            self.copy(from, Spot { dir: target.as_fd(), name: &name }, &path.join(&name))?;
        }
        // Afterwards: what a directory passes on is not for what is copied.
        Attributes::of(&source)?.give(target.as_fd())?;
        rustix::fs::fchmod(&target, mode)?;
        sync(target.as_fd())
    }

    /// Whether this file is there already under another name: then it is one file
    /// with two names here, too.
    fn linked(&mut self, about: &Stat, to: Spot<'_>, path: &Path) -> bool {
        if about.st_nlink < 2 {
            return false;
        }
        let Some(first) = self.links.get(&(about.st_dev, about.st_ino)) else {
            self.links.insert((about.st_dev, about.st_ino), path.to_path_buf());
            return false;
        };
        let first = Path::new(self.top.name).join(first);
        // Where that cannot be, it becomes a file of its own.
        rustix::fs::linkat(self.top.dir, first, to.dir, to.name, AtFlags::empty()).is_ok()
    }
}

fn file(from: Spot<'_>, to: Spot<'_>, mode: Mode) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = rustix::fs::openat(to.dir, to.name, flags, Mode::RUSR | Mode::WUSR)?;
    let (mut source, mut target) = (open_file(from)?, File::from(target));
    io::copy(&mut source, &mut target)?;
    // Before the mode, which may forbid it.
    Attributes::of(&source)?.give(target.as_fd())?;
    rustix::fs::fchmod(&target, mode)?;
    target.sync_all()
}

fn digest(spot: Spot<'_>) -> io::Result<[u8; 32]> {
    let mut hasher = Hashing(Sha256::new());
    io::copy(&mut open_file(spot)?, &mut hasher)?;
    Ok(hasher.0.finalize().into())
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether two files or directories have the same attributes.
fn same_attributes(one: impl AsFd, other: impl AsFd) -> io::Result<bool> {
    Ok(Attributes::of(one)? == Attributes::of(other)?)
}

/// Whether two files have the same bytes and attributes.
fn same_file(one: Spot<'_>, other: Spot<'_>) -> io::Result<bool> {
    Ok(digest(one)? == digest(other)? && same_attributes(open_file(one)?, open_file(other)?)?)
}

/// Gives the directory at `to` the attributes of the one at `from` that it lacks.
pub(super) fn copy_attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    Attributes::of(from)?.give_missing(to)
}

/// Whether two files that are no directories are equal but for their time.
pub(super) fn alike(one: Spot<'_>, other: Spot<'_>) -> io::Result<bool> {
    let (a, b) = (stat(one)?, stat(other)?);
    if a.st_mode != b.st_mode || a.st_size != b.st_size {
        return Ok(false);
    }
    match FileType::from_raw_mode(a.st_mode) {
        FileType::RegularFile => same_file(one, other),
        _ => same(one, other),
    }
}

/// Gives `to` the times of `from`.
pub(super) fn copy_times(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    set_times(&stat(from)?, to)
}

fn set_times(about: &Stat, to: Spot<'_>) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: about.st_atime as _, tv_nsec: about.st_atime_nsec as _ },
        last_modification: Timespec {
            tv_sec: about.st_mtime as _,
            tv_nsec: about.st_mtime_nsec as _,
        },
    };
    Ok(rustix::fs::utimensat(to.dir, to.name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Whether two trees are equal in names, types, modes, times, links, attributes and
/// bytes.
pub(super) fn same(one: Spot<'_>, other: Spot<'_>) -> io::Result<bool> {
    let (a, b) = (stat(one)?, stat(other)?);
    let kind = FileType::from_raw_mode(a.st_mode);
    if a.st_mode != b.st_mode || (a.st_mtime, a.st_mtime_nsec) != (b.st_mtime, b.st_mtime_nsec) {
        return Ok(false);
    }
    match kind {
        FileType::RegularFile => Ok(a.st_size == b.st_size && same_file(one, other)?),
        FileType::Symlink => {
            let link = |spot: Spot<'_>| rustix::fs::readlinkat(spot.dir, spot.name, Vec::new());
            Ok(link(one)? == link(other)?)
        }
        FileType::Directory => {
            let (one, other) = (open_dir(one.dir, one.name)?, open_dir(other.dir, other.name)?);
            if !same_attributes(&one, &other)? {
                return Ok(false);
            }
            let names = children(one.as_fd())?;
            if names != children(other.as_fd())? {
                return Ok(false);
            }
            for (name, _) in &names {
                if !same(Spot { dir: one.as_fd(), name }, Spot { dir: other.as_fd(), name })? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(true),
    }
}

/// Removes from `from` what is, entry by entry, also at `copy`.
pub(super) fn remove_copied(from: Spot<'_>, copy: Spot<'_>) -> io::Result<()> {
    let kind = FileType::from_raw_mode(stat(from)?.st_mode);
    if kind != FileType::Directory {
        return unlink_when(from, |leaving| same(leaving, copy));
    }
    let (source, target): (OwnedFd, OwnedFd) =
        (open_dir(from.dir, from.name)?, open_dir(copy.dir, copy.name)?);
    for (name, _) in children(source.as_fd())? {
        let name = name.as_os_str();
        remove_copied(Spot { dir: source.as_fd(), name }, Spot { dir: target.as_fd(), name })?;
    }
    Ok(rustix::fs::unlinkat(from.dir, from.name, AtFlags::REMOVEDIR)?)
}

/// Removes a tree that is a copy. Nothing there is fine.
fn remove(spot: Spot<'_>) -> io::Result<()> {
    let about = match stat(spot) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if FileType::from_raw_mode(about.st_mode) != FileType::Directory {
        return Ok(rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::empty())?);
    }
    let dir = open_dir(spot.dir, spot.name)?;
    for (name, _) in children(dir.as_fd())? {
        remove(Spot { dir: dir.as_fd(), name: &name })?;
    }
    Ok(rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::REMOVEDIR)?)
}
