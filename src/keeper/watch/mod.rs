//! The watcher: whatever happens, compare what is there with what should be, and
//! mend it.

mod source;
mod systemd;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::state::State;
use super::{Hitch, Keeper, Report};
use crate::env::Env;
use crate::judge::Territory;
use crate::notices;
use crate::pattern::{Pattern, has_meta};
use crate::policy::Policy;
use crate::text::shown;
use source::{Shortage, Source};
use systemd::Manager;

/// The intervals of the watcher, as data.
#[derive(Debug, Clone, Copy)]
struct Timers {
    /// While git holds its lock: at first, doubled each time.
    locked: Duration,
    /// The longest of these.
    locked_most: Duration,
    /// While a merge or the like is under way; its end is watched for.
    under_way: Duration,
    /// While something cannot be done.
    hitch: Duration,
    /// Where the kernel does not tell of changes.
    poll: Duration,
}

const TIMERS: Timers = Timers {
    locked: Duration::from_millis(50),
    locked_most: Duration::from_secs(1),
    under_way: Duration::from_secs(10),
    hitch: Duration::from_secs(60),
    poll: Duration::from_secs(2),
};

/// File systems that tell nothing of what others do (statfs(2)): NFS, SMB, CIFS,
/// SMB2, FUSE, 9p, AFS.
const SILENT: [u32; 7] =
    [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x5346_414f];

/// The configuration and the checkouts as they are now.
#[derive(Debug)]
pub struct Instance {
    /// The policy.
    pub policy: Policy,
    /// Its file.
    pub file: PathBuf,
    /// The checkouts on this disk.
    pub territory: Territory,
}

