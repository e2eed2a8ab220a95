//! A set of overlays that answers "in which of them is this?" tens of thousands of
//! times.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
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

    /// The overlay that `path` is or lies in.
    #[must_use]
    pub fn around(&self, path: &Path) -> Option<&Path> {
        path.ancestors()
            .filter(|dir| dir.file_name().is_some_and(|name| self.is_called(name)))
            .find_map(|dir| self.paths.get(dir.as_os_str()).map(Path::new))
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
