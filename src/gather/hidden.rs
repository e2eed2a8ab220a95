//! Files that git was told not to look at, and that are not what the index says.
//!
//! `git update-index --assume-unchanged` and `--skip-worktree` hide a local change from
//! `git status`, while kubectl reads it all the same. The paths that a sparse checkout
//! leaves out carry the same mark: they are not on the disk, and where they are, git
//! looks at them by itself (2.35 and later).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::git::{self, LIMIT, Silence};

/// The index of a working tree, which git is listing.
pub(super) struct Question(git::Question);

/// An entry of the index that git does not compare with the disk.
struct Entry {
    mode: String,
    id: String,
    path: PathBuf,
}

impl Question {
    /// Asks for the entries below `directories`.
    pub(super) fn ask(top: &Path, directories: &[PathBuf]) -> Result<Self, Silence> {
        let mut command = git::command(top);
        command.args(["ls-files", "-v", "--stage", "-z", "--"]).args(directories);
        git::Question::ask(&mut command, LIMIT).map(Self)
    }

    /// Those paths that are hidden and changed, of the ones that a change is about.
    pub(super) fn changed(
        self,
        top: &Path,
        concerned: impl Fn(&Path) -> Vec<PathBuf>,
    ) -> Result<BTreeSet<PathBuf>, Silence> {
        let listing = self.0.answer()?;
        let mut changed = BTreeSet::new();
        for entry in listing.split(|byte| *byte == 0).filter_map(|record| hidden(top, record)) {
            let read = concerned(&entry.path);
            if !read.is_empty() && differs(top, &entry)? {
                changed.extend(read);
            }
        }
        Ok(changed)
    }
}

/// `T MODE ID STAGE<TAB>PATH`, where a small letter means assume-unchanged and `S`
/// skip-worktree.
fn hidden(top: &Path, record: &[u8]) -> Option<Entry> {
    let tag = record.first()?;
    if *tag != b'S' && !tag.is_ascii_lowercase() {
        return None;
    }
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let fields = std::str::from_utf8(&record[..tab]).ok()?;
    let mut fields = fields.split(' ').skip(1).map(str::to_owned);
    let path = top.join(OsStr::from_bytes(&record[tab + 1..]));
    Some(Entry { mode: fields.next()?, id: fields.next()?, path })
}

/// Whether the disk has something else than the entry. What is not there is not read.
fn differs(top: &Path, entry: &Entry) -> Result<bool, Silence> {
    let Ok(data) = entry.path.symlink_metadata() else { return Ok(false) };
    let mut command = git::command(top);
    if entry.mode.starts_with("100") && data.is_file() {
        command.args(["hash-object", "--"]).arg(&entry.path);
        return Ok(git::answer(&mut command, LIMIT)?.trim_ascii_end() != entry.id.as_bytes());
    }
    if entry.mode == "120000" && data.is_symlink() {
        command.args(["cat-file", "blob", &entry.id]);
        let target = git::answer(&mut command, LIMIT)?;
        return Ok(entry.path.read_link().is_ok_and(|now| now.as_os_str().as_bytes() != target));
    }
    // Another kind of thing; or a submodule, of which this is not known.
    Ok(true)
}
