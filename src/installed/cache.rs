//! What a kubectl said of itself, kept in one small file per program. The file is
//! named by device, inode, size and time of change: another program has another
//! file.
//!
//! Only files that nobody else can have written count. Where none can be written
//! there is no cache, and that is no error.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::env::Env;
use crate::kubectl::{Page, Release};

/// Written by root for everybody, where the package has made the directory.
const SYSTEM: &str = "/var/lib/envguard";

/// First line of a file.
const FORMAT: &str = "envguard-kubectl 1";

/// Last line of a file that was written to its end.
const END: &str = "end";

/// Bytes of a file that are read.
const LIMIT: u64 = 1 << 20;

/// Programs that are remembered.
const FILES: usize = 8;

/// One program and what is known of it.
#[derive(Debug)]
pub(super) struct Cache {
    program: PathBuf,
    /// `None` when the program cannot be told from another one.
    name: Option<String>,
    places: Vec<Place>,
    known: Known,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    release: Option<Release>,
    pages: BTreeMap<String, Page>,
}

/// A directory with such files.
#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
    /// Whose files count.
    owner: u32,
    /// For files that are written.
    mode: Mode,
}

impl Cache {
    /// Reads what is known of `program`.
    pub(super) fn open(program: &Path, env: &Env) -> Self {
        Self::at(program, places(env))
    }

    fn at(program: &Path, places: Vec<Place>) -> Self {
        let name = program.metadata().ok().map(|found| {
            let changed =
                i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
            format!("kubectl-{}-{}-{}-{changed}", found.dev(), found.ino(), found.size())
        });
        let known = name.as_deref().and_then(|name| {
            places.iter().find_map(|place| read(place, name)).and_then(|text| Known::restore(&text))
        });
        Self { program: program.to_path_buf(), name, places, known: known.unwrap_or_default() }
    }

    /// The page of `path`, from the cache or from `ask`.
    pub(super) fn page(
        &mut self,
        path: &str,
        ask: impl FnOnce(&Path) -> Option<Page>,
    ) -> Option<Page> {
        if let Some(page) = self.known.pages.get(path) {
            return Some(page.clone());
        }
        let page = ask(&self.program)?;
        self.known.pages.insert(path.to_owned(), page.clone());
        self.keep();
        Some(page)
    }

    /// The release, from the cache or from `ask`.
    pub(super) fn release(
        &mut self,
        ask: impl FnOnce(&Path) -> Option<Release>,
    ) -> Option<Release> {
        if self.known.release.is_none() {
            self.known.release = Some(ask(&self.program)?);
            self.keep();
        }
        self.known.release
    }

    /// The release, if it is in the cache.
    pub(super) fn known_release(&self) -> Option<Release> {
        self.known.release
    }

    /// Writes the file. Two at once: the later one wins, and what the other one
    /// knew is asked for again.
    fn keep(&self) {
        let (Some(name), Some(place)) = (&self.name, self.places.first()) else { return };
        write(place, name, &self.known.to_string()).unwrap_or_default();
    }
}

impl Known {
    fn restore(text: &str) -> Option<Self> {
        let body = text.strip_prefix(FORMAT)?.strip_prefix('\n')?;
        let body = body.strip_suffix('\n')?.strip_suffix(END)?;
        let mut known = Self::default();
        let mut page: Option<(&str, String)> = None;
        for line in body.lines() {
            if let Some(release) = line.strip_prefix("release ") {
                known.release = Some(Release::find(release)?);
            } else if let Some(path) = line.strip_prefix("page ") {
                known.add(page.replace((path, String::new())))?;
            } else {
                let (_, lines) = page.as_mut()?;
                lines.push_str(line);
                lines.push('\n');
            }
        }
        known.add(page)?;
        Some(known)
    }

