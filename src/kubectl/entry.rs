//! What an entry of the flag table says.

/// The kubectl versions that know an entry: bit `i` stands for `VERSIONS[i]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions(pub u16);

impl Versions {
    /// No version: the entry was looked up in the installed kubectl's own help.
    pub(super) const NONE: Self = Self(0);

    /// Whether `VERSIONS[place]` is one of them.
    pub(super) const fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

/// Whether the next word is a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// A boolean: never.
    Bool,
    /// Text with a value of its own when none is attached (pflag's NoOptDefVal):
    /// never.
    Optional,
    /// Needs a value: attached, or the next word.
    Required,
}

/// One flag.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// Name without dashes.
    pub long: &'static str,
    /// Its letter.
    pub short: Option<u8>,
    /// Whether it takes the next word.
    pub arity: Arity,
    /// Where it exists with this arity.
    pub versions: Versions,
}

/// One command or subcommand.
#[derive(Debug)]
pub(super) struct Command {
    /// Words after `kubectl`, separated by blanks; empty for kubectl itself.
    pub path: &'static str,
    /// Other names of the last word.
    pub aliases: &'static [&'static str],
    /// Where it exists.
    pub versions: Versions,
    /// Its own flags, also those that shadow a global one.
    pub flags: &'static [Flag],
}

impl Flag {
    /// Whether the table lacks it: it was looked up, and what its value means is
    /// unknown.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        self.versions == Versions::NONE
    }
}

const fn flag(long: &'static str, short: char, arity: Arity, versions: Versions) -> Flag {
    let short = if short == ' ' { None } else { Some(short as u8) };
    Flag { long, short, arity, versions }
}

/// A boolean flag of the table.
pub(super) const fn boolean(long: &'static str, short: char, versions: Versions) -> Flag {
    flag(long, short, Arity::Bool, versions)
}

/// A flag with a value of its own when none is attached.
pub(super) const fn optional(long: &'static str, short: char, versions: Versions) -> Flag {
    flag(long, short, Arity::Optional, versions)
}

/// A flag that needs a value.
pub(super) const fn required(long: &'static str, short: char, versions: Versions) -> Flag {
    flag(long, short, Arity::Required, versions)
}

/// A command of the table.
pub(super) const fn command(
    path: &'static str,
    aliases: &'static [&'static str],
    versions: Versions,
    flags: &'static [Flag],
) -> Command {
    Command { path, aliases, versions, flags }
}
