//! What the server leaves on disk for whoever started it.
//!
//! Every file appears complete or not at all, and `ready` comes last: a test
//! waits for one name and may then read all the others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::tls::Identity;

/// The directory that `--dir` names.
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes it if need be, and withdraws the `ready` of an earlier run.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        if let Err(error) = fs::remove_file(path.join("ready"))
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Writes `kubeconfig`, `server-url` and, with TLS, `ca.pem`.
    pub(crate) fn describe(
        &self,
        name: &str,
        address: SocketAddr,
        identity: Option<&Identity>,
        token: &str,
    ) -> io::Result<()> {
        let scheme = if identity.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let ca = identity.map(Identity::ca_pem);
        if let Some(ca) = &ca {
            self.write("ca.pem", ca)?;
        }
        self.write("kubeconfig", &kubeconfig(name, &url, ca.as_deref(), token))?;
        self.write("server-url", &format!("{url}\n"))
    }

    /// One line per request is appended here.
    pub(crate) fn request_log(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.path.join("requests.log"))
    }

    /// Says that the server listens and that all other files are there.
    pub(crate) fn ready(&self) -> io::Result<()> {
        self.write("ready", "")
    }

    /// Under another name first: a reader never sees half a file. Mode 0600,
    /// because kubectl itself warns about kubeconfigs that others can read.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let unfinished = self.path.join(format!(".{name}.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fs::rename(&unfinished, self.path.join(name))
    }
}

/// Exactly one context, as on an instance.
fn kubeconfig(name: &str, url: &str, ca: Option<&str>, token: &str) -> String {
    let name = Value::from(name).to_string(); // JSON strings are YAML strings
    let ca = ca.map_or_else(String::new, |pem| {
        format!("\n    certificate-authority-data: {}", STANDARD.encode(pem))
    });
    format!(
        "apiVersion: v1
kind: Config
current-context: {name}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
clusters:
- name: {name}
  cluster:
    server: {url}{ca}
users:
- name: {name}
  user:
    token: {token}
"
    )
}
