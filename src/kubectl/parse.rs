//! kubectl's command line, read as cobra and pflag read it (kubectl 1.20–1.36).
//!
//! Two stages, as in cobra: the command is found by skipping what *looks* like
//! flags, with the flags known so far; then all remaining words are parsed with
//! the flags of the command that was found.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::entry::{Arity, Command, Flag};
use super::grammar::Grammar;

/// One reading of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What would run.
    pub subject: Subject,
    /// The flags in the order in which they stand.
    pub flags: Vec<Given>,
    /// Words that are neither flags nor values of flags, without the command.
    pub positionals: Vec<OsString>,
}

/// What a command line runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A command that kubectl has built in, by its full path.
    Builtin(&'static str),
    /// Not built in: a plugin, if there is one. The words up to the first one
    /// that begins with `-`.
    Plugin(Vec<OsString>),
    /// A shell asks for completions (`__complete`, `__completeNoDesc`).
    Completion,
}

/// A flag on the command line. Two are equal when they say the same, whatever
/// else their versions know of the flag.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its long name.
    pub flag: &'static Flag,
    /// Its value; `None` when the flag stands without one.
    pub value: Option<OsString>,
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        self.flag.long == other.flag.long && self.value == other.value
    }
}

/// Why kubectl itself would refuse the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// This version has no such flag.
    UnknownFlag(OsString),
    /// The flag stands last and needs a value.
    MissingValue(OsString),
    /// `--=x`, `---x`.
    BadSyntax(OsString),
    /// A plugin must be the first word.
    FlagBeforePlugin(OsString),
}

impl Invocation {
    /// The value a flag ends up with: the last one wins (pflag, `String`).
    #[must_use]
    pub fn last(&self, long: &str) -> Option<&OsStr> {
        self.given(long).filter_map(|given| given.value.as_deref()).last()
    }

    /// Every occurrence of a flag.
    pub fn given<'a>(&'a self, long: &str) -> impl Iterator<Item = &'a Given> {
        self.flags.iter().filter(move |given| given.flag.long == long)
    }

    /// Whether a boolean flag ends up true. A value that is no boolean counts as
    /// true: kubectl stops with an error, and nothing is hidden by it.
    #[must_use]
    pub fn is_set(&self, long: &str) -> bool {
        self.given(long).last().is_some_and(|given| match &given.value {
            None => true,
            Some(value) => !is_false(value),
        })
    }

    /// Whether the request's address is written on the command line, so that the
    /// other flags do not count.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.last("raw").is_some_and(|raw| !raw.is_empty())
    }

    /// The command's full path, empty for everything that is not built in.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self.subject {
            Subject::Builtin(path) => path,
            _ => "",
        }
    }
}

/// Whether Go's `strconv.ParseBool` takes `value` for false.
pub(super) fn is_false(value: &OsStr) -> bool {
    matches!(value.as_bytes(), b"false" | b"False" | b"FALSE" | b"f" | b"F" | b"0")
}

