//! The kinds this server knows: one row each. Discovery, OpenAPI, routing and
//! the tables of `kubectl get` are all derived from these rows.

/// One kind of object.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) scope: Scope,
    /// Whether `kubectl get all` and `kubectl scale` know it.
    pub(crate) traits: &'static [Trait],
}

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Namespaced,
    Cluster,
}

/// What sets a kind apart from a plain bag of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trait {
    /// In the category `all`.
    All,
    /// Has the subresource `scale`.
    Scale,
    /// Has the subresource `status`, and a generation that counts changes of
    /// everything else.
    Status,
}

use Scope::{Cluster, Namespaced};
use Trait::{All, Scale, Status};

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// In the order in which a real server lists its groups.
pub(crate) static KINDS: &[Kind] = &[
    row("", "configmaps", "ConfigMap", &["cm"], Namespaced, &[]),
    row("", "endpoints", "Endpoints", &["ep"], Namespaced, &[]),
    row("", "events", "Event", &["ev"], Namespaced, &[]),
    row("", "namespaces", "Namespace", &["ns"], Cluster, &[Status]),
    row("", "nodes", "Node", &["no"], Cluster, &[Status]),
    row("", "persistentvolumeclaims", "PersistentVolumeClaim", &["pvc"], Namespaced, &[Status]),
    row("", "persistentvolumes", "PersistentVolume", &["pv"], Cluster, &[Status]),
    row("", "pods", "Pod", &["po"], Namespaced, &[All, Status]),
    row("", "replicationcontrollers", "ReplicationController", &["rc"], Namespaced, &[All, Status]),
    row("", "secrets", "Secret", &[], Namespaced, &[]),
    row("", "serviceaccounts", "ServiceAccount", &["sa"], Namespaced, &[]),
    row("", "services", "Service", &["svc"], Namespaced, &[All, Status]),
    row("apps", "daemonsets", "DaemonSet", &["ds"], Namespaced, &[All, Status]),
    row("apps", "deployments", "Deployment", &["deploy"], Namespaced, &[All, Scale, Status]),
    row("apps", "replicasets", "ReplicaSet", &["rs"], Namespaced, &[All, Scale, Status]),
    row("apps", "statefulsets", "StatefulSet", &["sts"], Namespaced, &[All, Scale, Status]),
    row(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        &["hpa"],
        Namespaced,
        &[All],
    ),
    row("batch", "cronjobs", "CronJob", &["cj"], Namespaced, &[All, Status]),
    row("batch", "jobs", "Job", &[], Namespaced, &[All, Status]),
    row("networking.k8s.io", "ingresses", "Ingress", &["ing"], Namespaced, &[Status]),
    row("policy", "poddisruptionbudgets", "PodDisruptionBudget", &["pdb"], Namespaced, &[]),
    row(RBAC, "clusterrolebindings", "ClusterRoleBinding", &[], Cluster, &[]),
    row(RBAC, "clusterroles", "ClusterRole", &[], Cluster, &[]),
    row(RBAC, "rolebindings", "RoleBinding", &[], Namespaced, &[]),
    row(RBAC, "roles", "Role", &[], Namespaced, &[]),
    row(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", &[], Cluster, &[]),
    row(
        ADMISSION,
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        &[],
        Cluster,
        &[],
    ),
];

const fn row(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    scope: Scope,
    traits: &'static [Trait],
) -> Kind {
    Kind { group, version: "v1", plural, kind, short, scope, traits }
}

impl Kind {
    pub(crate) fn is(&self, property: Trait) -> bool {
        self.traits.contains(&property)
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.scope == Namespaced
    }

    /// `apps/v1`, or `v1` for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.into()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `/apis/apps/v1`, or `/api/v1` for the core group.
    pub(crate) fn root(&self) -> String {
        let prefix = if self.group.is_empty() { "api" } else { "apis" };
        format!("/{prefix}/{}", self.api_version())
    }

    /// `deployments.apps`, or `pods` for the core group.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.into()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// The kind that a path names.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// Every group with a version, once, in order; the two groups that only answer
/// reviews and store nothing come last.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = KINDS.iter().map(|kind| kind.group).collect();
    groups.dedup();
    groups.extend(["authentication.k8s.io", "authorization.k8s.io"]);
    groups
}
