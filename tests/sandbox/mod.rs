//! The kernel sandbox: what the kernel lets kubectl read, seen from inside.

pub(crate) mod absence;
mod docs;
mod home;
mod mounts;
mod places;
mod plugins;
mod swaps;
mod work;

use std::path::Path;
use std::process::Command;

use crate::support::{Instance, Output};

/// `kubectl WORDS` through the shim, where kubectl is this shell script: it runs
/// where the real one would, in the sandbox.
fn inside(instance: &Instance, words: &[&str], script: &str) -> Output {
    Output::of(&mut inside_command(instance, words, script))
}

fn inside_command(instance: &Instance, words: &[&str], script: &str) -> Command {
    instance.program("bin/kubectl", &format!("#!/bin/sh\n{script}\n"));
    let mut command = instance.command(&crate::support::shim());
    command.args(words);
    command
}

/// Asserts, for each path (absolute, or relative to the checkout), whether a
/// program in the sandbox of `kubectl WORDS` can read it.
#[track_caller]
fn can_read(instance: &Instance, words: &[&str], rows: &[(&str, bool)]) {
    let output = inside(instance, words, &reader(instance, rows)).exits(0);
    assert_readable(&output, rows);
}

/// A script that says of each path whether it can read it.
fn reader(instance: &Instance, rows: &[(&str, bool)]) -> String {
    let list: String = rows.iter().map(|(path, _)| format!("{path}\n")).collect();
    let list = instance.write("elsewhere/paths", &list);
    format!(
        "while read -r path; do
           [ -e \"$path\" ] || {{ echo \"missing $path\"; continue; }}
           if cat \"$path\" >/dev/null 2>&1; then echo \"open $path\"; else echo \"closed $path\"; fi
         done < {}",
        list.display()
    )
}

#[track_caller]
fn assert_readable(output: &Output, rows: &[(&str, bool)]) {
    let expected: Vec<String> = rows
        .iter()
        .map(|(path, open)| format!("{} {path}", if *open { "open" } else { "closed" }))
        .collect();
    let found: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(found, expected, "{output}");
}

/// What `check -o json` says of the sandbox: the word, and why it is not full.
fn foreseen(instance: &Instance, words: &[&str]) -> (String, String) {
    foreseen_by(&mut instance.command(&crate::support::envguard()), words)
}

fn foreseen_by(command: &mut Command, words: &[&str]) -> (String, String) {
    let output = Output::of(command.args(["check", "-o", "json", "--"]).args(words));
    let document: serde_json::Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"));
    let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
    (text("sandbox"), text("sandboxNote"))
}

/// What stands on standard error, besides the reminder that a foreign overlay is
/// there to be read at all.
fn said(output: &Output) -> String {
    let reminder = |line: &&str| line.ends_with("kubectl envguard tidy");
    let lines = output.stderr.lines().filter(|line| !reminder(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Refused because the kernel refuses what was judged; nothing has run.
#[track_caller]
fn denied_by_the_kernel(output: &Output) {
    refused_late(output, "sandbox-denied");
}

/// Refused after the verdict had been shown; nothing has run.
#[track_caller]
fn refused_late(output: &Output, code: &str) {
    let said = said(output);
    assert!(said.contains(&format!("envguard: refused ({code}): ")), "{output}");
    assert_eq!((output.code, output.stdout.as_str()), (Some(77), ""), "{output}");
}

const APPLY: &[&str] = &["apply", "-k", "overlays/develop"];

/// Whether this test may mount something; says so when it may not.
fn may_mount() -> bool {
    let possible = Command::new("unshare").args(["-m", "true"]).output();
    let possible = possible.is_ok_and(|output| output.status.success());
    if !possible {
        crate::support::skip("bind mounts need root");
    }
    possible
}

/// A command like `command`, started by a shell script in a mount namespace of
/// its own; `$@` in the script is the command.
fn in_own_mounts(command: &Command, script: &str) -> Command {
    let mut outer = wrapped(command, "unshare", &["-m", "sh", "-euc", script, "sh"]);
    outer.stdin(std::process::Stdio::null());
    outer
}

/// `program WORDS… COMMAND…` with the command's environment and directory.
fn wrapped(command: &Command, program: &str, words: &[&str]) -> Command {
    let mut outer = Command::new(program);
    outer.args(words).arg(command.get_program()).args(command.get_args());
    outer.env_clear();
    for (name, value) in command.get_envs() {
        outer.env(name, value.unwrap_or_default());
    }
    outer.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    outer.stdin(std::process::Stdio::null());
    outer
}
