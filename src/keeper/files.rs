//! Files of our own: written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::hitch::{Hitch, Result};
use super::transfer::rename_new_path;

/// Puts `content` at `file`: a reader sees the old or the new, also after a crash.
pub(super) fn replace(file: &Path, content: &[u8]) -> Result<()> {
    write(file, content, |new| fs::rename(new, file))
}

/// The same where nothing may be, with these permissions.
pub(super) fn create(file: &Path, content: &[u8], mode: u32) -> Result<()> {
    write(file, content, |new| {
        fs::set_permissions(new, Permissions::from_mode(mode))?;
        rename_new_path(new, file)
    })
}

fn write(file: &Path, content: &[u8], place: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    let Some(dir) = file.parent() else { return Ok(()) };
    make_dir(dir)?;
    // Not made of the file's name, which may be as long as names can be.
    let new = dir.join(format!(".envguard-{}.new", std::process::id()));
    let written = (|| -> io::Result<()> {
        let mut opened = File::create(&new)?;
        opened.write_all(content)?;
        opened.sync_all()?;
        place(&new)?;
        sync_dir(dir)
    })();
    written.map_err(|error| {
        // What is half written is of no use; the error is what counts.
        fs::remove_file(&new).unwrap_or_default();
        Hitch::io("write", file, &error)
    })
}

/// Removes `file`, if it is there.
pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Hitch::io("remove", file, &error))
        }
        _ => Ok(()),
    }
}

/// Makes `dir` and what it lies in.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir)
        .and_then(|()| dir.parent().map_or(Ok(()), sync_dir))
        .map_err(|error| Hitch::io("make", dir, &error))
}

/// Makes sure that the names in `dir` survive a crash.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // Not every file system can.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}
