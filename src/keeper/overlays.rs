//! A set of overlays that answers "in which of them is this?" tens of thousands of
//! times.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Overlays, relative to their checkout, in the order of their bytes: comparing paths
/// part by part takes ten times as long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlays {
    paths: BTreeSet<OsString>,
    /// What they are called. Nearly no other directory has one of these few names, so
    /// most questions end with them.
    names: HashSet<OsString>,
}

impl Overlays {
    /// Adds the overlay at `path`.
    pub fn insert(&mut self, path: PathBuf) {
        if let Some(name) = path.file_name().filter(|name| !self.names.contains(*name)) {
            self.names.insert(name.to_os_string());
        }
        self.paths.insert(path.into_os_string());
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Each overlay.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(Path::new)
    }

    /// The overlay that `path`, without `.` and `..`, is or lies in.
    #[must_use]
    pub fn around(&self, path: &Path) -> Option<&Path> {
        let bytes = path.as_os_str().as_bytes();
        let mut end = bytes.len();
        loop {
            let slash = bytes[..end].iter().rposition(|byte| *byte == b'/');
            let name = OsStr::from_bytes(&bytes[slash.map_or(0, |at| at + 1)..end]);
            if self.is_called(name)
                && let Some(found) = self.paths.get(OsStr::from_bytes(&bytes[..end]))
            {
                return Some(Path::new(found));
            }
            end = slash?;
        }
    }

    /// Whether one of them is called `name`: a quick "no" for nearly all.
    #[must_use]
    pub fn is_called(&self, name: &OsStr) -> bool {
        self.names.contains(name)
    }
}

impl FromIterator<PathBuf> for Overlays {
    fn from_iter<I: IntoIterator<Item = PathBuf>>(paths: I) -> Self {
        let mut overlays = Self::default();
        paths.into_iter().for_each(|path| overlays.insert(path));
        overlays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_overlay_is_found() {
        let paths = ["o/prod", "o/prod/a/o/staging", "apps/web/o/prod", "x"];
        let overlays: Overlays = paths.iter().map(PathBuf::from).collect();
        for (path, expected) in [
            ("o/prod", Some("o/prod")),
            ("o/prod/a/b", Some("o/prod")),
            ("o/prod/a/o/staging/f", Some("o/prod/a/o/staging")),
            ("apps/web/o/prod/f", Some("apps/web/o/prod")),
            ("apps/db/o/prod/f", None),
            ("o/production", None),
            ("o", None),
            ("x/y", Some("x")),
            ("y/x", None),
            ("", None),
        ] {
            assert_eq!(overlays.around(Path::new(path)), expected.map(Path::new), "{path}");
        }
    }
}
