//! Flags whose values are no secrets, for the audit log: places, names, choices, numbers.

/// Flags of kubectl's table whose value is logged as it stands, without the keys of
/// addresses. What a newer table has besides is masked until it is listed here.
#[rustfmt::skip]
pub(super) static OPEN_FLAGS: &[&str] = &[
    "accept-hosts", "accept-paths", "address", "aggregation-rule", "api-group", "api-prefix",
    "api-version", "applyset", "as", "as-group", "as-uid", "audience", "auth-provider",
    "bound-object-kind", "bound-object-name", "bound-object-uid", "cache-dir", "cascade",
    "categories", "cert", "certificate-authority", "chunk-size", "class", "client-certificate",
    "client-key", "cluster", "cluster-ip", "clusterip", "clusterrole", "command", "concurrency",
    "container", "container-port", "containers", "context", "copy-to", "cpu", "cpu-percent",
    "current-replicas", "custom", "default-backend", "detach-keys", "docker-email",
    "docker-server", "docker-username", "dry-run", "duration", "exec-api-version", "exec-command",
    "exec-interactive-mode", "external-ip", "external-name", "field-manager", "field-selector",
    "filename", "for", "from", "from-env-file", "from-file", "generator", "grace-period", "group",
    "hard", "heapster-namespace", "heapster-port", "heapster-scheme", "heapster-service",
    "helm-api-versions", "helm-command", "helm-kube-version", "hostport", "image",
    "image-pull-policy", "keepalive", "key", "keys", "kubeconfig", "kuberc", "kustomize",
    "label-columns", "limit-bytes", "limits", "load-balancer-ip", "load-restrictor",
    "log-backtrace-at", "log-dir", "log-file", "log-file-max-size", "log-flush-frequency", "max",
    "max-log-requests", "max-unavailable", "memory", "min", "min-available", "mount", "name",
    "namespace", "namespaces", "network-name", "node-port", "non-resource-url", "output",
    "output-directory", "override-type", "patch-file", "pod-running-timeout", "pod-selector",
    "port", "preemption-policy", "prefix", "profile", "profile-output", "protocol", "proxy-url",
    "prune-allowlist", "prune-whitelist", "reject-methods", "reject-paths", "reorder", "replicas",
    "request-timeout", "requests", "resource", "resource-name", "resource-version", "restart",
    "retries", "revision", "role", "rule", "schedule", "scopes", "section", "selector", "server",
    "service-generator", "serviceaccount", "session-affinity", "set-image", "since", "since-time",
    "skip-wait-for-delete-timeout", "sort-by", "stderrthreshold", "subresource", "tail", "target",
    "target-port", "tcp", "template", "timeout", "tls-server-name", "to-revision", "type", "types",
    "unix-socket", "user", "username", "v", "validate", "value", "verb", "verbs", "vmodule", "www",
    "www-prefix",
];

/// Flags whose value is `NAME=VALUE`, of which the name is logged.
pub(super) const PAIR_FLAGS: [&str; 9] = [
    "annotation",
    "annotations",
    "as-user-extra",
    "auth-provider-arg",
    "env",
    "exec-env",
    "from-literal",
    "labels",
    "option",
];

/// Flags whose value is a part of an object: its fields are logged, without their texts.
pub(super) const OBJECT_FLAGS: [&str; 3] = ["overrides", "patch", "service-overrides"];

/// Flags of which nothing is logged but that they were given.
#[cfg(test)]
const MASKED_FLAGS: [&str; 9] = [
    "allowlist-entry",
    "appendarg",
    "description",
    "docker-password",
    "exec-arg",
    "password",
    "policy",
    "prependarg",
    "token",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kubectl::{Arity, all_flags};

    /// Somebody has decided about every flag of the table, and about no other.
    #[test]
    fn every_flag_with_a_value_is_listed_once() {
        // `raw` is an address with a rule of its own.
        let listed = OPEN_FLAGS.iter().chain(&PAIR_FLAGS).chain(&OBJECT_FLAGS).chain(&MASKED_FLAGS);
        let listed: Vec<&str> = listed.copied().chain(["raw"]).collect();
        let valued = all_flags().filter(|flag| flag.arity != Arity::Bool).map(|flag| flag.long);
        let valued: BTreeSet<&str> = valued.collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), valued);
        assert_eq!(listed.len(), valued.len());
        assert!(OPEN_FLAGS.is_sorted());
    }
}
