//! Reads the logs of all users that this one may read, newest line first.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::append::file_of;
use super::backwards::Backwards;
use super::event::Event;
use super::select::since;

/// The merged logs of a directory, newest event first.
#[derive(Debug, Default)]
pub struct Log {
    files: Vec<Backwards>,
    /// The newest event of each file that was not handed out yet.
    heads: BinaryHeap<Head>,
    /// Files that cannot be read, and lines that are no events.
    pub troubles: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    event: Event,
    file: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Of the same instant, lines keep the order of their file.
        self.event.time.cmp(&other.event.time).then(other.file.cmp(&self.file))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Log {
    /// Opens what may be read of `directory`; `uid` is the reader's own number,
    /// whose file is found even where the directory cannot be listed.
    #[must_use]
    pub fn open(directory: &Path, uid: u32) -> Self {
        let mut log = Self::default();
        for path in files(directory, uid) {
            match Backwards::open(&path) {
                Ok(file) => {
                    log.files.push(file);
                    log.advance(log.files.len() - 1);
                }
                // Other people's logs are theirs.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
                Err(error) => log.troubles.push(format!("{}: {error}", path.display())),
            }
        }
        log
    }

    /// Puts the next event of a file among the heads.
    fn advance(&mut self, file: usize) {
        for line in self.files[file].by_ref() {
            match line {
                Ok(line) => match parse(&line) {
                    Some(event) => return self.heads.push(Head { event, file }),
                    None => self.troubles.push("a line that is no event was skipped".to_owned()),
                },
                Err(error) => self.troubles.push(error.to_string()),
            }
        }
    }
}

impl Iterator for Log {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let head = self.heads.pop()?;
        self.advance(head.file);
        Some(head.event)
    }
}

/// Events that are looked through for break glass, so that a login never waits.
const MOST_EVENTS: usize = 500;

/// The commands that ran by break glass within the last day, newest first, of all
/// users whose logs this one may read.
#[must_use]
pub fn lifted(directory: &Path) -> Vec<Event> {
    let uid = rustix::process::geteuid().as_raw();
    let Ok(since) = since("1d", Timestamp::now()) else { return Vec::new() };
    Log::open(directory, uid)
        .take(MOST_EVENTS)
        .take_while(|event| event.time >= since)
        .filter(Event::ran_by_break_glass)
        .collect()
}

/// An event; after a torn line, which ends without a line break when the disk is
/// full, the next event stands on the same line.
pub(super) fn parse(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok().or_else(|| {
        let start = br#"{"apiVersion""#;
        let at = line.windows(start.len()).rposition(|window| window == start)?;
        serde_json::from_slice(&line[at..]).ok()
    })
}

/// All logs, rotated ones too, as far as they can be found.
fn files(directory: &Path, uid: u32) -> Vec<PathBuf> {
    let own = file_of(directory, uid);
    let Ok(entries) = std::fs::read_dir(directory) else {
        let rotated = own.with_extension("jsonl.1");
        return [own, rotated].into_iter().filter(|path| path.exists()).collect();
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("audit-") && name.contains(".jsonl") && !name.ends_with(".gz")
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}
