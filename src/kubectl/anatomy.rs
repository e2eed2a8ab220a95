//! What each word of a command line is to kubectl, of any version and also where kubectl
//! would stop with a usage error: what is logged has to be understood word by word.

use std::ffi::OsString;

use super::entry::{Arity, Flag};
use super::grammar::{Grammar, Version, flags_of_any_version, is_called};
use super::parse::command_path;

/// A command line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Anatomy {
    /// The command's full path; empty for plugins and for what nobody knows.
    pub command: &'static str,
    /// One for each word.
    pub pieces: Vec<Piece>,
    /// How many words are [`Part::Operand`].
    pub operands: usize,
}

/// One word: what stands before `at` is the flag that the rest is the value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where the part begins, in bytes.
    pub at: usize,
    /// What it is.
    pub part: Part,
}

/// What a word, or the rest of one, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A word of the command's own name.
    Command,
    /// A flag of the table that has no value here.
    Flag,
    /// The value of a flag of the table.
    Value(&'static Flag),
    /// The name of a flag that no version has for this command.
    UnknownFlag,
    /// What could be the value of such a flag.
    UnknownValue,
    /// Neither a flag nor a value; counted from nought.
    Operand(usize),
    /// `--`
    End,
    /// A word of the program that is started in a container; counted from nought.
    Program(usize),
}

/// Commands whose further words are a program and its words.
const START_PROGRAMS: [&str; 4] = ["exec", "run", "debug", "alpha debug"];

/// Commands whose words after `--` are a program of the object.
const HOLD_PROGRAMS: [&str; 3] = ["create cronjob", "create deployment", "create job"];

/// Takes a command line apart.
#[must_use]
pub fn anatomy(words: &[String]) -> Anatomy {
    let command = command_of(words);
    let mut reader = Reader {
        command,
        names: command.split(' ').filter(|name| !name.is_empty()).count(),
        named: 0,
        operands: 0,
        program: 0,
        ended: false,
        expected: None,
    };
    let pieces = words.iter().map(|word| reader.piece(word)).collect();
    Anatomy { command, pieces, operands: reader.operands }
}

/// The longest command that any version finds in the words.
fn command_of(words: &[String]) -> &'static str {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let paths = Version::all().map(|version| command_path(&words, Grammar::of(version)));
    paths.max_by_key(|path| path.split_ascii_whitespace().count()).unwrap_or_default()
}

struct Reader {
    command: &'static str,
    /// How many words the command's path has, and how many of them were seen.
    names: usize,
    named: usize,
    operands: usize,
    program: usize,
    /// After `--`
    ended: bool,
    /// What the flag before makes of the next word.
    expected: Option<Part>,
}

impl Reader {
    fn piece(&mut self, word: &str) -> Piece {
        let whole = |part| Piece { at: 0, part };
        match self.expected.take() {
            // The arity of an unknown flag is unknown, too.
            Some(Part::UnknownValue) if word.starts_with('-') => {}
            Some(part) => return whole(part),
            None => {}
        }
        if self.ended {
            return whole(self.other(word));
        }
        if word == "--" {
            self.ended = true;
            return whole(Part::End);
        }
        match word.strip_prefix("--") {
            Some(long) => self.long(long),
            None if word.len() > 1 && word.starts_with('-') => self.letters(word),
            None => whole(self.other(word)),
        }
    }

    fn long(&mut self, long: &str) -> Piece {
        let name = long.split('=').next().unwrap_or_default();
        let flag = self.flag(|flag| flag.long == name.replace('_', "-"));
        let attached = name.len() < long.len();
        let at = "--".len() + name.len() + usize::from(attached);
        let part = match (flag, attached) {
            (Some(flag), true) => Part::Value(flag),
            (None, true) => {
                self.expected = may_go_on(long).then_some(Part::UnknownValue);
                Part::UnknownValue
            }
            (Some(flag), false) => {
                self.expected = (flag.arity == Arity::Required).then_some(Part::Value(flag));
                return Piece { at: 0, part: Part::Flag };
            }
            (None, false) => {
                self.expected = Some(Part::UnknownValue);
                return Piece { at: "--".len(), part: Part::UnknownFlag };
            }
        };
        Piece { at, part }
    }

