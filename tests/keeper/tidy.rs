//! `tidy` and `tidy --undo`.

use std::os::unix::fs::MetadataExt;
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
    let own = output.stdout.split("1 file of your own would be put aside:\n").nth(1);
    assert_eq!(own.map(str::trim), Some("overlays/prod/mine.yaml"), "{output}");
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
fn undo_leaves_no_file_of_gits_that_the_user_did_not_have() {
    let files = |ground: &Ground| {
        let of_git = ["info/sparse-checkout", "config.worktree"];
        of_git.map(|name| std::fs::read_to_string(ground.top().join(".git").join(name)).ok())
    };
    let undone = |prepare: &dyn Fn(&Ground), meanwhile: &dyn Fn(&Ground)| {
        let ground = Ground::new();
        prepare(&ground);
        let before = files(&ground);
        ground.tidy().exits(0);
        ground.is_tidy();
        meanwhile(&ground);
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.foreign().len(), 3);
        ground.is_clean();
        (before, files(&ground))
    };
    let nothing = |_: &Ground| {};
    assert_eq!(undone(&nothing, &nothing).1, [None, None]);
    // Twice is as good as once.
    let twice = |ground: &Ground| {
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        ground.tidy().exits(0);
    };
    assert_eq!(undone(&nothing, &twice).1, [None, None]);
    // Where the user once had a sparse checkout, both files stay.
    let once = |ground: &Ground| {
        ground.git(&["sparse-checkout", "set", "--no-cone", "/base/"]);
        ground.git(&["sparse-checkout", "disable"]);
    };
    let (before, after) = undone(&once, &nothing);
    assert!(before.iter().chain(&after).all(Option::is_some), "{before:?} {after:?}");
    // And so does a file in which the user has written since.
    let own = |ground: &Ground| drop(ground.git(&["config", "--worktree", "user.name", "me"]));
    let [lines, config] = undone(&nothing, &own).1;
    assert_eq!(lines, None);
    assert!(config.unwrap().contains("name = me"));
    let comment = |ground: &Ground| {
        let file = ground.top().join(".git/info/sparse-checkout");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("# why\n{text}")).unwrap();
    };
    let [lines, config] = undone(&nothing, &comment).1;
    assert!(lines.unwrap().starts_with("# why\n"));
    assert_eq!(config, None);
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

#[test]
fn a_copied_checkout_is_not_ones_own_work() {
    let ground = Ground::new();
    // Other inodes and times than the index says, the same contents.
    let script = "cp -r \"$1\" \"$1.copy\" && rm -rf \"$1\" && mv \"$1.copy\" \"$1\"";
    Output::of(Command::new("sh").args(["-c", script, "sh"]).arg(ground.top())).exits(0);
    ground.write("overlays/prod/extra.yaml", "mine: true\n");
    ground.tidy().exits(0);
    ground.is_tidy();
    assert_eq!(ground.ids().len(), 1, "only what differs is put aside");
}

#[test]
fn what_git_was_told_to_take_for_unchanged_is_put_aside_all_the_same() {
    for bit in ["--assume-unchanged", "--skip-worktree"] {
        let ground = Ground::new();
        ground.git(&["update-index", bit, "overlays/prod/extra.yaml"]);
        ground.write("overlays/prod/extra.yaml", "mine: true\n");
        let output = ground.tidy().exits(0).prints(": 3 foreign overlays taken off the disk");
        assert_eq!(output.stdout.matches("  overlays/prod\n").count(), 1, "{output}");
        ground.is_tidy();
        let ids = ground.ids();
        let to = ground.instance.path("back");
        ground.instance.envguard(&["restore", &ids[0], "--to", to.to_str().unwrap()]).exits(0);
        let back = std::fs::read_to_string(to.join("overlays/prod/extra.yaml")).unwrap();
        assert_eq!(back, "mine: true\n", "{bit}");
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.foreign().len(), 3, "{bit}");
    }
}

