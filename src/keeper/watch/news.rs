//! What the watcher says: each thing once, and when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::env::Env;
use crate::keeper::{Hitch, Report};
use crate::notices;
use crate::text::shown;

/// What is over by then was not worth a word: a clone under way looks broken.
const SETTLED: Duration = Duration::from_millis(500);

/// What the watcher has to say.
#[derive(Debug)]
pub enum News<'n> {
    /// Something was done.
    Done(&'n Report),
    /// Something is in the way.
    Hitch(&'n Hitch),
    /// It is not in the way any more.
    Over(&'n Hitch),
    /// A line about the watcher itself.
    Line(String),
}

/// What is in the way in the checkouts, and what of it was said.
#[derive(Debug, Default)]
pub(super) struct Known {
    since: BTreeMap<Hitch, Instant>,
    said: BTreeSet<Hitch>,
}

impl Known {
    /// Says what has been in the way for a while, and what no longer is. Returns
    /// whether there is something of which that is not known yet.
    pub(super) fn tell(&mut self, reports: &[Report], say: &mut dyn FnMut(News<'_>)) -> bool {
        let now: BTreeSet<&Hitch> = hitches(reports).collect();
        self.since.retain(|hitch, _| now.contains(hitch));
        for hitch in &now {
            let since = *self.since.entry((*hitch).clone()).or_insert_with(Instant::now);
            if since.elapsed() >= SETTLED && self.said.insert((*hitch).clone()) {
                say(News::Hitch(hitch));
            }
        }
        self.said.retain(|hitch| {
            let stays = now.contains(hitch);
            if !stays {
                say(News::Over(hitch));
            }
            stays
        });
        self.said.len() < now.len()
    }
}

/// When something is to be looked at again that may be over by then.
pub(super) fn settled() -> Instant {
    Instant::now() + SETTLED
}

/// Everything in the way.
pub(super) fn hitches(reports: &[Report]) -> impl Iterator<Item = &Hitch> {
    reports.iter().flat_map(|report| report.hitches.iter().chain(&report.waiting))
}

/// Says what is in the way now, unless it was so before; and what no longer is.
pub(super) fn tell(now: Option<Hitch>, before: &mut Option<Hitch>, say: &mut dyn FnMut(News<'_>)) {
    if now == *before {
        return;
    }
    if let Some(hitch) = &*before {
        say(News::Over(hitch));
    }
    if let Some(hitch) = &now {
        say(News::Hitch(hitch));
    }
    *before = now;
}

/// For the next prompt of the checkout's owner.
pub(super) fn leave_word(report: &Report, env: &Env) {
    let aside: BTreeSet<&PathBuf> = report.put_aside.iter().map(|(_, overlay)| overlay).collect();
    let (count, what) = match aside.len() {
        0 => (report.gone.len(), "taken off the disk"),
        count => (count, "put aside"),
    };
    let overlays = if count == 1 { "overlay" } else { "overlays" };
    // Nobody logged in, nobody to tell; the log has it in any case.
    drop(notices::leave(env, &format!("{count} foreign {overlays} {what}")));
}

/// A line for the log.
#[must_use]
pub fn line(report: &Report) -> String {
    let (gone, aside) = (report.gone.len(), report.put_aside.len());
    let overlays = if gone == 1 { "overlay" } else { "overlays" };
    format!(
        "{}: {gone} foreign {overlays} taken off the disk, {aside} put aside",
        shown(&report.top)
    )
}
