//! Git directories, linked worktrees, submodules and several checkouts, as the real
//! git makes them.

use std::os::unix::fs::symlink;

use crate::support::{Instance, Output, config_map};

/// An instance whose tree is committed.
fn committed() -> Instance {
    let instance = Instance::new();
    instance.git(&["add", "."]);
    instance.git(&["commit", "--quiet", "-m", "all"]);
    instance
}

#[track_caller]
fn verdict(instance: &Instance, words: &[&str], expected: &str) {
    let output = instance.check(words);
    if expected == "run" {
        assert_eq!(output.code, Some(0), "{words:?}: {output}");
    } else {
        assert_eq!(output.code, Some(77), "{words:?}: {output}");
        assert!(output.stdout.contains(&format!("({expected})")), "{words:?}: {output}");
    }
}

#[test]
fn a_linked_worktree_belongs_to_its_checkout() {
    let instance = committed();
    for options in [&[][..], &["-c", "worktree.useRelativePaths=true"]] {
        let mut words = options.to_vec();
        words.extend(["worktree", "add", "--quiet", "--detach", "../elsewhere/fix"]);
        instance.git(&words);
        verdict(&instance, &["apply", "-k", "../elsewhere/fix/overlays/develop"], "run");
        verdict(&instance, &["apply", "-k", "../elsewhere/fix/overlays/prod"], "target-foreign");
        let data = "--from-file=../elsewhere/fix/overlays/prod/extra.yaml";
        verdict(&instance, &["create", "cm", "x", data], "input-foreign");
        verdict(&instance, &["cp", "../elsewhere", "web:/x"], "input-foreign");
        // references across are inside
        let kustomization = |entry: &str| format!("resources: [{entry}]\n");
        let fix = "elsewhere/fix/overlays/develop/kustomization.yaml";
        instance.write(fix, &kustomization("../../../../m/base"));
        verdict(&instance, &["apply", "-k", "../elsewhere/fix/overlays/develop"], "run");
        instance.write(fix, &kustomization("../../../../m/overlays/prod"));
        let fixed = &["apply", "-k", "../elsewhere/fix/overlays/develop"];
        verdict(&instance, fixed, "reference-foreign");
        instance.write(
            "m/overlays/develop/kustomization.yaml",
            &kustomization("../../../elsewhere/fix/base"),
        );
        verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
        // removed without git: the record stays behind and means nothing
        std::fs::remove_dir_all(instance.path("elsewhere/fix")).unwrap();
        instance.write("elsewhere/fix/overlays/develop/cm.yaml", &config_map("x"));
        let stale = &["apply", "-f", "../elsewhere/fix/overlays/develop/cm.yaml"];
        verdict(&instance, stale, "target-outside");
        std::fs::remove_dir_all(instance.path("elsewhere/fix")).unwrap();
        instance.git(&["worktree", "prune"]);
        instance.git(&["checkout", "--quiet", "."]);
    }
}

#[test]
fn a_checkout_that_is_itself_a_linked_worktree() {
    let instance = committed();
    instance.git(&["worktree", "add", "--quiet", "--detach", "../fix"]);
    let configured = instance.config_text().replace("/m\n", "/fix\n");
    instance.write("config.yaml", &configured);
    verdict(&instance, &["apply", "-k", "../fix/overlays/develop"], "run");
    verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
    verdict(&instance, &["apply", "-k", "overlays/prod"], "target-foreign");
    let git_dir = instance.git(&["-C", "../fix", "rev-parse", "--git-dir"]);
    let file = format!("{}/HEAD", git_dir.trim());
    verdict(&instance, &["get", "-f", &file], "reference-git");
}

