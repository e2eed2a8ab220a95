//! `tidy` and `tidy --undo`.

mod needed;
mod own_work;
mod patterns;
mod undo;

use std::process::Command;

use super::ground::{Ground, inventory};
use crate::support::Output;

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
    let own = output.stdout.split("1 file of your own would be put aside:\n").nth(1);
    assert_eq!(own.map(str::trim), Some("overlays/prod/mine.yaml"), "{output}");
    assert_eq!(inventory(&ground.top()), before);
    assert!(!ground.top().join(".git/envguard").exists());
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
