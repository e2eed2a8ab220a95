//! What git could not give back is put aside, and nothing else is.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::keeper::ground::{Ground, inventory};
use crate::support::Output;

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
    let object = crate::keeper::ground::hash(content.as_bytes());
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
