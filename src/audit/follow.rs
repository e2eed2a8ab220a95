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

/// The beginning of a log tells one content from another: the first line has its time there.
const HEAD: usize = 256;

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
    /// The first bytes of what has been read.
    head: Vec<u8>,
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
                tail.head = tail.beginning();
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
        let inode = (found.dev(), found.ino());
        Ok(Self { file, inode, offset: 0, head: Vec::new(), pending: Vec::new() })
    }

    /// The first bytes, as far as they have been read.
    fn beginning(&self) -> Vec<u8> {
        let mut head = vec![0; HEAD.min(usize::try_from(self.offset).unwrap_or(HEAD))];
        let count = self.file.read_at(&mut head, 0).unwrap_or(0);
        head.truncate(count);
        head
    }

    /// Whether it was emptied in its place, however much has been written to it since.
    fn begins_anew(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.len() < self.offset)
            || !self.beginning().starts_with(&self.head)
    }

    /// Adds the events of all complete lines that are new.
    fn read(&mut self, news: &mut Vec<Event>) {
        if self.begins_anew() {
            self.offset = 0;
            self.head.clear();
            self.pending.clear();
        }
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match self.file.read_at(&mut chunk, self.offset) {
                Ok(count) if count > 0 => count,
                _ => break,
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
        if self.head.len() < HEAD {
            self.head = self.beginning();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of the log, by its second and its process.
    fn line(second: u32, pid: u32) -> Vec<u8> {
        let event = serde_json::json!({
            "apiVersion": "envguard/v1alpha1", "kind": "AuditEvent",
            "time": format!("2026-11-25T08:00:0{second}.000Z"), "event": "judged",
            "verdict": "run", "enforced": true, "reasons": [], "class": "read",
            "argv": ["get", "pods"], "cwd": "/", "session": "unknown", "uid": 7,
            "user": null, "tty": null, "pid": pid, "environment": "develop", "cluster": "d",
        });
        let event: Event = serde_json::from_value(event).unwrap();
        event.line().unwrap()
    }

    /// Nobody has looked between the truncation and lines that reach further than before.
    #[test]
    fn a_log_that_was_emptied_and_is_longer_again_is_read_from_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit-7.jsonl");
        std::fs::write(&file, line(1, 9_999)).unwrap();
        let mut follow = Follow::new(dir.path(), 7);
        assert_eq!(follow.news().len(), 0);
        for (second, lines) in [(2, 1), (3, 2), (4, 9)] {
            let content: Vec<u8> = (0..lines).flat_map(|_| line(second, 10_000)).collect();
            // `write` empties it in its place.
            std::fs::write(&file, content).unwrap();
            assert_eq!(follow.news().len(), lines, "{second}");
            assert_eq!(follow.news().len(), 0, "{second}");
        }
    }
}