/// What the watcher has to say.
#[derive(Debug)]
pub enum News<'n> {
    /// Something was done.
    Done(&'n Report),
    /// Something is in the way.
    Hitch(&'n Hitch),
    /// It is not in the way any more.
    Over(&'n Hitch),
    /// A line about the watcher itself.
    Line(String),
}

/// Tidies every checkout of this user once and writes the state.
pub fn once(instance: &Instance, env: &Env, say: &mut dyn FnMut(News<'_>)) -> bool {
    let reports = pass(instance, env, say, &mut BTreeSet::new());
    if let Err(hitch) = State::of("once", &reports).write(env) {
        say(News::Hitch(&hitch));
    }
    reports.iter().all(Report::is_tidy)
}

/// Watches until the process is ended. `load` reads configuration and checkouts;
/// while it cannot, the last one counts.
pub fn forever(
    load: &dyn Fn() -> Result<Instance, String>,
    env: &Env,
    say: &mut dyn FnMut(News<'_>),
) -> Result<std::convert::Infallible, String> {
    let manager = Manager::of_env(env);
    let mut watcher = Watcher {
        instance: load()?,
        source: Source::new(),
        known: BTreeSet::new(),
        shortage: None,
        state: None,
        locked: TIMERS.locked,
    };
    let mut ready = false;
    let mut alive = Instant::now();
    loop {
        let next = watcher.look(env, say);
        if !ready {
            manager.tell("READY=1\nSTATUS=keeping foreign overlays away");
            say(News::Line(format!("watching {} directories", watcher.source.len())));
            ready = true;
        }
        // Signs of life in between do not make anybody look.
        loop {
            let sign = manager.watchdog.map(|every| alive + every);
            let until = [next, sign].into_iter().flatten().min();
            let before = Instant::now();
            watcher.source.wait(until);
            let now = Instant::now();
            let mut only_a_sign = false;
            if let Some(due) = sign
                && now >= due
            {
                manager.tell("WATCHDOG=1");
                alive = now;
                only_a_sign = until == Some(due) && now >= due && before < due;
            }
            if !only_a_sign || next.is_some_and(|next| now >= next) {
                break;
            }
        }
        watcher.reload(load, say);
    }
}

struct Watcher {
    instance: Instance,
    source: Source,
    /// What was said already.
    known: BTreeSet<Hitch>,
    shortage: Option<Shortage>,
    state: Option<State>,
    locked: Duration,
}

impl Watcher {
    /// Sets the watches, then looks: what happens in between is not missed. Says
    /// when to look again even if nothing happens.
    fn look(&mut self, env: &Env, say: &mut dyn FnMut(News<'_>)) -> Option<Instant> {
        // The directories to watch are known after a look, and a directory that
        // appears before its parent is watched would be missed: look until the
        // watches stand.
        let mut reports = pass(&self.instance, env, say, &mut self.known);
        for _ in 0..3 {
            if !self.set_watches(&reports, say) {
                break;
            }
            reports = pass(&self.instance, env, say, &mut self.known);
        }
        let silent =
            self.instance.territory.checkouts.iter().any(|checkout| is_silent(&checkout.top));
        let polling = self.shortage.is_some() || silent;
        self.remember(if polling { "polling" } else { "inotify" }, &reports, env, say);
        let locked = reports.iter().any(|report| report.locked);
        self.locked =
            if locked { (self.locked * 2).min(TIMERS.locked_most) } else { TIMERS.locked };
        let wait = if locked {
            Some(self.locked)
        } else if reports.iter().any(|report| report.waiting.is_some()) {
            Some(if polling { TIMERS.poll } else { TIMERS.under_way })
        } else if polling {
            Some(TIMERS.poll)
        } else if reports.iter().any(|report| !report.hitches.is_empty()) {
            Some(TIMERS.hitch)
        } else {
            None
        };
        wait.map(|wait| Instant::now() + wait)
    }

    /// Returns whether there are watches that were not there before.
    fn set_watches(&mut self, reports: &[Report], say: &mut dyn FnMut(News<'_>)) -> bool {
        let mut dirs = BTreeSet::new();
        let mut only = Vec::new();
        for report in reports {
            dirs.extend(report.walked.iter().map(|dir| report.top.join(dir)));
            if report.waiting.is_some() {
                dirs.insert(report.git_dir.clone());
            }
        }
        for rule in &self.instance.policy.checkouts {
            for (dir, names) in approaches(&rule.path) {
                only.extend(names.into_iter().map(|name| (dir.clone(), name)));
                dirs.insert(dir);
            }
        }
        if let (Some(dir), file) = (self.instance.file.parent(), &self.instance.file) {
            dirs.insert(dir.to_path_buf());
            only.push((dir.to_path_buf(), file.clone()));
        }
        // A checkout's own directories are never restricted to a name.
        only.retain(|(dir, _)| !reports.iter().any(|report| dir.starts_with(&report.top)));
        let before = self.source.len();
        let shortage = self.source.watch(&dirs, only).err();
        if shortage != self.shortage {
            say(News::Line(match &shortage {
                None => "watching again".to_owned(),
                Some(Shortage::Watches) => format!(
                    "no inotify watches are left for this user: looking every {} s instead; more: sysctl fs.inotify.max_user_watches=524288",
                    TIMERS.poll.as_secs()
                ),
                Some(Shortage::Inotify(problem)) => format!(
                    "{problem}: looking every {} s instead; more: sysctl fs.inotify.max_user_instances=512",
                    TIMERS.poll.as_secs()
                ),
            }));
            self.shortage = shortage;
        }
        self.source.len() > before
    }

    fn remember(
        &mut self,
        mode: &str,
        reports: &[Report],
        env: &Env,
        say: &mut dyn FnMut(News<'_>),
    ) {
        let state = State::of(mode, reports);
        if self.state.as_ref().is_some_and(|last| last.same_as(&state)) {
            return;
        }
        match state.write(env) {
            Ok(()) => self.state = Some(state),
            Err(hitch) => {
                if self.known.insert(hitch.clone()) {
                    say(News::Hitch(&hitch));
                }
            }
        }
    }

    fn reload(
        &mut self,
        load: &dyn Fn() -> Result<Instance, String>,
        say: &mut dyn FnMut(News<'_>),
    ) {
        match load() {
            Ok(instance) => {
                if instance.policy != self.instance.policy {
                    say(News::Line("the configuration has changed".into()));
                }
                self.instance = instance;
            }
            Err(problem) => {
                let hitch = Hitch::new(
                    format!("{problem}: the configuration from before stays in force"),
                    "correct the configuration: kubectl envguard why config-invalid",
                );
                if self.known.insert(hitch.clone()) {
                    say(News::Hitch(&hitch));
                }
            }
        }
    }
}

/// One look at every checkout of this user.
fn pass(
    instance: &Instance,
    env: &Env,
    say: &mut dyn FnMut(News<'_>),
    known: &mut BTreeSet<Hitch>,
) -> Vec<Report> {
    let keeper = Keeper::new(&instance.policy, &instance.territory, env, "watch");
    let mut reports = Vec::new();
    for checkout in
        instance.territory.checkouts.iter().filter(|checkout| super::is_ours(&checkout.top))
    {
        let report = keeper.tidy(checkout, false);
        if !report.gone.is_empty() || !report.put_aside.is_empty() {
            say(News::Done(&report));
            leave_word(&report);
        }
        reports.push(report);
    }
    let now: BTreeSet<Hitch> = reports
        .iter()
        .flat_map(|report| report.hitches.iter().chain(&report.waiting))
        .cloned()
        .collect();
    for hitch in now.difference(known) {
        say(News::Hitch(hitch));
    }
    for hitch in known.difference(&now) {
        say(News::Over(hitch));
    }
    *known = now;
    reports
}

/// For the next prompt of the checkout's owner.
fn leave_word(report: &Report) {
    let aside: BTreeSet<&PathBuf> = report.put_aside.iter().map(|(_, overlay)| overlay).collect();
    let (count, what) = match aside.len() {
        0 => (report.gone.len(), "taken off the disk"),
        count => (count, "put aside"),
    };
    let overlays = if count == 1 { "overlay" } else { "overlays" };
    let uid = rustix::process::geteuid().as_raw();
    // Nobody logged in, nobody to tell; the log has it in any case.
    drop(notices::leave(uid, &format!("{count} foreign {overlays} {what}")));
}

/// Existing directories in which a checkout of `pattern` may appear, each with the
/// names that matter there; none means all.
fn approaches(pattern: &str) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
    let mut found = Vec::new();
    let mut here = vec![PathBuf::from("/")];
    for (depth, name) in names.iter().enumerate() {
        let is_last = depth + 1 == names.len();
        let mut next = Vec::new();
        for dir in here {
            if has_meta(name.as_bytes()) {
                next.extend(matching(&dir, name));
                found.push((dir, Vec::new()));
                continue;
            }
            let path = dir.join(name);
            let exists = path.is_dir();
            if is_last || !exists {
                found.push((dir, vec![path.clone()]));
            }
            if exists {
                next.push(path);
            }
        }
        here = next;
    }
    found
}

fn matching(dir: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(pattern) = Pattern::new(pattern.as_bytes()) else { return Vec::new() };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter(|entry| pattern.matches(entry.file_name().as_bytes()))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn is_silent(top: &Path) -> bool {
    rustix::fs::statfs(top).is_ok_and(|found| SILENT.contains(&(found.f_type as u32)))
}

/// A line for the log.
#[must_use]
pub fn line(report: &Report) -> String {
    format!(
        "{}: {} foreign overlays taken off the disk, {} put aside",
        shown(&report.top),
        report.gone.len(),
        report.put_aside.len()
    )
}
