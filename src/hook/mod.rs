//! The shell hooks: real scripts under `shell/`, behind the variables they work
//! with.
//!
//! What a shell needs to know is judged here, once, and handed over together with
//! what it was judged from. At every prompt the shell compares the two with its
//! own builtins, and asks again only when they differ.

mod quote;
mod watch;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use quote::quoted;
pub use watch::{How, Watched, watched};

use crate::prompt::{Parts, Shell};

/// Number of the agreement between script and program about names and meanings of
/// the variables. A shell that was started with another number says "log in
/// again" and keeps what it has.
pub const PROTOCOL: &str = "1";

/// Which hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// bash 4.2 and later, also when it is called `sh`.
    Bash,
    /// zsh 5
    Zsh,
    /// fish 3
    Fish,
    /// Any other POSIX shell.
    Sh,
}

impl Hook {
    /// The notation of its values and of its prompt.
    #[must_use]
    pub const fn shell(self) -> Shell {
        match self {
            Self::Bash => Shell::Bash,
            Self::Zsh => Shell::Zsh,
            Self::Fish => Shell::Fish,
            Self::Sh => Shell::Plain,
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../shell/envguard.bash"),
            Self::Zsh => include_str!("../../shell/envguard.zsh"),
            Self::Fish => include_str!("../../shell/envguard.fish"),
            Self::Sh => include_str!("../../shell/envguard.sh"),
        }
    }
}

/// What a hook is told.
#[derive(Debug)]
pub struct State {
    /// This program.
    pub program: PathBuf,
    /// The directory with the shim called `kubectl`; empty when there is none.
    pub shims: PathBuf,
    /// The pinned kubeconfig; empty without a configuration.
    pub kubeconfig: PathBuf,
    /// The prompt segment.
    pub segment: Parts,
    /// What was judged, and how the shell sees that it changed.
    pub watched: Vec<Watched>,
    /// Where words for the next prompt are left.
    pub notices: Vec<PathBuf>,
    /// What to say once, now.
    pub say: Vec<String>,
}

/// The whole hook, for `eval`.
#[must_use]
pub fn script(hook: Hook, state: &State) -> Vec<u8> {
    let mut out = variables(hook, state);
    out.extend_from_slice(hook.script().as_bytes());
    out
}

/// The variables alone.
#[must_use]
pub fn variables(hook: Hook, state: &State) -> Vec<u8> {
    let mut out = Assignments { hook, text: Vec::new() };
    out.one("protocol", PROTOCOL.as_bytes());
    out.one("program", state.program.as_os_str().as_bytes());
    out.one("shims", state.shims.as_os_str().as_bytes());
    out.one("kubeconfig", state.kubeconfig.as_os_str().as_bytes());
    out.one("head", state.segment.head.as_bytes());
    out.one("unguarded", state.segment.unguarded.as_bytes());
    out.one("tail", state.segment.tail.as_bytes());
    if hook == Hook::Sh {
        return out.text;
    }
    let by_time = hook != Hook::Fish;
    let timed: Vec<(&Watched, &PathBuf)> = state
        .watched
        .iter()
        .filter_map(|watched| match &watched.how {
            How::Times { stamp } if by_time => Some((watched, stamp)),
            _ => None,
        })
        .collect();
    let read: Vec<&Watched> = state
        .watched
        .iter()
        .filter(|watched| match watched.how {
            How::Text => true,
            How::Times { .. } => !by_time && !watched.text.is_empty(),
            How::Nothing => false,
        })
        .collect();
    if by_time {
        out.one("timed", timed.len().to_string().as_bytes());
        out.list("dated", timed.iter().map(|(watched, _)| watched.file.as_os_str().as_bytes()));
        out.list("stamps", timed.iter().map(|(_, stamp)| stamp.as_os_str().as_bytes()));
        out.text.extend(one_test(hook, &timed, &read, &state.notices));
    }
    out.one("read", read.len().to_string().as_bytes());
    out.list("files", read.iter().map(|watched| watched.file.as_os_str().as_bytes()));
    out.list("texts", read.iter().map(|watched| seen_by(hook, &watched.text)));
    out.one("letterboxes", state.notices.len().to_string().as_bytes());
    out.list("notices", state.notices.iter().map(|place| place.as_os_str().as_bytes()));
    out.list("say", state.say.iter().map(|word| OsStr::new(word).as_bytes()));
    out.text
}

/// A function that finds out with a single command that nothing has changed. It is
/// false where that takes more, because a file must be read.
fn one_test(
    hook: Hook,
    timed: &[(&Watched, &PathBuf)],
    read: &[&Watched],
    notices: &[PathBuf],
) -> Vec<u8> {
    let word = |path: &PathBuf| {
        String::from_utf8_lossy(&quoted(path.as_os_str().as_bytes(), hook.shell())).into_owned()
    };
    let mut conditions: Vec<String> = Vec::new();
    for (watched, stamp) in timed {
        let (file, stamp) = (word(&watched.file), word(stamp));
        conditions.push(format!("-e {file} && ! {file} -nt {stamp} && ! {file} -ot {stamp}"));
    }
    conditions.extend(read.iter().map(|watched| match watched.exists {
        true => "-n ''".to_owned(),
        false => format!("! -e {}", word(&watched.file)),
    }));
    conditions.extend(notices.iter().map(|place| format!("! -s {}", word(place))));
    format!("__envguard_same() {{ [[ {} ]]; }}\n", conditions.join(" && ")).into_bytes()
}

/// The answer to a shell whose hook has another protocol number. It uses only what
/// every protocol has: the list `say`.
#[must_use]
pub fn outdated(hook: Hook) -> Vec<u8> {
    let mut out = Assignments { hook, text: Vec::new() };
    out.one("mute", b"1");
    out.list("say", ["envguard was updated: log in again to get its new prompt".as_bytes()]);
    out.text
}

/// A file's text as the shell holds it: bash's `read` ends at a NUL, zsh's `$(<…)`
/// takes the line ends off.
fn seen_by(hook: Hook, text: &[u8]) -> &[u8] {
    match hook {
        Hook::Bash | Hook::Fish | Hook::Sh => {
            text.split(|byte| *byte == 0).next().unwrap_or_default()
        }
        Hook::Zsh => {
            let end = text.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
            &text[..end]
        }
    }
}

struct Assignments {
    hook: Hook,
    text: Vec<u8>,
}

impl Assignments {
    fn one(&mut self, name: &str, value: &[u8]) {
        let value = quoted(value, self.hook.shell());
        let begin = if self.hook == Hook::Fish {
            format!("set -g __envguard_{name} ")
        } else {
            format!("__envguard_{name}=")
        };
        self.line(&begin, &value, "");
    }

    fn list<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v [u8]>) {
        let values: Vec<Vec<u8>> =
            values.into_iter().map(|value| quoted(value, self.hook.shell())).collect();
        let values = values.join(&b' ');
        if self.hook == Hook::Fish {
            self.line(&format!("set -g __envguard_{name} "), &values, "");
        } else {
            self.line(&format!("__envguard_{name}=("), &values, ")");
        }
    }

    fn line(&mut self, begin: &str, value: &[u8], end: &str) {
        self.text.extend_from_slice(begin.as_bytes());
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(end.as_bytes());
        self.text.push(b'\n');
    }
}
