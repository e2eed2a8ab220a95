//! Signals that end a program, while something must be put in order first: git's
//! lock, a terminal in another state.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Resource, getrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::{SigId, flag, low_level};

/// What ends a program that has not asked for it, and may come from outside.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Whether whoever started us wants it ignored, as nohup does.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

/// A file that may not grow (`ulimit -f`) is an error of whoever writes it, from here on, and
/// no longer the silent end of the process. kubectl gets the signal as it was.
pub fn survive_full_files() {
    let limit = getrlimit(Resource::Fsize).current;
    if limit.is_some() && !is_ignored(SIGXFSZ) {
        // Where it cannot be taken, it does what it always does.
        drop(flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))));
    }
}

/// As long as this lives, such a signal does not end the process: it rings a bell.
/// What is ignored stays ignored, and afterwards everything is as before.
#[derive(Debug)]
pub struct Bell {
    listener: UnixStream,
    silent: Arc<AtomicBool>,
    ringers: Vec<SigId>,
}

impl Bell {
    /// `None` where signals cannot be taken: they do what they always do.
    #[must_use]
    pub fn hung() -> Option<Self> {
        let (listener, ringer) = UnixStream::pair().ok()?;
        listener.set_nonblocking(true).ok()?;
        let mut bell =
            Self { listener, silent: Arc::new(AtomicBool::new(true)), ringers: Vec::new() };
        for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
            // Silent, it ends the process as it would without us.
            flag::register_conditional_default(signal, bell.silent.clone()).ok()?;
            let ringer = ringer.try_clone().ok()?;
            bell.ringers.push(low_level::pipe::register(signal, ringer).ok()?);
        }
        bell.silent.store(false, Ordering::SeqCst);
        Some(bell)
    }

    /// Whether it has rung.
    #[must_use]
    pub fn has_rung(&self) -> bool {
        use std::io::Read;
        (&self.listener).read(&mut [0]).is_ok_and(|count| count > 0)
    }
}

/// Readable when it has rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.silent.store(true, Ordering::SeqCst);
        for ringer in self.ringers.drain(..) {
            low_level::unregister(ringer);
        }
    }
}
