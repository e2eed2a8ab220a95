//! New lines of all logs as they come, across rotation by rename and by truncation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::append::file_of;
use super::event::Event;
use super::log::parse;

/// Read at once.
const CHUNK: usize = 64 << 10;

/// What is kept of a line whose end has not come; no event of ours is so long.
const MAX_LINE: usize = 4 << 20;

/// The logs of a directory, from a moment on.
#[derive(Debug)]
pub struct Follow {
    directory: PathBuf,
    own: PathBuf,
    files: BTreeMap<PathBuf, Tail>,
}

/// A file and how far it was read.
#[derive(Debug)]
struct Tail {
    file: File,
    inode: (u64, u64),
    offset: u64,
    /// The beginning of a line.
    pending: Vec<u8>,
}

impl Follow {
    /// From now on; `uid` is the reader's own number.
    #[must_use]
    pub fn new(directory: &Path, uid: u32) -> Self {
        let own = file_of(directory, uid);
        let mut follow = Self { directory: directory.to_path_buf(), own, files: BTreeMap::new() };
        for path in follow.paths() {
            if let Ok(mut tail) = Tail::open(&path) {
                tail.offset = tail.file.metadata().map_or(0, |found| found.len());
                follow.files.insert(path, tail);
            }
        }
        follow
    }

    /// What has come since it was asked last, oldest first.
    pub fn news(&mut self) -> Vec<Event> {
        let mut news = Vec::new();
        for path in self.paths() {
            let now = std::fs::symlink_metadata(&path).map(|found| (found.dev(), found.ino()));
            if let Some(tail) = self.files.get_mut(&path) {
                tail.read(&mut news);
                // The path leads to another file: what was behind it has been read.
                if now.as_ref().is_ok_and(|inode| *inode != tail.inode) {
                    self.files.remove(&path);
                }
            }
            if !self.files.contains_key(&path)
                && let Ok(mut tail) = Tail::open(&path)
            {
                tail.read(&mut news);
                self.files.insert(path, tail);
            }
        }
        news.sort_by(|one: &Event, other: &Event| one.time.cmp(&other.time));
        news
    }

    /// Logs that are written to, and those that were; rotated ones keep their place in
    /// `files` until there is another one.
    fn paths(&self) -> BTreeSet<PathBuf> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let is_log = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("audit-") && name.ends_with(".jsonl")
        };
        let found = entries.map(|entry| entry.path()).filter(is_log);
        found.chain([self.own.clone()]).chain(self.files.keys().cloned()).collect()
    }
}

impl Tail {
    fn open(path: &Path) -> std::io::Result<Self> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        Ok(Self { file, inode: (found.dev(), found.ino()), offset: 0, pending: Vec::new() })
    }

    /// Adds the events of all complete lines that are new.
    fn read(&mut self, news: &mut Vec<Event>) {
        // Emptied in its place: it begins anew.
        if self.file.metadata().is_ok_and(|found| found.len() < self.offset) {
            self.offset = 0;
            self.pending.clear();
        }
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match self.file.read_at(&mut chunk, self.offset) {
                Ok(count) if count > 0 => count,
                _ => return,
            };
            self.offset += count as u64;
            self.pending.extend_from_slice(&chunk[..count]);
            while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                news.extend(parse(&line[..end]));
            }
            if self.pending.len() > MAX_LINE {
                self.pending.clear();
            }
        }
    }
}
