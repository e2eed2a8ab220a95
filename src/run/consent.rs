//! The environment's name, typed before a command runs.

use std::ffi::{OsStr, OsString};

use super::Judged;
use super::preview::Glimpse;
use super::record::{Recorded, append};
use super::subject::subject;
use crate::audit::{self, Event};
use crate::confirm::{self, Answer, Dialogue};
use crate::env::Env;
use crate::gather;
use crate::judge::{self, Reason, Verdict};
use crate::policy::{Ask, Policy};
use crate::report::Reporter;
use crate::text::{command_line, shown};
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
    /// Nobody has to be asked, or somebody was before.
    Standing,
    /// Somebody was shown what it does, and typed the name; the digest of what was
    /// shown.
    Typed(Vec<u8>),
}

/// How it was settled; the word stands in the audit log.
enum Settled {
    Ticket,
    Covered,
    Given,
    Typed(Vec<u8>),
    Declined(String),
}

impl Question<'_> {
    /// Asks, unless nothing has to be asked or a ticket of this terminal answers.
    /// The answer is recorded as a line of its own.
    pub(super) fn settle(
        &self,
        policy: &Policy,
        env: &Env,
        reporter: Reporter,
        event: Option<&Event>,
    ) -> Result<Consent, Verdict> {
        if self.ask == Ask::Never {
            return Ok(Consent::Standing);
        }
        let settled = self.answer(policy, env, reporter);
        let (name, declined) = match &settled {
            Settled::Ticket => ("ticket", None),
            Settled::Covered => ("covered", None),
            Settled::Given | Settled::Typed(_) => ("confirmed", None),
            Settled::Declined(why) => {
                ("declined", Some(judge::not_confirmed(policy, self.words, self.break_glass, why)))
            }
        };
        let mut reasons: Vec<Reason> = declined.into_iter().collect();
        match event.map(|event| append(&event.clone().answered(name, audit::now()), policy)) {
            None | Some(Recorded::Yes) => {}
            Some(Recorded::Not(warning)) => reporter.warning(&shown(warning)),
            Some(Recorded::Demanded(reason)) => reasons.push(*reason),
        }
        if !reasons.is_empty() {
            return Err(Verdict { reasons, ..Verdict::default() });
        }
        Ok(match settled {
            Settled::Typed(digest) => Consent::Typed(digest),
            _ => Consent::Standing,
        })
    }

    fn answer(&self, policy: &Policy, env: &Env, reporter: Reporter) -> Settled {
        if !self.anew && self.ask == Ask::Ticket && ticket::left(policy, env).is_some() {
            return Settled::Ticket;
        }
        if let Some(name) = self.given {
            return match confirm::given(policy, name) {
                Answer::Declined(why) => Settled::Declined(why),
                Answer::Given | Answer::Typed => Settled::Given,
            };
        }
        let subject = self.subject();
        if let Some(subject) = &subject
            && !self.anew
            && ticket::covers(policy, env, subject)
        {
            reporter.warning("the name was typed for this within the last minute: it runs");
            return Settled::Covered;
        }
        // Before it is shown: what changes while somebody reads is noticed.
        let digest = gather::digest(&self.judged.facts);
        match self.dialogue(policy, env) {
            Answer::Given | Answer::Typed => {
                self.issue(policy, env, reporter);
                if let Some(subject) = &subject {
                    ticket::remember(policy, env, subject);
                }
                Settled::Typed(digest)
            }
            Answer::Declined(why) => Settled::Declined(why),
        }
    }

    /// What would change, and then the question.
    fn dialogue(&self, policy: &Policy, env: &Env) -> Answer {
        let Some(mut dialogue) = Dialogue::open(env) else { return confirm::nobody() };
        dialogue.show(&confirm::heading(policy, &self.line()));
        let Self { judged, namespace, full, .. } = *self;
        let glimpse = Glimpse { judged, namespace, full };
        match glimpse.show(policy, env, &mut dialogue) {
            Ok(()) => dialogue.ask(policy),
            Err(_) => Answer::Declined("it was interrupted".to_owned()),
        }
    }

    /// What is asked for.
    fn line(&self) -> String {
        let origin = judge::origin(&self.judged.facts);
        let origin = origin.map(|origin| format!("\n  from {origin}"));
        let command = command_line(self.words) + &origin.unwrap_or_default();
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
    fn issue(&self, policy: &Policy, env: &Env, reporter: Reporter) {
        if self.ask == Ask::Ticket
            && let Err(problem) = ticket::issue(policy, env, policy.confirm.ticket)
        {
            reporter.warning(&format!("the next command will ask again: {}", shown(problem)));
        }
    }
}
