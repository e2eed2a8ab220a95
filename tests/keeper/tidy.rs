//! `tidy` and `tidy --undo`.

use std::process::Command;

use super::ground::{Ground, inventory};
use crate::support::{Output, kubectls};

#[test]
fn foreign_overlays_go_and_status_stays_clean() {
    let ground = Ground::new();
    ground.tidy().exits(0).prints("3 foreign overlays taken off the disk");
    ground.is_tidy();
    assert!(ground.top().join("overlays/develop/kustomization.yaml").is_file());
    assert!(ground.top().join("base/cm.yaml").is_file());
    ground.tidy().exits(0).prints("nothing to do; 3 foreign overlays kept away");
}

#[test]
fn a_dry_run_says_what_would_go_and_does_nothing() {
    let ground = Ground::new();
    ground.write("overlays/prod/mine.yaml", "x");
    let before = inventory(&ground.top());
    let words = ["tidy", "--dry-run"];
    let output = ground.instance.envguard(&words).exits(0).prints("3 would be taken off the disk");
    assert!(output.stdout.contains("overlays/prod\n"), "{output}");
    assert_eq!(inventory(&ground.top()), before);
    assert!(!ground.top().join(".git/envguard").exists());
}

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

#[test]
fn undo_brings_everything_back() {
    let ground = Ground::new();
    let before = ground.git(&["ls-files", "--stage", "-t"]);
    let files = inventory(&ground.top()).into_keys().collect::<Vec<_>>();
    ground.tidy().exits(0);
    ground
        .instance
        .envguard(&["tidy", "--undo"])
        .exits(0)
        .prints("3 foreign overlays on the disk again");
    assert_eq!(inventory(&ground.top()).into_keys().collect::<Vec<_>>(), files);
    assert_eq!(ground.git(&["ls-files", "--stage", "-t"]), before);
    ground.is_clean();
    ground.tidy().exits(0);
    ground.is_tidy();
}

#[test]
fn the_users_own_sparse_checkout_is_kept_and_comes_back() {
    for words in [&["--cone", "apps/web"][..], &["--no-cone", "/apps/*", "/base/"]] {
        let ground = Ground::new();
        ground.git(&[&["sparse-checkout", "set"], words].concat());
        let before = ground.git(&["sparse-checkout", "list"]);
        let files = inventory(&ground.top()).into_keys().collect::<Vec<_>>();
        ground.tidy().exits(0);
        ground.is_tidy();
        assert!(ground.top().join("apps/web/overlays/develop/cm.yaml").is_file());
        // Never a re-inclusion: what the user excluded stays away.
        assert!(!ground.top().join("overlays/develop").exists(), "{words:?}");
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.git(&["sparse-checkout", "list"]), before, "{words:?}");
        assert_eq!(inventory(&ground.top()).into_keys().collect::<Vec<_>>(), files, "{words:?}");
    }
}

#[test]
fn what_the_user_adds_later_brings_nothing_foreign() {
    let ground = Ground::new();
    ground.git(&["sparse-checkout", "set", "--no-cone", "/base/"]);
    ground.tidy().exits(0);
    ground.git(&["sparse-checkout", "add", "/apps/"]);
    ground.is_tidy();
    ground.tidy().exits(0);
    ground.is_tidy();
    assert!(ground.top().join("apps/web/overlays/develop").is_dir());
    assert!(!ground.top().join("overlays").exists());
}

#[test]
fn an_overlay_nested_in_another_goes_with_it() {
    let ground = Ground::new();
    ground.roots("[\"**/overlays\"]");
    ground.write("overlays/prod/overlays/develop/cm.yaml", "a: 1\n");
    ground.write("overlays/develop/overlays/prod/cm.yaml", "a: 1\n");
    ground.write("overlays/develop/overlays/develop/cm.yaml", "a: 1\n");
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=nested"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    assert!(!ground.top().join("overlays/develop/overlays/prod").exists());
    assert!(ground.top().join("overlays/develop/overlays/develop/cm.yaml").is_file());
}

#[test]
fn a_pull_that_brings_a_new_foreign_overlay_brings_it_nowhere() {
    let ground = Ground::new();
    ground.tidy().exits(0);
    let other = ground.instance.path("other");
    let other = other.to_str().unwrap();
    ground.git(
        &["clone", "--quiet", "upstream-link", other]
            .map(|word| if word == "upstream-link" { "../upstream" } else { word }),
    );
    let push = "cd \"$1\" && mkdir -p overlays/qa && echo a > overlays/qa/x.yaml && git add . &&
        git -c user.name=o -c user.email=o@e commit -qm qa && git push -q";
    Output::of(Command::new("sh").args(["-c", push, "sh", other])).exits(0);
    ground.git(&["fetch", "--quiet"]);
    // What the upstream has is kept away before it comes.
    ground.tidy().exits(0);
    ground.git(&["pull", "--quiet", "--ff-only"]);
    assert!(!ground.top().join("overlays/qa").exists());
    ground.is_tidy();
}
