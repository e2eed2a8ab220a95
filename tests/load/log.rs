//! A large audit log, written in full.

use std::fs::File;
use std::io::{BufWriter, Write};

use super::{done, size};
use crate::audit::{follow::Reader, log};
use crate::support::{Instance, Output, envguard, lacks, read, shim};

/// What a reader of the whole may use, in KiB, however much it reads.
const MOST: usize = 32 << 10;

/// An instance with a log of `length` bytes: one refusal, then commands that ran.
fn long_ago(length: usize) -> Instance {
    let instance = Instance::new();
    instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
    instance.kubectl(&["get", "pods", "-l", "n=0000000"]).exits(42);
    let file = log(&instance);
    let text = read(&file);
    let (_, line) = text.split_once('\n').unwrap();
    let mut file = BufWriter::new(File::options().append(true).open(&file).unwrap());
    for number in 1..(length - text.len()) / line.len() + 1 {
        let line = line.replace("n=0000000", &format!("n={number:07}"));
        file.write_all(line.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    instance
}

/// The system calls of a command: up to its last `execve`, the real kubectl's.
fn calls(instance: &Instance) -> Vec<String> {
    let trace = instance.path("trace");
    let mut command = instance.command("/usr/bin/strace".as_ref());
    command.args(["-f", "-o"]).arg(&trace).arg(shim());
    Output::of(command.args(["get", "pods", "-l", "n=x"])).exits(42);
    let text = read(&trace);
    let names: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.1.trim().split_once('(')?.0.to_owned()))
        .collect();
    let last = names.iter().rposition(|name| name == "execve").unwrap();
    names[..=last].to_vec()
}

#[test]
fn a_command_appends_to_a_large_log_as_to_an_empty_one() {
    if lacks("strace", "counts system calls") {
        return;
    }
    let instance = long_ago(size(1 << 30, 16 << 20));
    let file = log(&instance);
    let length = file.metadata().unwrap().len();
    let large = calls(&instance);
    assert!(file.metadata().unwrap().len() > length, "it has appended");
    File::options().write(true).truncate(true).open(&file).unwrap();
    let empty = calls(&instance);
    done(&format!("system calls of a command, log of {} MiB", length >> 20), large.len());
    done("system calls of a command, log of 0 MiB", empty.len());
    assert_eq!(large, empty);
}

#[test]
fn the_newest_lines_of_a_large_log_cost_little() {
    if lacks("strace", "counts what is read") {
        return;
    }
    let instance = long_ago(size(1 << 30, 16 << 20));
    for number in 0..20 {
        instance.kubectl(&["get", &format!("n{number}")]).exits(42);
    }
    let trace = instance.path("trace");
    let mut command = instance.command("/usr/bin/strace".as_ref());
    command.args(["-f", "-y", "-e", "trace=read,pread64,readv,preadv,mmap", "-o"]).arg(&trace);
    let output = Output::of(command.arg(envguard()).args(["audit", "-n", "20"])).exits(0);
    for (number, line) in output.stdout.lines().enumerate() {
        assert!(line.contains(&format!("get n{number}")), "{line}");
    }
    assert_eq!(output.stdout.lines().count(), 20, "{output}");
    let trace = read(&trace);
    let of_log: Vec<&str> = trace.lines().filter(|line| line.contains("jsonl")).collect();
    assert!(!of_log.iter().any(|line| line.contains("mmap")), "{of_log:?}");
    let bytes: usize = of_log
        .iter()
        .filter_map(|line| line.rsplit_once("= ")?.1.trim().parse::<usize>().ok())
        .sum();
    done("bytes of the log that `audit -n 20` reads", bytes);
    assert!(bytes > 0 && bytes < 1 << 20, "{bytes} bytes read");
}

/// What the kernel says of its child when it has ended: the most memory, in KiB.
const MEASURED: &str = "
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], 'w') as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(code)
";

/// Runs a reader to its end: what it prints, and the most memory it used, in KiB.
fn peak(instance: &Instance, words: &[&str]) -> (String, usize) {
    let figure = instance.path("most");
    let mut command = instance.command("/usr/bin/python3".as_ref());
    command.args(["-c", MEASURED]).arg(&figure).arg(envguard()).args(words);
    let output = Output::of(&mut command).exits(0);
    (output.stdout, read(&figure).trim().parse().unwrap())
}

#[test]
fn whoever_reads_the_whole_of_a_large_log_needs_little_memory() {
    if lacks("python3", "reads what the kernel counted") {
        return;
    }
    let instance = long_ago(size(1 << 30, 16 << 20));
    let read_all = |words: &[&str]| {
        let (text, most) = peak(&instance, &[&["audit"], words].concat());
        done(&format!("KiB at most, audit {}", words.join(" ")), most);
        assert!(most > 0 && most <= MOST, "{most} KiB: {words:?}");
        text
    };
    // The oldest line is the one that is looked for.
    let found = read_all(&["--verdict", "refuse"]);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains("refused: target-foreign"), "{found}");
    assert_eq!(read_all(&["--command", "nothing of this name"]), "");
    read_all(&["--would-refuse"]);
}

/// A log that is no log: somebody else's program wrote into it, or the disk did.
#[test]
fn a_large_log_of_rubbish_is_said_in_one_line() {
    if lacks("python3", "reads what the kernel counted") {
        return;
    }
    let instance = Instance::new();
    instance.kubectl(&["get", "pods"]).exits(42);
    let file = log(&instance);
    let event = read(&file);
    let mut large = BufWriter::new(File::create(&file).unwrap());
    large.write_all(event.as_bytes()).unwrap();
    for _ in 0..size(1 << 28, 4 << 20) / 4 {
        large.write_all(b"abc\n").unwrap();
    }
    drop(large);
    let (text, most) = peak(&instance, &["audit"]);
    assert!(text.contains("get pods"), "{text}");
    done("KiB at most, audit of a log of rubbish", most);
    assert!(most <= MOST, "{most} KiB");
    assert_eq!(instance.envguard(&["audit"]).exits(0).stderr.lines().count(), 1);
}

#[test]
fn who_follows_a_large_log_sees_the_next_line() {
    let instance = long_ago(size(1 << 30, 16 << 20));
    let reader = Reader::start(&instance, &["-n", "1"]);
    reader.next("get pods");
    instance.kubectl(&["get", "something-new"]).exits(42);
    reader.next("get something-new");
    done("`audit -f` at its end sees the next line", "yes");
}
