//! Requests as an API server hands them to admission, and what is expected of each.

use serde::Serialize;
use serde_json::{Value, json};

const KEY: &str = "envguard/environment";

/// One request.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) operation: &'static str,
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) user: String,
    pub(super) object: Value,
    pub(super) old_object: Value,
}

/// Which policy objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Nothing,
    Foreign,
    Unlabelled,
}

impl Request {
    fn of(group: &'static str, resource: &'static str, kind: &'static str) -> Self {
        Self {
            operation: "CREATE",
            group,
            version: "v1",
            resource,
            subresource: "",
            kind,
            namespace: "web".to_owned(),
            name: "web".to_owned(),
            user: "alice".to_owned(),
            object: Value::Null,
            old_object: Value::Null,
        }
    }

    fn with(mut self, metadata: &Value) -> Self {
        self.object = self.content(metadata);
        self
    }

    /// An update of what `metadata` describes.
    fn from(mut self, metadata: &Value) -> Self {
        self.operation = "UPDATE";
        self.old_object = self.content(metadata);
        self
    }

    fn content(&self, metadata: &Value) -> Value {
        let group = if self.group.is_empty() { String::new() } else { format!("{}/", self.group) };
        let mut metadata = metadata.clone();
        metadata["name"] = json!(self.name);
        if !self.namespace.is_empty() {
            metadata["namespace"] = json!(self.namespace);
        }
        json!({
            "apiVersion": format!("{group}{}", self.version), "kind": self.kind, "metadata": metadata,
        })
    }

    fn by(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    fn into_namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self.object["metadata"]["namespace"] = json!(namespace);
        self
    }

    fn below(mut self, subresource: &'static str) -> Self {
        self.subresource = subresource;
        self
    }

