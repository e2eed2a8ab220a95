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

/// Bytes of one file that are looked through for break glass, so that a login does not
/// wait: some hundred thousand commands.
const MOST_BYTES: usize = 64 << 20;

/// The commands that ran by break glass within the last day, newest first, of all
/// users whose logs this one may read.
#[must_use]
pub fn lifted(directory: &Path) -> Vec<Event> {
    let uid = rustix::process::geteuid().as_raw();
    let Ok(since) = since("1d", Timestamp::now()) else { return Vec::new() };
    let files = files(directory, uid);
    let mut found: Vec<Event> = files.iter().flat_map(|file| lifted_in(file, &since)).collect();
    found.sort_by(|one, other| other.time.cmp(&one.time));
    found
}

/// Only lines that could be meant are parsed: a script may write thousands in a day.
fn lifted_in(file: &Path, since: &str) -> Vec<Event> {
    let Ok(lines) = Backwards::open(file) else { return Vec::new() };
    let mut read = 0;
    lines
        .map_while(Result::ok)
        .take_while(|line| {
            read += line.len();
            read <= MOST_BYTES
        })
        .take_while(|line| !is_before(&String::from_utf8_lossy(line), since))
        .filter(|line| String::from_utf8_lossy(line).contains("\"breakGlass\""))
        .filter_map(|line| parse(&line))
        .filter(|event| event.time.as_str() >= since && event.ran_by_break_glass())
        .collect()
}

/// Whether a line is older: its time stands before anything that somebody has typed.
fn is_before(line: &str, since: &str) -> bool {
    let time = line.split_once("\"time\":\"").and_then(|(_, rest)| rest.split('"').next());
    time.is_some_and(|time| time < since)
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

/// One's own log and what it was before each rotation, where the directory cannot be
/// listed.
fn named_files(own: &Path) -> Vec<PathBuf> {
    let rotated = (1..).map(|number| own.with_extension(format!("jsonl.{number}")));
    let rotated = rotated.take_while(|path| path.exists());
    [own.to_path_buf()].into_iter().filter(|path| path.exists()).chain(rotated).collect()
}

/// All logs, rotated ones too, as far as they can be found.
fn files(directory: &Path, uid: u32) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return named_files(&file_of(directory, uid));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_that_cannot_be_listed_are_found_by_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["audit-7.jsonl", "audit-7.jsonl.1", "audit-7.jsonl.2", "audit-8.jsonl.1"];
        let paths = names.map(|name| directory.path().join(name));
        for path in &paths {
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(named_files(&paths[0]), paths[..3]);
        std::fs::remove_file(&paths[0]).unwrap();
        assert_eq!(named_files(&paths[0]), paths[1..3]);
    }
}
