//! Repositories that libgit2 cannot read, or reads differently: tidy, the list and
//! restore work in each.

use std::os::unix::fs::PermissionsExt;

use super::ground::Ground;

fn works(ground: &Ground) {
    ground.write("overlays/prod/extra.yaml", "modified: true\n");
    ground.tidy().exits(0);
    ground.is_tidy();
    let ids = ground.ids();
    assert_eq!(ids.len(), 1);
    let to = ground.instance.path("back");
    let words = ["restore", &ids[0], "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(0);
    let back = std::fs::read_to_string(to.join("overlays/prod/extra.yaml")).unwrap();
    assert_eq!(back, "modified: true\n");
    ground.tidy().exits(0).prints("nothing to do; 3 foreign overlays kept away");
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert_eq!(ground.foreign().len(), 3);
    ground.is_clean();
}

#[test]
fn a_split_index() {
    let ground = Ground::new();
    ground.git(&["update-index", "--split-index"]);
    works(&ground);
}

#[test]
fn a_sparse_index() {
    let ground = Ground::new();
    let words = ["sparse-checkout", "set", "--cone", "--sparse-index", "apps", "base", "overlays"];
    ground.git(&words);
    // Something is a single entry in the index.
    ground.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "base", "overlays"]);
    ground.write("overlays/prod/extra.yaml", "modified: true\n");
    ground.tidy().exits(0);
    ground.is_tidy();
    assert_eq!(ground.ids().len(), 1);
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert_eq!(ground.git(&["sparse-checkout", "list"]), "base\noverlays\n");
    ground.is_clean();
}

#[test]
fn sha256_objects() {
    works(&Ground::with(&["--object-format=sha256"]));
}

#[test]
fn reftable_references() {
    let probe = tempfile::tempdir().unwrap();
    let mut git = std::process::Command::new("git");
    git.args(["init", "--quiet", "--ref-format=reftable"]).arg(probe.path());
    if !git.output().unwrap().status.success() {
        crate::support::skip("this git has no reftable (2.45)");
        return;
    }
    let ground = Ground::with(&["--ref-format=reftable"]);
    // The newest git at hand is the one that can, wherever it is.
    let mut which = std::process::Command::new("sh");
    let git = crate::support::Output::of(which.args(["-c", "command -v git"])).exits(0).stdout;
    std::os::unix::fs::symlink(git.trim(), ground.instance.path("bin/git")).unwrap();
    works(&ground);
}

#[test]
fn a_partial_clone() {
    let ground = Ground::new();
    ground.git(&["config", "extensions.partialClone", "origin"]);
    ground.git(&["config", "core.repositoryFormatVersion", "1"]);
    works(&ground);
}

#[test]
fn what_a_partial_clone_has_left_out_is_fetched_when_it_comes_back() {
    let ground = Ground::new();
    let top = ground.top();
    let upstream = ground.instance.path("upstream");
    let configure = "cd \"$1\" && git config uploadpack.allowFilter true &&
        git config uploadpack.allowAnySHA1InWant true && rm -rf \"$2\" &&
        git clone --quiet --no-checkout --filter=blob:none \"file://$1\" \"$2\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", configure, "sh"]).arg(&upstream).arg(&top);
    crate::support::Output::of(&mut shell).exits(0);
    // Taught before anything is fetched.
    ground.tidy().exits(0);
    ground.git(&["reset", "--quiet", "--hard"]);
    ground.is_tidy();
    let objects = ground.git(&["rev-list", "--objects", "--missing=print", "HEAD"]);
    assert!(objects.lines().any(|line| line.starts_with('?')), "everything was fetched");
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert_eq!(ground.foreign().len(), 3);
    ground.is_clean();
}

#[test]
fn the_untracked_cache_and_index_version_4() {
    let ground = Ground::new();
    ground.git(&["config", "core.untrackedCache", "true"]);
    ground.git(&["update-index", "--index-version", "4", "--untracked-cache"]);
    works(&ground);
}

