//! What git knows of the working trees that a command reads: commit, branch, which of
//! the files that are read differ from the commit, and how old the last fetch is.
//!
//! It asks the git command, for a bounded time, and only where the policy wants to
//! know: the shim must stay light, and git's own status knows filters, submodules and
//! sparse checkouts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::regular::read_regular;
use super::{head, hidden};
use crate::git::{self, LIMIT, Silence};
use crate::judge::{
    Checkout, Facts, Nature, Reached, Role, Tree, Trouble, Uncommitted, Whereabouts,
};
use crate::path::is_within;
use crate::policy::{Care, Policy};
use crate::text::{quoted, shown};
use crate::upstream;

/// With more directories than that, git looks at the whole tree.
const MOST_DIRECTORIES: usize = 200;

/// Ignored files larger than this are named without their hash.
const MOST_HASHED: usize = 16 << 20;

/// The trees that `facts` reach into. What is not committed is asked only when
/// `changes` says that it matters.
pub(super) fn trees(policy: &Policy, facts: &Facts, changes: bool) -> Vec<Tree> {
    let checkouts = &facts.territory.checkouts;
    read(facts)
        .into_iter()
        .map(|(index, paths)| tree(policy, &checkouts[index], &paths, changes))
        .collect()
}

/// The files that `facts` reach and that are not committed, by checkout; also where
/// the policy did not want to know them.
pub(super) fn changed(facts: &Facts) -> Vec<(usize, BTreeSet<PathBuf>)> {
    let files = |index: usize, paths: &BTreeSet<PathBuf>| {
        let checkout = &facts.territory.checkouts[index];
        let tree = facts.trees.iter().find(|tree| tree.top == checkout.top);
        match tree.and_then(|tree| tree.uncommitted.as_ref()) {
            Some(asked) => asked.as_ref().map(|found| found.files.clone()).unwrap_or_default(),
            None => uncommitted(checkout, paths).map(|found| found.files).unwrap_or_default(),
        }
    };
    read(facts).into_iter().map(|(index, paths)| (index, files(index, &paths))).collect()
}

/// What is read, by the innermost checkout around it.
fn read(facts: &Facts) -> BTreeMap<usize, BTreeSet<PathBuf>> {
    let checkouts = &facts.territory.checkouts;
    let mut read: BTreeMap<usize, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in paths(&facts.reached) {
        let around = checkouts.iter().enumerate().filter(|(_, one)| is_within(&path, &one.top));
        let innermost = around.max_by_key(|(_, one)| one.top.components().count());
        if let Some((index, _)) = innermost {
            read.entry(index).or_default().insert(path);
        }
    }
    read
}

/// Everything that is read. A directory counts whole when nothing in it was reached by
/// itself: a chart, for instance.
fn paths(reached: &[Reached]) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut directories = BTreeSet::new();
    for reached in reached {
        let Whereabouts::Local(local) = &reached.whereabouts else { continue };
        if matches!(reached.role, Role::Output { .. }) {
            continue;
        }
        files.extend(local.links.iter().cloned());
        let group = match local.nature {
            Nature::Directory => &mut directories,
            Nature::File | Nature::Missing => &mut files,
        };
        group.extend(local.readings.iter().cloned());
    }
    directories.retain(|dir| first_within(&files, dir).is_none());
    files.extend(directories);
    files
}

/// The first of `paths` that is `dir` or lies in it.
fn first_within<'p>(paths: &'p BTreeSet<PathBuf>, dir: &Path) -> Option<&'p PathBuf> {
    let after = paths.range::<Path, _>((Bound::Included(dir), Bound::Unbounded));
    after.into_iter().next().filter(|path| is_within(path, dir))
}

fn tree(policy: &Policy, checkout: &Checkout, paths: &BTreeSet<PathBuf>, changes: bool) -> Tree {
    let top = &checkout.top;
    let asked = changes && policy.uncommitted != Care::Allow;
    let aged = changes && policy.fetch_age.is_some();
    let since = |at| SystemTime::now().duration_since(at).unwrap_or_default();
    Tree {
        rule: checkout.rule,
        top: top.clone(),
        git_dir: checkout.git_dir.clone(),
        head: checkout.git_dir.as_deref().map(|dir| head::of(dir, top)).unwrap_or_default(),
        uncommitted: asked.then(|| uncommitted(checkout, paths)),
        fetched_ago: if aged { upstream::fetched(top).map(since) } else { None },
    }
}

fn uncommitted(checkout: &Checkout, paths: &BTreeSet<PathBuf>) -> Result<Uncommitted, Trouble> {
    let Some(tree) = repository_of(&checkout.top) else {
        return Err(Trouble {
            subject: shown(&checkout.top),
            problem: "it is no git working tree".to_owned(),
            remedy: "clone it with git, or set policy.uncommitted: warn".to_owned(),
        });
    };
    let mut found = Uncommitted::default();
    for (repository, paths) in by_repository(&tree, paths) {
        let trouble = |silence: &Silence| Trouble {
            subject: shown(&repository),
            problem: silence.to_string(),
            remedy: remedy(silence, &repository),
        };
        status(&repository, &paths, &mut found).map_err(|silence| trouble(&silence))?;
    }
    Ok(found)
}

