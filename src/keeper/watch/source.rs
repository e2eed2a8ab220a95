//! What changes on the disk: inotify through the notify crate, as one bit, "look
//! again". What happened exactly is never relied on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ways::{Names, Shortage, Ways};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Events come in bursts: this long nothing new, and the burst is over.
const QUIET: Duration = Duration::from_millis(20);
/// A burst that does not end is looked at all the same.
const BURST: Duration = Duration::from_millis(200);

/// What was noted since the last look.
#[derive(Debug, Default)]
struct Noted {
    /// Directories that came or went: their watches may be gone with them.
    renewed: BTreeSet<PathBuf>,
    /// Events were lost.
    lost: bool,
}

/// Which events matter.
#[derive(Debug, Default)]
struct Interest {
    /// In these directories only these names matter.
    only: Vec<(PathBuf, PathBuf)>,
}

/// The watches.
pub(super) struct Source {
    watcher: Option<RecommendedWatcher>,
    ways: Option<Ways>,
    watched: BTreeSet<PathBuf>,
    noted: Arc<Mutex<Noted>>,
    interest: Arc<Mutex<Interest>>,
    bell: Receiver<()>,
    /// Keeps the bell open also without a watcher.
    _ringer: SyncSender<()>,
}

impl Source {
    pub(super) fn new() -> Self {
        let (ringer, bell) = sync_channel(1);
        let noted: Arc<Mutex<Noted>> = Arc::default();
        let interest: Arc<Mutex<Interest>> = Arc::default();
        let handler = {
            let (noted, interest, ringer) = (noted.clone(), interest.clone(), ringer.clone());
            move |event| {
                if note(event, &noted, &interest) {
                    // Full means that the bell rings already.
                    ringer.try_send(()).unwrap_or_default();
                }
            }
        };
        let watcher = notify::recommended_watcher(handler).ok();
        let ways = {
            let (noted, ringer) = (noted.clone(), ringer.clone());
            Ways::new(move |path| {
                let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                noted.lost |= path.is_none();
                noted.renewed.extend(path);
                ringer.try_send(()).unwrap_or_default();
            })
        };
        Self { watcher, ways, watched: BTreeSet::new(), noted, interest, bell, _ringer: ringer }
    }

    /// Watches exactly `dirs`, in those of `only` a single name, and `ways`. Says whether any
    /// of them was not watched until now: what happened there was missed.
    pub(super) fn watch(
        &mut self,
        dirs: &BTreeSet<PathBuf>,
        only: Vec<(PathBuf, PathBuf)>,
        ways: &Names,
    ) -> Result<bool, Shortage> {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner).only = only;
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.lost {
            self.watched.clear();
        }
        self.watched.retain(|dir| !noted.renewed.iter().any(|renewed| dir.starts_with(renewed)));
        let (Some(watcher), Some(on_the_way)) = (&mut self.watcher, &self.ways) else {
            return Err(Shortage::Inotify("no inotify instance is left for this user".into()));
        };
        for dir in self.watched.difference(dirs) {
            // Gone with its directory, most likely.
            watcher.unwatch(dir).unwrap_or_default();
        }
        self.watched.retain(|dir| dirs.contains(dir));
        let mut is_new = on_the_way.watch(ways)?;
        for dir in dirs {
            if self.watched.contains(dir) {
                continue;
            }
            match watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(dir.clone());
                    is_new = true;
                }
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    return Err(Shortage::Watches);
                }
                // Gone again, or unreadable: the look at the disk says so.
                Err(_) => {}
            }
        }
        Ok(is_new)
    }

    /// Waits for something to happen, at most until `until`.
    pub(super) fn wait(&self, until: Option<Instant>) {
        let rang = match until {
            None => self.bell.recv().is_ok(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.bell.recv_timeout(left).is_ok()
            }
        };
        if !rang {
            return;
        }
        let burst = Instant::now() + BURST;
        while Instant::now() < burst {
            match self.bell.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// How many directories are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.len() + self.ways.as_ref().map_or(0, Ways::len)
    }
}

/// Notes an event; says whether it is worth a look.
fn note(event: notify::Result<Event>, noted: &Mutex<Noted>, interest: &Mutex<Interest>) -> bool {
    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(event) = event else {
        noted.lost = true;
        return true;
    };
    if event.need_rescan() {
        noted.lost = true;
        return true;
    }
    let interest = interest.lock().unwrap_or_else(PoisonError::into_inner);
    let matters = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
            event.paths.iter().any(|path| interest.names(path))
        }
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) => false,
        _ => event.paths.iter().any(|path| interest.allows(path)),
    };
    let came_or_went = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    // In a busy directory, what does not matter would pile up until the next look.
    if came_or_went && matters {
        noted.renewed.extend(event.paths);
    }
    matters
}

impl Interest {
    /// Whether `path` is one of the single names.
    fn names(&self, path: &Path) -> bool {
        self.only.iter().any(|(_, name)| name == path)
    }

    /// Whether something at `path` may matter.
    fn allows(&self, path: &Path) -> bool {
        let parent = path.parent().unwrap_or(path);
        let mut of_parent = self.only.iter().filter(|(dir, _)| dir == parent).peekable();
        of_parent.peek().is_none() || of_parent.any(|(_, name)| name == path) || self.names(path)
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag, ModifyKind, RenameMode};

    use super::*;

    fn noted(event: Event, only: &[(&str, &str)]) -> (bool, Noted) {
        let state = Mutex::new(Noted::default());
        let only =
            only.iter().map(|(dir, name)| (PathBuf::from(dir), PathBuf::from(name))).collect();
        let matters = note(Ok(event), &state, &Mutex::new(Interest { only }));
        (matters, state.into_inner().unwrap())
    }

    #[test]
    fn an_overflow_means_that_everything_is_looked_at_again() {
        let event = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let (matters, noted) = noted(event, &[]);
        assert!(matters && noted.lost);
    }

    #[test]
    fn looking_does_not_wake_the_one_who_looks() {
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(!noted(Event::new(open).add_path("/m/overlays".into()), &[]).0);
    }

    #[test]
    fn directories_that_came_or_went_are_watched_anew() {
        let kind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        let (matters, noted) = noted(Event::new(kind).add_path("/m".into()), &[]);
        assert!(matters);
        assert!(noted.renewed.contains(Path::new("/m")));
    }

    #[test]
    fn in_a_busy_directory_only_one_name_matters() {
        let created =
            |path: &str| Event::new(EventKind::Create(CreateKind::Any)).add_path(path.into());
        let only = [("/home/a", "/home/a/m")];
        let (matters, kept) = noted(created("/home/a/.viminfo"), &only);
        assert!(!matters && kept.renewed.is_empty(), "nothing piles up");
        assert!(noted(created("/home/a/m"), &only).0);
        assert!(noted(created("/home/a/m/overlays/prod"), &only).0);
    }
}
