//! What a kubectl command line means: grammar, class of the command, and what it
//! names. Nothing here looks at a disk.

mod access;
mod anatomy;
mod class;
pub mod csv;
mod elsewhere;
mod entry;
mod grammar;
mod help;
mod learned;
mod parse;
mod release;
mod request;
mod table;

pub use access::{Access, Reach};
pub use anatomy::{Anatomy, Part, Piece, anatomy};
pub use class::{Class, class_of_command, dry_run_prints};
pub use elsewhere::{could_leave_pin, could_open_files, leading_a_plugin_elsewhere};
pub use entry::{Arity, Flag};
pub use grammar::Version;
#[cfg(test)]
pub(crate) use grammar::all_flags;
pub use help::{Listed, Page};
pub use learned::Learned;
pub use parse::{Given, Invocation, Misfit, Subject};
pub use release::Release;
pub use request::{FileSource, Override, Request, Target};

use std::ffi::OsString;

use grammar::Grammar;
use learned::Assumption;

/// Every distinct reading of `words` by the kubectl versions of the table.
///
/// # Errors
/// What the newest version reports, when none accepts the words.
pub fn readings(words: &[OsString]) -> Result<Vec<Invocation>, Misfit> {
    readings_with(words, &Learned::default())
}

/// Every distinct reading of `words` by the kubectl versions of the table, and by
/// what was looked up besides, the newest version's first. One command line has
/// one reading nearly always; where versions disagree, all of them are judged and
/// all must pass.
///
/// # Errors
/// What the newest version reports, when none accepts the words.
pub fn readings_with(words: &[OsString], learned: &Learned) -> Result<Vec<Invocation>, Misfit> {
    let mut readings: Vec<Invocation> = Vec::new();
    let mut misfit = None;
    for grammar in grammars(learned) {
        let as_plugin = parse::create_plugin(words, grammar).map(Ok);
        for reading in as_plugin.into_iter().chain([parse::parse(words, grammar)]) {
            match reading {
                Ok(reading) if readings.contains(&reading) => {}
                Ok(reading) => readings.push(reading),
                Err(error) => misfit = misfit.or(Some(error)),
            }
        }
    }
    // `auth whoami` is a mistake for 1.20, which stops there, and a command later.
    if readings.iter().any(|reading| !class::has_unknown_subcommand(reading)) {
        readings.retain(|reading| !class::has_unknown_subcommand(reading));
    }
    // A command that kubectl has built in hides a plugin of its name.
    readings.retain(|reading| match &reading.subject {
        Subject::Plugin(names) => {
            let name = names.first().and_then(|name| name.to_str());
            let is_news = |name: &str| !grammar::is_in_table(name) && learned.has_command(name);
            !name.is_some_and(is_news)
        }
        _ => true,
    });
    match misfit {
        Some(misfit) if readings.is_empty() => Err(misfit),
        _ => Ok(readings),
    }
}

fn grammars(learned: &Learned) -> impl Iterator<Item = Grammar<'_>> {
    const BOTH: &[Assumption] = &[Assumption::TakesWord, Assumption::StandsAlone];
    let assumptions = if learned.is_empty() { &[] } else { BOTH };
    Version::all().rev().flat_map(move |version| {
        let plain = Grammar::of(version);
        let more = assumptions.iter().map(move |assumption| plain.with(learned, *assumption));
        more.chain([plain])
    })
}

/// The command whose own `--help` could explain what no version of the table
/// knows: a flag, a command, a subcommand. `None` when nothing is unknown, or when
/// that page has been read.
#[must_use]
pub fn unexplained(
    words: &[OsString],
    found: &Result<Vec<Invocation>, Misfit>,
    learned: &Learned,
) -> Option<&'static str> {
    let is_explained = |reading: &Invocation| match reading.subject {
        Subject::Plugin(_) => false,
        Subject::Completion => true,
        Subject::Builtin(path) => {
            !class::has_unknown_subcommand(reading)
                && (grammar::is_in_table(path) || learned.has(path))
        }
    };
    let is_settled = match found {
        Ok(readings) => readings.iter().any(is_explained),
        Err(Misfit::MissingValue(_) | Misfit::BadSyntax(_)) => true,
        Err(Misfit::UnknownFlag(_) | Misfit::FlagBeforePlugin(_)) => false,
    };
    let newest = Version::all().last().filter(|_| !is_settled)?;
    let grammar = Grammar::of(newest).with(learned, Assumption::TakesWord);
    Some(parse::command_path(words, grammar)).filter(|path| !learned.has(path))
}

/// The reading of one version of the table, in which `create NAME` finds no
/// plugin.
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

#[cfg(test)]
mod tests;
