//! Odd names, odd things, full and read-only disks: one message each, nothing lost,
//! and the rest is done.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use super::ground::{Ground, inventory};
use crate::support::{Output, envguard};

#[test]
fn names_may_be_anything() {
    let ground = Ground::new();
    for name in [
        &b"new\nline"[..],
        b"bad\xff",
        b"end ",
        b" lead",
        b"st*r",
        b"[a]",
        b"!x",
        b"#x",
        b"back\\",
        b"tab\t",
        "本番".as_bytes(),
        b"-f",
        b"\"q\"",
        b"cr\r",
    ] {
        let dir = ground.top().join("overlays").join(OsStr::from_bytes(name));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("tracked.yaml"), "a: 1\n").unwrap();
    }
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=odd"]);
    for name in std::fs::read_dir(ground.top().join("overlays")).unwrap().flatten() {
        if name.file_name() != "develop" {
            std::fs::write(name.path().join(OsStr::from_bytes(b"own\n\xff ")), "own").unwrap();
        }
    }
    ground.tidy().exits(0);
    let left: Vec<_> = std::fs::read_dir(ground.top().join("overlays"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["develop"]);
    ground.is_clean();
    // All come back, byte for byte.
    let ids = ground.ids();
    assert_eq!(ids.len(), 16);
    let to = ground.instance.path("back");
    for id in ids {
        let words = ["restore", &id, "--to", to.to_str().unwrap()];
        ground.instance.envguard(&words).exits(0);
    }
    assert_eq!(inventory(&to).len(), 16);
    assert!(to.join("overlays").join(OsStr::from_bytes(b"bad\xff")).is_dir());
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    ground.is_clean();
}

#[test]
fn paths_of_four_thousand_bytes() {
    let ground = Ground::new();
    let script = "cd overlays/prod && i=0; while [ $i -lt 19 ]; do
        d=$(printf 'd%.0s' $(seq 200)); mkdir $d && cd -P $d || exit 1; i=$((i + 1)); done; echo own > f";
    let mut shell = Command::new("bash");
    Output::of(shell.args(["-c", script]).current_dir(ground.top())).exits(0);
    ground.tidy().exits(0);
    ground.is_tidy();
    assert_eq!(ground.ids().len(), 1);
}

#[test]
fn what_is_no_directory_is_left_alone_with_one_message_each() {
    let ground = Ground::new();
    ground.change_config("allow: ", "[develop]\n    foreign: [prod, staging, qa, uat, live]");
    ground.write("overlays/qa", "a file\n");
    ground.instance.link("/etc", "m/overlays/uat");
    let mut fifo = Command::new("mkfifo");
    Output::of(fifo.arg(ground.top().join("overlays/live"))).exits(0);
    let output = ground.tidy().exits(1);
    for (name, what) in [
        ("qa", "is not a directory"),
        ("uat", "is a symbolic link"),
        ("live", "is not a directory"),
    ] {
        let line = format!("overlays/{name} {what}: left alone");
        assert_eq!(output.stderr.matches(&line).count(), 1, "{line}: {output}");
        assert!(ground.top().join("overlays").join(name).symlink_metadata().is_ok());
    }
    assert_eq!(ground.foreign(), [""; 0]);
    assert!(std::path::Path::new("/etc/passwd").is_file());
}

#[test]
fn a_root_that_is_a_link_is_not_entered() {
    let ground = Ground::new();
    let outside = ground.instance.write("elsewhere/overlays/prod/x.yaml", "a: 1\n");
    ground.instance.write("elsewhere/overlays/develop/x.yaml", "a: 1\n");
    ground.instance.link("../../../elsewhere/overlays", "m/apps/linked/overlays");
    ground
        .tidy()
        .exits(1)
        .says("apps/linked/overlays is a symbolic link: nothing is done behind it");
    assert!(outside.is_file());
    assert_eq!(ground.foreign(), [""; 0]);
}

#[test]
fn a_link_inside_a_foreign_overlay_moves_as_a_link() {
    let ground = Ground::new();
    let outside = ground.instance.write("elsewhere/precious", "precious\n");
    ground.instance.link("../../../elsewhere", "m/overlays/prod/out");
    ground.tidy().exits(0);
    assert!(outside.is_file());
    ground.is_tidy();
}

