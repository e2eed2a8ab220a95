//! The configuration file, field by field, read as they stand.
//!
//! What stands above the fields is what `envguard-config(5)` and
//! `docs/configuration.md` say about them (`tests/manual/`).

mod meaning;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::lines;
use super::values::{
    AbsolutePath, Account, Branch, Endpoint, Fingerprints, HomePath, InstanceId, Name, Pairs, Text,
    Uid,
};
use crate::env::Env;
use crate::level::Level;
use crate::pattern::Pattern;
use crate::policy::{
    Ask, Care, Fingerprint, Mode, Policy, RemotePrefix, RootPattern, SandboxRule, Server, StdinRule,
};
use meaning::{Home, policy};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "the fields of an instance")]
struct File {
    /// `envguard/v1alpha1`.
    api_version: ApiVersion,
    /// `Instance`.
    kind: Kind,
    /// The name of this instance's environment: develop, production, 本番. Free text.
    environment: Text<Name>,
    /// How strict this instance is. Without it, as the name says: production is critical,
    /// staging is caution, develop is normal; a name that says nothing is critical.
    level: Option<LevelName>,
    /// The pinned cluster. kubectl reaches no other.
    cluster: Cluster,
    /// The machine that was set up, as `setup` records it. On another one commands that
    /// change the cluster are refused.
    #[serde(default)]
    instance: Instance,
    /// The working trees of manifests; at least one.
    checkouts: Vec<Checkout>,
    /// Other files and directories that may be applied. Default: none.
    #[serde(default)]
    also_allow: Vec<Text<HomePath>>,
    /// The kubectl to run, or a directory of `kubectl-1.NN`, of which the one that fits
    /// the cluster is taken. Default: the first one on PATH that is not envguard's.
    kubectl: Option<Text<AbsolutePath>>,
    /// What the banner says besides.
    #[serde(default)]
    banner: Banner,
    /// The rules that can be changed.
    #[serde(default)]
    policy: Rules,
    /// The directory of the audit log, with a file for each user. Default:
    /// `/var/log/envguard`, for a configuration outside /etc `~/.local/state/envguard`.
    audit: Option<Text<AbsolutePath>>,
    /// Whether each line of the audit log goes to the systemd journal as well, where whoever
    /// wrote it cannot change it: `journalctl -t kubectl-envguard`. Default: `false`.
    #[serde(default)]
    journal: bool,
}

#[derive(Deserialize)]
enum ApiVersion {
    #[serde(rename = "envguard/v1alpha1")]
    V1Alpha1,
}

#[derive(Deserialize)]
enum Kind {
    Instance,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    Normal,
    Caution,
    Critical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "the fields of the cluster")]
struct Cluster {
    /// What people call the cluster. It is shown, and accepted where a name must be
    /// typed.
    name: Text<Name>,
    /// The pinned kubeconfig, with exactly one context. Default: `~/.kube/config`.
    kubeconfig: Option<Text<HomePath>>,
    /// The address of the API server, as it stands in the kubeconfig.
    server: Text<Server>,
    /// SHA-256 of the cluster's CA certificate (DER), as `sha256:` and 64 hex digits; a
    /// list when there are several. Only an http:// server does without it.
    #[serde(default)]
    ca_cert_hash: Fingerprints,
    /// The program that gets the credentials, as it stands in the kubeconfig. Leave it
    /// out if there is none.
    exec: Option<Exec>,
    /// `proxy-url` of the kubeconfig.
    proxy_url: Option<Text<String>>,
    /// `tls-server-name` of the kubeconfig.
    tls_server_name: Option<Text<String>>,
    /// The UID of the namespace kube-system, which a rebuilt cluster does not keep.
    uid: Option<Text<Uid>>,
    /// SHA-256 over this pin and the text of the kubeconfig, as `setup` records it after
    /// it has proved the one against the other. While both are as they were, the
    /// kubeconfig is not parsed before each command, which is nearly half of what the guard
    /// computes. When either has changed, or without it, it is; so it need not be kept up to
    /// date.
    seal: Option<Text<Fingerprint>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "`account`, `id` and `metadata`")]
struct Instance {
    /// The AWS account of the instance.
    account: Option<Text<Account>>,
    /// The EC2 instance id.
    id: Option<Text<InstanceId>>,
    /// Where the instance metadata service answers. Default: EC2's own address.
    metadata: Option<Text<Endpoint>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "`command`, `args` and `env`")]
struct Exec {
    /// The program.
    command: Text<String>,
    /// Its arguments.
    #[serde(default)]
    args: Vec<Text<String>>,
    /// Variables that are set for it: names and values.
    #[serde(default)]
    env: Pairs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "the fields of a checkout")]
