//! Where the user's own things wait: inside the repository's git directory, each
//! with a record of where it came from. The record is written first, so that
//! nothing ever lies here without one.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bytes;
use super::disk;
use super::files;
use super::git::staged::Staged;
use super::git::{Git, Layout};
use super::hitch::{Hitch, Result};
use super::moment;
use super::transfer::{self, INCOMING, Spot};

/// The overlay's directory, or what of it could be moved.
const TREE: &str = "tree";
const RECORD: &str = "record.json";
const STAGED: &str = "staged";
/// No item: where [`super::leaving`] has what is on its way, which is the user's until it
/// is known as git's.
pub(super) const LEAVING: &str = ".leaving";
/// An item that has given everything back.
const EMPTIED: &str = ".emptied-";

/// Where something came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    api_version: String,
    kind: String,
    /// RFC 3339, UTC.
    pub(super) time: String,
    /// The working tree; names that are not UTF-8 are written with `%XX`.
    checkout: String,
    /// The overlay relative to it.
    overlay: String,
    /// HEAD at that time.
    pub(super) commit: Option<String>,
    /// The branch at that time.
    pub(super) branch: Option<String>,
    /// Who ran the keeper.
    pub(super) by: By,
    /// What was staged, with the files that hold the content.
    pub(super) staged: Vec<StagedRecord>,
}

/// Who ran the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct By {
    /// The user id.
    pub(super) uid: u32,
    /// The login name as the environment tells it.
    pub(super) name: Option<String>,
    /// `tidy` or `watch`.
    pub(super) command: String,
}

/// One index entry that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedRecord {
    path: String,
    pub(super) mode: String,
    pub(super) object: String,
    pub(super) stage: u8,
    /// The file with its content; `None` for a staged deletion.
    pub(super) content: Option<String>,
}

impl StagedRecord {
    /// Relative to the checkout.
    pub(super) fn path(&self) -> PathBuf {
        bytes::path_from_text(&self.path)
    }
}

/// One thing in quarantine.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) dir: PathBuf,
    pub(super) record: Record,
}

impl Record {
    /// The working tree it came from.
    pub(super) fn checkout(&self) -> PathBuf {
        bytes::path_from_text(&self.checkout)
    }

    /// The overlay relative to the working tree.
    pub(super) fn overlay(&self) -> PathBuf {
        bytes::path_from_text(&self.overlay)
    }
}

/// What every record of one run has in common.
#[derive(Debug, Clone)]
pub(super) struct Occasion {
    pub(super) checkout: PathBuf,
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) by: By,
}

/// The quarantine of a repository.
pub(super) fn directory(layout: &Layout) -> PathBuf {
    layout.common_dir.join("envguard/quarantine")
}

/// Opens an item for `overlay` and keeps the staged content in it.
pub(super) fn open(
    layout: &Layout,
    git: &Git,
    occasion: &Occasion,
    overlay: &Path,
    staged: &[Staged],
) -> Result<Item> {
    let (id, dir) = new_directory(&directory(layout))?;
    let mut records = Vec::new();
    for (index, entry) in staged.iter().enumerate() {
        let content = (entry.mode != "0").then(|| format!("{STAGED}/{index}"));
        if let Some(name) = &content {
            files::replace(&dir.join(name), &entry.content(git)?)?;
        }
        records.push(StagedRecord {
            path: bytes::path_to_text(&entry.path),
            mode: entry.mode.clone(),
            object: entry.object.clone(),
            stage: entry.stage,
            content,
        });
    }
    let record = Record {
        api_version: "envguard/v1alpha1".into(),
        kind: "Quarantined".into(),
        time: moment::rfc3339(moment::now()),
        checkout: bytes::path_to_text(&occasion.checkout),
        overlay: bytes::path_to_text(overlay),
        commit: occasion.commit.clone(),
        branch: occasion.branch.clone(),
        by: occasion.by.clone(),
        staged: records,
    };
    // Plain strings and lists always become JSON.
    let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
    files::replace(&dir.join(RECORD), &text)?;
    Ok(Item { id, dir, record })
}

/// A directory with a name that is free: the second and its thousandths, one more
/// if need be. Two repositories that are tidied together have different ones.
fn new_directory(quarantine: &Path) -> Result<(String, PathBuf)> {
    files::make_dir(quarantine)?;
    let (second, mut number) = moment::compact(moment::now());
    loop {
        let id = format!("{second}-{number:03}");
        let dir = quarantine.join(&id);
        match fs::create_dir(&dir) {
            Ok(()) => {
                files::sync_dir(quarantine)
                    .map_err(|error| Hitch::io("sync", quarantine, &error))?;
                return Ok((id, dir));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Hitch::io("make", &dir, &error)),
        }
    }
}

impl Item {
    /// Puts `piece` of the overlay (all of it when empty) into the item.
    pub(super) fn take(&self, top: &Path, overlay: &Path, piece: &Path) -> Result<()> {
        let source = disk::piece(overlay, piece);
        let whole = top.join(&source);
        let failed = |error: io::Error| Hitch::moving("put aside", &whole, &error);
        let (Some(parent), Some(name)) = (source.parent(), source.file_name()) else {
            return Ok(());
        };
        let top = disk::open_top(top)?;
        let from = disk::open_below(top.as_fd(), parent).map_err(failed)?;
        self.receive(Spot { dir: from.as_fd(), name }, piece).map_err(failed)
    }

