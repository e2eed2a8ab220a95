//! The policy for the cluster: what its expressions make of admission requests, and what
//! `--label` makes of an overlay.

mod evaluated;
mod real;
mod requests;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::support::{Instance, Server, kubectls};
use evaluated::{Outcome, judged};
use requests::{Request, Says, create};

/// The documents that `admission-policy` prints with `options`.
fn manifests(instance: &Instance, options: &[&str]) -> Vec<Value> {
    documents(&instance.envguard(&[&["admission-policy"], options].concat()).exits(0).stdout)
}

fn documents(text: &str) -> Vec<Value> {
    let documents = text.split("---\n").map(|text| serde_yaml::from_str(text).unwrap());
    documents.filter(|document: &Value| !document.is_null()).collect()
}

/// Gives the instance's environment another name.
fn call_it(instance: &Instance, name: &str) {
    let quoted = format!("environment: {}", serde_json::to_string(name).unwrap());
    let text = instance.config_text().replace("environment: develop", &quoted);
    instance.write("config.yaml", &text);
}

/// Who objects: both policies, or one, or none.
fn objecting(outcome: &Outcome) -> Says {
    let names = |name: &str| outcome.objections.iter().any(|(policy, _)| policy == name);
    match (names("envguard-environment"), names("envguard-unlabelled")) {
        (false, false) => Says::Nothing,
        (true, false) => Says::Foreign,
        (false, true) => Says::Unlabelled,
        (true, true) => panic!("{outcome:?}"),
    }
}

#[test]
fn only_what_introduces_another_environment_is_objected_to() {
    let manifests = manifests(&Instance::new(), &["--unlabelled", "warn", "--enforce"]);
    for (what, request, expected) in requests::all() {
        let outcome = judged(&manifests, &request);
        assert_eq!(objecting(&outcome), expected, "{what}: {outcome:?}");
    }
}

#[test]
fn the_message_says_what_where_and_what_to_do() {
    let manifests = manifests(&Instance::new(), &["--enforce"]);
    let outcome = judged(&manifests, &create("production"));
    assert_eq!(
        outcome.objections,
        [(
            "envguard-environment".to_owned(),
            "envguard/environment says production, and this cluster is develop (develop-eks). Apply \
             its own overlay here, or go to the other environment's instance"
                .to_owned()
        )]
    );
    assert_eq!(outcome.actions, ["Deny", "Audit"]);
}

#[test]
fn it_warns_until_it_is_told_to_refuse() {
    let instance = Instance::new();
    let actions = |options: &[&str], request: &Request| {
        judged(&manifests(&instance, options), request).actions
    };
    let foreign = create("production");
    let unlabelled = requests::unlabelled();
    assert_eq!(actions(&[], &foreign), ["Warn", "Audit"]);
    assert_eq!(actions(&["--enforce"], &foreign), ["Deny", "Audit"]);
    assert_eq!(actions(&["--enforce"], &unlabelled), [""; 0]);
    assert_eq!(actions(&["--unlabelled=warn"], &unlabelled), ["Warn", "Audit"]);
    assert_eq!(actions(&["--unlabelled=warn", "--enforce"], &unlabelled), ["Warn", "Audit"]);
    assert_eq!(actions(&["--unlabelled=refuse", "--enforce"], &unlabelled), ["Deny", "Audit"]);
    let output = instance.envguard(&["admission-policy", "--unlabelled", "refuse"]);
    output.says("--unlabelled refuse goes with --enforce").exits(64);
}

#[test]
fn key_values_and_exemptions_are_by_choice() {
    let instance = Instance::new();
    let says = |options: &[&str], request: &Request| {
        objecting(&judged(&manifests(&instance, options), request))
    };
    let key = ["--key", "example.com/env"];
    assert_eq!(says(&key, &create("production")), Says::Nothing);
    assert_eq!(says(&key, &create("production").rename_key("example.com/env")), Says::Foreign);
    let values = ["--value", "dev,shared"];
    for (value, expected) in [
        ("dev", Says::Nothing),
        ("shared", Says::Nothing),
        ("develop", Says::Nothing),
        ("develop2", Says::Foreign),
        ("", Says::Foreign),
    ] {
        assert_eq!(says(&values, &create(value)), expected, "{value}");
    }
    let foreign = create("production");
    assert_eq!(says(&["--exempt-namespace", "other"], &foreign), Says::Foreign);
    assert_eq!(says(&["--exempt-namespace", "other,web"], &foreign), Says::Nothing);
    let namespace = requests::namespace("web", "production");
    assert_eq!(says(&["--exempt-namespace", "web"], &namespace), Says::Nothing);
    assert_eq!(says(&["--exempt-user", "alice"], &foreign), Says::Nothing);
    assert_eq!(says(&["--exempt-user", "alic"], &foreign), Says::Foreign);
    for words in [
        &["--key", "a b"][..],
        &["--key", "a/b/c"],
        &["--exempt-namespace", "A"],
        &["--unlabelled", "deny"],
        &["--label", "--enforce"],
    ] {
        instance.envguard(&[&["admission-policy"], words].concat()).exits(64);
    }
}

