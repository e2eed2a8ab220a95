//! Directories that have to be there before the rules are made: what appears
//! later directly in a directory that contains a checkout can be written, but not
//! read again.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Missing, Plan};

/// What lies longer in the private temporary directory was left behind by a
/// program that did not end well. systemd-tmpfiles gives /tmp the same time.
const STALE: Duration = Duration::from_secs(10 * 24 * 60 * 60);

/// Makes what the plan wants to exist.
pub(super) fn prepare(plan: &Plan<'_>) -> Result<(), Missing> {
    for dir in &plan.premade {
        // Where this fails, kubectl fails alike and says so.
        make(dir, 0o750).unwrap_or_default();
    }
    if let Some(dir) = &plan.scratch {
        make(dir, 0o700)
            .and_then(|()| is_private(dir))
            .map_err(|_| Missing::Scratch { temp: plan.temp.clone() })?;
        sweep(dir, SystemTime::now());
    }
    Ok(())
}

fn make(dir: &Path, mode: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(dir)
}

fn is_private(dir: &Path) -> io::Result<()> {
    let found = dir.symlink_metadata()?;
    let private = found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o077 == 0;
    if private { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// kubectl replaces the guard, so nobody is left to clean up after it: the next
/// one does. What cannot be removed stays until the time after.
fn sweep(dir: &Path, now: SystemTime) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let newest = metadata.modified().into_iter().chain(metadata.accessed()).max();
        let is_stale =
            newest.and_then(|time| now.duration_since(time).ok()).is_some_and(|age| age > STALE);
        if !is_stale {
            continue;
        }
        let path = entry.path();
        let removed = if metadata.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        removed.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_stale_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        let scratch = dir.path().join("tmp");
        make(&scratch, 0o700).unwrap();
        is_private(&scratch).unwrap();
        std::fs::write(&outside, "kept").unwrap();
        std::fs::create_dir(scratch.join("LIVE-1")).unwrap();
        std::fs::write(scratch.join("LIVE-1/x"), "").unwrap();
        std::fs::write(scratch.join("kubectl-edit-1.yaml"), "").unwrap();
        std::os::unix::fs::symlink(&outside, scratch.join("link")).unwrap();
        sweep(&scratch, SystemTime::now() + STALE / 2);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 3);
        sweep(&scratch, SystemTime::now() + STALE * 2);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        assert_eq!(std::fs::read_to_string(outside).unwrap(), "kept");
    }

    #[test]
    fn a_directory_that_others_can_enter_is_not_private() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        make(&open, 0o755).unwrap();
        assert!(is_private(&open).is_err());
        std::os::unix::fs::symlink(dir.path(), dir.path().join("link")).unwrap();
        assert!(is_private(&dir.path().join("link")).is_err());
    }
}
