//! `audit --would-refuse`: who would be refused what, and the line that would allow it.

use std::io::Write;

use serde_json::Value;

use super::log;
use crate::sandbox::absence::with_kernel;
use crate::skew;
use crate::support::{Instance, Output, Server, read, shim};

/// Puts the fields of one configuration in the place of those of another, a checkout's in
/// the entry with its path: what `audit --would-refuse` says to do with its lines.
fn put(into: &mut serde_yaml::Value, from: &serde_yaml::Value) {
    let (Some(map), Some(fields)) = (into.as_mapping_mut(), from.as_mapping()) else {
        *into = from.clone();
        return;
    };
    for (field, value) in fields {
        match (map.get_mut(field), value.as_sequence()) {
            (Some(entries), Some(changed)) if *field == "checkouts" => {
                for entry in changed {
                    let entries = entries.as_sequence_mut().unwrap();
                    let same = entries.iter_mut().find(|found| found["path"] == entry["path"]);
                    put(same.unwrap(), entry);
                }
            }
            (Some(found), _) => put(found, value),
            (None, _) => drop(map.insert(field.clone(), value.clone())),
        }
    }
}

/// A command that is refused, what makes it so, and the rule against it.
struct Objectionable {
    code: &'static str,
    line: &'static str,
    policy: &'static str,
    checkout: &'static str,
}

const OBJECTIONABLE: [Objectionable; 14] = {
    const fn case(code: &'static str, line: &'static str) -> Objectionable {
        Objectionable { code, line, policy: "", checkout: "" }
    }
    [
        case("target-foreign", "apply -k overlays/prod"),
        case("target-foreign", "apply -f overlays/prod/extra.yaml"),
        Objectionable {
            checkout: "foreign: [prod, staging]",
            ..case("target-foreign", "apply -k overlays/prod")
        },
        case("reference-foreign", "apply -k overlays/leads-develop"),
        case("target-outside", "apply -k base"),
        case("target-outside", "apply -f ../elsewhere/x.yaml"),
        case("reference-outside", "apply -k overlays/out-develop"),
        case("target-remote", "apply -f https://example.test/org/repo/x.yaml"),
        Objectionable {
            policy: "remotes: [\"https://example.test/other/\"], ",
            ..case("target-remote", "apply -f https://example.test/org/repo/x.yaml")
        },
        case("input-foreign", "create configmap x --from-file=overlays/prod/extra.yaml"),
        case("output-foreign", "kustomize overlays/develop -o overlays/prod/rendered.yaml"),
        case("reference-remote", "apply -k overlays/remote-develop"),
        case("target-stdin", "apply -f -"),
        Objectionable {
            policy: "branch: refuse, uncommitted: refuse, ",
            checkout: "branches: [\"release/*\"]",
            ..case("tree-branch", "apply -k overlays/develop")
        },
    ]
};

#[test]
fn the_line_that_would_allow_it_allows_it() {
    for Objectionable { code, line, policy, checkout } in OBJECTIONABLE {
        let mut instance = Instance::new();
        if !checkout.is_empty() {
            instance = instance.checkout_rules(checkout);
        }
        let text = instance.config_text().replace("allow: [develop]", "allow: [\"*develop\"]");
        instance.write("config.yaml", &text);
        instance.write("elsewhere/x.yaml", &crate::support::config_map("x"));
        for (overlay, resource) in [
            ("leads-develop", "../prod"),
            ("out-develop", "../../../elsewhere/x.yaml"),
            ("remote-develop", "\"https://example.test/org/repo//x?ref=v1\""),
        ] {
            let file = format!("m/overlays/{overlay}/kustomization.yaml");
            instance.write(&file, &format!("resources: [{resource}]\n"));
        }
        instance.commit();
        if code == "tree-branch" {
            instance.write("m/overlays/develop/extra.yaml", &crate::support::config_map("new"));
        }
        let words: Vec<&str> = line.split(' ').collect();
        let run = |mode: &str, config: &serde_yaml::Value| {
            let policy = format!("policy: {{{policy}mode: {mode}}}");
            let mut all: serde_yaml::Value = serde_yaml::from_str(&policy).unwrap();
            put(&mut all, config);
            instance.write("config.yaml", &serde_yaml::to_string(&all).unwrap());
            let (piped, mut pipe) = std::io::pipe().unwrap();
            pipe.write_all(read(&instance.path("elsewhere/x.yaml")).as_bytes()).unwrap();
            drop(pipe);
            let mut command = instance.command(&shim());
            command.args(&words).stdin(piped);
            Output::of(&mut command)
        };
        let config: serde_yaml::Value = serde_yaml::from_str(&instance.config_text()).unwrap();
        run("enforce", &config).refused(code);
        run("observe", &config).exits(42);
        let config = allowing(&instance, code, config);
        let output = run("enforce", &config);
        assert_eq!(output.code, Some(42), "{line}: {config:?}: {output}");
    }
}

