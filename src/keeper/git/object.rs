//! What git would call a content: the hash of a blob.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::library;
use crate::keeper::bytes;

/// Longer files are read in pieces.
const SMALL: u64 = 1 << 20;

/// How long the name of an object is in a repository with SHA-256.
const LONG: usize = 64;

/// Whether `content` is the object of that name.
pub(in crate::keeper) fn is(content: &[u8], object: &[u8]) -> bool {
    let name = if object.len() == LONG {
        let mut hasher = begun(content.len() as u64);
        hasher.update(content);
        Some(hex(hasher))
    } else {
        library::sha1(content)
    };
    name.is_some_and(|name| name.as_bytes() == object)
}

/// The same for a file of this length, which is open and is called `file`.
pub(in crate::keeper) fn is_file(
    open: &File,
    file: &Path,
    len: u64,
    object: &[u8],
) -> io::Result<bool> {
    if len < SMALL {
        let mut content = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
        // One that has grown meanwhile is another content, however much is read.
        open.take(SMALL).read_to_end(&mut content)?;
        return Ok(is(&content, object));
    }
    if object.len() != LONG {
        return Ok(library::sha1_of_file(file).is_some_and(|name| name.as_bytes() == object));
    }
    let mut hasher = begun(len);
    feed(&mut hasher, file)?;
    Ok(hex(hasher).as_bytes() == object)
}

/// SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    feed(&mut hasher, file)?;
    Ok(hex(hasher))
}

fn begun(len: u64) -> Sha256 {
    Sha256::new_with_prefix(format!("blob {len}\0"))
}

fn feed(hasher: &mut Sha256, file: &Path) -> io::Result<()> {
    let mut file = std::fs::File::open(file)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn hex(hasher: Sha256) -> String {
    bytes::hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_gits() {
        let short = b"ce013625030ba8dba906f756967f9e9ca394464a";
        let long = b"2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"hello\n").unwrap();
        for name in [&short[..], long] {
            assert!(is(b"hello\n", name));
            let open = File::open(file.path()).unwrap();
            assert!(is_file(&open, file.path(), 6, name).unwrap());
            assert!(!is(b"hello", name));
        }
    }
}
