//! What the source may be: who may use what, who may not need each other, how it is built.

mod builds;
mod circles;
mod layers;

use std::path::{Path, PathBuf};

use crate::support::read;

/// All Rust files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn only_safe_code() {
    assert!(
        read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")))
            .contains("#![forbid(unsafe_code)]")
    );
}
