//! Ctrl-C and the like, while something is under way that must not stay half done:
//! git's lock is ours, and what has left the checkout is not told to git yet.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::signals::is_ignored;

/// What ends a program that has not asked for it.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// How signals are taken in this process.
struct Signals {
    /// Nothing is under way: they do what they always do.
    calm: Arc<AtomicBool>,
    /// The last one that had to wait.
    waiting: Arc<AtomicUsize>,
    /// How many guards there are.
    guards: AtomicUsize,
}

static SIGNALS: OnceLock<Signals> = OnceLock::new();

fn signals() -> &'static Signals {
    SIGNALS.get_or_init(|| {
        let calm = Arc::new(AtomicBool::new(true));
        let waiting = Arc::new(AtomicUsize::new(0));
        for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
            // One that cannot be taken ends the program at once; the next keeper
            // finishes what was begun.
            if flag::register_conditional_default(signal, calm.clone()).is_ok() {
                let number = usize::try_from(signal).unwrap_or_default();
                drop(flag::register_usize(signal, waiting.clone(), number));
            }
        }
        Signals { calm, waiting, guards: AtomicUsize::new(0) }
    })
}

/// While this lives, a signal that ends the program waits until it is dropped.
#[derive(Debug)]
pub(super) struct Undisturbed(());

impl Undisturbed {
    pub(super) fn begin() -> Self {
        let signals = signals();
        signals.guards.fetch_add(1, Ordering::SeqCst);
        signals.calm.store(false, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        let signals = signals();
        if signals.guards.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        signals.calm.store(true, Ordering::SeqCst);
        let waiting = signals.waiting.load(Ordering::SeqCst);
        if let Some(signal) =
            ENDING.into_iter().find(|signal| usize::try_from(*signal) == Ok(waiting))
        {
            // Does not return, unless it cannot; then we go on.
            low_level::emulate_default_handler(signal).unwrap_or_default();
        }
    }
}
