//! git's sparse checkout: told which overlays to keep away, and what was there
//! before, so that it can be put back.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Git, Layout};
use crate::keeper::bytes;
use crate::keeper::files;
use crate::keeper::hitch::{Hitch, Result};
use crate::keeper::overlays::Overlays;
use crate::keeper::patterns::{self, Line};
use crate::text::{quoted, shown};

/// How git's sparse checkout stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::keeper) struct State {
    pub(in crate::keeper) enabled: bool,
    cone: bool,
    lines: Vec<Line>,
    /// git does not tell upper from lower case here.
    pub(in crate::keeper) ignores_case: bool,
}

impl State {
    /// Whether the lines are a cone that git has written. It may have been turned on
    /// over other lines: then git says that it disables it.
    fn is_cone(&self, ours: &BTreeSet<Line>) -> bool {
        let begins = self.lines.starts_with(&CONE.map(<[u8]>::to_vec));
        self.enabled && self.cone && begins && !self.lines.iter().any(|line| ours.contains(line))
    }
}

/// How every file of a cone begins.
const CONE: [&[u8]; 2] = [b"/*", b"!/*/"];

/// What the keeper has written, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Memory {
    /// Every exclusion that may stand in git's file because of us.
    ours: BTreeSet<String>,
    /// Those of each checkout in this working tree, by where it lies there.
    of: BTreeMap<String, BTreeSet<String>>,
    /// The checkout was sparse before.
    was_sparse: bool,
    /// git had none of the files that a sparse checkout leaves behind.
    was_without_files: bool,
    /// The user's cone, and the lines git had made of it.
    cone: Option<Cone>,
    /// The user's own lines at first that read like ours.
    same_as_ours: Vec<String>,
    /// `tidy --undo` has put everything back; linked worktrees may still have our
    /// lines from before.
    undone: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cone {
    directories: Vec<String>,
    lines: Vec<String>,
}

/// In a git directory.
const MEMORY: &str = "envguard/sparse.json";

fn memory_file(layout: &Layout) -> PathBuf {
    layout.git_dir.join(MEMORY)
}

/// What the keeper knows of this working tree.
struct Recalled {
    memory: Option<Memory>,
    /// It is not written down in this tree yet: `git worktree add` has copied the
    /// lines from another.
    inherited: bool,
}

fn recall(layout: &Layout) -> Result<Recalled> {
    if let Some(memory) = read(&memory_file(layout))? {
        return Ok(Recalled {
            memory: Some(memory).filter(|known| !known.undone),
            inherited: false,
        });
    }
    if layout.git_dir == layout.common_dir {
        return Ok(Recalled { memory: None, inherited: false });
    }
    let mut inherited: Option<Memory> = None;
    let others = std::fs::read_dir(layout.common_dir.join("worktrees"));
    let others = others.into_iter().flatten().flatten().map(|entry| entry.path());
    for git_dir in std::iter::once(layout.common_dir.clone()).chain(others) {
        let Some(memory) = read(&git_dir.join(MEMORY))? else { continue };
        let known = inherited.get_or_insert_default();
        known.ours.extend(memory.ours);
        known.of.extend(memory.of);
        known.was_sparse |= memory.was_sparse;
        known.same_as_ours.extend(memory.same_as_ours);
    }
    Ok(Recalled { inherited: inherited.is_some(), memory: inherited })
}

fn read(file: &Path) -> Result<Option<Memory>> {
    match std::fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            Hitch::new(
                format!("{} cannot be understood: {error}", shown(file)),
                format!("git sparse-checkout disable, remove {}, and run tidy again", quoted(file)),
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Hitch::io("read", file, &error)),
    }
}

