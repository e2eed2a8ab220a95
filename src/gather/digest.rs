//! One number for everything that kubectl would read: what was shown to a person is
//! what runs when it has not changed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::judge::{Facts, Local, Nature, Stream, Whereabouts};

/// Larger files are told by their inode, size and time of change.
const MAX_BYTES: u64 = 16 << 20;

/// Places and contents of all files, and the names of what lies elsewhere.
#[must_use]
pub fn digest(facts: &[Facts]) -> Vec<u8> {
    let mut sum = Sha256::new();
    let mut seen: BTreeSet<&Path> = BTreeSet::new();
    for reached in facts.iter().flat_map(|facts| &facts.reached) {
        add(&mut sum, reached.spelled.as_bytes());
        add(&mut sum, format!("{:?}", reached.role).as_bytes());
        match &reached.whereabouts {
            Whereabouts::Local(local) | Whereabouts::Stream(Stream::At(local)) => {
                places(&mut sum, local, &mut seen);
            }
            elsewhere => add(&mut sum, format!("{elsewhere:?}").as_bytes()),
        }
    }
    sum.finalize().to_vec()
}

/// The length stands before the bytes, so that no two lists run together.
fn add(sum: &mut Sha256, bytes: &[u8]) {
    sum.update((bytes.len() as u64).to_be_bytes());
    sum.update(bytes);
}

fn places<'f>(sum: &mut Sha256, local: &'f Local, seen: &mut BTreeSet<&'f Path>) {
    for path in local.links.iter().chain(&local.readings) {
        add(sum, path.as_os_str().as_bytes());
    }
    for path in &local.readings {
        if local.nature != Nature::Missing && seen.insert(path) {
            match content(path) {
                Ok(content) => add(sum, &content),
                Err(error) => add(sum, error.to_string().as_bytes()),
            }
        }
    }
}

fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Ok(Vec::new());
    }
    if found.len() > MAX_BYTES {
        let stamp = [
            found.ino().cast_signed(),
            found.size().cast_signed(),
            found.mtime(),
            found.mtime_nsec(),
        ];
        return Ok(stamp.iter().flat_map(|part| part.to_be_bytes()).collect());
    }
    let mut sum = Sha256::new();
    let mut file = file.take(MAX_BYTES + 1);
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(sum.finalize().to_vec()),
            count => sum.update(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Reached, Role};

    #[test]
    fn every_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        let sum = |path: &Path, nature| {
            let local = Local { readings: vec![path.to_path_buf()], links: Vec::new(), nature };
            let reached = Reached {
                spelled: "x".into(),
                role: Role::Target { kustomization: None },
                whereabouts: Whereabouts::Local(local),
            };
            digest(&[Facts { reached: vec![reached], ..Facts::default() }])
        };
        std::fs::write(&one, "a").unwrap();
        std::fs::write(&other, "a").unwrap();
        let before = sum(&one, Nature::File);
        assert_eq!(before, sum(&one, Nature::File));
        assert_ne!(before, sum(&other, Nature::File));
        std::fs::write(&one, "b").unwrap();
        assert_ne!(before, sum(&one, Nature::File));
        std::fs::remove_file(&one).unwrap();
        assert_ne!(before, sum(&one, Nature::File));
        assert_ne!(before, digest(&[]));
    }
}
