//! `watch`, on a real inotify.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use super::ground::Ground;
use super::owners;
use super::watcher::{PATIENCE, Watcher, bring, gone, overfill, until};
use crate::support::{Output, envguard, lacks};

#[test]
fn whatever_brings_a_foreign_overlay_it_goes_again() {
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    ground.is_tidy();
    let prod = ground.top().join("overlays/prod");
    // A colleague's mkdir, with a file in it.
    bring(&ground, &prod);
    until("the new directory went", || gone(&prod));
    watcher.says("put aside");
    assert_eq!(ground.ids().len(), 1);
    // git brings it back.
    for words in
        [&["sparse-checkout", "disable"][..], &["restore", "--ignore-skip-worktree-bits", "."]]
    {
        ground.git(words);
        // Said when it is all done: before, the keeper's git may hold a lock.
        while !gone(&prod) {
            watcher.says("taken off the disk");
        }
        assert_eq!(ground.git(&["status", "--porcelain"]), "", "{words:?}");
    }
    // A whole new root.
    bring(&ground, &ground.top().join("apps/new/overlays/develop"));
    bring(&ground, &ground.top().join("apps/new/overlays/prod"));
    until("the new root was seen", || gone(&ground.top().join("apps/new/overlays/prod")));
    assert!(ground.top().join("apps/new/overlays/develop/x.yaml").is_file());
    let listed = ground.instance.envguard(&["restore", "--list"]);
    assert_eq!(ground.ids().len(), 2, "{listed}");
}

#[test]
fn undo_holds_against_the_watcher_until_the_next_tidy() {
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    ground.instance.envguard(&["tidy", "--undo"]).exits(0);
    bring(&ground, &ground.top().join("apps/web/overlays/qa"));
    let state = ground.instance.path("state/keeper.json");
    until("the state says so", || {
        std::fs::read_to_string(&state).is_ok_and(|text| text.contains("\"suspended\": true"))
    });
    assert_eq!(ground.foreign().len(), 3);
    ground.instance.envguard(&["watch", "--once"]).exits(0);
    ground.tidy().exits(0);
    // From then on it is at its post again.
    bring(&ground, &ground.top().join("overlays/prod"));
    until("what came after the tidy went", || gone(&ground.top().join("overlays/prod")));
    drop(watcher);
}

#[test]
fn a_checkout_may_go_and_come_back() {
    let ground = Ground::new();
    let _watcher = Watcher::start(&ground);
    let top = ground.top();
    std::fs::remove_dir_all(&top).unwrap();
    let upstream = ground.instance.path("upstream");
    let mut clone = Command::new("git");
    clone.arg("clone").arg("--quiet").arg(upstream).arg(&top);
    Output::of(&mut clone).exits(0);
    until("the clone was tidied", || {
        ground.foreign().is_empty() && ground.git(&["status", "--porcelain"]).is_empty()
    });
    assert!(top.join("overlays/develop/kustomization.yaml").is_file());
    bring(&ground, &top.join("overlays/prod"));
    until("the clone is watched", || gone(&top.join("overlays/prod")));
}

#[test]
fn any_directory_on_the_way_may_be_renamed() {
    let ground = Ground::new();
    let deep = ground.instance.path("a/b/m");
    std::fs::create_dir_all(deep.parent().unwrap()).unwrap();
    std::fs::rename(ground.top(), &deep).unwrap();
    std::fs::create_dir(ground.top()).unwrap();
    ground.change_config("path: ", deep.to_str().unwrap());
    let _watcher = Watcher::start(&ground);
    assert!(gone(&deep.join("overlays/prod")));
    std::fs::rename(ground.instance.path("a"), ground.instance.path("old")).unwrap();
    let mut clone = Command::new("git");
    std::fs::create_dir_all(deep.parent().unwrap()).unwrap();
    clone.arg("clone").arg("--quiet").arg(ground.instance.path("upstream")).arg(&deep);
    Output::of(&mut clone).exits(0);
    until("the clone in the old place was tidied", || gone(&deep.join("overlays/prod")));
    assert!(deep.join("overlays/develop").is_dir());
}

