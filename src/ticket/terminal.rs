//! The terminal and login that a process belongs to, told so that neither can be
//! mistaken for a later one.

use std::fs::File;
use std::io::Read;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Longer than any of the files that are read here.
const MOST: usize = 1 << 10;

/// A login on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Terminal {
    /// Device number of the controlling terminal.
    pub device: i64,
    /// Process id of the session leader.
    pub leader: u32,
    /// When the leader started, in clock ticks since boot: process ids are used
    /// again, this pair is not.
    pub started: u64,
    /// The boot it belongs to.
    pub boot: String,
}

impl Terminal {
    /// That of this process; `None` without a controlling terminal, or when the
    /// session leader is gone or cannot be seen.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let own = Stat::of("self")?;
        if own.terminal == 0 || own.session == 0 {
            return None;
        }
        let leader = Stat::of(&own.session.to_string())?;
        let boot = String::from_utf8(small("/proc/sys/kernel/random/boot_id")?).ok()?;
        Some(Self {
            device: own.terminal,
            leader: own.session,
            started: leader.started,
            boot: boot.trim().to_owned(),
        })
    }
}

/// The process that started this one, when both belong to the same job: `xargs`, `make`,
/// a script. A shell with a person at it gives each command a job of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parent {
    /// Its process id.
    pub process: u32,
    /// When it started, as for the session leader.
    pub started: u64,
}

impl Parent {
    /// That of this process.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let own = Stat::of("self")?;
        let parent = Stat::of(&own.parent.to_string())?;
        (own.parent > 1 && parent.group == own.group && own.parent != own.session)
            .then_some(Self { process: own.parent, started: parent.started })
    }
}

/// The fields of `/proc/PID/stat` that are needed here (proc_pid_stat(5)).
struct Stat {
    parent: u32,
    group: u32,
    session: u32,
    terminal: i64,
    started: u64,
}

impl Stat {
    fn of(process: &str) -> Option<Self> {
        let text = small(&format!("/proc/{process}/stat"))?;
        // The program's name stands in brackets and may contain anything.
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 2..)?).ok()?;
        let fields: Vec<&str> = rest.split(' ').collect();
        // Counted from field 3, the state.
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            terminal: fields.get(4)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

/// A file of the kernel's, in one read: this is on the way of every guarded command.
fn small(file: &str) -> Option<Vec<u8>> {
    let mut text = vec![0; MOST];
    let length = File::open(file).ok()?.read(&mut text).ok()?;
    text.truncate(length);
    Some(text)
}

/// CLOCK_BOOTTIME in milliseconds.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000)
}
