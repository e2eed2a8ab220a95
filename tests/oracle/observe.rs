//! Runs one line in its world and writes down what happened.

use std::path::{Path, PathBuf};

use super::trace::{self, Trace};
use super::world::World;
use crate::support::{Output, Server};

/// Everything there is to know about one run of a line.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) output: Output,
    pub(crate) trace: Trace,
    /// What the instance's cluster was asked for, in alphabetical order.
    pub(crate) requests: Vec<String>,
}

/// A line that has not ended after this many seconds hangs.
const LIMIT: &str = "30";

/// Runs `line` under strace.
pub(crate) fn run(
    world: &World<'_>,
    server: &Server,
    kubectl: &Path,
    guarded: bool,
    line: &str,
) -> Seen {
    run_for(LIMIT, world, server, kubectl, guarded, line)
}

/// The same, but stopped after `limit` seconds.
pub(crate) fn run_for(
    limit: &str,
    world: &World<'_>,
    server: &Server,
    kubectl: &Path,
    guarded: bool,
    line: &str,
) -> Seen {
    let record = world.path("strace");
    let watched: Vec<&str> = ["timeout", "--kill-after=1", limit, "strace", "--seccomp-bpf"]
        .into_iter()
        .chain(["-f", "-y", "-q", "-a", "1", "-e", "signal=none", "-e", trace::CALLS, "-o"])
        .chain([record.to_str().unwrap()])
        .collect();
    let before = server.requests().len();
    let mut shell = world.shell(&watched, guarded, line);
    // kubectl opens and calls the same with one thread and without collecting garbage, in less
    // time.
    let output = Output::of(shell.env("GOMAXPROCS", "1").env("GOGC", "off"));
    let text = String::from_utf8_lossy(&std::fs::read(&record).unwrap()).into_owned();
    let mut requests: Vec<String> =
        server.requests().split_off(before).iter().map(|line| without_chance(line)).collect();
    requests.sort();
    Seen { output, trace: trace::read(&text, &names(world, kubectl)), requests }
}

/// Under which paths this kubectl may be executed.
fn names(world: &World<'_>, kubectl: &Path) -> Vec<PathBuf> {
    let mut names = vec![world.path("bin/kubectl"), kubectl.to_path_buf()];
    names.extend(kubectl.canonicalize());
    names
}

/// A watch asks for a random number of seconds, and a field selector is printed
/// from a Go map, in no order.
fn without_chance(request: &str) -> String {
    let mut parts: Vec<&str> = request.split(['?', '&', ' ']).collect();
    parts.retain(|part| !part.starts_with("timeoutSeconds="));
    let sorted = |part: &str| {
        let Some(fields) = part.strip_prefix("fieldSelector=") else { return part.to_owned() };
        let mut fields: Vec<&str> = fields.split("%2C").collect();
        fields.sort_unstable();
        fields.join(",")
    };
    parts.into_iter().map(sorted).collect::<Vec<_>>().join(" ")
}

impl Seen {
    /// The files of the instance that kubectl opened. Its own cache and the
    /// directories of programs are left out, and what a guard opens that a plugin
    /// comes across.
    pub(crate) fn files(&self, world: &World<'_>) -> Vec<&Path> {
        let left_out = [
            "home/.kube/cache",
            "home/.kube/http-cache",
            "bin",
            "shims",
            "config.yaml",
            "home/.local/state/envguard",
        ]
        .map(|place| world.path(place));
        self.trace
            .opened
            .keys()
            .map(PathBuf::as_path)
            .filter(|path| path.starts_with(world.top()))
            .filter(|path| !left_out.iter().any(|place| path.starts_with(place)))
            .collect()
    }

    /// The code of the first refusal.
    pub(crate) fn refusal(&self) -> Option<&str> {
        refusals(&self.output).next()
    }
}

/// The codes of all refusals, in order.
pub(crate) fn refusals(output: &Output) -> impl Iterator<Item = &str> {
    output
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("envguard: refused (")?.split(')').next())
}

/// Standard output without what differs between two runs of the same command:
/// times, ports, random names and identifiers.
pub(crate) fn comparable(stdout: &str) -> String {
    const TIMELESS: &str = r"s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+( [+-][0-9]{4}|Z)?/TIME/g
s/127\.0\.0\.1:[0-9]+/SERVER/g
s/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UID/g
s/(LIVE|MERGED)-[0-9]+/\1-N/g
s/debugger-([a-z0-9-]+-)?[a-z0-9]{5}\b/debugger-\1NAME/g
s/\b[0-9]+(\.[0-9]+)?(ms|m|s)\b/AGE/g
s/ +$//; s/  +/  /g";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), stdout).unwrap();
    let mut sed = std::process::Command::new("sed");
    Output::of(sed.args(["-E", TIMELESS]).arg(file.path())).exits(0).stdout
}

/// For a message: what is in `one` and not in `other`, and the reverse.
pub(crate) fn difference<T: PartialEq + std::fmt::Debug>(off: &[T], on: &[T]) -> String {
    let only = |one: &[T], other: &[T]| {
        let list: Vec<String> = one
            .iter()
            .filter(|item| !other.contains(item))
            .map(|item| format!("{item:?}"))
            .collect();
        list.join(", ")
    };
    format!("without guard only: {}; with guard only: {}", only(off, on), only(on, off))
}
