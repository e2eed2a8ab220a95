//! What the metadata service said, kept for this boot in the operator's runtime
//! directory. That nothing could be learned is kept for minutes only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use crate::env::Env;
use crate::judge::Machine;
use crate::runtime;

/// First line of the file.
const FORMAT: &str = "envguard-machine 1";

/// After so many seconds a service that did not answer is asked again.
const PATIENCE: u64 = 600;

/// What the file holds is good for this boot and this address.
struct Now {
    boot: String,
    address: SocketAddr,
    /// Seconds since the machine was started.
    seconds: u64,
}

impl Now {
    fn of(address: SocketAddr) -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let seconds = clock_gettime(ClockId::Boottime).tv_sec.unsigned_abs();
        Some(Self { boot: boot.trim().to_owned(), address, seconds })
    }
}

/// What was learned in this boot.
pub(super) fn read(env: &Env, address: SocketAddr) -> Option<Machine> {
    let text = std::fs::read_to_string(file(&runtime::directory(env))).ok()?;
    restored(&text, &Now::of(address)?)
}

/// Keeps it. Where that is impossible, it is asked again the next time.
pub(super) fn write(env: &Env, address: SocketAddr, machine: &Machine) {
    let Ok(dir) = runtime::prepared(env) else { return };
    let Some(now) = Now::of(address) else { return };
    let draft = dir.join(format!(".machine.{}", std::process::id()));
    let written = std::fs::write(&draft, kept(machine, &now))
        .and_then(|()| std::fs::rename(&draft, file(&dir)));
    if written.is_err() {
        std::fs::remove_file(&draft).unwrap_or_default();
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("machine")
}

fn kept(machine: &Machine, now: &Now) -> String {
    let what = match machine {
        Machine::Tagged(name) => format!("tag {name}"),
        Machine::Known { account, id } => format!("instance {account} {id}"),
        Machine::Unknown(why) => format!("unknown {why}"),
    };
    format!("{FORMAT}\n{}\n{}\n{}\n{what}\nend\n", now.boot, now.address, now.seconds)
}

fn restored(text: &str, now: &Now) -> Option<Machine> {
    let lines: Vec<&str> = text.lines().collect();
    let [FORMAT, boot, address, seconds, what, "end"] = lines[..] else { return None };
    if boot != now.boot || address != now.address.to_string() {
        return None;
    }
    let age = now.seconds.checked_sub(seconds.parse().ok()?)?;
    match what.split_once(' ')? {
        ("tag", name) => Some(Machine::Tagged(name.to_owned())),
        ("instance", words) => {
            let (account, id) = words.split_once(' ')?;
            Some(Machine::Known { account: account.to_owned(), id: id.to_owned() })
        }
        ("unknown", why) => (age < PATIENCE).then(|| Machine::Unknown(why.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(boot: &str, port: u16, seconds: u64) -> Now {
        Now { boot: boot.to_owned(), address: ([127, 0, 0, 1], port).into(), seconds }
    }

    #[test]
    fn it_holds_for_this_boot_and_address_and_ignorance_for_minutes() {
        let known = Machine::Known { account: "123456789012".into(), id: "i-0abc".into() };
        for machine in [Machine::Tagged("本番 eks".into()), known, Machine::Unknown("why".into())]
        {
            let text = kept(&machine, &now("b", 80, 100));
            assert_eq!(restored(&text, &now("b", 80, 699)), Some(machine.clone()));
            let later = restored(&text, &now("b", 80, 700));
            let lasts = !matches!(machine, Machine::Unknown(_));
            assert_eq!(later.is_some(), lasts, "{machine:?}");
            assert_eq!(restored(&text, &now("c", 80, 101)), None, "another boot");
            assert_eq!(restored(&text, &now("b", 81, 101)), None, "another address");
            assert_eq!(restored(&text, &now("b", 80, 99)), None, "from the future");
            assert_eq!(restored(&text[..text.len() - 4], &now("b", 80, 101)), None, "cut");
        }
        assert_eq!(restored("", &now("b", 80, 1)), None);
    }
}