/// The command that the words name, by its path; empty for kubectl itself and
/// for words that it does not know.
pub(super) fn command_path(words: &[OsString], grammar: Grammar<'_>) -> &'static str {
    let words = words.iter().map(OsString::as_os_str).collect();
    find(words, grammar).0.map_or("", |command| command.path)
}

/// Reads the words after `kubectl` with one version's grammar.
///
/// # Errors
/// [`Misfit`] where that kubectl stops with a usage error.
pub(super) fn parse(words: &[OsString], grammar: Grammar<'_>) -> Result<Invocation, Misfit> {
    if let Some(positionals) = completion(words) {
        return Ok(Invocation { subject: Subject::Completion, flags: Vec::new(), positionals });
    }
    let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
    let (command, rest) = find(words, grammar);
    let Some(command) = command else { return plugin(&rest) };
    let mut invocation = Invocation {
        subject: Subject::Builtin(command.path),
        flags: Vec::new(),
        positionals: Vec::new(),
    };
    parse_flags(&rest, command, grammar, &mut invocation)?;
    Ok(invocation)
}

/// The words of a completion callback, without its name. kubectl looks for the
/// name before it parses anything: the first word that does not begin with `-`
/// (kubectl 1.27–1.36, `NewDefaultKubectlCommandWithArgs`); flags before it count
/// as words of the callback.
pub(super) fn completion(words: &[OsString]) -> Option<Vec<OsString>> {
    let name = words.iter().position(|word| !word.as_bytes().starts_with(b"-"))?;
    let is_callback = words[name] == "__complete" || words[name] == "__completeNoDesc";
    is_callback.then(|| [&words[..name], &words[name + 1..]].concat())
}

/// The plugin that `create NAME …` stands for when NAME is no subcommand: since
/// 1.31 kubectl looks for `kubectl-create-NAME`, which gets all further words.
/// Flags may stand nowhere before NAME.
pub(super) fn create_plugin(words: &[OsString], grammar: Grammar<'_>) -> Option<Invocation> {
    let (create, name) = (words.first()?, words.get(1)?);
    let command = grammar.command("create").filter(|_| grammar.create_has_plugins())?;
    let is_subcommand =
        || name.to_str().is_some_and(|name| grammar.subcommand(command, name).is_some());
    if create != "create" || name.as_bytes().starts_with(b"-") || is_subcommand() {
        return None;
    }
    plugin(&words.iter().map(OsString::as_os_str).collect::<Vec<_>>()).ok()
}

fn plugin(words: &[&OsStr]) -> Result<Invocation, Misfit> {
    let names: Vec<OsString> = words
        .iter()
        .take_while(|word| !word.as_bytes().starts_with(b"-"))
        .map(|word| word.to_os_string())
        .collect();
    if names.is_empty() {
        return Err(Misfit::FlagBeforePlugin(
            words.first().map_or_else(OsString::new, |word| word.to_os_string()),
        ));
    }
    let positionals = words[names.len()..].iter().map(|word| word.to_os_string()).collect();
    Ok(Invocation { subject: Subject::Plugin(names), flags: Vec::new(), positionals })
}

/// cobra's `Command.Find`: the deepest command the words name, and the words
/// without the command's own. `None` when words remain that kubectl's root does
/// not know.
fn find<'w>(
    words: Vec<&'w OsStr>,
    grammar: Grammar<'_>,
) -> (Option<&'static Command>, Vec<&'w OsStr>) {
    let Some(mut command) = grammar.root() else { return (None, words) };
    let mut rest = words;
    loop {
        let Some(name) = first_non_flag(&rest, command, grammar) else {
            return (Some(command), rest);
        };
        let next = rest[name].to_str().and_then(|name| grammar.subcommand(command, name));
        match next {
            Some(next) => {
                command = next;
                // Up to 1.27 the first word that looks the same goes, even a
                // flag's value: in `-n get --list=-f get` the value of -n.
                let same = rest.iter().position(|word| *word == rest[name]).unwrap_or(name);
                rest.remove(if grammar.skips_values_of_flags() { name } else { same });
            }
            None if command.path.is_empty() => return (None, rest),
            None => return (Some(command), rest),
        }
    }
}

/// The first word that cobra's `stripFlags` keeps: neither a flag nor, as far as
/// the flags of this level tell, a flag's value.
fn first_non_flag(words: &[&OsStr], command: &Command, grammar: Grammar<'_>) -> Option<usize> {
    let mut index = 0;
    while index < words.len() {
        let word = words[index].as_bytes();
        if word == b"--" {
            return None;
        }
        let eats_next = match word {
            [b'-', b'-', name @ ..] if !word.contains(&b'=') => {
                !stands_alone(lookup_long(name, command, grammar).as_ref())
            }
            [b'-', letter] if *letter != b'=' => {
                !stands_alone(grammar.short(command, *letter).as_ref())
            }
            [] | [b'-', ..] => false,
            _ => return Some(index),
        };
        index += if eats_next { 2 } else { 1 };
    }
    None
}

