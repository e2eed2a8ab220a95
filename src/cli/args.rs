//! The command line of our own commands, as clap reads it. No logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::judge::Code;

/// The names of our own commands. None is a kubectl command or alias, except
/// `completion`: kubectl's own is behind `--`.
pub const OWN_COMMANDS: [&str; 16] = [
    "admission-policy",
    "audit",
    "banner",
    "broadcast",
    "check",
    "completion",
    "hook",
    "lock",
    "prompt",
    "restore",
    "setup",
    "status",
    "tidy",
    "unlock",
    "watch",
    "why",
];

/// A screen of 24 lines has no room for a line about each command: each has a help of its
/// own. A test finds the command that is missing here.
const HELP: &str = "\
{about}

{usage-heading} {usage}

Commands, each with its own --help:
  check, why                          Would it run? What does a reason mean?
  status, audit                       Check this instance; see what was run here
  unlock, lock                        Type the name once for a while; undo that
  tidy, watch, restore                Foreign overlays off the disk, and back
  setup, broadcast, admission-policy  For whoever looks after the instance
  banner, prompt, hook, completion    What shells show and load

Options:
{options}{after-help}";

/// The command line of our own commands.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl envguard",
    bin_name = "kubectl envguard",
    version,
    // One form of help, one line per option: it must fit a screen.
    about = "Keeps this kubectl instance to its own environment: judges, then runs kubectl",
    long_about = None,
    help_template = HELP,
    max_term_width = 80,
    disable_help_subcommand = true,
    override_usage = "kubectl envguard [OPTIONS] <KUBECTL COMMAND...> | <COMMAND>",
    after_help = "\
Examples:
  kubectl envguard apply -k overlays/develop         judge, then run kubectl
  kubectl envguard check -- delete -k overlays/prod  the verdict only"
)]
pub(super) struct Own {
    /// Configuration, where /etc/envguard has none
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// Give the environment's name in advance
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(super) confirm: Option<String>,

    /// Lift the rules about files once; say why
    #[arg(long, value_name = "REASON")]
    pub(super) break_glass: Option<String>,