/// Reads how the sparse checkout stands.
pub(in crate::keeper) fn state(git: &Git, layout: &Layout) -> Result<State> {
    let keys = r"^core\.(sparsecheckout(cone)?|ignorecase)$";
    let output =
        git.ask(&["config", "-z", "--type=bool", "--get-regexp", keys])?.unwrap_or_default();
    let is_set = |key: &str| {
        let values = super::records(&output).filter_map(|record| {
            let text = std::str::from_utf8(record).ok()?;
            text.split_once('\n').filter(|(name, _)| *name == key).map(|(_, value)| value == "true")
        });
        values.last()
    };
    let enabled = is_set("core.sparsecheckout") == Some(true);
    let ignores_case = is_set("core.ignorecase") == Some(true);
    if !enabled {
        return Ok(State { ignores_case, ..State::default() });
    }
    let [file, _] = files_of_git(layout);
    let lines = match std::fs::read(&file) {
        Ok(text) => patterns::lines(&text),
        // Then git keeps nothing away.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => vec![b"/*".to_vec()],
        Err(error) => return Err(Hitch::io("read", &file, &error)),
    };
    let cone = is_set("core.sparsecheckoutcone") == Some(true);
    Ok(State { enabled, cone, lines, ignores_case })
}

/// The lines that have to stand in git's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::keeper) struct Wanted {
    all: Vec<Line>,
    /// Those for this checkout.
    mine: BTreeSet<Line>,
    /// Those for this checkout and others in the same working tree.
    ours: BTreeSet<Line>,
}

/// What git writes for a sparse checkout, and leaves there when that is disabled: the
/// lines, and whether they count.
fn files_of_git(layout: &Layout) -> [PathBuf; 2] {
    ["info/sparse-checkout", "config.worktree"].map(|name| layout.git_dir.join(name))
}

/// What has to be written, if anything.
pub(in crate::keeper) fn wanted(
    state: &State,
    layout: &Layout,
    excluded: &Overlays,
) -> Result<Option<Wanted>> {
    let Recalled { memory, inherited } = recall(layout)?;
    let memory = memory.unwrap_or_default();
    if excluded.is_empty() && memory.ours.is_empty() {
        return Ok(None);
    }
    let ours = lines_of(&memory.ours);
    let current = state.enabled.then_some(&state.lines[..]);
    let in_tree = excluded.iter().map(|path| layout.in_tree(path));
    let mine: BTreeSet<Line> = in_tree.map(|path| patterns::exclusion(&path)).collect();
    let others = layout.neighbours.iter().filter_map(|place| memory.of.get(&key(place)));
    let mut all_ours: BTreeSet<Line> = others.flat_map(lines_of).collect();
    all_ours.extend(mine.iter().cloned());
    let all = patterns::wanted(current, &ours, all_ours.iter().cloned());
    let stands = state.enabled && !state.cone && state.lines == all && !inherited;
    Ok((!stands).then_some(Wanted { all, mine, ours: all_ours }))
}

fn key(place: &Path) -> String {
    bytes::path_to_text(place)
}

fn texts_of<'l, C: FromIterator<String>>(lines: impl IntoIterator<Item = &'l Line>) -> C {
    lines.into_iter().map(|line| bytes::to_text(line)).collect()
}

fn lines_of<'t>(texts: impl IntoIterator<Item = &'t String>) -> BTreeSet<Line> {
    texts.into_iter().map(|text| bytes::from_text(text)).collect()
}

/// Writes `wanted`. What was there is remembered first.
pub(in crate::keeper) fn teach(
    git: &Git,
    layout: &Layout,
    state: &State,
    wanted: &Wanted,
) -> Result<()> {
    let known = recall(layout)?.memory;
    let first = known.is_none();
    let mut memory = known.unwrap_or_default();
    let before = lines_of(&memory.ours);
    let users = patterns::users(state.enabled.then_some(&state.lines[..]), &before);
    if first {
        memory.was_sparse = state.enabled;
        let is_missing = |file: &PathBuf| file.symlink_metadata().is_err();
        memory.was_without_files = files_of_git(layout).iter().all(is_missing);
        memory.same_as_ours = texts_of(users.iter().filter(|line| wanted.ours.contains(*line)));
    }
    if state.is_cone(&before) {
        let listed = git.run(&["sparse-checkout", "list"])?;
        let directories = texts_of(&patterns::lines(&listed));
        memory.cone = Some(Cone { directories, lines: texts_of(&users) });
        memory.was_sparse = true;
    }
    memory.ours.extend(texts_of::<BTreeSet<String>>(&wanted.ours));
    memory.of.insert(key(&layout.prefix), texts_of(&wanted.mine));
    remember(layout, &memory)?;
    set(git, &wanted.all)?;
    memory.ours = texts_of(&wanted.ours);
    remember(layout, &memory)
}

