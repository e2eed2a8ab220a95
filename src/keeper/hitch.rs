//! What keeps the keeper from its work, in words for a person.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::text::shown;

/// One thing that went wrong or was left alone: what, where, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hitch {
    /// What is wrong, with its path.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Hitch {
    /// A problem and its remedy.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// The kernel refused `doing` at `path`.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let path_shown = shown(path);
        let parent = crate::text::quoted(path.parent().unwrap_or(path));
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("make room, then run again: df -h {parent}")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                format!("mount it writable, then run again: findmnt -T {parent}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("run as its owner, or correct its permissions: ls -ld {parent}")
            }
            _ => format!("look at it, then run again: ls -ld {parent}"),
        };
        Self { what: format!("could not {doing} {path_shown}: {error}"), remedy }
    }

    /// The same for a thing that is to be moved as a whole: when that is denied, it
    /// is the thing's own permissions that count.
    pub fn moving(doing: &str, path: &Path, error: &io::Error) -> Self {
        let hitch = Self::io(doing, path, error);
        if error.kind() != io::ErrorKind::PermissionDenied {
            return hitch;
        }
        let Ok(meta) = path.symlink_metadata() else { return hitch };
        let (uid, whole) = (rustix::process::geteuid().as_raw(), crate::text::quoted(path));
        let remedy = if meta.uid() == uid {
            format!("chmod u+rwx {whole}, then run again")
        } else {
            format!(
                "it belongs to user {}: sudo chown -R {uid} {whole}, then run again",
                meta.uid()
            )
        };
        Self { remedy, ..hitch }
    }
}

impl fmt::Display for Hitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Hitch {}

/// What the keeper's steps return.
pub type Result<T> = std::result::Result<T, Hitch>;
