//! What a kubectl command line means: grammar, class of the command, and what it
//! names. Nothing here looks at a disk.

mod class;
pub mod csv;
mod grammar;
mod parse;
mod request;
mod table;

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
        match parse::parse(words, Grammar::of(version)) {
            Ok(reading) if readings.contains(&reading) => {}
            Ok(reading) => readings.push(reading),
            Err(error) => misfit = Some(error),
        }
    }
    // A plugin reading of one version is void where another version knows the
    // command: whichever kubectl is installed, one of the two happens, and the
    // plugin of an older kubectl is still judged below.
    match misfit {
        Some(misfit) if readings.is_empty() => Err(misfit),
        _ => Ok(readings),
    }
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
        // `-s` alone, attached, or in a row of letters; `-l s` is no such row.
        let letters = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        names_cluster || letters.is_some_and(|letters| letters.starts_with('s'))
    })
}

#[cfg(test)]
mod tests;
