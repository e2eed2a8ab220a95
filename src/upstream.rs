//! Which commit a checkout is at, and how far behind its upstream it is, as of the
//! last fetch. Asks the git command, for a bounded time.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A checkout's commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Abbreviated hash.
    pub hash: String,
    /// Branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The branch's upstream, such as `origin/main`.
    pub upstream: Option<String>,
    /// `behind 2`, `ahead 1, behind 2`, `gone`, or empty when equal.
    pub track: String,
    /// When anything was last fetched.
    pub fetched: Option<SystemTime>,
}

/// Looks at all checkouts at once. A checkout that git does not answer for within
/// `limit` has an explanation instead.
#[must_use]
pub fn commits(tops: &[PathBuf], limit: Duration) -> Vec<Result<Commit, String>> {
    let end = Instant::now() + limit;
    let asked: Vec<_> = tops.iter().map(|top| Asked::start(top)).collect();
    asked.into_iter().map(|asked| asked.and_then(|asked| asked.answer(end))).collect()
}

struct Asked {
    git: Child,
    branch: Option<String>,
    fetched: Option<SystemTime>,
}

/// One line: hash, upstream and difference, separated by blanks that no ref name
/// contains.
const FORMAT: &str = "%(objectname:short) %(upstream:short) %(upstream:track,nobracket)";

impl Asked {
    fn start(top: &Path) -> Result<Self, String> {
        let dir = git_dir(top).ok_or("it is not a git working tree")?;
        let head = std::fs::read_to_string(dir.join("HEAD"))
            .map_err(|error| format!("its HEAD cannot be read: {error}"))?;
        let branch = head.trim_end().strip_prefix("ref: refs/heads/").map(str::to_owned);
        let fetched = std::fs::metadata(common_dir(&dir).join("FETCH_HEAD"))
            .or_else(|_| std::fs::metadata(dir.join("FETCH_HEAD")))
            .and_then(|found| found.modified())
            .ok();
        let mut command = Command::new("git");
        command.arg("-C").arg(top);
        match &branch {
            Some(name) => {
                command.args(["for-each-ref", "--format", FORMAT]);
                command.arg(format!("refs/heads/{name}"))
            }
            None => command.args(["rev-parse", "--short", "HEAD"]),
        };
        let git = command
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("git could not be run: {error}"))?;
        Ok(Self { git, branch, fetched })
    }

    fn answer(mut self, end: Instant) -> Result<Commit, String> {
        let line = self.line(end);
        if line.is_none() {
            // It has answered, or nobody waits for it any longer.
            self.git.kill().unwrap_or_default();
        }
        let status = self.git.wait().map_err(|error| error.to_string())?;
        let line = line.ok_or("git did not answer in time")?;
        if !status.success() {
            return Err(
                "git refuses to read it; perhaps: git config --global --add safe.directory"
                    .to_owned()
                    + " PATH",
            );
        }
        let mut words = line.trim_end().splitn(3, ' ');
        let hash = words.next().filter(|hash| !hash.is_empty()).ok_or("it has no commit yet")?;
        Ok(Commit {
            hash: hash.to_owned(),
            branch: self.branch,
            upstream: words.next().filter(|name| !name.is_empty()).map(str::to_owned),
            track: words.next().unwrap_or_default().to_owned(),
            fetched: self.fetched,
        })
    }

    /// Everything git prints, or `None` when the time is over.
    fn line(&mut self, end: Instant) -> Option<String> {
        let mut out = self.git.stdout.take()?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok()?;
            let mut waiting = [PollFd::new(&out, PollFlags::IN)];
            if poll(&mut waiting, Some(&left)).ok()? == 0 {
                return None;
            }
            match out.read(&mut chunk).ok()? {
                0 => return String::from_utf8(bytes).ok(),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// The git directory: `.git`, or what the file `.git` of a linked worktree names.
fn git_dir(top: &Path) -> Option<PathBuf> {
    let place = top.join(".git");
    if place.is_dir() {
        return Some(place);
    }
    let text = std::fs::read_to_string(&place).ok()?;
    Some(top.join(text.strip_prefix("gitdir:")?.trim()))
}

/// Where a linked worktree keeps what all worktrees share.
fn common_dir(dir: &Path) -> PathBuf {
    std::fs::read_to_string(dir.join("commondir"))
        .map_or_else(|_| dir.to_path_buf(), |named| dir.join(named.trim_end()))
}
