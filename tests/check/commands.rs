//! Commands that are more than they look, and an instance that only observes.

use super::holds;
use crate::support::Instance;

#[test]
fn observe_says_what_would_be_refused_and_runs() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    let line = "envguard: OBSERVE, would be refused (target-foreign): overlays/prod is in the \
                overlay prod, which belongs to another environment";
    for run in [Instance::envguard, Instance::kubectl] {
        let output = run(&instance, &["apply", "-k", "overlays/prod"]).exits(42);
        assert_eq!(output.stderr.lines().filter(|said| said.contains("refused")).count(), 1);
        assert_eq!(output.stderr.lines().next(), Some(line), "{output}");
        // The other line is about the overlay that lies there, in every mode.
        assert_eq!(output.stderr.lines().count(), 2, "{output}");
    }
    let several = ["apply", "-k", "overlays/prod", "--as=root"];
    instance.envguard(&several).exits(42).says("(and one reason more)\n");
    // the whole of it, with rule and remedy, is a question away
    let words = ["apply", "-k", "overlays/prod"];
    instance.check(&words).exits(0).says("would be refused").says("  instead   ");
    // the log tells that nothing was enforced
    let log = instance.envguard(&["audit", "-o", "json"]).exits(0).stdout;
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{log}");
    for line in &lines {
        assert_eq!((&line["verdict"], &line["enforced"]), (&"refuse".into(), &false.into()));
    }
    // rules about the cluster hold
    instance.envguard(&["get", "po", "--context", "prod"]).refused("cluster-override");
}

#[test]
fn plugins_are_searched_not_parsed() {
    let instance = Instance::new();
    instance.write("bin/kubectl-neat", "#!/bin/sh\nexit 7\n");
    instance.executable("bin/kubectl-neat");
    holds(
        &instance,
        &[
            (&["neat", "get", "pod"], "run"),
            (&["neat", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["neat", "--file=overlays/prod"], "target-foreign"),
            (&["neat", "--context", "prod"], "cluster-override"),
            (&["neat", "--kubeconfig=/tmp/x"], "cluster-override"),
            (&["neatly", "x"], "command-unknown"),
        ],
    );
    // kubectl 1.31 and later: `create NAME` may be a plugin too
    instance.write("bin/kubectl-create-thing", "#!/bin/sh\nexit 7\n");
    instance.executable("bin/kubectl-create-thing");
    holds(
        &instance,
        &[
            (&["create", "thing", "x"], "run"),
            (&["create", "thing", "--flag-of-its-own", "x"], "run"),
            (&["create", "thing", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["create", "thing", "--context", "prod"], "cluster-override"),
            (&["create", "other", "--flag-of-its-own", "x"], "command-unknown"),
        ],
    );
}

#[test]
fn a_plugin_with_a_slash_is_a_path_from_here() {
    // kubectl 1.20–1.36 (Go's LookPath): `kubectl local/x` runs ./kubectl-local/x
    let instance = Instance::new();
    for name in ["m/kubectl-local/x", "m/kubectl-create-local/x"] {
        instance.write(name, "#!/bin/sh\nexit 7\n");
        instance.executable(name);
    }
    holds(
        &instance,
        &[
            (&["local/x"], "run"),
            (&["local/x", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["create", "local/x", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["local/y"], "command-unknown"),
        ],
    );
}

#[test]
fn raw_requests_are_no_dry_runs() {
    let instance = Instance::new();
    let raw = "--raw=/api/v1/namespaces/x/configmaps";
    holds(
        &instance,
        &[
            // The value is a list: kubectl opens overlays/prod/extra.yaml.
            (&["create", raw, "-f", "\"overlays/prod/extra.yaml\""], "target-foreign"),
            (&["create", raw, "-f", "/etc/hostname", "--dry-run=client"], "target-outside"),
            (&["delete", raw, "--as", "x", "--dry-run=client"], "identity-override"),
            (&["replace", "--force", "-f", "/etc/hostname", "--dry-run=client"], "target-outside"),
        ],
    );
    let careful = Instance::new().rules("policy: {confirm: {destroy: always}}");
    careful
        .envguard(&["create", raw, "-f", "overlays/develop/extra.yaml"])
        .refused("not-confirmed");
    careful.envguard(&["create", "-f", "overlays/develop/extra.yaml"]).exits(42);
}

#[test]
fn a_command_that_is_two_things_asks_for_both() {
    let careful = Instance::new().rules("policy: {confirm: {channel: always}}");
    careful.envguard(&["run", "x", "--image=i", "-it", "--", "sh"]).refused("not-confirmed");
    careful.envguard(&["run", "x", "--image=i"]).exits(42);
    let careful = Instance::new().rules("policy: {confirm: {mutate: always}}");
    careful.envguard(&["debug", "pod/x", "--image=i"]).refused("not-confirmed");
    careful.envguard(&["exec", "x", "--", "sh"]).exits(42);
}
