//! Quarantine and `restore`: nothing is lost.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::ground::{Ground, digest, inventory};
use crate::support::Output;

/// Modified, untracked, ignored, with odd modes, times and links.
fn plant(ground: &Ground) {
    ground.write("overlays/prod/extra.yaml", "modified: true\n");
    ground.write("overlays/prod/new/deep.yaml", "untracked\n");
    ground.write("overlays/prod/keys.secret", "ignored\n");
    ground.instance.link("nowhere", "m/overlays/prod/dangling");
    std::fs::create_dir(ground.top().join("overlays/prod/empty")).unwrap();
    let secret = ground.top().join("overlays/prod/keys.secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o400)).unwrap();
    let touch = "touch -d 2001-02-03T04:05:06.789 \"$1\" && touch -h -d 2002-01-01 \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", touch, "sh"]).arg(&secret).arg(ground.top().join("overlays/prod/dangling"));
    Output::of(&mut command).exits(0);
}

#[test]
fn what_git_cannot_give_back_comes_back_byte_for_byte() {
    let ground = Ground::new();
    plant(&ground);
    let mut before = inventory(&ground.top().join("overlays/prod"));
    ground.tidy().exits(0).prints("your own files of overlays/prod are put aside");
    ground.is_tidy();
    let ids = ground.ids();
    assert_eq!(ids.len(), 1);
    let to = ground.instance.path("back");
    let words = ["restore", &ids[0], "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(0);
    // What git can give back was not put aside.
    before.remove(&b"kustomization.yaml"[..]);
    assert_eq!(inventory(&to.join("overlays/prod")), before);
    assert!(to.join("overlays/prod/empty").is_dir());
    assert_eq!(ground.ids().len(), 0);
}

#[test]
fn a_foreign_overlay_comes_back_only_outside_every_checkout() {
    let ground = Ground::new();
    plant(&ground);
    ground.tidy().exits(0);
    let id = &ground.ids()[0];
    ground.instance.envguard(&["restore", id]).exits(1).says("is still foreign here");
    for inside in ["here", "overlays/develop", ".git/x"] {
        let to = ground.top().join(inside);
        let words = ["restore", id, "--to", to.to_str().unwrap()];
        ground.instance.envguard(&words).exits(1).says("lies in the checkout");
        assert_eq!(to.exists(), inside == "overlays/develop", "{inside} was made");
    }
    ground.instance.envguard(&["restore", "20200101-000000-1"]).exits(1).says("restore --list");
    assert_eq!(ground.ids().len(), 1);
}

#[test]
fn restore_overwrites_nothing() {
    let ground = Ground::new();
    plant(&ground);
    ground.tidy().exits(0);
    let id = &ground.ids()[0];
    let there = ground.instance.write("back/overlays/prod/keys.secret", "already here");
    let to = ground.instance.path("back");
    let words = ["restore", id, "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(1).says("exists: nothing is overwritten");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "already here");
    // Looked at first: nothing else was moved either.
    assert_eq!(inventory(&to).len(), 1);
    std::fs::remove_file(there).unwrap();
    ground.instance.envguard(&words).exits(0);
    assert_eq!(inventory(&to).len(), 4);
}

#[test]
fn what_is_allowed_again_comes_back_in_place_and_staged() {
    let ground = Ground::new();
    ground.write("overlays/prod/staged.yaml", "first\n");
    ground.git(&["add", "overlays/prod/staged.yaml"]);
    ground.write("overlays/prod/staged.yaml", "second\n");
    ground.git(&["rm", "--quiet", "--cached", "overlays/staging/cm.yaml"]);
    let before = ground.git(&["ls-files", "--stage"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    assert_eq!(ground.ids().len(), 2);
    ground.change_config("allow: ", "[develop, prod, staging]");
    ground.tidy().exits(0);
    for id in ground.ids() {
        ground.instance.envguard(&["restore", &id]).exits(0).prints("staged again: 1");
    }
    assert_eq!(
        std::fs::read_to_string(ground.top().join("overlays/prod/staged.yaml")).unwrap(),
        "second\n"
    );
    assert_eq!(ground.git(&["ls-files", "--stage"]), before);
}

#[test]
fn across_file_systems_it_is_copied_compared_and_then_removed() {
    let ground = Ground::new();
    plant(&ground);
    let shm = std::path::Path::new("/dev/shm");
    let other = shm
        .metadata()
        .is_ok_and(|meta| meta.is_dir() && meta.dev() != ground.top().metadata().unwrap().dev());
    if !other {
        crate::support::skip("/dev/shm is no file system of its own");
        return;
    }
    let mut before = inventory(&ground.top().join("overlays/prod"));
    before.remove(&b"kustomization.yaml"[..]);
    ground.tidy().exits(0);
    let to = tempfile::tempdir_in(shm).unwrap();
    let words = ["restore", &ground.ids()[0], "--to", to.path().to_str().unwrap()];
    ground.instance.envguard(&words).exits(0);
    assert_eq!(inventory(&to.path().join("overlays/prod")), before);
    assert_eq!(ground.ids().len(), 0);
    assert_eq!(digest(&to.path().join("overlays/prod/keys.secret")).len(), 64);
}

#[test]
fn two_checkouts_tidied_in_the_same_second_have_ids_of_their_own() {
    let ground = Ground::new();
    let second = ground.instance.path("n");
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet"]).arg(ground.instance.path("upstream")).arg(&second);
    Output::of(&mut clone).exits(0);
    ground.change_config("path: ", &format!("{}/[mn]", second.parent().unwrap().display()));
    ground.write("overlays/prod/own", "of m");
    std::fs::write(second.join("overlays/prod/own"), "of n").unwrap();
    ground.tidy().exits(0);
    let ids = ground.ids();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    for (id, content) in ids.iter().zip(["of m", "of n"]) {
        let to = ground.instance.path(content);
        ground.instance.envguard(&["restore", id, "--to", to.to_str().unwrap()]).exits(0);
        assert_eq!(std::fs::read_to_string(to.join("overlays/prod/own")).unwrap(), content);
    }
}

#[test]
fn what_was_staged_has_its_modes_beside_the_overlay() {
    let ground = Ground::new();
    let script = ground.write("overlays/prod/run.sh", "#!/bin/sh\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    ground.instance.link("run.sh", "m/overlays/prod/link");
    // As long as a name can be.
    let long = format!("overlays/prod/{}", "n".repeat(255));
    ground.write(&long, "long");
    ground.git(&["add", "overlays/prod"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    let to = ground.instance.path("back");
    let words = ["restore", &ground.ids()[0], "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(0);
    let staged = to.join("overlays/prod.staged");
    assert_eq!(staged.join("run.sh").metadata().unwrap().mode() & 0o777, 0o755);
    assert_eq!(staged.join("link").read_link().unwrap().to_str(), Some("run.sh"));
    assert_eq!(
        std::fs::read_to_string(to.join(format!("overlays/prod.staged/{}", "n".repeat(255))))
            .unwrap(),
        "long"
    );
}

#[test]
fn nothing_moves_when_what_was_staged_has_no_place() {
    let ground = Ground::new();
    ground.write("overlays/prod/staged.yaml", "first\n");
    ground.git(&["add", "overlays/prod/staged.yaml"]);
    ground.tidy().exits(0);
    ground.instance.write("back/overlays/prod.staged/staged.yaml", "already here");
    let to = ground.instance.path("back");
    let words = ["restore", &ground.ids()[0], "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(1).says("exists: nothing is overwritten");
    assert_eq!(inventory(&to).len(), 1);
    // In place, too: somebody has staged something else since.
    ground.change_config("allow: ", "[develop, prod, staging]");
    ground.tidy().exits(0);
    ground.write("overlays/prod/staged.yaml", "second\n");
    ground.git(&["add", "overlays/prod/staged.yaml"]);
    std::fs::remove_file(ground.top().join("overlays/prod/staged.yaml")).unwrap();
    let id = &ground.ids()[0];
    let output = ground.instance.envguard(&["restore", id]);
    output.exits(1).says("staged.yaml is staged: nothing is overwritten");
    assert_eq!(ground.git(&["show", ":overlays/prod/staged.yaml"]), "second\n");
    assert!(!ground.top().join("overlays/prod/staged.yaml").exists());
    ground.git(&["restore", "--staged", "overlays/prod/staged.yaml"]);
    ground.instance.envguard(&["restore", id]).exits(0).prints("staged again: 1");
    assert_eq!(ground.git(&["show", ":overlays/prod/staged.yaml"]), "first\n");
}

#[test]
fn a_moved_checkout_gets_nothing_in_the_old_place() {
    let ground = Ground::new();
    plant(&ground);
    ground.tidy().exits(0);
    let id = ground.ids().remove(0);
    let moved = ground.instance.path("moved");
    std::fs::rename(ground.top(), &moved).unwrap();
    std::fs::create_dir(ground.top()).unwrap();
    ground.change_config("path: ", moved.to_str().unwrap());
    ground.change_config("allow: ", "[develop, prod, staging]");
    let output = ground.instance.envguard(&["restore", &id]);
    output.exits(1).says("is not a checkout of this repository any more").says("--to DIR");
    assert_eq!(std::fs::read_dir(ground.top()).unwrap().count(), 0);
    let to = ground.instance.path("back");
    ground.instance.envguard(&["restore", &id, "--to", to.to_str().unwrap()]).exits(0);
    assert_eq!(inventory(&to).len(), 4);
}