#[test]
fn git_directories_are_known_wherever_they_lie() {
    let instance = committed();
    // --separate-git-dir: `.git` is a file
    instance.git(&["init", "--quiet", "--separate-git-dir", "../elsewhere/store"]);
    instance.write("elsewhere/store/saved/overlays/develop/cm.yaml", &config_map("x"));
    let saved = "../elsewhere/store/saved/overlays/develop/cm.yaml";
    verdict(&instance, &["apply", "-f", saved], "reference-git");
    verdict(&instance, &["create", "cm", "x", &format!("--from-file={saved}")], "reference-git");
    verdict(&instance, &["cp", "../elsewhere", "web:/x"], "reference-git");
    verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
    // a worktree of that
    instance.git(&["worktree", "add", "--quiet", "--detach", "../fix"]);
    verdict(&instance, &["apply", "-k", "../fix/overlays/prod"], "target-foreign");
    verdict(&instance, &["apply", "-k", "../fix/overlays/develop"], "run");
    // `.git` may be a link, to a directory or to such a file
    let instance = committed();
    for (kept, real) in [("store", "store"), ("file", "store2")] {
        std::fs::rename(instance.path("m/.git"), instance.path(&format!("elsewhere/{real}")))
            .unwrap();
        if kept == "file" {
            instance.write("elsewhere/file", "gitdir: ../elsewhere/store2\n");
        }
        instance.link(&format!("../elsewhere/{kept}"), "m/.git");
        instance.git(&["status"]);
        let head = format!("../elsewhere/{real}/HEAD");
        verdict(&instance, &["get", "-f", &head], "reference-git");
        verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
        std::fs::remove_file(instance.path("m/.git")).unwrap();
        std::fs::rename(instance.path(&format!("elsewhere/{real}")), instance.path("m/.git"))
            .unwrap();
    }
    // somebody else's bare repository, of any name, even under alsoAllow
    let instance = instance.rules("alsoAllow: [/]");
    instance.git(&["clone", "--quiet", "--bare", ".", "../elsewhere/bare"]);
    instance.write("elsewhere/bare/x.yaml", &config_map("x"));
    verdict(&instance, &["apply", "-f", "../elsewhere/bare/x.yaml"], "reference-git");
    verdict(&instance, &["apply", "-f", "../elsewhere/bare"], "reference-git");
    instance.link("../../../elsewhere/bare", "m/overlays/develop/link");
    verdict(&instance, &["apply", "-f", "overlays/develop/link/"], "reference-git");
}

#[test]
fn worktrees_beside_and_inside_a_bare_repository() {
    let instance = committed();
    instance.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    let bare = |words: &[&str]| {
        let mut all = vec!["-C", "../bare.git"];
        all.extend(words);
        instance.git(&all)
    };
    bare(&["worktree", "add", "--quiet", "--detach", "inside"]);
    bare(&["worktree", "add", "--quiet", "--detach", "../beside"]);
    let configured = instance.config_text();
    for checkout in ["bare.git", "bare.git/inside", "beside"] {
        instance.write("config.yaml", &configured.replace("/m\n", &format!("/{checkout}\n")));
        for tree in ["bare.git/inside", "beside"] {
            let overlay = |name: &str| format!("../{tree}/overlays/{name}");
            verdict(&instance, &["apply", "-k", &overlay("develop")], "run");
            verdict(&instance, &["apply", "-k", &overlay("prod")], "target-foreign");
        }
        verdict(&instance, &["get", "-f", "../bare.git/HEAD"], "reference-git");
        verdict(&instance, &["get", "-f", "../bare.git/config"], "reference-git");
    }
}

#[test]
fn a_submodules_git_directory_is_one() {
    let instance = committed();
    instance.git(&["clone", "--quiet", "--bare", ".", "../library.git"]);
    let add = ["-c", "protocol.file.allow=always", "submodule", "add", "--quiet"];
    let mut words = add.to_vec();
    words.extend(["../library.git", "library"]);
    instance.git(&words);
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [../../library/base]\n");
    verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
    verdict(&instance, &["get", "-f", ".git/modules/library/config"], "reference-git");
    verdict(&instance, &["get", "-f", "library/.git"], "reference-git");
}

#[test]
fn a_checkout_below_the_top_of_its_repository() {
    let instance = committed();
    let nested = instance.config_text().replace("/m\n", "/m/overlays\n");
    instance.write("config.yaml", &nested.replace("[overlays]", "[.]"));
    instance.git(&["worktree", "add", "--quiet", "--detach", "../fix"]);
    verdict(&instance, &["apply", "-k", "../fix/overlays/prod"], "target-foreign");
    verdict(&instance, &["apply", "-k", "overlays/prod"], "target-foreign");
    // its kustomizations reach out of what is configured
    verdict(&instance, &["apply", "-k", "overlays/develop"], "reference-outside");
}

#[test]
fn several_checkouts_belong_together() {
    let instance = committed();
    instance.write("lib/base/cm.yaml", &config_map("lib"));
    instance.write("lib/base/kustomization.yaml", "resources: [cm.yaml]\n");
    instance.write("lib/envs/live/kustomization.yaml", "resources: [../../base]\n");
    instance.write("lib/envs/develop/kustomization.yaml", "resources: [../../base]\n");
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [../../../lib/base]\n");
    let entry = &["apply", "-k", "overlays/develop"];
    verdict(&instance, entry, "reference-outside");
    let text = instance.config_text().replace(
        "banner:",
        &format!(
            "  - path: {}\n    overlayRoots: [envs]\n    allow: [develop]\nbanner:",
            instance.path("lib").display()
        ),
    );
    instance.write("config.yaml", &text);
    verdict(&instance, entry, "run");
    verdict(&instance, &["apply", "-k", "../lib/envs/develop"], "run");
    verdict(&instance, &["apply", "-k", "../lib/envs/live"], "target-foreign");
    instance
        .write("m/overlays/develop/kustomization.yaml", "resources: [../../../lib/envs/live]\n");
    verdict(&instance, entry, "reference-foreign");
}

