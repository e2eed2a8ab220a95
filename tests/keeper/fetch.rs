//! `watch --once --fetch`: what the remotes have is known, as the checkout's owner.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::ground::Ground;
use crate::support::{Output, envguard};

fn fetch(ground: &Ground) -> Output {
    let mut command = ground.instance.command(&envguard());
    command.env("STATE_DIRECTORY", ground.instance.path("state"));
    Output::of(command.args(["watch", "--once", "--fetch"]))
}

/// Somebody pushes an overlay of an environment that was not there before.
fn pushed(ground: &Ground) {
    let other = ground.instance.path("other");
    let upstream = ground.instance.path("upstream");
    ground.git(&["clone", "--quiet", upstream.to_str().unwrap(), other.to_str().unwrap()]);
    ground.instance.write("other/overlays/uat/cm.yaml", "a: 1\n");
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=o", "-c", "user.email=o@example.test", "-C"]);
        Output::of(command.arg(&other).args(words)).exits(0)
    };
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=uat"]);
    git(&["push", "--quiet", "origin", "HEAD"]);
}

#[test]
fn what_came_is_known_and_stays_off_the_disk() {
    let ground = Ground::new();
    pushed(&ground);
    let before = ground.git(&["rev-parse", "HEAD"]);
    fetch(&ground).exits(0);
    assert_eq!(ground.git(&["rev-list", "--count", "HEAD..@{upstream}"]).trim(), "1");
    assert_eq!(ground.git(&["rev-parse", "HEAD"]), before, "nothing is merged");
    ground.is_tidy();
    ground.git(&["merge", "--quiet", "--ff-only", "@{upstream}"]);
    assert!(!ground.top().join("overlays/uat").exists(), "git was taught before the merge");
}

#[test]
fn a_remote_that_does_not_answer_is_named_and_the_rest_is_done() {
    let ground = Ground::new();
    ground.git(&["remote", "set-url", "origin", "/nonexistent"]);
    let output = fetch(&ground).exits(1);
    output.says("nothing new was fetched into ").says("fetch --all");
    ground.is_tidy();
    let mut alone = ground.instance.command(&envguard());
    Output::of(alone.args(["watch", "--fetch"])).exits(64).says("--once");
}

#[test]
fn root_fetches_as_the_owner() {
    if !super::owners::can_be_nobody() {
        return;
    }
    let ground = Ground::new();
    pushed(&ground);
    let give = |dir: &str| {
        let mut chown = Command::new("chown");
        Output::of(chown.args(["-R", "-h", "nobody"]).arg(ground.instance.path(dir))).exits(0);
    };
    let file = ground.top().join(".git/FETCH_HEAD");
    std::fs::remove_file(&file).unwrap();
    give("");
    fetch(&ground);
    let owner = ground.top().metadata().unwrap().uid();
    assert_eq!(file.metadata().unwrap().uid(), owner, "{}", file.display());
}
