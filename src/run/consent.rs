//! The environment's name, typed before a command runs.

use std::ffi::{OsStr, OsString};

use super::preview::Glimpse;
use super::record::{Recorded, append};
use super::subject::subject;
use super::{Judged, Options};
use crate::audit::{self, Event};
use crate::confirm::{self, Answer, Dialogue, Screen as _, Transcript};
use crate::env::Env;
use crate::gather;
use crate::judge::{self, Outcome, Verdict};
use crate::kubectl::Class;
use crate::mask;
use crate::policy::{Ask, Mode, Policy};
use crate::report::Reporter;
use crate::text::{quoted, shown};
use crate::ticket;

/// What has to be settled before a command runs.
pub(super) struct Question<'w> {
    /// When the name is typed.
    pub(super) ask: Ask,
    /// The command.
    pub(super) words: &'w [OsString],
    /// The flag among them that the guard has added.
    pub(super) namespace: Option<&'w OsStr>,
    /// The name given in advance, with `--confirm`.
    pub(super) given: Option<&'w str>,
    /// Why the rules are to be lifted.
    pub(super) break_glass: Option<&'w str>,
    /// Whether nothing counts that was typed before: what was shown has changed.
    pub(super) anew: bool,
    /// Whether all that would change is to be shown.
    pub(super) full: bool,
    /// What is known of it.
    pub(super) judged: &'w Judged<'w>,
}

/// Why it may run.
pub(super) enum Consent {
    /// Nobody has to be asked.
    Needless,
    /// Somebody was asked before; the word stands in the audit log.
    Before(&'static str),
    /// It was shown what it does, and the name was typed or given; the digest of what
    /// was shown.
    Shown(Vec<u8>),
}

/// Refuses what names another environment with `--confirm`, whatever the level asks: a
/// script that is meant for another instance was started on this one.
pub(super) fn misnamed(
    policy: &Policy,
    words: &[OsString],
    options: &Options,
    judged: &mut Judged<'_>,
) {
    let Some(name) = options.confirm.as_deref().filter(|name| !confirm::accepts(policy, name))
    else {
        return;
    };
    let mut requests = judged.requests.iter();
    if !requests.all(|request| request.class == Some(Class::PassThrough)) {
        let break_glass = options.break_glass.as_deref();
        judged.verdict.reasons.push(judge::misnamed(policy, words, break_glass, name));
        if policy.mode == Mode::Enforce {
            judged.verdict.outcome = Outcome::Refuse;
        }
    }
}

/// Records that it was agreed to, as a line of its own. `word` says how.
pub(super) fn agreed(
    word: &str,
    policy: &Policy,
    reporter: Reporter,
    event: Option<&Event>,
) -> Result<(), Verdict> {
    match event.map(|event| append(&event.clone().answered(word, audit::now()), policy)) {
        None | Some(Recorded::Yes) => Ok(()),
        Some(Recorded::Not(warning)) => {
            reporter.warning(&shown(warning));
            Ok(())
        }
        Some(Recorded::Demanded(reason)) => {
            Err(Verdict { reasons: vec![*reason], ..Verdict::default() })
        }
    }
}

impl Question<'_> {
    /// Asks, unless nothing has to be asked or a ticket of this terminal answers. A no
    /// is recorded here; a yes is when nothing else speaks against running it.
    pub(super) fn settle(
        &self,
        policy: &Policy,
        env: &Env,
        reporter: Reporter,
        event: Option<&Event>,
    ) -> Result<Consent, Verdict> {
        if self.ask == Ask::Never {
            return Ok(Consent::Needless);
        }
        self.answer(policy, env, reporter).map_err(|answer| {
            let why = answer.objection().unwrap_or_default();
            let mut reason = judge::not_confirmed(policy, self.words, self.break_glass, &why);
            if matches!(answer, Answer::Mistyped(_)) {
                reason.remedy = judge::again(policy, self.words, self.break_glass);
            }
            let unrecorded = agreed("declined", policy, reporter, event).err().unwrap_or_default();
            let reasons = [reason].into_iter().chain(unrecorded.reasons).collect();
            Verdict { reasons, ..Verdict::default() }
        })
    }

