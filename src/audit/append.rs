//! Appends to the log of this user.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::event::Event;

/// The log of one user: everybody owns a file of their own in a directory that
/// all may write to and nobody may list.
#[must_use]
pub fn file_of(directory: &Path, uid: u32) -> PathBuf {
    directory.join(format!("audit-{uid}.jsonl"))
}

/// Appends one line in a single write, so that the lines of commands that run at
/// the same time never mix. The file is opened anew each time: rotation by rename
/// and by truncation need no signal.
///
/// # Errors
/// A phrase for the operator, with the file's name.
pub fn append(directory: &Path, event: &Event) -> Result<(), String> {
    let uid = event.uid;
    let path = file_of(directory, uid);
    let failed = |problem: String| format!("{}: {problem}", path.display());
    let line = event.line().map_err(|error| failed(error.to_string()))?;
    let mut file = open(directory, &path).map_err(|error| failed(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| failed(error.to_string()))?;
    if !metadata.is_file() {
        return Err(failed("is not a regular file".to_owned()));
    }
    if metadata.uid() != uid {
        return Err(failed(format!("belongs to the user {}", metadata.uid())));
    }
    match file.write(&line) {
        Ok(written) if written == line.len() => Ok(()),
        // What was written stays; the reader skips a torn line.
        Ok(_) => Err(failed("the disk is full".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The directory is made only below a home directory; `/var/log` belongs to the
/// package.
fn open(directory: &Path, path: &Path) -> std::io::Result<File> {
    // Never through a link, and never waiting for a reader of a FIFO.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let open = || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
    };
    match open() {
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && !directory.starts_with("/var") =>
        {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            open()
        }
        opened => opened,
    }
}