#[test]
fn a_change_of_the_same_size_and_time_is_a_change() {
    let ground = Ground::new();
    ground.git(&["config", "core.checkStat", "minimal"]);
    ground.git(&["config", "core.trustctime", "false"]);
    let file = ground.top().join("overlays/prod/extra.yaml");
    // Old enough for git to trust its index.
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let age = || std::fs::File::options().write(true).open(&file).unwrap().set_modified(old);
    age().unwrap();
    ground.git(&["update-index", "--refresh"]);
    let size = file.metadata().unwrap().len();
    // What is left to git is the inode's own time, in seconds.
    let changed = || file.metadata().unwrap().ctime();
    let begun = changed();
    while changed() == begun {
        ground.write("overlays/prod/extra.yaml", &"x".repeat(usize::try_from(size).unwrap()));
        age().unwrap();
    }
    assert_eq!(ground.git(&["status", "--porcelain"]), "", "git itself is not deceived");
    ground.tidy().exits(0);
    assert_eq!(ground.ids().len(), 1);
}

#[test]
fn while_git_never_rests_nothing_is_called_done() {
    let ground = Ground::new();
    ground.tidy().exits(0);
    ground.write("overlays/prod/mine.yaml", "mine");
    let script = "while :; do touch .git/index; done";
    let mut shell = Command::new("sh");
    let mut restless = shell.args(["-c", script]).current_dir(ground.top()).spawn().unwrap();
    let output = ground.tidy();
    let present = !ground.foreign().is_empty();
    restless.kill().unwrap();
    restless.wait().unwrap();
    // Between two touches it may have found its moment.
    if present {
        output.exits(1).says("git is at work");
    } else {
        output.exits(0);
    }
    ground.tidy().exits(0);
    ground.is_tidy();
    assert_eq!(ground.ids().len(), 1);
}

#[test]
fn for_what_git_does_not_know_its_lock_is_not_taken() {
    if crate::support::lacks("strace", "sees who takes git's lock") {
        return;
    }
    let ground = Ground::new();
    ground.tidy().exits(0);
    ground.write("overlays/prod/mine.yaml", "mine");
    let log = ground.instance.path("elsewhere/trace");
    let mut strace = ground.instance.command("/usr/bin/strace".as_ref());
    strace.args(["-f", "-qq", "-e", "trace=openat", "-o"]).arg(&log);
    Output::of(strace.arg(crate::support::envguard()).arg("tidy")).exits(0);
    ground.is_tidy();
    let trace = std::fs::read_to_string(&log).unwrap();
    assert!(trace.contains("O_RDONLY"), "the trace shows nothing");
    let locks =
        trace.lines().filter(|line| line.contains("index.lock\"") && line.contains("O_CREAT"));
    assert_eq!(locks.count(), 0, "git commands of the user's would fail meanwhile: {trace}");
}

#[test]
fn what_git_calls_unchanged_but_would_write_otherwise_is_put_aside() {
    for (attributes, was, is) in [
        ("*.yaml filter=secret\n", "password: X\n", "password: hunter2\n"),
        ("* text=auto\n", "line\n", "line\r\n"),
        ("*.yaml ident\n", "$Id$\n", "$Id: mine $\n"),
    ] {
        let ground = Ground::new();
        ground.git(&["config", "filter.secret.clean", "sed 's/password: .*/password: X/'"]);
        ground.write(".gitattributes", attributes);
        ground.write("overlays/prod/extra.yaml", was);
        ground.git(&["add", "--all"]);
        ground.git(&["commit", "--quiet", "--message=attributes"]);
        ground.write("overlays/prod/extra.yaml", is);
        // git looks, converts, and finds nothing changed.
        ground.git(&["add", "--all"]);
        ground.is_clean();
        ground.tidy().exits(0).prints("your own files of overlays/prod are put aside");
        ground.is_tidy();
        let ids = ground.ids();
        assert_eq!(ids.len(), 1, "{attributes}");
        let to = ground.instance.path("back");
        ground.instance.envguard(&["restore", &ids[0], "--to", to.to_str().unwrap()]).exits(0);
        let back = std::fs::read_to_string(to.join("overlays/prod/extra.yaml")).unwrap();
        assert_eq!(back, is, "{attributes}");
        assert_eq!(inventory(&to).len(), 1, "only what git would write otherwise");
    }
}

