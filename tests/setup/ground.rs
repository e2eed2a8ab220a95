//! A machine that nobody prepared: a repository, a kubeconfig, and no configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Instance, Output, Server, config_map, envguard, read, shim};

/// The machine, and what runs on it.
pub(super) struct Ground {
    pub(super) instance: Instance,
    pub(super) server: Option<Server>,
}

impl Ground {
    /// A machine whose `~/.kube/config` leads to nowhere, and an empty checkout.
    pub(super) fn new() -> Self {
        let instance = Instance::new();
        std::fs::remove_file(instance.config()).unwrap();
        for dir in ["m/base", "m/overlays"] {
            std::fs::remove_dir_all(instance.path(dir)).unwrap();
        }
        std::fs::create_dir_all(instance.path("home/.kube")).unwrap();
        std::fs::rename(instance.path("kubeconfig"), instance.path("home/.kube/config")).unwrap();
        let ground = Self { instance, server: None };
        ground.offline_server();
        ground
    }

    /// A machine with a running server as the cluster `develop-eks`.
    pub(super) fn with_server() -> Self {
        let mut ground = Self::new();
        let server = Server::start("develop-eks");
        std::fs::copy(server.kubeconfig(), ground.instance.path("home/.kube/config")).unwrap();
        ground.server = Some(server);
        ground
    }

    /// Nobody is asked: the address answers at once that nobody listens.
    fn offline_server(&self) {
        let file = self.instance.path("home/.kube/config");
        let text = read(&file).replace("https://pinned.example.test", "https://127.0.0.1:1");
        self.instance.write("home/.kube/config", &text);
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.instance.path(relative)
    }

    /// The configuration that is written.
    pub(super) fn config(&self) -> PathBuf {
        self.path("etc/config.yaml")
    }

    /// An application's manifest and kustomization in `dir`, which pulls in `from`.
    pub(super) fn kustomization(&self, dir: &str, from: &[&str]) {
        let name = dir.replace('/', "-");
        self.instance.write(&format!("m/{dir}/own.yaml"), &config_map(&name));
        let entries: Vec<String> = from
            .iter()
            .map(|entry| format!("  - {entry}\n"))
            .chain(["  - own.yaml\n".into()])
            .collect();
        self.instance.write(
            &format!("m/{dir}/kustomization.yaml"),
            &format!("resources:\n{}", entries.concat()),
        );
    }

    /// With the usual overlays in the checkout.
    pub(super) fn usual(self) -> Self {
        self.kustomization("base", &[]);
        for overlay in ["develop", "prod"] {
            self.kustomization(&format!("overlays/{overlay}"), &["../../base"]);
        }
        self.commit();
        self
    }

    pub(super) fn commit(&self) {
        self.instance.git(&["add", "-A"]);
        self.instance.git(&["commit", "--quiet", "--allow-empty", "-m", "all"]);
    }

    /// A command on this machine.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = self.instance.command(program);
        command
            .env_remove("ENVGUARD_CONFIG")
            .env("GIT_CONFIG_SYSTEM", self.path("gitconfig"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        command
    }

    /// `kubectl-envguard --config … setup WORDS`
    #[must_use = "assert something about it"]
    pub(super) fn setup(&self, words: &[&str]) -> Output {
        let mut command = self.command(&envguard());
        command.arg("--config").arg(self.config()).arg("setup").args(words);
        Output::of(&mut command)
    }

    /// `check -- apply FLAG DIR` under the configuration that was written.
    #[must_use = "assert something about it"]
    pub(super) fn check(&self, flag: &str, dir: &str) -> Output {
        let mut command = self.command(&envguard());
        command.env("ENVGUARD_CONFIG", self.config());
        Output::of(command.args(["check", "--", "apply", flag, dir]))
    }

    #[track_caller]
    pub(super) fn passes(&self, dir: &str) {
        let output = self.check("-k", dir);
        assert_eq!(output.code, Some(0), "{dir}: {output}\n{}", read(&self.config()));
    }

    #[track_caller]
    pub(super) fn refuses(&self, dir: &str, code: &str) {
        let output = self.check("-k", dir);
        assert_eq!(output.code, Some(77), "{dir}: {output}\n{}", read(&self.config()));
        assert!(output.stdout.contains(&format!("({code})")), "{dir}: {output}");
    }

    /// `kubectl kustomize DIR` gives the same through the guard as without.
    #[track_caller]
    pub(super) fn renders_alike(&self, dir: &str) {
        for kubectl in crate::support::kubectls().into_iter().rev().take(1) {
            let plain = Output::of(self.command(&kubectl.path).args(["kustomize", dir])).exits(0);
            let bin = self.path("real/kubectl");
            if !bin.exists() {
                std::fs::create_dir_all(self.path("real")).unwrap();
                std::os::unix::fs::symlink(&kubectl.path, &bin).unwrap();
            }
            let mut guarded = self.command(&shim());
            guarded
                .env("ENVGUARD_CONFIG", self.config())
                .env("PATH", format!("{}:/usr/bin:/bin", self.path("real").display()));
            let guarded = Output::of(guarded.args(["kustomize", dir])).exits(0);
            assert!(!plain.stdout.is_empty());
            assert_eq!(guarded.stdout, plain.stdout, "{dir}");
        }
    }

    /// The configuration as a value.
    pub(super) fn written(&self) -> serde_yaml::Value {
        serde_yaml::from_str(&read(&self.config())).unwrap()
    }

    /// A list of the first checkout's entry.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = &self.written()["checkouts"][0][name];
        let items = value.as_sequence().into_iter().flatten();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    }
}