#[test]
fn submodules_are_left_alone_and_reported() {
    let ground = Ground::new();
    let upstream = ground.instance.path("upstream");
    let upstream = upstream.to_str().unwrap();
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", upstream];
    ground.git(&[&add[..], &["overlays/prod/sub"]].concat());
    ground.git(&[&add[..], &["overlays/qa"]].concat());
    ground.git(&["commit", "--quiet", "--message=submodules"]);
    ground.write("overlays/prod/own.yaml", "own\n");
    let output = ground.tidy().exits(1).says("overlays/qa is a submodule: left alone");
    let output = output.says("overlays/prod/sub is a repository or mount point of its own");
    output.says("git submodule deinit");
    assert!(ground.top().join("overlays/prod/sub/base/cm.yaml").is_file());
    assert!(ground.top().join("overlays/qa/base/cm.yaml").is_file());
    assert!(!ground.top().join("overlays/prod/own.yaml").exists());
    assert!(!ground.top().join("overlays/prod/extra.yaml").exists());
    ground.is_clean();
}

#[test]
fn what_is_no_repository_is_left_alone() {
    let ground = Ground::new();
    std::fs::remove_dir_all(ground.top().join(".git")).unwrap();
    ground.tidy().exits(1).says("is not a git working tree: nothing is done there");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn the_users_hooks_do_not_run() {
    let ground = Ground::new();
    let log = ground.instance.path("hooked");
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "post-merge"] {
        let path = format!("m/.git/hooks/{hook}");
        ground.instance.write(&path, &format!("#!/bin/sh\necho {hook} >> {}\n", log.display()));
        ground.instance.executable(&path);
    }
    ground.tidy().exits(0);
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    assert!(!log.exists(), "{}", std::fs::read_to_string(log).unwrap());
}

/// Runs `script` with the checkout's directory, its own program and what follows,
/// in a mount namespace of its own; `None` where that cannot be.
fn in_namespace(ground: &Ground, script: &str) -> Option<Output> {
    let mut command = ground.instance.command("/usr/bin/unshare".as_ref());
    command.args(["--mount", "--map-root-user", "--user", "--propagation", "private"]);
    command.args(["bash", "-euc", script, "bash"]).arg(ground.top()).arg(envguard());
    let output = Output::of(&mut command);
    if output.stderr.contains("unshare:") || output.stderr.contains("mount:") {
        crate::support::skip("no mount namespace here");
        return None;
    }
    Some(output)
}

#[test]
fn a_mount_point_stays_mounted() {
    let ground = Ground::new();
    let script = "mkdir $1/overlays/mnt && mount -t tmpfs none $1/overlays/mnt
        mkdir $1/overlays/prod/deep && mount -t tmpfs none $1/overlays/prod/deep
        echo x > $1/overlays/mnt/x; echo x > $1/overlays/prod/deep/x; echo x > $1/overlays/prod/own
        code=0; $2 tidy || code=$?
        cat $1/overlays/mnt/x $1/overlays/prod/deep/x
        [ ! -e $1/overlays/prod/own ]
        exit $code";
    let Some(output) = in_namespace(&ground, script) else { return };
    let output = output.exits(1).says("overlays/mnt is a mount point: left alone");
    output.says("overlays/prod/deep is a repository or mount point of its own: left alone");
    assert_eq!(ground.ids().len(), 1);
}

#[test]
fn a_read_only_file_system() {
    let ground = Ground::new();
    ground.write("overlays/prod/own.yaml", "own\n");
    let script = "mount --bind $1 $1 && mount -o remount,bind,ro $1 && cd $1 && exec $2 tidy";
    let Some(output) = in_namespace(&ground, script) else { return };
    let output = output.exits(1).says("Read-only file system").says("mount it writable");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
    assert_eq!(ground.foreign().len(), 3);
    ground.tidy().exits(0);
}

#[test]
fn a_full_disk_loses_nothing() {
    let ground = Ground::new();
    ground.write("overlays/prod/own.yaml", "own\n");
    ground.write("overlays/staging/staged.yaml", &"staged ".repeat(40_000));
    ground.git(&["add", "overlays/staging"]);
    // The git directory on a small disk of its own, filled to the last block.
    let script = "cp -a $1/.git $1/../gitcopy && mount -t tmpfs -o size=2m none $1/.git
        cp -a $1/../gitcopy/. $1/.git && cd $1
        dd if=/dev/zero of=.git/filler bs=4k 2>/dev/null || true
        code=0; $2 tidy || code=$?
        [ $code = 1 ] && [ -f overlays/prod/own.yaml ] && git show :overlays/staging/staged.yaml > /dev/null
        rm .git/filler && $2 tidy && git status --porcelain && $2 restore --list
        for id in $($2 restore --list | grep -o '^2[0-9]*-[0-9]*-[0-9]*'); do $2 restore $id --to $1/../back; done";
    let Some(output) = in_namespace(&ground, script) else { return };
    let output = output.exits(0).says("No space left on device");
    assert!(!output.stdout.contains("?? "), "{output}");
    let back = ground.instance.path("back/overlays");
    assert_eq!(std::fs::read_to_string(back.join("prod/own.yaml")).unwrap(), "own\n");
    let staged: PathBuf = back.join("staging.staged/staged.yaml");
    assert_eq!(std::fs::metadata(staged).unwrap().len(), 280_000);
}