    fn answer(&self, policy: &Policy, env: &Env, reporter: Reporter) -> Result<Consent, Answer> {
        if !self.anew && self.ask == Ask::Ticket && ticket::left(policy, env).is_some() {
            return Ok(Consent::Before("ticket"));
        }
        // Before it is shown: what changes while somebody reads is noticed.
        let digest = gather::digest(&self.judged.facts);
        if let Some(name) = self.given {
            self.transcript(policy, env, name);
            return Ok(Consent::Shown(digest));
        }
        let subject = self.subject();
        if let Some(subject) = &subject
            && !self.anew
            && ticket::covers(policy, env, subject)
        {
            reporter.warning("the name was typed for this within the last minute: it runs");
            return Ok(Consent::Before("covered"));
        }
        match self.dialogue(policy, env) {
            Answer::Given | Answer::Typed => {
                self.keep(subject.as_deref(), policy, env, reporter);
                Ok(Consent::Shown(digest))
            }
            other => Err(other),
        }
    }

    /// What would change, for the log of a script that has named the environment.
    fn transcript(&self, policy: &Policy, env: &Env, name: &str) {
        let glimpse = self.glimpse();
        if !glimpse.shows_something() {
            return;
        }
        let mut transcript = Transcript::new(env);
        transcript.show(&confirm::heading(policy, &self.line()));
        // Nobody is there who could interrupt it.
        if glimpse.show(policy, env, &mut transcript).is_ok() {
            transcript.show(&format!("  confirmed with --confirm {}\n", quoted(name)));
        }
    }

    fn glimpse(&self) -> Glimpse<'_> {
        let Self { judged, namespace, full, .. } = *self;
        Glimpse { judged, namespace, full }
    }

    /// What would change, and then the question.
    fn dialogue(&self, policy: &Policy, env: &Env) -> Answer {
        let Some(mut dialogue) = Dialogue::open(env) else { return confirm::nobody() };
        dialogue.show(&confirm::heading(policy, &self.line()));
        match self.glimpse().show(policy, env, &mut dialogue) {
            Ok(()) => dialogue.ask(policy),
            Err(_) => Answer::Declined("it was interrupted".to_owned()),
        }
    }

    /// What is asked for.
    fn line(&self) -> String {
        let origin = judge::origin(&self.judged.facts);
        let origin = origin.map(|origin| format!("\n  from {origin}"));
        let command = mask::line(self.words) + &origin.unwrap_or_default();
        match self.break_glass {
            Some(reason) => format!("BREAK GLASS ({}): {command}", shown(reason)),
            None => command,
        }
    }

    /// What an answer covers besides this command, when it is to cover anything.
    fn subject(&self) -> Option<String> {
        let [request] = self.judged.requests.as_slice() else { return None };
        let lifted = self.break_glass.is_some() || !self.judged.verdict.lifted.is_empty();
        if lifted { None } else { subject(request, self.namespace) }
    }

    /// A typed name counts for a while; without a place to remember that, the next
    /// command asks again, which is said once here.
    fn keep(&self, subject: Option<&str>, policy: &Policy, env: &Env, reporter: Reporter) {
        let ticket = match self.ask {
            Ask::Ticket => ticket::issue(policy, env, policy.confirm.ticket),
            Ask::Never | Ask::Always => Ok(()),
        };
        let answer = subject.map_or(Ok(()), |subject| ticket::remember(policy, env, subject));
        if let Err(problem) = ticket.and(answer) {
            reporter.warning(&format!(
                "the next command will ask again: {}",
                shown(format!("{problem:#}"))
            ));
        }
    }
}
