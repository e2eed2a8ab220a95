//! `deploy/rbac`: applied through the guard as from any checkout, and what a person of the
//! group may do then.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::login::sources;
use crate::support::{Instance, Kubectl, Output, RealServer, Server, kubectls, left_out};

/// `labels` in a kustomization came with kubectl 1.21.
const OLDEST: u32 = 21;

fn usable() -> impl Iterator<Item = Kubectl> {
    kubectls().into_iter().filter(|kubectl| kubectl.is_at_least(OLDEST))
}

/// Puts `deploy/rbac` into the checkout, in the place of everything there.
fn check_in(instance: &Instance) {
    let checkout = instance.checkout();
    for dir in ["base", "overlays"] {
        std::fs::remove_dir_all(checkout.join(dir)).unwrap();
        let mut copy = std::process::Command::new("cp");
        Output::of(copy.arg("-R").arg(sources().join("deploy/rbac").join(dir)).arg(&checkout))
            .exits(0);
    }
    instance.commit();
}

/// The objects of an overlay, as kubectl renders them.
fn rendered(kubectl: &Kubectl, overlay: &str) -> Vec<Value> {
    let mut command = std::process::Command::new(&kubectl.path);
    let dir = sources().join("deploy/rbac/overlays").join(overlay);
    let text = Output::of(command.arg("kustomize").arg(dir)).exits(0).stdout;
    text.split("---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

fn overlays() -> Vec<String> {
    let entries = std::fs::read_dir(sources().join("deploy/rbac/overlays")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_instances_own_overlay_is_applied_and_no_other() {
    for kubectl in usable() {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, &kubectl);
        check_in(&instance);
        instance.kubectl(&["apply", "-k", "overlays/production"]).refused("target-foreign");
        instance.kubectl(&["apply", "-k", "base"]).refused("target-outside");
        let output = instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        for object in [
            "clusterrole.rbac.authorization.k8s.io/envguard-viewer",
            "clusterrolebinding.rbac.authorization.k8s.io/envguard-viewers",
        ] {
            assert!(output.stdout.contains(&format!("{object} created")), "{output}");
        }
        let group = "jsonpath={.subjects[*].name} {.metadata.labels}";
        let found =
            instance.kubectl(&["get", "clusterrolebinding", "envguard-viewers", "-o", group]);
        let found = found.exits(0).stdout;
        assert_eq!(found, r#"envguard:develop-viewers {"envguard/environment":"develop"}"#);
        // Once the other overlay is off the disk, nothing else has changed.
        instance.envguard(&["tidy"]).exits(0);
        let output = instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        assert!(output.stdout.contains("envguard-viewer unchanged"), "{output}");
    }
}

#[test]
fn every_overlay_is_for_its_own_people() {
    let Some(kubectl) = usable().last() else { return };
    assert_eq!(overlays(), ["develop", "production"]);
    for environment in overlays() {
        let objects = rendered(&kubectl, &environment);
        assert_eq!(objects.len(), 2);
        for object in &objects {
            assert_eq!(object["metadata"]["labels"]["envguard/environment"], json!(environment));
        }
        let binding = objects.iter().find(|one| one["kind"] == "ClusterRoleBinding").unwrap();
        let group = format!("envguard:{environment}-viewers");
        assert_eq!(
            binding["subjects"],
            json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}])
        );
        // EKS refuses access entries with these.
        assert!(
            ["system:", "eks:", "aws:", "amazon:", "iam:"]
                .iter()
                .all(|own| !group.starts_with(own))
        );
        assert_eq!(binding["roleRef"]["name"], "envguard-viewer");
    }
}

/// What a viewer does all day.
const MAY: &[(&str, &str, &str)] = &[
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("watch", "", "events"),
    ("list", "", "nodes"),
    ("list", "", "namespaces"),
    ("get", "", "configmaps"),
    ("list", "apps", "deployments"),
    ("get", "apps", "statefulsets"),
    ("list", "batch", "cronjobs"),
    ("list", "networking.k8s.io", "ingresses"),
    ("list", "metrics.k8s.io", "pods"),
    ("list", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("get", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
];

/// What would be a secret, a shell, another identity or a change.
const MAY_NOT: &[(&str, &str, &str)] = &[
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("watch", "", "secrets"),
    ("create", "", "pods/exec"),
    ("get", "", "pods/exec"),
    ("create", "", "pods/attach"),
    ("get", "", "pods/attach"),
    ("create", "", "pods/portforward"),
    ("get", "", "pods/portforward"),
    ("get", "", "pods/proxy"),
    ("get", "", "services/proxy"),
    ("get", "", "nodes/proxy"),
    ("patch", "", "pods/ephemeralcontainers"),
    ("create", "", "serviceaccounts/token"),
    ("impersonate", "", "users"),
    ("create", "", "pods"),
    ("delete", "", "pods"),
    ("create", "", "pods/eviction"),
    ("patch", "", "nodes"),
    ("patch", "apps", "deployments"),
    ("update", "apps", "deployments/scale"),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("approve", "certificates.k8s.io", "signers"),
    ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("get", "external-secrets.io", "externalsecrets"),
];

/// As RBAC decides: some rule has the verb, the group and the resource, each by name or `*`.
fn allows(rules: &Value, verb: &str, group: &str, resource: &str) -> bool {
    let has = |list: &Value, word: &str| {
        list.as_array().unwrap().iter().any(|one| one == "*" || one == word)
    };
    let below = resource.split_once('/').map(|(_, name)| format!("*/{name}"));
    rules.as_array().unwrap().iter().any(|rule| {
        has(&rule["verbs"], verb)
            && has(&rule["apiGroups"], group)
            && (has(&rule["resources"], resource)
                || below.as_ref().is_some_and(|below| has(&rule["resources"], below)))
    })
}

#[test]
fn a_viewer_sees_and_changes_nothing() {
    let Some(kubectl) = usable().last() else { return };
    for environment in overlays() {
        let objects = rendered(&kubectl, &environment);
        let role = objects.iter().find(|one| one["kind"] == "ClusterRole").unwrap();
        assert_eq!(role["aggregationRule"], Value::Null);
        let rules = &role["rules"];
        for (verb, group, resource) in MAY {
            assert!(allows(rules, verb, group, resource), "{environment}: {verb} {resource}");
        }
        for (verb, group, resource) in MAY_NOT {
            assert!(!allows(rules, verb, group, resource), "{environment}: {verb} {resource}");
        }
        for rule in rules.as_array().unwrap() {
            assert_eq!(rule["verbs"], json!(["get", "list", "watch"]), "{rule}");
            assert_eq!(rule["nonResourceURLs"], Value::Null);
        }
    }
}

/// The same questions to a real API server, as somebody of the group.
#[test]
fn a_real_api_server_says_the_same() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        return left_out(
            "KUBEBUILDER_ASSETS names no etcd and kube-apiserver: ENVGUARD_ENVTEST=1 tests/run --install",
        );
    };
    let Some(kubectl) = usable().next() else { return };
    let real = RealServer::start(&assets);
    let instance = Instance::new();
    real.pin(&instance, &kubectl);
    check_in(&instance);
    instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
    let answers = |environment: &str, questions: &[(&str, &str, &str)]| {
        let reviews: Vec<String> =
            questions.iter().map(|question| review(environment, *question).to_string()).collect();
        let file = instance.write("reviews.yaml", &reviews.join("\n"));
        let mut command = instance.command(&kubectl.path);
        command.args(["create", "--validate=false", "-o", "jsonpath={.status.allowed} ", "-f"]);
        command.arg(file).arg("--kubeconfig").arg(instance.path("kubeconfig"));
        let said = Output::of(&mut command).exits(0).stdout;
        said.split_whitespace().map(|word| word == "true").collect::<Vec<_>>()
    };
    assert_eq!(answers("develop", MAY), vec![true; MAY.len()]);
    assert_eq!(answers("production", MAY), vec![false; MAY.len()]);
    assert_eq!(answers("develop", MAY_NOT), vec![false; MAY_NOT.len()]);
}

/// Whether somebody of an environment's group may do this.
fn review(environment: &str, (verb, group, resource): (&str, &str, &str)) -> Value {
    let (resource, below) = resource.split_once('/').unwrap_or((resource, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "bob",
            "groups": [format!("envguard:{environment}-viewers")],
            "resourceAttributes":
                {"verb": verb, "group": group, "resource": resource, "subresource": below},
        },
    })
}
