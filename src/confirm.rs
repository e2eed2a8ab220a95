//! Asks the operator to type the environment's name.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};

use unicode_normalization::UnicodeNormalization;

use crate::policy::Policy;
use crate::text::shown;

/// The longest line that is read as an answer.
const MAX_ANSWER: u64 = 1024;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The name was given with `--confirm`.
    Given,
    /// The name was typed on the terminal.
    Typed,
    /// Why it was not.
    Declined(String),
}

/// Compares a given name with the environment and the cluster: a name such as
/// `本番` cannot be typed on every keyboard. Input methods differ in how they compose
/// letters, so both are normalised (NFC).
#[must_use]
pub fn accepts(policy: &Policy, name: &str) -> bool {
    let typed: String = name.trim().nfc().collect();
    !typed.is_empty()
        && [&policy.environment.name, &policy.pin.name]
            .into_iter()
            .any(|expected| expected.trim().nfc().eq(typed.chars()))
}

/// Judges the name given with `--confirm`, or asks on the terminal. Standard input
/// is never read: it may hold manifests.
#[must_use]
pub fn confirm(policy: &Policy, line: &str, given: Option<&str>) -> Answer {
    if let Some(name) = given {
        return if accepts(policy, name) {
            Answer::Given
        } else {
            Answer::Declined(format!("--confirm {} is not this environment", shown(name)))
        };
    }
    match ask(policy, line) {
        Ok(name) if accepts(policy, &name) => Answer::Typed,
        Ok(name) if name.trim().is_empty() => Answer::Declined("nothing was typed".to_owned()),
        Ok(name) => Answer::Declined(format!("{} was typed", shown(name.trim()))),
        Err(_) => Answer::Declined("there is no terminal to ask on".to_owned()),
    }
}

fn ask(policy: &Policy, line: &str) -> std::io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let name = shown(&policy.environment.name);
    write!(
        terminal,
        "envguard: {} ({})\n  {line}\n  type the environment's name to run it [{name}]: ",
        shown(policy.display_name()),
        shown(&policy.pin.name),
    )?;
    terminal.flush()?;
    let mut answer = String::new();
    BufReader::new(std::io::Read::take(terminal, MAX_ANSWER)).read_line(&mut answer)?;
    Ok(answer)
}