fn stands_alone(flag: Option<&&'static Flag>) -> bool {
    flag.is_some_and(|flag| flag.arity != Arity::Required)
}

/// kubectl normalises `_` to `-` in every long flag.
fn lookup_long(name: &[u8], command: &Command, grammar: Grammar<'_>) -> Option<&'static Flag> {
    let name = std::str::from_utf8(name).ok()?;
    if name.contains('_') {
        grammar.long(command, &name.replace('_', "-"))
    } else {
        grammar.long(command, name)
    }
}

/// pflag's `FlagSet.parseArgs`: flags and other words interleave, `--` ends them.
fn parse_flags(
    words: &[&OsStr],
    command: &Command,
    grammar: Grammar<'_>,
    invocation: &mut Invocation,
) -> Result<(), Misfit> {
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        match word.as_bytes() {
            b"--" => {
                invocation.positionals.extend(rest.map(OsStr::to_os_string));
                return Ok(());
            }
            [b'-', b'-', long @ ..] => {
                let given = parse_long(word, long, command, grammar, &mut rest)?;
                invocation.flags.push(given);
            }
            [b'-', letters @ ..] if !letters.is_empty() => {
                parse_letters(word, letters, command, grammar, &mut rest, &mut invocation.flags)?;
            }
            _ => invocation.positionals.push(word.to_os_string()),
        }
    }
    Ok(())
}

fn parse_long<'w>(
    word: &OsStr,
    long: &[u8],
    command: &Command,
    grammar: Grammar<'_>,
    rest: &mut impl Iterator<Item = &'w OsStr>,
) -> Result<Given, Misfit> {
    if matches!(long.first(), None | Some(b'-' | b'=')) {
        return Err(Misfit::BadSyntax(word.to_os_string()));
    }
    let mut halves = long.splitn(2, |byte| *byte == b'=');
    let name = halves.next().unwrap_or_default();
    let attached = halves.next().map(|value| OsString::from_vec(value.to_vec()));
    let flag = match lookup_long(name, command, grammar) {
        Some(flag) => flag,
        None if name == b"help" => Grammar::help(),
        None => return Err(Misfit::UnknownFlag(word.to_os_string())),
    };
    let value = match (attached, flag.arity) {
        (Some(value), _) => Some(value),
        (None, Arity::Bool | Arity::Optional) => None,
        (None, Arity::Required) => {
            let next = rest.next().ok_or_else(|| Misfit::MissingValue(word.to_os_string()))?;
            Some(next.to_os_string())
        }
    };
    Ok(Given { flag, value })
}

/// A word of letters, `-RfX`: letters without value go on, the first one with a
/// value takes the rest of the word, or the next word when nothing is left.
fn parse_letters<'w>(
    word: &OsStr,
    letters: &[u8],
    command: &Command,
    grammar: Grammar<'_>,
    rest: &mut impl Iterator<Item = &'w OsStr>,
    flags: &mut Vec<Given>,
) -> Result<(), Misfit> {
    let mut letters = letters;
    while let [letter, after @ ..] = letters {
        // pflag leaves the flags of Go's own test programs to others.
        if letters.starts_with(b"test.") {
            return Ok(());
        }
        let flag = match grammar.short(command, *letter) {
            Some(flag) => flag,
            None if *letter == b'h' => Grammar::help(),
            None => return Err(Misfit::UnknownFlag(word.to_os_string())),
        };
        // One `=` is dropped, but only when something follows it.
        let value = if let [b'=', value @ ..] = after
            && !value.is_empty()
        {
            letters = &[];
            Some(OsString::from_vec(value.to_vec()))
        } else if flag.arity != Arity::Required {
            letters = after;
            None
        } else if !after.is_empty() {
            letters = &[];
            Some(OsString::from_vec(after.to_vec()))
        } else {
            letters = &[];
            let next = rest.next().ok_or_else(|| Misfit::MissingValue(word.to_os_string()))?;
            Some(next.to_os_string())
        };
        flags.push(Given { flag, value });
    }
    Ok(())
}
