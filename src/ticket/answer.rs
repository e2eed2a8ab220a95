//! One answer for one piece of work: `xargs kubectl delete pod` asks once, not for
//! each pod. It counts for the same kind of command from the same parent process, and
//! for a minute.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Place;
use super::terminal::{self, Parent, Terminal};
use crate::env::Env;
use crate::policy::Policy;

/// How long it counts.
const LENGTH: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Remembered {
    environment: String,
    cluster: String,
    terminal: Terminal,
    parent: Parent,
    /// Verb, kind and namespace.
    subject: String,
    /// CLOCK_BOOTTIME, milliseconds.
    expires: u64,
}

/// Whether the name was typed just now for `subject` and the same parent process.
#[must_use]
pub fn covers(policy: &Policy, env: &Env, subject: &str) -> bool {
    found(policy, env, subject).unwrap_or(false)
}

fn found(policy: &Policy, env: &Env, subject: &str) -> Option<bool> {
    let parent = Parent::of_process()?;
    let remembered: Remembered = Place::of_process(env)?.read(&name(&parent))?;
    Some(remembered.holds(policy, &Terminal::of_process()?, &parent, subject, terminal::now()))
}

impl Remembered {
    fn holds(
        &self,
        policy: &Policy,
        terminal: &Terminal,
        parent: &Parent,
        subject: &str,
        now: u64,
    ) -> bool {
        let left = self.expires.checked_sub(now).map(Duration::from_millis);
        self.terminal == *terminal
            && self.parent == *parent
            && self.environment == policy.environment.name
            && self.cluster == policy.pin.name
            && self.subject == subject
            && left.is_some_and(|left| !left.is_zero() && left <= LENGTH)
    }
}

/// Remembers that the name was typed for `subject`, when something has started this
/// process that may start more of the kind.
///
/// # Errors
/// A phrase for the operator: the next command will ask.
pub fn remember(policy: &Policy, env: &Env, subject: &str) -> Result<()> {
    let (Some(parent), Some(terminal)) = (Parent::of_process(), Terminal::of_process()) else {
        return Ok(());
    };
    let place = Place::of_process(env).context(super::NO_PLACE)?;
    let length = u64::try_from(LENGTH.as_millis()).unwrap_or_default();
    let remembered = Remembered {
        environment: policy.environment.name.clone(),
        cluster: policy.pin.name.clone(),
        terminal,
        subject: subject.to_owned(),
        expires: terminal::now().saturating_add(length),
        parent: parent.clone(),
    };
    place.write(&name(&parent), &remembered)
}

fn name(parent: &Parent) -> String {
    format!("answer-{}", parent.process)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;

    #[test]
    fn an_answer_counts_for_one_piece_of_work_and_a_minute() {
        let policy = samples::policy("production");
        let terminal = Terminal { device: 1, leader: 2, started: 3, boot: "b".to_owned() };
        let parent = Parent { process: 4, started: 5 };
        let remembered = Remembered {
            environment: "production".to_owned(),
            cluster: "production-eks".to_owned(),
            terminal: terminal.clone(),
            parent: parent.clone(),
            subject: "delete pod".to_owned(),
            expires: 60_000,
        };
        let holds = |parent: &Parent, subject, now| {
            remembered.holds(&policy, &terminal, parent, subject, now)
        };
        assert!(holds(&parent, "delete pod", 0) && holds(&parent, "delete pod", 59_999));
        assert!(!holds(&parent, "delete pod", 60_000) && !holds(&parent, "delete pod", 70_000));
        assert!(!holds(&parent, "delete node", 0));
        assert!(!holds(&Parent { started: 6, ..parent.clone() }, "delete pod", 0));
        assert!(!remembered.holds(
            &samples::policy("develop"),
            &terminal,
            &parent,
            "delete pod",
            0
        ));
        let endless = Remembered { expires: u64::MAX, ..remembered.clone() };
        assert!(!endless.holds(&policy, &terminal, &parent, "delete pod", 0));
    }
}
