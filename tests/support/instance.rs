//! A kubectl instance in a scratch directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Kubectl, Output, Server, executable, read, scratch_in_memory, write};

/// The guard's own questions come with this variable.
const PREVIEW: &str = "[ \"$KUBECTL_EXTERNAL_DIFF\" != 'diff -N -a -U999999' ] || exit 1";

/// A DER certificate is opaque to the guard: any bytes have a fingerprint.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nZW52Z3VhcmQ=\n-----END CERTIFICATE-----\n";

/// SHA-256 of the bytes of [`CERTIFICATE`], computed with sha256sum.
const FINGERPRINT: &str = "sha256:9f3282b14fe7ed857b02f3c7ef43d15b03b38c73e35de1f2b6ad468dd7f2fe86";

/// What the production overlay applies.
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: web
  annotations: {argocd.argoproj.io/tracking-id: \"shop:apps/Deployment:web/api\"}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
      - name: api
        image: registry.example/shop/api:v41
        env:
        - {name: DB_PASSWORD, value: S3CRET1}
";

/// With secrets in every place where people put them.
const SETTINGS: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: web}
stringData: {password: S3CRET1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web}
data:
  level: info
  app.properties: |
    host=db
    password=S3CRET1
";

/// A scratch directory with home, checkout, kubeconfig, configuration, and a `bin`
/// whose `kubectl` records how it was called.
pub(crate) struct Instance {
    dir: tempfile::TempDir,
    environment: String,
    kubectl: Option<PathBuf>,
}

impl Instance {
    /// The develop instance with the usual tree: `base`, `overlays/develop`,
    /// `overlays/prod`, of which develop and prod pull in base.
    pub(crate) fn new() -> Self {
        Self::of("develop")
    }

    /// The instance of `environment`.
    pub(crate) fn of(environment: &str) -> Self {
        Self::of_in(environment, tempfile::tempdir().unwrap())
    }

    /// One whose files are made again and again.
    pub(crate) fn in_memory() -> Self {
        Self::of_in("develop", scratch_in_memory())
    }

    fn of_in(environment: &str, dir: tempfile::TempDir) -> Self {
        let instance = Self { dir, environment: environment.to_owned(), kubectl: None };
        for dir in ["home", "bin", "m", "elsewhere"] {
            std::fs::create_dir_all(instance.path(dir)).unwrap();
        }
        instance.git(&["init", "--quiet", "--initial-branch=main"]);
        instance.write_tree();
        instance.recording_kubectl();
        let server = "https://pinned.example.test";
        instance.write("kubeconfig", &kubeconfig("develop-eks", server, CERTIFICATE));
        instance.configure_pin(server, FINGERPRINT);
        instance
    }

    /// The same, with a running API server as its cluster.
    pub(crate) fn with_server(server: &Server, kubectl: &Kubectl) -> Self {
        let mut instance = Self::new();
        instance.kubectl = Some(kubectl.path.clone());
        instance.reaches(server);
        instance
    }

    /// The production instance of a running API server, with an overlay that has a
    /// deployment, a secret and a config map. Everything is committed.
    pub(crate) fn production(server: &Server, kubectl: &Kubectl) -> Self {
        let mut instance = Self::production_behind(|instance| instance.reaches(server));
        instance.kubectl = Some(kubectl.path.clone());
        instance
    }

    /// The same, of whatever `pin` makes its cluster.
    pub(crate) fn production_behind(pin: impl Fn(&Self)) -> Self {
        let instance = Self::of("production");
        pin(&instance);
        std::fs::remove_dir_all(instance.path("m/overlays/develop")).unwrap();
        std::fs::create_dir_all(instance.path("run")).unwrap();
        instance.write(
            "m/overlays/production/kustomization.yaml",
            "resources: [api.yaml, settings.yaml]\n",
        );
        instance.write("m/overlays/production/api.yaml", DEPLOYMENT);
        instance.write("m/overlays/production/settings.yaml", SETTINGS);
        instance.commit();
        std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap();
        instance.git(&["update-index", "--skip-worktree", "overlays/prod/extra.yaml"]);
        instance.link(super::shim().to_str().unwrap(), "shims/kubectl");
        instance
    }

