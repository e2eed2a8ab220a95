//! What the kernel saw: strace's record of one line, read as what *kubectl* and
//! the programs it started opened, and whom they called.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::support::unescaped;

/// The system calls that are recorded.
pub(crate) const CALLS: &str = "trace=openat,open,openat2,execve,connect,clone,clone3,fork,vfork";

/// What kubectl did, as the kernel saw it. Each finding with its line of strace.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// How often a kubectl was started for the line.
    pub(crate) kubectls: usize,
    /// How often one was started for its own help, which is no part of the line.
    /// What it opened and called counts as everything else does.
    pub(crate) lookups: usize,
    /// The real paths of what was opened by kubectl and its children.
    pub(crate) opened: BTreeMap<PathBuf, String>,
    /// `ADDRESS:PORT` of each connection that kubectl and its children tried.
    pub(crate) contacted: BTreeMap<String, String>,
    /// The same of every process of the line, the guard included.
    pub(crate) contacted_by_any: BTreeSet<String>,
}

/// A process or thread.
#[derive(Debug, Default)]
struct Process {
    parent: Option<(u32, usize)>,
    /// The line at which it became kubectl.
    kubectl_since: Option<usize>,
}

/// Reads the record `text`; a process is kubectl when it executes one of
/// `kubectls`.
pub(crate) fn read(text: &str, kubectls: &[PathBuf]) -> Trace {
    let calls = calls(text);
    let mut processes: HashMap<u32, Process> = HashMap::new();
    let mut trace = Trace::default();
    for call in &calls {
        let process = processes.entry(call.pid).or_default();
        if call.name == "execve" && call.result == "0" {
            let program = call.arguments.split('"').nth(1).unwrap_or_default();
            if kubectls.iter().any(|kubectl| kubectl == Path::new(program)) {
                if call.is_lookup() {
                    trace.lookups += 1;
                } else {
                    trace.kubectls += 1;
                }
                process.kubectl_since.get_or_insert(call.begun);
            }
        } else if let Some(child) = call.child() {
            processes.entry(child).or_default().parent = Some((call.pid, call.begun));
        }
    }
    for call in &calls {
        let by_kubectl = is_kubectl(&processes, call.pid, call.begun);
        if let Some(peer) = call.peer() {
            trace.contacted_by_any.insert(peer.clone());
            if by_kubectl {
                trace.contacted.entry(peer).or_insert_with(|| call.line.clone());
            }
        } else if by_kubectl && let Some(path) = call.opened() {
            trace.opened.entry(path).or_insert_with(|| call.line.clone());
        }
    }
    trace
}

fn is_kubectl(processes: &HashMap<u32, Process>, pid: u32, line: usize) -> bool {
    let (mut pid, mut line) = (pid, line);
    // Pids may be used again, so a chain of parents could be a ring.
    for _ in 0..64 {
        let Some(process) = processes.get(&pid) else { return false };
        if process.kubectl_since.is_some_and(|since| since <= line) {
            return true;
        }
        let Some((parent, born)) = process.parent else { return false };
        (pid, line) = (parent, born);
    }
    false
}

/// One system call that has returned.
#[derive(Debug)]
struct Call {
    pid: u32,
    /// The number of the line on which it began.
    begun: usize,
    name: String,
    arguments: String,
    result: String,
    line: String,
}

impl Call {
    fn child(&self) -> Option<u32> {
        matches!(&*self.name, "clone" | "clone3" | "fork" | "vfork")
            .then(|| self.result.parse().ok())
            .flatten()
    }

    /// Whether this starts kubectl for its help, with the five variables of
    /// `src/installed/ask.rs` and no other. The environment of a line has more.
    fn is_lookup(&self) -> bool {
        self.arguments.contains("\"--help\"], ") && self.arguments.ends_with(" /* 5 vars */")
    }

    /// `3</real/path>`
    fn opened(&self) -> Option<PathBuf> {
        self.name.starts_with("open").then_some(())?;
        let (number, path) = self.result.split_once('<')?;
        number.parse::<u32>().ok()?;
        Some(PathBuf::from(OsString::from_vec(unescaped(path.rsplit_once('>')?.0))))
    }

    /// The internet address of a connection, whatever became of it.
    fn peer(&self) -> Option<String> {
        (self.name == "connect").then_some(())?;
        let (_, port) = self.arguments.split_once("port=htons(")?;
        let port = port.split(')').next()?;
        let address = self.arguments.split('"').nth(1)?;
        Some(format!("{address}:{port}"))
    }
}

/// Puts calls together that strace shows in two parts, because another thread's
/// call came between.
fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<u32, (usize, String)> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let Ok(pid) = pid.parse::<u32>() else { continue };
        let rest = rest.trim_start();
        if let Some(other) = rest.strip_prefix("+++ superseded by execve in pid ") {
            // A thread has executed a program and goes on under its leader's pid.
            let other = other.split(' ').next().and_then(|pid| pid.parse().ok());
            if let Some(call) = other.and_then(|other: u32| unfinished.remove(&other)) {
                unfinished.insert(pid, call);
            }
        } else if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(pid, (index, begin.to_owned()));
        } else if rest.starts_with("<... ") {
            let Some((begun, begin)) = unfinished.remove(&pid) else { continue };
            let end = rest.split_once(" resumed>").map_or("", |(_, end)| end);
            calls.extend(call(pid, begun, &format!("{begin}{end}")));
        } else {
            calls.extend(call(pid, index, rest));
        }
    }
    calls.sort_by_key(|call| call.begun);
    calls
}

fn call(pid: u32, begun: usize, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    // After an error comes its name in words.
    let number = if result.starts_with('-') { result.split(' ').next()? } else { result };
    Some(Call {
        pid,
        begun,
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        result: number.to_owned(),
        line: format!("{pid} {text}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"10 execve("/bin/bash", ["bash", "-c", "x"], 0x7 /* 3 vars */) = 0
10 openat(AT_FDCWD</m>, "f", O_RDONLY) = 3</m/not-by-kubectl>
10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f <unfinished ...>
11 execve("/t/kubectl", ["kubectl", "x"], 0x7 /* 3 vars */ <unfinished ...>
10 <... clone resumed>) = 11
11 <... execve resumed>) = 0
11 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} => {parent_tid=[12]}, 88) = 12
12 openat(AT_FDCWD</m>, "../x = y", O_RDONLY|O_CLOEXEC) = 3</m/x = y>
11 openat(AT_FDCWD</m>, "gone", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
12 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS (Operation now in progress)
12 connect(3, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
12 connect(3, {sa_family=AF_UNIX, sun_path="/s"}, 5) = 0
12 execve("/t/kubectl-plugin", ["kubectl-plugin"], 0x7 /* 3 vars */ <unfinished ...>
11 +++ superseded by execve in pid 12 +++
11 <... execve resumed>) = 0
11 openat(AT_FDCWD</m>, "p", O_RDONLY) = 4</m/by-plugin>
13 execve("/t/kubectl", ["kubectl", "apply", "--help"], 0x7 /* 5 vars */) = 0
10 connect(3, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.2")}, 16) = 0
"#;

    #[test]
    fn a_record_says_who_did_what() {
        let trace = read(RECORD, &["/t/kubectl".into()]);
        assert_eq!((trace.kubectls, trace.lookups), (1, 1));
        let opened: Vec<_> = trace.opened.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(opened, ["/m/by-plugin", "/m/x = y"]);
        let contacted: Vec<_> = trace.contacted.keys().collect();
        assert_eq!(contacted, ["127.0.0.1:443", "::1:53"]);
        assert_eq!(trace.contacted_by_any.len(), 3);
    }
}
