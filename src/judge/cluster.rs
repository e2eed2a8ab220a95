//! Rules about the cluster: kubectl talks to the pinned one or to none.

use std::os::unix::ffi::OsStrExt;

use super::facts::{Facts, Resolved};
use super::reasons;
use super::verdict::Reason;
use crate::kubectl::{Request, leading_a_plugin_elsewhere};
use crate::policy::{Credentials, Pin, Policy};

pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    if let Some(word) = preferences_word(request) {
        found.push(reasons::preferences_flag(request, word));
    }
    for word in plugin_overrides(request, facts) {
        found.push(reasons::plugin_override(policy, request, word));
    }
    if leaves_the_servers_path(policy, request) {
        found.push(reasons::raw_elsewhere(policy, request));
    }
    let Some(cluster) = &facts.cluster else { return };
    let contacts = request.class.is_none_or(crate::kubectl::Class::contacts_cluster);
    if contacts {
        match &cluster.pinned {
            Err(trouble) => found.push(reasons::unreadable(trouble, true)),
            Ok(resolved) => {
                for difference in differences(&policy.pin, resolved) {
                    found.push(reasons::cluster_drift(policy, &difference));
                }
            }
        }
        if let Some((value, resolved)) = &cluster.exported
            && let Some(difference) = first_difference(&policy.pin, resolved)
        {
            let names_none = resolved.is_err();
            found.push(reasons::exported_kubeconfig(policy, value, names_none, &difference));
        }
    }
    if let Some(resolved) = &cluster.with_flags
        && let Some(difference) = first_difference(&policy.pin, resolved)
    {
        // When the pinned kubeconfig itself is wrong, that is the message.
        let only_drift =
            cluster.pinned.as_ref().ok() == resolved.as_ref().ok() && cluster.pinned.is_ok();
        if !only_drift {
            found.push(reasons::cluster_override(policy, request, &difference));
        }
    }
}

fn first_difference(
    pin: &Pin,
    resolved: &Result<Resolved, super::facts::Trouble>,
) -> Option<String> {
    match resolved {
        Err(trouble) => Some(format!("{} {}", trouble.subject, trouble.problem)),
        Ok(resolved) => differences(pin, resolved).into_iter().next(),
    }
}

/// What of the resolved cluster is not the pin, one phrase each.
#[must_use]
pub fn differences(pin: &Pin, resolved: &Resolved) -> Vec<String> {
    let mut found = Vec::new();
    match &resolved.server {
        None => found.push("no server is selected".to_owned()),
        Some(server) if *server != pin.server => {
            found.push(format!("the server is {server}, the pin is {}", pin.server));
        }
        Some(_) => {}
    }
    if pin.server.tls {
        if resolved.insecure {
            found.push("the server's certificate would not be checked".to_owned());
        }
        if resolved.authorities != pin.authorities {
            found.push(authorities_differ(resolved, pin));
        }
    }
    let optional = |name: &str, found: Option<&String>, pinned: Option<&String>| {
        let text = |value: Option<&String>| value.map_or("none".to_owned(), Clone::clone);
        (found != pinned)
            .then(|| format!("{name} is {}, the pin has {}", text(found), text(pinned)))
    };
    found.extend(optional("proxy-url", resolved.proxy_url.as_ref(), pin.proxy_url.as_ref()));
    found.extend(optional(
        "tls-server-name",
        resolved.tls_server_name.as_ref(),
        pin.tls_server_name.as_ref(),
    ));
    if resolved.credentials != pin.credentials {
        let shown = |program: &Option<Credentials>, none: &str| {
            program.as_ref().map_or_else(|| none.to_owned(), ToString::to_string)
        };
        found.push(format!(
            "credentials come from {}, the pin has {}",
            shown(&resolved.credentials, "no program"),
            shown(&pin.credentials, "none")
        ));
    }
    if let Some(name) = &resolved.impersonates {
        found.push(format!("the user impersonates {name}, which no pin has"));
    }
    found
}

fn authorities_differ(resolved: &Resolved, pin: &Pin) -> String {
    let list = |set: &std::collections::BTreeSet<crate::policy::Fingerprint>| {
        let texts: Vec<String> = set.iter().map(ToString::to_string).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join(" ") }
    };
    format!(
        "the CA certificate is {}, the pin is {}",
        list(&resolved.authorities),
        list(&pin.authorities)
    )
}

/// Whether `--raw` names what stands beside the pinned server's path, on the same host:
/// a gateway has its other clusters there. Up to 1.33 the address begins at the host,
/// later at the path; where nothing of the path is in it, it means the server's own.
fn leaves_the_servers_path(policy: &Policy, request: &Request) -> bool {
    let pinned: Vec<&str> =
        policy.pin.server.path.split('/').filter(|part| !part.is_empty()).collect();
    let Some(raw) = request.invocation.last("raw").filter(|_| !pinned.is_empty()) else {
        return false;
    };
    let raw = raw.to_string_lossy();
    let address = raw.split(['?', '#']).next().unwrap_or_default();
    let path = address
        .split_once("://")
        .map_or(address, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let decoded = decoded(path);
    let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
    let moves = parts.iter().any(|part| matches!(*part, "." | ".."));
    moves || (parts.first() == pinned.first() && !parts.starts_with(&pinned))
}

/// `text` with its percent signs taken for what they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *byte == b'%');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A word with which kubectl ≥ 1.33 would read preferences from a file: it scans
/// the raw words before it parses them, so even a flag's value counts.
fn preferences_word(request: &Request) -> Option<&std::ffi::OsStr> {
    if request.plugin_words().is_some() {
        return None;
    }
    let words = request.words.iter().take_while(|word| *word != "--");
    words.map(std::ffi::OsString::as_os_str).find(|word| {
        let bytes = word.as_bytes();
        bytes == b"--kuberc" || bytes.windows(9).any(|part| part == b"--kuberc=")
    })
}

/// Words of a plugin's command line that look like a choice of another cluster.
/// A plugin parses its own words; what could be such a flag counts as one.
fn plugin_overrides<'f>(
    request: &'f Request,
    facts: &'f Facts,
) -> impl Iterator<Item = &'f std::ffi::OsStr> {
    let words: &[std::ffi::OsString] =
        if request.plugin_words().is_some() { &request.invocation.positionals } else { &[] };
    let pinned = facts.cluster.as_ref().and_then(|cluster| cluster.pinned.as_ref().ok());
    leading_a_plugin_elsewhere(words, pinned.map(|pinned| pinned.context.as_str()))
}
