//! The instance in which a line runs: a checkout, a cluster, a home, and another
//! cluster that nobody may call. Made anew for every run, at the same place, so
//! that two runs can be compared.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use super::rows::Given;
use crate::support::{Output, Server, executable, pem, read, scratch_in_memory, write};

/// Programs that operators have besides kubectl, and that ours must not know.
const PROGRAMS: [(&str, &str); 6] = [
    // Stand-alone kustomize is not guarded; kubectl's own one stands in for it.
    ("kustomize", "#!/bin/sh\nshift\nexec \"$TOP/bin/.builtin\" kustomize \"$@\"\n"),
    ("envsubst", "#!/bin/sh\nexec cat\n"),
    ("kubectl-neat", "#!/bin/sh\nexec cat ${1+\"$@\"}\n"),
    ("kubectl-look", "#!/bin/sh\nexec kubectl get \"$@\"\n"),
    ("kubectl_complete-neat", "#!/bin/sh\nprintf 'deployment\\nservice\\n:4\\n'\n"),
    ("edit-replicas", "#!/bin/sh\nexec sed -i 's/replicas: 2/replicas: 3/' \"$1\"\n"),
];

/// Says that it ran, and prints a manifest, because some lines hand one on.
const STUB: &str = "#!/bin/sh
echo ran >>\"$TOP/ran\"
echo 'apiVersion: v1'
echo 'kind: ConfigMap'
echo 'metadata: {name: printed}'
";

/// What is in a cluster when a line begins.
const CLUSTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/cluster.yaml");

/// The checkout as its remote has it.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/checkout");

/// Whether foreign overlays are on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// As the keeper leaves it: only git knows them.
    Tidy,
    /// As a fresh clone.
    Cloned,
}

/// The checkouts to copy from, and the server that is not this instance's.
#[derive(Debug)]
pub(crate) struct Originals {
    dir: tempfile::TempDir,
    other: Server,
    /// What stands as `kubectl` first on `PATH`.
    guard: PathBuf,
}

impl Originals {
    pub(crate) fn new() -> Self {
        let originals = Self {
            dir: scratch_in_memory(),
            other: Server::with_objects("prod-eks", CLUSTER.as_ref()),
            guard: crate::support::shim(),
        };
        for (name, script) in PROGRAMS.into_iter().chain([(".stub", STUB)]) {
            let file = originals.dir.path().join("bin").join(name);
            write(&file, script);
            executable(&file);
        }
        let pair = rcgen::generate_simple_self_signed(vec!["web.example.test".to_owned()]).unwrap();
        write(&originals.dir.path().join("certs/web.crt"), &pem("CERTIFICATE", pair.cert.der()));
        let key = pem("PRIVATE KEY", pair.signing_key.serialized_der());
        write(&originals.dir.path().join("certs/web.key"), &key);
        for tree in [Tree::Cloned, Tree::Tidy] {
            let checkout = originals.checkout(tree);
            copy(CHECKOUT.as_ref(), &checkout);
            git(&checkout, &["init", "--quiet", "--template=", "--initial-branch=main"]);
            git(&checkout, &["add", "."]);
            git(&checkout, &["commit", "--quiet", "--message=Manifests"]);
            if tree == Tree::Tidy {
                git(&checkout, &["sparse-checkout", "set", "--no-cone", "/*"]);
                write(
                    &checkout.join(".git/info/sparse-checkout"),
                    "/*\n!/overlays/prod/\n!/overlays/staging/\n!/apps/api/overlays/prod/\n",
                );
                git(&checkout, &["sparse-checkout", "reapply"]);
                assert!(!checkout.join("overlays/prod").exists(), "git has tidied nothing");
            }
            git(&checkout, &["gc", "--quiet"]);
        }
        originals
    }

    /// The same with a shell script in the guard's place.
    pub(crate) fn with_guard(script: &str) -> Self {
        let originals = Self::new();
        let guard = originals.dir.path().join("guard");
        write(&guard, script);
        executable(&guard);
        Self { guard, ..originals }
    }

