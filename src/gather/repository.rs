//! Where git keeps a working tree's repository, and which other working trees share
//! it. Read from the files that git documents (gitrepository-layout), because the
//! git command would cost every kubectl some milliseconds.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A `.git` file, `commondir` or `gitdir` holds one path.
const MAX_POINTER: u64 = 16 << 10;

/// More worktrees than this are not looked at.
const MAX_WORKTREES: usize = 1_000;

/// The repository of a working tree.
#[derive(Debug)]
pub(super) struct Repository {
    /// The git directory that all working trees share.
    pub(super) common_dir: PathBuf,
    /// The part of the working tree below its top that is the checkout: a checkout
    /// may be a directory of a repository.
    below: PathBuf,
}

/// The real git directory of the working tree around `top`: a directory `.git`, what
/// a file `.git` names (linked worktrees, submodules, `--separate-git-dir`), or
/// `top` itself when it is a bare repository.
pub(super) fn git_dir(top: &Path) -> Option<PathBuf> {
    if is_git_dir(top) {
        return Some(top.to_path_buf());
    }
    top.ancestors().find_map(own_git_dir)
}

fn own_git_dir(dir: &Path) -> Option<PathBuf> {
    let entry = dir.join(".git");
    let metadata = entry.metadata().ok()?;
    if metadata.is_dir() {
        return entry.canonicalize().ok();
    }
    let named = pointer(&entry)?;
    let path = named.strip_prefix(b"gitdir:")?.trim_ascii();
    let found = dir.join(OsStr::from_bytes(path)).canonicalize().ok()?;
    // Whatever it names has a HEAD, also for a linked worktree.
    found.join("HEAD").symlink_metadata().is_ok().then_some(found)
}

/// Whether `dir` is laid out as a git directory, whatever its name.
pub(super) fn is_git_dir(dir: &Path) -> bool {
    // Almost nothing is called HEAD: one question settles it.
    dir.join("HEAD").symlink_metadata().is_ok()
        && dir.join("objects").is_dir()
        && dir.join("refs").is_dir()
}

impl Repository {
    /// The repository behind `git_dir`, the git directory of `top`.
    pub(super) fn of(top: &Path, git_dir: &Path) -> Self {
        let common_dir = pointer(&git_dir.join("commondir"))
            .and_then(|path| git_dir.join(OsStr::from_bytes(&path)).canonicalize().ok())
            .unwrap_or_else(|| git_dir.to_path_buf());
        let tree = top
            .ancestors()
            .find(|dir| own_git_dir(dir).is_some_and(|found| found == git_dir))
            .unwrap_or(top);
        let below = top.strip_prefix(tree).unwrap_or(Path::new("")).to_path_buf();
        Self { common_dir, below }
    }

    /// The same checkout in every other working tree: the main one and the linked
    /// ones.
    pub(super) fn other_worktrees(&self, top: &Path) -> Vec<PathBuf> {
        let main = self.common_dir.parent().filter(|dir| {
            // Not for a bare repository, nor for a submodule.
            own_git_dir(dir).is_some_and(|found| found == self.common_dir)
        });
        let mut trees: Vec<PathBuf> = main.map(Path::to_path_buf).into_iter().collect();
        let records = std::fs::read_dir(self.common_dir.join("worktrees"));
        for record in records.into_iter().flatten().flatten().take(MAX_WORKTREES) {
            trees.extend(linked_worktree(&record.path()));
        }
        trees
            .iter()
            .filter_map(|tree| tree.join(&self.below).canonicalize().ok())
            .filter(|other| other != top && other.is_dir())
            .collect()
    }
}

/// The working tree that `record` (`COMMON/worktrees/NAME`) speaks of, when that
/// tree says the same: records of removed worktrees stay behind.
fn linked_worktree(record: &Path) -> Option<PathBuf> {
    let named = pointer(&record.join("gitdir"))?;
    let tree = record.join(OsStr::from_bytes(&named)).parent()?.canonicalize().ok()?;
    let back = own_git_dir(&tree)?;
    (back == record.canonicalize().ok()?).then_some(tree)
}

/// The only line of a small regular file.
fn pointer(file: &Path) -> Option<Vec<u8>> {
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    std::fs::File::open(file).ok()?.take(MAX_POINTER).read_to_end(&mut text).ok()?;
    Some(text.trim_ascii_end().to_vec())
}
