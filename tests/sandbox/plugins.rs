//! Plugins read everything except what belongs to other environments.

use super::{assert_readable, reader};
use crate::support::{Instance, Output, config_map, shim};

fn instance() -> Instance {
    let instance = Instance::new().overlay_roots("[overlays, \"apps/*/overlays\"]");
    for (path, name) in [
        ("apps/web/deploy.yaml", "web"),
        ("apps/web/overlays/develop/x.yaml", "web-develop"),
        ("apps/web/overlays/prod/x.yaml", "web-prod"),
        ("apps/web/overlays/common/x.yaml", "web-common"),
        ("apps/db/overlays/other/x.yaml", "db-other"),
        ("overlays/README.yaml", "readme"),
        ("README.md", "readme"),
        (".git/envguard/quarantine/1/x.yaml", "kept"),
    ] {
        instance.write(&format!("m/{path}"), &config_map(name));
    }
    instance
}

/// The plugin `kubectl-NAME` with this script, called through the shim.
fn plugin(instance: &Instance, name: &str, script: &str, words: &[&str]) -> Output {
    instance.program(&format!("bin/kubectl-{name}"), &format!("#!/bin/sh\n{script}\n"));
    let kubectl = "#!/bin/sh\nname=$1; shift; exec kubectl-$name \"$@\"\n";
    instance.program("bin/kubectl", kubectl);
    let mut command = instance.command(&shim());
    Output::of(command.args([name]).args(words))
}

const ROWS: &[(&str, bool)] = &[
    ("overlays/develop/extra.yaml", true),
    ("overlays/prod/extra.yaml", false),
    ("overlays/README.yaml", false),
    ("base/cm.yaml", true),
    ("README.md", true),
    ("apps/web/deploy.yaml", true),
    ("apps/web/overlays/develop/x.yaml", true),
    ("apps/web/overlays/common/x.yaml", true),
    ("apps/web/overlays/prod/x.yaml", false),
    ("apps/db/overlays/other/x.yaml", false),
    (".git/HEAD", true),
    (".git/envguard/quarantine/1/x.yaml", false),
    ("/etc/passwd", true),
];

#[test]
fn a_plugin_reads_everything_but_foreign_overlays() {
    let instance = instance();
    assert_readable(&plugin(&instance, "look", &reader(&instance, ROWS), &[]).exits(0), ROWS);
}

#[test]
fn without_a_sandbox_a_plugin_reads_all_of_it() {
    let instance = instance().rules("policy: {sandbox: off}");
    let rows: Vec<(&str, bool)> = ROWS.iter().map(|(path, _)| (*path, true)).collect();
    assert_readable(&plugin(&instance, "look", &reader(&instance, &rows), &[]).exits(0), &rows);
}

#[test]
fn roots_at_any_depth_are_closed_too() {
    let instance = instance().overlay_roots("[\"**/overlays\"]");
    assert_readable(&plugin(&instance, "look", &reader(&instance, ROWS), &[]).exits(0), ROWS);
    let script =
        "mkdir -p base/overlays/prod && echo x > base/overlays/prod/x && cat base/overlays/prod/x";
    plugin(&instance, "look", script, &[]).says("Permission denied").exits(1);
}

#[test]
fn what_a_plugin_is_told_to_read_is_open() {
    // An overlay root without an allowed child hides nothing: its children are
    // nobody's, and may be named.
    let instance = instance();
    let rows: &[(&str, bool)] =
        &[("apps/db/overlays/other/x.yaml", true), ("apps/web/overlays/prod/x.yaml", false)];
    let words = &["apps/db/overlays/other/x.yaml"];
    assert_readable(&plugin(&instance, "look", &reader(&instance, rows), words).exits(0), rows);
}

#[test]
fn a_plugin_of_create_is_a_plugin() {
    let instance = instance();
    let rows: &[(&str, bool)] = &[("base/cm.yaml", true), ("overlays/prod/extra.yaml", false)];
    instance
        .program("bin/kubectl-create-thing", &format!("#!/bin/sh\n{}\n", reader(&instance, rows)));
    instance.program("bin/kubectl", "#!/bin/sh\nexec kubectl-create-thing\n");
    assert_readable(&instance.kubectl(&["create", "thing"]).exits(0), rows);
}

#[test]
fn a_guard_inside_a_plugin_still_judges_and_runs() {
    let instance = instance();
    let shim = shim();
    instance.program(
        "bin/kubectl-twice",
        &format!(
            "#!/bin/sh\n{0} apply -k overlays/develop; {0} apply -k overlays/prod; echo code $?\n",
            shim.display()
        ),
    );
    instance.program(
        "bin/kubectl",
        "#!/bin/sh
        case $1 in
        twice) exec kubectl-twice ;;
        *) cat base/cm.yaml >/dev/null && echo ran; cat apps/web/deploy.yaml || true ;;
        esac\n",
    );
    let output = instance.kubectl(&["twice"]).says("refused (target-foreign)").exits(0);
    assert_eq!(output.stdout, "ran\ncode 77\n", "{output}");
}
