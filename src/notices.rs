//! Words for the operator's next prompt, such as `1 foreign overlay put aside`.
//! Each is shown once.
//!
//! The keeper [leaves](leave) them, the shell hook [takes](take) them. The place
//! is a file `notices` in the operator's runtime directory: UTF-8, one word per
//! line. Whoever changes it holds its lock (`flock`): the keeper appends, the hook
//! reads everything and makes it empty. An empty file and no file both mean that
//! there is nothing to say, so that a prompt finds out with one `stat`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::runtime;
use crate::text::shown;

/// Nobody reads more than a screen of words; what comes after it is dropped.
const MAX_BYTES: u64 = 4096;

/// The longest single word, in characters.
const MAX_WORD: usize = 160;

/// The files that may hold words for this process's user: the one of a program
/// inside the user's session, and the one of a program outside.
#[must_use]
pub fn places(env: &Env) -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let mut places = vec![runtime::directory(env), runtime::of_user(uid)];
    places.dedup();
    places.into_iter().map(|dir| dir.join(FILE)).collect()
}

const FILE: &str = "notices";

/// Leaves `word` where this process's user will find it: a program inside the user's
/// session in the session's directory, one outside in that of all sessions. Without such a
/// directory nobody is logged in, and nobody is told: `false`.
///
/// # Errors
/// When the file cannot be locked or written.
pub fn leave(env: &Env, word: &str) -> io::Result<bool> {
    leave_in(&runtime::directory(env), word)
}

/// Leaves `word` in a given runtime directory.
///
/// # Errors
/// When the file cannot be locked or written.
pub fn leave_in(dir: &Path, word: &str) -> io::Result<bool> {
    let owner = match dir.symlink_metadata() {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut file = open(&dir.join(FILE), true)?;
    file.lock()?;
    // Left by root for somebody else, who must be able to take it.
    if file.metadata()?.uid() != owner.uid() {
        std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    let line: String = shown(word).chars().take(MAX_WORD).collect();
    if file.metadata()?.len() + line.len() as u64 >= MAX_BYTES {
        return Ok(false);
    }
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(true)
}

/// Takes all words that wait for this process's user. What cannot be read now is
/// left for the next prompt: a word is no reason to hold a prompt up.
#[must_use]
pub fn take(env: &Env) -> Vec<String> {
    places(env).iter().filter_map(|place| take_from(place).ok()).flatten().collect()
}

/// Takes the words of one file.
///
/// # Errors
/// When there is no such file, somebody else's is there, or it is locked now.
pub fn take_from(file: &Path) -> io::Result<Vec<String>> {
    let opened = open(file, false)?;
    opened.try_lock()?;
    let mut bytes = Vec::new();
    (&opened).take(MAX_BYTES).read_to_end(&mut bytes)?;
    opened.set_len(0)?;
    let text = String::from_utf8_lossy(&bytes);
    // A line without its end was not written completely.
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    Ok(complete.lines().filter(|line| !line.is_empty()).map(shown).collect())
}

/// Never follows a link and never waits for the other end of a FIFO.
fn open(file: &Path, create: bool) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .create(create)
        .mode(0o600)
        .custom_flags(flags.bits() as i32)
        .open(file)?;
    let found = opened.metadata()?;
    let uid = rustix::process::geteuid().as_raw();
    let trusted = found.is_file() && (uid == 0 || found.uid() == uid);
    if trusted { Ok(opened) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        assert!(take_from(&file).is_err());
        assert!(leave_in(dir.path(), "1 foreign overlay put aside").unwrap());
        assert!(leave_in(dir.path(), "esc\u{1b}[31m\nand a line").unwrap());
        assert_eq!(
            take_from(&file).unwrap(),
            ["1 foreign overlay put aside", "esc\\u{1b}[31m\\nand a line"]
        );
        assert_eq!(take_from(&file).unwrap(), [""; 0]);
        assert_eq!(file.metadata().unwrap().len(), 0);
    }

    #[test]
    fn words_of_many_keepers_are_never_lost_or_mixed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            let keepers: Vec<_> = (0..4)
                .map(|keeper| {
                    let dir = dir.path();
                    scope.spawn(move || {
                        for number in 0..50 {
                            let word = format!("keeper {keeper} says {number}");
                            while !leave_in(dir, &word).unwrap() {
                                std::thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            while keepers.iter().any(|keeper| !keeper.is_finished()) {
                taken.extend(take_from(&file).unwrap_or_default());
            }
        });
        taken.extend(take_from(&file).unwrap());
        taken.sort();
        let mut expected: Vec<String> =
            (0..4).flat_map(|k| (0..50).map(move |n| format!("keeper {k} says {n}"))).collect();
        expected.sort();
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_is_no_plain_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "precious\n").unwrap();
        std::os::unix::fs::symlink(&victim, dir.path().join(FILE)).unwrap();
        assert!(leave_in(dir.path(), "x").is_err());
        assert!(take_from(&dir.path().join(FILE)).is_err());
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious\n");
        assert!(!leave_in(&dir.path().join("nobody"), "x").unwrap());
    }
}