    fn doing(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    fn unscoped(mut self) -> Self {
        self.namespace = String::new();
        self
    }

    /// The same with another label.
    pub(super) fn rename_key(mut self, key: &str) -> Self {
        let text = self.object.to_string().replace(KEY, key);
        self.object = serde_json::from_str(&text).unwrap();
        self
    }
}

fn labelled(value: &str) -> Value {
    json!({"labels": {"app": "web", KEY: value}})
}

fn config_map() -> Request {
    Request::of("", "configmaps", "ConfigMap")
}

/// Somebody creates a config map with this label.
pub(super) fn create(value: &str) -> Request {
    config_map().with(&labelled(value))
}

/// The same with an annotation.
pub(super) fn annotated(value: &str) -> Request {
    config_map().with(&json!({"annotations": {KEY: value}}))
}

/// A config map that names no environment.
pub(super) fn unlabelled() -> Request {
    config_map().with(&json!({}))
}

/// A secret of this type.
fn secret(kind: Value, metadata: &Value) -> Request {
    let mut request = Request::of("", "secrets", "Secret").with(metadata);
    if !kind.is_null() {
        request.object["type"] = kind;
    }
    request
}

/// A namespace with this label.
pub(super) fn namespace(name: &str, value: &str) -> Request {
    let mut request = Request::of("", "namespaces", "Namespace").unscoped();
    name.clone_into(&mut request.name);
    // An API server gives the admission of a namespace its own name as namespace.
    let metadata = json!({"labels": {KEY: value, "kubernetes.io/metadata.name": name}});
    let mut request = request.with(&metadata);
    name.clone_into(&mut request.namespace);
    request
}

/// A deployment as kubectl sends it.
pub(super) fn deployment(object: Value) -> Request {
    Request { object, ..Request::of("apps", "deployments", "Deployment") }
}

/// What happens in a cluster, and who objects.
pub(super) fn all() -> Vec<(&'static str, Request, Says)> {
    [created(), updated(), going(), elsewhere(), by_whom()].concat()
}

fn created() -> Vec<(&'static str, Request, Says)> {
    use Says::{Foreign, Nothing, Unlabelled};
    let both = json!({"labels": {KEY: "develop"}, "annotations": {KEY: "production"}});
    let empty = json!({"labels": {}, "annotations": {}});
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1"}]);
    vec![
        ("its own label", create("develop"), Nothing),
        ("its own annotation", annotated("develop"), Nothing),
        ("a foreign label", create("production"), Foreign),
        ("a foreign annotation", annotated("production"), Foreign),
        ("a label of its own with a foreign annotation", config_map().with(&both), Foreign),
        ("another case is another name", create("Develop"), Foreign),
        ("no label at all", unlabelled(), Unlabelled),
        ("no labels", config_map().with(&empty), Unlabelled),
        ("other labels", config_map().with(&json!({"labels": {"app": "web"}})), Unlabelled),
        (
            "what another object owns",
            config_map().with(&json!({"ownerReferences": owner})),
            Nothing,
        ),
        (
            "what another object owns, with a foreign label",
            config_map().with(&json!({"ownerReferences": owner, "labels": {KEY: "production"}})),
            Foreign,
        ),
        (
            "a custom resource",
            Request::of("argoproj.io", "rollouts", "Rollout").with(&labelled("production")),
            Foreign,
        ),
        (
            "an object of the whole cluster",
            Request::of("rbac.authorization.k8s.io", "clusterroles", "ClusterRole")
                .unscoped()
                .with(&labelled("production")),
            Foreign,
        ),
        ("a namespace", namespace("shop", "production"), Foreign),
        ("helm's record of a release", secret(json!("helm.sh/release.v1"), &json!({})), Nothing),
        (
            "helm's record, with a foreign label",
            secret(json!("helm.sh/release.v1"), &json!({"labels": {KEY: "production"}})),
            Foreign,
        ),
        ("a secret", secret(json!("Opaque"), &json!({})), Unlabelled),
        ("a secret that says no type", secret(Value::Null, &json!({})), Unlabelled),
        (
            "what only says that it is helm's",
            {
                let mut request = config_map().with(&json!({}));
                request.object["type"] = json!("helm.sh/release.v1");
                request
            },
            Unlabelled,
        ),
        (
            "a name that the API server makes",
            config_map().with(&json!({"generateName": "web-"})),
            Unlabelled,
        ),
        (
            "a foreign name that the API server makes",
            { config_map().with(&json!({"generateName": "web-", "labels": {KEY: "production"}})) },
            Foreign,
        ),
        ("an empty label", create(""), Foreign),
        (
            "what has no metadata",
            {
                let mut request =
                    Request::of("example.com", "questions", "Question").with(&json!({}));
                request.object.as_object_mut().unwrap().remove("metadata");
                request
            },
            Nothing,
        ),
    ]
}

fn updated() -> Vec<(&'static str, Request, Says)> {
    use Says::{Foreign, Nothing, Unlabelled};
    let annotated = json!({"annotations": {KEY: "production"}});
    vec![
        ("a foreign label comes", create("production").from(&json!({})), Foreign),
        ("its own label becomes foreign", create("production").from(&labelled("develop")), Foreign),
        ("a foreign label was there", create("production").from(&labelled("production")), Nothing),
        (
            "a foreign label becomes another",
            create("staging").from(&labelled("production")),
            Foreign,
        ),
        ("a foreign label goes where it was", create("production").from(&annotated), Nothing),
        ("a foreign label is put right", create("develop").from(&labelled("production")), Nothing),
        ("there was no label", unlabelled().from(&json!({})), Nothing),
        ("its own label goes", unlabelled().from(&labelled("develop")), Unlabelled),
    ]
}

/// What is on its way out, or is no object of its own.
fn going() -> Vec<(&'static str, Request, Says)> {
    use Says::Nothing;
    let going = json!({
        "labels": {KEY: "production"}, "finalizers": ["example.com/wait"],
        "deletionTimestamp": "2026-11-25T15:00:00Z", "deletionGracePeriodSeconds": 0,
    });
    let mut without_finalizer = going.clone();
    without_finalizer["finalizers"] = json!([]);
    let mut before = going.clone();
    before["labels"] = json!({});
    let mut put = going.clone();
    put.as_object_mut().unwrap().remove("deletionTimestamp");
    let removal = |object: Value| Request { object, ..config_map() }.doing("DELETE");
    let deployment =
        || Request::of("apps", "deployments", "Deployment").with(&labelled("production"));
    vec![
        ("the last finalizer goes", config_map().with(&without_finalizer).from(&going), Nothing),
        ("it gets the label while it goes", config_map().with(&going).from(&before), Nothing),
        ("a whole object without the time is put", config_map().with(&put).from(&before), Nothing),
        ("a deletion", removal(Value::Null).from(&labelled("production")).doing("DELETE"), Nothing),
        ("its status", deployment().below("status").from(&json!({})), Nothing),
        ("its scale", deployment().below("scale").from(&json!({})), Nothing),
        (
            "an exec",
            Request::of("", "pods", "PodExecOptions").below("exec").doing("CONNECT"),
            Nothing,
        ),
        (
            "a binding of a pod",
            Request::of("", "pods", "Binding").with(&labelled("production")).below("binding"),
            Nothing,
        ),
        ("an event", Request::of("", "events", "Event").with(&labelled("production")), Nothing),
        (
            "an event of the newer kind",
            Request::of("events.k8s.io", "events", "Event").with(&labelled("production")),
            Nothing,
        ),
        (
            "a lease",
            Request::of("coordination.k8s.io", "leases", "Lease").with(&labelled("production")),
            Nothing,
        ),
        (
            "a question to the API server",
            Request::of("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview")
                .unscoped()
                .with(&json!({})),
            Nothing,
        ),
    ]
}

fn elsewhere() -> Vec<(&'static str, Request, Says)> {
    use Says::{Foreign, Nothing};
    vec![
        ("in kube-system", create("production").into_namespace("kube-system"), Nothing),
        ("in kube-public", create("production").into_namespace("kube-public"), Nothing),
        ("in kube-node-lease", create("production").into_namespace("kube-node-lease"), Nothing),
        ("a system namespace itself", namespace("kube-system", "production"), Nothing),
        ("in the namespace of Argo CD", create("production").into_namespace("argocd"), Foreign),
        ("in default", create("production").into_namespace("default"), Foreign),
    ]
}

fn by_whom() -> Vec<(&'static str, Request, Says)> {
    use Says::{Foreign, Nothing};
    let by = |user: &str| create("production").by(user);
    vec![
        ("Argo CD", by("system:serviceaccount:argocd:argocd-application-controller"), Nothing),
        ("Argo CD's server", by("system:serviceaccount:argocd:argocd-server"), Nothing),
        ("Flux", by("system:serviceaccount:flux-system:kustomize-controller"), Nothing),
        ("Flux, for charts", by("system:serviceaccount:flux-system:helm-controller"), Nothing),
        ("a controller", by("system:serviceaccount:kube-system:replicaset-controller"), Nothing),
        ("the controllers together", by("system:kube-controller-manager"), Nothing),
        ("the API server", by("system:apiserver"), Nothing),
        ("the scheduler", by("system:kube-scheduler"), Nothing),
        ("a node", by("system:node:ip-10-0-0-1.ec2.internal"), Nothing),
        ("what EKS runs", by("eks:addon-manager"), Nothing),
        ("a new node", by("system:bootstrap:abcdef"), Nothing),
        ("another account of Argo CD", by("system:serviceaccount:argocd:default"), Foreign),
        ("an account called alike", by("system:serviceaccount:web:argocd-server"), Foreign),
        ("a namespace called alike", by("system:serviceaccount:kube-system-2:x"), Foreign),
        ("a CI system", by("system:serviceaccount:ci:deployer"), Foreign),
        ("an administrator", by("kubernetes-admin"), Foreign),
        ("a role of AWS", by("arn:aws:sts::111122223333:assumed-role/kubectl/i-0"), Foreign),
    ]
}
