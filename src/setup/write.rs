//! Replaces files so that there is the old one or the new one at any time, and keeps
//! the old one.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::trouble::{Result, Trouble};

/// A file that is to be written.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where it is; a symbolic link is written through.
    pub path: PathBuf,
    /// What it says now.
    pub old: Option<String>,
    /// What it is to say.
    pub new: String,
    /// Its permissions.
    pub mode: u32,
}

impl Change {
    /// The file at `path` as it is and as it is to be.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn new(path: &Path, new: String, mode: u32) -> Result<Self> {
        let old = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Trouble::io("read", path, &error)),
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        };
        // What was given to a group is not opened to others.
        let given = path.metadata().ok().filter(|found| found.gid() != 0);
        let mode = given.map_or(mode, |found| (found.mode() & mode) | 0o400);
        Ok(Self { path: path.to_path_buf(), old, new, mode })
    }

    /// Whether content or permissions would change.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.old.as_ref() != Some(&self.new) || self.has_other_mode()
    }

    /// Only the permissions would change.
    #[must_use]
    pub fn has_other_mode(&self) -> bool {
        let mode = self.path.metadata().map(|found| found.mode() & 0o7777);
        mode.is_ok_and(|mode| mode != self.mode)
    }

    /// Writes it; where the old file is kept, if there was one. Its group stays.
    ///
    /// # Errors
    /// When it cannot be written; then the old one is still there.
    pub fn write(&self) -> Result<Option<PathBuf>> {
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let dir = path.parent().unwrap_or(Path::new("/"));
        make_dir(dir)?;
        let failed = |error: std::io::Error| Trouble::io("write", &path, &error);
        let _lock = alone_in(dir).map_err(failed)?;
        let group = path.metadata().ok().map(|found| found.gid());
        let mut file =
            tempfile::Builder::new().prefix(".envguard-").tempfile_in(dir).map_err(failed)?;
        file.write_all(self.new.as_bytes()).map_err(failed)?;
        if let Some(group) = group
            && file.as_file().metadata().is_ok_and(|made| made.gid() != group)
        {
            chown(file.path(), None, Some(group)).map_err(failed)?;
        }
        file.as_file().set_permissions(Permissions::from_mode(self.mode)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        let backup = self.old.as_ref().map(|_| keep(&path)).transpose()?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        // The rename itself must outlive a loss of power.
        std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        Ok(backup)
    }
}

/// Everybody on the instance reads the configuration of the instance.
pub(super) fn config_mode() -> u32 {
    if rustix::process::geteuid().is_root() { 0o644 } else { 0o600 }
}

/// What a file is called until it is complete.
const UNFINISHED: &str = ".envguard-";

/// Waits for another setup in `dir`, and removes what one that was interrupted has
/// left there.
fn alone_in(dir: &Path) -> std::io::Result<std::fs::File> {
    let lock = std::fs::File::open(dir)?;
    lock.lock()?;
    for entry in std::fs::read_dir(dir)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(lock)
}

/// Gives the old file a second name, with the time in it.
fn keep(path: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Trouble::io("keep a copy of", path, &error);
    let stamp = crate::audit::now().replace([':', '-'], "");
    let stamp = stamp.split('.').next().unwrap_or_default().to_owned();
    for number in 0..100 {
        let mut name = path.as_os_str().to_os_string();
        name.push(format!(".{stamp}Z"));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        let backup = PathBuf::from(name);
        match std::fs::hard_link(path, &backup) {
            Ok(()) => return Ok(backup),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(std::io::ErrorKind::AlreadyExists.into()))
}

/// Everybody on the instance reads what is below `/etc`; a home directory is its
/// owner's.
fn make_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let is_everybody_s = dir.starts_with("/etc");
    let is_new = dir.symlink_metadata().is_err();
    let mode = if is_everybody_s { 0o755 } else { 0o700 };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .and_then(|()| match is_everybody_s && is_new {
            // A mask of 077 would keep everybody out.
            true => std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)),
            false => Ok(()),
        })
        .map_err(|error| Trouble::io("make", dir, &error))
}
