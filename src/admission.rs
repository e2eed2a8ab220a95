//! A policy for the cluster itself: its API server warns of, or refuses, objects on
//! which a label or annotation that names another environment is introduced.
//!
//! Only text. What the expressions mean to an API server is tested against admission
//! requests (`tests/admission`).

mod words;

pub use words::{Key, is_label_value, is_namespace};

/// Namespaces that no overlay owns.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-node-lease", "kube-public", "kube-system"];

/// Service accounts that apply what a repository says, whoever is logged in where.
pub const CONTROLLERS: [&str; 4] = [
    "system:serviceaccount:argocd:argocd-application-controller",
    "system:serviceaccount:argocd:argocd-server",
    "system:serviceaccount:flux-system:helm-controller",
    "system:serviceaccount:flux-system:kustomize-controller",
];

/// What becomes of objects that name no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlabelled {
    /// Nothing is said about them.
    Allowed,
    /// The client gets a warning.
    Warned,
    /// They are refused.
    Refused,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The environment of this cluster, as people call it.
    pub environment: String,
    /// The cluster, as people call it.
    pub cluster: String,
    /// The label, or annotation, that names an environment.
    pub key: Key,
    /// The values that mean this environment.
    pub values: Vec<String>,
    /// Refuse, instead of only warning.
    pub enforce: bool,
    /// Objects that name no environment.
    pub unlabelled: Unlabelled,
    /// Namespaces beside the system's in which nothing is judged.
    pub namespaces: Vec<String>,
    /// Users beside [`CONTROLLERS`] who are not judged.
    pub users: Vec<String>,
}

const HEAD: &str = "\
# Made by `kubectl envguard admission-policy` for {cluster} ({environment}).
# Kubernetes 1.30 or later. Objects that carry another environment's name already, and
# every deletion, pass. To take it away again (no policy can forbid that):
#   kubectl delete validatingadmissionpolicy,validatingadmissionpolicybinding -l app.kubernetes.io/name=envguard
";

const FOREIGN: &str = r#"---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: envguard-environment
  labels:
    app.kubernetes.io/name: envguard
spec:
  failurePolicy: Fail
{scope}
  variables:
  - name: named
    expression: >-
      {named}
  - name: before
    expression: >-
      {before}
  - name: introduced
    expression: >-
      variables.named.filter(name, !(name in {values}) && !(name in variables.before))
  validations:
  - expression: size(variables.introduced) == 0
    reason: Forbidden
    message: "{message}"
    messageExpression: >-
      "{key} says " + variables.introduced[0] + ", and {message-tail}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: envguard-environment
  labels:
    app.kubernetes.io/name: envguard
spec:
  policyName: envguard-environment
  validationActions: {foreign-actions}
"#;

/// A policy of its own: whether a binding warns or refuses holds for all of a policy.
const UNLABELLED: &str = r#"---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: envguard-unlabelled
  labels:
    app.kubernetes.io/name: envguard
spec:
  failurePolicy: Fail
{scope}
  # What another object owns was made by a controller, not from an overlay.
  - name: no-owner
    expression: >-
      !has(object.metadata.ownerReferences) || size(object.metadata.ownerReferences) == 0
  # Helm writes one for each release, with labels of its own.
  - name: not-a-record-of-helm
    expression: >-
      !(request.resource.group == "" && request.resource.resource == "secrets" &&
      has(object.type) && object.type == "helm.sh/release.v1")
  variables:
  - name: named
    expression: >-
      {named}
  - name: before
    expression: >-
      {before}
  validations:
  - expression: >-
      size(variables.named) > 0 || (oldObject != null && size(variables.before) == 0)
    reason: Forbidden
    message: "{unlabelled-message}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: envguard-unlabelled
  labels:
    app.kubernetes.io/name: envguard
spec:
  policyName: envguard-unlabelled
  validationActions: {unlabelled-actions}
"#;

