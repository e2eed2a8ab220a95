//! The guard's table of commands and flags, as something to choose from. What the
//! flags do is not looked up here: the real kubectl says that.

#[path = "../../src/kubectl/table.rs"]
mod generated;

/// The types that the table is written with.
mod entry {
    /// Bit `i` stands for the version `VERSIONS[i]`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in super::super) struct Versions(pub(super) u16);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in super::super) enum Arity {
        Bool,
        Optional,
        Required,
    }

    #[derive(Debug)]
    pub(in super::super) struct Flag {
        pub(in super::super) long: &'static str,
        pub(in super::super) short: char,
        pub(in super::super) arity: Arity,
        pub(super) versions: Versions,
    }

    #[derive(Debug)]
    pub(in super::super) struct Command {
        pub(in super::super) path: &'static str,
        pub(in super::super) aliases: &'static [&'static str],
        pub(super) versions: Versions,
        pub(in super::super) flags: &'static [Flag],
    }

    pub(super) const fn boolean(long: &'static str, short: char, versions: Versions) -> Flag {
        Flag { long, short, arity: Arity::Bool, versions }
    }

    pub(super) const fn optional(long: &'static str, short: char, versions: Versions) -> Flag {
        Flag { long, short, arity: Arity::Optional, versions }
    }

    pub(super) const fn required(long: &'static str, short: char, versions: Versions) -> Flag {
        Flag { long, short, arity: Arity::Required, versions }
    }

    pub(super) const fn command(
        path: &'static str,
        aliases: &'static [&'static str],
        versions: Versions,
        flags: &'static [Flag],
    ) -> Command {
        Command { path, aliases, versions, flags }
    }
}

pub(super) use entry::{Arity, Command, Flag};

impl Command {
    /// Whether it has a flag of that name itself, in any version.
    pub(super) fn flag_of_its_own(&self, long: &str) -> bool {
        self.flags.iter().any(|flag| flag.long == long)
    }
}

/// The commands of `version` (`1.NN`), groups and callbacks included. Those of
/// other versions are in `strangers`.
pub(super) struct Menu {
    pub(super) commands: Vec<&'static Command>,
    pub(super) strangers: Vec<&'static Command>,
    pub(super) globals: Vec<&'static Flag>,
    version: u16,
}

impl Menu {
    pub(super) fn of(version: &str) -> Self {
        let place = generated::VERSIONS.iter().position(|known| *known == version);
        // A kubectl that the table does not know has what the newest one has.
        let version = 1 << place.unwrap_or(generated::VERSIONS.len() - 1);
        let (commands, strangers) = generated::COMMANDS
            .iter()
            .filter(|command| !command.path.is_empty())
            .partition(|command| command.versions.0 & version != 0);
        let globals =
            generated::GLOBAL_FLAGS.iter().filter(|flag| flag.versions.0 & version != 0).collect();
        Self { commands, strangers, globals, version }
    }

    /// The flags of `command` in this version.
    pub(super) fn flags(&self, command: &Command) -> Vec<&'static Flag> {
        command.flags.iter().filter(|flag| flag.versions.0 & self.version != 0).collect()
    }
}
