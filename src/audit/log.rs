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
    files: Vec<Lines>,
    /// The newest event of each file that was not handed out yet.
    heads: BinaryHeap<Head>,
    /// Files that cannot be opened, or not to their beginning.
    unreadable: Vec<String>,
}

/// The lines of one file.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    newest_first: Backwards,
    /// Lines that are no events. A number, because there may be a gigabyte of them.
    skipped: usize,
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
                Ok(newest_first) => {
                    log.files.push(Lines { path, newest_first, skipped: 0 });
                    log.advance(log.files.len() - 1);
                }
                // Other people's logs are theirs.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
                Err(error) => log.unreadable.push(format!("{}: {error}", path.display())),
            }
        }
        log
    }

    /// Puts the next event of a file among the heads.
    fn advance(&mut self, file: usize) {
        let lines = &mut self.files[file];
        for line in lines.newest_first.by_ref() {
            match line {
                Ok(line) => match parse(&line) {
                    Some(event) => return self.heads.push(Head { event, file }),
                    None => lines.skipped += 1,
                },
                Err(error) => {
                    self.unreadable.push(format!("{}: {error}", lines.path.display()));
                }
            }
        }
    }

    /// What was wrong with the files so far, a phrase for each.
    pub fn troubles(&self) -> impl Iterator<Item = String> {
        let skipped = self.files.iter().filter_map(|lines| {
            let path = lines.path.display();
            match lines.skipped {
                0 => None,
                1 => Some(format!("{path}: a line that is no event was skipped")),
                count => Some(format!("{path}: {count} lines that are no events were skipped")),
            }
        });
        self.unreadable.iter().cloned().chain(skipped)
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
