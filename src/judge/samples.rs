//! Policies and requests for the unit tests of the rules.

use std::ffi::OsString;

use crate::env::Env;
use crate::kubectl::{Request, readings};
use crate::policy::Policy;

/// The policy of an environment whose checkout is `/srv/m`.
pub(crate) fn policy(environment: &str) -> Policy {
    policy_with(environment, "")
}

/// The same with further lines of configuration.
pub(crate) fn policy_with(environment: &str, rules: &str) -> Policy {
    let text = format!(
        "apiVersion: envguard/v1alpha1
kind: Instance
environment: {environment}
cluster:
  name: {environment}-eks
  kubeconfig: /etc/envguard/kubeconfig
  server: https://abcdef.eks.amazonaws.com
  caCertHash: sha256:{}
checkouts:
  - path: /srv/m
    overlayRoots: [overlays, apps/*/overlays, overlays/*/overlays]
    allow: [{environment}]
alsoAllow: [/opt/addons, /srv/m/addons]
banner: {{contact: '#sre-oncall'}}
{rules}",
        "ab".repeat(32)
    );
    crate::config::from_text(
        &text,
        std::path::Path::new("/etc/envguard/config.yaml"),
        &Env::default(),
    )
    .unwrap()
}

/// The only reading of a command line.
pub(crate) fn request(line: &str) -> Request {
    let words: Vec<OsString> = line.split_whitespace().skip(1).map(OsString::from).collect();
    let invocation = readings(&words).unwrap().remove(0);
    Request::new(&words, invocation)
}
