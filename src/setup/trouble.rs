//! What keeps setup from its work, in words for a person.

use std::fmt;
use std::io;
use std::path::Path;

use crate::judge;
use crate::text::{quoted, shown};

/// What goes wrong, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One sentence.
    pub what: String,
    /// A command, or what to do.
    pub remedy: String,
    /// Only a person can say where the overlays of this environment are.
    pub names_are_missing: bool,
    /// The `path` of the checkout's entry that it is about.
    pub entry: Option<String>,
}

/// The value, or what went wrong.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// A problem and its remedy.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), names_are_missing: false, entry: None }
    }

    /// The overlays of this environment were not found, and can be named.
    pub fn unnamed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { names_are_missing: true, ..Self::new(what, remedy) }
    }

    /// The same, about the entry of `path`.
    #[must_use]
    pub fn of_entry(self, path: &str) -> Self {
        Self { entry: Some(path.to_owned()), ..self }
    }

    /// The kernel refused `doing` at `path`.
    #[must_use]
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let is_there = |dir: &&Path| dir.symlink_metadata().is_ok();
        let parent = quoted(path.ancestors().skip(1).find(is_there).unwrap_or(path));
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("correct its permissions, or run it as the user that may: ls -ld {parent}")
            }
            io::ErrorKind::ReadOnlyFilesystem => format!("mount it writable: findmnt -T {parent}"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("make room, then run it again: df -h {parent}")
            }
            _ => format!("look at it, then run it again: ls -ld {parent}"),
        };
        Self::new(format!("cannot {doing} {}: {error}", shown(path)), remedy)
    }
}

/// A kubeconfig that cannot be used: here it is chosen by a flag, and not yet by the
/// configuration.
impl From<judge::Trouble> for Trouble {
    fn from(trouble: judge::Trouble) -> Self {
        Self::new(
            format!("{} {}", shown(&trouble.subject), trouble.problem),
            "correct it, or name another kubeconfig: --from FILE",
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Trouble {}