    /// Show the text of what would change, when it asks
    #[arg(long)]
    pub(super) full: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// Our own commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether a kubectl command would run, and why not
    Check(Check),
    /// Bring back what tidy put aside
    Restore(Restore),
    /// Take foreign overlays off the disk, or bring them back
    Tidy(Tidy),
    /// Keep foreign overlays off the disk, as they come
    Watch(Watch),
    /// Write the configuration of this instance from what is there
    Setup(Box<Setup>),
    /// Check this instance, and say what to do
    Status(Status),
    /// Explain a reason for which a command is refused
    Why(Why),
    /// Show what was run here, by whom, and what was refused
    Audit(Audit),
    /// Type the environment's name once, for this terminal
    Unlock(Unlock),
    /// Take back what unlock or a typed name has given
    Lock,
    /// Write to every Session Manager terminal here, as root
    Broadcast(Broadcast),
    /// Print a policy by which the cluster refuses, too
    AdmissionPolicy(AdmissionPolicy),
    /// Say in big letters which instance this is
    Banner(BannerArguments),
    /// Print the prompt segment
    Prompt(PromptArguments),
    /// Print the shell hook: eval "$(kubectl-envguard hook bash)"
    Hook(HookArguments),
    /// Completions: source <(kubectl-envguard completion bash)
    Completion(CompletionArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard tidy --dry-run     what would be taken off the disk
  kubectl envguard tidy --undo        everything comes back
  kubectl envguard tidy --clone https://git.example.com/manifests m")]
pub(super) struct Tidy {
    /// Say what would be done; do nothing
    #[arg(long, conflicts_with_all = ["undo", "clone"])]
    pub(super) dry_run: bool,

    /// Bring every foreign overlay back; what was put aside stays there
    #[arg(long, conflicts_with = "clone")]
    pub(super) undo: bool,

    /// Clone a repository without its foreign overlays
    #[arg(long, num_args = 2, value_names = ["URL", "DIR"])]
    pub(super) clone: Option<Vec<OsString>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard watch --once
  systemctl enable --now envguard-watch@alice.service")]
pub(super) struct Watch {
    /// Look once, mend, write the state, and end: for a timer
    #[arg(long)]
    pub(super) once: bool,

    /// Fetch first, from all remotes
    #[arg(long, requires = "once")]
    pub(super) fetch: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = false)]
#[command(after_help = "\
Examples:
  kubectl envguard restore --list
  kubectl envguard restore 20261125-152206-417 --to ~/prod-work")]
pub(super) struct Restore {
    /// List what was put aside
    #[arg(long, conflicts_with_all = ["id", "to"])]
    pub(super) list: bool,

    /// What to bring back, as the list calls it
    #[arg(required_unless_present = "list")]
    pub(super) id: Option<String>,

    /// Bring it to this directory outside every checkout
    #[arg(long, value_name = "DIR", requires = "id")]
    pub(super) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard banner
  kubectl envguard banner --preview")]
pub(super) struct BannerArguments {
    /// For /etc/update-motd.d: plain text, without the session
    #[arg(long)]
    pub(super) motd: bool,

    /// Show the banner of every level
    #[arg(long)]
    pub(super) preview: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl-envguard prompt --shell plain")]
pub(super) struct PromptArguments {
    /// Whose notation to use
    #[arg(long, value_name = "SHELL", default_value = "plain")]
    pub(super) shell: PromptShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PromptShell {
    Bash,
    Zsh,
    Fish,
    // No colour, no marks: for other programs
    Plain,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(kubectl-envguard hook bash)\"        in ~/.bashrc
  kubectl-envguard hook fish | source         in config.fish")]
pub(super) struct HookArguments {
    /// Which shell reads it
    pub(super) shell: HookShell,

    /// Print only the variables, as the hook asks for them after a change
    #[arg(long, value_name = "PROTOCOL", hide = true)]
    pub(super) state: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HookShell {
    Bash,
    Zsh,
    Fish,
    Sh,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(kubectl-envguard completion bash)
  kubectl-envguard completion fish | source")]
pub(super) struct CompletionArguments {
    /// Which shell reads it
    pub(super) shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard check -- apply -k overlays/develop
  kubectl envguard check -o json -- delete -f pod.yaml")]
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
    // For people
    Text,
    // For programs; fields change only as the documentation announces
    Json,
}

// Its help has no room for what is given seldom: that is named, and the manual has it.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  sudo \"$(command -v kubectl-envguard)\" setup
  kubectl-envguard setup --yes --environment develop --checkout /srv/manifests

More (man kubectl-envguard): --context --cluster --overlay-root --shared
--foreign --branch --remote --contact --offline --migrate"
)]
pub(super) struct Setup {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort, display_order = 100)]
    help: Option<bool>,

    /// Ask nothing: for user data and scripts
    ///
    /// Without it every question has an answer already. Nothing is written before it was
    /// shown; what was there before is kept beside it.
    #[arg(short, long)]
    pub(super) yes: bool,

    /// Show what would be written, and end
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Record another cluster: the old one was rebuilt
    #[arg(long, conflicts_with = "migrate")]
    pub(super) repin: bool,

    /// Rewrite the configuration of an older version
    #[arg(long, hide_short_help = true)]
    pub(super) migrate: bool,

    /// What this instance is for: develop, production, …
    #[arg(short, long, value_name = "NAME")]
    pub(super) environment: Option<String>,

    /// normal, caution or critical; else as the name says
    #[arg(long, value_name = "LEVEL", hide_possible_values = true,
        value_parser = ["normal", "caution", "critical"])]
    pub(super) level: Option<String>,

    /// Take the context from this kubeconfig
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,

    /// The context, when there are several
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(super) context: Option<String>,

    /// What people call the cluster
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(super) cluster: Option<String>,

    /// A working tree of manifests, or a pattern
    #[arg(long = "checkout", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) checkouts: Vec<String>,

    /// A directory whose children are environments
    #[arg(
        long = "overlay-root",
        value_name = "DIR",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(super) overlay_roots: Vec<String>,

    /// An overlay that may be applied here
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) allow: Vec<String>,

    /// A directory beside the overlays that they may refer to
    #[arg(long, value_name = "NAME", value_delimiter = ',', hide_short_help = true)]
    pub(super) shared: Vec<String>,

    /// An overlay of another environment
    #[arg(long, value_name = "NAME", value_delimiter = ',', hide_short_help = true)]
    pub(super) foreign: Vec<String>,

    /// A branch that may be applied from
    #[arg(long = "branch", value_name = "NAME", value_delimiter = ',', hide_short_help = true)]
    pub(super) branches: Vec<String>,

    /// A prefix of addresses that overlays may fetch
    #[arg(long = "remote", value_name = "URL", value_delimiter = ',', hide_short_help = true)]
    pub(super) remotes: Vec<String>,

    /// Whom to ask; stands in every refusal
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(super) contact: Option<String>,

    /// enforce, or observe: only say what would be refused
    #[arg(long, value_name = "MODE", hide_possible_values = true,
        value_parser = ["enforce", "observe"])]
    pub(super) mode: Option<String>,

    /// Do not ask the API server who it is
    #[arg(long, hide_short_help = true)]
    pub(super) offline: bool,

    /// Ask this metadata service instead of EC2's own
    #[arg(long, value_name = "URL", hide = true)]
    pub(super) metadata: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard status --online
  kubectl envguard status -o json

