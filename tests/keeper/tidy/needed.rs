//! What an allowed overlay needs stays, and so does what nobody can tell.

use std::process::Command;

use crate::keeper::ground::{Ground, inventory};
use crate::support::{Output, kubectls};

#[test]
fn allowed_overlays_render_the_same_bytes() {
    let ground = Ground::new();
    let Some(kubectl) = kubectls().pop() else { return };
    let render = || {
        ["overlays/develop", "apps/web/overlays/develop"].map(|dir| {
            let mut command = Command::new(&kubectl.path);
            let output = Output::of(command.args(["kustomize", dir]).current_dir(ground.top()));
            output.exits(0).stdout
        })
    };
    let before = render();
    ground.tidy().exits(0);
    assert_eq!(render(), before);
}

#[test]
fn nothing_goes_while_an_allowed_overlay_needs_it() {
    for (file, content) in [
        ("overlays/develop/kustomization.yaml", "resources: [extra.yaml, ../staging]\n"),
        ("overlays/develop/sub/kustomization.yaml", "components: [../../staging]\n"),
        ("base/kustomization.yaml", "resources: [cm.yaml, ../overlays/staging/cm.yaml]\n"),
    ] {
        let ground = Ground::new();
        ground.write(file, content);
        let before = inventory(&ground.top());
        ground
            .tidy()
            .exits(1)
            .says("needs the foreign overlay overlays/staging")
            .says("add staging to `shared`");
        assert_eq!(inventory(&ground.top()), before, "{file}");
    }
}

#[test]
fn a_link_into_a_foreign_overlay_is_a_reference_too() {
    let ground = Ground::new();
    ground.instance.link("../prod/extra.yaml", "m/overlays/develop/linked.yaml");
    ground
        .tidy()
        .exits(1)
        .says("linked.yaml (symbolic link) needs the foreign overlay overlays/prod");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn what_cannot_be_understood_removes_nothing() {
    let ground = Ground::new();
    ground.write("overlays/develop/kustomization.yaml", "resources: [");
    ground.tidy().exits(1).says("so what it needs cannot be known");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn what_is_too_deep_to_be_looked_into_removes_nothing() {
    let ground = Ground::new();
    let deep = "d/".repeat(70);
    ground.write(&format!("overlays/develop/{deep}kustomization.yaml"), "resources: []\n");
    ground.tidy().exits(1).says("directories deep in its overlay, so what it needs cannot");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn one_reference_among_hundreds_of_overlays_is_found() {
    let ground = Ground::new();
    for app in 0..300 {
        for name in ["develop", "prod"] {
            let dir = format!("apps/a{app}/overlays/{name}");
            ground
                .write(&format!("{dir}/cm.yaml"), &crate::support::config_map(&format!("a{app}")));
            let refers = if (app, name) == (298, "develop") { ", ../../../lib" } else { "" };
            let text = format!("resources: [cm.yaml{refers}]\n");
            ground.write(&format!("{dir}/kustomization.yaml"), &text);
        }
    }
    let lib = "apps/lib/kustomization.yaml";
    ground.write(lib, "resources: [../a7/overlays/prod]\n");
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=many"]);
    let output = ground.tidy().exits(1);
    let output = output.says("apps/lib/kustomization.yaml (resources)");
    output.says("needs the foreign overlay apps/a7/overlays/prod");
    assert!(ground.top().join("apps/a9/overlays/prod").exists());
    ground.write(lib, "resources: []\n");
    ground.tidy().exits(0).prints("303 foreign overlays taken off the disk");
}

#[test]
fn a_shared_overlay_stays() {
    let ground = Ground::new();
    ground.write("overlays/develop/kustomization.yaml", "resources: [extra.yaml, ../staging]\n");
    ground.change_config("allow: ", "[develop]\n    shared: [base, staging]");
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), ["overlays/staging"]);
}

#[test]
fn a_root_without_an_allowed_overlay_is_left_alone() {
    let ground = Ground::new();
    ground.change_config("allow: ", "[devlop]");
    ground.tidy().exits(1).says("has an allowed overlay").says("correct `allow`");
    assert_eq!(ground.foreign().len(), 3);
    // What is listed by name goes all the same.
    ground.change_config("allow: ", "[devlop]\n    foreign: [prod]");
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), ["overlays/staging"]);
}

#[test]
fn an_app_that_exists_in_production_only_is_left_alone() {
    let ground = Ground::new();
    ground.git(&["rm", "-r", "--quiet", "apps/web/overlays/develop"]);
    ground.git(&["commit", "--quiet", "--message=two"]);
    ground.git(&["push", "--quiet"]);
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), ["apps/web/overlays/prod"]);
    ground.is_clean();
}
