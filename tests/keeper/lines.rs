//! What git is taught, whatever else somebody has taught it.

use super::ground::Ground;

/// Ours and nobody else's: gone when the last word is undo.
fn undone(ground: &Ground) {
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert_eq!(ground.foreign().len(), 3);
    ground.is_clean();
    assert_eq!(ground.try_git(&["sparse-checkout", "list"]).code, Some(128), "it is sparse");
}

#[test]
fn what_git_takes_for_the_allowed_overlay_does_not_go() {
    let ground = Ground::new();
    ground.write("overlays/Develop/cm.yaml", "a: 1\n");
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=two"]);
    ground.git(&["config", "core.ignoreCase", "true"]);
    let output = ground.tidy().exits(1);
    let output = output.says("overlays/Develop").says("overlays/develop").says("case");
    assert!(ground.top().join("overlays/develop/kustomization.yaml").is_file());
    assert_eq!(ground.foreign().len(), 3);
    // The remedy is a line that works.
    let remedy = output.stderr.lines().find_map(|line| line.trim().strip_prefix("instead"));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", remedy.unwrap().trim()]);
    crate::support::Output::of(&mut shell).exits(0);
    ground.tidy().exits(0);
    ground.is_tidy();
    assert!(!ground.top().join("overlays/Develop").exists());
    assert!(ground.top().join("overlays/develop/kustomization.yaml").is_file());
}

#[test]
fn two_checkouts_in_one_working_tree_both_keep_theirs() {
    let ground = Ground::new();
    for name in ["develop", "prod"] {
        ground.write(&format!("platform/overlays/{name}/cm.yaml"), "a: 1\n");
    }
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=two"]);
    let top = ground.top();
    ground.change_config("path: ", top.join("apps").to_str().unwrap());
    ground.roots("[\"*/overlays\"]");
    let one = ground.instance.config_text();
    let platform = format!(
        "checkouts:\n  - path: {}/platform\n    overlayRoots: [overlays]\n    allow: [prod]\n",
        top.display()
    );
    ground.instance.write("config.yaml", &one.replace("checkouts:\n", &platform));
    let gone = || {
        !ground.top().join("apps/web/overlays/prod").exists()
            && !ground.top().join("platform/overlays/develop").exists()
    };
    ground.tidy().exits(0);
    assert!(gone());
    let again = ground.tidy().exits(0);
    assert_eq!(again.stdout.matches("nothing to do").count(), 2, "{again}");
    assert!(gone());
    ground.is_clean();
    // One that is not configured any more keeps nothing away.
    ground.instance.write("config.yaml", &one);
    ground.tidy().exits(0);
    assert!(!ground.top().join("apps/web/overlays/prod").exists());
    assert!(ground.top().join("platform/overlays/develop").is_dir());
    undone(&ground);
}

#[test]
fn a_cone_that_somebody_turned_on_over_our_lines_is_none() {
    let ground = Ground::new();
    ground.tidy().exits(0);
    ground.git(&["sparse-checkout", "init", "--cone"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    undone(&ground);
}

#[test]
fn a_cone_that_somebody_sets_after_tidy_is_theirs() {
    let ground = Ground::new();
    ground.tidy().exits(0);
    ground.git(&["sparse-checkout", "set", "--cone", "apps"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    assert!(!ground.top().join("overlays").exists());
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert_eq!(ground.git(&["sparse-checkout", "list"]), "apps\n");
    ground.is_clean();
}

#[test]
fn without_a_file_of_lines_everything_is_wanted() {
    let ground = Ground::new();
    ground.tidy().exits(0);
    std::fs::remove_file(ground.top().join(".git/info/sparse-checkout")).unwrap();
    ground.tidy().exits(0);
    ground.is_tidy();
    assert!(ground.top().join("overlays/develop/kustomization.yaml").is_file());
    undone(&ground);
}

#[test]
fn a_file_in_an_overlays_place_is_no_deletion() {
    for what in ["file", "link"] {
        let ground = Ground::new();
        let place = ground.top().join("overlays/prod");
        std::fs::remove_dir_all(&place).unwrap();
        if what == "file" {
            std::fs::write(&place, "mine\n").unwrap();
        } else {
            std::os::unix::fs::symlink("../apps", &place).unwrap();
        }
        let output = ground.tidy().exits(1).says("overlays/prod is ").says(": left alone");
        assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
        assert_eq!(ground.git(&["status", "--porcelain"]), "?? overlays/prod\n", "{what}");
        ground.write("base/cm.yaml", "changed: true\n");
        ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
        let words = ["log", "--all", "--diff-filter=D", "--name-only", "--format="];
        assert_eq!(ground.git(&words), "", "{what}: a deletion is in the history");
        // Whatever undo can do, it is still there.
        drop(ground.instance.envguard(&["tidy", "--undo"]));
        let kept = place.symlink_metadata().unwrap();
        assert!(!kept.is_dir(), "{what} went");
    }
}
