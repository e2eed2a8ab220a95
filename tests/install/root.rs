//! A root file system in a scratch directory, releases, and a key to sign them with.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::login::sources;
use crate::support::{Output, read, write};

/// What a directory holds: kind, mode, and content or target of each path.
pub(crate) type Inventory = BTreeMap<String, (u32, Vec<u8>)>;

/// Everything below `top`.
pub(crate) fn inventory(top: &Path) -> Inventory {
    let mut found = Inventory::new();
    let mut rest = vec![top.to_path_buf()];
    while let Some(dir) = rest.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if metadata.is_file() {
                std::fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            let name = format!("/{}", path.strip_prefix(top).unwrap().display());
            found.insert(name, (metadata.mode(), content));
            if metadata.is_dir() {
                rest.push(path);
            }
        }
    }
    found
}

/// Fails with the names of what is different.
#[track_caller]
pub(crate) fn same(found: &Inventory, wanted: &Inventory, when: &str) {
    let all = found.keys().chain(wanted.keys());
    let mut different: Vec<&str> =
        all.filter(|path| found.get(*path) != wanted.get(*path)).map(String::as_str).collect();
    different.sort_unstable();
    different.dedup();
    assert!(different.is_empty(), "different {when}: {different:#?}");
}

/// The same, without contents: for an assertion that a person can read.
pub(super) fn paths(inventory: &Inventory) -> Vec<&str> {
    inventory.keys().map(String::as_str).collect()
}

/// A root with the files that an installer may meet.
pub(crate) struct Root {
    dir: tempfile::TempDir,
    /// Programs that only say their version: quick to copy.
    pub(crate) programs: PathBuf,
}

impl Root {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let programs = dir.path().join("programs");
        stubs(&programs, "0.1.0");
        let root = Self { programs, dir };
        root.write("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        root.write("/etc/debian_version", "12.11\n");
        root.write("/etc/bash.bashrc", "# start file\n[ -z \"$PS1\" ] && return\n");
        root.write("/etc/zsh/zshrc", "# no newline at the end");
        std::fs::create_dir_all(root.path("/usr/local/lib")).unwrap();
        std::fs::create_dir(root.tmp()).unwrap();
        std::fs::set_permissions(root.tmp(), PermissionsExt::from_mode(0o1777)).unwrap();
        root
    }

    /// The installer's temporary directory: what a killed one leaves goes with the rest.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.beside("tmp")
    }

    pub(crate) fn path(&self, place: &str) -> PathBuf {
        self.dir.path().join(format!("root{place}"))
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, place: &str, text: &str) {
        write(&self.path(place), text);
    }

    pub(crate) fn inventory(&self) -> Inventory {
        inventory(&self.path(""))
    }

    /// `install.sh --root ROOT --programs STUBS WORDS`, as a command.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.installer(&sources().join("install.sh"));
        command.arg("--programs").arg(&self.programs).args(words);
        command
    }

    /// `SCRIPT --root ROOT`, as a command.
    pub(super) fn installer(&self, script: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg(script).arg("--root").arg(self.path(""));
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TMPDIR", self.tmp())
            .env("HOME", self.beside(""));
        command.stdin(std::process::Stdio::null());
        command
    }

    #[must_use = "assert something about it"]
    pub(crate) fn install(&self, words: &[&str]) -> Output {
        Output::of(&mut self.command(words))
    }

    /// Installs a release, which brings its own programs.
    #[must_use = "assert something about it"]
    pub(super) fn takes(&self, words: &[&str]) -> Output {
        Output::of(self.installer(&sources().join("install.sh")).args(words))
    }

    /// What the copy does that was installed.
    #[must_use = "assert something about it"]
    pub(super) fn copy_does(&self, words: &[&str]) -> Output {
        let copy = self.path("/usr/local/lib/envguard/install.sh");
        Output::of(self.installer(&copy).args(words))
    }

    #[must_use = "assert something about it"]
    pub(crate) fn uninstall(&self, words: &[&str]) -> Output {
        Output::of(self.command(&["--uninstall"]).args(words))
    }
}

