//! Streams that were read to be judged: kubectl gets the same bytes at the same
//! descriptor, in memory that nobody can write to any more.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A descriptor of kubectl's and what it finds there.
#[derive(Debug)]
pub struct Stream {
    /// 0 for standard input, 63 for `/dev/fd/63`.
    pub descriptor: u32,
    file: OwnedFd,
}

impl Stream {
    /// `bytes` and, when they are only the beginning, the `rest`.
    ///
    /// # Errors
    /// When there is no memory, or the rest cannot be read.
    pub fn sealed(descriptor: u32, bytes: &[u8], rest: Option<&mut File>) -> std::io::Result<Self> {
        let memory = memfd_create("manifests", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = File::from(memory);
        file.write_all(bytes)?;
        if let Some(rest) = rest {
            std::io::copy(rest, &mut file)?;
        }
        file.rewind()?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        fcntl_add_seals(file.as_fd(), seals)?;
        Ok(Self { descriptor, file: file.into() })
    }

    pub(super) fn into_mapping(self) -> command_fds::FdMapping {
        command_fds::FdMapping { parent_fd: self.file, child_fd: self.descriptor.cast_signed() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_judged_cannot_be_changed() {
        let mut rest = tempfile::tempfile().unwrap();
        rest.write_all(b" and the rest").unwrap();
        rest.rewind().unwrap();
        let stream = Stream::sealed(0, b"the beginning", Some(&mut rest)).unwrap();
        let mut file = File::from(stream.file);
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "the beginning and the rest");
        file.rewind().unwrap();
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(0).is_err());
    }
}
