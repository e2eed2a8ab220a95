//! Command lines for the audit log: what is known to be no secret, and nothing else.
//!
//! | a word | is logged |
//! |---|---|
//! | of the command's name; a flag without a value; `--` | as it stands |
//! | the value of a flag | as `open.rs` says; what it does not list, and what stands behind a flag that the command does not have, is masked |
//! | what kubectl takes for a type, a name or a path | as it stands; of `NAME=VALUE` the name |
//! | of a program in a container | the program, paths from `/`, `.` or `~`, names of flags and variables |
//! | of a plugin | the same, other paths, and words of small letters before its first flag |

use std::ffi::OsStr;

use serde_json::Value;

use super::address;
use super::known;
use super::names::{SECRET_FLAGS, is_secret_name, is_variable};
use super::open::{OBJECT_FLAGS, OPEN_FLAGS, PAIR_FLAGS};
use crate::kubectl::{Anatomy, Arity, Flag, Part, anatomy};
use crate::text::{MASK, shown};

/// Properties of a kubeconfig whose values can be seen.
const OPEN_PROPERTIES: [&str; 5] = ["cluster", "current-context", "namespace", "server", "user"];

/// What a taint does, behind its value.
const EFFECTS: [&str; 3] = [":NoSchedule", ":PreferNoSchedule", ":NoExecute"];

/// How Go's `strconv.ParseBool` may be told.
const BOOLEANS: [&str; 12] =
    ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"];

/// The words of a command line as they are logged: readable, without control characters.
#[must_use]
pub fn logged<W: AsRef<OsStr>>(words: &[W]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(shown).collect();
    let anatomy = anatomy(&words);
    let mut before = Before::default();
    let pieces = words.iter().zip(&anatomy.pieces);
    let logged = pieces.map(|(word, piece)| {
        let (head, rest) = word.split_at(piece.at);
        let logged = one(&anatomy, &mut before, piece.part, head, rest);
        before.flag |= word.starts_with('-');
        logged
    });
    logged.collect()
}

/// What has come before a word.
#[derive(Default)]
struct Before {
    /// A flag.
    flag: bool,
    /// A flag whose secret is missing, as in `--token= X`: it could be the next word.
    slip: bool,
    /// `NAME`, where `set env` takes `NAME=VALUE`
    variable: bool,
    /// `NAME=VALUE`
    pair: bool,
    /// A property of [`OPEN_PROPERTIES`].
    property: bool,
}

/// A word: `rest` is what `part` tells, `head` the flag that it is the value of.
fn one(anatomy: &Anatomy, before: &mut Before, part: Part, head: &str, rest: &str) -> String {
    let slip = std::mem::take(&mut before.slip);
    match part {
        Part::Command | Part::End | Part::Flag => rest.to_owned(),
        Part::Operand(_) | Part::Program(_) if slip => MASK.to_owned(),
        Part::Operand(nth) => operand(anatomy, before, nth, rest),
        Part::Value(flag) => {
            before.slip = is_slip(flag, rest) || is_long_flag(head, rest);
            head.to_owned() + &value(flag, rest)
        }
        Part::UnknownFlag => flag_name(&format!("{head}{rest}")),
        Part::UnknownValue if anatomy.command.is_empty() && is_path(rest) => flag_name(head) + rest,
        Part::UnknownValue => flag_name(head) + MASK,
        Part::Program(nth) => program_word(nth, rest),
    }
}

fn is_slip(flag: &Flag, text: &str) -> bool {
    let is_pair = PAIR_FLAGS.contains(&flag.long);
    let is_secret = SECRET_FLAGS.contains(&flag.long);
    is_secret && matches!(text, "" | "=") || is_pair && pair(text).is_none()
}

/// `-password X`, where the letter is one of the command's.
fn is_long_flag(head: &str, rest: &str) -> bool {
    head.strip_prefix('-').is_some_and(|letter| {
        SECRET_FLAGS.iter().any(|secret| secret.strip_prefix(letter) == Some(rest))
    })
}

fn value(flag: &Flag, text: &str) -> String {
    match flag.long {
        _ if flag.arity == Arity::Bool && BOOLEANS.contains(&text) => text.to_owned(),
        _ if flag.arity == Arity::Bool => MASK.to_owned(),
        "raw" => address::of_request(text),
        long if OPEN_FLAGS.binary_search(&long).is_ok() => known::word(text),
        long if PAIR_FLAGS.contains(&long) => pair(text).unwrap_or_else(|| MASK.to_owned()),
        long if OBJECT_FLAGS.contains(&long) => object(text),
        _ => MASK.to_owned(),
    }
}

/// What is neither a flag nor a value.
fn operand(anatomy: &Anatomy, before: &mut Before, nth: usize, word: &str) -> String {
    match anatomy.command {
        "" => plugin_word(before, nth, word),
        "cp" | "kustomize" => known::word(word),
        "config set" if nth > 0 => {
            let is_open = before.property && anatomy.operands == 2;
            if is_open { known::word(word) } else { MASK.to_owned() }
        }
        "set image" if word.chars().all(|letter| is_plain(letter) || letter == '=') => {
            known::word(word)
        }
        "set env" if before.variable || is_variable(word) => {
            before.variable = true;
            MASK.to_owned()
        }
        // Who gives more than the one name that kubectl takes here has split a value.
        one if takes_one_name(one) && anatomy.operands > 1 => MASK.to_owned(),
        _ => {
            let property = word.rsplit('.').next().unwrap_or_default();
            before.property = OPEN_PROPERTIES.contains(&property);
            name(before, word)
        }
    }
}