Exit codes: 0 no check failed; 1 a check failed.")]
pub(super) struct Status {
    /// How to print
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Format,

    /// Draw it again at every change, and every second, until Ctrl-C
    #[arg(short, long)]
    pub(super) watch: bool,

    /// Ask the API server, too: its version, and whether it is the pinned cluster
    #[arg(long)]
    pub(super) online: bool,

    /// Tell what is different for kubectl in the kernel sandbox
    #[arg(long)]
    pub(super) effects: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard why target-foreign
  kubectl envguard why cluster-drift --lang ja")]
pub(super) struct Why {
    /// The reason's code, as it stands in the refusal; without it, all codes
    #[arg(add = ArgValueCandidates::new(codes))]
    pub(super) code: Option<String>,

    /// The language, instead of the one the locale asks for
    #[arg(long)]
    pub(super) lang: Option<Language>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    // English
    En,
    // Japanese
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard audit --since 2h --verdict refuse
  kubectl envguard audit --would-refuse --since 14d")]
pub(super) struct Audit {
    /// How many lines, counted from the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(super) lines: usize,

    /// Go on with what is recorded from now on, until Ctrl-C
    #[arg(short, long, conflicts_with = "would_refuse")]
    pub(super) follow: bool,

    /// Only what is newer: 30m, 2h, 3d, a date or a time
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,

    /// Only this verdict
    #[arg(long, value_name = "VERDICT", value_parser = ["run", "ask", "refuse"])]
    pub(super) verdict: Option<String>,

    /// Only this reason
    #[arg(long, value_name = "CODE", add = ArgValueCandidates::new(codes))]
    pub(super) code: Option<String>,

    /// Only this user (name or number), or this part of a session id
    #[arg(long, value_name = "WHO")]
    pub(super) person: Option<String>,

    /// Only command lines that contain this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) command: Option<String>,

    /// Count what observe mode let run, with the line that would allow it
    #[arg(long)]
    pub(super) would_refuse: bool,

    /// How to print
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl envguard unlock 10m
  kubectl envguard lock")]
pub(super) struct Unlock {
    /// For how long: 90s, 10m, 1h; eight hours at most
    #[arg(value_name = "TIME", add = ArgValueCandidates::new(lengths))]
    pub(super) length: Option<String>,
}

/// What completion offers for a reason.
fn codes() -> Vec<CompletionCandidate> {
    Code::ALL.iter().map(|code| CompletionCandidate::new(code.name())).collect()
}

/// What completion offers for the length of a ticket.
fn lengths() -> Vec<CompletionCandidate> {
    ["5m", "10m", "30m", "1h"].map(CompletionCandidate::new).into()
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo \"$(command -v kubectl-envguard)\" broadcast 'This instance stops at 20:00'")]
pub(super) struct Broadcast {
    /// What to say
    #[arg(required = true, value_name = "MESSAGE")]
    pub(super) message: Vec<String>,
}

// Its help has room for a few words about each option; the manual has the rest.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  kubectl envguard admission-policy > overlays/develop/admission-policy.yaml
  kubectl envguard admission-policy --enforce --unlabelled warn
  kubectl envguard admission-policy --label"
)]
pub(super) struct AdmissionPolicy {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort, display_order = 100)]
    help: Option<bool>,

    /// Refuse, in place of a warning
    ///
    /// Without it the API server only warns, and notes it in its audit log.
    #[arg(long)]
    pub(super) enforce: bool,

    /// The label or annotation with the name
    ///
    /// It names an environment. Default: envguard/environment.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,

    /// Another value that means this environment
    ///
    /// Its name is one in any case; --label writes the first one that is given.
    #[arg(long = "value", value_name = "VALUE", value_delimiter = ',')]
    pub(super) values: Vec<String>,

    /// New objects without it: allow, warn, refuse
    ///
    /// What becomes of new objects that name no environment. Default: allow.
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "allow",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) unlabelled: WhenUnlabelled,

    /// Judge nothing in this namespace
    ///
    /// As in kube-system, which is exempt in any case.
    #[arg(long = "exempt-namespace", value_name = "NAME", value_delimiter = ',')]
    pub(super) exempt_namespaces: Vec<String>,

    /// Judge nothing that this user does
    ///
    /// As with Argo CD and Flux, which are exempt in any case.
    #[arg(long = "exempt-user", value_name = "USER", value_delimiter = ',')]
    pub(super) exempt_users: Vec<String>,

    /// Print the lines that label an overlay
    #[arg(long, conflicts_with_all = ["enforce", "exempt_namespaces", "exempt_users"])]
    pub(super) label: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum WhenUnlabelled {
    Allow,
    Warn,
    Refuse,
}
