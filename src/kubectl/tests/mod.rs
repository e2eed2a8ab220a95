//! Command lines as operators, scripts and attackers of our parser write them.

mod classes;
mod lookup;
mod targets;
mod words;

use std::ffi::OsString;

use super::*;

fn words(line: &[&str]) -> Vec<OsString> {
    line.iter().map(OsString::from).collect()
}

/// The one reading of a command line that all versions read alike.
fn request(line: &[&str]) -> Request {
    let words = words(line);
    let found = readings(&words).unwrap_or_else(|misfit| panic!("{line:?}: {misfit:?}"));
    assert_eq!(found.len(), 1, "{line:?} has several readings: {found:?}");
    Request::new(&words, found.into_iter().next().unwrap())
}
