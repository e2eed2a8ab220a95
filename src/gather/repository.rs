//! Where git keeps a working tree's repository, and which other working trees share
//! it. Read from the files that git documents (gitrepository-layout), because the
//! git command would cost every kubectl some milliseconds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::regular::read_regular;

/// A `.git` file, `commondir` or `gitdir` holds one path.
const MAX_POINTER: usize = 16 << 10;

/// A repository's configuration is a page.
const MAX_CONFIG: usize = 1 << 20;

/// More worktrees than this are not looked at.
const MAX_WORKTREES: usize = 1_000;

/// The repository of a working tree.
#[derive(Debug)]
pub(super) struct Repository {
    /// The git directory of this working tree.
    pub(super) git_dir: PathBuf,
    /// The git directory that all working trees share.
    pub(super) common_dir: PathBuf,
    /// The part of the working tree below its top that is the checkout: a checkout
    /// may be a directory of a repository.
    below: PathBuf,
}

/// The git directory that the entry `.git` of the real directory `dir` is or names:
/// a directory, or a file (linked worktrees, submodules, `--separate-git-dir`).
fn own_git_dir(dir: &Path) -> Option<PathBuf> {
    let entry = dir.join(".git");
    let kind = entry.symlink_metadata().ok()?.file_type();
    if kind.is_dir() {
        return Some(entry);
    }
    let entry = if kind.is_symlink() { entry.canonicalize().ok()? } else { entry };
    if kind.is_symlink() && entry.is_dir() {
        return Some(entry);
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

/// The addresses of the repositories that the one of `git_dir` was cloned from or sends
/// to, without whoever asks for them.
pub(super) fn remotes(git_dir: &Path) -> Vec<String> {
    let Ok(bytes) = read_regular(&common_dir(git_dir).join("config"), MAX_CONFIG) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let addresses = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let is_address = ["url", "pushurl"].contains(&&*name.trim().to_ascii_lowercase());
        is_address.then(|| without_user(value.trim().trim_matches('"')))
    });
    addresses.collect()
}

fn without_user(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) if scheme.starts_with("http") => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        _ => address.to_owned(),
    }
}

/// The git directory that the working tree of `git_dir` shares with others.
pub(super) fn common_dir(git_dir: &Path) -> PathBuf {
    pointer(&git_dir.join("commondir"))
        .and_then(|path| git_dir.join(OsStr::from_bytes(&path)).canonicalize().ok())
        .unwrap_or_else(|| git_dir.to_path_buf())
}

impl Repository {
    /// The repository of the working tree around the real directory `top`, or `top`
    /// itself when it is a bare one.
    pub(super) fn around(top: &Path) -> Option<Self> {
        if is_git_dir(top) {
            let (git_dir, common_dir) = (top.to_path_buf(), top.to_path_buf());
            return Some(Self { git_dir, common_dir, below: PathBuf::new() });
        }
        let (tree, git_dir) = top.ancestors().find_map(|dir| Some((dir, own_git_dir(dir)?)))?;
        let common_dir = common_dir(&git_dir);
        let below = top.strip_prefix(tree).unwrap_or(Path::new("")).to_path_buf();
        Some(Self { git_dir, common_dir, below })
    }

    /// The same checkout in every other working tree: the main one and the linked
    /// ones.
    pub(super) fn other_worktrees(&self, top: &Path) -> Vec<PathBuf> {
        let mut trees = Vec::new();
        let is_linked = self.git_dir != self.common_dir;
        if let Some(main) = self.common_dir.parent().filter(|_| is_linked)
            // Not for a bare repository, nor for a submodule.
            && own_git_dir(main).is_some_and(|found| found == self.common_dir)
        {
            trees.push(main.to_path_buf());
        }
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
    let text = read_regular(file, MAX_POINTER).ok()?;
    (text.len() <= MAX_POINTER).then(|| text.trim_ascii_end().to_vec())
}