    /// Replaces text in a file of the checkout and commits it.
    pub(crate) fn edit(&self, file: &str, changes: &[(&str, &str)]) {
        let path = self.checkout().join(file);
        let mut text = read(&path);
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in {file}");
            text = text.replace(from, to);
        }
        write(&path, &text);
        self.git(&["commit", "--quiet", "--message=edit", file]);
    }

    /// Makes a running API server the cluster.
    pub(crate) fn reaches(&self, server: &Server) {
        std::fs::copy(server.kubeconfig(), self.path("kubeconfig")).unwrap();
        self.configure_pin(&server.url(), &fingerprints(&server.ca()));
    }

    /// Makes a server with this certificate the cluster, reached by `kubectl`.
    pub(crate) fn pin(&self, url: &str, ca: &Path, token: &str, kubectl: &Kubectl) {
        let text = kubeconfig("develop-eks", url, &read(ca)).replace("secret", token);
        self.write("kubeconfig", &text);
        self.configure_pin(url, &fingerprints(ca));
        let bin = self.path("bin/kubectl");
        std::fs::remove_file(&bin).unwrap();
        std::os::unix::fs::symlink(&kubectl.path, bin).unwrap();
    }

    /// Lets a program get the credentials, as the pin records it.
    pub(crate) fn credentials_from(&self, program: &str, version: &str) {
        let file = self.path("kubeconfig");
        let mut kubeconfig: serde_yaml::Value = serde_yaml::from_str(&read(&file)).unwrap();
        let user = format!(
            "exec: {{apiVersion: client.authentication.k8s.io/{version}, command: {program}, interactiveMode: Never}}"
        );
        kubeconfig["users"][0]["user"] = serde_yaml::from_str(&user).unwrap();
        write(&file, &serde_yaml::to_string(&kubeconfig).unwrap());
        let pinned = format!("\n  exec: {{command: {program}}}\ncheckouts:");
        write(&self.config(), &self.config_text().replacen("\ncheckouts:", &pinned, 1));
    }

    /// Adds lines to the configuration, at the top level.
    pub(crate) fn rules(self, rules: &str) -> Self {
        let text = self.config_text();
        write(&self.config(), &format!("{text}{}", rules.to_owned() + "\n"));
        self
    }

    /// Adds lines to the checkout's entry.
    pub(crate) fn checkout_rules(self, lines: &str) -> Self {
        let text = self
            .config_text()
            .replace("    allow: [", &format!("    {}\n    allow: [", lines.trim()));
        write(&self.config(), &text);
        self
    }

    /// Replaces the overlay roots.
    pub(crate) fn overlay_roots(self, roots: &str) -> Self {
        let text = self.config_text();
        let line = text.lines().find(|line| line.trim().starts_with("overlayRoots:")).unwrap();
        let replaced = text.replace(line, &format!("    overlayRoots: {roots}"));
        write(&self.config(), &replaced);
        self
    }

    /// Adds checkouts like the first one.
    pub(crate) fn more_checkouts(self, tops: &[&Path]) -> Self {
        let text = self.config_text();
        let entries: String = tops
            .iter()
            .map(|top| {
                format!(
                    "  - path: {}\n    overlayRoots: [overlays]\n    allow: [{}]\n",
                    top.display(),
                    self.environment
                )
            })
            .collect();
        write(&self.config(), &text.replace("checkouts:\n", &format!("checkouts:\n{entries}")));
        self
    }

    /// Guards another directory instead of `m`.
    pub(crate) fn only_checkout(self, relative: &str) -> Self {
        let top = self.path(relative);
        self.only_checkout_at(&top)
    }

    /// Guards a directory outside the scratch directory.
    pub(crate) fn only_checkout_at(self, to: &Path) -> Self {
        // Where it was written, also when it has become a link since.
        let from = self.path("").join("m");
        let text = self.config_text();
        let line = |top: &Path| format!("  - path: {}\n", top.display());
        assert!(text.contains(&line(&from)));
        write(&self.config(), &text.replace(&line(&from), &line(to)));
        self
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config.yaml")
    }

    pub(crate) fn config_text(&self) -> String {
        read(&self.config())
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        // The scratch directory itself may be reached through a link.
        self.dir.path().canonicalize().unwrap().join(relative)
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.path("m")
    }

    /// Writes a file below the scratch directory.
    pub(crate) fn write(&self, relative: &str, content: &str) -> PathBuf {
        let path = self.path(relative);
        write(&path, content);
        path
    }

    /// A link below the scratch directory.
    pub(crate) fn link(&self, target: &str, relative: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    fn write_tree(&self) {
        self.write("m/base/cm.yaml", &config_map("web"));
        self.write("m/base/kustomization.yaml", "resources: [cm.yaml]\n");
        for overlay in ["develop", "prod"] {
            self.write(
                &format!("m/overlays/{overlay}/kustomization.yaml"),
                &format!("bases: [../../base]\nnamePrefix: {overlay}-\n"),
            );
            self.write(
                &format!("m/overlays/{overlay}/extra.yaml"),
                &config_map(&format!("{overlay}-extra")),
            );
        }
    }

    fn configure_pin(&self, server: &str, fingerprint: &str) {
        let top = self.path("");
        let top = top.to_str().unwrap().trim_end_matches('/');
        let environment = &self.environment;
        self.write(
            "config.yaml",
            &format!(
                "apiVersion: envguard/v1alpha1
kind: Instance
environment: {environment}
cluster:
  name: develop-eks
  kubeconfig: {top}/kubeconfig
  server: {server}
  caCertHash: {fingerprint}
checkouts:
  - path: {top}/m
    overlayRoots: [overlays]
    allow: [{environment}]
banner: {{contact: \"#sre-oncall\"}}
"
            ),
        );
    }

    /// A kubectl that writes down its arguments and environment: what is passed on
    /// is the question here, not what kubectl does with it. It knows no answer when
    /// the guard only wants to know what would change.
    fn recording_kubectl(&self) {
        let log = self.path("kubectl-called");
        let script = format!(
            "#!/bin/sh\n{PREVIEW}\n{{ printf '%s\\n' \"$@\"; echo ---; env; }} > {}\nexit 42\n",
            log.display()
        );
        self.write("bin/kubectl", &script);
        self.executable("bin/kubectl");
    }

    /// Sets the mode of a file below the scratch directory.
    pub(crate) fn mode(&self, relative: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(relative), mode).unwrap();
    }

    pub(crate) fn executable(&self, relative: &str) {
        executable(&self.path(relative));
    }

    /// Writes a program below the scratch directory.
    pub(crate) fn program(&self, relative: &str, script: &str) {
        let path = self.path(relative);
        std::fs::remove_file(&path).unwrap_or_default();
        self.write(relative, script);
        self.executable(relative);
    }

    /// What the recording kubectl was called with, and its environment.
    pub(crate) fn recorded(&self) -> Option<(Vec<String>, Vec<String>)> {
        let text = std::fs::read_to_string(self.path("kubectl-called")).ok()?;
        let (words, environment) = text.split_once("---\n").unwrap();
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Some((lines(words), lines(environment)))
    }

    /// As if the fake kubectl had never been started.
    pub(crate) fn forget(&self) {
        std::fs::remove_file(self.path("kubectl-called")).unwrap_or_default();
    }

    /// Runs git in the checkout, hermetically.
    pub(crate) fn git(&self, words: &[&str]) -> String {
        let output = Output::of(
            Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.test"])
                .args(words)
                .current_dir(self.checkout())
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_SYSTEM", "/dev/null")
                .env("HOME", self.path("home")),
        );
        output.exits(0).stdout
    }

    /// Commits everything that is in the checkout.
    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=all"]);
    }

    /// A command in the checkout with a clean environment and this configuration.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.checkout())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("ENVGUARD_CONFIG", self.config())
            .env("RUST_BACKTRACE", "1")
            .stdin(std::process::Stdio::null());
        if let Some(kubectl) = &self.kubectl {
            let bin = self.path("bin/kubectl");
            std::fs::remove_file(&bin).unwrap_or_default();
            std::os::unix::fs::symlink(kubectl, bin).unwrap();
        }
        command
    }

    /// `kubectl-envguard WORDS`
    #[must_use = "assert something about it"]
    pub(crate) fn envguard(&self, words: &[&str]) -> Output {
        Output::of(self.command(&super::envguard()).args(words))
    }

    /// The same with another configuration in the place of this one.
    #[must_use = "assert something about it"]
    pub(crate) fn envguard_with_config(&self, config: &Path, words: &[&str]) -> Output {
        let mut command = self.command(&super::envguard());
        Output::of(command.args(words).env("ENVGUARD_CONFIG", config))
    }

    /// `kubectl WORDS` through the shim.
    #[must_use = "assert something about it"]
    pub(crate) fn kubectl(&self, words: &[&str]) -> Output {
        Output::of(self.command(&super::shim()).args(words))
    }

    /// The verdict only: `check -- WORDS`.
    #[must_use = "assert something about it"]
    pub(crate) fn check(&self, words: &[&str]) -> Output {
        let mut all = vec!["check", "--"];
        all.extend(words);
        let output = self.envguard(&all);
        // What `check` prints stands on standard output; the assertions look at
        // the text of the refusal wherever it is.
        Output { stderr: output.stdout.clone(), ..output }
    }
}

