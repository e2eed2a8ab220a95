//! Reading a file that may have become something else since it was examined.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The content of the regular file at the real path `file`, at most one byte more
/// than `most`. Neither a FIFO nor a terminal makes it wait, and a link that has
/// come into its place is not followed.
///
/// # Errors
/// A phrase that says why it cannot be read.
pub(super) fn read_regular(file: &Path, most: usize) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(file)
        .map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size.min(most) + 1);
    let mut opened = opened.take(most as u64 + 1);
    // Most files come in one piece, and have the size they say.
    opened.by_ref().take(size as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() != size || size == 0 {
        opened.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_only_so_much() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(read_regular(&file, 10).unwrap(), b"0123456789");
        assert_eq!(read_regular(&file, 4).unwrap(), b"01234"); // one more, to be noticed
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(read_regular(&link, 10).unwrap_err().contains("cannot be read"));
        let fifo = scratch.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let socket = scratch.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        // Nothing ever writes to the FIFO: reading it would wait for ever.
        for path in [&fifo, scratch.path(), Path::new("/dev/zero"), Path::new("/dev/tty")] {
            assert!(read_regular(path, 10).is_err(), "{}", path.display());
        }
        assert!(read_regular(&socket, 10).is_err());
        assert!(read_regular(&scratch.path().join("missing"), 10).is_err());
    }
}
