//! Which Session Manager session this process belongs to.
//!
//! The agent starts one root process `ssm-session-worker SESSION-ID` per session
//! and below it the shell (amazon-ssm-agent 3.3, `outofproc/master.go`). Nothing
//! in the environment names the session, and sudo would remove it; the chain of
//! parents survives sudo. It is no proof: whoever is root can start a process of
//! that name.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The worker's name as the kernel keeps it, cut to 15 bytes.
const COMM: &str = "ssm-session-wor";
const PROGRAM: &str = "ssm-session-worker";

/// No real chain of parents is longer.
const MOST_PARENTS: usize = 64;

/// The session's id, such as `alice-0123456789abcdef0`; `None` is "unknown", not
/// "no session": under tmux or nohup the chain is broken, and a guess would be
/// wrong exactly when it matters.
#[must_use]
pub fn current() -> Option<String> {
    above(Path::new("/proc"), std::process::id())
}

/// The terminals of all sessions on this machine, each with its session's id.
#[must_use]
pub fn terminals() -> BTreeMap<PathBuf, String> {
    terminals_in(Path::new("/proc"))
}

fn terminals_in(proc: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let terminal = Process::read(proc, pid).and_then(|process| pseudo(process.terminal));
        if let Some(terminal) = terminal
            && !found.contains_key(&terminal)
            && let Some(id) = above(proc, pid)
        {
            found.insert(terminal, id);
        }
    }
    found
}

/// The path of a pseudo-terminal, by its device number as `/proc/PID/stat` has it
/// (Linux: major 136 to 143, and 20 bits of minor).
fn pseudo(device: u32) -> Option<PathBuf> {
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xf_ff00);
    let number = (136..=143).contains(&major).then(|| (major - 136) * 256 + minor)?;
    Some(Path::new("/dev/pts").join(number.to_string()))
}

/// The session above `pid`, in the process table at `proc`.
///
/// A process's terminal session leads straight to the shell that the worker
/// started, past scripts and loops in between: its leader's process id stays taken
/// as long as the session has a member, so it cannot be somebody else's.
fn above(proc: &Path, pid: u32) -> Option<String> {
    let mut pid = pid;
    for _ in 0..MOST_PARENTS {
        let found = Process::read(proc, pid)?;
        if found.comm == COMM
            && let Some(id) = worker_argument(proc, pid)
        {
            return Some(id);
        }
        let leads = found.session == pid || found.session == 0;
        pid = if leads { found.parent } else { found.session };
        if pid <= 1 {
            return None;
        }
    }
    None
}

/// A row of the process table.
struct Process {
    comm: String,
    parent: u32,
    session: u32,
    /// Device number; 0 for none.
    terminal: u32,
}

impl Process {
    /// From `/proc/PID/stat`. The name stands in parentheses and may contain any
    /// character, parentheses and blanks too. This runs before every kubectl: one
    /// read is enough, because these fields are the first ones.
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let mut stat = [0; 256];
        let mut file = std::fs::File::open(proc.join(format!("{pid}/stat"))).ok()?;
        let length = file.read(&mut stat).ok()?;
        let stat = String::from_utf8_lossy(&stat[..length]);
        let (head, tail) = stat.rsplit_once(')')?;
        let (_, comm) = head.split_once('(')?;
        let mut fields = tail.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        // Cut off, it is none that anybody writes to.
        let terminal = fields.next().and_then(|field| field.parse().ok()).unwrap_or(0);
        Some(Self { comm: comm.to_owned(), parent, session, terminal })
    }
}

/// The first argument of a process that is the worker by its program's name and
/// by its owner, too: anybody can rename a process of their own.
fn worker_argument(proc: &Path, pid: u32) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let dir = proc.join(pid.to_string());
    if dir.metadata().ok()?.uid() != 0 {
        return None;
    }
    let bytes = std::fs::read(dir.join("cmdline")).ok()?;
    let mut words = bytes.split(|byte| *byte == 0);
    let program = std::str::from_utf8(words.next()?).ok()?;
    if program.rsplit('/').next() != Some(PROGRAM) {
        return None;
    }
    let id = std::str::from_utf8(words.next()?).ok()?;
    is_id(id).then(|| id.to_owned())
}

