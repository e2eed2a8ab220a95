//! What stands at a place, looked at once and remembered.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};

use crate::judge::Nature;

/// What stands at a place.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Directory,
    File,
    Link(PathBuf),
    Stream,
    Missing,
    Unreadable(String),
}

/// The real directories that were come through, with what was seen in them. By their
/// bytes: a path compares and hashes part by part, and there are tens of thousands.
#[derive(Debug, Default)]
pub(super) struct Known {
    directories: HashMap<OsString, Directory>,
}

#[derive(Debug, Default)]
struct Directory {
    /// By name; `None` when there is something that was not looked at yet.
    entries: HashMap<OsString, Option<Entry>>,
    /// Everything that was in it is in `entries`.
    listed: bool,
}

impl Known {
    /// What stands at `path`, whose parent is real.
    pub(super) fn entry(&mut self, path: &Path) -> Entry {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Entry::Directory; // the root
        };
        if let Some(entry) = self.in_real(parent, name) {
            return entry;
        }
        let entry = look(path);
        let directory = self.directories.entry(parent.as_os_str().to_os_string()).or_default();
        directory.entries.insert(name.to_os_string(), Some(entry.clone()));
        entry
    }

    /// What stands at `name` in `dir`, when something in `dir` was looked at: then it
    /// is real.
    pub(super) fn in_real(&mut self, dir: &Path, name: &OsStr) -> Option<Entry> {
        let known = self.directories.get_mut(dir.as_os_str())?;
        if let Some(Some(entry)) = known.entries.get(name) {
            return Some(entry.clone());
        }
        let entry = look(&dir.join(name));
        known.entries.insert(name.to_os_string(), Some(entry.clone()));
        Some(entry)
    }

    /// Whether `dir` was read as a whole.
    pub(super) fn is_listed(&self, dir: &Path) -> bool {
        self.directories.get(dir.as_os_str()).is_some_and(|dir| dir.listed)
    }

    /// Whether `dir` was listed and had nothing called `name`.
    pub(super) fn is_absent(&self, dir: &Path, name: &OsStr) -> bool {
        let known = self.directories.get(dir.as_os_str());
        known.is_some_and(|dir| dir.listed && !dir.entries.contains_key(name))
    }

    /// Reads the real directory `dir` as a whole.
    pub(super) fn list(&mut self, dir: &Path) -> io::Result<Vec<(OsString, FileType)>> {
        let listed = children(dir)?;
        let nature = |kind: FileType| match kind {
            FileType::Directory => Some(Nature::Directory),
            FileType::RegularFile => Some(Nature::File),
            _ => None,
        };
        self.learn(dir, listed.iter().map(|(name, kind)| (name.as_os_str(), nature(*kind))));
        Ok(listed)
    }

    /// Takes note of everything that is in the real directory `dir`. What is no file
    /// and no directory is still looked at when it is asked for.
    pub(super) fn learn<'n>(
        &mut self,
        dir: &Path,
        names: impl Iterator<Item = (&'n OsStr, Option<Nature>)>,
    ) {
        let known = self.directories.entry(dir.as_os_str().to_os_string()).or_default();
        for (name, nature) in names {
            let entry = match nature {
                Some(Nature::Directory) => Some(Entry::Directory),
                Some(Nature::File) => Some(Entry::File),
                Some(Nature::Missing) | None => None,
            };
            known.entries.insert(name.to_os_string(), entry);
        }
        known.listed = true;
    }
}

/// What is in `dir`, with the types where the file system tells them. With half the
/// system calls that the standard library makes.
fn children(dir: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(dir, flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&opened, &mut buffer);
    let mut found = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let flags = AtFlags::SYMLINK_NOFOLLOW;
                    let stat = rustix::fs::statat(&opened, entry.file_name(), flags)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            found.push((OsString::from_vec(name.to_vec()), kind));
        }
    }
    Ok(found)
}

fn look(path: &Path) -> Entry {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => link(path),
        Ok(metadata) if metadata.is_dir() => Entry::Directory,
        Ok(metadata) if metadata.is_file() => Entry::File,
        Ok(metadata) => {
            let kind = metadata.file_type();
            debug_assert!(
                kind.is_fifo()
                    || kind.is_socket()
                    || kind.is_char_device()
                    || kind.is_block_device()
            );
            Entry::Stream
        }
        Err(error) if is_missing(&error) => Entry::Missing,
        Err(error) => Entry::Unreadable(format!("cannot be examined: {error}")),
    }
}

pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A link, or one of the kernel's magic links in `/proc` whose text is not a
/// path: `pipe:[123]`, `/memfd:x (deleted)`.
fn link(path: &Path) -> Entry {
    let to = match path.read_link() {
        Ok(to) => to,
        Err(error) => return Entry::Unreadable(format!("is a link that cannot be read: {error}")),
    };
    if !path.starts_with("/proc") {
        return Entry::Link(to);
    }
    let of_this_process = path == Path::new("/proc/self")
        || path == Path::new("/proc/thread-self")
        || path == Path::new("/proc/mounts")
        || sees_what_we_see(path);
    let names_a_path = to.is_absolute() && !to.as_os_str().as_bytes().ends_with(b" (deleted)");
    let is_alias = path.parent() == Some(Path::new("/proc"));
    if of_this_process && (names_a_path || is_alias) {
        return Entry::Link(to);
    }
    // Another process may live in another mount namespace, where the same path
    // is another file.
    Entry::Stream
}

/// Whether `path`, a link of a process in `/proc`, means to us what it means to
/// that process: it has our root and our mounts.
fn sees_what_we_see(path: &Path) -> bool {
    let mut parts = path.components().skip(2);
    let Some(Component::Normal(process)) = parts.next() else { return false };
    if process == OsStr::new(&std::process::id().to_string()) {
        return true;
    }
    let of =
        |process: &OsStr, what: &str| Path::new("/proc").join(process).join(what).read_link().ok();
    let same = |what: &str| {
        let own = of(OsStr::new("self"), what);
        own.is_some() && own == of(process, what)
    };
    same("ns/mnt") && same("root")
}
