//! Words whose meaning is unknown: those of a plugin, and of a command or flag that
//! the table lacks. They are searched for paths, and not parsed.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::resolve::End;
use super::{Gathering, foreign};
use crate::env::Env;
use crate::judge::{Local, Nature, Reached, Role, Whereabouts};
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
                let is_dir = resolution.end == End::Place(Nature::Directory);
                let dir = resolution.real.clone();
                let role = Role::PluginWord { below: false };
                self.local(OsStr::new(candidate), role, vec![resolution]);
                if is_dir && self.means_a_directory(candidate, &dir) {
                    self.around(OsStr::new(candidate), &dir);
                }
            }
        }
    }

    /// Whether a word that exists as a directory is meant as one. `deploy` is a kind of
    /// object before it is a directory, and `.` is every pod for `kubectl stern`.
    fn means_a_directory(&mut self, word: &str, dir: &Path) -> bool {
        self.visit_roots(dir);
        word.contains('/') || self.facts.territory.roots.contains_key(dir)
    }

    /// The foreign overlays below `dir`. That a git directory lies there too says
    /// nothing: every checkout has one.
    fn around(&mut self, spelled: &OsStr, dir: &Path) {
        if self.is_closed(dir) {
            return;
        }
        for path in foreign::below(dir, self.policy, &self.facts.territory).overlays {
            self.visit_roots(&path);
            let local =
                Local { readings: vec![path], links: Vec::new(), nature: Nature::Directory };
            self.reach(Reached {
                spelled: spelled.to_os_string(),
                role: Role::PluginWord { below: true },
                whereabouts: Whereabouts::Local(local),
            });
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
