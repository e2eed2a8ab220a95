//! Waits until the kernel says that something may have come into a log.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

use super::append::file_of;

/// Where the kernel tells nothing, it is looked as often.
const SECOND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What happens in the directory of the logs.
#[derive(Debug)]
pub struct Arrivals {
    /// `None` when the kernel has none left for this user.
    inotify: Option<OwnedFd>,
    directory: PathBuf,
    own: PathBuf,
}

impl Arrivals {
    /// In `directory`; `uid` is the reader's own number.
    #[must_use]
    pub fn new(directory: &Path, uid: u32) -> Self {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let own = file_of(directory, uid);
        Self { inotify: inotify::init(flags).ok(), directory: directory.to_path_buf(), own }
    }

    /// From now on the kernel notes what comes. Before each look, because a log that is
    /// rotated is another file; false where something could come unseen.
    #[must_use]
    pub fn watch(&self) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let of_directory = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVE;
        // Who may not list the directory may not watch it, and has one log to read.
        inotify::add_watch(inotify, &self.directory, of_directory)
            .or_else(|_| {
                let of_log = WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
                inotify::add_watch(inotify, &self.own, of_log)
            })
            .is_ok()
    }

    /// Waits for something to come, at most a second where it could come unseen. False when
    /// nobody reads `output` any more.
    #[must_use]
    pub fn wait(&self, is_told: bool, output: impl AsFd) -> bool {
        // No event is asked for: that the other end is gone is always told.
        let mut asked = vec![PollFd::new(&output, PollFlags::empty())];
        asked.extend(self.inotify.iter().map(|inotify| PollFd::new(inotify, PollFlags::IN)));
        // Interrupted or in time: the next look comes.
        poll(&mut asked, (!is_told).then_some(&SECOND)).map(drop).unwrap_or_default();
        let is_read = !asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
        self.forget();
        is_read
    }

    /// What the events say is found out by looking.
    fn forget(&self) {
        let Some(inotify) = &self.inotify else { return };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(inotify, &mut buffer);
        while events.next().is_ok() {}
    }
}
