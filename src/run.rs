//! The story of one guarded kubectl command: parse, gather, judge, confirm,
//! sandbox, exec.

mod consent;
mod enclosure;
mod judging;
mod moved;
mod preview;
mod record;
mod streams;
mod subject;
mod understand;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::audit::Event;
use crate::env::Env;
use crate::exec::{self, Own};
use crate::exit::Exit;
use crate::gather::{self, Captured, Reads};
use crate::installed::server;
use crate::judge::{self, Outcome, Verdict};
use crate::kubectl;
use crate::policy::{Policy, Unusable};
use crate::report::Reporter;
use crate::sandbox::{Outlook, Unused};
use consent::{Consent, Question};
pub use enclosure::witness;
use judging::judge_with;
pub use judging::{Instance, Judged, Rules, judge_unconfigured, judge_words, open, remarks};

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

/// Completion callbacks contact the server: they get the pinned environment and no
/// questions. With a cluster override in their words, or a file to open, they get no
/// answer (`:1` is cobra's "error, offer nothing").
fn answer_completion(
    words: &[OsString],
    policy: &Policy,
    env: &Env,
    reporter: Reporter,
) -> Option<Exit> {
    let callback = kubectl::completion_words(words)?;
    if kubectl::could_leave_pin(&callback) || kubectl::could_open_files(&callback) {
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
