//! The tests that SECURITY.md and CONTRIBUTING.md name.

use std::collections::BTreeSet;
use std::path::Path;

use super::page;
use crate::login::sources;
use crate::support::read;

/// Every test below `dir`, as `cargo test` calls it: `keeper::watch::name`.
fn tests_below(dir: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = if ["mod", "main", "lib"].contains(&stem.as_str()) {
            module.to_owned()
        } else {
            format!("{module}{stem}::")
        };
        if path.is_dir() {
            tests_below(&path, &inner, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = read(&path);
            for part in text.split("#[test]").skip(1) {
                let (_, rest) = part.split_once("fn ").unwrap();
                found.insert(format!("{inner}{}", rest.split('(').next().unwrap()));
            }
        }
    }
}

/// What stands in backquotes and looks like the path of a test.
fn names(text: &str) -> Vec<String> {
    let is_name = |word: &&str| {
        word.contains("::") && word.chars().all(|c| c.is_ascii_lowercase() || "_:".contains(c))
    };
    text.split('`').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

/// Every test that a file names exists.
#[track_caller]
pub(super) fn are_tests(file: &str) {
    let mut all = BTreeSet::new();
    tests_below(&sources().join("tests"), "", &mut all);
    let missing: Vec<String> =
        names(&page(file)).into_iter().filter(|name| !all.contains(name)).collect();
    assert!(missing.is_empty(), "{file} names what is no test: {missing:#?}");
}

#[test]
fn every_test_that_is_named_is_there() {
    for file in ["SECURITY.md", "CONTRIBUTING.md"] {
        assert!(!names(&page(file)).is_empty(), "{file}");
        are_tests(file);
    }
}

#[test]
fn every_failure_of_a_comparable_tool_has_its_test() {
    let text = page("SECURITY.md");
    let (_, table) = text.split_once("| failure | seen in | test |\n|---|---|---|\n").unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "the table was not found");
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(!names(cell).is_empty() || cell.contains("none needed"), "{row}");
    }
}
