//! Command lines and texts without their secrets.
//!
//! There are two rules, because there are two readers.
//!
//! The audit log is there for years, and nobody pastes from it: [`logged`] shows what is
//! *known to be none* and masks everything else. What is known stands in kubectl's table.
//!
//! A refusal is read by who typed the line, and is pasted: [`line()`] and [`text`] mask what
//! is *known to be one*, so that the rest runs as it stands. So does the preview, with
//! [`line_of_object`] and [`list_of_object`].

mod address;
mod known;
mod logged;
mod names;
mod open;
mod script;

use std::ffi::OsStr;

pub use logged::logged;
pub use names::is_secret_name;

use crate::kubectl::{Anatomy, Part, anatomy};
use crate::text::{MASK, quoted, shown};

/// What is said where a line cannot be pasted as it stands.
const PUT_BACK: &str = "   # put the value you typed in place of ***";

/// `kubectl` and `words` as one line, without what is known to be a secret.
#[must_use]
pub fn line<W: AsRef<OsStr>>(words: &[W]) -> String {
    masked_line(words).0
}

/// [`line()`], for somebody who may paste it: where something is missing, that is said.
#[must_use]
pub fn line_to_paste<W: AsRef<OsStr>>(words: &[W]) -> String {
    let (line, is_masked) = masked_line(words);
    if is_masked { line + PUT_BACK } else { line }
}

/// The line of words that were masked before.
#[must_use]
pub fn line_of_masked(words: &[String]) -> String {
    words.iter().fold("kubectl".to_owned(), |line, word| line + " " + &quoted_around_masks(word))
}

/// One word or sentence, without what is known to be a secret.
#[must_use]
pub fn text(text: impl AsRef<OsStr>) -> String {
    known::masked(&[shown(text)]).concat()
}

/// One line of a text in an object; parameters of addresses can be seen in it that are no
/// keys.
#[must_use]
pub fn line_of_object(line: &str) -> String {
    known::line_of_object(line)
}

/// The words that a list in `field` of an object has, such as the arguments of a program.
#[must_use]
pub fn list_of_object(words: &[String], field: &str) -> Vec<String> {
    known::list_of_object(words, field)
}

/// The line, and whether something is masked in it.
fn masked_line<W: AsRef<OsStr>>(words: &[W]) -> (String, bool) {
    let plain: Vec<String> = words.iter().map(shown).collect();
    let Anatomy { command, pieces, .. } = anatomy(&plain);
    let masked = known::masked(&plain);
    let mut line = "kubectl".to_owned();
    let mut is_masked = false;
    for (index, word) in words.iter().enumerate() {
        let (plain, masked, piece) = (&plain[index], &masked[index], pieces[index]);
        // `--pasword=X` of a command of kubectl's; a plugin's flags are its own.
        let is_unknown = piece.part == Part::UnknownValue && !command.is_empty();
        line.push(' ');
        if plain == masked && !is_unknown {
            line.push_str(&quoted(word));
            continue;
        }
        is_masked = true;
        let masked = if is_unknown { &(plain[..piece.at].to_owned() + MASK) } else { masked };
        line.push_str(&quoted_around_masks(masked));
    }
    (line, is_masked)
}

/// A word as a shell takes it back, where nothing but a mask needs quotes without them:
/// nobody pastes it as it stands.
fn quoted_around_masks(word: &str) -> String {
    let around = word.replace(MASK, "");
    if quoted(&around) == around || around.is_empty() { word.to_owned() } else { quoted(word) }
}