    /// Moves what is at `from` to the place of `piece`.
    pub(super) fn receive(&self, from: Spot<'_>, piece: &Path) -> io::Result<()> {
        let (target, name) = match (piece.parent(), piece.file_name()) {
            (Some(parent), Some(name)) => (self.dir.join(TREE).join(parent), name),
            _ => (self.dir.clone(), OsStr::new(TREE)),
        };
        if !target.is_dir() {
            fs::create_dir_all(&target)?;
            target.parent().map_or(Ok(()), files::sync_dir)?;
        }
        let to = disk::open_dir(rustix::fs::CWD, target.as_os_str())?;
        transfer::move_to(from, Spot { dir: to.as_fd(), name })
    }

    /// The overlay's directory in here, when it is there.
    pub(super) fn tree(&self) -> Option<PathBuf> {
        let tree = self.dir.join(TREE);
        tree.symlink_metadata().is_ok().then_some(tree)
    }

    /// How many files it holds.
    pub(super) fn files(&self) -> usize {
        fn below(dir: &Path) -> usize {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries
                .map(|entry| {
                    let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if is_dir { below(&entry.path()) } else { 1 }
                })
                .sum()
        }
        self.tree().map_or(0, |tree| below(&tree)) + self.record.staged.len()
    }

    /// The length of all its files.
    pub(super) fn bytes(&self) -> u64 {
        fn below(dir: &Path) -> u64 {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries
                .filter_map(|entry| Some((entry.metadata().ok()?, entry.path())))
                .map(|(found, path)| if found.is_dir() { below(&path) } else { found.len() })
                .sum()
        }
        below(&self.dir)
    }

    /// Removes the item when nothing of the user's is in it any more.
    pub(super) fn close(&self) -> Result<()> {
        if self.tree().is_some() {
            return Ok(());
        }
        let failed = |error: io::Error| Hitch::io("remove", &self.dir, &error);
        // In one step: an item that is there is whole.
        let empty = self.dir.with_file_name(format!("{EMPTIED}{}", self.id));
        fs::rename(&self.dir, &empty).map_err(failed)?;
        fs::remove_dir_all(&empty).map_err(failed)
    }
}

/// Everything in the quarantine, oldest first.
///
/// # Errors
/// When a record cannot be read; nothing is removed for that.
pub(super) fn items(layout: &Layout) -> Result<Vec<Item>> {
    let quarantine = directory(layout);
    let entries = match fs::read_dir(&quarantine) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Hitch::io("list", &quarantine, &error)),
    };
    let mut items = Vec::new();
    for entry in entries.flatten() {
        if is_emptied(&entry.file_name()) || entry.file_name() == LEAVING {
            continue;
        }
        let dir = entry.path();
        let file = dir.join(RECORD);
        let text = match fs::read(&file) {
            Ok(text) => text,
            // Not finished: `recover` looks after it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Hitch::io("read", &file, &error)),
        };
        let record = serde_json::from_slice(&text).map_err(|error| {
            Hitch::new(
                format!("{} cannot be understood: {error}", file.display()),
                format!("look at what is beside it: ls -lR {}", dir.display()),
            )
        })?;
        items.push(Item { id: entry.file_name().to_string_lossy().into_owned(), dir, record });
    }
    let order = |item: &Item| {
        let (second, number) = item.id.rsplit_once('-').unwrap_or((&item.id, "0"));
        (second.to_owned(), number.parse::<u64>().unwrap_or(0))
    };
    items.sort_by_key(order);
    Ok(items)
}

/// Removes what a keeper that died has begun and not filled. The user's things are
/// still where they were in each of these cases.
pub(super) fn recover(layout: &Layout) -> Result<()> {
    let quarantine = directory(layout);
    let Ok(entries) = fs::read_dir(&quarantine) else { return Ok(()) };
    for entry in entries.flatten() {
        let dir = entry.path();
        if entry.file_name() == LEAVING {
            continue;
        }
        if is_emptied(&entry.file_name()) {
            discard(&dir)?;
            continue;
        }
        discard(&dir.join(INCOMING))?;
        let has_record = dir.join(RECORD).exists();
        let has_tree = dir.join(TREE).symlink_metadata().is_ok();
        if has_tree {
            continue;
        }
        // Without a record, what was staged is still staged. A record that cannot
        // be understood is for a person to look at.
        let holds_staged = has_record
            && fs::read(dir.join(RECORD)).ok().is_none_or(|text| {
                serde_json::from_slice::<Record>(&text)
                    .map_or(true, |record| !record.staged.is_empty())
            });
        if !holds_staged {
            discard(&dir)?;
        }
    }
    Ok(())
}

fn is_emptied(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(EMPTIED)
}

/// Removes what is ours alone. Nothing there is fine.
pub(super) fn discard(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            fs::remove_file(dir).map_err(|error| Hitch::io("remove", dir, &error))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Hitch::io("remove", dir, &error))
        }
        _ => Ok(()),
    }
}
