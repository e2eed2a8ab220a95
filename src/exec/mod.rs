//! Becomes the real kubectl.

mod environment;
mod real;
mod stream;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use command_fds::CommandFdExt;

pub use environment::{Change, DEPTH, changes, is_namespace, namespace};
pub use real::{NotFound, Own, find, line_to_install};
pub(crate) use real::{WHOLE, siblings};
pub use stream::Stream;

use crate::env::Env;

/// How often a guard may start another guard. A kubectl that leads back to the
/// guard would otherwise go round for ever; honest chains (make, a script, a
/// plugin) are short.
pub const MAX_DEPTH: u32 = 16;

/// How many guards are around this process already.
#[must_use]
pub fn depth(env: &Env) -> u32 {
    env.get(DEPTH).and_then(|depth| depth.to_str()?.parse().ok()).unwrap_or(0)
}

/// `program` with `words`, in the environment with `changes`; it finds `streams` at
/// their descriptors.
///
/// # Errors
/// When two streams would have the same descriptor.
pub fn command(
    program: &Path,
    words: &[OsString],
    changes: &[Change],
    streams: Vec<Stream>,
) -> std::io::Result<Command> {
    let mut command = Command::new(program);
    command.args(words).arg0(shown_name(program));
    for change in changes {
        match change {
            Change::Set(name, value) => command.env(name, value),
            Change::Unset(name) => command.env_remove(name),
        };
    }
    let mappings = streams.into_iter().map(Stream::into_mapping).collect();
    command.fd_mappings(mappings).map_err(std::io::Error::other)?;
    Ok(command)
}

/// Replaces this process with [`command`]. Returns only when that fails.
#[must_use]
pub fn exec(
    program: &Path,
    words: &[OsString],
    changes: &[Change],
    streams: Vec<Stream>,
) -> std::io::Error {
    match command(program, words, changes, streams) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

/// argv[0]. A vendor's dispatcher finds its versioned siblings beside it, so it is
/// the real path; a name such as `kubectl-1.32` would make kubectl believe that
/// it is a plugin.
fn shown_name(program: &Path) -> OsString {
    let is_versioned =
        program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kubectl-"));
    if is_versioned {
        program.with_file_name("kubectl").into_os_string()
    } else {
        program.as_os_str().to_os_string()
    }
}
