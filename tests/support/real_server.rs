//! A real etcd and kube-apiserver, where `KUBEBUILDER_ASSETS` names them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Instance, Kubectl, write};

const TOKEN: &str = "0123456789abcdef";

/// How long the two processes may take until they answer.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running control plane; it ends with the test.
pub(crate) struct RealServer {
    dir: tempfile::TempDir,
    port: u16,
    processes: Vec<Child>,
}

impl RealServer {
    pub(crate) fn start(assets: &Path) -> Self {
        let mut server =
            Self { dir: tempfile::tempdir().unwrap(), port: free_port(), processes: Vec::new() };
        let (client, peer) = (free_port(), free_port());
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        server.spawn(Command::new(assets.join("etcd")).args([
            "--data-dir".to_owned(),
            server.path("etcd").display().to_string(),
            "--listen-client-urls".to_owned(),
            url(client),
            "--advertise-client-urls".to_owned(),
            url(client),
            "--listen-peer-urls".to_owned(),
            url(peer),
        ]));
        // Service account tokens: nobody uses one here, but the server wants a key.
        let key = rcgen::KeyPair::generate().unwrap();
        write(&server.path("sa.key"), &pem("PRIVATE KEY", &key.serialize_der()));
        let public = rcgen::PublicKeyData::subject_public_key_info(&key);
        write(&server.path("sa.pub"), &pem("PUBLIC KEY", &public));
        write(&server.path("tokens"), &format!("{TOKEN},admin,admin,system:masters\n"));
        let port = server.port;
        let file = |name: &str| server.path(name).display().to_string();
        let flags = [
            format!("--etcd-servers={}", url(client)),
            format!("--cert-dir={}", file("certs")),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--token-auth-file={}", file("tokens")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        ];
        server.spawn(Command::new(assets.join("kube-apiserver")).args(flags));
        server
    }

    /// Waits for it, and makes it the cluster of `instance`.
    pub(crate) fn pin(&self, instance: &Instance, kubectl: &Kubectl) {
        self.wait_until_ready(kubectl);
        instance.pin(&self.url(), &self.path("certs/apiserver.crt"), TOKEN, kubectl);
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spawn(&mut self, command: &mut Command) {
        let log =
            std::fs::File::create(self.path(&format!("log{}", self.processes.len()))).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.processes.push(child);
    }

    /// Ready is when it says so; until the port is open there is nobody to ask.
    fn wait_until_ready(&self, kubectl: &Kubectl) {
        let begun = Instant::now();
        loop {
            let listens = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            let ready = listens
                && Command::new(&kubectl.path)
                    .args(["get", "--raw", "/readyz", "--insecure-skip-tls-verify"])
                    .args(["--server", &self.url(), "--token", TOKEN])
                    .env("HOME", self.dir.path())
                    .env("KUBECONFIG", "/dev/null")
                    .output()
                    .unwrap()
                    .status
                    .success();
            if ready {
                return;
            }
            let log = || super::read(&self.path("log1"));
            assert!(begun.elapsed() < DEADLINE, "the API server did not start: {}", log());
            std::thread::yield_now();
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

/// PEM as `openssl` writes it.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