#[test]
fn git_files_that_make_no_sense() {
    let instance = committed();
    let apply = &["apply", "-k", "overlays/prod"];
    for text in ["", "gitdir:", "gitdir: \n", "gitdir: /nowhere", "\u{0}\u{1}", "gitdir: ../m/.git"]
    {
        std::fs::rename(instance.path("m/.git"), instance.path("saved")).unwrap();
        instance.write("m/.git", text);
        verdict(&instance, apply, "target-foreign");
        verdict(&instance, &["apply", "-k", "overlays/develop"], "run");
        std::fs::remove_file(instance.path("m/.git")).unwrap();
        std::fs::rename(instance.path("saved"), instance.path("m/.git")).unwrap();
    }
    // A FIFO is not waited for, and a large file not read to its end.
    std::fs::remove_dir_all(instance.path("m/.git")).unwrap();
    Output::of(std::process::Command::new("mkfifo").arg(instance.path("m/.git"))).exits(0);
    verdict(&instance, apply, "target-foreign");
    std::fs::remove_file(instance.path("m/.git")).unwrap();
    instance.write("m/.git", &"x".repeat(1 << 20));
    verdict(&instance, apply, "target-foreign");
}

#[test]
fn an_address_is_followed_through_the_links_of_the_repository() {
    let instance = committed().rules("policy: {remotes: ['https://github.com/org/']}");
    instance.git(&["config", "remote.origin.url", "https://github.com/org/manifests"]);
    symlink("../overlays/prod", instance.path("m/base/current")).unwrap();
    symlink("../overlays/develop", instance.path("m/base/next")).unwrap();
    for (path, expected) in [("base/current", "target-foreign"), ("base/next", "run")] {
        let address = format!("https://github.com/org/manifests//{path}?ref=main");
        verdict(&instance, &["apply", "-k", &address], expected);
    }
}

#[test]
fn a_checkout_is_an_address_itself() {
    let instance = committed();
    let top = instance.path("m");
    let top = top.to_str().unwrap();
    let instance = instance.rules("policy: {remotes: ['file:///']}");
    symlink(top, instance.path("link.git")).unwrap();
    symlink("m/.git", instance.path("bare.git")).unwrap();
    let link = instance.path("link.git");
    let bare = instance.path("bare.git");
    for repository in [top, &format!("{top}/.git"), link.to_str().unwrap(), bare.to_str().unwrap()]
    {
        for (overlay, expected) in [("prod", "target-foreign"), ("develop", "run")] {
            let address = format!("file://{repository}//overlays/{overlay}");
            verdict(&instance, &["diff", "-k", &address], expected);
        }
    }
}

#[test]
fn another_environments_overlay_is_foreign_at_its_address_too() {
    let instance =
        committed().rules("policy: {remotes: ['https://github.com/org/', 'ssh://github.com/org/', 'https://raw.githubusercontent.com/org/']}");
    for origin in [
        "https://github.com/org/manifests.git",
        "https://token:x@github.com/Org/manifests",
        "git@github.com:org/manifests.git",
    ] {
        instance.git(&["config", "remote.origin.url", origin]);
        for (address, expected) in [
            ("https://github.com/org/manifests//overlays/prod?ref=main", "target-foreign"),
            ("https://github.com/org/manifests/overlays/prod", "target-foreign"),
            ("github.com/org/manifests.git/overlays/prod", "target-foreign"),
            ("git@github.com:org/manifests.git//overlays/prod", "target-foreign"),
            ("https://github.com/org/manifests//overlays/develop?ref=main", "run"),
            ("https://github.com/org/manifests", "run"),
            ("https://github.com/org/driver//overlays/prod", "run"),
        ] {
            verdict(&instance, &["apply", "-k", address], expected);
        }
        for (address, expected) in [
            ("https://github.com/org/manifests/raw/main/overlays/prod/a.yaml", "target-foreign"),
            (
                "https://raw.githubusercontent.com/org/manifests/main/overlays/prod/a.yaml",
                "target-foreign",
            ),
            ("https://github.com/org/manifests/raw/main/overlays/develop/a.yaml", "run"),
        ] {
            verdict(&instance, &["apply", "-f", address], expected);
        }
        let bases = |entry: &str| format!("bases: ['{entry}']\n");
        let file = "m/overlays/develop/kustomization.yaml";
        instance.write(file, &bases("https://github.com/org/manifests//overlays/prod?ref=v1"));
        verdict(&instance, &["diff", "-k", "overlays/develop"], "reference-foreign");
        // What is fetched is no reason against taking the overlay off the disk.
        instance.envguard(&["tidy", "--dry-run"]).exits(0);
        instance.write(file, &bases("https://github.com/org/manifests//base?ref=v1"));
        verdict(&instance, &["diff", "-k", "overlays/develop"], "run");
    }
}
