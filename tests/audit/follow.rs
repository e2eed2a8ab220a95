//! `audit -f`: what comes, as it comes.

use super::log;
use crate::support::{Instance, lacks, read};

/// A reader of `audit -f`: its lines, as they come.
pub(crate) struct Reader {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Reader {
    pub(crate) fn start(instance: &Instance, words: &[&str]) -> Self {
        let mut command = instance.command(&crate::support::envguard());
        Self::of(command.args(["audit", "-f"]).args(words))
    }

    fn of(command: &mut std::process::Command) -> Self {
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            use std::io::BufRead;
            for line in stdout.lines().map_while(Result::ok) {
                sender.send(line).unwrap_or_default();
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    pub(crate) fn next(&self, wanted: &str) {
        let line = self.lines.recv_timeout(std::time::Duration::from_secs(30)).expect(wanted);
        assert!(line.contains(wanted), "{wanted} is not in {line}");
    }

    /// Ends it; nothing that nobody has asked for has come until then.
    #[track_caller]
    fn ends(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let rest: Vec<String> = self.lines.iter().collect();
        assert_eq!(rest, [""; 0], "every line once");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

#[test]
fn a_reader_that_follows_misses_nothing_when_the_log_is_rotated() {
    let instance = Instance::new();
    let file = log(&instance);
    instance.kubectl(&["get", "zero"]).exits(42);
    let reader = Reader::start(&instance, &[]);
    reader.next("get zero");
    instance.kubectl(&["get", "one"]).exits(42);
    reader.next("get one");
    // By rename, with a line that comes before anybody looks again.
    instance.kubectl(&["get", "two"]).exits(42);
    std::fs::rename(&file, file.with_extension("jsonl.1")).unwrap();
    instance.kubectl(&["get", "three"]).exits(42);
    reader.next("get two");
    reader.next("get three");
    // By truncation.
    std::fs::copy(&file, file.with_extension("jsonl.2")).unwrap();
    std::fs::OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    let filler = Reader::start(&instance, &["--verdict", "refuse"]);
    instance.kubectl(&["get", "four"]).exits(42);
    reader.next("get four");
    instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
    reader.next("refused: target-foreign");
    filler.next("refused: target-foreign");
    // What came twice would come before what is written now.
    instance.kubectl(&["get", "five"]).exits(42);
    reader.next("get five");
    reader.ends();
    instance.kubectl(&["apply", "-k", "overlays/staging"]).refused("target-foreign");
    filler.next("overlays/staging");
    filler.ends();
}

#[test]
fn a_reader_that_follows_sleeps_until_something_comes() {
    if lacks("strace", "sees how it waits") {
        return;
    }
    let instance = Instance::new();
    instance.kubectl(&["get", "zero"]).exits(42);
    let trace = instance.path("trace");
    let guard = crate::support::envguard().display().to_string();
    let mut command = instance.command("/usr/bin/strace".as_ref());
    // The reader is the child, not its tracer: what is killed must not go on alone.
    command.args(["-D", "-f", "-e", "trace=poll,ppoll,clock_nanosleep,nanosleep", "-o"]);
    command.arg(&trace);
    let reader = Reader::of(command.args([guard.as_str(), "audit", "-f"]));
    reader.next("get zero");
    for word in ["one", "two", "three"] {
        instance.kubectl(&["get", word]).exits(42);
        reader.next(&format!("get {word}"));
    }
    drop(reader);
    let trace = read(&trace);
    let waits: Vec<&str> = trace.lines().filter(|line| line.contains("poll(")).collect();
    assert!(!waits.is_empty(), "{trace}");
    assert!(!trace.contains("nanosleep") && !trace.contains("tv_sec"), "{trace}");
}

#[test]
fn a_reader_whose_output_is_closed_ends() {
    let instance = Instance::new();
    instance.kubectl(&["get", "zero"]).exits(42);
    let mut command = instance.command(&crate::support::envguard());
    let mut child =
        command.args(["audit", "-f"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert!(line.contains("get zero"), "{line}");
    drop(output);
    // Nothing more comes, and it does not wait for that.
    assert!(child.wait().unwrap().success());
}
