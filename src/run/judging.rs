//! What a command line comes to, before anything is done: its readings, what each would
//! read, and the verdict on all of them.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;

use super::{enclosure, understand};
use crate::config::{self, Loaded};
use crate::env::Env;
use crate::gather::{self, Captured, Follow, Reads};
use crate::identity;
use crate::judge::{self, Copied, Facts, Machine, Outcome, Territory, Verdict};
use crate::kubectl::{self, Class, Request};
use crate::policy::{Ask, Mode, Policy, Unusable};
use crate::sandbox::{Outlook, Unused};

/// One command line with its verdict, before anything is done.
#[derive(Debug)]
pub struct Judged<'p> {
    /// The readings of the command line; several where kubectl versions differ.
    pub requests: Vec<Request>,
    /// What was found out, one for each reading.
    pub facts: Vec<Facts>,
    /// The verdict on all of them.
    pub verdict: Verdict,
    /// Whether the kernel will enforce it.
    pub sandbox: Outlook<'p>,
    /// Streams that were read for it.
    pub captured: Captured,
}

impl Judged<'_> {
    /// A verdict for which nothing was gathered.
    #[must_use]
    pub fn without_facts(verdict: Verdict) -> Self {
        let captured = Captured::default();
        let sandbox = Outlook::Unused(Unused::NoFiles);
        Self { requests: Vec::new(), facts: Vec::new(), verdict, sandbox, captured }
    }

    /// The files that it would apply, that are not committed, and that another
    /// environment has, too. It asks git: for who is about to ask a person.
    #[must_use]
    pub fn copies(&self, policy: &Policy) -> Vec<Copied> {
        let readings = self.requests.iter().zip(&self.facts);
        let mut found: Vec<Copied> =
            readings.flat_map(|(request, facts)| gather::copies(policy, request, facts)).collect();
        found.sort();
        found.dedup();
        found
    }

    /// The SHA-256 of everything that was read from streams.
    pub(super) fn stream_hashes(&self) -> Option<String> {
        let contents = self.facts.iter().find_map(|facts| Some(&facts.stdin.as_ref()?.contents))?;
        let hashes: Vec<String> = contents
            .values()
            .filter_map(|content| Some(format!("sha256:{}", content.sha256.as_ref()?)))
            .collect();
        (!hashes.is_empty()).then(|| hashes.join(" "))
    }
}

/// The configured instance and its checkouts on this disk.
#[derive(Debug)]
pub struct Instance {
    /// Configuration and its file.
    pub loaded: Loaded,
    /// The checkouts.
    pub territory: Territory,
    /// Which machine this is, once somebody wanted to know.
    machine: OnceCell<Machine>,
}

impl Instance {
    /// What `loaded` makes of this disk.
    #[must_use]
    pub fn new(loaded: Loaded) -> Self {
        let territory = gather::survey(&loaded.policy);
        Self { loaded, territory, machine: OnceCell::new() }
    }

    /// The same on a machine that has been asked already.
    #[must_use]
    pub fn on(loaded: Loaded, machine: Machine) -> Self {
        Self { machine: OnceCell::from(machine), ..Self::new(loaded) }
    }

    fn machine(&self, env: &Env) -> &Machine {
        self.machine.get_or_init(|| identity::machine(&self.loaded.policy, env))
    }
}

/// Reads the configuration and looks for the checkouts.
///
/// # Errors
/// [`Unusable`], also when the configuration lies inside a checkout.
pub fn open(env: &Env, named: Option<&Path>) -> Result<Instance, Unusable> {
    let instance = Instance::new(config::load(env, named)?);
    let tops = instance.territory.checkouts.iter().map(|checkout| checkout.top.as_path());
    config::outside_checkouts(&instance.loaded.file, tops)?;
    Ok(instance)
}

/// Whether the rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// They do.
    InForce,
    /// Break glass: those are lifted that can be.
    Lifted,
}

impl Rules {
    const fn follow(self) -> Follow {
        match self {
            Self::InForce => Follow::Allowed,
            Self::Lifted => Follow::Everything,
        }
    }

    pub(super) fn settle(self, verdict: Verdict) -> Verdict {
        match self {
            Self::InForce => verdict,
            Self::Lifted => judge::lift(verdict),
        }
    }
}

