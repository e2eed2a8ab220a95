//! No two files of a directory need each other, not even over others: each can be read
//! without the one that uses it. A directory counts as one file where others use it.
//!
//! What stands in `mod.rs` is the directory's own, and is on neither side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files;
use crate::support::read;

/// Circles that stay, with the reason. None does.
const ALLOWED: &[(&[&str], &str)] = &[];

/// What each file, or directory, of one directory uses of the others there.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The source of a file without comments and tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The paths of modules that a file names, from the top of the crate. `module`: its own.
fn named(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, word) in code.match_indices("super::").chain(code.match_indices("crate::")) {
        // `super::super::x` counts once, from its first word on.
        if code[..at].ends_with("::") || code[..at].ends_with(is_name) {
            continue;
        }
        let mut rest = &code[at..];
        let mut base = module.to_vec();
        if word == "crate::" {
            (base, rest) = (Vec::new(), &rest[word.len()..]);
        }
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        found.extend(tree(rest).into_iter().map(|path| [base.clone(), path].concat()));
    }
    found
}

/// The paths of `a::b`, and of `a::{b, c::d}`.
fn tree(text: &str) -> Vec<Vec<String>> {
    if let Some(list) = text.strip_prefix('{') {
        return items(list).into_iter().flat_map(tree).collect();
    }
    let (name, rest) = text.split_at(text.find(|letter| !is_name(letter)).unwrap_or(text.len()));
    if name.is_empty() {
        return Vec::new();
    }
    let further = rest.strip_prefix("::").map(tree).unwrap_or_default();
    let below = further.into_iter().map(|path| [vec![name.to_owned()], path].concat());
    let below: Vec<_> = below.collect();
    if below.is_empty() { vec![vec![name.to_owned()]] } else { below }
}

/// What commas separate, up to the brace that closes the list.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                found.push(list[start..at].trim());
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// The uses in each directory below `src`, by its path.
fn uses(src: &Path) -> BTreeMap<Vec<String>, Uses> {
    let mut all: BTreeMap<Vec<String>, Uses> = BTreeMap::new();
    let files: Vec<_> = files(src)
        .into_iter()
        .filter(|file| !["tests.rs", "samples.rs"].iter().any(|name| file.ends_with(name)))
        .map(|file| {
            let path = file.strip_prefix(src).unwrap().with_extension("");
            let parts = path.iter().map(|part| part.to_str().unwrap().to_owned());
            (parts.filter(|part| part != "mod").collect::<Vec<String>>(), code(&read(&file)))
        })
        .collect();
    let modules: BTreeSet<&Vec<String>> = files.iter().map(|(module, _)| module).collect();
    for (module, code) in &files {
        for path in named(code, module) {
            let common = path.iter().zip(module).take_while(|(one, other)| one == other).count();
            // Of its own directory, and not what the directory itself has.
            let is_module = modules.contains(&path[..(common + 1).min(path.len())].to_vec());
            if common > 0 && common < module.len() && common < path.len() && is_module {
                let uses = all.entry(module[..common].to_vec()).or_default();
                uses.entry(module[common].clone()).or_default().insert(path[common].clone());
            }
        }
    }
    all
}

/// Those that `from` leads to, over others too.
fn reached<'u>(uses: &'u Uses, from: &str) -> BTreeSet<&'u str> {
    let mut found = BTreeSet::new();
    let mut rest: Vec<&str> = vec![from];
    while let Some(one) = rest.pop() {
        for next in uses.get(one).into_iter().flatten() {
            if found.insert(next.as_str()) {
                rest.push(next);
            }
        }
    }
    found
}

/// The files that lead back to themselves, each with those that are on the same way.
fn circles(uses: &Uses) -> BTreeSet<Vec<&str>> {
    let on_the_way = |one: &str| -> Vec<&str> {
        let beyond = reached(uses, one);
        beyond.into_iter().filter(|other| reached(uses, other).contains(one)).collect()
    };
    uses.keys().map(|one| on_the_way(one)).filter(|circle| !circle.is_empty()).collect()
}

#[test]
fn no_files_of_a_directory_need_each_other() {
    let all = uses(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(all.len() > 15, "{:?}", all.keys());
    let links: usize = all.values().flat_map(BTreeMap::values).map(BTreeSet::len).sum();
    assert!(links > 150, "{links}");
    for (directory, uses) in &all {
        for circle in circles(uses) {
            let is_allowed = ALLOWED.iter().any(|(files, _)| *files == circle);
            assert!(is_allowed, "{}: {circle:?} need each other: {uses:#?}", directory.join("/"));
        }
    }
}

#[test]
fn the_search_for_circles_finds_them() {
    let module = ["gather".to_owned(), "hidden".to_owned()];
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<String>>();
    for (code, expected) in [
        ("use super::trees::LIMIT;", &["gather::trees::LIMIT"][..]),
        (
            "use super::{trees, head::{self, x}};",
            &["gather::trees", "gather::head::self", "gather::head::x"],
        ),
        ("super::super::git::f()", &["git::f"]),
        ("use crate::gather::trees;", &["gather::trees"]),
        ("let found = parent_super::x;", &[]),
    ] {
        let expected: Vec<Vec<String>> = expected.iter().map(|one| path(one)).collect();
        assert_eq!(named(code, &module), expected, "{code}");
    }
    let uses = |pairs: &[(&str, &str)]| {
        let mut uses = Uses::new();
        for (from, to) in pairs {
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        uses
    };
    assert!(circles(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    let round = uses(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
    assert_eq!(circles(&round).into_iter().collect::<Vec<_>>(), [vec!["a", "b", "c"]]);
}