#[test]
fn what_a_checkout_would_write_again_is_not_put_aside() {
    for (attributes, content) in [
        ("extra.yaml text eol=crlf\n", &b"line\r\n"[..]),
        ("extra.yaml text working-tree-encoding=UTF-16LE\n", b"l\0i\0\n\0"),
        ("extra.yaml filter=plain\n", b"same: true\n"),
    ] {
        let ground = Ground::new();
        ground.git(&["config", "filter.plain.clean", "cat"]);
        ground.git(&["config", "filter.plain.smudge", "cat"]);
        ground.git(&["config", "filter.plain.required", "true"]);
        let file = ground.write("overlays/prod/extra.yaml", "");
        std::fs::write(&file, content).unwrap();
        ground.write("overlays/prod/.gitattributes", attributes);
        ground.git(&["add", "overlays/prod/.gitattributes", "overlays/prod/extra.yaml"]);
        ground.git(&["commit", "--quiet", "--message=attributes"]);
        ground.is_clean();
        ground.tidy().exits(0);
        ground.is_tidy();
        assert_eq!(ground.ids(), [""; 0], "{attributes}");
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(std::fs::read(&file).unwrap(), content, "{attributes}");
    }
}

/// What git-lfs stores in git for `content`.
fn lfs_pointer(content: &str) -> (String, String) {
    let object = super::ground::hash(content.as_bytes());
    let size = content.len();
    let version = "version https://git-lfs.github.com/spec/v1";
    (format!("{version}\noid sha256:{object}\nsize {size}\n"), object)
}

#[test]
fn what_git_lfs_cannot_give_back_is_put_aside() {
    let content = "a large secret\n";
    let (pointer, object) = lfs_pointer(content);
    // A clean filter as git-lfs has one: the content goes, the pointer stays.
    let clean = format!("cat > /dev/null; printf '{}'", pointer.replace('\n', "\\n"));
    let store = format!("{}/{}/{object}", &object[..2], &object[2..4]);
    for (on_disk, place, kept) in [
        (content, None, false),
        (content, Some("lfs"), true),
        (content, Some("elsewhere"), true),
        (&pointer[..], None, false),
        (&pointer[..], Some("lfs"), true),
        // Somebody has written something else, and git calls it unchanged.
        ("another secret\n", Some("lfs"), false),
    ] {
        let ground = Ground::new();
        ground.write(".gitattributes", "*.bin filter=lfs\n");
        ground.write("overlays/prod/large.bin", &pointer);
        ground.git(&["add", "--all"]);
        ground.git(&["commit", "--quiet", "--message=lfs"]);
        ground.git(&["config", "filter.lfs.clean", &clean]);
        ground.write("overlays/prod/large.bin", on_disk);
        ground.git(&["add", "--all"]);
        ground.is_clean();
        if let Some(place) = place {
            ground.write(&format!(".git/{place}/objects/{store}"), content);
            ground.git(&["config", "lfs.storage", place]);
        }
        ground.tidy().exits(0);
        ground.is_tidy();
        let about = format!("{on_disk:?} with {place:?}");
        assert_eq!(ground.ids().is_empty(), kept, "{about}");
        for id in ground.ids() {
            let to = ground.instance.path("back");
            ground.instance.envguard(&["restore", &id, "--to", to.to_str().unwrap()]).exits(0);
            let back = std::fs::read_to_string(to.join("overlays/prod/large.bin")).unwrap();
            assert_eq!(back, on_disk, "{about}");
        }
    }
}
