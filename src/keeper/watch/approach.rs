//! The directories on the way to where a checkout is, or may appear.

use std::collections::btree_map::Entry;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ways::Names;
use crate::pattern::{Pattern, has_meta};

/// Existing directories in which a checkout of `patterns` may appear, or one of its
/// own: any of them may be renamed, and another take its name.
pub(super) fn approaches<'p>(patterns: impl Iterator<Item = &'p str>) -> Names {
    let mut found = Names::new();
    for pattern in patterns {
        approach(pattern, &mut found);
    }
    found
}

fn approach(pattern: &str, found: &mut Names) {
    let mut here = vec![PathBuf::from("/")];
    let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
    for (depth, name) in names.iter().enumerate() {
        let mut next = Vec::new();
        for dir in here {
            if has_meta(name.as_bytes()) {
                next.extend(matching(&dir, name));
                // Any name matters.
                found.insert(dir, Vec::new());
                continue;
            }
            let path = dir.join(name);
            let exists = path.is_dir();
            if exists {
                next.push(path.clone());
            }
            if exists && depth + 1 < names.len() && is_busy(&dir) {
                continue;
            }
            match found.entry(dir) {
                Entry::Occupied(mut known) if !known.get().is_empty() => {
                    known.get_mut().push(path);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(new) => {
                    new.insert(vec![path]);
                }
            }
        }
        here = next;
    }
}

/// Whether everybody makes files there, as in `/tmp`: each would wake us up.
fn is_busy(dir: &Path) -> bool {
    const EVERYBODYS: u32 = 0o1002;
    dir.metadata().is_ok_and(|meta| meta.mode() & EVERYBODYS == EVERYBODYS)
}

fn matching(dir: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(pattern) = Pattern::new(pattern.as_bytes()) else { return Vec::new() };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter(|entry| pattern.matches(entry.file_name().as_bytes()))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}
