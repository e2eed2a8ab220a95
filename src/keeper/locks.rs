//! Who may work in a checkout: one keeper at a time, and never together with git.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::FlockOperation;

use super::files;
use super::git::{Git, Layout};
use super::hitch::{Hitch, Result};
use super::interruption::Undisturbed;
use super::transfer::rename_new_path;
use crate::text::{quoted, shown};

/// What our own `index.lock` contains.
const MARK: &str = "envguard keeper ";

/// git's lock files that a git of ours may leave behind when it is killed.
const GIT_LOCKS: [&str; 4] =
    ["index.lock", "info/sparse-checkout.lock", "config.lock", "config.worktree.lock"];

/// What our versions of the index are called, with the number of the process.
const NEW_INDEX: &str = "envguard/index.";

/// A lock that is younger is not taken for abandoned.
const SETTLED: Duration = Duration::from_secs(1);

/// The one keeper at work in a working tree. Released when dropped, and by the
/// kernel when we die.
#[derive(Debug)]
pub(super) struct Keeper {
    _file: File,
    working: PathBuf,
}

/// Waits for another keeper to finish, then cleans up after one that died.
pub(super) fn become_keeper(layout: &Layout) -> Result<Keeper> {
    let dir = layout.git_dir.join("envguard");
    files::make_dir(&dir)?;
    // One for all working trees of the repository: they share the quarantine.
    let shared = layout.common_dir.join("envguard");
    files::make_dir(&shared)?;
    let path = shared.join("lock");
    let failed = |error: io::Error| Hitch::io("lock", &path, &error);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    // Waiting is right: the other one is quick, and afterwards we look again.
    rustix::fs::flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| Hitch::io("lock", &path, &error.into()))?;
    let keeper = Keeper { _file: file, working: dir.join("working") };
    keeper.after_a_crash(layout)?;
    Ok(keeper)
}

impl Keeper {
    /// From here on something of ours may be left behind by a crash.
    pub(super) fn begin(&self) -> Result<()> {
        let made = OpenOptions::new().create(true).append(true).open(&self.working);
        // One that is there already stays as old as it is: what a keeper before
        // us left behind is younger.
        made.map(drop).map_err(|error| Hitch::io("write", &self.working, &error))
    }

    /// Nothing of ours is under way any more.
    pub(super) fn end(&self) {
        // If it stays, the next keeper looks for leftovers and finds none.
        std::fs::remove_file(&self.working).unwrap_or_default();
    }

    /// Removes the locks that a keeper, or a git started by it, died with.
    fn after_a_crash(&self, layout: &Layout) -> Result<()> {
        let lock = layout.git_dir.join(GIT_LOCKS[0]);
        if is_a_keepers(layout) {
            // Nobody else is the keeper while we hold the other lock.
            std::fs::remove_file(&lock).map_err(|error| Hitch::io("remove", &lock, &error))?;
        }
        for left in left_behind(layout) {
            std::fs::remove_file(&left).map_err(|error| Hitch::io("remove", &left, &error))?;
        }
        let Ok(begun) = self.working.symlink_metadata().and_then(|meta| meta.modified()) else {
            return Ok(());
        };
        for name in GIT_LOCKS {
            let dir = if name == "config.lock" { &layout.common_dir } else { &layout.git_dir };
            let lock = dir.join(name);
            let since = lock.symlink_metadata().and_then(|meta| meta.modified());
            let Ok(since) = since else { continue };
            let settled = SystemTime::now().duration_since(since).unwrap_or_default() >= SETTLED;
            if since >= begun && settled && !git_is_running(layout) {
                std::fs::remove_file(&lock).map_err(|error| Hitch::io("remove", &lock, &error))?;
            }
        }
        let any_left = GIT_LOCKS.iter().any(|name| layout.git_dir.join(name).exists());
        if !any_left {
            self.end();
        }
        Ok(())
    }
}

