//! Reads the directories of a working tree, and its branches.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::layout::Tree;
use crate::git;
use crate::text::{quoted, shown};

/// Directories beyond this many are not looked at.
const MAX_DIRS: usize = 200_000;

/// A repository of this size answers in a fraction of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The directories of the working tree at `top`, on the disk and in HEAD: what
/// `tidy` took off the disk is still another environment's.
#[must_use]
pub(super) fn tree(top: &Path) -> Tree {
    let mut tree = Tree::default();
    let mut queue = vec![PathBuf::new()];
    let mut seen = 0;
    while let Some(dir) = queue.pop() {
        seen += 1;
        let Ok(entries) = std::fs::read_dir(top.join(&dir)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            let path = dir.join(&name);
            if !kind.is_dir() {
                tree.add(&path, true);
            } else if !name.as_bytes().starts_with(b".") && seen + queue.len() < MAX_DIRS {
                queue.push(path);
            }
        }
    }
    if seen >= MAX_DIRS {
        tree.gaps.push(format!(
            "{} has more than {MAX_DIRS} directories, and not all were looked at: name the overlays with --overlay-root and --foreign",
            shown(top)
        ));
    }
    for file in committed(top, &mut tree).split(|byte| *byte == 0) {
        let path = Path::new(OsStr::from_bytes(file));
        let hidden = path.iter().any(|name| name.as_bytes().starts_with(b"."));
        if !file.is_empty() && !hidden {
            tree.add(path, false);
        }
    }
    tree
}

/// The files of HEAD. A directory without git has none.
fn committed(top: &Path, tree: &mut Tree) -> Vec<u8> {
    if !is_checkout(top) {
        return Vec::new();
    }
    let words = ["ls-tree", "-r", "--name-only", "-z", "HEAD"];
    git::answer(git(top).args(words), PATIENCE).unwrap_or_else(|silence| {
        tree.gaps.push(format!(
            "overlays that are in git and not on the disk were not seen, because {silence}: git -C {} ls-tree HEAD",
            quoted(top)
        ));
        Vec::new()
    })
}

/// git for a working tree that may belong to somebody else: kubectl reads its files
/// anyway, and nothing of its configuration is run by these questions.
fn git(top: &Path) -> Command {
    let mut command = git::command(top);
    command.args(["-c", "safe.directory=*"]);
    command
}

/// The working tree that `dir` is in.
#[must_use]
pub(super) fn top_of(dir: &Path) -> Option<PathBuf> {
    let real = dir.canonicalize().ok()?;
    let top = real.ancestors().find(|dir| dir.join(".git").symlink_metadata().is_ok())?;
    Some(top.to_path_buf())
}

/// The branches of a repository, its own and those of its remotes, without the
/// remote's name.
#[must_use]
pub(super) fn branches(top: &Path) -> BTreeSet<String> {
    let format = "--format=%(refname)";
    let words = ["for-each-ref", format, "refs/heads", "refs/remotes"];
    let listing = git::answer(git(top).args(words), PATIENCE).unwrap_or_default();
    let name = |line: &str| {
        let remote = line.strip_prefix("refs/remotes/").and_then(|name| name.split_once('/'));
        let name = line.strip_prefix("refs/heads/").or(remote.map(|(_, name)| name))?;
        (name != "HEAD").then(|| name.to_owned())
    };
    String::from_utf8_lossy(&listing).lines().filter_map(name).collect()
}

/// The branch that is checked out.
#[must_use]
pub(super) fn branch(top: &Path) -> Option<String> {
    let said = git::answer(git(top).args(["symbolic-ref", "--short", "HEAD"]), PATIENCE).ok()?;
    let name = String::from_utf8(said).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// Working trees in the places where they usually are, with manifests of several
/// environments or not: the caller looks.
#[must_use]
pub(super) fn candidates(home: Option<&Path>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = ["/srv", "/opt", "/data"].map(PathBuf::from).into();
    places.extend(home.map(Path::to_path_buf));
    places.extend(children(Path::new("/home")));
    let mut found = BTreeSet::new();
    for place in places {
        found.extend(is_checkout(&place).then(|| place.clone()));
        for dir in children(&place) {
            if is_checkout(&dir) {
                found.insert(dir);
            } else {
                found.extend(children(&dir).into_iter().filter(|dir| is_checkout(dir)));
            }
        }
    }
    found.into_iter().filter_map(|dir| dir.canonicalize().ok()).collect()
}

fn is_checkout(dir: &Path) -> bool {
    dir.join(".git").symlink_metadata().is_ok()
}

fn children(dir: &Path) -> Vec<PathBuf> {
    const MOST: usize = 1_000;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().take(MOST);
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(|entry| entry.path())
        .filter(|path| !path.file_name().is_some_and(|name| name.as_bytes().starts_with(b".")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_are_looked_for_two_levels_deep_in_a_home_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let home = scratch.path().canonicalize().unwrap();
        for dir in ["m/.git", "src/n/.git", "src/deep/er/.git", ".hidden/o/.git", "plain"] {
            std::fs::create_dir_all(home.join(dir)).unwrap();
        }
        // A linked worktree has a file there.
        std::fs::create_dir(home.join("tree")).unwrap();
        std::fs::write(home.join("tree/.git"), "gitdir: x").unwrap();
        let mut found = candidates(Some(&home));
        found.retain(|dir| dir.starts_with(&home));
        assert_eq!(found, ["m", "src/n", "tree"].map(|dir| home.join(dir)));
        assert_eq!(top_of(&home.join("src/n")), Some(home.join("src/n")));
        assert_eq!(top_of(&home.join("plain")), None);
    }
}
