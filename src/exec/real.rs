//! Finds the real kubectl, and never ourselves.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::env::{Env, is_executable, this_program};
use crate::installed::server;
use crate::policy::Policy;
use crate::text::quoted;

/// Why there is no kubectl to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// The configured program cannot be executed.
    Configured(PathBuf),
    /// The configured program is the guard itself.
    Ourselves(PathBuf),
    /// No directory of `PATH` has one, besides the guard.
    OnPath,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured(path) => {
                write!(f, "{} (`kubectl` in the configuration) cannot be executed", path.display())
            }
            Self::Ourselves(path) => {
                write!(f, "{} (`kubectl` in the configuration) is envguard itself", path.display())
            }
            Self::OnPath => f.write_str("no kubectl on PATH besides envguard's own"),
        }
    }
}

impl NotFound {
    /// A line to paste; `minor` is the cluster's version, where it is known.
    #[must_use]
    pub fn remedy(&self, minor: Option<u32>) -> String {
        match self {
            Self::OnPath => line_to_install(minor),
            Self::Configured(path) | Self::Ourselves(path) => {
                format!("ls -lL {}    # then correct `kubectl` in the configuration", quoted(path))
            }
        }
    }
}

/// The line that installs kubectl: the newest release of the cluster's version.
#[must_use]
pub fn line_to_install(minor: Option<u32>) -> String {
    let version = minor.map_or_else(String::new, |minor| format!("-1.{minor}"));
    let machine = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    let releases = "https://dl.k8s.io/release";
    let at = format!("{releases}/$(curl -fsSL {releases}/stable{version}.txt)/bin/linux/{machine}");
    format!(
        "(cd \"$(mktemp -d)\" && at={at} && curl -fLO \"$at/kubectl\" && echo \"$(curl -fsSL \"$at/kubectl.sha256\")  kubectl\" | sha256sum --check && {sudo}install kubectl /usr/bin/)"
    )
}

/// The guard's own programs, told by device and inode, so that no name and no
/// link can pass for the real kubectl.
#[derive(Debug, Clone, Default)]
pub struct Own {
    identities: Vec<(u64, u64)>,
    adopted: Option<PathBuf>,
}

impl Own {
    /// This program, and the other one of the pair beside it.
    #[must_use]
    pub fn of_process() -> Self {
        let Ok(exe) = this_program() else { return Self::default() };
        // The running file itself, also after an upgrade has put another in its place.
        let running = identity(Path::new("/proc/self/exe")).or_else(|| identity(&exe));
        let beside = siblings(&exe);
        let beside = beside.iter().filter_map(|path| identity(path));
        let identities = running.into_iter().chain(beside).collect();
        Self { identities, adopted: adopted(&exe) }
    }

    /// Whether `path` is one of them.
    pub(crate) fn has(&self, path: &Path) -> bool {
        identity(path).is_some_and(|identity| self.identities.contains(&identity))
    }
}

/// The kubectl that the installer has moved aside to stand in its place.
fn adopted(exe: &Path) -> Option<PathBuf> {
    let dir = exe.parent()?;
    let places = ["adopted/kubectl", "../lib/envguard/adopted/kubectl"];
    places.iter().map(|place| dir.join(place)).find(|program| is_executable(program))
}

/// Where the other program of the pair may be: beside this one (a build
/// directory), or across from `PREFIX/lib/envguard` to `PREFIX/bin` and back.
pub(crate) fn siblings(exe: &Path) -> Vec<PathBuf> {
    let Some(dir) = exe.parent() else { return Vec::new() };
    let (name, across) = if exe.file_name() == Some(OsStr::new(SHIM)) {
        (WHOLE, "../../bin")
    } else {
        (SHIM, "../lib/envguard")
    };
    vec![dir.join(name), dir.join(across).join(name)]
}

/// The file name of the whole program.
pub(crate) const WHOLE: &str = "kubectl-envguard";

/// The file name of the shim.
const SHIM: &str = "envguard-shim";

fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The kubectl to run: the configured one, or the one that was moved aside for us, or
/// the first on `PATH` that is not one of our `own`. Of a directory of several it is the
/// one that fits the cluster's version best, as far as that is known.
///
/// # Errors
/// [`NotFound`].
pub fn find(policy: Option<&Policy>, env: &Env, own: &Own) -> Result<PathBuf, NotFound> {
    if let Some((policy, configured)) = policy.and_then(|p| Some((p, p.kubectl.as_deref()?))) {
        let program = if configured.is_dir() {
            let wanted = server::known(&policy.pin.server, env).map(|known| known.release.minor);
            server::nearest(versions(configured), wanted)
                .ok_or_else(|| NotFound::Configured(configured.into()))?
        } else {
            configured.to_path_buf()
        };
        return if own.has(&program) {
            Err(NotFound::Ourselves(program))
        } else if is_executable(&program) {
            Ok(program)
        } else {
            Err(NotFound::Configured(program))
        };
    }
    // One that was moved aside stood before the others on most paths.
    let path = env.get("PATH").ok_or(NotFound::OnPath)?;
    let on_path =
        std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join("kubectl"));
    own.adopted
        .clone()
        .into_iter()
        .chain(on_path)
        .find(|program| is_executable(program) && !own.has(program))
        .ok_or(NotFound::OnPath)
}

/// The `kubectl-1.NN` (or `kubectl.1.NN`) of a directory, with their NN.
fn versions(dir: &Path) -> Vec<(u32, PathBuf)> {
    let minor = |name: &OsStr| {
        let minor = name.as_bytes().strip_prefix(b"kubectl")?;
        let minor = minor.strip_prefix(b"-1.").or_else(|| minor.strip_prefix(b".1."))?;
        std::str::from_utf8(minor).ok()?.parse().ok()
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| Some((minor(&entry.file_name())?, entry.path())));
    found.filter(|(_, path)| is_executable(path)).collect()
}
