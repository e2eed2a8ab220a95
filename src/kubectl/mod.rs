//! What a kubectl command line means: grammar, class of the command, and what it
//! names. Nothing here looks at a disk.

mod access;
mod class;
pub mod csv;
mod grammar;
mod parse;
mod request;
mod table;

pub use access::{Access, Reach};
pub use class::{Class, class_of_command};
pub use grammar::{Arity, Flag, Grammar, Version};
pub use parse::{Given, Invocation, Misfit, Subject};
pub use request::{FileSource, Override, Request, Target};

use std::ffi::OsString;

/// Every distinct reading of `words` by the kubectl versions of the table. One
/// command line has one reading nearly always; where versions disagree, all of
/// them are judged and all must pass.
///
/// # Errors
/// What the newest version reports, when no version accepts the words.
pub fn readings(words: &[OsString]) -> Result<Vec<Invocation>, Misfit> {
    let mut readings: Vec<Invocation> = Vec::new();
    let mut misfit = None;
    for version in Version::all() {
        let as_plugin = parse::create_plugin(words, Grammar::of(version)).map(Ok);
        for reading in as_plugin.into_iter().chain([reading(words, version)]) {
            match reading {
                Ok(reading) if readings.contains(&reading) => {}
                Ok(reading) => readings.push(reading),
                Err(error) => misfit = Some(error),
            }
        }
    }
    // `auth whoami` is a mistake for 1.20, which stops there, and a command later.
    if readings.iter().any(|reading| !class::has_unknown_subcommand(reading)) {
        readings.retain(|reading| !class::has_unknown_subcommand(reading));
    }
    match misfit {
        Some(misfit) if readings.is_empty() => Err(misfit),
        _ => Ok(readings),
    }
}

/// The reading of one version in which `create NAME` finds no plugin.
///
/// # Errors
/// Where that kubectl stops with a usage error.
pub fn reading(words: &[OsString], version: Version) -> Result<Invocation, Misfit> {
    parse::parse(words, Grammar::of(version))
}

/// The words of a completion callback (`__complete`), without its name; `None` for
/// every other command line.
#[must_use]
pub fn completion_words(words: &[OsString]) -> Option<Vec<OsString>> {
    parse::completion(words)
}

/// Whether the words of a completion callback choose another cluster. The last
/// word is unfinished and the line may not parse, so the words are searched: what
/// could be such a flag counts as one.
#[must_use]
pub fn completion_leaves_pin(words: &[OsString]) -> bool {
    words.iter().any(|word| {
        let text = word.to_string_lossy().replace('_', "-");
        let name = text.split('=').next().unwrap_or_default();
        let names_cluster = name
            .strip_prefix("--")
            .is_some_and(|name| request::CLUSTER_FLAGS.contains(&name) || name == "kuberc");
        // `-s` alone or in a row of letters; behind a letter that always takes a
        // value (`-nstaging`) it is part of the value.
        let letters = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        names_cluster
            || letters.is_some_and(|letters| {
                letters
                    .split_once('s')
                    .is_some_and(|(before, _)| before.bytes().all(grammar::letter_may_stand_alone))
            })
    })
}

#[cfg(test)]
mod tests;