/// Names that could end a string, in YAML or in an expression, do not.
#[test]
fn any_name_can_stand_in_it() {
    for name in ["本番", r#"a"b\c"#, "{key} {users}", "it's #1: [x]", "🚀"] {
        let instance = Instance::new();
        call_it(&instance, name);
        let manifests = manifests(&instance, &["--enforce", "--unlabelled", "warn"]);
        strict(&manifests);
        let own = judged(&manifests, &requests::annotated(name));
        assert_eq!(objecting(&own), Says::Nothing, "{name}");
        let foreign = judged(&manifests, &create("production"));
        assert!(foreign.objections[0].1.contains(&format!(" {name} (")), "{foreign:?}");
    }
}

/// The types are made from the published OpenAPI of Kubernetes: what they do not know
/// would not come back.
fn strict(manifests: &[Value]) {
    fn same<T: DeserializeOwned + Serialize>(document: &Value) {
        let read: T = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(&serde_json::to_value(read).unwrap(), document);
    }
    for document in manifests {
        match document["kind"].as_str().unwrap() {
            "ValidatingAdmissionPolicy" => same::<ValidatingAdmissionPolicy>(document),
            "ValidatingAdmissionPolicyBinding" => {
                same::<ValidatingAdmissionPolicyBinding>(document);
            }
            other => panic!("{other}"),
        }
        // An API server allows these only.
        for condition in document["spec"]["matchConditions"].as_array().into_iter().flatten() {
            assert!(!condition["name"].as_str().unwrap().contains(char::is_whitespace));
        }
        for validation in document["spec"]["validations"].as_array().into_iter().flatten() {
            assert!(!validation["message"].as_str().unwrap().contains('\n'), "{validation}");
            assert_eq!(validation["reason"], "Forbidden");
        }
    }
}

#[test]
fn the_manifest_is_what_the_schema_knows() {
    let instance = Instance::new();
    strict(&manifests(&instance, &[]));
    let all = manifests(&instance, &["--enforce", "--unlabelled=refuse"]);
    strict(&all);
    assert_eq!(all.len(), 4);
}

#[test]
fn it_is_made_for_the_instance_that_it_stands_on() {
    let instance = Instance::new();
    instance.write("config.yaml", "broken");
    instance.envguard(&["admission-policy"]).says("config-invalid").exits(78);
}

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
";

/// What `--label` prints, at the end of an overlay's kustomization, as kubectl renders it.
#[test]
fn a_stamped_overlay_is_at_home_and_nowhere_else() {
    for (environment, oldest) in [("develop", 27), ("本番", 20)] {
        let home = Instance::new();
        call_it(&home, environment);
        let snippet = home.envguard(&["admission-policy", "--label"]).exits(0).stdout;
        home.write("m/overlays/develop/web.yaml", WEB);
        let kustomization = format!("resources: [web.yaml]\n{snippet}");
        home.write("m/overlays/develop/kustomization.yaml", &kustomization);
        home.commit();
        let mut seen = 0;
        for kubectl in kubectls().into_iter().filter(|kubectl| kubectl.minor() >= oldest) {
            let rendered = std::process::Command::new(&kubectl.path)
                .args(["kustomize", "overlays/develop"])
                .current_dir(home.checkout())
                .output()
                .unwrap();
            let rendered = documents(&String::from_utf8(rendered.stdout).unwrap()).remove(0);
            let labels = serde_json::json!({"app": "web"});
            assert_eq!(rendered["spec"]["selector"]["matchLabels"], labels, "{}", kubectl.version);
            assert_eq!(rendered["spec"]["template"]["metadata"]["labels"], labels);
            let request = requests::deployment(rendered);
            let options = ["--enforce", "--unlabelled=refuse"];
            assert_eq!(objecting(&judged(&manifests(&home, &options), &request)), Says::Nothing);
            let away = manifests(&Instance::of("elsewhere"), &options);
            assert_eq!(objecting(&judged(&away, &request)), Says::Foreign);
            seen += 1;
        }
        assert!(seen > 0 || kubectls().is_empty());
    }
}

/// As it is meant to get there: as a file of the instance's own overlay.
#[test]
fn it_is_applied_through_the_guard() {
    for kubectl in kubectls() {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, &kubectl);
        let policy = instance.envguard(&["admission-policy", "--unlabelled=warn"]).exits(0).stdout;
        instance.write("m/overlays/develop/admission-policy.yaml", &policy);
        instance
            .write("m/overlays/develop/kustomization.yaml", "resources: [admission-policy.yaml]\n");
        instance.commit();
        let output = instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        for name in ["policy", "policybinding"] {
            let line = format!(
                "validatingadmission{name}.admissionregistration.k8s.io/envguard-environment created"
            );
            assert!(output.stdout.contains(&line), "{output}");
        }
        instance.kubectl(&["diff", "-k", "overlays/develop"]).exits(0);
    }
}
