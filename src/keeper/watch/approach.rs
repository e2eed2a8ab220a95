//! The directories on the way to where a checkout is, or may appear.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::pattern::{Pattern, has_meta};

/// Existing directories in which a checkout of `pattern` may appear, each with the
/// names that matter there; none means all.
pub(super) fn approaches(pattern: &str) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
    let mut found = Vec::new();
    let mut here = vec![PathBuf::from("/")];
    for (depth, name) in names.iter().enumerate() {
        let is_last = depth + 1 == names.len();
        let mut next = Vec::new();
        for dir in here {
            if has_meta(name.as_bytes()) {
                next.extend(matching(&dir, name));
                found.push((dir, Vec::new()));
                continue;
            }
            // Each on the way: any of them may be renamed, and another take its name.
            let path = dir.join(name);
            let exists = path.is_dir();
            if is_last || !exists || !is_busy(&dir) {
                found.push((dir, vec![path.clone()]));
            }
            if exists {
                next.push(path);
            }
        }
        here = next;
    }
    found
}

/// Whether the watcher would wake up there all the time: where everybody makes
/// files, as in `/tmp`, and in the root directory, whose directories are opened by
/// everybody and renamed by nobody.
fn is_busy(dir: &Path) -> bool {
    const EVERYBODYS: u32 = 0o1002;
    let is_everybodys = |meta: std::fs::Metadata| meta.mode() & EVERYBODYS == EVERYBODYS;
    dir == Path::new("/") || dir.metadata().is_ok_and(is_everybodys)
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
