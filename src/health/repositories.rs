//! Rows about the checkouts that ask git or the keeper.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::{failed, no_configuration};
use super::{Finding, Situation};
use crate::judge::Territory;
use crate::keeper::{self, CheckoutState, State};
use crate::text::{quoted, rough, shown};
use crate::upstream;

/// A timer that tidies does so every 15 minutes (`deploy/systemd`).
const TIMER: Duration = Duration::from_secs(3_600);

/// More than that in quarantine is worth a look.
const MOST_ASIDE: u64 = 1 << 30;

/// Whether git reads the checkouts: it refuses those of other people.
pub(super) fn readable(situation: &Situation) -> Finding {
    if situation.policy().is_none() {
        return no_configuration();
    }
    let refused = tops(&situation.territory).find_map(|top| keeper::readable(top).err());
    refused.map_or(Finding::Fine, |hitch| failed(shown(hitch.what), hitch.remedy))
}

fn tops(territory: &Territory) -> impl Iterator<Item = &Path> {
    territory.checkouts.iter().map(|checkout| checkout.top.as_path())
}

/// How old the news from upstream are.
pub(super) fn fetch_age(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    let mut oldest: Option<Duration> = None;
    for top in tops(&situation.territory) {
        let Some(fetched) = upstream::fetched(top) else {
            return Finding::Unknown(format!("{} was never fetched", shown(top)));
        };
        let age = SystemTime::now().duration_since(fetched).unwrap_or_default();
        if policy.fetch_age.is_some_and(|most| age > most) {
            return failed(
                format!("{} was last fetched {} ago", shown(top), rough(age)),
                format!("git -C {} fetch", quoted(top)),
            );
        }
        oldest = oldest.max(Some(age));
    }
    oldest.map_or(Finding::Fine, |age| {
        Finding::Told(format!("the oldest fetch was {} ago", rough(age)))
    })
}

/// Whether somebody keeps foreign overlays away from each checkout.
pub(super) fn keeper(situation: &Situation) -> Finding {
    if situation.policy().is_none() {
        return no_configuration();
    }
    let states = keeper::states(&situation.env);
    let mut told = Finding::Fine;
    for top in tops(&situation.territory) {
        match of_checkout(top, &states) {
            found @ (Finding::Failed { .. } | Finding::Unknown(_)) => return found,
            found => told = found,
        }
    }
    told
}

fn of_checkout(top: &Path, states: &[State]) -> Finding {
    let known = states.iter().filter_map(|state| {
        Some((state, state.checkouts.iter().find(|checkout| checkout.is_of(top))?))
    });
    // Of several, the one that runs; else the one that spoke last.
    let newest =
        known.min_by_key(|(state, _)| (state.is_of_a_timer() || !state.is_running(), state.age()));
    let unit =
        format!("sudo systemctl enable --now envguard-watch@$(stat -c %U {}).service", quoted(top));
    let Some((state, checkout)) = newest else {
        if !keeper::is_ours(top) {
            return Finding::Unknown(format!("no keeper of {} can be seen from here", shown(top)));
        }
        return failed(format!("nothing keeps foreign overlays out of {}", shown(top)), unit);
    };
    let age = state.age().unwrap_or(Duration::MAX);
    if state.is_of_a_timer() && age > TIMER {
        return failed(format!("{} was last tidied {} ago", shown(top), rough(age)), unit);
    }
    if !state.is_of_a_timer() && !state.is_running() {
        return failed(
            format!("the watcher of {} has ended; it last wrote {} ago", shown(top), rough(age)),
            unit.replace("enable --now", "restart"),
        );
    }
    trouble_of(top, checkout).unwrap_or_else(|| {
        let what = if state.is_of_a_timer() { "tidied" } else { "watched; last change" };
        Finding::Told(format!("{what} {} ago", rough(age)))
    })
}

fn trouble_of(top: &Path, checkout: &CheckoutState) -> Option<Finding> {
    if checkout.suspended {
        return Some(failed(
            format!("tidy --undo was the last word in {}", shown(top)),
            "kubectl envguard tidy",
        ));
    }
    let problem = checkout.problems.first()?;
    Some(failed(shown(&problem.what), shown(&problem.remedy)))
}

/// How much was put aside.
pub(super) fn quarantine(situation: &Situation) -> Finding {
    if situation.policy().is_none() {
        return no_configuration();
    }
    let mut ours = situation.territory.clone();
    ours.checkouts.retain(|checkout| keeper::is_ours(&checkout.top));
    if ours.checkouts.len() < situation.territory.checkouts.len() {
        return Finding::Unknown("the checkouts belong to somebody else".into());
    }
    let (weight, hitches) = keeper::weigh(&ours);
    if let Some(hitch) = hitches.into_iter().next() {
        if readable(situation) != Finding::Fine {
            return Finding::Unknown("git does not read every checkout".into());
        }
        return failed(shown(hitch.what), hitch.remedy);
    }
    let (items, s) = (weight.items, if weight.items == 1 { "" } else { "s" });
    let holds = format!("{items} overlay{s} put aside, {}", size(weight.bytes));
    match weight.items {
        0 => Finding::Fine,
        _ if weight.bytes > MOST_ASIDE => failed(
            holds,
            "kubectl envguard restore --list    # and restore ID --to DIR moves one away",
        ),
        _ => Finding::Told(holds),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
