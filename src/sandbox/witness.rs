//! Says so when the kernel stopped kubectl.
//!
//! kubectl does not know of the sandbox: for a kustomization that it may not read
//! it says "unable to find one of 'kustomization.yaml' …", as if the file were
//! missing. And it has replaced the guard, so nobody is there to explain. That is
//! why the guard looks twice:
//!
//! - directly before it becomes kubectl, already in the sandbox, it opens
//!   everything that was judged. What the kernel refuses has changed since, and
//!   nothing runs;
//! - it leaves a witness behind: a child in the same sandbox, which waits for the
//!   end of kubectl (pidfd) and then opens the same files again. What it cannot
//!   open now was swapped while kubectl ran.
//!
//! The kernel itself answers both times, so the plan is not interpreted twice.
//! The witness is in a session of its own, without a terminal, and holds no pipe
//! but standard error; it ends with kubectl. Other ways were worse: waiting for
//! kubectl in the guard would break the promise that kubectl *is* the process,
//! its exit code is only visible to non-parents since Linux 6.15, and Landlock's
//! own log (audit) is for root alone.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Access, MemfdFlags, Mode, OFlags};
use rustix::process::{Pid, PidfdFlags};

use crate::judge::{Facts, Nature, Role, Whereabouts};
use crate::kustomize::FILE_NAMES;

/// The name under which this program is its own witness.
pub const WITNESS: &str = "envguard-witness";

/// Something that was judged and that the kernel refuses now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// As it was judged.
    pub path: PathBuf,
    /// Where it leads now.
    pub leads_to: PathBuf,
}

/// Every name under which kubectl would look for what was judged.
pub(super) fn paths(facts: &[Facts]) -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    let mut paths = Vec::new();
    for reached in facts.iter().flat_map(|facts| &facts.reached) {
        let Whereabouts::Local(local) = &reached.whereabouts else { continue };
        if local.nature == Nature::Missing {
            continue;
        }
        paths.extend(local.readings.iter().cloned());
        paths.extend(local.links.iter().cloned());
        let is_named = !matches!(reached.role, Role::Reference { .. });
        if is_named && !local.links.is_empty() {
            paths.extend(here.as_ref().map(|here| here.join(&reached.spelled)));
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Which of `paths` the kernel refuses to this process.
pub(super) fn denied(paths: &[PathBuf]) -> Vec<Denied> {
    paths
        .iter()
        .filter(|path| is_denied(path))
        .map(|path| Denied {
            leads_to: path.canonicalize().unwrap_or_else(|_| path.clone()),
            path: path.clone(),
        })
        .collect()
}

/// A directory itself can always be opened; a kustomization is read by the names
/// of its file.
fn is_denied(path: &Path) -> bool {
    is_refused(path)
        || (path.is_dir() && FILE_NAMES.iter().any(|name| is_refused(&path.join(name))))
}

/// The sandbox refuses what the permissions allow; access(2) asks only for the
/// latter.
fn is_refused(path: &Path) -> bool {
    // A FIFO or a terminal must not keep anybody waiting.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    matches!(rustix::fs::open(path, flags, Mode::empty()), Err(rustix::io::Errno::ACCESS))
        && rustix::fs::access(path, Access::READ_OK).is_ok()
}

/// Starts the witness. Where that fails there is none: kubectl runs all the same,
/// and the sandbox holds.
pub(super) fn leave(words: &[OsString], paths: &[PathBuf]) {
    if paths.is_empty() {
        return;
    }
    let Ok(testimony) = testimony(words, paths) else { return };
    // Without a directory of its own, which the witness takes itself: only then is it
    // started by posix_spawn also in the static shim, which copies no page tables.
    let witness = Command::new("/proc/self/exe")
        .arg0(WITNESS)
        .env_clear()
        .stdin(Stdio::from(testimony))
        .stdout(Stdio::null())
        .spawn();
    // It is kubectl's child from here on.
    drop(witness);
}

/// In memory, with zero bytes between: this process's id, how many words follow,
/// kubectl's words, the paths.
fn testimony(words: &[OsString], paths: &[PathBuf]) -> std::io::Result<OwnedFd> {
    let mut bytes = format!("{}\0{}", std::process::id(), words.len()).into_bytes();
    let paths = paths.iter().map(|path| path.as_os_str());
    for part in words.iter().map(OsString::as_os_str).chain(paths) {
        bytes.push(0);
        bytes.extend(part.as_bytes());
    }
    let memory = rustix::fs::memfd_create(WITNESS, MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(memory);
    file.write_all(&bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// The witness's whole life: waits until its parent has ended and looks what the
/// kernel refuses of the files it was given. Returns kubectl's words with them.
#[must_use]
pub fn witness() -> (Vec<OsString>, Vec<Denied>) {
    let mut bytes = Vec::new();
    let read = std::io::stdin().read_to_end(&mut bytes);
    let Some((parent, words, paths)) = read.ok().and_then(|_| understood(&bytes)) else {
        return (Vec::new(), Vec::new());
    };
    // Ctrl-C and Ctrl-Z are meant for kubectl, and nobody is kept from unmounting.
    rustix::process::setsid().map(|_| ()).unwrap_or_default();
    rustix::process::chdir("/").unwrap_or_default();
    await_end(parent);
    (words, denied(&paths))
}

fn understood(bytes: &[u8]) -> Option<(Pid, Vec<OsString>, Vec<PathBuf>)> {
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<i32>().ok();
    let parent = Pid::from_raw(number()?)?;
    let count = usize::try_from(number()?).ok()?;
    let mut words: Vec<OsString> =
        parts.map(|part| OsStr::from_bytes(part).to_os_string()).collect();
    let paths = words.split_off(count.min(words.len()));
    Some((parent, words, paths.into_iter().map(PathBuf::from).collect()))
}

/// Returns when the parent has ended.
fn await_end(parent: Pid) {
    let Ok(pidfd) = rustix::process::pidfd_open(parent, PidfdFlags::empty()) else { return };
    // Asked after the descriptor was opened: it is the parent that it names.
    if rustix::process::getppid() != Some(parent) {
        return;
    }
    let mut end = [PollFd::new(&pidfd, PollFlags::IN)];
    while let Err(rustix::io::Errno::INTR) = rustix::event::poll(&mut end, None) {}
}
