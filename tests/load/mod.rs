//! More of everything than an instance ever sees: commands at once, events, log.
//!
//! With every test run a size that takes seconds. `tests/run load` does it in full, and
//! prints what was done.

mod commands;
mod events;
mod log;

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// The size of a run: `full` when somebody asked for it.
fn size(full: usize, small: usize) -> usize {
    if std::env::var_os("ENVGUARD_LOAD").is_some() { full } else { small }
}

/// A row of what was done.
fn done(what: &str, figure: impl std::fmt::Display) {
    eprintln!("{what:<62} {figure:>12}");
}

/// Waits until `dir` has `wanted` entries, as long as they become more: how long a thousand
/// programs take is the machine's affair.
#[track_caller]
fn grows_to(what: &str, wanted: usize, dir: &Path) {
    let news = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
    // Before the first count: whatever comes after it wakes us.
    inotify::add_watch(&news, dir, WatchFlags::CREATE | WatchFlags::MOVED_TO).unwrap();
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    loop {
        let now = entries(dir);
        if now == wanted {
            return;
        }
        let mut waiting = [PollFd::new(&news, PollFlags::IN)];
        let long = Timespec { tv_sec: 120, tv_nsec: 0 };
        let woken = poll(&mut waiting, Some(&long)).unwrap();
        assert!(woken > 0, "{now} of {wanted} {what}");
        let mut events = inotify::Reader::new(&news, &mut buffer);
        while events.next().is_ok() {}
    }
}

/// How many entries a directory has.
fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

/// What `/proc/PID/status` says under `name`, of memory in KiB.
fn status(pid: u32, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How often each event stands in the log, by the last word of its command line.
fn recorded(file: &Path) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for event in crate::audit::events(file) {
        let last = event["argv"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        let outcome = format!("{} {}", event["event"], event["verdict"]).replace('"', "");
        *found.entry((last, outcome)).or_default() += 1;
    }
    found
}
