//! The story of one guarded kubectl command: parse, gather, judge, confirm,
//! sandbox, exec.

mod consent;
mod enclosure;
mod moved;
mod preview;
mod record;
mod streams;
mod subject;
mod understand;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::audit::Event;
use crate::config::{self, Loaded};
use crate::env::Env;
use crate::exec::{self, Own};
use crate::exit::Exit;
use crate::gather::{self, Captured, Follow, Reads};
use crate::identity;
use crate::installed::server;
use crate::judge::{self, Copied, Facts, Machine, Outcome, Territory, Verdict};
use crate::kubectl::{self, Class, Request};
use crate::policy::{Ask, Mode, Policy, Unusable};
use crate::report::Reporter;
use crate::sandbox::{Outlook, Unused};
use consent::{Consent, Question};
pub use enclosure::witness;

/// Options of the guard, which stand before the kubectl command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--confirm ENVIRONMENT`
    pub confirm: Option<String>,
    /// `--break-glass REASON`
    pub break_glass: Option<String>,
    /// `--full`: the text of what would change, before the question.
    pub full: bool,
}

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
    fn stream_hashes(&self) -> Option<String> {
        let contents = self.facts.iter().find_map(|facts| Some(&facts.stdin.as_ref()?.contents))?;
        let hashes: Vec<String> = contents
            .values()
            .filter_map(|content| Some(format!("sha256:{}", content.sha256.as_ref()?)))
            .collect();
        (!hashes.is_empty()).then(|| hashes.join(" "))
    }
}

/// Runs the real kubectl with `words` if the verdict allows it. Returns only when
/// it does not run.
#[must_use]
pub fn guard(words: &[OsString], options: &Options, env: &Env, reporter: Reporter) -> Exit {
    match open(env, options.config.as_deref()) {
        Ok(instance) => guarded(words, options, env, reporter, &instance),
        Err(unusable) => unconfigured(words, env, reporter, &unusable),
    }
}

fn guarded(
    words: &[OsString],
    options: &Options,
    env: &Env,
    reporter: Reporter,
    instance: &Instance,
) -> Exit {
    let policy = &instance.loaded.policy;
    if let Some(exit) = answer_completion(words, policy, env, reporter) {
        return exit;
    }
    let break_glass = options.break_glass.as_deref();
    let rules = if break_glass.is_some() { Rules::Lifted } else { Rules::InForce };
    let mut judged = judge_words(words, instance, env, Reads::Everything, rules);
    consent::misnamed(policy, words, options, &mut judged);
    let event = record::verdict(words, policy, env, break_glass, &mut judged);
    reporter.verdict(&judged.verdict, Some(policy));
    let present = judge::foreign_present(policy, &judged.facts);
    if judged.verdict.outcome == Outcome::Refuse {
        present.iter().for_each(|line| reporter.warning(line));
        return Exit::Refused;
    }
    // Before the question: what is confirmed is what runs.
    let with_namespace = match with_namespace(words, &judged, env) {
        Ok(words) => words,
        Err(value) => {
            reporter.error(
                &format!("ENVGUARD_NAMESPACE={} is no namespace", value.display()),
                "export ENVGUARD_NAMESPACE=NAME, or unset ENVGUARD_NAMESPACE",
            );
            return Exit::Usage;
        }
    };
    let guarded = Guarded { words, options, instance, env, reporter, rules };
    if let Err(verdict) = guarded.settled(&mut judged, &with_namespace, event.as_ref()) {
        reporter.verdict(&verdict, Some(policy));
        return Exit::Refused;
    }
    present.iter().for_each(|line| reporter.warning(line));
    let Judged { sandbox, captured, .. } = judged;
    become_kubectl(&with_namespace, Some(policy), env, reporter, sandbox, captured)
}

/// How often the question is asked anew because the files have changed meanwhile.
const MOST_ROUNDS: usize = 5;

/// A command that may run, once a person agrees.
struct Guarded<'g> {
    words: &'g [OsString],
    options: &'g Options,
    instance: &'g Instance,
    env: &'g Env,
    reporter: Reporter,
    rules: Rules,
}