#[test]
fn file_systems_that_cannot_rename_without_overwriting() {
    if crate::support::lacks("strace", "is a kernel that cannot") {
        return;
    }
    let ground = Ground::new();
    ground.write("overlays/prod/own.yaml", "own\n");
    let without = |words: &[&str]| {
        // As NFS answers.
        let mut strace = ground.instance.command("/usr/bin/strace".as_ref());
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2"]);
        strace.args(["-e", "inject=renameat2:error=EINVAL"]).arg(envguard()).args(words);
        Output::of(&mut strace)
    };
    without(&["tidy"]).exits(0);
    ground.is_tidy();
    let id = &ground.ids()[0];
    let there = ground.instance.write("back/overlays/prod/own.yaml", "already here");
    let to = ground.instance.path("back");
    let words = ["restore", id, "--to", to.to_str().unwrap()];
    without(&words).exits(1).says("exists: nothing is overwritten");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "already here");
    std::fs::remove_file(&there).unwrap();
    without(&words).exits(0);
    assert_eq!(std::fs::read_to_string(there).unwrap(), "own\n");
}

#[test]
fn a_lock_that_another_keeper_holds_or_has_left_is_no_git_at_work() {
    let ground = Ground::new();
    ground.write(".git/index.lock", "envguard keeper 1\n");
    ground.tidy().exits(0).prints("3 foreign overlays taken off the disk");
    ground.is_tidy();
}

#[test]
fn two_keepers_at_once() {
    let ground = Ground::new();
    for number in 0..30 {
        ground.write(&format!("apps/a{number}/overlays/develop/x.yaml"), "a: 1\n");
        ground.write(&format!("apps/a{number}/overlays/prod/x.yaml"), "a: 1\n");
    }
    let spawn = || {
        ground
            .instance
            .command(&envguard())
            .arg("tidy")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut keepers = [spawn(), spawn(), spawn()];
    for keeper in &mut keepers {
        assert!(keeper.wait().unwrap().success());
    }
    assert_eq!(ground.foreign(), [""; 0]);
    assert_eq!(ground.ids().len(), 30);
}

#[test]
fn a_loop_of_checkouts_meanwhile_loses_nothing() {
    let ground = Ground::new();
    ground.git(&["switch", "--quiet", "--create", "other"]);
    ground.write("overlays/qa/x.yaml", "a: 1\n");
    ground.write("overlays/prod/extra.yaml", "other: true\n");
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=other"]);
    ground.write("overlays/prod/own.yaml", "own\n");
    let script = "for i in $(seq 40); do git checkout -q main; git checkout -q other; done 2>/dev/null; true";
    let mut shell = Command::new("sh");
    let mut checkouts = shell.args(["-c", script]).current_dir(ground.top()).spawn().unwrap();
    loop {
        let output = ground.tidy();
        // git's lock is no error, but a reason to wait.
        let waits = output.stderr.contains("git is at work") && !output.stderr.contains("failed");
        assert!(output.code == Some(0) || waits, "{output}");
        if checkouts.try_wait().unwrap().is_some() {
            break;
        }
    }
    assert!(checkouts.wait().unwrap().success());
    ground.tidy().exits(0);
    ground.is_tidy();
    let ids = ground.ids();
    let to = ground.instance.path("back");
    for (number, id) in ids.iter().enumerate() {
        let to = to.join(number.to_string());
        ground.instance.envguard(&["restore", id, "--to", to.to_str().unwrap()]).exits(0);
    }
    let own = inventory(&to).into_keys().filter(|name| name.ends_with(b"own.yaml")).count();
    assert_eq!(own, 1);
    assert_eq!(ground.git(&["fsck", "--strict"]), "");
}
