//! What setup found and what it would write, as text.

use similar::{ChangeTag, TextDiff};

use crate::setup::{Change, Chore, Draft, Finding, Survey, masked};
use crate::text::{listed, shown, wrapped};

/// Beyond so many lines a number says more.
const LINES: usize = 10;

/// What was found, and what the judge says about it.
pub(super) fn findings(draft: &Draft) -> String {
    let mut text = String::new();
    let policy = &draft.policy;
    line(
        &mut text,
        "environment",
        &format!("{} (level {})", shown(&policy.environment.name), policy.environment.level),
    );
    line(&mut text, "cluster", &format!("{} {}", shown(&policy.pin.name), policy.pin.server));
    if let Some(server) = &draft.server {
        line(&mut text, "server", &format!("answers, {}", shown(&server.version)));
    }
    for survey in &draft.surveys {
        checkout(&mut text, survey);
    }
    proof(&mut text, draft);
    for note in &draft.notes {
        item(&mut text, "note", note);
    }
    text
}

fn line(text: &mut String, label: &str, content: &str) {
    text.push_str(&format!("{label:<13}{content}\n"));
}

fn item(text: &mut String, label: &str, content: &str) {
    for (index, part) in wrapped(content, 65).iter().enumerate() {
        line(text, if index == 0 { label } else { "" }, part);
    }
}

fn checkout(text: &mut String, survey: &Survey) {
    let entry = &survey.entry;
    line(text, "checkout", &shown(&entry.path));
    let mut row = |label: &str, names: &[String]| {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(shown).collect();
            item(text, label, &names.join(" "));
        }
    };
    row("  roots", &entry.roots);
    row("  allow", &entry.allow);
    row("  shared", &entry.shared);
    row("  foreign", entry.foreign.as_deref().unwrap_or_default());
    row("  branches", entry.branches.as_deref().unwrap_or_default());
    let remotes: Vec<String> = survey.remotes.iter().cloned().collect();
    row("  fetches", &remotes);
    removals(text, survey);
}

/// What `tidy` would do, by overlay root.
fn removals(text: &mut String, survey: &Survey) {
    let all = survey.removals.values();
    let count: usize = all.clone().map(|removal| removal.overlays.len()).sum();
    let own: usize = all.map(|removal| removal.own).sum();
    if count == 0 {
        return;
    }
    let aside = match own {
        0 => String::new(),
        own => format!(
            ", and put {} aside that git does not have",
            counted(own, "file of your own", "files of your own")
        ),
    };
    let overlays = counted(count, "overlay", "overlays");
    item(text, "  tidy", &format!("would take {overlays} off the disk{aside}:"));
    for (root, removal) in survey.removals.iter().take(LINES) {
        let root = if root.as_os_str().is_empty() { ".".to_owned() } else { shown(root) };
        let names: Vec<String> = removal.overlays.iter().map(shown).collect();
        let own = match removal.own {
            0 => String::new(),
            own => format!(" ({})", counted(own, "file of your own", "files of your own")),
        };
        item(text, "", &format!("{root}: {}{own}", names.join(" ")));
    }
    if survey.removals.len() > LINES {
        line(text, "", &format!("and in {} more roots", survey.removals.len() - LINES));
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn proof(text: &mut String, draft: &Draft) {
    let proof = &draft.proof;
    let judged = proof.passed + proof.refused.len() + proof.amiss.len();
    if judged + proof.kept_out + proof.let_in.len() == 0 {
        return;
    }
    line(
        text,
        "proof",
        &format!(
            "{} of {judged} allowed may be applied, {} of {} foreign are refused",
            proof.passed,
            proof.kept_out,
            proof.kept_out + proof.let_in.len()
        ),
    );
    for finding in proof.refused.iter().take(LINES) {
        refused(text, "  refused", finding);
    }
    for target in proof.let_in.iter().take(LINES) {
        line(text, "  let in", &shown(&target.dir));
    }
    for finding in proof.amiss.iter().take(LINES) {
        refused(text, "  to mend", finding);
    }
    let most = [proof.refused.len(), proof.let_in.len(), proof.amiss.len()];
    if most.iter().any(|count| *count > LINES) {
        line(text, "", "and more");
    }
}

fn refused(text: &mut String, label: &str, finding: &Finding) {
    line(text, label, &finding.line);
    item(text, "", &format!("({}): {}", finding.reason.code, finding.reason.what));
    line(text, "", &finding.reason.remedy);
}

/// The file, or what changes in it. Secrets are not shown.
pub(super) fn change(text: &mut String, change: &Change) {
    if !change.is_one() {
        return;
    }
    let path = shown(&change.path);
    let mode = change.mode;
    match &change.old {
        Some(old) if *old == change.new => {
            text.push_str(&format!("\n{path}: mode {mode:04o}\n"));
            return;
        }
        Some(_) => text.push_str(&format!("\n{path}, what changes (mode {mode:04o}):\n")),
        None => text.push_str(&format!("\n{path}, new (mode {mode:04o}):\n")),
    }
    let old = masked(change.old.as_deref().unwrap_or_default());
    let new = masked(&change.new);
    let difference = TextDiff::from_lines(old.as_str(), new.as_str());
    for group in difference.grouped_ops(2) {
        if change.old.is_some() {
            text.push_str("  ...\n");
        }
        for one in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
            let sign = match one.tag() {
                _ if change.old.is_none() => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push_str(&format!("{sign} {}\n", shown(one.value().trim_end_matches('\n'))));
        }
    }
}

/// What is done besides.
pub(super) fn chores(text: &mut String, chores: &[Chore]) {
    if chores.is_empty() {
        return;
    }
    text.push_str("\nand:\n");
    chores.iter().for_each(|chore| text.push_str(&format!("  {chore}\n")));
}

/// The old and the new cluster side by side.
pub(super) fn side_by_side(rows: &[(&str, String, String)]) -> String {
    let mut text = String::from("\nthe pinned cluster, and the one it would be:\n");
    for (label, old, new) in rows {
        let sign = if old == new { ' ' } else { '!' };
        text.push_str(&format!("{sign} {label:<10} {old}\n"));
        if old != new {
            text.push_str(&format!("{sign} {:<10} {new}\n", "now"));
        }
    }
    text
}

/// A list, for one line.
pub(super) fn one_line(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { listed(items) }
}
