//! Quarantine and `restore`: nothing is lost.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
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

/// An access control list that lets user 1234 read.
fn readable_by_1234() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 4, 1234), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, may, id) in entries {
        list.extend(tag.to_le_bytes().into_iter().chain(may.to_le_bytes()).chain(id.to_le_bytes()));
    }
    list
}

fn attribute(file: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::getxattr(file, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

#[test]
fn across_file_systems_attributes_and_hard_links_are_kept() {
    let ground = Ground::new();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        crate::support::skip("there is no /dev/shm");
        return;
    };
    let set = |file: &Path, name: &str, value: &[u8]| {
        rustix::fs::setxattr(file, name, value, rustix::fs::XattrFlags::empty()).is_ok()
    };
    if !set(other.path(), "user.probe", b"x") || !set(&ground.top(), "user.probe", b"x") {
        crate::support::skip("a file system without extended attributes");
        return;
    }
    let own = ground.write("overlays/prod/new/own.yaml", "own\n");
    let dir = ground.top().join("overlays/prod/new");
    assert!(set(&own, "user.note", b"mine\0\xff"));
    assert!(set(&own, "user.long", &[b'l'; 1000]));
    assert!(set(&own, "system.posix_acl_access", &readable_by_1234()));
    assert!(set(&dir, "user.of", b"a directory"));
    assert!(set(&dir, "system.posix_acl_default", &readable_by_1234()));
    let plain = ground.write("overlays/prod/plain.yaml", "plain\n");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o440)).unwrap();
    std::fs::hard_link(&own, ground.top().join("overlays/prod/second")).unwrap();
    let kept = ground.write("base/kept.yaml", "kept\n");
    std::fs::hard_link(&kept, ground.top().join("overlays/prod/third")).unwrap();
    let before = inventory(&ground.top().join("overlays/prod/new"));
    // The git directory is elsewhere: into quarantine it is a copy, too.
    let script = "cp -a .git \"$1\" && rm -rf .git && echo \"gitdir: $1\" > .git";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(other.path().join("gitdir")).current_dir(ground.top());
    Output::of(&mut shell).exits(0);
    ground.tidy().exits(0);
    assert_eq!(ground.foreign(), [""; 0]);
    let to = ground.instance.path("back");
    let words = ["restore", &ground.ids()[0], "--to", to.to_str().unwrap()];
    ground.instance.envguard(&words).exits(0);
    let back = to.join("overlays/prod");
    assert_eq!(inventory(&back.join("new")), before);
    let own = back.join("new/own.yaml");
    assert_eq!(attribute(&own, "user.note").unwrap(), b"mine\0\xff");
    assert_eq!(attribute(&back.join("new"), "user.of").unwrap(), b"a directory");
    assert_eq!(attribute(&back.join("new"), "system.posix_acl_default"), Some(readable_by_1234()));
    // The mode has taken the list's writing away from its owner.
    let list = attribute(&own, "system.posix_acl_access").unwrap();
    assert_eq!(list[12..], readable_by_1234()[12..]);
    assert_eq!(attribute(&back.join("plain.yaml"), "system.posix_acl_access"), None);
    // One file with two names is that again; one with a name elsewhere has left it.
    let inode = |path: &Path| path.symlink_metadata().unwrap().ino();
    assert_eq!(inode(&own), inode(&back.join("second")));
    assert_eq!(std::fs::read_to_string(back.join("third")).unwrap(), "kept\n");
    assert_eq!(kept.metadata().unwrap().nlink(), 1);
    assert!(!plain.exists());
}

#[test]
fn what_cannot_keep_its_attributes_stays() {
    let ground = Ground::new();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    if crate::support::lacks("strace", "is a file system without attributes") {
        return;
    }
    let own = ground.write("overlays/prod/own.yaml", "own\n");
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&own, "user.note", b"mine", flags).is_err() {
        crate::support::skip("a file system without extended attributes");
        return;
    }
    ground.tidy().exits(0);
    let id = ground.ids().remove(0);
    let to = other.path().join("back");
    let mut strace = ground.instance.command("/usr/bin/strace".as_ref());
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsetxattr"]);
    strace.args(["-e", "inject=fsetxattr:error=EOPNOTSUPP"]).arg(crate::support::envguard());
    strace.args(["restore", &id, "--to"]).arg(&to);
    Output::of(&mut strace).exits(1).says("its attribute user.note cannot be kept there");
    assert_eq!(ground.ids(), [id]);
    assert_eq!(inventory(&to).len(), 0);
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
