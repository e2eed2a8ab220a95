//! `status --watch`: drawn again in place.

use std::io::{IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use super::super::args::Status;
use super::super::{login, written};
use super::render;
use crate::env::Env;
use crate::exit::Exit;
use crate::health::{Depth, Situation};

/// What no directory tells of (ages, processes, variables of the kernel) is looked at
/// as often.
const SECOND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Goes on until Ctrl-C ends the process, or its output is closed.
pub(super) fn watch(arguments: &Status, named: Option<&Path>, env: &Env) -> Exit {
    let mut last = String::new();
    loop {
        let changes = Changes::new();
        let situation = Situation::look(env, named, Depth::Everything);
        if let Some(changes) = &changes {
            changes.follow(&places(&situation));
        }
        let checks = situation.checks(Depth::Everything);
        let look = login::look(env, std::io::stdout().is_terminal());
        let mut text = render::text(&situation, &checks, look, arguments.effects);
        let rows = rows();
        if rows.is_some_and(|rows| render::rows(&text, look) >= rows) {
            text = render::brief(&situation, &checks, look, rows.unwrap_or_default());
        }
        if text != last {
            if let Err(error) = draw(&text, rows.is_some() && !is_dumb(env), last.is_empty()) {
                return written(Err(error));
            }
            last = text;
        }
        wait(changes.as_ref());
    }
}

fn is_dumb(env: &Env) -> bool {
    env.get("TERM").is_none_or(|kind| kind == "dumb")
}

/// Rows of the terminal; `None` when output is no terminal or does not know its size.
pub(super) fn rows() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_row)).filter(|rows| *rows > 0)
}

/// Over what was there, line by line, so that nothing flickers; elsewhere below it.
fn draw(text: &str, in_place: bool, is_first: bool) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if in_place {
        let start = if is_first { "\u{1b}[2J\u{1b}[H" } else { "\u{1b}[H" };
        let lines = text.replace('\n', "\u{1b}[K\n");
        write!(stdout, "{start}{lines}\u{1b}[J")?;
    } else {
        let gap = if is_first { "" } else { "\n" };
        write!(stdout, "{gap}{text}")?;
    }
    stdout.flush()
}

/// Directories in which a change may change a finding.
fn places(situation: &Situation) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Ok(loaded) = &situation.loaded {
        places.extend(loaded.file.parent().map(Path::to_path_buf));
        places.extend(loaded.policy.pin.kubeconfig.parent().map(Path::to_path_buf));
        places.push(loaded.policy.audit.clone());
    }
    for checkout in &situation.territory.checkouts {
        places.push(checkout.top.clone());
        places.extend(checkout.git_dir.clone());
    }
    places
}

/// The kernel's word that something has changed.
struct Changes(OwnedFd);

impl Changes {
    /// `None` when the kernel has none left for this user: a second is soon over.
    fn new() -> Option<Self> {
        inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok().map(Self)
    }

    fn follow(&self, places: &[PathBuf]) {
        use inotify::WatchFlags as On;
        let what = On::CREATE | On::DELETE | On::MOVE | On::CLOSE_WRITE | On::ATTRIB;
        for place in places {
            // What cannot be watched is looked at a second later.
            inotify::add_watch(&self.0, place, what).map(drop).unwrap_or_default();
        }
    }
}

fn wait(changes: Option<&Changes>) {
    let mut asked: Vec<PollFd<'_>> =
        changes.iter().map(|changes| PollFd::new(&changes.0, PollFlags::IN)).collect();
    // Interrupted or in time: the next look comes.
    poll(&mut asked, Some(&SECOND)).map(drop).unwrap_or_default();
}
