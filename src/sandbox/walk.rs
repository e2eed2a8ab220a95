//! Turns the plan into grants: lists the directories that cannot be granted as a
//! whole and grants their entries.
//!
//! Rules sit on what a path leads to at this moment, so nothing is opened through
//! a symbolic link: `overlays/link -> prod` must not grant `prod`, and a path that
//! was free of links when it was judged must still be.

use std::collections::{BinaryHeap, HashSet};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, openat, openat2};

use super::Missing;
use super::apply::Rules;
use super::plan::{Opening, Plan};
use super::sites::{Sites, Stance, first_names};

/// Most entries granted one by one beside the checkouts. Each costs 10 µs, and a
/// home directory can have thousands; `benches/NOTES.md` has the figures. What the
/// invocation or the environment names is granted beyond it.
pub(super) const MOST_BESIDE: usize = 64;

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
struct Side {
    fd: OwnedFd,
    /// The best first.
    entries: Vec<Ranked>,
}

impl Side {
    /// Keeps the most useful entries, and those that are named in any case.
    fn truncate(&mut self, most: usize) {
        let needed = self.entries.iter().filter(|entry| entry.rank == Rank::Named).count();
        self.entries.truncate(needed.max(most));
    }
}

/// How much an entry is worth a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The invocation or the environment names it.
    Named,
    /// What programs keep for themselves.
    Dot,
    Directory,
    File,
}

impl Rank {
    fn of(name: &CStr, kind: FileType, names: &[&OsStr]) -> Self {
        match kind {
            _ if names.contains(&OsStr::from_bytes(name.to_bytes())) => Self::Named,
            _ if name.to_bytes().first() == Some(&b'.') => Self::Dot,
            FileType::Directory => Self::Directory,
            _ => Self::File,
        }
    }
}

/// An entry with what it is worth; by name among equals, so that it is the same
/// every time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    rank: Rank,
    name: CString,
}

/// Keeps the best entries of a directory while it is being listed: of thousands,
/// only those few are copied.
struct Choice<'c> {
    names: &'c [&'c OsStr],
    named: Vec<Ranked>,
    best: BinaryHeap<Ranked>,
}

impl<'c> Choice<'c> {
    const fn new(names: &'c [&'c OsStr]) -> Self {
        Self { names, named: Vec::new(), best: BinaryHeap::new() }
    }

    fn offer(&mut self, name: &CStr, kind: FileType) {
        let rank = Rank::of(name, kind, self.names);
        if rank == Rank::Named {
            self.named.push(Ranked { rank, name: name.to_owned() });
            return;
        }
        if self.best.len() >= MOST_BESIDE {
            let worse = |worst: &Ranked| (rank, name) >= (worst.rank, worst.name.as_c_str());
            if self.best.peek().is_some_and(worse) {
                return;
            }
            self.best.pop();
        }
        self.best.push(Ranked { rank, name: name.to_owned() });
    }

    fn made(self) -> Vec<Ranked> {
        let mut entries = self.named;
        entries.extend(self.best.into_sorted_vec());
        entries
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
        let mut sides: Vec<Side> =
            plan.sites.splits_beside().filter_map(|dir| side(plan, dir)).collect();
        sides.sort_by_key(|side| side.entries.len());
        let mut left = MOST_BESIDE;
        let mut waiting = sides.len();
        for mut side in sides {
            side.truncate(left / waiting);
            waiting -= 1;
            left = left.saturating_sub(side.entries.len());
            for entry in &side.entries {
                self.entry(&side.fd, &entry.name)?;
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
        let Some((fd, can_be_listed)) = open_directory(dir) else { return Ok(()) };
        let mut entries = Vec::new();
        if can_be_listed {
            each_entry(&fd, |name, kind| entries.push((name.to_owned(), kind)));
        }
        for (name, kind) in entries {
            let path = dir.join(OsStr::from_bytes(name.as_bytes()));
            match stance(&self.plan.sites, &path) {
                Stance::Closed => {}
                Stance::Split if kind == FileType::Directory => {
                    self.descend(&path, stance)?;
                }
                Stance::Split | Stance::Whole => {
                    self.inside += 1;
                    if self.inside > MOST_INSIDE {
                        return Err(Missing::TooMany(dir.to_path_buf()));
                    }
                    self.entry(&fd, &name)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: &OwnedFd, name: &CStr) -> Result<(), Missing> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What has gone, and what this user cannot reach, needs no grant.
        let Ok(fd) = openat(dir, name, flags, Mode::empty()) else {
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
fn side(plan: &Plan<'_>, dir: &Path) -> Option<Side> {
    let names = first_names(plan.wanted.iter().map(PathBuf::as_path), dir);
    let closed = plan.sites.closed_entries(dir);
    let (fd, can_be_listed) = open_directory(dir)?;
    let mut choice = Choice::new(&names);
    let mut offer = |name: &CStr, kind| {
        if !closed.contains(&OsStr::from_bytes(name.to_bytes())) {
            choice.offer(name, kind);
        }
    };
    if can_be_listed {
        each_entry(&fd, offer);
    } else {
        // What is named is tried.
        let named = names.iter().filter_map(|name| CString::new(name.as_bytes()).ok());
        named.for_each(|name| offer(&name, FileType::Unknown));
    }
    Some(Side { fd, entries: choice.made() })
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

/// A directory that is gone through, and whether it can be listed as well as
/// entered.
fn open_directory(dir: &Path) -> Option<(OwnedFd, bool)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, dir, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(fd) => Some((fd, true)),
        Err(_) => Some((open(dir, OFlags::DIRECTORY)?, false)),
    }
}

/// Shows each entry of a directory, links and sockets left out: a link grants
/// nothing and a socket is not opened.
fn each_entry(dir: &OwnedFd, mut show: impl FnMut(&CStr, FileType)) {
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut stream = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = stream.next() {
        let Ok(entry) = entry else { break };
        let name = entry.file_name();
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => kind_of(dir, name),
            kind => kind,
        };
        let is_dots = matches!(name.to_bytes(), b"." | b"..");
        if !is_dots && !matches!(kind, FileType::Symlink | FileType::Socket) {
            show(name, kind);
        }
    }
}

fn kind_of(dir: &OwnedFd, name: &CStr) -> FileType {
    rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_thousands_are_kept_and_the_named_ones_in_any_case() {
        let named: Vec<String> = (0..80).map(|count| format!("zz-{count:02}")).collect();
        let names: Vec<&OsStr> = named.iter().map(OsStr::new).collect();
        let mut choice = Choice::new(&names);
        let mut offer = |name: String, kind| choice.offer(&CString::new(name).unwrap(), kind);
        for count in (0..3000).rev() {
            offer(format!("file-{count:04}"), FileType::RegularFile);
        }
        for count in 0..40 {
            offer(format!("dir-{count:02}"), FileType::Directory);
            offer(format!(".dot-{count:02}"), FileType::RegularFile);
        }
        named.iter().for_each(|name| offer(name.clone(), FileType::RegularFile));
        let kept: Vec<String> =
            choice.made().iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect();
        assert_eq!(kept.len(), named.len() + MOST_BESIDE);
        assert_eq!(kept[..80], named[..]);
        assert_eq!(
            kept[80..120],
            (0..40).map(|count| format!(".dot-{count:02}")).collect::<Vec<_>>()[..]
        );
        assert_eq!(
            kept[120..],
            (0..24).map(|count| format!("dir-{count:02}")).collect::<Vec<_>>()[..]
        );
    }
}
