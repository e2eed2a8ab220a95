//! The operator's runtime directory: tickets, stamps and words for the prompt.
//! It belongs to one person and is gone when the machine stops.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::env::Env;

/// Where the directories of all operators are, one for each user id. The package
/// makes it with mode 1777; Session Manager gives its shells no
/// `XDG_RUNTIME_DIR`.
pub const SHARED: &str = "/run/envguard";

/// `$XDG_RUNTIME_DIR/envguard`, else `/run/envguard/UID`.
#[must_use]
pub fn directory(env: &Env) -> PathBuf {
    match env.get("XDG_RUNTIME_DIR").map(Path::new) {
        Some(base) if base.is_absolute() => base.join("envguard"),
        _ => of_user(rustix::process::geteuid().as_raw()),
    }
}

/// The directory of another user, as a program sees it that is not in one of the
/// user's sessions.
#[must_use]
pub fn of_user(uid: u32) -> PathBuf {
    Path::new(SHARED).join(uid.to_string())
}

/// Makes the directory if it is not there, and checks that nobody else can put
/// anything into it.
///
/// # Errors
/// When it cannot be made, or belongs to somebody else.
pub fn prepared(env: &Env) -> io::Result<PathBuf> {
    let dir = directory(env);
    match std::fs::DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = dir.symlink_metadata()?;
    let ours = found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o022 == 0;
    if ours { Ok(dir) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}
