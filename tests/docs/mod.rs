//! The documents are true: what they tell to type works, links lead somewhere, tests
//! that are named exist, the Japanese pages are in step, the picture is current.

mod commands;
mod entries;
mod links;
mod named;
mod peers;
mod picture;
mod translations;
mod workflows;

use std::path::PathBuf;

use crate::login::sources;

/// The pages that people read, by their place in the repository.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    for dir in ["", "docs", "deploy"] {
        for entry in std::fs::read_dir(sources().join(dir)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                found.push(PathBuf::from(dir).join(name).display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The text of a page.
fn page(name: &str) -> String {
    crate::support::read(&sources().join(name))
}