impl<'g> Guarded<'g> {
    /// Everything between the verdict and kubectl: the question, and that nothing has
    /// changed since. `words` are those that will run.
    fn settled(
        &self,
        judged: &mut Judged<'g>,
        words: &[OsString],
        event: Option<&Event>,
    ) -> Result<(), Verdict> {
        let policy = &self.instance.loaded.policy;
        for round in 0..MOST_ROUNDS {
            let Outcome::Run { ask } = judged.verdict.outcome else {
                return Err(std::mem::take(&mut judged.verdict));
            };
            let added = words.len() > self.words.len();
            let question = Question {
                ask,
                words,
                namespace: words.first().filter(|_| added).map(OsString::as_os_str),
                given: self.options.confirm.as_deref(),
                break_glass: self.options.break_glass.as_deref(),
                anew: round > 0,
                full: self.options.full,
                judged,
            };
            let consent = question.settle(policy, self.env, self.reporter, event)?;
            if let Some(verdict) = moved::since(judged, words, policy, self.rules, event) {
                if verdict.outcome == Outcome::Refuse {
                    return Err(verdict);
                }
                self.reporter.verdict(&verdict, Some(policy));
            }
            let agreed = |word| consent::agreed(word, policy, self.reporter, event);
            let digest = match consent {
                Consent::Needless => return Ok(()),
                Consent::Before(word) => return agreed(word),
                Consent::Shown(digest) => digest,
            };
            // Somebody took the time to read: what was shown is what runs.
            let captured = std::mem::take(&mut judged.captured);
            let Self { words: given, instance, env, rules, .. } = *self;
            *judged = judge_with(given, instance, env, Reads::Everything, rules, captured);
            let may_run = judged.verdict.outcome != Outcome::Refuse;
            if may_run && digest == gather::digest(&judged.facts) {
                return agreed("confirmed");
            }
            moved::changed(event, &mut judged.verdict, policy);
            self.reporter.warning("the files have changed since they were shown");
        }
        let break_glass = self.options.break_glass.as_deref();
        let why = "the files change again and again";
        let reasons = vec![judge::not_confirmed(policy, words, break_glass, why)];
        Err(Verdict { reasons, ..Verdict::default() })
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

    fn settle(self, verdict: Verdict) -> Verdict {
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
fn judge_with<'i>(
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

/// Without a configuration, commands that only read pass with one line of warning;
/// everything else is refused.
fn unconfigured(words: &[OsString], env: &Env, reporter: Reporter, unusable: &Unusable) -> Exit {
    let verdict = judge_unconfigured(words, unusable);
    reporter.verdict(&verdict, None);
    if verdict.outcome == Outcome::Refuse {
        return Exit::Config;
    }
    let sandbox = Outlook::Unused(Unused::NoFiles);
    become_kubectl(words, None, env, reporter, sandbox, Captured::default())
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

/// Completion callbacks contact the server: they get the pinned environment and no
/// questions. With a cluster override in their words they get no answer (`:1` is
/// cobra's "error, offer nothing").
fn answer_completion(
    words: &[OsString],
    policy: &Policy,
    env: &Env,
    reporter: Reporter,
) -> Option<Exit> {
    if kubectl::could_leave_pin(&kubectl::completion_words(words)?) {
        use std::io::Write;
        let answered = writeln!(std::io::stdout(), ":1");
        return Some(if answered.is_ok() { Exit::Success } else { Exit::Failure });
    }
    let sandbox = Outlook::Unused(Unused::NoFiles);
    Some(become_kubectl(words, Some(policy), env, reporter, sandbox, Captured::default()))
}

/// Plugins, also those of `create`, must stand first and get the words as they are.
fn with_namespace(
    words: &[OsString],
    judged: &Judged<'_>,
    env: &Env,
) -> Result<Vec<OsString>, OsString> {
    let mut all = words.to_vec();
    if judged.facts.iter().all(|facts| facts.plugin.is_none())
        && let Some(request) = judged.requests.first()
        && let Some(flag) = exec::namespace(request, env)?
    {
        all.insert(0, flag);
    }
    Ok(all)
}

fn become_kubectl(
    words: &[OsString],
    policy: Option<&Policy>,
    env: &Env,
    reporter: Reporter,
    sandbox: Outlook<'_>,
    captured: Captured,
) -> Exit {
    let depth = exec::depth(env);
    if depth >= exec::MAX_DEPTH {
        reporter.error(
            "kubectl leads back to envguard again and again",
            "name the real kubectl in the configuration: kubectl: /usr/bin/kubectl",
        );
        return Exit::Failure;
    }
    let program = match real_kubectl(policy, env) {
        Ok(program) => program,
        Err(missing) => {
            let known = policy.and_then(|policy| server::known(&policy.pin.server, env));
            let minor = known.map(|known| known.release.minor);
            reporter.error(&missing.to_string(), &missing.remedy(minor));
            return Exit::Failure;
        }
    };
    let mut changes = exec::changes(policy, env, depth);
    let streams = match streams::sealed(captured) {
        Ok(streams) => streams,
        Err(error) => {
            reporter.error(
                &format!("could not hand the manifests on: {error}"),
                "write them to a file and name it with -f",
            );
            return Exit::Failure;
        }
    };
    match enclosure::enter(sandbox, policy, words, reporter) {
        Ok(inside) => changes.extend(inside),
        Err(exit) => return exit,
    }
    let error = exec::exec(&program, words, &changes, streams);
    reporter.error(
        &format!("could not run {}: {error}", program.display()),
        "check the file: file kubectl; ls -l kubectl",
    );
    Exit::Failure
}

fn real_kubectl(policy: Option<&Policy>, env: &Env) -> Result<PathBuf, exec::NotFound> {
    exec::find(policy, env, ourselves())
}

/// Our own programs, looked for once: the line in the audit log asks, and then the exec.
fn ourselves() -> &'static Own {
    static OURSELVES: OnceLock<Own> = OnceLock::new();
    OURSELVES.get_or_init(Own::of_process)
}
