//! More of everything than an instance ever sees: commands at once, events, log.
//!
//! With every test run a size that takes seconds. `tests/run load` does it in full, and
//! prints what was done.

mod commands;
mod events;
mod log;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The size of a run: `full` when somebody asked for it.
fn size(full: usize, small: usize) -> usize {
    if std::env::var_os("ENVGUARD_LOAD").is_some() { full } else { small }
}

/// A row of what was done.
fn done(what: &str, figure: impl std::fmt::Display) {
    eprintln!("{what:<62} {figure:>12}");
}

/// Waits until `count` says `wanted`, as long as it grows: how long a thousand programs
/// take is the machine's affair.
#[track_caller]
fn grows_to(what: &str, wanted: usize, count: impl Fn() -> usize) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = count();
        if now == wanted {
            return;
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < Duration::from_secs(120), "{now} of {wanted} {what}");
        std::thread::sleep(Duration::from_millis(20));
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