fn takes_one_name(command: &str) -> bool {
    command.starts_with("create ") || command.starts_with("config set-")
}

/// A type, the name of an object, or what is to be set.
fn name(before: &mut Before, word: &str) -> String {
    if word.contains('=') {
        before.pair = true;
        let effect = EFFECTS.iter().find(|effect| word.ends_with(**effect));
        let pair = pair(word).unwrap_or_else(|| MASK.to_owned());
        return pair + effect.unwrap_or(&"");
    }
    // All names come before what is to be set: this is the rest of a split value.
    let is_split = before.pair && !word.ends_with('-');
    if is_split || !word.chars().all(is_plain) { MASK.to_owned() } else { known::word(word) }
}

/// Letters of types, names, ports and paths.
fn is_plain(letter: char) -> bool {
    letter.is_alphanumeric() || "-._/:,@%+*~".contains(letter)
}

/// `NAME=***`; `None` for what is no pair, such as the end of base64.
fn pair(text: &str) -> Option<String> {
    let (name, value) = text.split_once('=')?;
    let is_name = |letter: char| letter.is_alphanumeric() || "_-./".contains(letter);
    let is_pair = !name.is_empty() && name.chars().all(is_name) && !matches!(value, "" | "=");
    is_pair.then(|| format!("{name}={MASK}"))
}

/// A part of an object: its fields, numbers and switches, and what a JSON patch does where.
fn object(text: &str) -> String {
    let Ok(mut object) = serde_json::from_str(text) else { return MASK.to_owned() };
    if let Value::Array(steps) = &mut object {
        for step in steps {
            let Value::Object(fields) = step else {
                hide_texts(step, false);
                continue;
            };
            for (name, field) in fields {
                match field {
                    Value::String(text) if matches!(name.as_str(), "op" | "path" | "from") => {
                        *text = known::word(text);
                    }
                    field => hide_texts(field, is_secret_name(name)),
                }
            }
        }
    } else {
        hide_texts(&mut object, false);
    }
    object.to_string()
}

fn hide_texts(value: &mut Value, is_secret: bool) {
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(name, field)| hide_texts(field, is_secret || is_secret_name(name))),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_texts(item, is_secret)),
        Value::Number(_) | Value::Bool(_) | Value::Null if !is_secret => {}
        hidden => *hidden = Value::String(MASK.to_owned()),
    }
}

/// The name of a flag that nobody knows, with `=` where it stands. `--passwordX` is none.
fn flag_name(flag: &str) -> String {
    let Some(long) = flag.strip_prefix("--") else { return flag.to_owned() };
    let (name, equals) = long.split_at(long.find('=').unwrap_or(long.len()));
    let secret = SECRET_FLAGS.iter().find(|secret| name.starts_with(**secret) && name != **secret);
    match secret {
        Some(secret) => format!("--{secret}{MASK}{equals}"),
        None if name.chars().all(|letter| letter.is_ascii_lowercase() || "-_".contains(letter)) => {
            flag.to_owned()
        }
        None => format!("--{MASK}{equals}"),
    }
}

/// A word of a program that is started in a container.
fn program_word(nth: usize, word: &str) -> String {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    match word {
        "-" | "--" => word.to_owned(),
        _ if nth == 0 && word.chars().all(is_name) || is_place(word) => word.to_owned(),
        _ if word.starts_with("--") => match word.split_once('=') {
            Some((name, _)) => flag_name(name) + "=" + MASK,
            None => flag_name(word),
        },
        _ => match word.strip_prefix('-') {
            Some(letters) => short_flags(letters),
            None => pair(word).unwrap_or_else(|| MASK.to_owned()),
        },
    }
}

/// `-la`; longer, the letters may be a value: `-pPASSWORD`.
fn short_flags(letters: &str) -> String {
    let first = letters.chars().next().filter(char::is_ascii_alphanumeric);
    match first {
        None => MASK.to_owned(),
        Some(_) if letters.len() <= 3 && letters.chars().all(|at| at.is_ascii_alphanumeric()) => {
            format!("-{letters}")
        }
        Some(first) => format!("-{first}{MASK}"),
    }
}

/// A word of a plugin that is no value of kubectl's own flags.
fn plugin_word(before: &Before, nth: usize, word: &str) -> String {
    // kubectl itself takes these words for the plugin's name.
    let is_name = |letter: char| match letter {
        'a'..='z' | '-' => true,
        '0'..='9' | '_' | '.' => nth == 0,
        _ => false,
    };
    let is_name = !before.flag && word.chars().all(is_name);
    if is_name || is_path(word) {
        word.to_owned()
    } else {
        pair(word).unwrap_or_else(|| MASK.to_owned())
    }
}

/// A path that begins as one.
fn is_place(word: &str) -> bool {
    let begins = ["/", "./", "../", "~/"].iter().any(|start| word.starts_with(start));
    let is_part = |letter: char| letter.is_alphanumeric() || "-._/~".contains(letter);
    matches!(word, "." | "..") || begins && word.chars().all(is_part)
}

/// A path, or `TYPE/NAME`: keys have capital letters where they have a `/`.
fn is_path(word: &str) -> bool {
    let is_part = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '.' | '_' | '/');
    let is_file = [".yaml", ".yml", ".json"].iter().any(|end| word.ends_with(end));
    is_place(word) || (word.contains('/') || is_file) && word.chars().all(is_part)
}

#[cfg(test)]
mod tests;
