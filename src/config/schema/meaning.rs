//! What the fields mean together: the [`Policy`] they state, or the field that is wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ApiVersion, AskName, CareName, Checkout, Cluster, Confirm, File, Instance, Kind};
use crate::config::values::{Branch, Fingerprints, HomePath, Name, Text};
use crate::level::Level;
use crate::pattern::Pattern;
use crate::policy::{
    Answer, Ask, Care, CheckoutRule, Confirmations, Credentials, Environment, Mode, Pin, Policy,
    RecordedInstance, SandboxRule, StdinRule, Topic, default_answer,
};

/// What a child of an overlay root is called when it may be referenced by every
/// environment.
const DEFAULT_SHARED: [&str; 4] = ["base", "common", "components", "_*"];
const DEFAULT_TICKET: Duration = Duration::from_secs(300);

/// The audit log of an instance; the package makes the directory.
const SYSTEM_AUDIT: &str = "/var/log/envguard";

/// What `~` is in this file, if anything.
pub(super) struct Home<'e> {
    pub(super) directory: Option<&'e Path>,
    /// `$XDG_STATE_HOME`
    pub(super) state: Option<&'e Path>,
    /// `~` would mean another directory for each person: not in a system file.
    pub(super) allowed: bool,
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
pub(super) type FieldProblem = (String, String);

/// The policy that the fields state.
pub(super) fn policy(file: File, home: &Home<'_>) -> Result<Policy, FieldProblem> {
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
        journal: file.journal,
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
        seal: cluster.seal.map(|Text(seal)| seal),
    })
}