/// Versions of the index that a keeper has not put in place.
fn left_behind(layout: &Layout) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(layout.git_dir.join("envguard"));
    let entries = entries.into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"index."))
        .map(|entry| entry.path())
        .collect()
}

/// Whether git's lock on the index is one of ours: of another keeper, which is quick,
/// or of one that died.
pub(super) fn is_a_keepers(layout: &Layout) -> bool {
    let lock = std::fs::read(layout.git_dir.join(GIT_LOCKS[0]));
    lock.is_ok_and(|text| text.starts_with(MARK.as_bytes()))
}

/// Whether a keeper may have died at work here.
pub(super) fn is_unfinished(layout: &Layout) -> bool {
    layout.git_dir.join("envguard/working").symlink_metadata().is_ok()
}

/// Whether any git works in this tree: git goes to the top of the tree it works
/// in.
fn git_is_running(layout: &Layout) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    processes.flatten().map(|process| process.path()).any(|process| {
        let is_git = std::fs::read(process.join("comm")).is_ok_and(|name| name.starts_with(b"git"));
        // Somebody else's, of which the place is not told, may be anywhere.
        let is_here = process.join("cwd").read_link().map_or_else(
            |error| error.kind() == io::ErrorKind::PermissionDenied,
            |cwd| cwd.starts_with(&layout.top) || cwd.starts_with(&layout.git_dir),
        );
        is_git && is_here
    })
}

/// git's own lock on the index, held by us: no git works on the tree meanwhile.
#[derive(Debug)]
pub(super) struct IndexLock {
    path: PathBuf,
    /// Dropped when the lock is free again.
    _undisturbed: Undisturbed,
}

impl IndexLock {
    /// Takes the lock; `None` when git has it.
    pub(super) fn take(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.git_dir.join("index.lock");
        let new = layout.git_dir.join(format!("envguard/index.lock.{}", std::process::id()));
        let failed = |error: &io::Error| Hitch::io("lock", &path, error);
        let undisturbed = Undisturbed::begin();
        let mut file = File::create(&new).map_err(|error| failed(&error))?;
        writeln!(file, "{MARK}{}", std::process::id()).map_err(|error| failed(&error))?;
        // The lock appears with its content: after a crash it is known as ours.
        let Err(error) = rename_new_path(&new, &path) else {
            return Ok(Some(Self { path, _undisturbed: undisturbed }));
        };
        // It has no use any more; the error is what counts.
        std::fs::remove_file(&new).unwrap_or_default();
        match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(None),
            _ => Err(failed(&error)),
        }
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        // If it stays, the next keeper knows it as ours and removes it.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }
}

/// A new version of the index, made beside it while nobody else can make one. Others
/// see the old one or the new one.
#[derive(Debug)]
pub(super) struct IndexChange {
    _lock: IndexLock,
    index: PathBuf,
    new: PathBuf,
}

impl IndexChange {
    /// Begins with a copy of the index; `None` when git has its lock.
    pub(super) fn begin(layout: &Layout) -> Result<Option<Self>> {
        let Some(lock) = IndexLock::take(layout)? else { return Ok(None) };
        let index = layout.git_dir.join("index");
        let new = layout.git_dir.join(format!("{NEW_INDEX}{}", std::process::id()));
        let failed = |error: io::Error| Hitch::io("write", &new, &error);
        match std::fs::copy(&index, &new) {
            // git trusts an entry that is older than its index: no younger, no older.
            Ok(_) => same_time(&index, &new).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Some(Self { _lock: lock, index, new }))
    }

    /// git that works on the new version.
    pub(super) fn git(&self, git: &Git) -> Git {
        git.on_index(&self.new)
    }

    /// Puts the new version in place of the old one.
    pub(super) fn finish(&self) -> Result<()> {
        match std::fs::rename(&self.new, &self.index) {
            // git has written none: there is nothing in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(|error| Hitch::io("write", &self.index, &error)),
        }
    }
}

