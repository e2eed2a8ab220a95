//! The verdict: run or refuse, with every reason.

use std::fmt;

use crate::policy::{Ask, Topic};

/// What the guard decided. The default refuses.
#[must_use = "a verdict that nobody looks at guards nothing"]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Whether it may run.
    pub outcome: Outcome,
    /// Everything that speaks against it, worst first. In observe mode they do
    /// not keep it from running.
    pub reasons: Vec<Reason>,
    /// What spoke against it and was lifted by break glass.
    pub lifted: Vec<Reason>,
    /// Lines the operator should see although it runs.
    pub warnings: Vec<String>,
}

/// Whether it may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It does not run.
    #[default]
    Refuse,
    /// It runs, after the operator has typed the name when `ask` says so.
    Run {
        /// When the name is typed.
        ask: Ask,
    },
}

/// A stable name for each rule. Scripts, the audit log and `why` use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A target inside another environment's overlay.
    TargetForeign,
    /// A target in no allowed overlay.
    TargetOutside,
    /// `-f` on a kustomization.
    KustomizeAsFiles,
    /// A reference into another environment's overlay.
    ReferenceForeign,
    /// A reference out of every checkout.
    ReferenceOutside,
    /// A target or reference inside a git directory.
    ReferenceGit,
    /// A target that would be fetched from an address that is not listed.
    TargetRemote,
    /// A reference that would be fetched from an address that is not listed.
    ReferenceRemote,
    /// Manifests from standard input.
    TargetStdin,
    /// Data read from another environment's overlay.
    InputForeign,
    /// Something written into another environment's overlay.
    OutputForeign,
    /// A flag or variable that chooses another cluster.
    ClusterOverride,
    /// A flag that chooses another identity.
    IdentityOverride,
    /// The kubeconfig no longer names the pinned cluster.
    ClusterDrift,
    /// A change of the pinned kubeconfig.
    KubeconfigEdit,
    /// A flag that is not understood.
    FlagUnknown,
    /// A command that is not understood.
    CommandUnknown,
    /// A file that is not understood.
    InputUnreadable,
    /// Files that would be applied are not committed.
    TreeUncommitted,
    /// The checkout is on a branch that is not listed.
    TreeBranch,
    /// Another commit was checked out after the verdict.
    CheckoutMoved,
    /// kubectl and the server are too far apart.
    KubectlSkew,
    /// This machine is not the one that was set up.
    InstanceCloned,
    /// The name was not typed.
    NotConfirmed,
    /// The command cannot be recorded.
    AuditUnwritable,
    /// A sandbox is required and cannot be had.
    SandboxMissing,
    /// The kernel refuses what was judged, because it has changed since.
    SandboxDenied,
    /// There is no configuration.
    ConfigMissing,
    /// The configuration cannot be used.
    ConfigInvalid,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 29] = [
        Self::TargetForeign,
        Self::TargetOutside,
        Self::KustomizeAsFiles,
        Self::ReferenceForeign,
        Self::ReferenceOutside,
        Self::ReferenceGit,
        Self::TargetRemote,
        Self::ReferenceRemote,
        Self::TargetStdin,
        Self::InputForeign,
        Self::OutputForeign,
        Self::ClusterOverride,
        Self::IdentityOverride,
        Self::ClusterDrift,
        Self::KubeconfigEdit,
        Self::FlagUnknown,
        Self::CommandUnknown,
        Self::InputUnreadable,
        Self::TreeUncommitted,
        Self::TreeBranch,
        Self::CheckoutMoved,
        Self::KubectlSkew,
        Self::InstanceCloned,
        Self::NotConfirmed,
        Self::AuditUnwritable,
        Self::SandboxMissing,
        Self::SandboxDenied,
        Self::ConfigMissing,
        Self::ConfigInvalid,
    ];

    /// The name as it is printed; never changed once released.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TargetForeign => "target-foreign",
            Self::TargetOutside => "target-outside",
            Self::KustomizeAsFiles => "kustomize-as-files",
            Self::ReferenceForeign => "reference-foreign",
            Self::ReferenceOutside => "reference-outside",
            Self::ReferenceGit => "reference-git",
            Self::TargetRemote => "target-remote",
            Self::ReferenceRemote => "reference-remote",
            Self::TargetStdin => "target-stdin",
            Self::InputForeign => "input-foreign",
            Self::OutputForeign => "output-foreign",
            Self::ClusterOverride => "cluster-override",
            Self::IdentityOverride => "identity-override",
            Self::ClusterDrift => "cluster-drift",
            Self::KubeconfigEdit => "kubeconfig-edit",
            Self::FlagUnknown => "flag-unknown",
            Self::CommandUnknown => "command-unknown",
            Self::InputUnreadable => "input-unreadable",
            Self::TreeUncommitted => "tree-uncommitted",
            Self::TreeBranch => "tree-branch",
            Self::CheckoutMoved => "checkout-moved",
            Self::KubectlSkew => "kubectl-skew",
            Self::InstanceCloned => "instance-cloned",
            Self::NotConfirmed => "not-confirmed",
            Self::AuditUnwritable => "audit-unwritable",
            Self::SandboxMissing => "sandbox-missing",
            Self::SandboxDenied => "sandbox-denied",
            Self::ConfigMissing => "config-missing",
            Self::ConfigInvalid => "config-invalid",
        }
    }

    /// The code called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// The row of the level table it belongs to.
    #[must_use]
    pub const fn topic(self) -> Topic {
        match self {
            Self::TargetForeign
            | Self::TargetOutside
            | Self::ReferenceForeign
            | Self::ReferenceOutside
            | Self::ReferenceGit
            | Self::TargetRemote
            | Self::ReferenceRemote
            | Self::InputForeign
            | Self::OutputForeign
            | Self::InputUnreadable => Topic::Files,
            Self::FlagUnknown | Self::CommandUnknown => Topic::Unknown,
            Self::SandboxMissing | Self::SandboxDenied => Topic::Sandbox,
            Self::KustomizeAsFiles => Topic::KustomizeAsFiles,
            Self::TargetStdin => Topic::Stdin,
            Self::IdentityOverride => Topic::Identity,
            Self::TreeUncommitted => Topic::Uncommitted,
            Self::TreeBranch => Topic::Branch,
            Self::CheckoutMoved => Topic::Moved,
            Self::KubectlSkew => Topic::Skew,
            Self::NotConfirmed => Topic::Destroy,
            Self::AuditUnwritable => Topic::Audit,
            Self::ClusterOverride
            | Self::ClusterDrift
            | Self::KubeconfigEdit
            | Self::InstanceCloned
            | Self::ConfigMissing
            | Self::ConfigInvalid => Topic::Cluster,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One reason against running, in the four parts every message has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// Which rule, by its stable name.
    pub code: Code,
    /// What is refused, in one line.
    pub what: String,
    /// The path, address or word that offends.
    pub offender: String,
    /// The rule, in words.
    pub rule: String,
    /// What to do instead: a line that can be pasted where there is one.
    pub remedy: String,
    /// It concerns the cluster itself and holds in observe mode too.
    pub binding: bool,
}

impl Reason {
    /// The same as a line that is only said.
    #[must_use]
    pub fn as_warning(&self) -> String {
        let what = if self.what.contains(&self.offender) {
            self.what.clone()
        } else {
            format!("{}: {}", self.what, self.offender)
        };
        format!("warning ({}): {what}; {}", self.code, self.remedy)
    }
}
