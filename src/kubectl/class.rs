//! What a command does to the cluster.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::parse::{Invocation, Subject};

/// The class of a command line; the level's table says what happens to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Prints text, contacts nobody: help, options, completion, `version
    /// --client`.
    PassThrough,
    /// A shell asks for completions; may contact the server.
    Completion,
    /// Works on local files only: `kustomize`, `plugin list`.
    Local,
    /// Reads the cluster.
    Read,
    /// Reads the kubeconfig.
    KubeconfigRead,
    /// Writes the kubeconfig.
    KubeconfigWrite,
    /// Reads or writes kubectl's preferences.
    Preferences,
    /// Opens a way into the cluster: exec, attach, cp, port-forward, proxy, debug.
    Channel,
    /// Changes the cluster.
    Mutate,
    /// Takes something away.
    Destroy,
    /// A program of somebody else.
    Plugin,
}

impl Class {
    /// Whether the cluster may be another one afterwards, or anything can reach
    /// it unseen.
    #[must_use]
    pub const fn changes_cluster(self) -> bool {
        matches!(self, Self::Mutate | Self::Destroy | Self::Plugin)
    }

    /// Whether it passes without a configuration.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::PassThrough | Self::Completion | Self::Local | Self::Read | Self::KubeconfigRead
        )
    }

    /// Whether kubectl asks the API server anything.
    #[must_use]
    pub const fn contacts_cluster(self) -> bool {
        matches!(
            self,
            Self::Completion
                | Self::Read
                | Self::Channel
                | Self::Mutate
                | Self::Destroy
                | Self::Plugin
        )
    }

    /// The word for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::Completion => "completion",
            Self::Local => "local",
            Self::Read => "read",
            Self::KubeconfigRead => "kubeconfig-read",
            Self::KubeconfigWrite => "kubeconfig-write",
            Self::Preferences => "preferences",
            Self::Channel => "channel",
            Self::Mutate => "mutate",
            Self::Destroy => "destroy",
            Self::Plugin => "plugin",
        }
    }
}

/// The class of a built-in command without its flags, by full path (kubectl
/// 1.36 and earlier, `facts` from the real binaries). `None`: not in the list.
#[must_use]
pub fn class_of_command(path: &str) -> Option<Class> {
    if GROUPS.contains(&path) {
        return Some(Class::PassThrough);
    }
    COMMANDS
        .iter()
        .find(|(_, paths)| paths.contains(&path))
        .map(|(class, _)| *class)
        // Subcommands of `create` are many and all create something.
        .or_else(|| path.starts_with("create ").then_some(Class::Mutate))
}

/// Whether a server dry run of the command prints the objects as they would be. Subcommands
/// of `create` do, but for a token, which is no object of the cluster.
#[must_use]
pub fn dry_run_prints(path: &str) -> bool {
    PRINTING.contains(&path) || (path.starts_with("create ") && path != "create token")
}

/// Commands that change the cluster, and whose dry run prints what they would make.
const PRINTING: &[&str] = &[
    "annotate",
    "apply set-last-applied",
    "auth reconcile",
    "autoscale",
    "create",
    "expose",
    "label",
    "patch",
    "replace",
    "run",
    "set env",
    "set image",
    "set resources",
    "set selector",
    "set serviceaccount",
    "set subject",
    "taint",
];

/// Commands that only print the help of their subcommands, and fail when a word
/// follows that is none (kubectl 1.20–1.36).
const GROUPS: [&str; 10] = [
    "alpha",
    "alpha auth",
    "auth",
    "certificate",
    "config",
    "kuberc",
    "plugin",
    "rollout",
    "set",
    "top",
];

static COMMANDS: &[(Class, &[&str])] = &[
    (
        Class::PassThrough,
        &[
            "",
            "help",
            "options",
            "completion",
            "completion bash",
            "completion fish",
            "completion powershell",
            "completion zsh",
        ],
    ),
    (Class::Local, &["kustomize", "plugin list"]),
    (
        Class::Read,
        &[
            "api-resources",
            "api-versions",
            "apply view-last-applied",
            "auth can-i",
            "auth whoami",
            "alpha auth whoami",
            "alpha events",
            "cluster-info",
            "cluster-info dump",
            "describe",
            "diff",
            "events",
            "explain",
            "get",
            "logs",
            "rollout history",
            "rollout status",
            "top node",
            "top pod",
            "version",
            "wait",
        ],
    ),
    (
        Class::KubeconfigRead,
        &[
            "config current-context",
            "config get-clusters",
            "config get-contexts",
            "config get-users",
            "config view",
        ],
    ),
    (
        Class::KubeconfigWrite,
        &[
            "config delete-cluster",
            "config delete-context",
            "config delete-user",
            "config rename-context",
            "config set",
            "config set-cluster",
            "config set-context",
            "config set-credentials",
            "config unset",
            "config use-context",
        ],
    ),
    (
        Class::Preferences,
        &["kuberc set", "kuberc view", "alpha kuberc", "alpha kuberc set", "alpha kuberc view"],
    ),
    (Class::Channel, &["attach", "cp", "debug", "alpha debug", "exec", "port-forward", "proxy"]),
    (Class::Mutate, PRINTING),
    (
        Class::Mutate,
        &[
            "apply",
            "apply edit-last-applied",
            "certificate approve",
            "certificate deny",
            "cordon",
            "edit",
            "rollout pause",
            "rollout restart",
            "rollout resume",
            "scale",
            "uncordon",
        ],
    ),
    (Class::Destroy, &["delete", "drain", "rollout undo"]),
];

