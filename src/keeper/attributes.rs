//! Extended attributes and access control lists of files and directories.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::XattrFlags;
use rustix::io::Errno;

/// Prefixes of what belongs to the user; the rest belongs to the machine.
const USERS: &[&[u8]] = &[b"user.", b"system.posix_acl_"];

/// What a user can set and read: names and values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(BTreeMap<CString, Vec<u8>>);

impl Attributes {
    /// Those of an open file or directory. A file system without any has none.
    pub(super) fn of(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        let names = match grown(|buffer| rustix::fs::flistxattr(file, buffer)) {
            Ok(names) => names,
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let mut found = BTreeMap::new();
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if !USERS.iter().any(|prefix| name.to_bytes().starts_with(prefix)) {
                continue;
            }
            match grown(|buffer| rustix::fs::fgetxattr(file, name, buffer)) {
                Ok(value) => drop(found.insert(name.to_owned(), value)),
                // Gone meanwhile.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(found))
    }

    /// Whether the user has given names and values of their own.
    pub(super) fn has_users(&self) -> bool {
        self.0.keys().any(|name| name.to_bytes().starts_with(USERS[0]))
    }

    /// Gives `file` these and no others.
    pub(super) fn give(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let there = Self::of(file)?;
        for name in there.0.keys().filter(|name| !self.0.contains_key(*name)) {
            // What a directory passes on to new files.
            rustix::fs::fremovexattr(file, name)?;
        }
        self.add(file, &there)
    }

    /// Gives `file` those that it does not have.
    pub(super) fn give_missing(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let mut missing = Self::default();
        let there = Self::of(file)?;
        let others = self.0.iter().filter(|(name, _)| !there.0.contains_key(*name));
        missing.0.extend(others.map(|(name, value)| (name.clone(), value.clone())));
        missing.add(file, &there)
    }

    fn add(&self, file: BorrowedFd<'_>, there: &Self) -> io::Result<()> {
        for (name, value) in &self.0 {
            if there.0.get(name) != Some(value) {
                rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())
                    .map_err(|error| not_kept(name, error))?;
            }
        }
        Ok(())
    }
}

fn not_kept(name: &CStr, error: Errno) -> io::Error {
    let name = name.to_string_lossy();
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("its attribute {name} cannot be kept there: {error}"))
}

/// What the kernel answers, however long it is.
fn grown(
    mut ask: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match ask(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) => buffer.resize(buffer.len() * 4, 0),
            Err(error) => return Err(error),
        }
    }
}