fn remember(layout: &Layout, memory: &Memory) -> Result<()> {
    // Plain strings and lists always become JSON.
    let text = serde_json::to_vec_pretty(memory).unwrap_or_default();
    files::replace(&memory_file(layout), &text)
}

fn set(git: &Git, lines: &[Line]) -> Result<()> {
    let words = ["sparse-checkout", "set", "--no-cone", "--stdin"];
    git.fetching().feed(&words, Some(&patterns::text(lines))).map(drop)
}

/// Has git take off the disk what it should keep away and can give back.
pub(in crate::keeper) fn reapply(git: &Git) -> Result<()> {
    git.run(&["sparse-checkout", "reapply"]).map(drop)
}

/// Has git compare the contents of files whose times are not those of the index:
/// what is unchanged counts as unchanged afterwards.
pub(in crate::keeper) fn refresh(git: &Git) -> Result<()> {
    // 1: some have changed.
    git.ask(&["update-index", "--really-refresh"]).map(drop)
}

/// Puts back what was there before the keeper. Says whether there was anything.
pub(in crate::keeper) fn forget(git: &Git, layout: &Layout) -> Result<bool> {
    let Some(mut memory) = recall(layout)?.memory else { return Ok(false) };
    let state = state(git, layout)?;
    if state.enabled {
        let mut users = patterns::users(Some(&state.lines), &lines_of(&memory.ours));
        let unchanged = memory.cone.as_ref().filter(|cone| {
            cone.lines.iter().map(|line| bytes::from_text(line)).eq(users.iter().cloned())
        });
        if let Some(cone) = unchanged {
            let dirs: Vec<Line> =
                cone.directories.iter().map(|dir| bytes::from_text(dir)).collect();
            let words = ["sparse-checkout", "set", "--cone", "--stdin"];
            git.fetching().feed(&words, Some(&patterns::text(&dirs)))?;
        } else if !memory.was_sparse && users == [b"/*".to_vec()] {
            git.fetching().run(&["sparse-checkout", "disable"])?;
            if memory.was_without_files {
                remove_files_of_git(git, layout, &state.lines)?;
            }
        } else {
            users.extend(memory.same_as_ours.iter().map(|line| bytes::from_text(line)));
            set(git, &users)?;
        }
    }
    memory.undone = true;
    remember(layout, &memory)?;
    Ok(true)
}

/// After the keeper's was the only sparse checkout: a file in which the user has written
/// since stays.
fn remove_files_of_git(git: &Git, layout: &Layout, lines: &[Line]) -> Result<()> {
    let [file, config] = files_of_git(layout);
    if std::fs::read(&file).is_ok_and(|text| text == patterns::text(lines)) {
        files::remove(&file)?;
    }
    let words = ["config", "-z", "--name-only", "--list", "--file"].map(OsStr::new);
    let words: Vec<&OsStr> = words.into_iter().chain([config.as_os_str()]).collect();
    let Some(keys) = git.ask(&words)? else { return Ok(()) };
    let is_of_sparse = |key: &[u8]| {
        [&b"core.sparsecheckout"[..], b"core.sparsecheckoutcone", b"index.sparse"].contains(&key)
    };
    if super::records(&keys).all(is_of_sparse) {
        files::remove(&config)?;
    }
    Ok(())
}

/// For a fresh clone: nothing of `excluded` is ever written.
pub(in crate::keeper) fn start(git: &Git, layout: &Layout, excluded: &Overlays) -> Result<()> {
    let state = State::default();
    match wanted(&state, layout, excluded)? {
        Some(lines) => teach(git, layout, &state, &lines),
        None => Ok(()),
    }
}

/// Tells git not to look for `paths` (relative to the tree) on the disk: they are
/// about to be put aside, and a commit must not record that as a deletion.
pub(in crate::keeper) fn skip<'p>(git: &Git, paths: impl Iterator<Item = &'p Path>) -> Result<()> {
    let input = super::terminated(paths);
    if input.is_empty() {
        return Ok(());
    }
    git.feed(&["update-index", "--skip-worktree", "-z", "--stdin"], Some(&input)).map(drop)
}
