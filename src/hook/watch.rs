//! How a shell sees, with builtins alone, that a file is not the one that was
//! judged.
//!
//! bash and zsh compare modification times (`-nt`, `-ot`; bash to the nanosecond),
//! and that is four times as cheap as reading. But a time proves something only when every
//! later change must have another one. So an old file gets a *stamp*, an empty
//! file with exactly its modification time; a file that was changed lately, whose
//! clock may not have advanced a tick between two changes, is compared by its
//! text.

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file younger than this is compared by its text. Clock ticks are
/// milliseconds, and seconds on a few file systems; the rest is for clocks that
/// are set.
const YOUNG: Duration = Duration::from_secs(600);

/// The largest file that is handed to a shell as text. A bigger one is told by
/// its time, however young.
const MAX_TEXT: u64 = 256 << 10;

/// A file whose change matters, as it was before it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The file; it need not exist.
    pub file: PathBuf,
    /// Whether there is such a file.
    pub exists: bool,
    /// Its text; empty when it cannot be read.
    pub text: Vec<u8>,
    /// How bash tells that it changed.
    pub how: How,
}

/// How bash tells that a file changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Its time differs from the stamp's.
    Times {
        /// The stamp.
        stamp: PathBuf,
    },
    /// Its text differs.
    Text,
    /// Not at all: it is too big to hand over, and there is no place for a stamp.
    Nothing,
}

/// Looks at `files`. This must happen *before* they are judged: a change in
/// between then looks like one that came later, and is judged again.
#[must_use]
pub fn watched(files: &[PathBuf], runtime: Option<&Path>) -> Vec<Watched> {
    files.iter().map(|file| one(file, runtime)).collect()
}

fn one(file: &Path, runtime: Option<&Path>) -> Watched {
    let exists = file.symlink_metadata().is_ok();
    let text = |how| Watched { file: file.into(), exists, text: read(file), how };
    let Some(modified) = file.metadata().ok().and_then(|found| found.modified().ok()) else {
        return text(How::Text);
    };
    if file.metadata().is_ok_and(|found| found.is_file() && found.len() > MAX_TEXT) {
        let how = runtime
            .and_then(|dir| stamp(dir, modified))
            .map_or(How::Nothing, |stamp| How::Times { stamp });
        return Watched { file: file.into(), exists, text: Vec::new(), how };
    }
    let old = SystemTime::now().duration_since(modified).is_ok_and(|age| age > YOUNG);
    match runtime.filter(|_| old).and_then(|dir| stamp(dir, modified)) {
        Some(stamp) => text(How::Times { stamp }),
        None => text(How::Text),
    }
}

/// What a shell would read. A FIFO in the place of a file would block it.
fn read(file: &Path) -> Vec<u8> {
    match file.metadata() {
        Ok(found) if found.is_file() && found.len() <= MAX_TEXT => {
            std::fs::read(file).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// A file with exactly this modification time. Its name is the time: stamps serve
/// all shells and files alike, and never change.
fn stamp(runtime: &Path, modified: SystemTime) -> Option<PathBuf> {
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let dir = runtime.join("times");
    match std::fs::create_dir(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    let stamp = dir.join(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()));
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&stamp);
    file.ok()?.set_modified(modified).ok()?;
    // Some file systems keep less of a time than they are told.
    let kept = stamp.metadata().ok()?;
    (kept.mtime() as u64 == since.as_secs() && kept.mtime_nsec() as u32 == since.subsec_nanos())
        .then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aged(file: &Path, age: Duration) {
        let opened = OpenOptions::new().write(true).open(file).unwrap();
        opened.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn only_the_time_of_an_old_file_proves_anything() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(one(&file, Some(dir.path())).how, How::Text);
        aged(&file, YOUNG + Duration::from_secs(1));
        let How::Times { stamp } = one(&file, Some(dir.path())).how else { panic!() };
        let time = |path: &Path| path.metadata().unwrap().modified().unwrap();
        assert_eq!(time(&stamp), time(&file));
        assert_eq!(one(&file, None).how, How::Text);
        // A clock that was set back.
        let opened = OpenOptions::new().write(true).open(&file).unwrap();
        opened.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        assert_eq!(one(&file, Some(dir.path())).how, How::Text);
    }

    #[test]
    fn what_cannot_be_read_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        for file in [dir.path().join("missing"), dir.path().to_path_buf()] {
            let watched = one(&file, None);
            assert_eq!((watched.text.as_slice(), watched.how), (b"".as_slice(), How::Text));
        }
    }
}
