//! Lines that comparable tools let through, as SECURITY.md tells it. Nobody answers
//! here: what would be asked about is refused.

use std::collections::BTreeSet;
use std::process::Command;

use crate::login::sources;
use crate::support::{Instance, Output, config_map, read, shim};

/// Runs one and makes sure that kubectl was not started.
#[track_caller]
fn stops(instance: &Instance, line: &str, code: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    instance.kubectl(&words).refused(code);
    assert_eq!(instance.recorded(), None, "{line} reached kubectl");
}

#[test]
fn words_before_the_verb_hide_nothing() {
    let instance = Instance::of("production");
    for line in [
        "-n web delete pod y",
        "-v 5 delete pod y",
        "--v=5 delete pod y",
        "--request-timeout 5s delete pod y",
        "--cache-dir /nonexistent delete pod y",
        "--log-flush-frequency 5s delete pod y",
        "--profile none delete pod y",
    ] {
        stops(&instance, line, "not-confirmed");
    }
    for line in ["--as admin delete pod y", "--token t delete pod y", "--user u delete pod y"] {
        stops(&instance, line, "identity-override");
    }
    stops(&instance, "--context prod delete pod y", "cluster-override");
    stops(&instance, "get pods --context", "flag-unknown");
}

#[test]
fn what_only_looks_harmless_is_asked_about() {
    let instance = Instance::of("production");
    instance.write("m/overlays/production/rbac.yaml", &config_map("rbac"));
    instance.commit();
    for line in [
        "create namespace x --dry-run=none",
        "delete pod y --dry-run=none",
        "delete pod y --dry-run=server --dry-run=none",
        "run x --image=y",
        "cp /etc/hostname web:/tmp/x",
        "debug web --image=y",
        "label pod y a=b",
        "annotate pod y a=b",
        "set image deployment/x y=z",
        "autoscale deployment x --max=3",
        "expose deployment x --port=80",
        "rollout restart deployment/x",
        "certificate approve x",
        "proxy",
        "port-forward web 8080:80",
        "exec web -- sh",
        "auth reconcile -f overlays/production/rbac.yaml",
        "delete --raw /api/v1/namespaces/x",
    ] {
        stops(&instance, line, "not-confirmed");
    }
}

#[test]
fn without_a_terminal_nothing_is_confirmed() {
    let instance = Instance::of("production");
    instance.link(shim().to_str().unwrap(), "shims/kubectl");
    for script in [
        "kubectl delete pod y",
        "yes | kubectl delete pod y",
        "echo production | kubectl delete pod y",
        "kubectl delete pod y < /dev/null",
    ] {
        let path = format!("{}:/usr/bin:/bin", instance.path("shims").display());
        let mut command: Command = instance.command("/usr/bin/setsid".as_ref());
        command.args(["--wait", "sh", "-c", script]).env("PATH", path);
        Output::of(&mut command).refused("not-confirmed");
        assert_eq!(instance.recorded(), None, "{script} reached kubectl");
    }
}

/// Every variable that the program knows, except the one that names a configuration
/// where the machine has none.
fn variables() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![sources().join("src"), sources().join("shell")];
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            rest.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = read(&path);
        for part in text.split("ENVGUARD_").skip(1) {
            let end = part.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            found.insert(format!("ENVGUARD_{}", &part[..end.unwrap_or(part.len())]));
        }
    }
    found.remove("ENVGUARD_");
    assert!(found.remove("ENVGUARD_CONFIG"));
    found
}

#[test]
fn no_variable_of_ours_lifts_a_rule() {
    let instance = Instance::new();
    let variables = variables();
    assert!(variables.contains("ENVGUARD_NAMESPACE"), "{variables:?}");
    for variable in variables {
        for value in ["", "1", "off", "web"] {
            let mut command = instance.command(&shim());
            command.args(["apply", "-k", "overlays/prod"]).env(&variable, value);
            let output = Output::of(&mut command);
            // By the rule, not by the kernel that would stop kubectl all the same.
            let is_ruled = output.code == Some(77) && output.stderr.contains("(target-foreign)");
            assert!(is_ruled || output.code == Some(64), "{variable}={value}: {output}");
            assert_eq!(instance.recorded(), None, "{variable}={value} reached kubectl");
        }
    }
}
