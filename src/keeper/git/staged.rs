//! What is staged inside a foreign overlay: kept with the things put aside, then
//! taken out of the index, so that no commit from here carries it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Git, Layout, records};
use crate::keeper::bytes;
use crate::keeper::hitch::Result;
use crate::keeper::plan::Plan;

/// One index entry that differs from HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::keeper) struct Staged {
    /// Relative to the checkout.
    pub(in crate::keeper) path: PathBuf,
    /// `100644` and so on; `0` when the entry's absence is what is staged.
    pub(in crate::keeper) mode: String,
    /// The object.
    pub(in crate::keeper) object: String,
    /// 0, or 1 to 3 for the sides of a conflict.
    pub(in crate::keeper) stage: u8,
}

/// Entries to be put aside, by overlay, and the input that resets them to HEAD.
#[derive(Debug, Default)]
pub(in crate::keeper) struct Differences {
    pub(in crate::keeper) by_overlay: BTreeMap<PathBuf, Vec<Staged>>,
    reset: Vec<u8>,
}

/// Compares index and HEAD inside the plan's overlays.
pub(in crate::keeper) fn differences(
    git: &Git,
    layout: &Layout,
    plan: &Plan,
    has_head: bool,
) -> Result<Differences> {
    let base = if has_head {
        "HEAD".to_owned()
    } else {
        let empty = git.feed(&["hash-object", "-t", "tree", "--stdin"], Some(b""))?;
        String::from_utf8_lossy(&empty).trim().to_owned()
    };
    let words = ["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "-z", &base];
    let output = git.run(&[&super::AS_IT_STANDS[..], &words].concat())?;
    let mut conflicts = None;
    let mut found = Differences::default();
    let mut fields = records(&output);
    while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
        let Some(relative) = layout.in_checkout(path) else { continue };
        let Some(overlay) = plan.overlay_of(relative) else { continue };
        let about = String::from_utf8_lossy(about);
        let words: Vec<&str> = about.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old_object, new_object, status, ..] = words[..] else { continue };
        // A submodule is left alone.
        if old_mode == "160000" || new_mode == "160000" {
            continue;
        }
        let list = found.by_overlay.entry(overlay.to_path_buf()).or_default();
        if status == "U" && conflicts.is_none() {
            conflicts = Some(self::conflicts(git)?);
        }
        match conflicts.as_ref().and_then(|conflicts| conflicts.get(path)) {
            Some(sides) => list.extend(
                sides.iter().map(|side| Staged { path: relative.to_path_buf(), ..side.clone() }),
            ),
            None => list.push(Staged {
                path: relative.to_path_buf(),
                mode: if new_mode == "000000" { "0".to_owned() } else { new_mode.to_owned() },
                object: new_object.to_owned(),
                stage: 0,
            }),
        }
        let back = if old_mode == "000000" { "0" } else { old_mode };
        found.reset.extend(format!("{back} {old_object}\t").bytes());
        found.reset.extend_from_slice(path);
        found.reset.push(0);
    }
    found.by_overlay.values_mut().for_each(|list| {
        list.sort_by(|one, other| (&one.path, one.stage).cmp(&(&other.path, other.stage)));
        list.dedup();
    });
    Ok(found)
}

/// What the index has at a path.
#[derive(Debug, Clone, Copy)]
pub(in crate::keeper) struct InIndex<'i> {
    /// `100644` and so on.
    pub(in crate::keeper) mode: &'i [u8],
    /// The object, in hexadecimal.
    pub(in crate::keeper) object: &'i [u8],
}

/// The index, for [`entries`].
pub(in crate::keeper) fn listed(git: &Git) -> Result<Vec<u8>> {
    git.run(&[&super::AS_IT_STANDS[..], &["ls-files", "--cached", "--stage", "-z"]].concat())
}

/// What `listed` has, by path; nothing of conflicts.
pub(in crate::keeper) fn entries(listed: &[u8]) -> impl Iterator<Item = (&[u8], InIndex<'_>)> {
    records(listed).filter_map(|record| {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let mut words = record[..tab].split(|byte| *byte == b' ');
        let (mode, object, stage) = (words.next()?, words.next()?, words.next()?);
        (stage == b"0").then_some((&record[tab + 1..], InIndex { mode, object }))
    })
}

/// The paths whose index entries differ from HEAD, relative to the tree.
pub(in crate::keeper) fn paths(git: &Git) -> Result<BTreeSet<PathBuf>> {
    let head = git.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    let output = match head {
        Some(_) => {
            git.run(&["diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD"])?
        }
        None => git.run(&["ls-files", "-z"])?,
    };
    Ok(records(&output).map(|path| bytes::path(path).to_path_buf()).collect())
}

/// The index entries at `path`: mode, object, stage.
pub(in crate::keeper) fn lines(git: &Git, path: &Path) -> Result<BTreeSet<(PathBuf, String)>> {
    let words = ["ls-files", "--stage", "-z", "--"].map(OsStr::new);
    let output = git.run(&[&words[..], &[path.as_os_str()]].concat())?;
    let line = |record: &[u8]| {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let about = String::from_utf8_lossy(&record[..tab]).into_owned();
        Some((bytes::path(&record[tab + 1..]).to_path_buf(), about))
    };
    Ok(records(&output).filter_map(line).collect())
}

/// The sides of every conflict, by path.
fn conflicts(git: &Git) -> Result<BTreeMap<Vec<u8>, Vec<Staged>>> {
    let output = git.run(&["ls-files", "--unmerged", "-z"])?;
    let mut sides: BTreeMap<Vec<u8>, Vec<Staged>> = BTreeMap::new();
    for record in records(&output) {
        let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { continue };
        let about = String::from_utf8_lossy(&record[..tab]).into_owned();
        let words: Vec<&str> = about.split(' ').collect();
        let [mode, object, stage] = words[..] else { continue };
        sides.entry(record[tab + 1..].to_vec()).or_default().push(Staged {
            path: bytes::path(&record[tab + 1..]).to_path_buf(),
            mode: mode.to_owned(),
            object: object.to_owned(),
            stage: stage.parse().unwrap_or(0),
        });
    }
    Ok(sides)
}

impl Differences {
    /// Whether there is nothing to put aside.
    pub(in crate::keeper) fn is_empty(&self) -> bool {
        self.by_overlay.is_empty()
    }

    /// Makes these index entries what HEAD has. The working tree is not touched.
    pub(in crate::keeper) fn reset(&self, git: &Git) -> Result<()> {
        git.feed(&["update-index", "-z", "--index-info"], Some(&self.reset)).map(drop)
    }
}

impl Staged {
    /// The staged bytes.
    pub(in crate::keeper) fn content(&self, git: &Git) -> Result<Vec<u8>> {
        git.run(&["cat-file", "blob", &self.object])
    }
}
