//! The directories on the way to the checkouts, watched for names that come and go
//! and for nothing else: in a home directory files are opened all day, and notify
//! would wake up for each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Why there is no watch on everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The kernel has no more watches for this user.
    Watches,
    /// inotify itself cannot be had.
    Inotify(String),
}

/// Directories, each with the paths in it that matter; none means all.
pub(super) type Names = BTreeMap<PathBuf, Vec<PathBuf>>;

/// By the kernel's number of the watch.
type Watched = Arc<Mutex<BTreeMap<i32, (PathBuf, Vec<PathBuf>)>>>;

/// Names that come and go, and the directory itself.
const MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The watches on the way.
pub(super) struct Ways {
    inotify: Arc<OwnedFd>,
    watched: Watched,
}

impl Ways {
    /// `came_or_went` hears of each path that matters; `None` means any.
    pub(super) fn new(came_or_went: impl Fn(Option<PathBuf>) + Send + 'static) -> Option<Self> {
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC).ok()?);
        let watched = Watched::default();
        let ways = Self { inotify: inotify.clone(), watched: watched.clone() };
        std::thread::spawn(move || listen(&inotify, &watched, came_or_went));
        Some(ways)
    }

    /// Watches exactly `wanted`. Says whether any of them was not watched until now.
    pub(super) fn watch(&self, wanted: &Names) -> Result<bool, Shortage> {
        let mut now = BTreeMap::new();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for (dir, names) in wanted {
            // The same directory has the same number, another in its place has not.
            match inotify::add_watch(&*self.inotify, dir.as_path(), MASK) {
                // By two paths to one directory, the names of both count.
                Ok(number) => match now.entry(number) {
                    Entry::Vacant(new) => {
                        new.insert((dir.clone(), names.clone()));
                    }
                    Entry::Occupied(mut known) if !known.get().1.is_empty() => {
                        let known = &mut known.get_mut().1;
                        if names.is_empty() {
                            known.clear();
                        } else {
                            known.extend(names.iter().cloned());
                        }
                    }
                    Entry::Occupied(_) => {}
                },
                Err(Errno::NOSPC) => return Err(Shortage::Watches),
                // Gone again, or unreadable: the look at the disk says so.
                Err(_) => {}
            }
        }
        let is_new = now.keys().any(|number| !watched.contains_key(number));
        for number in watched.keys().filter(|number| !now.contains_key(number)) {
            // Gone with its directory, most likely.
            inotify::remove_watch(&*self.inotify, *number).unwrap_or_default();
        }
        *watched = now;
        Ok(is_new)
    }

    /// How many directories are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn listen(inotify: &OwnedFd, watched: &Watched, came_or_went: impl Fn(Option<PathBuf>)) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(inotify, &mut buffer);
    loop {
        let event = match events.next() {
            Ok(event) => event,
            Err(Errno::INTR) => continue,
            // Nothing more will be heard; what is known is looked at once more.
            Err(_) => return came_or_went(None),
        };
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            came_or_went(None);
            continue;
        }
        let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((dir, names)) = watched.get(&event.wd()) else { continue };
        let path = match event.file_name() {
            Some(name) => dir.join(OsStr::from_bytes(name.to_bytes())),
            None => dir.clone(),
        };
        if path == *dir || names.is_empty() || names.contains(&path) {
            came_or_went(Some(path));
        }
    }
}
