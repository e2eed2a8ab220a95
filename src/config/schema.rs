//! The configuration file, field by field, and how it becomes a [`Policy`].
//!
//! What stands above the fields is what `envguard-config(5)` and
//! `docs/configuration.md` say about them (`tests/manual/`).

use std::path::{Path, PathBuf};
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
    Answer, Ask, Care, CheckoutRule, Confirmations, Credentials, Environment, Mode, Pin, Policy,
    RecordedInstance, RemotePrefix, RootPattern, SandboxRule, Server, StdinRule, Topic,
    default_answer,
};

/// What a child of an overlay root is called when it may be referenced by every
/// environment.
const DEFAULT_SHARED: [&str; 4] = ["base", "common", "components", "_*"];
const DEFAULT_TICKET: Duration = Duration::from_secs(300);

/// The audit log of an instance; the package makes the directory.
const SYSTEM_AUDIT: &str = "/var/log/envguard";

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

struct Home<'e> {
    directory: Option<&'e Path>,
    /// `$XDG_STATE_HOME`
    state: Option<&'e Path>,
    /// `~` would mean another directory for each person: not in a system file.
    allowed: bool,
}

impl Home<'_> {
    /// Where the audit log is unless the configuration says so: a configuration of
    /// one's own cannot count on a directory that the package makes.
    fn audit(&self) -> PathBuf {
        match (self.allowed, self.state, self.directory) {
            (true, Some(state), _) => state.join("envguard"),
            (true, None, Some(home)) => home.join(".local/state/envguard"),
            _ => PathBuf::from(SYSTEM_AUDIT),
        }
    }

    fn expand(&self, path: &HomePath) -> Result<String, String> {
        let Some(below) = path.0.strip_prefix('~') else { return Ok(path.0.clone()) };
        if !self.allowed {
            return Err(
                "`~` is not allowed in a system configuration; write /home/* instead".into()
            );
        }
        let home = self.directory.ok_or("`~` needs the variable HOME")?;
        let home = home.to_str().ok_or("HOME is not UTF-8")?;
        Ok(format!("{home}{below}"))
    }
}

/// A problem with the dotted name of its field.
type FieldProblem = (String, String);

fn policy(file: File, home: &Home<'_>) -> Result<Policy, FieldProblem> {
    let (ApiVersion::V1Alpha1, Kind::Instance) = (file.api_version, file.kind);
    let Text(Name(name)) = file.environment;
    let level = file.level.map_or_else(|| Level::of_name(&name), Level::from);
    if file.checkouts.is_empty() {
        return Err(("checkouts".to_owned(), "must name at least one checkout".to_owned()));
    }
    let mut checkouts = Vec::new();
    for (index, checkout) in file.checkouts.into_iter().enumerate() {
        checkouts.push(checkout_rule(checkout, &format!("checkouts[{index}]"), home)?);
    }
    let mut also_allow = Vec::new();
    for (index, Text(path)) in file.also_allow.iter().enumerate() {
        let field = format!("alsoAllow[{index}]");
        also_allow.push(home.expand(path).map_err(|problem| (field, problem))?.into());
    }
    let metadata = file.instance.metadata.as_ref().map(|Text(endpoint)| endpoint.0.to_string());
    let instance = recorded_instance(file.instance)?;
    let rules = file.policy;
    let confirm = confirmations(level, &rules.confirm);
    Ok(Policy {
        environment: Environment { name, level },
        pin: pin(file.cluster, home)?,
        instance,
        metadata,
        checkouts,
        also_allow,
        kubectl: file.kubectl.map(|Text(path)| path.0),
        contact: file.banner.contact.map(|Text(contact)| contact),
        banner_lines: plain(file.banner.lines),
        mode: rules.mode.map_or(Mode::Enforce, Mode::from),
        stdin: rules.stdin.map_or(StdinRule::Judge, StdinRule::from),
        reading_plugins: plain(rules.plugins.reading),
        remotes: plain(rules.remotes),
        uncommitted: care(rules.uncommitted, Topic::Uncommitted, level),
        branch: care(rules.branch, Topic::Branch, level),
        skew: care(rules.skew, Topic::Skew, level),
        fetch_age: rules.fetch_age.map(|Text(age)| age),
        sandbox: rules.sandbox.map_or(SandboxRule::Auto, SandboxRule::from),
        confirm,
        audit: file.audit.map_or_else(|| home.audit(), |Text(path)| path.0),
    })
}

/// The values without their wrapping.
fn plain<T>(list: Vec<Text<T>>) -> Vec<T> {
    list.into_iter().map(|Text(value)| value).collect()
}

fn care(configured: Option<CareName>, topic: Topic, level: Level) -> Care {
    configured.map_or_else(
        || match default_answer(topic, level) {
            Answer::Pass => Care::Allow,
            Answer::Warn => Care::Warn,
            _ => Care::Refuse,
        },
        Care::from,
    )
}