/// A kubeconfig with one context.
pub(crate) fn kubeconfig(name: &str, server: &str, certificate: &str) -> String {
    let encoded = base64(certificate);
    format!(
        "apiVersion: v1
kind: Config
current-context: {name}
contexts:
- name: {name}
  context: {{cluster: {name}, user: {name}}}
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {encoded}
users:
- name: {name}
  user: {{token: secret}}
"
    )
}

/// The same certificate in every scratch kubeconfig.
pub(crate) fn certificate() -> &'static str {
    CERTIFICATE
}

fn base64(text: &str) -> String {
    let output =
        Output::of(Command::new("sh").args(["-c", "printf %s \"$1\" | base64 -w0", "sh", text]));
    output.exits(0).stdout
}

/// The fingerprints as an operator would compute them, with public tools; a bundle
/// gives a list.
fn fingerprints(pem: &Path) -> String {
    let script = r#"awk '/BEGIN/{n++} !/-----/{print > "'"$2"'/" n ".b64"}' "$1"
for part in "$2"/*.b64; do base64 -d < "$part" | sha256sum; done"#;
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let output = Output::of(command.args(["-c", script, "sh"]).arg(pem).arg(scratch.path()));
    let list: Vec<String> =
        output.exits(0).stdout.lines().map(|line| format!("'sha256:{}'", &line[..64])).collect();
    format!("[{}]", list.join(", "))
}

pub(crate) fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: \"1\"}}\n")
}