/// The class of a whole command line: its command, and the flags that make it
/// milder or harder.
pub(super) fn class_of(invocation: &Invocation) -> Option<Class> {
    let path = match &invocation.subject {
        Subject::Plugin(_) => return Some(Class::Plugin),
        Subject::Completion => return Some(Class::Completion),
        Subject::Builtin(path) => *path,
    };
    if invocation.is_set("help") {
        return Some(Class::PassThrough);
    }
    if has_unknown_subcommand(invocation) {
        return None;
    }
    // A command that only the installed kubectl's own help knows: what it does is
    // unknown, and the worst is assumed. It is no stranger either, so it is not
    // refused: whoever updates kubectl first can work, and is asked first.
    let class = class_of_command(path).unwrap_or(Class::Destroy);
    Some(match class {
        Class::Read if path == "version" && invocation.is_set("client") => Class::PassThrough,
        Class::Mutate | Class::Destroy if changes_nothing(invocation, path) => Class::Read,
        Class::Mutate | Class::Channel if takes_away(invocation, path) => Class::Destroy,
        other => other,
    })
}

/// What a command does besides its class: `run -i` changes the cluster and opens a
/// way into it, and so does `debug`.
pub(super) fn second_class(invocation: &Invocation, class: Option<Class>) -> Option<Class> {
    let attaches = invocation.is_set("stdin") || invocation.is_set("attach");
    match (class?, invocation.command()) {
        (Class::Mutate, "run") if attaches => Some(Class::Channel),
        (Class::Channel | Class::Destroy, "debug" | "alpha debug") => Some(Class::Mutate),
        _ => None,
    }
}

/// `rollout NONSENSE`: a subcommand of a newer kubectl, or a mistake. A kubectl
/// that does not know it stops there.
pub(super) fn has_unknown_subcommand(invocation: &Invocation) -> bool {
    GROUPS.contains(&invocation.command())
        && !invocation.positionals.is_empty()
        && !invocation.is_set("help")
}

fn changes_nothing(invocation: &Invocation, path: &str) -> bool {
    // With --raw nothing else counts, and up to 1.26 a forced replacement deletes
    // before it looks at --dry-run.
    if invocation.is_raw() || (path == "replace" && invocation.is_set("force")) {
        return false;
    }
    // `--local` works on files and prints; `--list` prints labels or variables.
    let local = matches!(path, "annotate" | "label" | "patch") || path.starts_with("set ");
    let lists = matches!(path, "annotate" | "label" | "set env");
    is_dry_run(invocation)
        || (local && invocation.is_set("local"))
        || (lists && invocation.is_set("list"))
}

/// The last `--dry-run` counts. A bare one is a client dry run, and so are the
/// spellings of older versions (kubectl 1.20–1.36, `GetDryRunStrategy`).
fn is_dry_run(invocation: &Invocation) -> bool {
    invocation.given("dry-run").last().is_some_and(|given| {
        given.value.as_ref().is_none_or(|mode| {
            matches!(
                mode.as_bytes(),
                b"client"
                    | b"server"
                    | b"unchanged"
                    | b"true"
                    | b"True"
                    | b"TRUE"
                    | b"t"
                    | b"T"
                    | b"1"
            )
        })
    })
}

fn takes_away(invocation: &Invocation, path: &str) -> bool {
    match path {
        // A raw write does what its address says, and evictions are created.
        "create" | "replace" if invocation.is_raw() => true,
        // With --force an object that cannot be patched is deleted.
        "apply" => invocation.is_set("prune") || invocation.is_set("force"),
        "replace" => invocation.is_set("force"),
        "scale" => invocation.last("replicas").is_some_and(is_zero),
        "taint" => {
            invocation.positionals.iter().any(|word| word.as_bytes().ends_with(b":NoExecute"))
        }
        "auth reconcile" => {
            invocation.is_set("remove-extra-permissions")
                || invocation.is_set("remove-extra-subjects")
        }
        // The pod that is copied goes.
        "debug" | "alpha debug" => invocation.is_set("replace"),
        _ => false,
    }
}

/// Go's `strconv.ParseInt` with base 0: `0`, `-0`, `00`, `0x0`, `0b_0`.
fn is_zero(count: &OsStr) -> bool {
    let count = count.as_bytes();
    let digits = count.strip_prefix(b"-").or_else(|| count.strip_prefix(b"+")).unwrap_or(count);
    !digits.is_empty() && digits.iter().all(|byte| b"0_xXoObB".contains(byte))
}
