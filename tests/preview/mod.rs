//! What a person is shown before the question, by real kubectls, on a real terminal.

mod runs;
mod shown;
mod terminal;

use std::process::Command;

use crate::support::{Instance, Kubectl, PROMPT, Server, Shown, Terminal, kubectls};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n";

/// A production instance whose cluster has the namespace and, when wanted, what the
/// overlay applies.
struct Night {
    server: Server,
    instance: Instance,
}

impl Night {
    fn new(kubectl: &Kubectl, applied: bool) -> Self {
        let objects = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(objects.path(), NAMESPACE).unwrap();
        let server = Server::with_objects("production-eks", objects.path());
        let instance = Instance::production(&server, kubectl);
        if applied {
            let words = ["--confirm", "production", "apply", "-k", "overlays/production"];
            instance.envguard(&words).exits(0);
        }
        Self { server, instance }
    }

    /// The newest kubectl.
    fn newest(applied: bool) -> Option<Self> {
        Some(Self::new(&kubectls().pop()?, applied))
    }

    fn shell(&self) -> Command {
        shell(&self.instance)
    }

    fn login(&self) -> Terminal {
        let mut terminal = Terminal::start(&self.shell());
        terminal.first_prompt();
        terminal
    }

    fn new_version(&self) {
        new_version(&self.instance);
    }
}

fn shell(instance: &Instance) -> Command {
    let mut shell = instance.command("/bin/sh".as_ref());
    let path = [instance.path("shims"), instance.path("bin")];
    let path = path.map(|dir| dir.display().to_string()).join(":");
    shell.env("PATH", format!("{path}:/usr/bin:/bin")).env("PS1", PROMPT);
    shell.env("LANG", "C.UTF-8").env("XDG_RUNTIME_DIR", instance.path("run"));
    shell
}

/// Another version of what the overlay applies.
fn new_version(instance: &Instance) {
    let changes = [("v41", "v42"), ("replicas: 3", "replicas: 6"), ("S3CRET1", "S3CRET2")];
    instance.edit("overlays/production/api.yaml", &changes);
    let changes = [("S3CRET1", "S3CRET2"), ("info", "debug")];
    instance.edit("overlays/production/settings.yaml", &changes);
}

/// Starts a line and waits for the question.
#[track_caller]
fn asks(terminal: &mut Terminal, line: &str) -> Shown {
    let mark = terminal.raw.len();
    terminal.types(&format!("{line}\n"));
    terminal.until(mark, "the question", |shown| shown.contains("]: "))
}

/// Answers, and asks for the exit code.
#[track_caller]
fn answers(terminal: &mut Terminal, answer: &str) -> (Shown, i32) {
    let shown = terminal.run(answer);
    (shown, code(terminal))
}

#[track_caller]
fn code(terminal: &mut Terminal) -> i32 {
    let shown = terminal.run("echo \"code=$?\"").0;
    let (_, code) = shown.rsplit_once("code=").unwrap();
    code.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}