/// Programs in the place of the real ones, which say `version`.
pub(super) fn stubs(dir: &Path, version: &str) {
    std::fs::create_dir_all(dir).unwrap();
    for name in ["kubectl-envguard", "envguard-shim"] {
        let file = dir.join(name);
        write(&file, &format!("#!/bin/sh\necho {name} {version}\n"));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// Where each entry of `deploy/files` is to stand, for a system-wide install of `sources`.
pub(super) fn listed(sources: &Path, prefix: &str, zsh: &str) -> Vec<String> {
    let text = read(&sources.join("deploy/files"));
    let mut places: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // Of the public key there is none before the first release.
        .filter(|words| words[1] != "key" || sources.join(words[3]).exists())
        .map(|words| words[4])
        .map(|place| place.replace("@P", prefix).replace("@Z", zsh))
        .collect();
    places.sort();
    places
}

/// The version before the next one, and that.
pub(super) const VERSIONS: [&str; 2] = ["0.1.0", "0.2.0"];

/// What the next version says at the end of each file below /etc.
pub(super) const NEXT: &str = "# of the next version\n";

/// The sources of the next version: every file that goes below /etc is another one.
pub(super) fn next_sources(dir: &Path) -> PathBuf {
    let next = dir.join("next");
    std::fs::create_dir_all(next.join("tests")).unwrap();
    for part in std::fs::read_dir(sources()).unwrap().map(|entry| entry.unwrap().file_name()) {
        if [".git", "target", "tests", "fuzz"].iter().all(|other| part != *other) {
            let part = sources().join(part);
            Output::of(Command::new("cp").arg("-a").arg(part).arg(&next)).exits(0);
        }
    }
    let mut demo = Command::new("cp");
    demo.arg("-a").arg(sources().join("tests/demo")).arg(next.join("tests"));
    Output::of(&mut demo).exits(0);
    let below_etc = |line: &&str| line.contains(" /etc/") || line.contains("amazon-ssm-agent.conf");
    for line in read(&next.join("deploy/files")).lines().filter(below_etc) {
        let file = next.join(line.split_whitespace().nth(3).unwrap());
        write(&file, &format!("{}{NEXT}", read(&file)));
    }
    next
}

/// A release in a directory: tarball, sums, signature, and the public key.
pub(crate) struct Release {
    pub(crate) dir: PathBuf,
    pub(crate) key: PathBuf,
}

impl Release {
    pub(crate) fn new(root: &Root) -> Self {
        let dir = root.beside("releases");
        std::fs::create_dir_all(&dir).unwrap();
        let (private, key) = (root.beside("private.pem"), root.beside("key.pem"));
        let words = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"];
        Output::of(Command::new("openssl").args(words).arg(&private)).exits(0);
        let mut public = Command::new("openssl");
        public.args(["ec", "-pubout", "-in"]).arg(&private).arg("-out").arg(&key);
        Output::of(&mut public).exits(0);
        Self { dir, key }
    }

    /// Adds a version, with its sums signed.
    pub(crate) fn add(&self, root: &Root, version: &str) -> PathBuf {
        self.add_of(sources(), root, version)
    }

    /// The same, of other sources.
    pub(super) fn add_of(&self, sources: &Path, root: &Root, version: &str) -> PathBuf {
        let programs = root.beside(&format!("programs-{version}"));
        stubs(&programs, version);
        let mut tarball = Command::new("sh");
        tarball.arg(sources.join("deploy/tarball")).arg(&programs).arg(&self.dir);
        Output::of(tarball.args([version, machine().as_str()])).exits(0);
        self.sign(root);
        self.dir.join(format!("kubectl-envguard-{version}-{}-linux.tar.gz", machine()))
    }

    /// Signs what is there, whatever it is.
    pub(crate) fn sign(&self, root: &Root) {
        let mut names: Vec<String> = std::fs::read_dir(&self.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| {
            name.ends_with(".gz") || name.ends_with(".deb") || name.ends_with(".rpm")
        });
        Output::of(self.signing(root).arg("--only").args(names)).exits(0);
    }

    /// `deploy/sign DIR KEY`, as a command.
    pub(super) fn signing(&self, root: &Root) -> Command {
        let mut sign = Command::new("sh");
        sign.arg(sources().join("deploy/sign")).arg(&self.dir).arg(root.beside("private.pem"));
        sign
    }
}

pub(crate) fn machine() -> String {
    Output::of(Command::new("uname").arg("-m")).exits(0).stdout.trim().to_owned()
}