#[test]
fn a_state_that_cannot_be_written_is_said_once_and_written_later() {
    let ground = Ground::new();
    let state = ground.instance.write("state", "a file where a directory should be");
    let watcher = Watcher::start_with(ground.instance.command(&envguard()), &ground, "could not");
    bring(&ground, &ground.top().join("overlays/prod"));
    watcher.says("put aside");
    bring(&ground, &ground.top().join("overlays/staging"));
    watcher.says("put aside");
    assert_eq!(watcher.heard("could not"), 0);
    std::fs::remove_file(&state).unwrap();
    bring(&ground, &ground.top().join("overlays/prod"));
    watcher.says("over: ");
    assert!(state.join("keeper.json").is_file());
}

#[test]
fn a_merge_is_waited_for() {
    let ground = Ground::new();
    ground.git(&["switch", "--quiet", "--create", "other"]);
    ground.write("overlays/prod/extra.yaml", "other: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=other"]);
    ground.git(&["switch", "--quiet", "main"]);
    ground.write("overlays/prod/extra.yaml", "mine: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
    let watcher = Watcher::start(&ground);
    assert_eq!(ground.try_git(&["merge", "other"]).code, Some(1));
    watcher.says("a merge is under way");
    assert_eq!(ground.foreign(), ["overlays/prod"]);
    ground.git(&["merge", "--abort"]);
    until("the conflict went", || {
        ground.foreign().is_empty() && ground.git(&["status", "--porcelain"]).is_empty()
    });
}

#[test]
fn a_changed_configuration_counts_at_once() {
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    ground.change_config("allow: ", "[develop, prod]");
    watcher.says("the configuration has changed");
    until("prod came", || ground.top().join("overlays/prod/kustomization.yaml").is_file());
    ground.change_config("allow: ", "[develop");
    watcher.says("stays in force");
    assert!(ground.top().join("overlays/prod").is_dir());
    // Said once, however often it looks.
    bring(&ground, &ground.top().join("overlays/staging"));
    let line = watcher.says("staging");
    assert!(!line.contains("in force"), "{line}");
    assert_eq!(watcher.heard("in force"), 0);
    ground.change_config("allow: ", "[develop]");
    watcher.says("over: ");
    until("prod went", || gone(&ground.top().join("overlays/prod")));
}

