//! Somebody presses Ctrl-C, or a service manager stops the watcher.

use std::os::unix::process::ExitStatusExt;

use super::ground::Ground;
use crate::support::envguard;

/// A git that interrupts the keeper which has started it, in the middle of its work.
fn interrupting(ground: &Ground, signal: &str) {
    let script = format!(
        "#!/bin/sh
case \"$*\" in *'sparse-checkout set'*) kill -{signal} $PPID ;; esac
exec /usr/bin/git \"$@\"
"
    );
    ground.instance.write("bin/git", &script);
    ground.instance.executable("bin/git");
}

#[test]
fn a_keeper_ends_with_nothing_half_done() {
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let ground = Ground::new();
        ground.write("overlays/prod/own.yaml", "own\n");
        interrupting(&ground, signal);
        // What runs the tests may have signals ignored.
        let mut tidy = ground.instance.command("/usr/bin/env".as_ref());
        tidy.arg("--default-signal").arg(envguard()).arg("tidy");
        let ended = tidy.output().unwrap().status;
        assert_eq!(ended.signal(), Some(number), "{signal}: {ended}");
        std::fs::remove_file(ground.instance.path("bin/git")).unwrap();
        // The user's own git works at once, and has nothing to commit.
        assert!(!ground.top().join(".git/index.lock").exists(), "{signal}: git is locked");
        ground.is_tidy();
        ground.write("base/cm.yaml", "changed: true\n");
        ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
        assert_eq!(ground.git(&["show", "--name-only", "--format=", "HEAD"]), "base/cm.yaml\n");
        assert_eq!(ground.ids().len(), 1);
        ground.tidy().exits(0).prints("nothing to do");
    }
}

#[test]
fn what_was_told_to_ignore_a_hangup_ignores_it() {
    let ground = Ground::new();
    interrupting(&ground, "HUP");
    let mut nohup = ground.instance.command("/usr/bin/nohup".as_ref());
    let output = nohup.arg(envguard()).arg("tidy").output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    ground.is_tidy();
}
