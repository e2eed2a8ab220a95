//! An API server for one test: the stand-in, in a process of its own.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running stand-in. It ends with the test: its standard input closes.
#[derive(Debug)]
pub(crate) struct Server {
    dir: tempfile::TempDir,
    process: Child,
}

impl Server {
    /// Starts one whose kubeconfig calls its cluster `name`.
    pub(crate) fn start(name: &str) -> Self {
        Self::with(name, None)
    }

    /// Starts one that has the objects of a file of YAML documents.
    pub(crate) fn with_objects(name: &str, objects: &Path) -> Self {
        Self::with(name, Some(objects))
    }

    fn with(name: &str, objects: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        if let Some(objects) = objects {
            command.arg("--objects").arg(objects);
        }
        let mut process = command
            .args(["--dir".as_ref(), dir.path().as_os_str()])
            .args(["--name", name, "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "the stand-in did not start");
        Self { dir, process }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    pub(crate) fn url(&self) -> String {
        super::read(&self.dir.path().join("server-url")).trim().to_owned()
    }

    /// Every request so far: `METHOD PATH STATUS`.
    pub(crate) fn requests(&self) -> Vec<String> {
        super::read(&self.dir.path().join("requests.log")).lines().map(str::to_owned).collect()
    }

    /// The requests that would have changed something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changes = |line: &String| {
            !line.starts_with("GET ")
                && !line.contains("dryRun=All")
                && !line.contains("/apis/auth")
        };
        self.requests().into_iter().filter(changes).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// cargo builds examples next to the programs under test.
fn program() -> PathBuf {
    let programs = super::envguard();
    let program = programs.parent().unwrap().join("examples/apiserver-standin");
    let hint = "cargo build --locked --example apiserver-standin";
    assert!(Path::new(&program).exists(), "{} is not built: {hint}", program.display());
    program
}
