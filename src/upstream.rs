//! Which commit a checkout is at, and how far behind its upstream it is, as of the
//! last fetch. Asks the git command, for a bounded time.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A checkout's commit.
#[derive(Debug)]
pub struct Commit {
    /// Abbreviated hash.
    pub hash: String,
    /// Branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The branch's upstream and the difference to it; or why that is unknown.
    pub upstream: Result<Option<Upstream>>,
    /// When anything was last fetched.
    pub fetched: Option<SystemTime>,
}

/// What a branch follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name, such as `origin/main`.
    pub name: String,
    /// `behind 2`, `ahead 1, behind 2`, `gone`, or empty when equal.
    pub track: String,
}

/// Looks at all checkouts at once. What git does not answer within `limit` has an
/// explanation instead; branch and commit are known without it.
#[must_use]
pub fn commits(tops: &[PathBuf], limit: Duration) -> Vec<Result<Commit>> {
    let end = Instant::now() + limit;
    let asked: Vec<_> = tops.iter().map(|top| Asked::start(top)).collect();
    asked.into_iter().map(|asked| asked.and_then(|asked| asked.commit(end))).collect()
}

struct Asked {
    git: Result<Child>,
    hash: Option<String>,
    branch: Option<String>,
    fetched: Option<SystemTime>,
}

/// One line: hash, upstream and difference, separated by blanks that no ref name
/// contains.
const FORMAT: &str = "%(objectname:short) %(upstream:short) %(upstream:track,nobracket)";

/// Letters of a hash that people compare.
const SHORT: usize = 7;

impl Asked {
    fn start(top: &Path) -> Result<Self> {
        let dir = git_dir(top).context("it is not a git working tree")?;
        let common = common_dir(&dir);
        let head = std::fs::read_to_string(dir.join("HEAD")).context("its HEAD cannot be read")?;
        let head = head.trim_end();
        let branch = head.strip_prefix("ref: refs/heads/").map(str::to_owned);
        let hash = match head.strip_prefix("ref: ") {
            Some(name) => hash_of(&common, name),
            None => Some(head.to_owned()),
        };
        let fetched = last_fetch(&dir, &common);
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
            .context("git could not be run");
        Ok(Self { git, hash, branch, fetched })
    }

    fn commit(self, end: Instant) -> Result<Commit> {
        let answer = self.git.and_then(|git| answer(git, end));
        let mut words = answer.as_deref().unwrap_or_default().trim_end().splitn(3, ' ');
        let told = words.next().filter(|hash| !hash.is_empty()).map(str::to_owned);
        let hash = told.or_else(|| self.hash.map(|hash| hash.chars().take(SHORT).collect()));
        let name = words.next().filter(|name| !name.is_empty());
        let track = words.next().unwrap_or_default().to_owned();
        let upstream = name.map(|name| Upstream { name: name.to_owned(), track });
        Ok(Commit {
            hash: hash.context("it has no commit yet")?,
            branch: self.branch,
            upstream: answer.map(|_| upstream),
            fetched: self.fetched,
        })
    }
}

/// When anything was last fetched into the checkout at `top`; a clone counts.
#[must_use]
pub fn fetched(top: &Path) -> Option<SystemTime> {
    let dir = git_dir(top)?;
    last_fetch(&dir, &common_dir(&dir))
}

fn last_fetch(dir: &Path, common: &Path) -> Option<SystemTime> {
    fetched_into(dir, common).or_else(|| {
        let remotes = std::fs::read_dir(common.join("refs/remotes")).ok()?;
        let heads = remotes.flatten().map(|remote| remote.path().join("HEAD"));
        heads.filter_map(|head| head.metadata().ok()?.modified().ok()).max()
    })
}

/// A fetch begins with emptying the file: one that failed leaves it empty.
fn fetched_into(dir: &Path, common: &Path) -> Option<SystemTime> {
    let found = [common, dir].map(|place| place.join("FETCH_HEAD").metadata().ok());
    let filled = found.into_iter().flatten().filter(|file| file.len() > 0);
    filled.filter_map(|file| file.modified().ok()).max()
}

/// What git prints before `end`.
fn answer(mut git: Child, end: Instant) -> Result<String> {
    let line = git.stdout.take().and_then(|out| everything(out, end));
    if line.is_none() {
        // Nobody waits for its answer any longer.
        git.kill().unwrap_or_default();
    }
    let status = git.wait()?;
    match line {
        None => bail!("git did not answer in time"),
        Some(_) if !status.success() => {
            bail!("git refuses to read it; perhaps: git config --system --add safe.directory PATH")
        }
        Some(line) => Ok(line),
    }
}

/// What a pipe carries until it is closed, or `None` when the time is over.
fn everything(mut out: std::process::ChildStdout, end: Instant) -> Option<String> {
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

/// The commit of a ref, from its own file or the list of packed ones.
fn hash_of(common: &Path, name: &str) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(common.join(name)) {
        return Some(text.trim_end().to_owned());
    }
    let packed = std::fs::read_to_string(common.join("packed-refs")).ok()?;
    let line =
        packed.lines().find(|line| line.split_once(' ').is_some_and(|(_, of)| of == name))?;
    line.split_once(' ').map(|(hash, _)| hash.to_owned())
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
