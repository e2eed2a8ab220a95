//! The screen of `status`, as text.

use unicode_width::UnicodeWidthStr;

use super::{failures, login, state, told};
use crate::colour::Look;
use crate::health::{Check, Finding, Situation};
use crate::level::Level;
use crate::policy::Mode;
use crate::sandbox::effects::EFFECTS;
use crate::text::wrapped;

/// The column of a check's state, of its name, and the one of what is said.
const STATE: usize = 8;
const NAME: usize = 16;
const SAID: usize = STATE + NAME;

/// Narrower than that, names stand on lines of their own.
const NARROW: usize = 50;

/// Longer lines are hard to read.
const WIDEST: usize = 100;

/// One line per check; below a failed one its remedy, in a line that can be copied.
pub(super) fn text(situation: &Situation, checks: &[Check], look: Look, effects: bool) -> String {
    let mut lines = vec![heading(situation, look), String::new()];
    for check in checks {
        lines.extend(row(check, look));
    }
    if effects {
        lines.push(String::new());
        lines.push("What is different for kubectl and its plugins in the sandbox:".to_owned());
        for effect in &EFFECTS {
            lines.extend(indented("  ", &format!("{}: {}", effect.when, effect.what), look));
        }
    }
    lines.push(String::new());
    lines.push(sum(checks, look));
    lines.join("\n") + "\n"
}

/// The same where a screen has not enough rows for it: what is fine and has nothing to tell
/// in one paragraph, and last, where a screen that is still too small keeps it, what failed.
pub(super) fn compact(situation: &Situation, checks: &[Check], look: Look) -> String {
    let (silent, told): (Vec<&Check>, Vec<&Check>) =
        checks.iter().partition(|check| check.finding == Finding::Fine);
    let (failed, told): (Vec<&Check>, Vec<&Check>) =
        told.into_iter().partition(|check| matches!(check.finding, Finding::Failed { .. }));
    let mut lines = vec![heading(situation, look), String::new()];
    lines.extend(fine(&silent, look));
    lines.extend(told.iter().chain(&failed).flat_map(|check| row(check, look)));
    lines.push(String::new());
    lines.push(format!("{} Each in a row: kubectl envguard status | less.", sum(checks, look)));
    lines.join("\n") + "\n"
}

/// The names of what is fine, in one paragraph.
fn fine(checks: &[&Check], look: Look) -> Vec<String> {
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    indented(&format!("{:<STATE$}", "fine"), &names.join(" "), look)
}

/// As much of it as a screen has rows for, to be drawn again and again: what is fine in one
/// paragraph, and nothing beyond the last row.
pub(super) fn brief(situation: &Situation, checks: &[Check], look: Look, rows: usize) -> String {
    let (well, others): (Vec<&Check>, Vec<&Check>) =
        checks.iter().partition(|check| state(&check.finding) == "fine");
    let mut lines = vec![heading(situation, look)];
    lines.extend(others.iter().flat_map(|check| row(check, look)));
    lines.extend(fine(&well, look));
    let room = rows.saturating_sub(2).max(1);
    if lines.iter().map(|line| rows_of(line, look)).sum::<usize>() > room {
        let mut taken = 1; // by the line that says so
        lines = lines
            .into_iter()
            .take_while(|line| {
                taken += rows_of(line, look);
                taken <= room
            })
            .collect();
        lines.push("... and more: kubectl envguard status".to_owned());
    }
    lines.push(sum(checks, look));
    lines.join("\n") + "\n"
}

/// How many rows of the screen `text` takes: a line to paste is broken by nobody but
/// the terminal.
pub(super) fn rows(text: &str, look: Look) -> usize {
    text.lines().map(|line| rows_of(line, look)).sum()
}

fn rows_of(line: &str, look: Look) -> usize {
    let mut in_escape = false;
    let shown: String = line
        .chars()
        .filter(|letter| {
            let hidden = in_escape || *letter == '\u{1b}';
            in_escape = hidden && *letter != 'm';
            !hidden
        })
        .collect();
    shown.width().div_ceil(look.width.max(1)).max(1)
}

fn heading(situation: &Situation, look: Look) -> String {
    let Some(policy) = situation.policy() else {
        return look.alarm("There is no usable configuration.");
    };
    let level = policy.environment.level;
    let name = look.level(level, &look.shown(&policy.display_name()));
    let cluster = look.shown(login::cluster_name(policy).unwrap_or("(no name)"));
    let mode = match policy.mode {
        Mode::Enforce => String::new(),
        Mode::Observe => format!("  {}", look.alarm("OBSERVE")),
    };
    format!("{name}  {cluster}  level {level}{mode}")
}

fn row(check: &Check, look: Look) -> Vec<String> {
    let (what, remedy) = told(check);
    let word = match &check.finding {
        // In capitals: it must stand out without colour.
        Finding::Failed { .. } => {
            look.level(Level::Critical, "FAILED") + &" ".repeat(STATE - "FAILED".len())
        }
        finding => format!("{:<STATE$}", state(finding)),
    };
    let what = look.shown(what);
    let mut lines = if look.width < NARROW {
        let mut lines = vec![format!("{word}{}", check.name)];
        lines.extend(indented("  ", &what, look));
        lines
    } else {
        let mut said = indented(&" ".repeat(SAID), &what, look);
        if let Some(first) = said.first_mut() {
            *first = format!("{word}{:<NAME$}{}", check.name, first.trim_start());
        }
        said
    };
    if let Some(remedy) = remedy {
        let remedy = look.shown(remedy);
        lines.push(if look.width < NARROW {
            format!("  instead: {remedy}")
        } else {
            format!("{:STATE$}{:<NAME$}{remedy}", "", "instead")
        });
    }
    lines
}

/// `text` in lines that begin with `first`, or with blanks of its width.
fn indented(first: &str, text: &str, look: Look) -> Vec<String> {
    let indent = first.len();
    let width = look.width.min(WIDEST).saturating_sub(indent).max(1);
    let lines = wrapped(text, width);
    let with = |(index, line): (usize, String)| {
        if index == 0 { format!("{first}{line}") } else { format!("{:indent$}{line}", "") }
    };
    lines.into_iter().enumerate().map(with).collect()
}

fn sum(checks: &[Check], look: Look) -> String {
    let all = checks.len();
    let unknown = checks.iter().filter(|check| state(&check.finding) == "unknown").count();
    let unknown = match unknown {
        0 => String::new(),
        count => format!(", {count} unknown"),
    };
    match failures(checks) {
        0 => format!("{all} checks: none failed{unknown}."),
        count => {
            let failed = look.level(Level::Critical, &format!("{count} failed"));
            format!("{all} checks: {failed}{unknown}.")
        }
    }
}
