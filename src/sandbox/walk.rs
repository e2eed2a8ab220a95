//! Turns the plan into grants: lists the directories that cannot be granted as a
//! whole and grants their entries.
//!
//! Rules sit on what a path leads to at this moment, so nothing is opened through
//! a symbolic link: `overlays/link -> prod` must not grant `prod`, and a path that
//! was free of links when it was judged must still be.

use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, openat, openat2};

use super::Missing;
use super::apply::Rules;
use super::plan::{Opening, Plan, Stance};

/// Most entries granted one by one beside the checkouts. Each costs about 4.5 µs,
/// and a home directory can have thousands; `benches/NOTES.md` has the figures.
/// What the invocation or the environment names is granted beyond it.
pub(super) const MOST_BESIDE: usize = 300;

/// Most rules inside checkouts. The kernel takes more; a second of preparation
/// helps nobody.
const MOST_INSIDE: usize = 50_000;

/// Grants everything the plan grants.
pub(super) fn grant(plan: &Plan<'_>, rules: &mut Rules) -> Result<(), Missing> {
    let mut walk = Walk { plan, rules, closed: HashSet::new(), inside: 0 };
    walk.learn_closed();
    if let Some(top) = open(Path::new("/"), OFlags::DIRECTORY) {
        walk.rules.let_move(top.as_fd())?;
    }
    walk.beside()?;
    for opening in &plan.openings {
        walk.opening(opening)?;
    }
    Ok(())
}

struct Walk<'w, 'p> {
    plan: &'w Plan<'p>,
    rules: &'w mut Rules,
    /// Device and inode of everything that must not be granted as a whole: by
    /// whatever name it is met, it is the same.
    closed: HashSet<(u64, u64)>,
    /// Rules inside checkouts so far.
    inside: usize,
}

/// An entry of a directory.
struct Entry {
    name: CString,
    kind: FileType,
}

impl Entry {
    fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.as_bytes())
    }
}

impl Walk<'_, '_> {
    fn learn_closed(&mut self) {
        for dir in self.plan.never_whole() {
            if let Ok(found) = rustix::fs::lstat(dir) {
                self.closed.insert((found.st_dev, found.st_ino));
            }
        }
    }

    /// What lies beside the checkouts. Directories on the way to something that
    /// is named come first: there are limits.
    fn beside(&mut self) -> Result<(), Missing> {
        let plan = self.plan;
        let mut dirs: Vec<(bool, &Path, HashSet<&OsStr>)> = plan
            .splits_beside()
            .map(|dir| {
                let names: HashSet<&OsStr> = plan
                    .wanted
                    .iter()
                    .filter_map(|path| path.strip_prefix(dir).ok()?.iter().next())
                    .collect();
                (names.is_empty(), dir, names)
            })
            .collect();
        dirs.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        let mut left = MOST_BESIDE;
        for (_, dir, names) in dirs {
            let Some(Listing { fd, entries }) = list(dir) else { continue };
            let mut entries = self.candidates(dir, entries, &names);
            if entries.len() > left {
                entries.sort_by_cached_key(|entry| rank(entry, &names));
                let needed = entries.iter().filter(|entry| names.contains(entry.name())).count();
                entries.truncate(needed.max(left));
            }
            left = left.saturating_sub(entries.len());
            for entry in &entries {
                self.entry(&fd, entry)?;
            }
        }
        Ok(())
    }

    /// The entries of `dir` that can be granted. Where it cannot be listed, those
    /// that are named are tried.
    fn candidates(
        &self,
        dir: &Path,
        listed: Option<Vec<Entry>>,
        names: &HashSet<&OsStr>,
    ) -> Vec<Entry> {
        let listed = listed.unwrap_or_else(|| {
            let named = names.iter().filter_map(|name| CString::new(name.as_bytes()).ok());
            named.map(|name| Entry { name, kind: FileType::Unknown }).collect()
        });
        listed
            .into_iter()
            .filter(|entry| self.plan.beside(&dir.join(entry.name())) == Stance::Whole)
            .collect()
    }