impl Drop for IndexChange {
    fn drop(&mut self) {
        // What stays, the next keeper removes.
        std::fs::remove_file(&self.new).unwrap_or_default();
        std::fs::remove_file(self.new.with_added_extension("lock")).unwrap_or_default();
    }
}

fn same_time(one: &Path, other: &Path) -> io::Result<()> {
    let time = one.symlink_metadata()?.modified()?;
    File::options().write(true).open(other)?.set_modified(time)
}

/// Whether a git command of ours failed because another git holds a lock.
pub(super) fn is_held(hitch: &Hitch) -> bool {
    hitch.what.contains("lock") && hitch.what.contains("File exists")
}

/// Why nothing can be done right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// git holds its lock.
    Locked,
    /// A merge or the like waits for its end.
    UnderWay(Operation),
}

/// What a person has begun with git and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Merge,
    Rebase,
    Am,
    CherryPick,
    Revert,
}

/// Whether git is at work in this working tree.
pub(super) fn busy(layout: &Layout) -> Option<Busy> {
    if held(layout).is_some() {
        return Some(Busy::Locked);
    }
    Operation::under_way(layout).map(Busy::UnderWay)
}

/// The lock that is held, of those that the keeper needs each time.
fn held(layout: &Layout) -> Option<PathBuf> {
    GIT_LOCKS[..2]
        .iter()
        .map(|name| layout.git_dir.join(name))
        .find(|lock| lock.symlink_metadata().is_ok())
}

impl Operation {
    fn under_way(layout: &Layout) -> Option<Self> {
        let has = |name: &str| layout.git_dir.join(name).symlink_metadata().is_ok();
        if has("MERGE_HEAD") {
            Some(Self::Merge)
        } else if has("rebase-apply/applying") {
            Some(Self::Am)
        } else if has("rebase-merge") || has("rebase-apply") {
            Some(Self::Rebase)
        } else if has("CHERRY_PICK_HEAD") {
            Some(Self::CherryPick)
        } else if has("REVERT_HEAD") {
            Some(Self::Revert)
        } else if has("sequencer") {
            // Between two commits of several.
            let todo = std::fs::read(layout.git_dir.join("sequencer/todo"));
            let reverts = todo.is_ok_and(|todo| todo.starts_with(b"revert"));
            Some(if reverts { Self::Revert } else { Self::CherryPick })
        } else {
            None
        }
    }

    /// git's word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::Am => "am",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
        }
    }

    /// How it ends when `foreign`, relative to the tree, has a conflict.
    pub(super) fn remedy(self, layout: &Layout, foreign: &Path) -> String {
        let (cd, path, word) = (quoted(&layout.top), quoted(foreign), self.word());
        format!(
            "cd {cd} && git checkout --theirs -- {path} && git add --sparse {path} && git {word} --continue, or git {word} --abort"
        )
    }
}

impl Busy {
    /// What a person is told.
    pub(super) fn hitch(self, layout: &Layout) -> Hitch {
        let top = &layout.top;
        match self {
            Self::Locked => {
                let Some(lock) = held(layout) else {
                    return Hitch::new(
                        format!(
                            "git is at work in {}: it changes while the keeper looks",
                            shown(top)
                        ),
                        "kubectl envguard tidy, when it rests",
                    );
                };
                let name = shown(lock.strip_prefix(&layout.git_dir).unwrap_or(&lock));
                Hitch::new(
                    format!("git is at work in {}: waiting for {name}", shown(top)),
                    format!("if no git runs any more: rm {}", quoted(&lock)),
                )
            }
            Self::UnderWay(operation) => {
                let word = operation.word();
                let a = if operation == Operation::Am { "an" } else { "a" };
                Hitch::new(
                    format!("{a} {word} is under way in {}: waiting for its end", shown(top)),
                    format!(
                        "cd {} && git status, then git {word} --continue or git {word} --abort",
                        quoted(top)
                    ),
                )
            }
        }
    }
}