/// The configuration with every line that `audit --would-refuse` prints; one is for `code`.
fn allowing(instance: &Instance, code: &str, mut config: serde_yaml::Value) -> serde_yaml::Value {
    let told = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let rows = told["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["code"] == code), "{told}");
    for row in rows {
        put(&mut config, &serde_yaml::from_str(row["allow"].as_str().unwrap()).unwrap());
    }
    config
}

/// What is refused for what the machine is, not for what the command names: the rule is
/// in the configuration, and is what the line changes.
fn the_line_changes(instance: &Instance, code: &str, mut run: impl FnMut() -> Output) {
    let enforced: serde_yaml::Value = serde_yaml::from_str(&instance.config_text()).unwrap();
    let write = |config: &serde_yaml::Value| {
        instance.write("config.yaml", &serde_yaml::to_string(config).unwrap());
    };
    run().refused(code);
    let mut observed = enforced.clone();
    put(&mut observed, &serde_yaml::from_str("policy: {mode: observe}").unwrap());
    write(&observed);
    let observed = run();
    assert_ne!(observed.code, Some(77), "{observed}");
    observed.says(&format!("envguard: OBSERVE, would be refused ({code})"));
    write(&allowing(instance, code, enforced));
    let output = run();
    assert_ne!(output.code, Some(77), "{output}");
}

#[test]
fn the_line_allows_a_kernel_without_landlock() {
    let instance = Instance::new().rules("policy: {sandbox: require}");
    let mut command = instance.command(&shim());
    command.args(["apply", "-k", "overlays/develop"]);
    the_line_changes(&instance, "sandbox-missing", || {
        Output::of(&mut with_kernel(&instance, &command, "error=ENOSYS"))
    });
    assert!(instance.recorded().is_some(), "it ran");
}

#[test]
fn the_line_allows_a_kubectl_that_is_too_old() {
    let server = Server::start("develop-eks");
    let Some(instance) = skew::with(&server, &[31], "policy: {skew: refuse}") else { return };
    skew::run(&instance, &["status", "--online"]);
    the_line_changes(&instance, "kubectl-skew", || skew::run(&instance, &skew::CHANGE));
}

/// Where no line of the configuration allows it, the table says so.
#[test]
fn what_no_line_allows_is_said() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    for words in [
        &["apply", "-f", "overlays/develop"][..],
        &["apply", "-f", ".git/config"],
        &["delete", "pod", "x", "--as=y"],
        &["get", "pods", "--novel"],
        &["nonsense"],
    ] {
        instance.kubectl(words).exits(42);
    }
    let told = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let allow = |code: &str| {
        let row = told["rows"].as_array().unwrap().iter().find(|row| row["code"] == code);
        row.unwrap_or_else(|| panic!("{code}: {told}"))["allow"].as_str().unwrap().to_owned()
    };
    assert_eq!(allow("kustomize-as-files"), "nothing: use -k instead of -f");
    for code in ["reference-git", "identity-override", "flag-unknown", "command-unknown"] {
        assert_eq!(allow(code), format!("nothing: kubectl envguard why {code}"));
    }
}

#[test]
fn people_are_counted() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    instance.kubectl(&["apply", "-k", "base"]).exits(42);
    let file = log(&instance);
    let one: Value = serde_json::from_str(read(&file).trim()).unwrap();
    let by = |user: &str| {
        let mut event = one.clone();
        event["user"] = user.into();
        format!("{event}\n")
    };
    let lines = [by("bob"), by("alice"), by("alice"), by("alice")].concat();
    std::fs::write(&file, lines).unwrap();
    let table = instance.envguard(&["audit", "--would-refuse"]).exits(0).stdout;
    assert!(table.contains("    4  target-outside"), "{table}");
    assert!(table.contains("by       alice 3, bob 1\n"), "{table}");
    let json = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let row = &serde_json::from_str::<Value>(&json).unwrap()["rows"][0];
    assert_eq!(row["people"], serde_json::json!(["alice", "bob"]));
    assert_eq!(row["byPerson"], serde_json::json!({"alice": 3, "bob": 1}));
}
