//! The verdict on every ordinary line at every level. Which verdict it is shows
//! without a cluster, so a program that only says that it ran takes kubectl's
//! place.

use super::observe::refusals;
use super::rows::{Expected, Ordinary};
use super::verify::{Finding, Kind};
use super::world::{Tree, World};
use crate::support::Output;

const LEVELS: [&str; 3] = ["normal", "caution", "critical"];

pub(super) fn verify(world: &World<'_>, row: &Ordinary) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (level, expected) in LEVELS.iter().zip(row.expected) {
        world.reset(Tree::Tidy, &world.stub(), &row.row.given, level);
        let output = Output::of(&mut world.shell(&["timeout", "30"], true, &row.row.line));
        let found = verdict(&output, world.path("ran").exists());
        if found != Some(expected) {
            let text = format!(
                "{}: at level {level} the verdict is {found:?} and not {expected:?}: {output}\n    {}",
                row.row.place, row.row.line
            );
            findings.push(Finding { kind: Kind::Wrong, text });
        }
    }
    findings
}

/// Of all the kubectls of a line, the worst.
fn verdict(output: &Output, ran: bool) -> Option<Expected> {
    let mut codes = refusals(output).peekable();
    if codes.peek().is_none() {
        return ran.then_some(Expected::Run);
    }
    Some(if codes.all(|code| code == "not-confirmed") { Expected::Ask } else { Expected::Refused })
}
