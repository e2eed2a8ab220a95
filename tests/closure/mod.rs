//! What kubectl opens for a command line, rule by rule: each row is run with the
//! oldest and the newest real kubectl under strace, and the guard's list must
//! contain what they opened.

mod fields;
mod paths;
mod row;
mod text;

use crate::support::{Field, kubectls, lacks};

fn check(rows: &[row::Row]) {
    if lacks("strace", "shows what kubectl opens") {
        return;
    }
    let kubectls = kubectls();
    let (Some(oldest), Some(newest)) = (kubectls.first(), kubectls.last()) else { return };
    let field = Field::new();
    let complaints: Vec<String> = rows
        .iter()
        .flat_map(|row| [oldest, newest].map(|kubectl| row.complaints(&field, kubectl)))
        .flatten()
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn paths_are_resolved_as_kubectl_resolves_them() {
    check(&[paths::lexical(), paths::manifests()].concat());
}

#[test]
fn every_field_that_names_a_file_is_followed() {
    check(&[fields::fields(), fields::plugins(), fields::charts(), fields::loading()].concat());
}

#[test]
fn texts_are_read_as_kubectl_reads_them() {
    check(&text::rows());
}
