//! The command line of our own commands, as clap reads it. No logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The names of our own commands. None is a kubectl command or alias.
pub const OWN_COMMANDS: [&str; 2] = ["check", "why"];

/// Keeps this kubectl instance to its own environment.
///
/// Every kubectl command works behind `kubectl envguard`, and is refused when it
/// would read another environment's manifests or reach another cluster.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl envguard",
    bin_name = "kubectl envguard",
    version,
    max_term_width = 80,
    override_usage = "kubectl envguard [OPTIONS] <KUBECTL COMMAND...>\n       kubectl envguard [OPTIONS] <COMMAND>",
    after_help = "\
Examples:
  kubectl envguard apply -k overlays/develop         judge, then run kubectl
  kubectl envguard check -- delete -k overlays/prod  the verdict only
  kubectl envguard why target-foreign                what a reason means

Exit codes: kubectl's own when it ran; 77 refused; 78 no or bad configuration;
64 wrong usage; 1 any other error."
)]
pub(super) struct Own {
    /// Configuration to use where there is no /etc/envguard/config.yaml
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// Give the environment's name in advance, for scripts
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(super) confirm: Option<String>,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// Our own commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether a kubectl command would run, and why not; nothing runs
    Check(Check),
    /// Explain a reason for which a command is refused
    Why(Why),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// How to print the verdict
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Format,

    /// The kubectl command, without the word kubectl
    #[arg(last = true, required = true, value_name = "KUBECTL COMMAND")]
    pub(super) words: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs; fields change only as the documentation announces
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// The reason's code, as it stands in the refusal; without it, all codes
    pub(super) code: Option<String>,

    /// The language, instead of the one the locale asks for
    #[arg(long)]
    pub(super) lang: Option<Language>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// English
    En,
    /// Japanese
    Ja,
}

impl From<Language> for crate::why::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::English,
            Language::Ja => Self::Japanese,
        }
    }
}
