//! The environment that kubectl is given: the operator's own, minus what could
//! lead it elsewhere. This is the one place that says so.

use std::ffi::OsString;

use crate::env::Env;
use crate::kubectl::{Class, Request};
use crate::policy::Policy;

/// Counts guards that start guards.
pub const DEPTH: &str = "ENVGUARD_DEPTH";

/// The namespace of this shell: added to invocations that name none.
const NAMESPACE: &str = "ENVGUARD_NAMESPACE";

/// One change of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets a variable.
    Set(OsString, OsString),
    /// Removes a variable.
    Unset(OsString),
}

/// Variables that choose a server when no kubeconfig does, or preferences.
const DANGEROUS: [&str; 5] = [
    "KUBECTL_KUBERC",
    "KUBERNETES_MASTER",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "POD_NAMESPACE",
];

/// What to change for kubectl. Without a policy there is no pin, and kubectl gets
/// what the operator has.
#[must_use]
pub fn changes(policy: Option<&Policy>, env: &Env, depth: u32) -> Vec<Change> {
    let set = |name: &str, value: OsString| Change::Set(name.into(), value);
    let mut changes = vec![set(DEPTH, (depth + 1).to_string().into())];
    let Some(policy) = policy else { return changes };
    changes.push(set("KUBECONFIG", policy.pin.kubeconfig.clone().into_os_string()));
    changes.push(set("KUBERC", "off".into()));
    for (name, _) in env.iter() {
        let is_service = name.to_string_lossy().starts_with("KUBERNETES_SERVICE_");
        if is_service || DANGEROUS.iter().any(|dangerous| name == *dangerous) {
            changes.push(Change::Unset(name.to_os_string()));
        }
    }
    if !policy.pin.server.tls {
        // Nothing proves an http server's identity behind a proxy.
        for name in ["NO_PROXY", "no_proxy"] {
            changes.push(set(name, with_host(env, name, &policy.pin.server.host)));
        }
    }
    changes
}

fn with_host(env: &Env, name: &str, host: &str) -> OsString {
    let host = host.trim_matches(['[', ']']);
    match env.get(name) {
        None => host.into(),
        Some(others) => {
            let mut all = others.to_os_string();
            all.push(",");
            all.push(host);
            all
        }
    }
}

/// The `--namespace` flag for this shell's namespace, when the request goes to the
/// cluster and names none.
///
/// # Errors
/// The variable's value when it is no namespace name.
pub fn namespace(request: &Request, env: &Env) -> Result<Option<OsString>, OsString> {
    let Some(value) = env.get(NAMESPACE) else { return Ok(None) };
    let applies = request.class.is_some_and(|class| {
        class.contacts_cluster() && !matches!(class, Class::Plugin | Class::Completion)
    });
    if !applies || request.invocation.last("namespace").is_some() {
        return Ok(None);
    }
    let name =
        value.to_str().filter(|name| is_namespace(name)).ok_or_else(|| value.to_os_string())?;
    Ok(Some(format!("--namespace={name}").into()))
}

/// Whether `name` can be a namespace: an RFC 1123 label, as Kubernetes requires.
#[must_use]
pub fn is_namespace(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}