    fn checkout(&self, tree: Tree) -> PathBuf {
        self.dir.path().join(format!("{tree:?}"))
    }

    /// The program that takes kubectl's place where it does not matter what
    /// kubectl does.
    pub(crate) fn stub(&self) -> PathBuf {
        self.dir.path().join("bin/.stub")
    }

    /// A place of its own for one thread.
    pub(crate) fn world(&self, name: &str) -> World<'_> {
        World {
            originals: self,
            top: self.dir.path().canonicalize().unwrap().join(name),
            cluster: Server::with_objects("develop-eks", CLUSTER.as_ref()),
        }
    }
}

/// The place of one thread.
#[derive(Debug)]
pub(crate) struct World<'o> {
    originals: &'o Originals,
    top: PathBuf,
    /// For lines that call nobody.
    pub(crate) cluster: Server,
}

impl World<'_> {
    pub(crate) fn stub(&self) -> PathBuf {
        self.originals.stub()
    }

    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.top.join(relative)
    }

    /// `127.0.0.1:PORT` of the server that is not this instance's.
    pub(crate) fn other(&self) -> String {
        host_of(&self.originals.other.url())
    }

    /// Makes everything new, and starts another cluster.
    pub(crate) fn with_new_cluster(&self, tree: Tree, kubectl: &Path, given: &[Given]) -> Server {
        let server = Server::with_objects("develop-eks", CLUSTER.as_ref());
        self.make(tree, kubectl, given, &server, "normal");
        server
    }

    /// Makes everything new but this cluster.
    pub(crate) fn again(&self, tree: Tree, kubectl: &Path, given: &[Given], server: &Server) {
        self.make(tree, kubectl, given, server, "normal");
    }

    /// Makes everything new for a line that calls nobody.
    pub(crate) fn reset(&self, tree: Tree, kubectl: &Path, given: &[Given], level: &str) {
        self.make(tree, kubectl, given, &self.cluster, level);
    }

    fn make(&self, tree: Tree, kubectl: &Path, given: &[Given], server: &Server, level: &str) {
        if self.top.exists() {
            fs::remove_dir_all(&self.top).unwrap();
        }
        for dir in ["shims", "home/.kube"] {
            fs::create_dir_all(self.path(dir)).unwrap();
        }
        copy(&self.originals.dir.path().join("bin"), &self.path("bin"));
        copy(&self.originals.checkout(tree), &self.path("m"));
        self.programs(kubectl);
        self.outside_the_checkout();
        self.configure(server, tree, level);
        for given in given {
            self.give(given);
        }
    }

    fn programs(&self, kubectl: &Path) {
        symlink(kubectl, self.path("bin/kubectl")).unwrap();
        symlink(kubectl, self.path("bin/.builtin")).unwrap();
        symlink(&self.originals.guard, self.path("shims/kubectl")).unwrap();
        symlink(crate::support::envguard(), self.path("bin/kubectl-envguard")).unwrap();
    }

    /// What lies about on an instance: keys, notes, a pod for debugging.
    fn outside_the_checkout(&self) {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: debug}\nspec: {containers: [{name: debug, image: busybox}]}\n";
        for file in ["home/debug-pod.yaml", "addons/pod.yaml", "elsewhere/pod.yaml"] {
            write(&self.path(file), pod);
        }
        write(&self.path("elsewhere/kustomization.yaml"), "resources: [pod.yaml]\n");
        write(&self.path("home/license.txt"), "licence\n");
        write(&self.path("home/.docker/config.json"), "{\"auths\": {}}\n");
        copy(&self.originals.dir.path().join("certs"), &self.path("certs"));
    }

    fn configure(&self, server: &Server, tree: Tree, level: &str) {
        let other = read(&self.originals.other.kubeconfig());
        write(&self.path("home/prod.kubeconfig"), &other);
        let own = read(&server.kubeconfig());
        // A second context, as careless copying leaves it.
        let kubeconfig = if tree == Tree::Cloned { merged(&own, &other) } else { own.clone() };
        write(&self.path("kubeconfig"), &kubeconfig);
        private(&self.path("kubeconfig"));
        let own: Value = serde_yaml::from_str(&own).unwrap();
        let cluster = &own["clusters"][0]["cluster"];
        let url = cluster["server"].as_str().unwrap();
        let authority = cluster["certificate-authority-data"].as_str().unwrap();
        let top = self.top.display();
        let text = format!(
            "apiVersion: envguard/v1alpha1
kind: Instance
environment: develop
level: {level}
cluster:
  name: develop-eks
  kubeconfig: {top}/kubeconfig
  server: {url}
  caCertHash: {}
checkouts:
  - path: {top}/m
    overlayRoots: [overlays, \"apps/*/overlays\"]
    allow: [develop]
    shared: [base]
alsoAllow: [{top}/addons]
banner: {{contact: \"#sre-oncall\"}}
",
            fingerprint(authority)
        );
        write(&self.path("config.yaml"), &text);
    }

    fn give(&self, given: &Given) {
        match given {
            Given::File { path, content } => {
                write(&self.given_path(path), &self.filled_in(content));
            }
            Given::Program { name, script } => {
                let file = self.path("bin").join(name);
                write(&file, script);
                executable(&file);
            }
            Given::Link { path, target } => {
                let path = self.given_path(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(self.filled_in(target), path).unwrap();
            }
        }
    }

    /// Relative to the checkout.
    pub(crate) fn given_path(&self, path: &str) -> PathBuf {
        self.path("m").join(self.filled_in(path))
    }

    /// The variables of the tables that stand outside of shell lines.
    pub(crate) fn filled_in(&self, text: &str) -> String {
        text.replace("$TOP", self.top.to_str().unwrap())
            .replace("$HOME", self.path("home").to_str().unwrap())
            .replace("$OTHER", &self.originals.other.url())
    }

    /// A shell that runs `line` in the checkout.
    pub(crate) fn shell(&self, program: &[&str], guarded: bool, line: &str) -> Command {
        let mut command = Command::new(program[0]);
        let shims = if guarded { format!("{}/shims:", self.top.display()) } else { String::new() };
        command
            .args(&program[1..])
            .args(["bash", "-c", line])
            .current_dir(self.path("m"))
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", format!("{shims}{}/bin:/usr/bin:/bin", self.top.display()))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("KUBE_EDITOR", "edit-replicas")
            .env("ENVGUARD_CONFIG", self.path("config.yaml"))
            .env("LANG", "C.UTF-8")
            .env("TOP", &self.top)
            .env("OTHER", self.originals.other.url())
            .stdin(std::process::Stdio::null());
        command
    }
}

/// `host:port` of an URL.
pub(crate) fn host_of(url: &str) -> String {
    url.split("//").nth(1).unwrap().trim_end_matches('/').to_owned()
}

fn copy(from: &Path, to: &Path) {
    Output::of(Command::new("cp").arg("-a").arg(from).arg(to)).exits(0);
}

fn git(dir: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@example.test"])
        .args(words)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    Output::of(&mut command).exits(0);
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Both kubeconfigs in one file; the first one's context is the current one.
fn merged(one: &str, other: &str) -> String {
    let mut one: Value = serde_yaml::from_str(one).unwrap();
    let other: Value = serde_yaml::from_str(other).unwrap();
    for list in ["contexts", "clusters", "users"] {
        let more = other[list].as_sequence().unwrap().clone();
        one[list].as_sequence_mut().unwrap().extend(more);
    }
    serde_yaml::to_string(&one).unwrap()
}

/// Of the certificate in a kubeconfig: base64 of PEM, which is base64 of DER.
fn fingerprint(authority: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::Digest;
    let pem = String::from_utf8(STANDARD.decode(authority).unwrap()).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let digest = sha2::Sha256::digest(STANDARD.decode(body).unwrap());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