/// `<user or role session name>-<hex>`; names of role sessions have letters,
/// digits and `=,.@_-`.
fn is_id(id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"=,.@_-+".contains(&byte);
    !id.is_empty() && id.len() <= 128 && id.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process table; every process belongs to the user of the test.
    fn table(rows: &[(u32, &str, u32, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (pid, comm, parent, cmdline) in rows {
            let process = dir.path().join(pid.to_string());
            std::fs::create_dir(&process).unwrap();
            std::fs::write(
                process.join("stat"),
                format!("{pid} ({comm}) S {parent} {pid} {pid} 0"),
            )
            .unwrap();
            std::fs::write(process.join("cmdline"), cmdline).unwrap();
        }
        dir
    }

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn the_worker_is_found_across_sudo() {
        let worker = b"/usr/bin/ssm-session-worker\0alice-0abc\0" as &[u8];
        let rows = [
            (50, "bash", 40, b"-bash\0" as &[u8]),
            (40, "sudo", 30, b"sudo\0-iu\0x\0"),
            (30, "ssm-session-wor", 20, worker),
            (20, "ssm-agent-worke", 1, b"/usr/bin/ssm-agent-worker\0"),
        ];
        let found = above(table(&rows).path(), 50);
        // Only root's worker counts, so that another user sees none here.
        assert_eq!(found, is_root().then(|| "alice-0abc".to_owned()));
    }

    #[test]
    fn terminals_of_sessions_are_told_from_others() {
        let worker = b"ssm-session-worker\0alice-0abc\0" as &[u8];
        let rows = [
            (30, "ssm-session-wor", 1, worker),
            (40, "sh", 30, b"sh\0"),
            (41, "vi", 40, b"vi\0"),
            (50, "bash", 1, b"bash\0"),
        ];
        let table = table(&rows);
        let of = [(40, 136 << 8 | 3), (41, 136 << 8 | 3), (50, 136 << 8 | 4)];
        for (pid, device) in of {
            let parent = rows.iter().find(|row| row.0 == pid).unwrap().2;
            let text = format!("{pid} (x) S {parent} {pid} {pid} {device} 0");
            std::fs::write(table.path().join(format!("{pid}/stat")), text).unwrap();
        }
        let expected = [(PathBuf::from("/dev/pts/3"), "alice-0abc".to_owned())];
        let expected = if is_root() { expected.into() } else { BTreeMap::new() };
        assert_eq!(terminals_in(table.path()), expected);
        assert_eq!(pseudo(137 << 8 | 1), Some("/dev/pts/257".into()));
        assert_eq!(pseudo(4 << 8 | 1), None);
        assert_eq!(pseudo(0), None);
    }

    #[test]
    fn the_leader_of_the_terminal_leads_past_what_is_in_between() {
        let worker = b"ssm-session-worker\0alice-0abc\0" as &[u8];
        let table = table(&[(40, "sh", 30, b"sh\0"), (30, "ssm-session-wor", 1, worker)]);
        // Its parent is gone, its terminal's session is not.
        std::fs::create_dir(table.path().join("50")).unwrap();
        std::fs::write(table.path().join("50/stat"), "50 (make) S 49 50 40 0").unwrap();
        assert_eq!(above(table.path(), 50), is_root().then(|| "alice-0abc".to_owned()));
    }

    #[test]
    fn what_only_looks_like_the_worker_is_unknown() {
        for (comm, cmdline) in [
            ("bash", b"/usr/bin/ssm-session-worker\0id-1\0" as &[u8]),
            ("ssm-session-wor", b"bash\0id-1\0"),
            ("ssm-session-wor", b"/usr/bin/ssm-session-worker\0"),
            ("ssm-session-wor", b"/usr/bin/ssm-session-worker\0a\x1b[2Jb\0"),
            ("ssm-session-wor", b""),
            ("x) S 1 (ssm-session-wor", b"/usr/bin/ssm-session-worker\0id-1\0"),
        ] {
            let rows = [(50, "bash", 30, b"bash\0" as &[u8]), (30, comm, 1, cmdline)];
            assert_eq!(above(table(&rows).path(), 50), None, "{comm} {cmdline:?}");
        }
    }

    #[test]
    fn a_broken_or_endless_chain_ends() {
        let looped = table(&[(50, "a", 40, b"a\0"), (40, "b", 50, b"b\0")]);
        assert_eq!(above(looped.path(), 50), None);
        let broken = table(&[(50, "a", 40, b"a\0")]);
        assert_eq!(above(broken.path(), 50), None);
    }
}
