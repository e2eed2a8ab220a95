//! What an instance needs besides its files.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::trouble::{Result, Trouble};
use crate::env::Env;
use crate::git;
use crate::policy::Policy;
use crate::text::{quoted, shown};

const PATIENCE: Duration = Duration::from_secs(10);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// git reads this checkout for everybody, not only for its owner.
    SafeDirectory(PathBuf),
    /// A directory that must be there before a sandbox is built.
    Directory {
        /// Where.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whose it is.
        owner: Option<(u32, u32)>,
    },
}

impl fmt::Display for Chore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SafeDirectory(top) => {
                write!(f, "git config --system --add safe.directory {}", quoted(top))
            }
            Self::Directory { path, mode, .. } => {
                write!(f, "mkdir -m {mode:04o} {}", quoted(path))
            }
        }
    }
}

/// What is left to do for `policy`; only root does it for others.
#[must_use]
pub(super) fn chores(policy: &Policy, tops: &[PathBuf], env: &Env) -> Vec<Chore> {
    let is_root = rustix::process::geteuid().is_root();
    let mut chores = Vec::new();
    let shared = tops.iter().filter(|top| home_of(top, env).is_none());
    if is_root {
        let known = safe_directories();
        chores.extend(
            shared
                .filter(|top| top.join(".git").symlink_metadata().is_ok())
                .filter(|top| !known.iter().any(|known| known == "*" || Path::new(known) == **top))
                .map(|top| Chore::SafeDirectory(top.clone())),
        );
        if policy.audit.starts_with("/var/log") && !policy.audit.exists() {
            // Everybody makes a file of their own in it, and nobody lists it.
            chores.push(Chore::Directory { path: policy.audit.clone(), mode: 0o1733, owner: None });
        }
    }
    let mut homes: Vec<PathBuf> = tops.iter().filter_map(|top| home_of(top, env)).collect();
    homes.sort();
    homes.dedup();
    for home in homes {
        let Ok(found) = home.metadata() else { continue };
        if !is_root && found.uid() != rustix::process::geteuid().as_raw() {
            continue;
        }
        // What appears in a home directory with a checkout while kubectl runs cannot
        // be read by it.
        for name in [".kube", ".cache", ".config"] {
            let path = home.join(name);
            if path.symlink_metadata().is_err() {
                let owner = Some((found.uid(), found.gid()));
                chores.push(Chore::Directory { path, mode: 0o700, owner });
            }
        }
    }
    chores
}

/// What root would do and this user cannot: git does not read somebody else's
/// checkout for them.
#[must_use]
pub(super) fn left_to_root(tops: &[PathBuf]) -> Vec<String> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Vec::new();
    }
    let known = safe_directories();
    let others = tops.iter().filter(|top| {
        let owner = top.metadata().map(|found| found.uid());
        owner.is_ok_and(|owner| owner != user.as_raw())
            && !known.iter().any(|known| known == "*" || Path::new(known) == **top)
    });
    let line = |top: &PathBuf| {
        let chore = Chore::SafeDirectory(top.clone());
        format!("git does not read {} for you, it is somebody else's: sudo {chore}", shown(top))
    };
    others.map(line).collect()
}

/// The home directory that `top` lies in.
fn home_of(top: &Path, env: &Env) -> Option<PathBuf> {
    let own = env.home().and_then(|home| home.canonicalize().ok());
    top.ancestors()
        .skip(1)
        .find(|dir| {
            Some(*dir) == own.as_deref().filter(|own| *own != Path::new("/"))
                || dir.parent() == Some(Path::new("/home"))
        })
        .map(Path::to_path_buf)
}

/// What git's system configuration trusts already.
fn safe_directories() -> Vec<String> {
    let mut command = git::command(Path::new("/"));
    command.args(["config", "--system", "--get-all", "safe.directory"]);
    let said = git::answer(&mut command, PATIENCE).unwrap_or_default();
    String::from_utf8_lossy(&said).lines().map(str::to_owned).collect()
}

impl Chore {
    /// Does it.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::SafeDirectory(top) => {
                let mut command = git::command(Path::new("/"));
                command.args(["config", "--system", "--add", "safe.directory"]).arg(top);
                git::answer(&mut command, PATIENCE).map(drop).map_err(|silence| {
                    Trouble::new(
                        format!("safe.directory for {}: {silence}", shown(top)),
                        self.to_string(),
                    )
                })
            }
            Self::Directory { path, mode, owner } => {
                make(path, *mode, *owner).map_err(|error| Trouble::io("make", path, &error))
            }
        }
    }
}

fn make(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        // The configuration's own directory lies in it, or somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        made => made?,
    }
    // By descriptor: whose home directory it is could put a link there, and root would
    // give away what that leads to.
    let open = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = File::from(rustix::fs::open(path, open, Mode::empty())?);
    if let Some((uid, gid)) = owner {
        fchown(&made, Some(uid), Some(gid))?;
    }
    // Afterwards: the process's mask has no say in it.
    made.set_permissions(std::fs::Permissions::from_mode(mode))
}
