//! The environment's name, typed before a command runs.

use std::ffi::OsString;

use super::record::{Recorded, append};
use crate::audit::{self, Event};
use crate::confirm::{self, Answer};
use crate::env::Env;
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
    /// The name given in advance, with `--confirm`.
    pub(super) given: Option<&'w str>,
    /// Why the rules are to be lifted.
    pub(super) break_glass: Option<&'w str>,
    /// From which commit it works.
    pub(super) origin: Option<String>,
}

/// How it was settled; the word stands in the audit log.
enum Settled {
    Ticket,
    Confirmed,
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
    ) -> Result<(), Verdict> {
        if self.ask == Ask::Never {
            return Ok(());
        }
        let (name, declined) = match self.answer(policy, env, reporter) {
            Settled::Ticket => ("ticket", None),
            Settled::Confirmed => ("confirmed", None),
            Settled::Declined(why) => {
                ("declined", Some(judge::not_confirmed(policy, self.words, self.break_glass, &why)))
            }
        };
        let mut reasons: Vec<Reason> = declined.into_iter().collect();
        match event.map(|event| append(&event.clone().answered(name, audit::now()), policy)) {
            None | Some(Recorded::Yes) => {}
            Some(Recorded::Not(warning)) => reporter.warning(&shown(warning)),
            Some(Recorded::Demanded(reason)) => reasons.push(*reason),
        }
        if reasons.is_empty() { Ok(()) } else { Err(Verdict { reasons, ..Verdict::default() }) }
    }

    fn answer(&self, policy: &Policy, env: &Env, reporter: Reporter) -> Settled {
        if self.ask == Ask::Ticket && ticket::left(policy, env).is_some() {
            return Settled::Ticket;
        }
        match confirm::confirm(policy, &self.line(), self.given) {
            Answer::Given => Settled::Confirmed,
            Answer::Typed => {
                self.issue(policy, env, reporter);
                Settled::Confirmed
            }
            Answer::Declined(why) => Settled::Declined(why),
        }
    }

    /// What is asked for.
    fn line(&self) -> String {
        let origin = self.origin.as_ref().map(|origin| format!("\n  from {origin}"));
        let command = command_line(self.words) + &origin.unwrap_or_default();
        match self.break_glass {
            Some(reason) => format!("BREAK GLASS ({}): {command}", shown(reason)),
            None => command,
        }
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
