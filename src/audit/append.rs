//! Appends to the log of this user.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;

use super::event::Event;
use crate::signals;

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
/// A phrase for the operator (`{:#}`), with the file's name.
pub fn append(directory: &Path, event: &Event) -> Result<()> {
    let path = file_of(directory, event.uid);
    append_to(&path, directory, event).with_context(|| path.display().to_string())
}

fn append_to(path: &Path, directory: &Path, event: &Event) -> Result<()> {
    let line = event.line()?;
    let mut file = open(directory, path)?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file(), "is not a regular file");
    ensure!(metadata.uid() == event.uid, "belongs to the user {}", metadata.uid());
    signals::survive_full_files();
    let written = file.write(&line)?;
    // What was written stays; the reader skips a torn line.
    ensure!(written == line.len(), "the disk is full");
    Ok(())
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