    /// `-Rf X`, `-RfX`, `-Rf=X`; what is no row of the command's letters could be a long
    /// flag without its second dash: `-token X`.
    fn letters(&mut self, word: &str) -> Piece {
        for (at, letter) in word.char_indices().skip(1) {
            let behind = at + letter.len_utf8();
            let rest = &word[behind..];
            let flag = self.flag(|flag| flag.short.map(char::from) == Some(letter));
            let equals = usize::from(rest.len() > 1 && rest.starts_with('='));
            let part = match flag {
                Some(flag) if flag.arity == Arity::Required || equals > 0 => Part::Value(flag),
                Some(_) => continue,
                None => Part::UnknownValue,
            };
            if rest.is_empty() || flag.is_none() && may_go_on(rest) {
                self.expected = Some(part);
            }
            if rest.is_empty() {
                return Piece { at: 0, part: Part::Flag };
            }
            return Piece { at: behind + equals, part };
        }
        Piece { at: 0, part: Part::Flag }
    }

    fn flag(&self, is: impl Fn(&Flag) -> bool) -> Option<&'static Flag> {
        flags_of_any_version(self.command).find(|flag| is(flag))
    }

    fn other(&mut self, word: &str) -> Part {
        if !self.ended && self.named < self.names {
            let path = self.command.match_indices(' ').nth(self.named);
            let path = path.map_or(self.command, |(end, _)| &self.command[..end]);
            if is_called(path, word) {
                self.named += 1;
                return Part::Command;
            }
        }
        let starts = START_PROGRAMS.contains(&self.command);
        let holds = HOLD_PROGRAMS.contains(&self.command);
        if starts && (self.ended || self.operands > 0) || holds && self.ended {
            self.program += 1;
            return Part::Program(self.program - 1);
        }
        self.operands += 1;
        Part::Operand(self.operands - 1)
    }
}

/// Whether the next word could be the value of an unknown flag: of `-token X`, `--pasword= X`.
fn may_go_on(flag: &str) -> bool {
    !flag.contains('=') || flag.ends_with('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word as a letter, with its flag or number: `C`, `F`, `V:namespace`, `?`, `O0`.
    fn read(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let pieces = anatomy(&words).pieces;
        let parts = pieces.iter().map(|piece| match piece.part {
            Part::Command => "C".to_owned(),
            Part::Flag => "F".to_owned(),
            Part::Value(flag) => format!("V{}:{}", piece.at, flag.long),
            Part::UnknownFlag => "U".to_owned(),
            Part::UnknownValue => format!("?{}", piece.at),
            Part::Operand(nth) => format!("O{nth}"),
            Part::End => "--".to_owned(),
            Part::Program(nth) => format!("P{nth}"),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_what_kubectl_takes_them_for() {
        for (line, parts) in [
            ("get pods -n web", "C O0 F V0:namespace"),
            ("-n get get pods", "F V0:namespace C O0"),
            (
                "get pods -nweb -n=web --namespace=web",
                "C O0 V2:namespace V3:namespace V12:namespace",
            ),
            ("create secret generic x --from_literal=a=b", "C C C O0 V15:from-literal"),
            ("create secret generic x --from-literal a=b", "C C C O0 F V0:from-literal"),
            ("create sa x", "C C O0"),
            ("apply -Rf x", "C F V0:filename"),
            ("apply -Rfx", "C V3:filename"),
            ("apply --force=yes --force x", "C V8:force F O0"),
            ("apply --novel=x --novel x", "C ?8 U ?0"),
            ("apply --novel -k x", "C U F V0:kustomize"),
            ("get pods -zx -z x y", "C O0 ?2 F ?0 O1"),
            ("get pods -é=x y", "C O0 ?4 O1"),
            ("get pods -é= x y", "C O0 ?3 ?0 O1"),
            ("get pods -zx y -zx -w y", "C O0 ?2 ?0 ?2 F O1"),
            ("apply --novel= x y", "C ?8 ?0 O0"),
            ("create job x y --image=i -- sh -c", "C C O0 O1 V8:image -- P0 P1"),
            ("create cm x -- y", "C C O0 -- O1"),
            ("exec web -it -- sh -c x", "C O0 F -- P0 P1 P2"),
            ("exec web sh -c x", "C O0 P0 F V0:container"),
            ("exec -f x -- sh", "C F V0:filename -- P0"),
            ("get pods -- -n x", "C O0 -- O1 O2"),
            ("neat -n web x --y z", "O0 F V0:namespace O1 U ?0"),
            ("rollout nonsense x", "C O0 O1"),
            ("alpha debug x", "C C O0"),
            ("--password -x get pods", "F V0:password C O0"),
            ("get - x", "C O0 O1"),
        ] {
            assert_eq!(read(line), parts, "{line}");
        }
    }
}
