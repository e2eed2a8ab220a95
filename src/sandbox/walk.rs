//! Turns the plan into grants: lists the directories that cannot be granted as a
//! whole and grants their entries.
//!
//! Rules sit on what a path leads to at this moment, so nothing is opened through
//! a symbolic link: `overlays/link -> prod` must not grant `prod`, and a path that
//! was free of links when it was judged must still be.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, openat, openat2};

use super::Missing;
use super::apply::Rules;
use super::plan::{Opening, Plan};
use super::sites::{Sites, Stance, first_names};

/// Most entries granted one by one beside the checkouts. Each costs about 4.5 µs,
/// and a home directory can have thousands; `benches/NOTES.md` has the figures.
/// What the invocation or the environment names is granted beyond it.
pub(super) const MOST_BESIDE: usize = 100;

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

/// A directory beside the checkouts that is granted entry by entry.
struct Side<'w> {
    fd: OwnedFd,
    entries: Vec<Entry>,
    /// Entries that the invocation or the environment names.
    names: Vec<&'w OsStr>,
}

impl Side<'_> {
    /// Keeps the most useful entries, and those that are named in any case.
    fn truncate(&mut self, most: usize) {
        if self.entries.len() <= most {
            return;
        }
        let names = &self.names;
        let needed = self.entries.iter().filter(|entry| names.contains(&entry.name())).count();
        let kept = needed.max(most);
        if kept < self.entries.len() {
            self.entries.select_nth_unstable_by(kept, |one, other| {
                rank(one, names).cmp(&rank(other, names))
            });
            self.entries.truncate(kept);
        }
    }
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
        for dir in self.plan.sites.never_whole() {
            if let Ok(found) = rustix::fs::lstat(dir) {
                self.closed.insert((found.st_dev, found.st_ino));
            }
        }
    }

    /// What lies beside the checkouts. There is a limit, and the directories share
    /// it: the least crowded are served first, so that a temporary directory with
    /// thousands of entries takes nothing from the ones on the way to it.
    fn beside(&mut self) -> Result<(), Missing> {
        let plan = self.plan;
        let mut sides: Vec<Side<'_>> =
            plan.sites.splits_beside().filter_map(|dir| side(plan, dir)).collect();
        sides.sort_by_key(|side| side.entries.len());
        let mut left = MOST_BESIDE;
        let mut waiting = sides.len();
        for mut side in sides {
            side.truncate(left / waiting);
            waiting -= 1;
            left = left.saturating_sub(side.entries.len());
            for entry in &side.entries {
                self.entry(&side.fd, entry)?;
            }
        }
        Ok(())
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
            Opening::Below(top) => self.descend(top, &|sites, path| sites.below(path, top)),
            Opening::Dots(home) => self.descend(home, &|sites, path| sites.dots(path, home)),
        }
    }

    /// Grants the entries of `dir` as `stance` says.
    fn descend(
        &mut self,
        dir: &Path,
        stance: &dyn Fn(&Sites<'_>, &Path) -> Stance,
    ) -> Result<(), Missing> {
        let Some(Listing { fd, entries }) = list(dir) else { return Ok(()) };
        for entry in entries.unwrap_or_default() {
            let path = dir.join(entry.name());
            match stance(&self.plan.sites, &path) {
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

/// What is granted of a directory with a closed place somewhere below.
fn side<'w>(plan: &'w Plan<'_>, dir: &Path) -> Option<Side<'w>> {
    let names = first_names(plan.wanted.iter().map(PathBuf::as_path), dir);
    let Listing { fd, entries } = list(dir)?;
    // Where it cannot be listed, what is named is tried.
    let mut entries = entries.unwrap_or_else(|| {
        let named = names.iter().filter_map(|name| CString::new(name.as_bytes()).ok());
        named.map(|name| Entry { name, kind: FileType::Unknown }).collect()
    });
    let closed = plan.sites.closed_entries(dir);
    entries.retain(|entry| !closed.contains(&entry.name()));
    Some(Side { fd, entries, names })
}

/// Named entries first, then what programs keep for themselves (dot entries),
/// directories, and files; by name, so that it is the same every time.
fn rank<'e>(entry: &'e Entry, names: &[&OsStr]) -> (u8, &'e CStr) {
    let class = match (entry.name.as_bytes().first(), entry.kind) {
        _ if names.contains(&entry.name()) => 0,
        (Some(b'.'), _) => 1,
        (_, FileType::Directory) => 2,
        _ => 3,
    };
    (class, &entry.name)
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