fn remedy(silence: &Silence, repository: &Path) -> String {
    let place = quoted(repository);
    match silence {
        Silence::NotRun(_) => "install git, or put it on PATH: command -v git".to_owned(),
        Silence::Dubious => format!("sudo git config --system --add safe.directory {place}"),
        // Our own status leaves the index as it is; the user's makes the next one quick.
        Silence::Late(_) => format!(
            "git -C {place} status   # it brings git's index up to date; then the same again, and when the machine is busy, later"
        ),
        Silence::Failed(_) => format!("git -C {place} status"),
    }
}

/// The working tree around `path`: the nearest directory with a `.git`.
fn repository_of(path: &Path) -> Option<PathBuf> {
    let has_git = |dir: &&Path| dir.join(".git").symlink_metadata().is_ok();
    path.ancestors().find(has_git).map(Path::to_path_buf)
}

/// The paths, each with the repository that holds it. A repository inside another one
/// (a submodule, or a clone that nobody added) stands in the outer one as a path: there
/// it must be what the commit says, too.
fn by_repository(
    outermost: &Path,
    paths: &BTreeSet<PathBuf>,
) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut known: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut found: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in paths {
        let mut path = path.clone();
        loop {
            let dir = path.parent().unwrap_or(outermost).to_path_buf();
            let repository = known
                .entry(dir)
                .or_insert_with_key(|dir| {
                    repository_of(dir).unwrap_or_else(|| outermost.to_path_buf())
                })
                .clone();
            let is_outermost = is_within(outermost, &repository);
            let repository = if is_outermost { outermost.to_path_buf() } else { repository };
            found.entry(repository.clone()).or_default().insert(path);
            if is_outermost {
                break;
            }
            path = repository;
        }
    }
    found
}

/// Compares `paths` with the commit of the working tree `top`.
fn status(top: &Path, paths: &BTreeSet<PathBuf>, found: &mut Uncommitted) -> Result<(), Silence> {
    let directories = directories(top, paths);
    let index = hidden::Question::ask(top, &directories)?;
    let shown = shown_by_status(top, paths, &directories, found);
    let hidden = index.changed(top, |changed| concerned(paths, changed))?;
    found.files.extend(hidden.iter().cloned());
    found.hidden.extend(hidden);
    shown
}

fn shown_by_status(
    top: &Path,
    paths: &BTreeSet<PathBuf>,
    directories: &[PathBuf],
    found: &mut Uncommitted,
) -> Result<(), Silence> {
    let mut command = git::command(top);
    command
        .args(["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"])
        .args(["--ignored=traditional", "--ignore-submodules=none", "--"])
        .args(directories);
    let answer = git::answer(&mut command, LIMIT)?;
    // `XY PATH`, relative to the top; a directory ends with a slash.
    for entry in answer.split(|byte| *byte == 0).filter(|entry| entry.len() > 3) {
        let (state, name) = entry.split_at(3);
        let changed = top.join(OsStr::from_bytes(name));
        for path in concerned(paths, &changed) {
            if state == b"!! " {
                let hash = hash_of(&path);
                found.ignored.insert(path, hash);
            } else {
                found.files.insert(path);
            }
        }
    }
    Ok(())
}

/// Where git has to look.
fn directories(top: &Path, paths: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let relative = |path: &PathBuf| path.parent()?.strip_prefix(top).ok().map(Path::to_path_buf);
    let mut directories: BTreeSet<PathBuf> = paths.iter().filter_map(relative).collect();
    // What lies in another of them is looked at anyway.
    let all = directories.clone();
    directories.retain(|dir| !dir.ancestors().skip(1).any(|above| all.contains(above)));
    let is_all = directories.len() > MOST_DIRECTORIES || directories.contains(Path::new(""));
    if is_all { vec![".".into()] } else { directories.into_iter().collect() }
}

/// Those of `paths` that a change at `changed` is about: the path itself, what lies in
/// a directory that is new as a whole, and a directory that counts whole.
fn concerned(paths: &BTreeSet<PathBuf>, changed: &Path) -> Vec<PathBuf> {
    let below = paths.range::<Path, _>((Bound::Included(changed), Bound::Unbounded));
    let mut found: Vec<PathBuf> =
        below.take_while(|path| is_within(path, changed)).cloned().collect();
    if changed.ancestors().skip(1).any(|above| paths.contains(above)) {
        found.push(changed.to_path_buf());
    }
    found
}

fn hash_of(file: &Path) -> Option<String> {
    let bytes = read_regular(file, MOST_HASHED).ok().filter(|bytes| bytes.len() <= MOST_HASHED)?;
    Some(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_is_late_is_told_from_one_that_fails() {
        let of = |silence: &Silence| remedy(silence, Path::new("/srv/a b"));
        let late = of(&Silence::Late(LIMIT));
        let failed = of(&Silence::Failed("fatal: bad index".to_owned()));
        assert_eq!(failed, "git -C '/srv/a b' status");
        assert!(late.starts_with(&format!("{failed}   # ")), "{late}");
        assert!(late.contains("index") && late.contains("busy"), "{late}");
    }
}