struct Checkout {
    /// The top of the working tree. Patterns are allowed: `/home/*/manifests`; `~` only
    /// outside /etc.
    path: Text<HomePath>,
    /// Directories whose children are overlays, below `path`; patterns are allowed:
    /// `apps/*/overlays`.
    overlay_roots: Vec<Text<RootPattern>>,
    /// Names of overlays that may be applied here; patterns are allowed.
    allow: Vec<Text<Pattern>>,
    /// Names of directories beside the overlays that they may refer to. Default: `base`,
    /// `common`, `components`, `_*`.
    shared: Option<Vec<Text<Pattern>>>,
    /// Names of other environments' overlays. Default: every other child of a root that
    /// has an allowed one.
    foreign: Option<Vec<Text<Pattern>>>,
    /// Branches that may be applied from; patterns are allowed. Default: all.
    branches: Option<Vec<Text<Branch>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "`lines` and `contact`")]
struct Banner {
    /// Lines of the team's own: a runbook's address.
    lines: Vec<Text<String>>,
    /// Whom to ask. It stands in every refusal.
    contact: Option<Text<String>>,
}

#[derive(Deserialize, Default)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    default,
    expecting = "the fields of the policy"
)]
struct Rules {
    /// `observe` says what would be refused, and runs it; the rules about the cluster
    /// hold in both. Default: `enforce`.
    mode: Option<ModeName>,
    /// Manifests from standard input and other streams, with commands that change the
    /// cluster. Default: `judge`.
    stdin: Option<StdinName>,
    /// Plugins of kubectl.
    plugins: Plugins,
    /// Prefixes of addresses that overlays may fetch: `https://github.com/org/`. Default:
    /// none.
    remotes: Vec<Text<RemotePrefix>>,
    /// When what would be applied is not committed. Default: allow, warn, refuse at level
    /// normal, caution, critical.
    uncommitted: Option<CareName>,
    /// When the checkout stands on a branch that is not in `branches`. Default: allow,
    /// warn, refuse at level normal, caution, critical.
    branch: Option<CareName>,
    /// When kubectl and the cluster are more than one minor version apart. Default:
    /// `warn`.
    skew: Option<CareName>,
    /// Warn when the checkout was last fetched longer ago: `24h`, `90m`. Default: never.
    fetch_age: Option<Text<Duration>>,
    /// The kernel sandbox around kubectl: `require` refuses where there is none. Default:
    /// `auto`.
    sandbox: Option<SandboxName>,
    /// When the environment's name is asked for.
    confirm: Confirm,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "`reading`")]
struct Plugins {
    /// Names of plugins that only read: `neat`, `tree`.
    reading: Vec<Text<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "`channel`, `mutate`, `destroy` and `ticket`")]
struct Confirm {
    /// exec, attach, cp, port-forward, proxy, debug. Default: never; at critical
    /// `ticket`.
    channel: Option<AskName>,
    /// Commands that change the cluster, and plugins. Default: never; at critical
    /// `ticket`.
    mutate: Option<AskName>,
    /// delete, drain, replace --force and the like. Default: never, `ticket`, `always` at
    /// level normal, caution, critical.
    destroy: Option<AskName>,
    /// How long a typed name counts on the same terminal. Default: `5m`.
    ticket: Option<Text<Duration>>,
}

macro_rules! names {
    ($name:ident => $target:ident { $($variant:ident),* }) => {
        #[derive(Deserialize, Clone, Copy)]
        #[serde(rename_all = "lowercase")]
        enum $name { $($variant),* }
        impl From<$name> for $target {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant),* }
            }
        }
    };
}
names!(ModeName => Mode { Enforce, Observe });
names!(StdinName => StdinRule { Refuse, Judge, Allow });
names!(CareName => Care { Allow, Warn, Refuse });
names!(SandboxName => SandboxRule { Off, Auto, Require });
names!(AskName => Ask { Never, Ticket, Always });
impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Normal => Self::Normal,
            LevelName::Caution => Self::Caution,
            LevelName::Critical => Self::Critical,
        }
    }
}

/// Line (when known) and problem.
type Problem = (Option<usize>, String);

/// Reads the text of a configuration `file`.
pub(super) fn parse(text: &str, file: &Path, env: &Env) -> Result<Policy, Problem> {
    // Editors of other systems begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed: File = serde_yaml::from_str(text).map_err(|error| located(&error, text))?;
    let state = env.get("XDG_STATE_HOME").map(Path::new);
    let home = Home { directory: env.home(), state, allowed: !file.starts_with("/etc") };
    policy(parsed, &home)
        .map_err(|(field, problem)| (lines::of_field(text, &field), format!("{field}: {problem}")))
}

fn located(error: &serde_yaml::Error, text: &str) -> Problem {
    let message = error.to_string();
    let (problem, _) = message.rsplit_once(" at line ").unwrap_or((&message, ""));
    let Some(location) = error.location() else {
        // Without a place: the text goes on after its end.
        return (lines::of_second_document(text), problem.to_owned());
    };
    // The parser places a duplicate at the start of its mapping.
    let second = problem.split_once("duplicate field `").and_then(|(_, rest)| {
        let key = rest.trim_end_matches('`');
        lines::of_duplicate(text, location.line(), location.column(), key)
    });
    (Some(second.unwrap_or(location.line())), problem.to_owned())
}
