//! The two tables as they stand in `tests/ordinary.txt` and `tests/refused.txt`;
//! their first lines explain the format.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A line that operators type every day.
#[derive(Debug)]
pub(super) struct Ordinary {
    pub(super) row: Row,
    /// At the levels normal, caution and critical.
    pub(super) expected: [Expected; 3],
    /// For a refused line: the first line of the refusal, and the remedy.
    pub(super) sentence: Vec<String>,
}

/// What the guard does with an ordinary line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Run,
    Ask,
    Refused,
}

/// A line that must not get through.
#[derive(Debug)]
pub(super) struct Forbidden {
    pub(super) row: Row,
    pub(super) because: Because,
    /// The code it is refused under; `None` where it runs, and is harmless.
    pub(super) code: Option<String>,
}

/// What real kubectl does with a forbidden line when there is no guard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// Opens this file or directory; relative to the checkout.
    Opens(PathBuf),
    /// Connects to the other server.
    Contacts,
    /// Nothing that would show here.
    Policy,
}

/// What both tables have in common.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it stands: `tests/refused.txt:12`.
    pub(super) place: String,
    /// For the shell.
    pub(super) line: String,
    /// Files and links that are made first.
    pub(super) given: Vec<Given>,
    /// Whether foreign overlays have been taken off the disk.
    pub(super) tidied: bool,
    /// The line's exit code.
    pub(super) exits: Option<i32>,
    /// Minor versions of kubectl for which the row holds.
    pub(super) minors: RangeInclusive<u32>,
}

/// Something that is on the disk before a line runs.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    File {
        path: String,
        content: String,
    },
    Link {
        path: String,
        target: String,
    },
    /// In a directory of `PATH`.
    Program {
        name: String,
        script: String,
    },
}

/// Reads `tests/ordinary.txt`.
pub(super) fn ordinary(text: &str) -> Vec<Ordinary> {
    let mut rows: Vec<Ordinary> = Vec::new();
    for (place, line) in lines("tests/ordinary.txt", text) {
        let Some(detail) = line.strip_prefix("    ") else {
            let mut rest = line;
            let expected = std::array::from_fn(|_| {
                let (word, after) = rest.split_once(' ').expect(&place);
                rest = after.trim_start();
                match word {
                    "run" => Expected::Run,
                    "ask" => Expected::Ask,
                    "refused" => Expected::Refused,
                    other => panic!("{place}: {other} is neither run, ask nor refused"),
                }
            });
            rows.push(Ordinary { row: Row::new(place, rest), expected, sentence: Vec::new() });
            continue;
        };
        let last = rows.last_mut().expect(&place);
        match detail.strip_prefix("> ") {
            Some(sentence) => last.sentence.push(sentence.to_owned()),
            None => last.row.add(&place, detail),
        }
    }
    rows
}

/// Reads `tests/refused.txt`.
pub(super) fn forbidden(text: &str) -> Vec<Forbidden> {
    let mut rows: Vec<Forbidden> = Vec::new();
    for (place, line) in lines("tests/refused.txt", text) {
        if let Some(detail) = line.strip_prefix("    ") {
            rows.last_mut().expect(&place).row.add(&place, detail);
            continue;
        }
        let parts: Vec<&str> = line.splitn(3, " | ").map(str::trim).collect();
        let [because, code, line] = parts[..] else { panic!("{place}: three columns, please") };
        let because = match because.split_once(' ') {
            Some(("opens", path)) => Because::Opens(path.into()),
            None if because == "policy" => Because::Policy,
            _ if because == "contacts other" => Because::Contacts,
            _ => panic!("{place}: {because} is no reason"),
        };
        let code = (code != "harmless").then(|| code.to_owned());
        rows.push(Forbidden { row: Row::new(place, line), because, code });
    }
    rows
}

/// The lines that mean something, with their places.
fn lines<'t>(file: &str, text: &'t str) -> impl Iterator<Item = (String, &'t str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(move |(index, line)| (format!("{file}:{}", index + 1), line))
}

impl Row {
    fn new(place: String, line: &str) -> Self {
        assert!(!line.is_empty(), "{place}: no line");
        let line = line.to_owned();
        Self { place, line, given: Vec::new(), tidied: false, exits: None, minors: 0..=u32::MAX }
    }

    /// An indented line: more about the row before.
    fn add(&mut self, place: &str, detail: &str) {
        let (word, rest) = detail.split_once(' ').unwrap_or((detail, ""));
        let minor = || rest.strip_prefix("1.").and_then(|minor| minor.parse().ok()).expect(place);
        match word {
            "with" => {
                let (path, content) = rest.split_once(": ").expect(place);
                let content = content.replace("\\n", "\n").replace("\\t", "\t") + "\n";
                self.given.push(Given::File { path: path.to_owned(), content });
            }
            "link" => {
                let (path, target) = rest.split_once(" -> ").expect(place);
                self.given.push(Given::Link { path: path.to_owned(), target: target.to_owned() });
            }
            "program" => {
                let (name, script) = rest.split_once(": ").expect(place);
                let script = format!("#!/bin/sh\n{script}\n");
                self.given.push(Given::Program { name: name.to_owned(), script });
            }
            "tidied" => self.tidied = true,
            "exits" => self.exits = Some(rest.parse().expect(place)),
            "since" => self.minors = minor()..=*self.minors.end(),
            "until" => self.minors = *self.minors.start()..=minor(),
            other => panic!("{place}: {other} is no detail of a row"),
        }
    }
}