#[test]
fn without_watches_it_looks_from_time_to_time_and_says_so() {
    let ground = Ground::new();
    // A user namespace has limits of its own; nothing of the machine changes.
    let mut probe = Command::new("unshare");
    let script = "echo 1 > /proc/sys/user/max_inotify_watches";
    probe.args(["--user", "--map-root-user", "sh", "-c", script]);
    if probe.output().is_ok_and(|output| !output.status.success()) {
        crate::support::skip("no user namespaces: watches cannot be made scarce");
        return;
    }
    let mut command = ground.instance.command("/usr/bin/unshare".as_ref());
    let script = format!("{script} && exec {} \"$@\"", envguard().display());
    command.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
    let mut watcher_command = command;
    watcher_command.env("STATE_DIRECTORY", ground.instance.path("state"));
    let mut child = watcher_command.arg("watch").stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let said = stderr.lines().map_while(Result::ok).find(|line| line.contains("inotify watches"));
    assert!(said.unwrap().contains("looking every 2 s instead"));
    bring(&ground, &ground.top().join("overlays/prod"));
    until("it was found by looking", || gone(&ground.top().join("overlays/prod")));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_service_manager_hears_ready_and_signs_of_life() {
    let ground = Ground::new();
    let path = ground.instance.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = ground.instance.command(&envguard());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let _watcher = Watcher::started(command, &ground);
    let mut buffer = [0; 512];
    let mut hear = || {
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert!(hear().starts_with("READY=1"));
    assert_eq!(hear(), "WATCHDOG=1");
    assert_eq!(hear(), "WATCHDOG=1");
    // Ready means: what was there is gone.
    ground.is_tidy();
}

#[test]
fn at_rest_nothing_happens() {
    if lacks("strace", "counts what the watcher does") {
        return;
    }
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    let pid = watcher.child.id().to_string();
    let log = ground.instance.path("elsewhere/trace");
    // The parent directory is watched; what strace writes lies elsewhere.
    let mut strace = Command::new("timeout");
    strace.args(["--signal=INT", "3", "strace", "-f", "-p", &pid, "-o"]).arg(&log);
    drop(Output::of(&mut strace));
    let trace = std::fs::read_to_string(&log).unwrap();
    let calls: Vec<&str> = trace
        .lines()
        .filter(|line| !line.contains("unfinished") && !line.contains("detached"))
        .filter(|line| line.contains('('))
        .collect();
    // Three threads, each in the one call it waits in.
    assert!(calls.len() <= 3, "{trace}");
}

#[test]
fn once_mends_writes_the_state_and_ends() {
    let ground = Ground::new();
    let state = ground.instance.path("state");
    let mut command = ground.instance.command(&envguard());
    let output = Output::of(command.args(["watch", "--once"]).env("STATE_DIRECTORY", &state));
    output.exits(0).says("3 foreign overlays taken off the disk");
    ground.is_tidy();
    let text = std::fs::read_to_string(state.join("keeper.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["kind"], "KeeperState");
    assert_eq!(state["checkouts"][0]["keptAway"], 3);
    assert_eq!(state["checkouts"][0]["present"].as_array().unwrap().len(), 0);
}

#[test]
fn what_happens_after_the_event_queue_is_full_is_found_all_the_same() {
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    watcher.signal("STOP");
    overfill(&ground);
    // The kernel keeps nothing of this: another directory stands at a watched place.
    let root = ground.top().join("apps/web/overlays");
    std::fs::rename(&root, ground.instance.path("elsewhere/overlays")).unwrap();
    bring(&ground, &root.join("develop"));
    bring(&ground, &ground.top().join("overlays/staging"));
    watcher.signal("CONT");
    until("what came last went", || gone(&ground.top().join("overlays/staging")));
    watcher.says("put aside");
    bring(&ground, &root.join("prod"));
    until("the other directory is watched", || gone(&root.join("prod")));
}

#[test]
fn a_directory_that_cannot_be_read_is_said_once_and_the_rest_is_kept() {
    if !owners::can_be_nobody() {
        return;
    }
    let ground = owners::given_away();
    let watcher = Watcher::started(owners::as_nobody(&ground), &ground);
    let root = ground.top().join("apps/web/overlays");
    let chmod = |mode: u32| {
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let comes_and_goes = |overlay: &str| {
        let place = ground.top().join(overlay);
        bring(&ground, &place);
        until(overlay, || gone(&place));
    };
    chmod(0);
    let line = watcher.says("apps/web/overlays");
    assert!(line.contains("Permission denied"), "{line}");
    comes_and_goes("overlays/prod");
    comes_and_goes("overlays/staging");
    assert_eq!(watcher.heard("Permission denied"), 0, "it was said already");
    chmod(0o755);
    watcher.says("over: ");
    comes_and_goes("apps/web/overlays/prod");
}

#[test]
fn a_file_system_that_tells_nothing_is_looked_at_from_time_to_time() {
    if lacks("bindfs", "is a file system that tells nothing of what others do") {
        return;
    }
    let ground = Ground::new();
    let mount = ground.instance.path("mounted");
    std::fs::create_dir(&mount).unwrap();
    let mut bindfs = Command::new("bindfs");
    if Output::of(bindfs.arg(ground.instance.path("")).arg(&mount)).code != Some(0) {
        crate::support::skip("FUSE cannot be mounted here");
        return;
    }
    let _mounted = Mounted(mount.clone());
    ground.change_config("path: ", mount.join("m").to_str().unwrap());
    let watcher = Watcher::start(&ground);
    assert_eq!(ground.foreign(), [""; 0]);
    // By another way than the mounted one, as another machine does.
    bring(&ground, &ground.top().join("overlays/prod"));
    watcher.says("put aside");
    assert!(gone(&ground.top().join("overlays/prod")));
    assert_eq!(ground.ids().len(), 1);
}

/// Unmounts at the end.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the watcher may still look at it.
        let mut umount = Command::new("umount");
        umount.arg("--lazy").arg(&self.0).status().unwrap();
    }
}