#[test]
fn a_file_monitor_that_has_seen_nothing() {
    let hook = "#!/bin/sh\nprintf 'token\\0'\n";
    for monitor in [".git/monitor", "true"] {
        let ground = Ground::new();
        let file = ground.write(".git/monitor", hook);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        ground.git(&["config", "core.fsmonitor", monitor]);
        // One that git cannot start is the user's to mend.
        if ground.try_git(&["update-index", "--fsmonitor"]).code != Some(0) {
            assert_eq!(monitor, "true", "git runs no hook");
            ground.git(&["config", "--unset", "core.fsmonitor"]);
        }
        ground.git(&["status"]);
        works(&ground);
    }
}

#[test]
fn a_linked_worktree_of_a_bare_repository() {
    let ground = Ground::new();
    let bare = ground.instance.path("upstream");
    std::fs::remove_dir_all(ground.top()).unwrap();
    let mut git = std::process::Command::new("git");
    git.arg("-C").arg(&bare).args(["worktree", "add", "--quiet"]).arg(ground.top());
    crate::support::Output::of(git.arg("main")).exits(0);
    works(&ground);
    assert!(bare.join("envguard/quarantine").is_dir(), "the quarantine outlives the worktree");
}

#[test]
fn a_submodule_beside_the_overlays() {
    let ground = Ground::new();
    let upstream = ground.instance.path("upstream");
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    ground.git(&[&add[..], &[upstream.to_str().unwrap(), "vendored"]].concat());
    ground.git(&["commit", "--quiet", "--message=submodule"]);
    works(&ground);
    // What is in the submodule is another repository's.
    assert!(ground.top().join("vendored/overlays/prod/extra.yaml").is_file());
}

#[test]
fn clones_with_little_of_their_own() {
    for words in [&["--depth=1"][..], &["--shared"], &["--reference-if-able", "/nowhere"]] {
        let ground = Ground::new();
        let top = ground.top();
        std::fs::remove_dir_all(&top).unwrap();
        let upstream = format!("file://{}", ground.instance.path("upstream").display());
        let from = match words {
            ["--shared"] => ground.instance.path("upstream").display().to_string(),
            _ => upstream,
        };
        let mut git = std::process::Command::new("git");
        git.args(["clone", "--quiet"]).args(words).arg(from).arg(&top);
        crate::support::Output::of(&mut git).exits(0);
        works(&ground);
    }
}

#[test]
fn a_git_directory_elsewhere() {
    let ground = Ground::new();
    let elsewhere = ground.instance.path("gitdir");
    ground.git(&["init", "--quiet", "--separate-git-dir", elsewhere.to_str().unwrap()]);
    works(&ground);
    assert!(elsewhere.join("envguard").is_dir());
}

#[test]
fn a_work_tree_that_git_was_told_of() {
    let ground = Ground::new();
    let elsewhere = ground.instance.path("gitdir");
    std::fs::rename(ground.top().join(".git"), &elsewhere).unwrap();
    std::fs::write(ground.top().join(".git"), format!("gitdir: {}\n", elsewhere.display()))
        .unwrap();
    ground.git(&["config", "core.worktree", ground.top().to_str().unwrap()]);
    works(&ground);
}

#[test]
fn settings_of_the_users() {
    for settings in [
        &["core.ignoreCase=true"][..],
        &["core.fileMode=false"],
        &["core.splitIndex=true", "splitIndex.maxPercentChange=0"],
        &["feature.manyFiles=true"],
        &["index.sparse=true"],
        &["core.preloadIndex=false", "index.threads=1", "core.checkStat=minimal"],
        &["core.autocrlf=input", "core.safecrlf=true"],
        &["status.showUntrackedFiles=no", "core.quotePath=true", "color.ui=always"],
        &["core.sharedRepository=group", "core.fsync=all"],
        &["sparse.expectFilesOutsideOfPatterns=true"],
        &["core.sparseCheckoutCone=true"],
    ] {
        let ground = Ground::new();
        for setting in settings {
            let (name, value) = setting.split_once('=').unwrap();
            ground.git(&["config", name, value]);
        }
        works(&ground);
    }
}

