//! Where the pages point to.

use std::path::{Path, PathBuf};

use super::{page, pages};
use crate::login::sources;

/// The targets of `[text](target)`, outside of code.
pub(super) fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let prose: Vec<&str> = line.split('`').step_by(2).collect();
        let prose = prose.join("`");
        for part in prose.split("](").skip(1).filter(|_| !is_code) {
            found.extend(part.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// What GitHub calls the anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut broken = Vec::new();
    for name in pages() {
        for link in links(&page(&name)) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let file = if file.is_empty() {
                sources().join(&name)
            } else {
                sources().join(&name).parent().unwrap().join(file)
            };
            let is_there = file.exists()
                && (heading.is_empty()
                    || crate::support::read(&file)
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading));
            if !is_there {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_link_leads_somewhere_where_it_is_installed_too() {
    let text = page("deploy/files");
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split_whitespace().collect()).collect();
    let places: Vec<&Path> = rows.iter().map(|row| Path::new(row[4])).collect();
    let mut broken = Vec::new();
    let mut seen = 0;
    for row in rows.iter().filter(|row| row[3].ends_with(".md")) {
        for link in links(&page(row[3])).iter().filter(|link| !link.contains("://")) {
            seen += 1;
            let file = link.split('#').next().unwrap();
            let file = if file.is_empty() { row[4].into() } else { beside(row[4], file) };
            // A directory is there for what stands in it.
            if !places.iter().any(|place| place.starts_with(&file)) {
                broken.push(format!("{}: {link}", row[4]));
            }
        }
    }
    assert!(seen > 60, "{seen} links");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Where a relative link in `page` leads.
fn beside(page: &str, link: &str) -> PathBuf {
    let mut place = PathBuf::from(page);
    place.pop();
    for part in link.split('/').filter(|part| !part.is_empty()) {
        if part == ".." { assert!(place.pop(), "{page}: {link}") } else { place.push(part) }
    }
    place
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](b.md) `[c](d)` [e](f#g)\n```\n[h](i)\n```\n";
    assert_eq!(links(text), ["b.md", "f#g"]);
    assert_eq!(anchor("## What goes through, and what?"), "what-goes-through-and-what");
}
