//! What a command does to the cluster.

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
    COMMANDS
        .iter()
        .find(|(_, paths)| paths.contains(&path))
        .map(|(class, _)| *class)
        // Subcommands of `create` are many and all create something.
        .or_else(|| path.starts_with("create ").then_some(Class::Mutate))
}

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
            // Commands that only print the help of their subcommands.
            "alpha",
            "certificate",
            "rollout",
            "set",
            "top",
            "plugin",
            "auth",
            "config",
            "kuberc",
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
    (
        Class::Mutate,
        &[
            "annotate",
            "apply",
            "apply edit-last-applied",
            "apply set-last-applied",
            "auth reconcile",
            "autoscale",
            "certificate approve",
            "certificate deny",
            "cordon",
            "create",
            "edit",
            "expose",
            "label",
            "patch",
            "replace",
            "rollout pause",
            "rollout restart",
            "rollout resume",
            "run",
            "scale",
            "set env",
            "set image",
            "set resources",
            "set selector",
            "set serviceaccount",
            "set subject",
            "taint",
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
    let class = class_of_command(path)?;
    Some(match class {
        Class::Read if path == "version" && invocation.is_set("client") => Class::PassThrough,
        Class::Mutate | Class::Destroy if changes_nothing(invocation, path) => Class::Read,
        Class::Mutate if takes_away(invocation, path) => Class::Destroy,
        other => other,
    })
}

/// `--dry-run=client|server` and the like. A bare `--dry-run` is a client dry
/// run wherever it is accepted (kubectl 1.20–1.36).
fn changes_nothing(invocation: &Invocation, path: &str) -> bool {
    let dry_run = invocation.given("dry-run").last().is_some_and(|given| match &given.value {
        None => true,
        Some(mode) => mode == "client" || mode == "server",
    });
    // `--local` works on files and prints; `--list` prints labels or variables.
    let local = matches!(path, "annotate" | "label" | "patch") || path.starts_with("set ");
    let lists = matches!(path, "annotate" | "label" | "set env");
    dry_run || (local && invocation.is_set("local")) || (lists && invocation.is_set("list"))
}

fn takes_away(invocation: &Invocation, path: &str) -> bool {
    match path {
        "apply" => invocation.is_set("prune"),
        "replace" => invocation.is_set("force"),
        "scale" => invocation.given("replicas").any(|given| {
            given.value.as_ref().is_some_and(|count| {
                count.to_str().is_none_or(|count| count.parse::<i64>().is_ok_and(|n| n == 0))
            })
        }),
        "taint" => {
            invocation.positionals.iter().any(|word| word.to_string_lossy().ends_with(":NoExecute"))
        }
        "auth reconcile" => {
            invocation.is_set("remove-extra-permissions")
                || invocation.is_set("remove-extra-subjects")
        }
        _ => false,
    }
}