#[test]
fn a_checkout_that_is_a_submodule_itself() {
    let ground = Ground::new();
    let upstream = ground.instance.path("upstream");
    let outer = ground.instance.path("outer");
    let script = "git init -q -b main \"$1\" && cd \"$1\" &&
        git -c protocol.file.allow=always submodule --quiet add \"$2\" m && git -C m config user.email t@t &&
        git -C m config user.name t && git -c user.name=t -c user.email=t@t commit -qm outer";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(&outer).arg(&upstream);
    crate::support::Output::of(&mut shell).exits(0);
    let inner = outer.join("m");
    ground.change_config("path: ", inner.to_str().unwrap());
    std::fs::write(inner.join("overlays/prod/extra.yaml"), "mine: true\n").unwrap();
    ground.tidy().exits(0);
    assert!(!inner.join("overlays/prod").exists());
    assert_eq!(ground.ids().len(), 1);
    let mut status = std::process::Command::new("git");
    status.args(["status", "--porcelain"]).current_dir(&outer);
    assert_eq!(crate::support::Output::of(&mut status).exits(0).stdout, "");
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert!(inner.join("overlays/prod/extra.yaml").exists());
}

#[test]
fn a_git_directory_on_another_file_system() {
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        crate::support::skip("there is no /dev/shm");
        return;
    };
    let ground = Ground::new();
    let script = "cp -a .git \"$1\" && rm -rf .git && echo \"gitdir: $1\" > .git";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(other.path().join("gitdir")).current_dir(ground.top());
    crate::support::Output::of(&mut shell).exits(0);
    works(&ground);
}

#[test]
fn no_commit_yet() {
    let ground = Ground::new();
    std::fs::remove_dir_all(ground.top().join(".git")).unwrap();
    ground.git(&["init", "--quiet", "--initial-branch=main"]);
    ground.git(&["add", "overlays/prod/extra.yaml"]);
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), [""; 0]);
    assert_eq!(ground.git(&["ls-files"]), "");
    assert_eq!(ground.ids().len(), 3);
}

#[test]
fn a_detached_head() {
    let ground = Ground::new();
    ground.git(&["checkout", "--quiet", "--detach"]);
    works(&ground);
}

