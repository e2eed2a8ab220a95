//! Who runs a command, where and when.

use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::Circumstances;
use crate::env::Env;
use crate::text::shown;

/// A list of users longer than this is not searched: the log has the number.
const MAX_PASSWD: u64 = 1 << 20;

impl Circumstances {
    /// Those of this process.
    #[must_use]
    pub fn of_process(env: &Env) -> Self {
        let uid = rustix::process::getuid().as_raw();
        Self {
            time: now(),
            cwd: env.working_directory().map_or_else(|error| format!("({error})"), shown),
            session: None,
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
    let mut text = String::new();
    let opened = std::fs::File::open("/etc/passwd").ok()?;
    opened.take(MAX_PASSWD).read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(uid)).then(|| shown(name))
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
