//! What a build takes in, and what it must leave out.

use std::path::Path;

use super::files;
use crate::support::read;

/// What the shim leaves out, as symbols have it: crates that only our own commands need.
const NOT_IN_THE_SHIM: &[&str] = &["12clap_builder", "4git2", "11kube_client", "5tokio"];

#[test]
fn the_shim_links_no_heavy_crate() {
    let has = |program: &Path, krate: &str| {
        let mut grep = std::process::Command::new("grep");
        grep.args(["--quiet", "--text", krate]).arg(program).status().unwrap().success()
    };
    for krate in NOT_IN_THE_SHIM {
        assert!(has(&crate::support::envguard(), krate), "{krate}: is it called so?");
        assert!(!has(&crate::support::shim(), krate), "the shim links {krate}");
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = read(&root.join("Cargo.toml"));
    let mut dependencies = 0;
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && line.contains(" = ") {
            let reason = line.split_once(" # ").map_or("", |(_, reason)| reason);
            assert!(reason.contains(' '), "{line}");
            dependencies += 1;
        }
    }
    assert!(dependencies > 20, "{dependencies}");
}

/// The fuzzing crate has a lock of its own, and `fuzz/run` stops where that is behind.
#[test]
fn both_locks_have_every_dependency() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = read(&root.join("Cargo.toml"));
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names = dependencies.lines().filter_map(|line| {
        let renamed = line.split_once("package = \"").map(|(_, rest)| rest.split('"').next());
        renamed.unwrap_or(Some(line.split_once(" = ")?.0))
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20 && names.contains(&"anyhow"), "{names:?}");
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = read(&root.join(lock));
        let (_, package) = text.split_once("\nname = \"kubectl-envguard\"\n").unwrap();
        let package = package.split("\n[[package]]").next().unwrap();
        for name in &names {
            // Of several versions a lock says which.
            let stands = [format!("\"{name}\""), format!("\"{name} ")];
            let stands = stands.iter().any(|name| package.contains(name));
            assert!(stands, "{lock} lacks {name}: cargo metadata --manifest-path fuzz/Cargo.toml");
        }
    }
}

/// A script or workflow that resolves versions anew builds something that nobody has tested.
#[test]
fn every_build_takes_the_locked_versions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = crate::support::Output::of(
        std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root),
    );
    let is_script = |file: &&str| {
        [".yml", ".sh"].iter().any(|ending| file.ends_with(ending))
            || std::fs::read(root.join(file)).is_ok_and(|text| text.starts_with(b"#!"))
    };
    let builds = [
        "bench", "build", "check", "clippy", "deny", "doc", "install", "metadata", "run", "rustc",
        "test", "tree",
    ];
    let mut found = 0;
    for file in listed.exits(0).stdout.split('\0').filter(is_script) {
        // A command may go on in the next line.
        let text = read(&root.join(file)).replace("\\\n", "");
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for command in line.split("cargo ").skip(1) {
                let verb = command.split([' ', '"', '\'', ',', ')']).next().unwrap();
                if builds.contains(&verb) {
                    assert!(command.contains("--locked"), "{file}: {line}");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 20, "{found}");
}

/// A test that asks for a program that nobody installs is never run, or fails where nothing
/// may be left out.
#[test]
fn what_a_test_asks_for_is_installed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = read(&root.join("tests/tools.sh"));
    // Each machine has the one; sudo, which is in the table, brings the other.
    let there = ["env", "visudo"];
    let mut asked = 0;
    for file in files(&root.join("tests")) {
        // In two pieces: this file asks for nothing.
        for piece in read(&file).split(concat!("lacks", "(\"")).skip(1) {
            let (name, why) = piece.split_once('"').unwrap();
            if !why.starts_with(", \"") || there.contains(&name) {
                continue;
            }
            assert!(table.contains(&format!("\n{name}|")), "{}: {name}", file.display());
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}