fn confirmations(level: Level, configured: &Confirm) -> Confirmations {
    let ask = |configured: Option<AskName>, topic| {
        configured.map_or_else(
            || match default_answer(topic, level) {
                Answer::Pass | Answer::Warn | Answer::Judge => Ask::Never,
                Answer::AskTicket => Ask::Ticket,
                _ => Ask::Always,
            },
            Ask::from,
        )
    };
    Confirmations {
        channel: ask(configured.channel, Topic::Channel),
        mutate: ask(configured.mutate, Topic::Mutate),
        destroy: ask(configured.destroy, Topic::Destroy),
        // A plugin is treated as a command that changes the cluster: what is
        // configured for those counts for plugins.
        plugin: ask(configured.mutate, Topic::Plugin),
        stdin: ask(None, Topic::Stdin),
        ticket: configured.ticket.as_ref().map_or(DEFAULT_TICKET, |Text(length)| *length),
    }
}

fn checkout_rule(
    raw: Checkout,
    field: &str,
    home: &Home<'_>,
) -> Result<CheckoutRule, FieldProblem> {
    let at = |name: &str, problem: String| (format!("{field}.{name}"), problem);
    let path = home.expand(&raw.path.0).map_err(|problem| at("path", problem))?;
    for name in path.split('/') {
        Pattern::new(name.as_bytes()).map_err(|bad| at("path", bad.to_string()))?;
    }
    if raw.overlay_roots.is_empty() {
        return Err(at("overlayRoots", "must name at least one directory".into()));
    }
    if raw.allow.is_empty() {
        return Err(at("allow", "must name at least one overlay".into()));
    }
    let shared_is_stated = raw.shared.is_some();
    let shared = match raw.shared {
        Some(list) => plain(list),
        None => {
            DEFAULT_SHARED.iter().filter_map(|name| Pattern::new(name.as_bytes()).ok()).collect()
        }
    };
    let rule = CheckoutRule {
        path,
        overlay_roots: plain(raw.overlay_roots),
        allow: plain(raw.allow),
        shared,
        foreign: raw.foreign.map(plain),
        branches: raw
            .branches
            .map(|list| list.into_iter().map(|Text(Branch(name))| name).collect()),
    };
    let foreign = rule.foreign.as_deref().unwrap_or_default();
    if let Some(name) = contradiction(&rule.allow, foreign) {
        return Err(at("foreign", format!("{name} is listed under `allow` too")));
    }
    // A stated `foreign` may take a name out of the default `shared`.
    if shared_is_stated && let Some(name) = contradiction(&rule.shared, foreign) {
        return Err(at("foreign", format!("{name} is listed under `shared` too")));
    }
    Ok(rule)
}

/// A name that two lists have in common, as far as the patterns show it without a
/// directory to look at.
fn contradiction(these: &[Pattern], those: &[Pattern]) -> Option<String> {
    let clash = |these: &[Pattern], those: &[Pattern]| {
        these
            .iter()
            .filter_map(Pattern::literal)
            .find(|name| those.iter().any(|pattern| pattern.matches(name.as_bytes())))
    };
    clash(these, those).or_else(|| clash(those, these)).or_else(|| {
        let same = these.iter().find(|pattern| those.contains(pattern))?;
        Some(same.to_string())
    })
}

/// An instance id without its account says little, an account alone nothing.
fn recorded_instance(instance: Instance) -> Result<Option<RecordedInstance>, FieldProblem> {
    match (instance.account, instance.id) {
        (Some(Text(account)), Some(Text(id))) => {
            Ok(Some(RecordedInstance { account: account.0, id: id.0 }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(("instance.id".to_owned(), "is missing beside `account`".into())),
        (None, Some(_)) => Err(("instance.account".to_owned(), "is missing beside `id`".into())),
    }
}

fn pin(cluster: Cluster, home: &Home<'_>) -> Result<Pin, FieldProblem> {
    let kubeconfig = match &cluster.kubeconfig {
        Some(Text(path)) => home.expand(path),
        None => home
            .directory
            .and_then(Path::to_str)
            .map(|home| format!("{home}/.kube/config"))
            .ok_or_else(|| "is needed when the variable HOME is not set".to_owned()),
    }
    .and_then(|path| match path.contains(':') {
        // kubectl is given the path in KUBECONFIG, which is a list.
        true => Err(format!("{path:?} must not contain `:`, which separates files in KUBECONFIG")),
        false => Ok(path),
    })
    .map_err(|problem| ("cluster.kubeconfig".to_owned(), problem))?;
    let Fingerprints(authorities) = cluster.ca_cert_hash;
    let server = cluster.server.0;
    if server.tls && authorities.is_empty() {
        return Err((
            "cluster.caCertHash".to_owned(),
            "is missing; only an http:// server does without it".to_owned(),
        ));
    }
    Ok(Pin {
        name: cluster.name.0.0,
        kubeconfig: kubeconfig.into(),
        server,
        authorities,
        credentials: cluster.exec.map(|exec| {
            Credentials::of_configuration(exec.command.0, plain(exec.args), exec.env.0)
        }),
        proxy_url: cluster.proxy_url.map(|Text(url)| url),
        tls_server_name: cluster.tls_server_name.map(|Text(name)| name),
        uid: cluster.uid.map(|Text(uid)| uid.0),
    })
}
