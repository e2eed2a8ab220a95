//! Who runs a command, where and when.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::Circumstances;
use crate::env::Env;
use crate::text::shown;

/// What is searched of the list of users, in one read: the log has the number too.
const MAX_PASSWD: usize = 16 << 10;

impl Circumstances {
    /// Those of this process.
    #[must_use]
    pub fn of_process(env: &Env) -> Self {
        let uid = rustix::process::getuid().as_raw();
        Self {
            time: now(),
            cwd: env.working_directory().map_or_else(|error| format!("({error})"), shown),
            session: crate::session::current(),
            uid,
            user: name_of(uid),
            tty: terminal(),
            pid: std::process::id(),
        }
    }
}

/// The time as it stands in the log: UTC, whole milliseconds.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// The user's name from `/etc/passwd`. Directories such as LDAP are not asked:
/// that could take seconds.
fn name_of(uid: u32) -> Option<String> {
    let mut text = vec![0; MAX_PASSWD];
    let length = std::fs::File::open("/etc/passwd").ok()?.read(&mut text).ok()?;
    text[..length].split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        let number = std::str::from_utf8(fields.nth(1)?).ok()?;
        (number.parse() == Ok(uid)).then(|| shown(OsStr::from_bytes(name)))
    })
}

/// The terminal that one of the standard streams is.
fn terminal() -> Option<String> {
    (0..3)
        .filter_map(|fd| std::fs::read_link(Path::new("/proc/self/fd").join(fd.to_string())).ok())
        .find(|path: &PathBuf| path.starts_with("/dev/pts") || is_console(path))
        .map(shown)
}

fn is_console(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("/dev/tty") || path == "/dev/console")
}
