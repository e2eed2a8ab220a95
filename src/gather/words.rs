//! Words whose meaning is unknown: those of a plugin, and of a command or flag that
//! the table lacks. They are searched for paths, and not parsed.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::Gathering;
use super::resolve::End;
use crate::env::Env;
use crate::judge::{Nature, Role};
use crate::path::{is_within, join_clean};

impl Gathering<'_> {
    /// Words that exist as a path, or could be made in another environment's overlay.
    /// What is done with them is unknown; that they are foreign is not.
    pub(super) fn words<'w>(&mut self, words: impl Iterator<Item = &'w OsString>, env: &Env) {
        let Ok(here) = env.working_directory() else { return };
        for word in words {
            for candidate in parts(&word.to_string_lossy()) {
                let resolution = self.resolver.resolve(&join_clean(&here, Path::new(candidate)));
                let is_missing = resolution.end == End::Place(Nature::Missing);
                if is_missing && !self.would_be_foreign(&resolution.real, &here) {
                    continue;
                }
                let role = Role::PluginWord { below: false };
                self.local(OsStr::new(candidate), role, vec![resolution]);
            }
        }
    }

    /// Whether a file at `path`, which does not exist, would be in a foreign overlay
    /// that does. For somebody who works inside one, every word would be.
    fn would_be_foreign(&mut self, path: &Path, here: &Path) -> bool {
        let here = self.resolver.resolve(here).real;
        let beside = path.ancestors().skip(1).find(|dir| dir.is_dir());
        beside.is_some_and(|dir| self.is_closed(dir))
            && !(is_within(path, &here) && self.is_closed(&here))
    }
}

/// What of a word may be a path: all of it, what follows a `=` or letters of flags
/// (`-Rfoverlays/prod`), and the fields of a list.
fn parts(word: &str) -> Vec<&str> {
    /// More letters than this stand before no value.
    const LETTERS: usize = 4;
    let mut parts = vec![word];
    parts.extend(word.split_once('=').map(|(_, value)| value));
    if word.starts_with('-') && !word.starts_with("--") {
        parts.extend((2..2 + LETTERS).filter_map(|start| word.get(start..)));
    }
    let fields: Vec<&str> =
        parts.iter().filter(|part| part.contains(',')).flat_map(|part| part.split(',')).collect();
    parts.extend(fields);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_word_that_may_be_a_path_is_found() {
        for (word, expected) in [
            ("", &[][..]),
            ("-", &["-"]),
            ("a/b", &["a/b"]),
            ("--file=a", &["--file=a", "a"]),
            ("-fa", &["-fa", "a"]),
            ("-Rf=ab", &["-Rf=ab", "ab", "f=ab", "=ab", "ab", "b"]),
            ("a,b", &["a,b", "a", "b"]),
            ("-f日本", &["-f日本", "日本", "本"]),
        ] {
            assert_eq!(parts(word), expected, "{word}");
        }
    }
}