    fn add(&mut self, page: Option<(&str, String)>) -> Option<()> {
        if let Some((path, lines)) = page {
            self.pages.insert(path.to_owned(), Page::restore(&lines)?);
        }
        Some(())
    }
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{FORMAT}")?;
        if let Some(release) = self.release {
            writeln!(f, "release v{release}.0")?;
        }
        for (path, page) in &self.pages {
            write!(f, "page {path}\n{page}")?;
        }
        writeln!(f, "{END}")
    }
}

/// Where files are looked for; the first one is where they are written. Root
/// writes for everybody when the package's directory exists.
pub(super) fn places(env: &Env) -> Vec<Place> {
    let me = rustix::process::geteuid().as_raw();
    let own = own_directory(env, me).map(|dir| Place { dir, owner: me, mode: private() });
    let system = Path::new(SYSTEM).is_dir().then(|| Place {
        dir: SYSTEM.into(),
        owner: 0,
        mode: Mode::from_raw_mode(0o644),
    });
    if me == 0 {
        system.into_iter().chain(own).collect()
    } else {
        own.into_iter().chain(system).collect()
    }
}

fn private() -> Mode {
    Mode::from_raw_mode(0o600)
}

/// `$XDG_CACHE_HOME/envguard` or `~/.cache/envguard`, made where it is missing. In
/// a home of somebody else (`sudo`) nothing is made.
fn own_directory(env: &Env, me: u32) -> Option<PathBuf> {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let is_mine = |dir: &Path| dir.metadata().is_ok_and(|found| found.uid() == me);
    let caches = absolute("XDG_CACHE_HOME").or_else(|| {
        let home = absolute("HOME").filter(|home| is_mine(home))?;
        Some(home.join(".cache"))
    })?;
    let dir = caches.join("envguard");
    if !dir.exists() {
        // One that cannot be made is missing below as well.
        rustix::fs::mkdir(&caches, Mode::RWXU).unwrap_or_default();
        if is_mine(&caches) {
            rustix::fs::mkdir(&dir, Mode::RWXU).unwrap_or_default();
        }
    }
    dir.is_dir().then_some(dir)
}

/// The directory, when only its owner can change what is in it.
fn enter(place: &Place) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::open(&place.dir, flags, Mode::empty())?;
    trusted(&dir, place).then_some(dir).ok_or(rustix::io::Errno::PERM)
}

fn trusted(file: &OwnedFd, place: &Place) -> bool {
    rustix::fs::fstat(file)
        .is_ok_and(|found| found.st_uid == place.owner && found.st_mode & 0o022 == 0)
}

pub(super) fn read(place: &Place, name: &str) -> Option<String> {
    let dir = enter(place).ok()?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, name, flags, Mode::empty()).ok()?;
    if !trusted(&file, place) {
        return None;
    }
    let file = File::from(file);
    let mut text = String::new();
    let is_file = file.metadata().ok()?.is_file();
    file.take(LIMIT).read_to_string(&mut text).ok().filter(|_| is_file)?;
    Some(text)
}

pub(super) fn write(place: &Place, name: &str, text: &str) -> std::io::Result<()> {
    let dir = enter(place)?;
    forget_oldest(place, name);
    let draft = format!(".{name}.{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, &draft, flags, place.mode)?;
    let written = File::from(file)
        .write_all(text.as_bytes())
        .and_then(|()| Ok(rustix::fs::renameat(&dir, &draft, &dir, name)?));
    if written.is_err() {
        rustix::fs::unlinkat(&dir, &draft, AtFlags::empty())?;
    }
    written
}

/// Makes room for `name`.
fn forget_oldest(place: &Place, name: &str) {
    let entries = std::fs::read_dir(&place.dir).into_iter().flatten().flatten();
    let is_other = |other: &OsStr| {
        other != name && other.to_str().is_some_and(|other| other.starts_with("kubectl-"))
    };
    let mut files: Vec<_> = entries
        .filter(|entry| is_other(&entry.file_name()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    let surplus = (files.len() + 1).saturating_sub(FILES);
    for (_, file) in &files[..surplus] {
        // One that stays is in nobody's way.
        std::fs::remove_file(file).unwrap_or_default();
    }
}
