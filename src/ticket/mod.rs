//! Tickets: the environment's name, typed once, counts for a while on the same
//! terminal.
//!
//! A ticket belongs to a login on a terminal, not to a file or a name that could be
//! copied: it is bound to the terminal device, to the session leader by process id
//! and start time, to the user and to the environment. It ends by itself, on a clock
//! that no change of the time of day moves and that goes on while the machine
//! sleeps.

mod answer;
mod place;
mod terminal;

use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::env::Env;
use crate::policy::Policy;
pub use answer::{covers, remember};
pub use place::Place;
pub use terminal::{Parent, Terminal};

/// The longest time `unlock` gives.
pub const LONGEST: Duration = Duration::from_secs(8 * 60 * 60);

/// Why nothing can be kept.
const NO_PLACE: &str = "there is no directory to keep it in";

/// What is kept of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ticket {
    environment: String,
    cluster: String,
    terminal: Terminal,
    /// CLOCK_BOOTTIME, milliseconds.
    expires: u64,
}

/// How long the ticket of this terminal still counts; `None` when there is none.
#[must_use]
pub fn left(policy: &Policy, env: &Env) -> Option<Duration> {
    let terminal = Terminal::of_process()?;
    let ticket: Ticket = Place::of_process(env)?.read(&name(&terminal))?;
    ticket.left(policy, &terminal, terminal::now())
}

impl Ticket {
    /// How long it counts for this policy and terminal, at `now`.
    fn left(&self, policy: &Policy, terminal: &Terminal, now: u64) -> Option<Duration> {
        let left = Duration::from_millis(self.expires.checked_sub(now)?);
        (self.terminal == *terminal
            && self.environment == policy.environment.name
            && self.cluster == policy.pin.name
            && !left.is_zero()
            && left <= LONGEST)
            .then_some(left)
    }
}

/// Gives this terminal a ticket.
///
/// # Errors
/// A phrase for the operator: there is no terminal, or no place to keep it.
pub fn issue(policy: &Policy, env: &Env, length: Duration) -> Result<()> {
    let terminal =
        Terminal::of_process().context("there is no terminal that it could belong to")?;
    let place = Place::of_process(env).context(NO_PLACE)?;
    let length = u64::try_from(length.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
    let ticket = Ticket {
        environment: policy.environment.name.clone(),
        cluster: policy.pin.name.clone(),
        expires: terminal::now().saturating_add(length),
        terminal: terminal.clone(),
    };
    place.write(&name(&terminal), &ticket)
}

/// Takes this terminal's ticket away. Returns whether there was one.
///
/// # Errors
/// A phrase for the operator.
pub fn revoke(env: &Env) -> Result<bool> {
    match (Terminal::of_process(), Place::of_process(env)) {
        (Some(terminal), Some(place)) => place.remove(&name(&terminal)),
        _ => Ok(false),
    }
}

fn name(terminal: &Terminal) -> String {
    format!("ticket-{}", terminal.leader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;

    #[test]
    fn a_ticket_ends_on_its_clock_and_belongs_to_one_login() {
        let policy = samples::policy("production");
        let terminal =
            Terminal { device: 34_816, leader: 4_711, started: 99, boot: "b".to_owned() };
        let ticket = Ticket {
            environment: "production".to_owned(),
            cluster: "production-eks".to_owned(),
            terminal: terminal.clone(),
            expires: 300_000,
        };
        let left = |terminal: &Terminal, now| ticket.left(&policy, terminal, now);
        assert_eq!(left(&terminal, 0), Some(Duration::from_secs(300)));
        assert_eq!(left(&terminal, 299_999), Some(Duration::from_millis(1)));
        assert_eq!(left(&terminal, 300_000), None);
        assert_eq!(left(&terminal, 300_001), None);
        for other in [
            Terminal { device: 34_817, ..terminal.clone() },
            Terminal { leader: 4_712, ..terminal.clone() },
            Terminal { started: 100, ..terminal.clone() }, // the number came back
            Terminal { boot: "c".to_owned(), ..terminal.clone() },
        ] {
            assert_eq!(left(&other, 0), None, "{other:?}");
        }
        assert_eq!(ticket.left(&samples::policy("develop"), &terminal, 0), None);
        let endless = Ticket { expires: u64::MAX, ..ticket.clone() };
        assert_eq!(endless.left(&policy, &terminal, 0), None, "nobody is given that");
    }
}
