//! A repository for the keeper, and what is in it, byte for byte.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::support::{Instance, Output, config_map};

/// An instance whose checkout is committed and has an upstream.
pub(crate) struct Ground {
    pub(crate) instance: Instance,
}

impl Ground {
    /// `overlays/{develop,prod,staging}`, `apps/web/overlays/{develop,prod}`,
    /// `base`, one commit, an upstream that is in step.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same, `git init` with these words.
    pub(super) fn with(init: &[&str]) -> Self {
        let instance = Instance::new();
        if !init.is_empty() {
            std::fs::remove_dir_all(instance.path("m/.git")).unwrap();
            let words = ["init", "--quiet", "--initial-branch=main"];
            instance.git(&[&words[..], init].concat());
        }
        for dir in ["overlays/staging", "apps/web/overlays/develop", "apps/web/overlays/prod"] {
            let name = dir.replace('/', "-");
            instance.write(&format!("m/{dir}/cm.yaml"), &config_map(&name));
            instance.write(&format!("m/{dir}/kustomization.yaml"), "resources: [cm.yaml]\n");
        }
        instance.write("m/.gitignore", "*.secret\n");
        let ground = Self { instance };
        ground.roots("[overlays, \"apps/*/overlays\"]");
        ground.git(&["config", "user.name", "t"]);
        ground.git(&["config", "user.email", "t@example.test"]);
        ground.git(&["add", "--all"]);
        ground.git(&["commit", "--quiet", "--message=one"]);
        let upstream = ground.instance.path("upstream");
        let upstream = upstream.to_str().unwrap();
        ground.git(&["clone", "--quiet", "--bare", ".", upstream]);
        ground.git(&["remote", "add", "origin", upstream]);
        ground.git(&["fetch", "--quiet", "origin"]);
        ground.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
        ground
    }

    /// Makes `roots` the overlay roots.
    pub(super) fn roots(&self, roots: &str) {
        self.change_config("overlayRoots: ", roots);
    }

    /// Gives the line that starts with `field` this value.
    pub(super) fn change_config(&self, field: &str, value: &str) {
        let text: String = self
            .instance
            .config_text()
            .lines()
            .map(|line| match line.find(field) {
                Some(at) => format!("{}{field}{value}\n", &line[..at]),
                None => format!("{line}\n"),
            })
            .collect();
        self.instance.write("config.yaml", &text);
    }

    pub(crate) fn top(&self) -> PathBuf {
        self.instance.checkout()
    }

    pub(super) fn git(&self, words: &[&str]) -> String {
        self.instance.git(words)
    }

    /// git, whatever it says.
    pub(super) fn try_git(&self, words: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.args(words).current_dir(self.top());
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        git.env("GIT_EDITOR", "true").env("HOME", self.instance.path("home"));
        Output::of(&mut git)
    }

    pub(super) fn write(&self, relative: &str, content: &str) -> PathBuf {
        self.instance.write(&format!("m/{relative}"), content)
    }

    #[must_use = "assert something about it"]
    pub(super) fn tidy(&self) -> Output {
        self.instance.envguard(&["tidy"])
    }

    /// Foreign overlays that are on the disk.
    pub(super) fn foreign(&self) -> Vec<&'static str> {
        let all = ["overlays/prod", "overlays/staging", "apps/web/overlays/prod"];
        all.into_iter().filter(|path| self.top().join(path).symlink_metadata().is_ok()).collect()
    }

    #[track_caller]
    pub(crate) fn is_tidy(&self) {
        assert_eq!(self.foreign(), [""; 0], "foreign overlays are on the disk");
        self.is_clean();
    }

    #[track_caller]
    pub(super) fn is_clean(&self) {
        assert_eq!(self.git(&["status", "--porcelain", "--ignored"]), "");
    }

    /// The ids in quarantine, oldest first.
    pub(crate) fn ids(&self) -> Vec<String> {
        let listed = self.instance.envguard(&["restore", "--list"]).exits(0).stdout;
        listed
            .lines()
            .filter(|line| line.starts_with("20"))
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect()
    }
}

/// One file: its bytes' hash, or where the link leads; mode; time.
pub(super) type Fact = (String, u32, i64, i64);

/// Every file below `dir`, by its path relative to it; `.git` is left out.
pub(super) fn inventory(dir: &Path) -> BTreeMap<Vec<u8>, Fact> {
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

fn walk(top: &Path, dir: &Path, found: &mut BTreeMap<Vec<u8>, Fact>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let meta = path.symlink_metadata().unwrap();
        if entry.file_name() == ".git" {
            continue;
        }
        if meta.is_dir() {
            walk(top, &path, found);
            continue;
        }
        let content = if meta.is_symlink() {
            format!("-> {}", path.read_link().unwrap().display())
        } else if meta.is_file() {
            digest(&path)
        } else {
            "special".to_owned()
        };
        let name = path.strip_prefix(top).unwrap().as_os_str().as_bytes().to_vec();
        found.insert(name, (content, meta.mode(), meta.mtime(), meta.mtime_nsec()));
    }
}

pub(super) fn digest(path: &Path) -> String {
    hash(&std::fs::read(path).unwrap())
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
