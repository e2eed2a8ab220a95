//! What an operator meets at login, in real shells on real terminals.

mod banner;
mod bash;
mod cursor;
mod fish;
mod neighbours;
mod posix;
mod prompt;
mod session;
mod silence;
mod trouble;
mod zsh;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Instance, Output, Terminal};

/// An instance with the programs installed below a prefix, as a package does it.
pub(crate) struct Login {
    pub(crate) instance: Instance,
}

pub(crate) const SEGMENT: &str = "[DEVELOP develop-eks] ";
pub(crate) const SENTENCE: &str = "This is  DEVELOP  kubectl instance.";

impl Login {
    pub(crate) fn new() -> Self {
        Self::of(Instance::new())
    }

    pub(crate) fn of(instance: Instance) -> Self {
        for dir in ["prefix/bin", "prefix/lib/envguard/shims", "run", "prefix/etc"] {
            std::fs::create_dir_all(instance.path(dir)).unwrap();
        }
        let place = |program: PathBuf, to: &str| {
            let to = instance.path(to);
            // Another file system may be there; and a copy must not be made by
            // this process, which could then not execute it (ETXTBSY).
            if std::fs::hard_link(&program, &to).is_err() {
                Output::of(Command::new("cp").arg(&program).arg(&to)).exits(0);
            }
        };
        place(crate::support::envguard(), "prefix/bin/kubectl-envguard");
        place(crate::support::shim(), "prefix/lib/envguard/envguard-shim");
        instance.link("../envguard-shim", "prefix/lib/envguard/shims/kubectl");
        // Without this directory fish reads all manual pages, in the background, when
        // it starts for the first time.
        let completions = "home/.local/share/fish/generated_completions";
        std::fs::create_dir_all(instance.path(completions)).unwrap();
        Self { instance }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.instance.path(relative)
    }

    pub(crate) fn program(&self) -> String {
        self.path("prefix/bin/kubectl-envguard").display().to_string()
    }

    pub(crate) fn shims(&self) -> String {
        self.path("prefix/lib/envguard/shims").display().to_string()
    }

    /// The line that documentation tells to put into a shell's start file.
    pub(crate) fn hook(&self, shell: &str) -> String {
        match shell {
            "fish" => format!("{} hook fish | source\n", self.program()),
            _ => format!("eval \"$({} hook {shell})\"\n", self.program()),
        }
    }

    /// A start file in the home directory.
    pub(crate) fn home(&self, file: &str, text: &str) {
        self.instance.write(&format!("home/{file}"), text);
    }

    /// A command with the environment of a login: this instance's configuration,
    /// and nothing of the test's own.
    pub(crate) fn command(&self, program: impl AsRef<Path>, words: &[&str]) -> Command {
        let mut command = self.instance.command(program.as_ref());
        command
            .args(words)
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// A shell on a terminal.
    pub(crate) fn shell(&self, program: &str, words: &[&str]) -> Terminal {
        Terminal::start(&self.command(which(program), words))
    }

    /// An interactive bash whose start file is `before`, the hook and `after`.
    pub(crate) fn bash(&self, before: &str, after: &str) -> Terminal {
        self.home(".bashrc", &format!("PS1='user> '\n{before}\n{}{after}\n", self.hook("bash")));
        self.shell("bash", &[])
    }
}

/// A program of the system, by its path. `ENVGUARD_TEST_BASH` is another bash than the
/// system's, for these tests by hand with an older one.
pub(crate) fn which(program: &str) -> PathBuf {
    if program == "bash"
        && let Some(other) = std::env::var_os("ENVGUARD_TEST_BASH")
    {
        return other.into();
    }
    if program.contains('/') {
        return program.into();
    }
    ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(program))
}

/// Whether `program` is here; a reason to skip otherwise.
pub(crate) fn have(program: &str) -> bool {
    let found = which(program).exists();
    if !found {
        crate::support::skip(&format!("{program} is needed: tests/run --install"));
    }
    found
}

/// The sources of this project.
pub(crate) fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
