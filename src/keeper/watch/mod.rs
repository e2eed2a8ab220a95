//! The watcher: whatever happens, compare what is there with what should be, and
//! mend it.

mod approach;
mod news;
mod source;
mod systemd;
mod ways;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::state::State;
use super::{Hitch, Keeper, Report};
use crate::env::Env;
use crate::judge::Territory;
use crate::policy::Policy;
use approach::approaches;
use news::Known;
pub use news::{News, line};
use source::Source;
use systemd::Manager;
use ways::Shortage;

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

/// Tidies every checkout of this user once and writes the state.
pub fn once(instance: &Instance, env: &Env, say: &mut dyn FnMut(News<'_>)) -> bool {
    let reports = pass(instance, env, say);
    news::hitches(&reports).for_each(|hitch| say(News::Hitch(hitch)));
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
        known: Known::default(),
        unread: None,
        unwritten: None,
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
            for owner in others(&watcher.instance) {
                say(News::Line(format!(
                    "the checkouts of user {owner} are left to that user's own watcher"
                )));
            }
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

/// Who else owns checkouts.
fn others(instance: &Instance) -> BTreeSet<u32> {
    let tops = instance.territory.checkouts.iter().map(|checkout| &checkout.top);
    tops.filter(|top| !super::is_ours(top)).filter_map(|top| super::owner(top).ok()).collect()
}

struct Watcher {
    instance: Instance,
    source: Source,
    /// What was said already of the checkouts.
    known: Known,
    /// What was said of the configuration, and of the state file.
    unread: Option<Hitch>,
    unwritten: Option<Hitch>,
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
        let mut reports = pass(&self.instance, env, say);
        let mut stand = false;
        for _ in 0..3 {
            stand = !self.set_watches(&reports, say);
            if stand {
                break;
            }
            reports = pass(&self.instance, env, say);
        }
        let silent =
            self.instance.territory.checkouts.iter().any(|checkout| is_silent(&checkout.top));
        let polling = self.shortage.is_some() || silent;
        self.remember(if polling { "polling" } else { "inotify" }, &reports, env, say);
        let locked = reports.iter().any(|report| report.locked);
        self.locked =
            if locked { (self.locked * 2).min(TIMERS.locked_most) } else { TIMERS.locked };
        let wait = if !stand && self.shortage.is_none() {
            // Somebody is making directories all the time.
            Some(TIMERS.locked)
        } else if locked {
            Some(self.locked)
        } else if reports.iter().any(|report| report.waiting.is_some()) {
            Some(if polling { TIMERS.poll } else { TIMERS.under_way })
        } else if polling {
            Some(TIMERS.poll)
        } else if self.unwritten.is_some()
            || self.unread.is_some()
            || reports.iter().any(|report| !report.hitches.is_empty())
        {
            Some(TIMERS.hitch)
        } else {
            None
        };
        let next = wait.map(|wait| Instant::now() + wait);
        let unsettled = self.known.tell(&reports, say).then(news::settled);
        [next, unsettled].into_iter().flatten().min()
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
        let rules = &self.instance.policy.checkouts;
        let ways = approaches(rules.iter().map(|rule| rule.path.as_str()));
        if let (Some(dir), file) = (self.instance.file.parent(), &self.instance.file) {
            dirs.insert(dir.to_path_buf());
            only.push((dir.to_path_buf(), file.clone()));
        }
        // A checkout's own directories are never restricted to a name.
        only.retain(|(dir, _)| !reports.iter().any(|report| dir.starts_with(&report.top)));
        let watched = self.source.watch(&dirs, only, &ways);
        let is_new = *watched.as_ref().unwrap_or(&false);
        let shortage = watched.err();
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
        is_new
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
        let written = state.write(env);
        // One that is not written is written at the next look.
        self.state = written.is_ok().then_some(state);
        news::tell(written.err(), &mut self.unwritten, say);
    }

    fn reload(
        &mut self,
        load: &dyn Fn() -> Result<Instance, String>,
        say: &mut dyn FnMut(News<'_>),
    ) {
        let unread = match load() {
            Ok(instance) => {
                if instance.policy != self.instance.policy {
                    say(News::Line("the configuration has changed".into()));
                }
                self.instance = instance;
                None
            }
            Err(problem) => Some(Hitch::new(
                format!("{problem}: the configuration from before stays in force"),
                "correct the configuration: kubectl envguard why config-invalid",
            )),
        };
        news::tell(unread, &mut self.unread, say);
    }
}

/// One look at every checkout of this user.
fn pass(instance: &Instance, env: &Env, say: &mut dyn FnMut(News<'_>)) -> Vec<Report> {
    let keeper = Keeper::new(&instance.policy, &instance.territory, env, "watch");
    let mut reports = Vec::new();
    for checkout in
        instance.territory.checkouts.iter().filter(|checkout| super::is_ours(&checkout.top))
    {
        let report = apart(|| keeper.tidy(checkout, false));
        if !report.gone.is_empty() || !report.put_aside.is_empty() {
            say(News::Done(&report));
            news::leave_word(&report, env);
        }
        reports.push(report);
    }
    reports
}

/// Runs `work` in a thread of its own, copies what it returns, and has the thread free
/// it. A look reads the whole index and leaves a page of report. What glibc's malloc
/// keeps for a thread it gives back to the kernel when the thread has freed all of it;
/// in the main thread a small piece on top of the heap would keep megabytes for the
/// watcher's whole life.
fn apart<T: Clone + Send + Sync>(work: impl FnOnce() -> T + Send) -> T {
    let (give, take) = sync_channel(1);
    let (copied, wait) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let result = Arc::new(work());
            // The other side is there until it has copied.
            give.send(Arc::clone(&result)).unwrap_or_default();
            wait.recv().unwrap_or_default();
        });
        let copy = take.recv().map(|result| T::clone(&result));
        drop(copied);
        super::found::joined(thread);
        // Without a result the thread has panicked, and so have we.
        copy.unwrap_or_else(|_| unreachable!())
    })
}

/// Whether the kernel does not tell of all changes there.
fn is_silent(top: &Path) -> bool {
    rustix::fs::statfs(top).is_ok_and(|found| SILENT.contains(&(found.f_type as u32)))
}
