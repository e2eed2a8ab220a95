//! Root works on a checkout as its owner.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::ground::Ground;
use crate::support::{Output, envguard};

/// A user that every system has.
const NOBODY: &str = "65534";

pub(super) fn can_be_nobody() -> bool {
    let program = envguard();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.arg(program).arg("--version");
    let works = command.output().is_ok_and(|output| output.status.success());
    let known = Command::new("getent").args(["passwd", NOBODY]).output();
    let can = works && known.is_ok_and(|output| output.status.success());
    if !can {
        crate::support::skip("not root, or another user cannot run the program under test");
    }
    can
}

/// A ground that belongs to nobody.
pub(super) fn given_away() -> Ground {
    let ground = Ground::new();
    ground.write("overlays/prod/mine.yaml", "mine");
    let mut chown = Command::new("chown");
    chown.args(["-R", "-h", &format!("{NOBODY}:{NOBODY}")]).arg(ground.instance.path(""));
    Output::of(&mut chown).exits(0);
    ground
}

/// The program under test, run by nobody.
pub(super) fn as_nobody(ground: &Ground) -> Command {
    let mut command = ground.instance.command("/usr/bin/setpriv".as_ref());
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(envguard());
    command
}

#[test]
fn root_drops_to_the_owner() {
    if !can_be_nobody() {
        return;
    }
    let ground = given_away();
    ground.tidy().exits(0).prints("3 foreign overlays taken off the disk");
    assert_eq!(ground.foreign(), [""; 0]);
    let git = ground.top().join(".git");
    let mut roots = Command::new("find");
    let output = Output::of(roots.arg(&git).args(["-user", "root"])).exits(0);
    assert_eq!(output.stdout, "", "root has written into somebody's repository");
    assert_eq!(git.join("envguard/quarantine").metadata().unwrap().uid(), 65534);
}

#[test]
fn a_drop_that_changes_nothing_ends_at_once() {
    if !can_be_nobody() {
        return;
    }
    let ground = given_away();
    // What a keeper finds that was started as the owner, and is root.
    let mut command = ground.instance.command(&envguard());
    command.arg("tidy").env("ENVGUARD_AS_OWNER", NOBODY);
    Output::of(&mut command).exits(1).says("should run as user 65534, and runs as root");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn nobody_works_on_somebody_elses_checkout() {
    if !can_be_nobody() {
        return;
    }
    let ground = Ground::new();
    let mut open = Command::new("chmod");
    Output::of(open.args(["755"]).arg(ground.instance.path(""))).exits(0);
    let output = Output::of(as_nobody(&ground).arg("tidy"));
    output
        .exits(1)
        .says("belongs to user 0: left alone")
        .says("sudo -u '#0' \"$(command -v kubectl-envguard)\" ");
    assert_eq!(ground.foreign().len(), 3);
}

#[test]
fn what_the_keeper_may_not_move_is_left_with_a_line_that_helps() {
    if !can_be_nobody() {
        return;
    }
    let ground = given_away();
    let overlays = ground.top().join("overlays");
    // Made with sudo; read-only; closed.
    let script = "mkdir roots ro closed closed/in && echo x > roots/x && echo x > ro/x &&
        chown -R \"$1:$1\" ro closed && chmod 555 ro && chmod 0 closed/in";
    let mut shell = Command::new("sh");
    Output::of(shell.args(["-c", script, "sh", NOBODY]).current_dir(&overlays)).exits(0);
    let output = ground.tidy().exits(1);
    for line in [
        format!("it belongs to user 0: sudo chown -R {NOBODY} {}/roots", overlays.display()),
        format!("chmod u+rwx {}/ro", overlays.display()),
        format!("chmod u+rwx {}/closed/in", overlays.display()),
    ] {
        assert_eq!(output.stderr.matches(&line).count(), 1, "{line}: {output}");
    }
    // The rest is done; each line helps.
    assert_eq!(ground.foreign(), [""; 0]);
    let script = "chown -R \"$1\" roots && chmod u+rwx ro closed/in";
    let mut shell = Command::new("sh");
    Output::of(shell.args(["-c", script, "sh", NOBODY]).current_dir(&overlays)).exits(0);
    ground.tidy().exits(0);
    assert!(["roots", "ro", "closed"].iter().all(|name| !overlays.join(name).exists()));
}