/// Judges a command line; nothing runs. Manifests from streams are read when
/// everything else speaks for running it, and as far as `reads` permits.
#[must_use]
pub fn judge_words<'i>(
    words: &[OsString],
    instance: &'i Instance,
    env: &Env,
    reads: Reads,
    rules: Rules,
) -> Judged<'i> {
    judge_with(words, instance, env, reads, rules, Captured::default())
}

/// The same with streams of which something may have been read already.
pub(super) fn judge_with<'i>(
    words: &[OsString],
    instance: &'i Instance,
    env: &Env,
    reads: Reads,
    rules: Rules,
    mut captured: Captured,
) -> Judged<'i> {
    let policy = &instance.loaded.policy;
    let readings = match understand::readings(words, policy, env) {
        Ok(readings) => readings,
        Err(misfit) => {
            let reason = judge::misfit(words, &misfit);
            let observing = policy.mode == Mode::Observe && !reason.binding;
            let outcome =
                if observing { Outcome::Run { ask: Ask::Never } } else { Outcome::Refuse };
            let verdict = Verdict { outcome, reasons: vec![reason], ..Verdict::default() };
            return Judged::without_facts(verdict);
        }
    };
    let requests: Vec<Request> =
        readings.into_iter().map(|reading| Request::new(words, reading)).collect();
    let mut found = judge_requests(&requests, instance, env, &mut captured, rules);
    let is_unread = |facts: &Facts| facts.stdin.as_ref().is_some_and(|stdin| stdin.unread);
    if found.verdict.outcome != Outcome::Refuse && found.facts.iter().any(is_unread) {
        captured.read(reads);
        found = judge_requests(&requests, instance, env, &mut captured, rules);
    }
    let Found { requests, facts, mut verdict } = found;
    let sandbox = enclosure::foresee(policy, &requests, &facts, env, &mut verdict);
    Judged { requests, facts, verdict, sandbox, captured }
}

/// The readings that are possible here, with what was found out about each.
struct Found {
    requests: Vec<Request>,
    facts: Vec<Facts>,
    verdict: Verdict,
}

fn judge_requests(
    requests: &[Request],
    instance: &Instance,
    env: &Env,
    captured: &mut Captured,
    rules: Rules,
) -> Found {
    let Loaded { policy, file } = &instance.loaded;
    let mut found: Vec<(Request, Facts)> = Vec::new();
    for request in requests {
        let territory = instance.territory.clone();
        let mut facts =
            gather::gather(policy, request, env, file, territory, captured, rules.follow());
        if judge::changes(policy, request) {
            facts.machine = Some(instance.machine(env).clone());
            facts.versions = understand::versions(policy, env);
        }
        found.push((request.clone(), facts));
    }
    if found.iter().any(is_possible) {
        found.retain(is_possible);
    }
    let verdicts: Vec<Verdict> =
        found.iter().map(|(request, facts)| judge::judge(policy, request, facts)).collect();
    let (requests, facts) = found.into_iter().unzip();
    Found { requests, facts, verdict: rules.settle(judge::join(verdicts)) }
}

/// What an operator should know besides the verdict, for `check`.
#[must_use]
pub fn remarks(instance: &Instance, env: &Env) -> Vec<String> {
    understand::remarks(&instance.loaded.policy, env)
}

/// A word that one kubectl knows as a command and another does not is a plugin for
/// the latter, if there is such a plugin; without one that kubectl just fails.
fn is_possible((request, facts): &(Request, Facts)) -> bool {
    request.plugin_words().is_none() || facts.plugin.is_some()
}

/// The verdict where no configuration can be used.
pub fn judge_unconfigured(words: &[OsString], unusable: &Unusable) -> Verdict {
    let classes: Vec<Option<Class>> = match kubectl::readings(words) {
        Ok(readings) => {
            readings.into_iter().map(|reading| Request::new(words, reading).class).collect()
        }
        Err(_) => vec![None],
    };
    if !classes.iter().all(|class| class.is_some_and(Class::only_reads)) {
        let reasons = vec![judge::config_unusable(unusable)];
        return Verdict { reasons, ..Verdict::default() };
    }
    let silent =
        |class: &Option<Class>| matches!(class, Some(Class::PassThrough | Class::Completion));
    let mut warnings = Vec::new();
    if !classes.iter().all(silent) {
        warnings.push(format!("not guarded: {unusable}; only commands that read will run"));
    }
    Verdict { outcome: Outcome::Run { ask: Ask::Never }, warnings, ..Verdict::default() }
}
