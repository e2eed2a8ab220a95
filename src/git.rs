//! The git command, kept to its task: no hooks, no prompts, no pager, no other
//! repository than the one that was asked for, and nothing fetched or locked.
//!
//! git's own check of who owns a repository stays: what it refuses to read is not
//! read, and `safe.directory` in a gitconfig is the way to allow it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What git may take to look through a working tree. A status of 100,000 files takes about
/// a second.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Variables that would lead git to another repository or make it wait.
const REMOVED: [&str; 15] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_REPLACE_REF_BASE",
];

/// git in the directory `top`; its output is piped, its input empty.
#[must_use]
pub fn command(top: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.quotePath=false", "-c", "advice.updateSparsePath=false"])
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        // With less than that, git takes a file for unchanged that has the size and
        // second of its index entry.
        .args(["-c", "core.checkStat=default", "-c", "core.trustctime=true"])
        .current_dir(top)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in REMOVED {
        command.env_remove(name);
    }
    command
}

/// Why git has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// It could not be run.
    NotRun(String),
    /// It took longer than that.
    Late(Duration),
    /// The repository belongs to somebody else, and git does not read those.
    Dubious,
    /// It failed, with the first line that it said.
    Failed(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(error) => write!(f, "git cannot be run: {error}"),
            Self::Late(limit) => write!(f, "git did not answer within {} s", limit.as_secs()),
            Self::Dubious => f.write_str("it belongs to somebody else, so git does not read it"),
            Self::Failed(said) => write!(f, "git does not read it: {said}"),
        }
    }
}

/// What `command` prints, if it ends within `limit`; one that does not is killed.
///
/// # Errors
/// [`Silence`].
pub fn answer(command: &mut Command, limit: Duration) -> Result<Vec<u8>, Silence> {
    Question::ask(command, limit)?.answer()
}

/// A git that has been started and not been listened to, so that several can work at
/// the same time.
#[derive(Debug)]
#[must_use = "it runs until it is listened to"]
pub struct Question {
    child: Child,
    limit: Duration,
    end: Instant,
}

impl Question {
    /// Starts `command`, which has `limit` from now on.
    ///
    /// # Errors
    /// [`Silence`], when it cannot be run.
    pub fn ask(command: &mut Command, limit: Duration) -> Result<Self, Silence> {
        let end = Instant::now() + limit;
        let child = command.spawn().map_err(|error| Silence::NotRun(error.to_string()))?;
        Ok(Self { child, limit, end })
    }

    /// Waits for what it prints.
    ///
    /// # Errors
    /// [`Silence`].
    pub fn answer(self) -> Result<Vec<u8>, Silence> {
        let Self { child, limit, end } = self;
        answered(child, limit, end)
    }
}

fn answered(mut child: Child, limit: Duration, end: Instant) -> Result<Vec<u8>, Silence> {
    let said = match (child.stdout.take(), child.stderr.take()) {
        (Some(out), Some(err)) => {
            everything(File::from(OwnedFd::from(out)), OwnedFd::from(err), end)
        }
        _ => None,
    };
    let Some((out, err)) = said else {
        // Nobody waits for it any longer.
        child.kill().unwrap_or_default();
        child.wait().map(drop).unwrap_or_default();
        return Err(Silence::Late(limit));
    };
    let status = child.wait().map_err(|error| Silence::NotRun(error.to_string()))?;
    if status.success() {
        return Ok(out);
    }
    let err = String::from_utf8_lossy(&err);
    if err.contains("safe.directory") {
        return Err(Silence::Dubious);
    }
    let first = err.lines().find(|line| !line.is_empty()).unwrap_or("no message");
    Err(Silence::Failed(first.to_owned()))
}

/// What two pipes carry until both are closed; `None` when the time is over first.
fn everything(out: File, err: OwnedFd, end: Instant) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut pipes = [(Some(out), Vec::new()), (Some(File::from(err)), Vec::new())];
    let mut chunk = [0; 16 << 10];
    while pipes.iter().any(|(pipe, _)| pipe.is_some()) {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok()?;
        let mut waiting: Vec<PollFd<'_>> = pipes
            .iter()
            .filter_map(|(pipe, _)| Some(PollFd::new(pipe.as_ref()?, PollFlags::IN)))
            .collect();
        match poll(&mut waiting, Some(&left)) {
            Ok(0) => return None,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
        let ready: Vec<bool> = waiting.iter().map(|one| !one.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        for (pipe, said) in &mut pipes {
            let Some(file) = pipe else { continue };
            if ready.next() == Some(true) {
                match file.read(&mut chunk).ok()? {
                    0 => *pipe = None,
                    count => said.extend_from_slice(&chunk[..count]),
                }
            }
        }
    }
    let [(_, out), (_, err)] = pipes;
    Some((out, err))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with the pipes of [`command`].
    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[test]
    fn an_answer_is_everything_or_the_reason_why_there_is_none() {
        let long = Duration::from_secs(60);
        let both = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exec 2>&-; echo x";
        let said = answer(&mut shell(both), long).unwrap();
        assert_eq!(said.len(), 300_002, "neither pipe stops the other");
        let failed = answer(&mut shell("echo; echo 'fatal: no' >&2; exit 128"), long);
        assert_eq!(failed, Err(Silence::Failed("fatal: no".into())));
        let dubious = answer(&mut shell("echo 'git config safe.directory' >&2; exit 128"), long);
        assert_eq!(dubious, Err(Silence::Dubious));
        let short = Duration::from_millis(1);
        assert_eq!(answer(&mut shell("exec sleep 600"), short), Err(Silence::Late(short)));
        assert!(matches!(answer(&mut Command::new("/nowhere"), long), Err(Silence::NotRun(_))));
    }
}
