//! What the configuration is to say: what it says already, what was found, and what
//! was asked for. No I/O.

use serde_yaml::{Mapping, Value};

use super::Old;
use super::minify::Minified;
use super::survey::{Entry, Survey};
use crate::judge::Resolved;
use crate::policy::RemotePrefix;

/// The schema that is written.
pub const API_VERSION: &str = "envguard/v1alpha1";

/// What stands at the top level besides checkouts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `environment`
    pub environment: String,
    /// `level`, when it is not to follow from the name.
    pub level: Option<String>,
    /// `cluster.name`, when it is not to follow from the context.
    pub cluster: Option<String>,
    /// `policy.mode`
    pub mode: Option<String>,
    /// `banner.contact`
    pub contact: Option<String>,
    /// Further `policy.remotes`.
    pub remotes: Vec<String>,
}

/// The cluster's section; what an operator added to the old one stays.
#[must_use]
pub(super) fn cluster(
    old: Option<&Mapping>,
    wished: Option<&str>,
    minified: &Minified,
    kubeconfig: &str,
    uid: Option<&str>,
) -> Mapping {
    let Resolved { server, authorities, credentials, proxy_url, tls_server_name, .. } =
        &minified.resolved;
    let known = old.and_then(|old| old.get("name")).and_then(Value::as_str);
    let name = wished.or(known).unwrap_or_else(|| short_name(&minified.cluster));
    let mut cluster = Mapping::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            cluster.insert(key.into(), value);
        }
    };
    put("name", Some(name.into()));
    put("kubeconfig", Some(kubeconfig.into()));
    // As the server is written in the old file, when it is the same one.
    let written = old.and_then(|old| old.get("server")).and_then(Value::as_str);
    let same = written.is_some_and(|text| crate::policy::Server::parse(text).ok() == *server);
    let address = server.as_ref().map(ToString::to_string);
    put("server", if same { written.map(Value::from) } else { address.map(Value::from) });
    let hashes: Vec<Value> = authorities.iter().map(|hash| hash.to_string().into()).collect();
    put(
        "caCertHash",
        match hashes.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(Value::Sequence(hashes)),
        },
    );
    put(
        "exec",
        credentials.as_ref().map(|exec| {
            let mut block = Mapping::new();
            block.insert("command".into(), exec.command.as_str().into());
            if !exec.args.is_empty() {
                block.insert("args".into(), list(&exec.args));
            }
            if !exec.env.is_empty() {
                let pairs = exec
                    .env
                    .iter()
                    .map(|(name, value)| (name.as_str().into(), value.as_str().into()));
                block.insert("env".into(), Value::Mapping(pairs.collect()));
            }
            Value::Mapping(block)
        }),
    );
    put("proxyUrl", proxy_url.as_deref().map(Value::from));
    put("tlsServerName", tls_server_name.as_deref().map(Value::from));
    put("uid", uid.map(Value::from));
    put("seal", minified.seal().map(|seal| seal.to_string().into()));
    cluster
}

/// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME` is `NAME`.
fn short_name(name: &str) -> &str {
    match name.strip_prefix("arn:") {
        Some(arn) => arn.rsplit_once("cluster/").map_or(name, |(_, short)| short),
        None => name,
    }
}

/// The machine's section: what was learned now, else what was recorded.
#[must_use]
pub(super) fn machine(
    old: Option<&Old>,
    known: Option<(&str, &str)>,
    metadata: Option<&str>,
) -> Option<Mapping> {
    let mut section = old.and_then(|old| old.section("instance")).cloned().unwrap_or_default();
    if let Some((account, id)) = known {
        section.insert("account".into(), account.into());
        section.insert("id".into(), id.into());
    }
    if let Some(metadata) = metadata {
        section.insert("metadata".into(), metadata.into());
    }
    (!section.is_empty()).then_some(section)
}

/// The whole configuration: `old` with what changes.
#[must_use]
pub(super) fn document(
    old: Option<&Mapping>,
    wishes: &Wishes,
    cluster: Mapping,
    machine: Option<Mapping>,
    surveys: &[Survey],
) -> Mapping {
    let mut wanted = old.cloned().unwrap_or_else(|| {
        [("apiVersion", API_VERSION), ("kind", "Instance")]
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    });
    wanted.insert("environment".into(), wishes.environment.as_str().into());
    if let Some(level) = &wishes.level {
        wanted.insert("level".into(), level.as_str().into());
    }
    wanted.insert("cluster".into(), Value::Mapping(cluster));
    if let Some(machine) = machine {
        wanted.insert("instance".into(), Value::Mapping(machine));
    }
    checkouts(&mut wanted, surveys);
    also_allow(&mut wanted, surveys);
    if let Some(contact) = &wishes.contact {
        set(&mut wanted, "banner", "contact", contact.as_str().into());
    }
    if let Some(mode) = &wishes.mode {
        set(&mut wanted, "policy", "mode", mode.as_str().into());
    }
    remotes(&mut wanted, surveys, &wishes.remotes);
    let states_branch = wanted.get("policy").is_some_and(|policy| policy.get("branch").is_some());
    if surveys.iter().any(|survey| survey.by_branch) && !states_branch {
        // The branch is all that tells the environments apart.
        set(&mut wanted, "policy", "branch", "refuse".into());
    }
    wanted
}

