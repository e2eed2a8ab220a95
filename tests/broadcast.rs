//! A word to everybody in a Session Manager session: real terminals below a worker that
//! is root's.

use crate::support::{Instance, Output, Terminal, skip};

const ID: &str = "alice-0123456789abcdef0";

/// A shell on a terminal, below a process called `name` with a session id.
fn session(instance: &Instance, name: &str) -> Terminal {
    let program = instance.path(name);
    Output::of(std::process::Command::new("cp").arg("/bin/bash").arg(&program)).exits(0);
    instance.write(&format!("m/{ID}"), "PS1='user> ' bash --norc -i\nexit $?\n");
    let mut command = instance.command(&program);
    command.arg(ID);
    let mut terminal = Terminal::start(&command);
    terminal.first_prompt();
    terminal
}

#[test]
fn a_message_reaches_every_terminal_of_a_session_and_no_other() {
    if !rustix::process::geteuid().is_root() {
        return skip("root is needed: the agent's worker is a process of root");
    }
    let instance = Instance::of("production");
    let mut alice = session(&instance, "ssm-session-worker");
    let mut other = session(&instance, "not-a-worker");
    let words = ["broadcast", "stopping at 20:00,", "save your\u{1b}[2J work"];
    let output = instance.envguard(&words).exits(0);
    assert!(output.stdout.contains(&format!("{ID}  /dev/pts/")), "{output}");
    alice.shows("*** envguard: message to all on PRODUCTION ***");
    alice.shows("    stopping at 20:00, save your\\u{1b}[2J work");
    other.run("echo here").lacks("stopping");
    instance.envguard(&["broadcast"]).exits(64);
    instance.envguard(&["broadcast", " "]).exits(64);
}

#[test]
fn only_root_writes_to_the_terminals_of_others() {
    if !rustix::process::geteuid().is_root() {
        Instance::new().envguard(&["broadcast", "x"]).says("only root may write").exits(1);
        return;
    }
    if crate::support::lacks("setpriv", "gives up root") {
        return;
    }
    let dir = tempfile::Builder::new().tempdir_in("/var/tmp").unwrap();
    Output::of(std::process::Command::new("chmod").arg("755").arg(dir.path())).exits(0);
    let program = dir.path().join("kubectl-envguard");
    Output::of(std::process::Command::new("cp").arg(crate::support::envguard()).arg(&program))
        .exits(0);
    let mut command = std::process::Command::new("/usr/bin/setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    Output::of(command.args(["broadcast", "x"]).current_dir("/")).says("only root").exits(1);
}
