//! A watcher, and what happens in front of its eyes.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::ground::Ground;
use crate::support::{Output, envguard, read, write};

/// Nothing in these tests takes nearly so long; it bounds a failure.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running watcher and what it says.
pub(crate) struct Watcher {
    pub(crate) child: Child,
    said: Receiver<String>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Watcher {
    pub(crate) fn start(ground: &Ground) -> Self {
        Self::started(ground.instance.command(&envguard()), ground)
    }

    pub(crate) fn started(command: Command, ground: &Ground) -> Self {
        Self::start_with(command, ground, "watching")
    }

    /// Starts it and waits until it says `first`.
    pub(super) fn start_with(mut command: Command, ground: &Ground, first: &str) -> Self {
        command.args(["watch"]).env("STATE_DIRECTORY", ground.instance.path("state"));
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (send, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let watcher = Self { child, said };
        watcher.says(first);
        watcher
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        Output::of(kill.args([format!("-{name}"), self.child.id().to_string()])).exits(0);
    }

    /// How many lines with `text` in them were said and not waited for yet.
    pub(crate) fn heard(&self, text: &str) -> usize {
        self.said.try_iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until it says something with `text` in it.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(error) => panic!("{text:?} was not said ({error}), but {before:#?}"),
            }
        }
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A directory with one file appears at once, so that nobody writes into what the
/// watcher has taken already. It belongs to the checkout's owner.
pub(crate) fn bring(ground: &Ground, place: &Path) {
    let made = ground.instance.path("elsewhere/made");
    write(&made.join("x.yaml"), "a: 1\n");
    let owner = ground.top().metadata().unwrap();
    for path in [&made, &made.join("x.yaml")] {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::rename(made, place).unwrap();
}

pub(crate) fn gone(path: &Path) -> bool {
    path.symlink_metadata().is_err()
}

/// How many events the kernel keeps for one who does not fetch them.
pub(crate) fn most_queued() -> usize {
    read(Path::new("/proc/sys/fs/inotify/max_queued_events")).trim().parse().unwrap()
}

/// More events than the kernel keeps for a watcher that is stopped.
pub(crate) fn overfill(ground: &Ground) {
    // Two events each; two alike in a row would be one.
    for number in 0..most_queued() / 2 + 1 {
        let flood = ground.top().join(format!("overlays/flood-{}", number % 2));
        std::fs::write(&flood, "").unwrap();
        std::fs::remove_file(&flood).unwrap();
    }
}