#[test]
fn a_clone_that_fails_leaves_nothing() {
    let ground = Ground::new();
    let top = ground.top();
    let empty = ground.instance.path("elsewhere");
    std::fs::remove_dir_all(&top).unwrap();
    // A commit is there, its files are not: writing them fails.
    let script = "cd \"$1\" && cp -r . ../broken && cd ../broken && git unpack-objects -q < /dev/null;
        blob=$(git rev-parse main:base/cm.yaml) && f=objects/$(echo $blob | cut -c1-2)/$(echo $blob | cut -c3-) &&
        { [ -f $f ] || { mkdir p && mv objects/pack/* p/ && for k in p/*.pack; do git unpack-objects -q < $k; done; }; } && rm -f $f";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(ground.instance.path("upstream"));
    crate::support::Output::of(&mut shell).exits(0);
    let broken = ground.instance.path("broken");
    let words = ["tidy", "--clone", broken.to_str().unwrap(), top.to_str().unwrap()];
    let mut command = ground.instance.command(&crate::support::envguard());
    command.args(words).current_dir(empty);
    crate::support::Output::of(&mut command).exits(1).says("git");
    assert!(!top.exists());
    let parent = top.parent().unwrap();
    let left = std::fs::read_dir(parent).unwrap().flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().contains("envguard-clone"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_clone_never_writes_a_foreign_file() {
    let ground = Ground::new();
    let top = ground.top();
    let upstream = ground.instance.path("upstream");
    std::fs::remove_dir_all(&top).unwrap();
    let log = ground.instance.path("elsewhere/trace");
    let mut strace = ground.instance.command("/usr/bin/strace".as_ref());
    strace.current_dir(ground.instance.path("elsewhere"));
    strace.args([
        "-f",
        "-qq",
        "-e",
        "trace=openat,creat,mkdir,mkdirat,rename,renameat,symlink",
        "-o",
    ]);
    strace.arg(&log).arg(crate::support::envguard());
    strace.args(["tidy", "--clone"]).arg(&upstream).arg(&top);
    crate::support::Output::of(&mut strace).exits(0).prints("3 foreign overlays kept away");
    let trace = std::fs::read_to_string(&log).unwrap();
    let written = trace
        .lines()
        .filter(|line| line.contains("overlays/prod") || line.contains("overlays/staging"));
    assert_eq!(written.count(), 0, "{trace}");
    assert!(trace.contains("overlays/develop"), "the trace shows nothing");
    ground.is_tidy();
    assert!(top.join("overlays/develop/kustomization.yaml").is_file());
    assert_eq!(ground.git(&["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/main\n");
    // Anywhere else it is unknown what is foreign.
    let other = ground.instance.path("other");
    let words = ["tidy", "--clone", upstream.to_str().unwrap(), other.to_str().unwrap()];
    ground.instance.envguard(&words).exits(1).says("is no configured checkout");
}

#[test]
fn a_clone_says_what_it_needs_of_what_was_left_out() {
    let ground = Ground::new();
    let top = ground.top();
    ground.write("overlays/develop/kustomization.yaml", "resources: [extra.yaml, ../staging]\n");
    ground.git(&["commit", "--quiet", "--all", "--message=needs staging"]);
    ground.git(&["push", "--quiet", "origin", "main"]);
    let upstream = ground.instance.path("upstream");
    std::fs::remove_dir_all(&top).unwrap();
    let words = ["tidy", "--clone", upstream.to_str().unwrap(), top.to_str().unwrap()];
    let mut command = ground.instance.command(&crate::support::envguard());
    command.args(words).current_dir(ground.instance.path("elsewhere"));
    let output =
        crate::support::Output::of(&mut command).exits(1).prints("3 foreign overlays kept away");
    let output = output.says("overlays/develop/kustomization.yaml (resources)");
    let output = output.says("needs the foreign overlay overlays/staging");
    output.says("add staging to `shared`").says("and run: kubectl envguard tidy");
    assert_eq!(ground.foreign(), [""; 0]);
    // What it says helps.
    ground.change_config("allow: ", "[develop]\n    shared: [base, staging]");
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), ["overlays/staging"]);
    ground.is_clean();
}

/// The file is the last copy of what a damaged repository has lost.
#[test]
fn what_git_has_lost_is_put_aside() {
    for init in [&[][..], &["--object-format=sha256"]] {
        let ground = Ground::with(init);
        let object = ground.git(&["rev-parse", "HEAD:overlays/prod/extra.yaml"]);
        let object = object.trim();
        let stored = ground.top().join(".git/objects").join(&object[..2]).join(&object[2..]);
        let content = std::fs::read(ground.top().join("overlays/prod/extra.yaml")).unwrap();
        std::fs::remove_file(stored).unwrap();
        ground.tidy().exits(0);
        assert_eq!(ground.foreign(), [""; 0], "{init:?}");
        let ids = ground.ids();
        assert_eq!(ids.len(), 1, "{init:?}");
        let to = ground.instance.path("back");
        let words = ["restore", &ids[0], "--to", to.to_str().unwrap()];
        ground.instance.envguard(&words).exits(0);
        let back = std::fs::read(to.join("overlays/prod/extra.yaml")).unwrap();
        assert_eq!(back, content, "{init:?}");
    }
}
