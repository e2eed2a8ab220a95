//! Look-ups in the flag table, as one kubectl version sees it.

use super::entry::{Arity, Command, Flag, Versions, boolean};
use super::learned::{Assumption, Learned};
use super::table::{COMMANDS, GLOBAL_FLAGS, VERSIONS};

/// One of the kubectl versions in the table, by its place in `VERSIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(usize);

impl Version {
    /// All versions of the table, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..VERSIONS.len()).map(Self)
    }

    /// `1.NN`.
    #[must_use]
    pub fn name(self) -> &'static str {
        VERSIONS[self.0]
    }

    /// NN of `1.NN`.
    #[must_use]
    pub fn minor(self) -> u32 {
        self.name().rsplit('.').next().and_then(|minor| minor.parse().ok()).unwrap_or(0)
    }
}

/// cobra adds it to every command, but only once the command is known: before
/// the command, `-h` is an unknown letter and eats the next word.
static HELP: Flag = boolean("help", 'h', Versions(u16::MAX));

/// The command tree of one kubectl version, and what was looked up besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar<'l> {
    version: Version,
    learned: Option<(&'l Learned, Assumption)>,
}

impl<'l> Grammar<'l> {
    /// The tree as `version` has it.
    pub(super) const fn of(version: Version) -> Self {
        Self { version, learned: None }
    }

    /// The same with what was looked up.
    pub(super) const fn with(self, learned: &'l Learned, assumption: Assumption) -> Self {
        Self { learned: Some((learned, assumption)), ..self }
    }

    /// Whether a command's name is told from a flag's value of the same spelling
    /// when it is taken out of the words (cobra; kubectl 1.28 and later).
    pub(super) fn skips_values_of_flags(self) -> bool {
        self.version.minor() >= 28
    }

    /// Whether `create NAME` may be a plugin.
    pub(super) fn create_has_plugins(self) -> bool {
        self.version.minor() >= 31
    }

    /// kubectl itself.
    pub(super) fn root(self) -> Option<&'static Command> {
        self.command("")
    }

    /// The command of the table whose full path is `path`.
    pub(super) fn command(self, path: &str) -> Option<&'static Command> {
        let index = COMMANDS.binary_search_by(|command| command.path.cmp(path)).ok()?;
        Some(&COMMANDS[index]).filter(|command| command.versions.has(self.version.0))
    }

    /// The subcommand of `parent` called `name`, by its name or an alias. Exact
    /// and case-sensitive, as cobra compares.
    pub(super) fn subcommand(self, parent: &Command, name: &str) -> Option<&'static Command> {
        if name.is_empty() || name.contains(' ') {
            return None;
        }
        let path = if parent.path.is_empty() {
            name.to_owned()
        } else {
            format!("{} {name}", parent.path)
        };
        self.command(&path).or_else(|| {
            COMMANDS
                .iter()
                .filter(|command| command.aliases.contains(&name))
                .filter(|command| command.versions.has(self.version.0))
                .find(|command| parent_path(command.path) == parent.path)
                .or_else(|| self.learned?.0.subcommand(parent.path, &path))
        })
    }

    /// The flag `long` of `command`: its own one before the global one.
    pub(super) fn long(self, command: &Command, long: &str) -> Option<&'static Flag> {
        self.flags(command).find(|flag| flag.long == long)
    }

    /// The flag with the letter `short` of `command`.
    pub(super) fn short(self, command: &Command, short: u8) -> Option<&'static Flag> {
        self.flags(command).find(|flag| flag.short == Some(short))
    }

    /// `--help`, once the command is known.
    pub(super) fn help() -> &'static Flag {
        &HELP
    }

    /// The command's own flags and the global ones. A flag of the command hides
    /// the global one of the same name together with its letter. What was looked
    /// up counts where no version of the table has the flag, or none has it as a
    /// boolean and the help does, or the other way round.
    fn flags(self, command: &Command) -> impl Iterator<Item = &'static Flag> {
        let here = move |flag: &&'static Flag| flag.versions.has(self.version.0);
        let own = command.flags;
        let global = GLOBAL_FLAGS
            .iter()
            .filter(move |global| !own.iter().filter(here).any(|flag| flag.long == global.long));
        let learned =
            self.learned.map_or(&[][..], |(all, assumed)| all.flags(command.path, assumed));
        let agrees = |flag: &Flag, other: &Flag| {
            flag.long == other.long && (flag.arity == Arity::Bool) == (other.arity == Arity::Bool)
        };
        let is_news = move |flag: &&'static Flag| {
            !own.iter().chain(GLOBAL_FLAGS).any(|known| agrees(flag, known))
        };
        learned.iter().filter(is_news).chain(own.iter().chain(global).filter(here))
    }
}

/// The flags of the command `path` in any version, its own before the global ones.
pub(super) fn flags_of_any_version(path: &str) -> impl Iterator<Item = &'static Flag> {
    let command = COMMANDS.binary_search_by(|command| command.path.cmp(path)).ok();
    let own = command.map_or(&[][..], |index| COMMANDS[index].flags);
    own.iter().chain(GLOBAL_FLAGS).chain([&HELP])
}

/// Whether `word` is the last word of the command `path`, by its name or an alias.
pub(super) fn is_called(path: &str, word: &str) -> bool {
    let name = path.rsplit(' ').next().unwrap_or_default();
    let command = COMMANDS.binary_search_by(|command| command.path.cmp(path)).ok();
    word == name || command.is_some_and(|index| COMMANDS[index].aliases.contains(&word))
}

/// Every flag of the table, of any command and version.
#[cfg(test)]
pub(crate) fn all_flags() -> impl Iterator<Item = &'static Flag> {
    COMMANDS.iter().flat_map(|command| command.flags).chain(GLOBAL_FLAGS)
}

/// Whether any version of the table has the command `path`.
pub(super) fn is_in_table(path: &str) -> bool {
    COMMANDS.binary_search_by(|command| command.path.cmp(path)).is_ok()
}

/// Whether `letter` is, for any command of any version, a flag without a value.
pub(super) fn letter_may_stand_alone(letter: u8) -> bool {
    letter == b'h'
        || COMMANDS
            .iter()
            .flat_map(|command| command.flags)
            .any(|flag| flag.short == Some(letter) && flag.arity != Arity::Required)
}

/// `create` for `create secret`, the empty path for `create`.
fn parent_path(path: &'static str) -> &'static str {
    path.rsplit_once(' ').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sorted_for_the_search() {
        assert!(COMMANDS.is_sorted_by(|one, other| one.path < other.path));
    }

    #[test]
    fn every_parent_is_in_the_table() {
        for command in COMMANDS {
            let parent = parent_path(command.path);
            let found = COMMANDS.iter().find(|other| other.path == parent).unwrap();
            let missing = command.versions.0 & !found.versions.0;
            assert_eq!(missing, 0, "{}", command.path);
        }
    }

    #[test]
    fn one_arity_per_version() {
        for command in COMMANDS {
            for flags in [command.flags, GLOBAL_FLAGS] {
                for (index, flag) in flags.iter().enumerate() {
                    for other in &flags[index + 1..] {
                        let both = flag.versions.0 & other.versions.0;
                        assert!(
                            flag.long != other.long || both == 0,
                            "{} --{}",
                            command.path,
                            flag.long
                        );
                    }
                }
            }
        }
    }
}