/// What both policies look at. Deletions and `connect` are not among the operations,
/// and `*` names no subresource.
const SCOPE: &str = r#"  matchConstraints:
    resourceRules:
    - apiGroups: ["*"]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: ["*"]
    excludeResourceRules:
    - apiGroups: ["", events.k8s.io]
      apiVersions: ["*"]
      operations: ["*"]
      resources: [events]
    - apiGroups: [coordination.k8s.io]
      apiVersions: ["*"]
      operations: ["*"]
      resources: [leases]
    - apiGroups: [authentication.k8s.io, authorization.k8s.io]
      apiVersions: ["*"]
      operations: ["*"]
      resources: ["*"]
    namespaceSelector:
      matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: NotIn
        values: {namespaces}
  matchConditions:
  # A question to an API server may have none; the conditions below would fail on it.
  - name: has-metadata
    expression: >-
      has(object.metadata)
  # Finalizers stay removable.
  - name: not-being-deleted
    expression: >-
      !has(object.metadata.deletionTimestamp) &&
      (oldObject == null || !has(oldObject.metadata.deletionTimestamp))
  - name: not-the-control-plane
    expression: >-
      !(request.userInfo.username in ["system:apiserver", "system:kube-controller-manager",
      "system:kube-scheduler", "system:cloud-controller-manager"]) &&
      !request.userInfo.username.startsWith("system:serviceaccount:kube-system:") &&
      !request.userInfo.username.startsWith("system:node:") &&
      !request.userInfo.username.startsWith("system:bootstrap:") &&
      !request.userInfo.username.startsWith("eks:")
  # Argo CD, Flux and others that apply what a repository says.
  - name: not-a-controller
    expression: >-
      !(request.userInfo.username in [
      {users}])"#;

/// The label's and the annotation's value of `object`, as far as there are any.
const NAMED: &str = r#"(has({object}.metadata.labels) && "{key}" in {object}.metadata.labels ?
      [{object}.metadata.labels["{key}"]] : []) +
      (has({object}.metadata.annotations) && "{key}" in {object}.metadata.annotations ?
      [{object}.metadata.annotations["{key}"]] : [])"#;

/// The manifest: one or two policies, each with its binding.
#[must_use]
pub fn policy(wish: &Wish) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(FOREIGN);
    if wish.unlabelled != Unlabelled::Allowed {
        text.push_str(UNLABELLED);
    }
    fill(&text, wish)
}

fn fill(text: &str, wish: &Wish) -> String {
    let key = wish.key.as_str();
    let here = format!(
        "this cluster is {} ({})",
        words::escaped(&wish.environment),
        words::escaped(&wish.cluster)
    );
    let named = |object: &str| NAMED.replace("{object}", object).replace("{key}", key);
    let before = format!("oldObject == null ? [] :\n      {}", named("oldObject"));
    let tail =
        format!("{here}. Apply its own overlay here, or go to the other environment's instance");
    let actions = |refuse: bool| if refuse { "[Deny, Audit]" } else { "[Warn, Audit]" };
    let namespaces = SYSTEM_NAMESPACES.iter().copied();
    let users = CONTROLLERS.iter().copied();
    let parts = [
        ("{scope}", SCOPE.to_owned()),
        ("{named}", named("object")),
        ("{before}", before),
        ("{values}", words::list(wish.values.iter().map(String::as_str))),
        ("{message}", format!("{key} names another environment, and {tail}")),
        ("{message-tail}", tail.clone()),
        ("{foreign-actions}", actions(wish.enforce).to_owned()),
        (
            "{unlabelled-message}",
            format!(
                "nothing says which environment this belongs to: give it the label {key}; {here}"
            ),
        ),
        ("{unlabelled-actions}", actions(wish.unlabelled == Unlabelled::Refused).to_owned()),
        ("{namespaces}", words::list(namespaces.chain(wish.namespaces.iter().map(String::as_str)))),
        ("{users}", words::lines(users.chain(wish.users.iter().map(String::as_str)))),
        ("{key}", key.to_owned()),
        ("{cluster}", words::escaped(&wish.cluster)),
        ("{environment}", words::escaped(&wish.environment)),
    ];
    // Each placeholder once, in this order: no part is looked through for the ones before.
    parts.iter().fold(text.to_owned(), |text, (name, part)| text.replace(name, part))
}

/// The lines that make every object of an overlay say where it belongs. A name that can
/// stand in no label becomes an annotation.
#[must_use]
pub fn stamp(wish: &Wish) -> String {
    let key = wish.key.as_str();
    let value = wish.values.first().unwrap_or(&wish.environment);
    let quoted = words::escaped(value);
    let head = format!(
        "# Into the kustomization.yaml of every overlay of {}. Selectors stay as they are.\n",
        words::escaped(&wish.environment)
    );
    if is_label_value(value) {
        format!("{head}labels:\n- pairs:\n    {key}: \"{quoted}\"\n")
    } else {
        format!("{head}commonAnnotations:\n  {key}: \"{quoted}\"\n")
    }
}
