//! What an instance is and what it allows: the configuration after validation.

mod defaults;
mod overlay;
mod pin;
mod remote;
mod unusable;

use std::path::PathBuf;
use std::time::Duration;

pub use defaults::{Answer, DEFAULTS, Row, Topic, default_answer, is_lifted};
pub use overlay::{CheckoutRule, RootPattern, Standing};
pub use pin::{Credentials, Fingerprint, Pin, Server, is_secret};
pub use remote::{Remote, RemotePrefix, Unacceptable};
pub use unusable::Unusable;

use crate::level::Level;

/// The environment this instance serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Free text, e.g. `develop` or `本番`.
    pub name: String,
    /// Stated in the configuration, or implied by the name.
    pub level: Level,
}

/// The machine that was set up, as EC2 names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedInstance {
    /// Account number, 12 digits.
    pub account: String,
    /// `i-` and hexadecimal digits.
    pub id: String,
}

/// The hexadecimal digits of an EC2 instance's id, `i-0123456789abcdef0`.
#[must_use]
pub fn instance_digits(id: &str) -> Option<&str> {
    let digits = id.strip_prefix("i-")?;
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(digits)
}

/// Whether refusals are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Refused means not run.
    #[default]
    Enforce,
    /// Say what would be refused, then run. Rules about the cluster still hold.
    Observe,
}

/// What to do with manifests from standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdinRule {
    /// Never take them.
    Refuse,
    /// Read them to the end and compare them with the foreign overlays.
    Judge,
    /// Take them unread.
    Allow,
}

/// How much a condition of the checkout matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Say nothing.
    Allow,
    /// One line on standard error, then run.
    Warn,
    /// Do not run.
    Refuse,
}

/// When the operator types the environment's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Not at all.
    Never,
    /// Unless a ticket is still valid.
    Ticket,
    /// Every time.
    Always,
}

/// Whether kubectl runs inside the kernel sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SandboxRule {
    /// Never.
    Off,
    /// Where the kernel has Landlock.
    #[default]
    Auto,
    /// Always; refuse when it is not possible.
    Require,
}

/// Confirmation per class of command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmations {
    /// exec, attach, cp, port-forward, proxy, debug.
    pub channel: Ask,
    /// Commands that change the cluster.
    pub mutate: Ask,
    /// Commands that take something away.
    pub destroy: Ask,
    /// Plugins that are not listed as reading.
    pub plugin: Ask,
    /// Manifests from standard input.
    pub stdin: Ask,
    /// How long one answer serves.
    pub ticket: Duration,
}

/// The validated configuration: everything that a verdict depends on, besides
/// the command line and what is found on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Name and level.
    pub environment: Environment,
    /// The one cluster.
    pub pin: Pin,
    /// The one machine, as `setup` recorded it.
    pub instance: Option<RecordedInstance>,
    /// `ADDRESS:PORT` of the metadata service, instead of EC2's own.
    pub metadata: Option<String>,
    /// The guarded working trees.
    pub checkouts: Vec<CheckoutRule>,
    /// Absolute directories outside overlays that may be targets.
    pub also_allow: Vec<PathBuf>,
    /// The real kubectl, or a directory of `kubectl-1.NN` binaries.
    pub kubectl: Option<PathBuf>,
    /// Printed in every refusal.
    pub contact: Option<String>,
    /// The team's own lines for the banner.
    pub banner_lines: Vec<String>,
    /// Enforce or observe.
    pub mode: Mode,
    /// Manifests from standard input.
    pub stdin: StdinRule,
    /// Plugins that only read.
    pub reading_plugins: Vec<String>,
    /// What references and targets may be fetched from.
    pub remotes: Vec<RemotePrefix>,
    /// Uncommitted files in the closure.
    pub uncommitted: Care,
    /// A branch that is not listed.
    pub branch: Care,
    /// kubectl and server more than one minor version apart.
    pub skew: Care,
    /// Warn when the last fetch is older.
    pub fetch_age: Option<Duration>,
    /// Kernel sandbox.
    pub sandbox: SandboxRule,
    /// Typed confirmation.
    pub confirm: Confirmations,
    /// Directory of the audit log.
    pub audit: PathBuf,
    /// Whether each of its lines goes to the systemd journal as well.
    pub journal: bool,
}

impl Policy {
    /// The environment's name as the banner and messages show it: ASCII names in
    /// capitals, others as they are.
    #[must_use]
    pub fn display_name(&self) -> String {
        let name = &self.environment.name;
        if name.is_ascii() { name.to_ascii_uppercase() } else { name.clone() }
    }

    /// The patterns of overlays that may be applied here, for messages.
    #[must_use]
    pub fn allowed_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .checkouts
            .iter()
            .flat_map(|checkout| checkout.allow.iter().map(ToString::to_string))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