    fn opening(&mut self, opening: &Opening) -> Result<(), Missing> {
        match opening {
            Opening::Whole(dir) => match open(dir, OFlags::DIRECTORY) {
                Some(fd) => self.inner(&fd),
                None => Ok(()), // it has changed: what reads it will be told
            },
            Opening::File(file) => match open(file, OFlags::empty()) {
                Some(fd) if !is_dir(&fd) => self.inner(&fd),
                _ => Ok(()),
            },
            Opening::Below(top) => self.descend(top, &|plan, path| plan.below(path, top)),
            Opening::Dots(home) => self.descend(home, &|plan, path| plan.dots(path, home)),
        }
    }

    /// Grants the entries of `dir` as `stance` says.
    fn descend(
        &mut self,
        dir: &Path,
        stance: &dyn Fn(&Plan<'_>, &Path) -> Stance,
    ) -> Result<(), Missing> {
        let Some(Listing { fd, entries }) = list(dir) else { return Ok(()) };
        for entry in entries.unwrap_or_default() {
            let path = dir.join(entry.name());
            match stance(self.plan, &path) {
                Stance::Closed => {}
                Stance::Split if entry.kind == FileType::Directory => {
                    self.descend(&path, stance)?;
                }
                Stance::Split | Stance::Whole => {
                    self.inside += 1;
                    if self.inside > MOST_INSIDE {
                        return Err(Missing::TooMany(dir.to_path_buf()));
                    }
                    self.entry(&fd, &entry)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: &OwnedFd, entry: &Entry) -> Result<(), Missing> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What has gone, and what this user cannot reach, needs no grant.
        let Ok(fd) = openat(dir, entry.name.as_c_str(), flags, Mode::empty()) else {
            return Ok(());
        };
        self.inner(&fd)
    }

    fn inner(&mut self, fd: &OwnedFd) -> Result<(), Missing> {
        let Ok(found) = rustix::fs::fstat(fd) else { return Ok(()) };
        let is_link = FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
        if is_link || self.closed.contains(&(found.st_dev, found.st_ino)) {
            return Ok(());
        }
        self.rules.grant(fd.as_fd())
    }
}

/// Named entries first, then what programs keep for themselves (dot entries),
/// directories, and files; by name, so that it is the same every time.
fn rank(entry: &Entry, names: &HashSet<&OsStr>) -> (u8, CString) {
    let class = match (entry.name.as_bytes().first(), entry.kind) {
        _ if names.contains(entry.name()) => 0,
        (Some(b'.'), _) => 1,
        (_, FileType::Directory) => 2,
        _ => 3,
    };
    (class, entry.name.clone())
}

/// Opens a place without following any link on the way.
fn open(path: &Path, kind: OFlags) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()
}

fn is_dir(fd: &OwnedFd) -> bool {
    rustix::fs::fstat(fd)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

/// A directory that is gone through, and what it contains.
struct Listing {
    fd: OwnedFd,
    /// `None` where it can be entered but not listed.
    entries: Option<Vec<Entry>>,
}

fn list(dir: &Path) -> Option<Listing> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, dir, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(fd) => Some(Listing { entries: Some(entries(&fd)), fd }),
        Err(_) => Some(Listing { fd: open(dir, OFlags::DIRECTORY)?, entries: None }),
    }
}

/// The entries of a directory, links and sockets left out: a link grants nothing
/// and a socket is not opened.
fn entries(dir: &OwnedFd) -> Vec<Entry> {
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut stream = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut entries = Vec::new();
    while let Some(entry) = stream.next() {
        let Ok(entry) = entry else { break };
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => kind_of(dir, entry.file_name()),
            kind => kind,
        };
        let is_dots = matches!(entry.file_name().to_bytes(), b"." | b"..");
        if !is_dots && !matches!(kind, FileType::Symlink | FileType::Socket) {
            entries.push(Entry { name: entry.file_name().to_owned(), kind });
        }
    }
    entries
}

fn kind_of(dir: &OwnedFd, name: &std::ffi::CStr) -> FileType {
    rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode))
}