/// The entries of `surveys` by themselves.
#[must_use]
pub(super) fn entries(surveys: &[Survey]) -> Value {
    let mut wanted = Mapping::new();
    checkouts(&mut wanted, surveys);
    wanted.remove("checkouts").unwrap_or_default()
}

fn checkouts(wanted: &mut Mapping, surveys: &[Survey]) {
    let mut list = match wanted.get("checkouts") {
        Some(Value::Sequence(list)) => list.clone(),
        _ => Vec::new(),
    };
    for survey in surveys {
        let path = survey.entry.path.as_str();
        let at =
            list.iter().position(|entry| entry.get("path").and_then(Value::as_str) == Some(path));
        match at {
            Some(at) => {
                if let Value::Mapping(entry) = &mut list[at] {
                    fill(entry, &survey.entry);
                }
            }
            None => {
                let mut entry = Mapping::new();
                entry.insert("path".into(), path.into());
                fill(&mut entry, &survey.entry);
                list.push(Value::Mapping(entry));
            }
        }
    }
    wanted.insert("checkouts".into(), Value::Sequence(list));
}

/// The lists of an entry. What was not stated and would be empty stays away.
fn fill(mapping: &mut Mapping, entry: &Entry) {
    let mut put = |key: &str, names: Option<&Vec<String>>| {
        if let Some(names) = names.filter(|names| !names.is_empty() || mapping.contains_key(key)) {
            mapping.insert(key.into(), list(names));
        }
    };
    put("overlayRoots", Some(&entry.roots));
    put("allow", Some(&entry.allow));
    put("shared", Some(&entry.shared));
    put("foreign", entry.foreign.as_ref());
    put("branches", entry.branches.as_ref());
    let is_new = !entry.configured;
    // Without a list, all other children would be foreign, and the usual names shared.
    if is_new && entry.foreign.as_ref().is_some_and(Vec::is_empty) {
        mapping.insert("foreign".into(), list(&[]));
    }
    if entry.exact_shared && entry.shared.is_empty() {
        mapping.insert("shared".into(), list(&[]));
    }
}

fn also_allow(wanted: &mut Mapping, surveys: &[Survey]) {
    for survey in surveys.iter().filter(|survey| survey.top_is_target) {
        let mut known = strings(wanted.get("alsoAllow"));
        let path = survey.top.to_string_lossy().into_owned();
        if !known.contains(&path) {
            known.push(path);
            wanted.insert("alsoAllow".into(), list(&known));
        }
    }
}

fn remotes(wanted: &mut Mapping, surveys: &[Survey], wished: &[String]) {
    let mut known = strings(wanted.get("policy").and_then(|policy| policy.get("remotes")));
    let before = known.len();
    let found = surveys.iter().flat_map(|survey| &survey.remotes);
    for prefix in wished.iter().chain(found) {
        let remote = crate::policy::Remote::parse(prefix);
        let is_covered = known.iter().any(|known| {
            let known = RemotePrefix::new(known);
            known.is_ok_and(|known| remote.as_ref().is_ok_and(|remote| known.covers(remote)))
        });
        if !is_covered {
            known.push(prefix.clone());
        }
    }
    if known.len() > before {
        set(wanted, "policy", "remotes", list(&known));
    }
}

fn set(wanted: &mut Mapping, section: &str, key: &str, value: Value) {
    let mut inner = match wanted.get(section) {
        Some(Value::Mapping(inner)) => inner.clone(),
        _ => Mapping::new(),
    };
    inner.insert(key.into(), value);
    wanted.insert(section.into(), Value::Mapping(inner));
}

fn list(names: &[String]) -> Value {
    Value::Sequence(names.iter().map(|name| name.as_str().into()).collect())
}

/// The strings of a list.
#[must_use]
pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_sequence).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An entry of the old configuration.
#[must_use]
pub(super) fn entry(value: &Value) -> Entry {
    let names = |key: &str| value.get(key).map(|list| strings(Some(list)));
    Entry {
        path: value.get("path").and_then(Value::as_str).unwrap_or_default().to_owned(),
        roots: names("overlayRoots").unwrap_or_default(),
        allow: names("allow").unwrap_or_default(),
        shared: names("shared").unwrap_or_default(),
        foreign: names("foreign"),
        branches: names("branches"),
        configured: true,
        ..Entry::default()
    }
}
