//! The same requests before the API server's own code: its admission plugin, built by
//! `ENVGUARD_ADMISSION=1 tests/tools.sh install`, and a whole kube-apiserver where
//! `KUBEBUILDER_ASSETS` names one that has the API.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{self, Request, Says};
use super::{call_it, manifests};
use crate::support::{Instance, Output, RealServer, kubectls, left_out, tools};

/// As `judge.go` answers.
#[derive(Debug, Deserialize)]
struct Answer {
    denied: String,
    warned: Vec<String>,
    noted: bool,
}

/// The plugin of the API server, where it was built.
fn plugin() -> Option<PathBuf> {
    let program = tools().join("admission/judge");
    if program.is_file() {
        return Some(program);
    }
    left_out(
        "the API server's admission plugin is not built: ENVGUARD_ADMISSION=1 tests/run --install",
    );
    None
}

fn asked(plugin: &PathBuf, manifests: &[Value], requests: &[Request]) -> Vec<Answer> {
    let namespaces = ["web", "default", "argocd", "kube-system", "kube-public", "kube-node-lease"];
    let question =
        json!({"manifests": manifests, "namespaces": namespaces, "requests": requests}).to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), question).unwrap();
    let mut command = Command::new(plugin);
    let output = Output::of(command.stdin(Stdio::from(file.reopen().unwrap()))).exits(0);
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn the_api_servers_own_plugin_objects_to_the_same() {
    let Some(plugin) = plugin() else { return };
    let manifests = manifests(&Instance::new(), &["--enforce", "--unlabelled", "warn"]);
    let (expected, requests): (Vec<_>, Vec<_>) =
        requests::all().into_iter().map(|(what, request, says)| ((what, says), request)).unzip();
    let answers = asked(&plugin, &manifests, &requests);
    assert_eq!(answers.len(), expected.len());
    for ((what, says), answer) in expected.iter().zip(answers) {
        let found = match (answer.denied.as_str(), answer.warned.as_slice()) {
            ("", []) => Says::Nothing,
            ("", [one]) if one.contains("nothing says which environment") => Says::Unlabelled,
            (denied, []) if denied.contains("and this cluster is develop (develop-eks)") => {
                Says::Foreign
            }
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(found, *says, "{what}: {answer:?}");
        assert_eq!(answer.noted, *says != Says::Nothing, "{what}: {answer:?}");
    }
}

#[test]
fn the_api_servers_own_plugin_warns_first_and_reads_any_name() {
    let Some(plugin) = plugin() else { return };
    let foreign = [requests::create("production")];
    let answer = asked(&plugin, &manifests(&Instance::new(), &[]), &foreign).remove(0);
    assert_eq!((answer.denied.as_str(), answer.noted), ("", true));
    let said = "Validation failed for ValidatingAdmissionPolicy 'envguard-environment' with binding \
                'envguard-environment': envguard/environment says production, and this cluster is \
                develop (develop-eks). Apply its own overlay here, or go to the other environment's \
                instance";
    assert_eq!(answer.warned, [said]);
    for name in ["本番", r#"a"b\c"#, "{key} {users}", "🚀"] {
        let instance = Instance::new();
        call_it(&instance, name);
        let both = [requests::annotated(name), requests::create("production")];
        let answers = asked(&plugin, &manifests(&instance, &["--enforce"]), &both);
        assert_eq!(answers[0].denied, "", "{name}");
        assert!(answers[1].denied.contains(&format!("this cluster is {name} (")), "{answers:?}");
    }
}

/// A new policy takes a moment until it holds.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_real_api_server_refuses_what_the_policy_says() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        left_out("KUBEBUILDER_ASSETS names no etcd and kube-apiserver");
        return;
    };
    let Some(kubectl) = kubectls().into_iter().next_back() else { return };
    let real = RealServer::start(&assets);
    let instance = Instance::new();
    real.pin(&instance, &kubectl);
    let api = instance.kubectl(&["api-resources", "--api-group=admissionregistration.k8s.io"]);
    if !api.stdout.contains("admissionregistration.k8s.io/v1   ")
        || !api.stdout.contains("admissionpolicies")
    {
        left_out(
            "the kube-apiserver of KUBEBUILDER_ASSETS is older than 1.30: it has no ValidatingAdmissionPolicy",
        );
        return;
    }
    let policy = instance.envguard(&["admission-policy", "--enforce"]).exits(0).stdout;
    instance.write("m/overlays/develop/policy.yaml", &policy);
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [policy.yaml]\n");
    instance.commit();
    instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
    let create =
        ["create", "-o", "name", "--dry-run=server", "-f", "overlays/develop/foreign.yaml"];
    let foreign = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: foreign\n  namespace: default\n  \
                   labels: {envguard/environment: production}\n";
    instance.write("m/overlays/develop/foreign.yaml", foreign);
    let begun = Instant::now();
    while instance.kubectl(&create).code == Some(0) {
        assert!(begun.elapsed() < DEADLINE, "the policy does not hold");
        std::thread::yield_now();
    }
    instance.kubectl(&create).says("this cluster is develop (develop-eks)").exits(1);
}
