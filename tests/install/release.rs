//! The tarball of a release, and what is not one.

use std::process::Command;

use super::PROGRAM;
use super::root::{Release, Root, machine, same};
use crate::login::sources;
use crate::support::{Output, read, write};

#[test]
fn a_release_that_is_not_what_was_signed_is_not_touched() {
    let root = Root::new();
    let release = Release::new(&root);
    let tarball = release.add(&root, "0.1.0");
    let before = root.inventory();
    let from = tarball.to_str().unwrap();
    let key = release.key.to_str().unwrap();
    // Without a key, with another one, with another tarball, with other sums.
    root.takes(&["--from", from]).says("there is no public key").exits(1);
    let elsewhere = Root::new();
    let other = Release::new(&elsewhere).key;
    root.takes(&["--from", from, "--key", other.to_str().unwrap()])
        .says("the signature of SHA256SUMS is not by")
        .exits(1);
    let good = std::fs::read(&tarball).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&tarball, &bad).unwrap();
    root.takes(&["--from", from, "--key", key]).says("is not what SHA256SUMS says").exits(1);
    let sums = release.dir.join("SHA256SUMS");
    let signed = read(&sums);
    let script = "cd \"$1\" && sha256sum *.tar.gz >SHA256SUMS";
    Output::of(Command::new("sh").args(["-c", script, "sh"]).arg(&release.dir)).exits(0);
    root.takes(&["--from", from, "--key", key]).says("the signature of SHA256SUMS is not").exits(1);
    std::fs::write(&tarball, &good).unwrap();
    write(&sums, &signed);
    std::fs::rename(&tarball, release.dir.join("unsigned.tar.gz")).unwrap();
    let unsigned = release.dir.join("unsigned.tar.gz");
    root.takes(&["--from", unsigned.to_str().unwrap(), "--key", key])
        .says("is not in SHA256SUMS")
        .exits(1);
    root.takes(&["--version", "1", "--releases", "http://x.test"]).says("https:// only").exits(64);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn the_tarball_has_what_the_list_says_and_always_the_same_bytes() {
    let root = Root::new();
    let release = Release::new(&root);
    let tarball = release.add(&root, "0.1.0");
    let first = std::fs::read(&tarball).unwrap();
    let again = release.add(&root, "0.1.0");
    assert_eq!(std::fs::read(again).unwrap(), first, "two tarballs of the same files differ");
    let names = Output::of(Command::new("tar").arg("-tzf").arg(&tarball)).exits(0).stdout;
    let top = format!("kubectl-envguard-0.1.0-{}-linux/", machine());
    for line in read(&sources().join("deploy/files")).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, _, source, _] = words[..] else { continue };
        let source = if kind == "program" { format!("bin/{source}") } else { source.to_owned() };
        let listed = names.lines().any(|name| name.strip_prefix(&top) == Some(&source));
        let needless = kind == "link" || (kind == "key" && !sources().join(&source).exists());
        assert!(needless || line.starts_with('#') || listed, "{source} in {names}");
    }
    // Unpacked by hand it installs itself.
    let unpacked = root.beside("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    Output::of(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(&unpacked)).exits(0);
    let mut install = Command::new("sh");
    install.arg(unpacked.join(&top).join("install.sh")).arg("--root").arg(root.path(""));
    Output::of(install.env("HOME", root.beside(""))).exits(0);
    Output::of(&mut Command::new(root.path(PROGRAM))).prints("0.1.0").exits(0);
}
