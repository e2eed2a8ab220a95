//! The patterns of the sparse checkout: ours, the user's own, and what git makes of them.

use std::process::Command;

use crate::keeper::ground::{Ground, inventory};
use crate::support::Output;

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
fn no_line_of_the_users_brings_a_foreign_file() {
    for line in ["*.yaml", "**/kustomization.yaml", "/overlays/prod/extra.yaml", "prod/", "deep/*"]
    {
        let ground = Ground::new();
        ground.write("overlays/prod/deep/er/kustomization.yaml", "resources: []\n");
        ground.git(&["add", "--all"]);
        ground.git(&["commit", "--quiet", "--message=deep"]);
        ground.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/overlays/*/", line]);
        let before = ground.git(&["sparse-checkout", "list"]);
        ground.tidy().exits(0);
        ground.is_tidy();
        ground.git(&["sparse-checkout", "reapply"]);
        ground.is_tidy();
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.git(&["sparse-checkout", "list"]), before, "{line}");
    }
}

#[test]
fn lines_of_an_earlier_version_are_replaced_and_undone() {
    let earlier = || {
        let ground = Ground::new();
        ground.tidy().exits(0);
        for file in [".git/info/sparse-checkout", ".git/envguard/sparse.json"] {
            let text = std::fs::read_to_string(ground.top().join(file)).unwrap();
            assert!(text.contains("prod/**"), "{text}");
            ground.write(file, &text.replace("/**", "/"));
        }
        ground
    };
    let ground = earlier();
    ground.tidy().exits(0);
    ground.is_tidy();
    let lines = ground.git(&["sparse-checkout", "list"]);
    assert_eq!(lines.lines().filter(|line| line.ends_with('/')).count(), 0, "{lines}");
    assert_eq!(lines.lines().count(), 4, "{lines}");
    for ground in [ground, earlier()] {
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.foreign().len(), 3);
        ground.is_clean();
        assert_eq!(ground.try_git(&["sparse-checkout", "list"]).code, Some(128));
    }
}

#[test]
fn gits_own_commands_do_not_look_at_every_file_for_every_overlay() {
    if crate::support::lacks("strace", "counts what git looks at") {
        return;
    }
    let ground = Ground::new();
    for app in 0..50 {
        for name in ["develop", "prod"] {
            ground.write(&format!("apps/a{app}/overlays/{name}/cm.yaml"), "a: 1\n");
        }
    }
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=many"]);
    ground.tidy().exits(0);
    let log = ground.instance.path("elsewhere/trace");
    for words in [&["reset", "--quiet", "--hard"][..], &["sparse-checkout", "reapply"]] {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=newfstatat,lstat,stat,statx", "-o"]).arg(&log);
        strace.arg("git").args(words).current_dir(ground.top());
        Output::of(&mut strace).exits(0);
        let trace = std::fs::read_to_string(&log).unwrap();
        let looks = trace.lines().filter(|line| line.contains("/prod/")).count();
        // For each of 53 files a few times, not once for each overlay.
        assert!(looks <= 500, "{words:?} looked {looks} times at what is not there");
    }
    ground.is_tidy();
}
