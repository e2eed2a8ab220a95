//! What was staged: staged again, or written beside the overlay. What is in the
//! way is looked for before anything is moved.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::in_the_way;
use crate::keeper::files;
use crate::keeper::git::{self, Git, Layout};
use crate::keeper::hitch::{Hitch, Result};
use crate::keeper::quarantine::{Item, StagedRecord};
use crate::text::{quoted, shown};

/// git's mode of a symbolic link.
const LINK: &str = "120000";
const EXECUTABLE: &str = "100755";

/// The staged bytes; `None` for a staged deletion.
fn content(item: &Item, entry: &StagedRecord) -> Result<Option<Vec<u8>>> {
    let Some(name) = &entry.content else { return Ok(None) };
    let file = item.dir.join(name);
    match fs::read(&file) {
        Ok(content) => Ok(Some(content)),
        Err(error) => Err(Hitch::io("read", &file, &error)),
    }
}

/// What is to be staged again.
pub(super) struct Again {
    /// For `git update-index --index-info`.
    input: Vec<u8>,
}

impl Again {
    /// Refuses where something else has been staged since.
    pub(super) fn new(layout: &Layout, item: &Item) -> Result<Self> {
        let git = Git::new(&layout.top);
        let mut lines: BTreeSet<(PathBuf, String)> = BTreeSet::new();
        let mut input = Vec::new();
        for entry in &item.record.staged {
            let path = layout.in_tree(&entry.path());
            let object = match content(item, entry)? {
                Some(content) => {
                    let object = git.feed(&["hash-object", "-w", "--stdin"], Some(&content))?;
                    String::from_utf8_lossy(&object).trim().to_owned()
                }
                None => entry.object.clone(),
            };
            if entry.mode == "0" {
                input.extend(format!("0 {object}\t").bytes());
            } else {
                let about = format!("{} {object} {}", entry.mode, entry.stage);
                input.extend(format!("{about}\t").bytes());
                lines.insert((path.clone(), about));
            }
            input.extend(git::terminated(std::iter::once(path.as_path())));
        }
        if !input.is_empty() {
            refuse_others(&git, layout, item, &lines)?;
        }
        Ok(Self { input })
    }

    /// Stages; says how many entries.
    pub(super) fn stage(&self, layout: &Layout, item: &Item) -> Result<usize> {
        if !self.input.is_empty() {
            let words = ["update-index", "-z", "--index-info"];
            Git::new(&layout.top).feed(&words, Some(&self.input))?;
        }
        Ok(item.record.staged.len())
    }
}

/// Refuses when the index has at one of the item's paths neither what HEAD has nor
/// what was staged then.
fn refuse_others(
    git: &Git,
    layout: &Layout,
    item: &Item,
    ours: &BTreeSet<(PathBuf, String)>,
) -> Result<()> {
    let paths: BTreeSet<PathBuf> =
        item.record.staged.iter().map(|entry| layout.in_tree(&entry.path())).collect();
    let staged = git::staged::paths(git)?;
    for path in paths.iter().filter(|path| staged.contains(*path)) {
        let there: BTreeSet<(PathBuf, String)> = git::staged::lines(git, path)?;
        let then = ours.iter().filter(|(entry, _)| entry == path).cloned().collect();
        if there != then {
            return Err(Hitch::new(
                format!("{} is staged: nothing is overwritten", shown(layout.top.join(path))),
                format!(
                    "cd {} && git restore --staged {}, or restore --to DIR",
                    quoted(&layout.top),
                    quoted(path)
                ),
            ));
        }
    }
    Ok(())
}

/// Where what was staged goes when the overlay itself goes to a directory.
pub(super) struct Beside {
    files: Vec<(usize, PathBuf)>,
}

impl Beside {
    /// Refuses where something else is.
    pub(super) fn new(item: &Item, parent: &Path) -> Result<Self> {
        let overlay = item.record.overlay();
        let mut files = Vec::new();
        for (index, entry) in item.record.staged.iter().enumerate() {
            let Some(content) = content(item, entry)? else { continue };
            let mut dir = overlay.file_name().unwrap_or_default().to_os_string();
            dir.push(match entry.stage {
                0 => ".staged".to_owned(),
                side => format!(".stage{side}"),
            });
            let path = entry.path();
            let target = parent.join(dir).join(path.strip_prefix(&overlay).unwrap_or(&path));
            let is_free = target.symlink_metadata().is_err();
            // An earlier restore may have ended here.
            if !is_free && !holds(&target, entry, &content) {
                return Err(in_the_way(&target));
            }
            files.push((index, target));
        }
        Ok(Self { files })
    }

    /// Writes everything, with git's modes.
    pub(super) fn write(&self, item: &Item) -> Result<()> {
        for (index, target) in &self.files {
            let entry = &item.record.staged[*index];
            let Some(content) = content(item, entry)? else { continue };
            if target.symlink_metadata().is_ok() {
                continue;
            }
            let failed = |error| Hitch::io("write", target, &error);
            if entry.mode == LINK {
                files::make_dir(target.parent().unwrap_or(target))?;
                std::os::unix::fs::symlink(crate::keeper::bytes::path(&content), target)
                    .map_err(failed)?;
            } else {
                let mode = if entry.mode == EXECUTABLE { 0o755 } else { 0o644 };
                files::create(target, &content, mode)?;
            }
        }
        Ok(())
    }
}

/// Whether `target` is what [`Beside::write`] makes of `entry`.
fn holds(target: &Path, entry: &StagedRecord, content: &[u8]) -> bool {
    let Ok(found) = target.symlink_metadata() else { return false };
    if entry.mode == LINK {
        return target
            .read_link()
            .is_ok_and(|link| link.as_path() == crate::keeper::bytes::path(content));
    }
    let is_executable = found.permissions().mode() & 0o100 != 0;
    found.is_file()
        && is_executable == (entry.mode == EXECUTABLE)
        && fs::read(target).is_ok_and(|there| there == content)
}
