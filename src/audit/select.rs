//! Which events a reader wants to see.

use jiff::{SignedDuration, Timestamp};

use super::event::Event;
use crate::text::shown;

/// The filters of `audit`; all of them must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `run`, `ask` or `refuse`.
    pub verdict: Option<String>,
    /// A reason's code.
    pub code: Option<String>,
    /// A user's name or number, or a part of the session id.
    pub person: Option<String>,
    /// A part of the command line.
    pub command: Option<String>,
    /// The oldest time, as it stands in the log.
    pub since: Option<String>,
    /// Only what observe mode let run.
    pub unenforced: bool,
}

impl Selection {
    /// Whether the event is wanted.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        same(&self.verdict, &event.verdict)
            && self
                .code
                .as_ref()
                .is_none_or(|code| event.reasons.iter().any(|reason| reason.code == *code))
            && self.person.as_ref().is_none_or(|person| is_by(event, person))
            && self.command.as_ref().is_none_or(|part| event.argv.join(" ").contains(part.as_str()))
            && (!self.unenforced || !event.enforced)
            && !self.is_past(event)
    }

    /// Whether the event, and with it everything before it, is too old.
    #[must_use]
    pub fn is_past(&self, event: &Event) -> bool {
        self.since.as_ref().is_some_and(|since| event.time < *since)
    }
}

fn is_by(event: &Event, person: &str) -> bool {
    event.user.as_deref() == Some(person)
        || event.uid.to_string() == person
        || event.session.contains(person)
}

/// The value of `--since` as a time of the log: `2h`, `3d`, a date or a time.
///
/// # Errors
/// A phrase that shows what is accepted.
pub fn since(text: &str, now: Timestamp) -> Result<String, String> {
    let ago = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok())
        .map(|days| SignedDuration::from_hours(days.saturating_mul(24)))
        .or_else(|| text.parse().ok());
    let point = match ago {
        Some(ago) => now.checked_sub(ago).ok(),
        None => {
            let date = text.parse::<jiff::civil::Date>().ok();
            let midnight = date.and_then(|_| format!("{text}T00:00:00Z").parse().ok());
            text.parse().ok().or(midnight)
        }
    };
    point.map(|point: Timestamp| format!("{point:.3}")).ok_or_else(|| {
        format!("--since {}: expected 30m, 2h, 3d, 2026-11-25 or 2026-11-25T08:00:00Z", shown(text))
    })
}
