//! `check`: the verdict on a kubectl command, in text or JSON. Nothing runs.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::args::{Check, Format};
use super::print;
use crate::env::Env;
use crate::exit::Exit;
use crate::gather::Reads;
use crate::judge::{
    Code, Copied, Facts, Outcome, Reason, Role, Verdict, Whereabouts, copied, foreign_present,
    origin,
};
use crate::mask;
use crate::policy::{Ask, Mode, Policy};
use crate::report::Reporter;
use crate::run::{self, Judged, Rules};
use crate::text::shown;

/// The shape of `check -o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    api_version: &'static str,
    kind: &'static str,
    command: String,
    environment: Option<&'d str>,
    level: Option<&'static str>,
    cluster: Option<&'d str>,
    verdict: &'static str,
    enforced: bool,
    confirmation: &'static str,
    sandbox: &'static str,
    sandbox_note: Option<String>,
    class: Option<&'static str>,
    origin: Option<String>,
    reasons: Vec<ReasonDocument<'d>>,
    warnings: &'d [String],
    copies: Vec<CopyDocument>,
    reached: Vec<String>,
    written: Vec<String>,
    notes: &'d [String],
}

#[derive(Serialize)]
struct ReasonDocument<'d> {
    code: &'static str,
    what: &'d str,
    offender: &'d str,
    rule: &'d str,
    remedy: &'d str,
}

#[derive(Serialize)]
struct CopyDocument {
    file: String,
    equals: String,
    revision: &'static str,
}

/// Judges and prints.
pub(super) fn check(arguments: &Check, named: Option<&Path>, env: &Env) -> Exit {
    let words = match arguments.words.split_first() {
        // `check -- kubectl apply …` is what a person copies from a runbook.
        Some((first, rest)) if first == "kubectl" => rest,
        _ => &arguments.words,
    };
    let instance = run::open(env, named);
    let (judged, policy) = match &instance {
        Ok(instance) => (
            run::judge_words(words, instance, env, Reads::Pipes, Rules::InForce),
            Some(&instance.loaded.policy),
        ),
        Err(unusable) => {
            let verdict = run::judge_unconfigured(words, unusable);
            (Judged::without_facts(verdict), None)
        }
    };
    let copies = policy.map(|policy| judged.copies(policy)).unwrap_or_default();
    let mut notes = copied(&copies);
    notes.extend(instance.iter().flat_map(|instance| run::remarks(instance, env)));
    let printed = match arguments.output {
        Format::Text => print(&text(&judged, words, policy, &notes)),
        Format::Json => print(&json(&judged, words, policy, &copies, &notes)),
    };
    match printed {
        Exit::Success => exit_of(&judged.verdict),
        failed => failed,
    }
}

fn exit_of(verdict: &Verdict) -> Exit {
    let unusable =
        |reason: &Reason| matches!(reason.code, Code::ConfigMissing | Code::ConfigInvalid);
    match verdict.outcome {
        Outcome::Run { .. } => Exit::Success,
        Outcome::Refuse if verdict.reasons.iter().any(unusable) => Exit::Config,
        Outcome::Refuse => Exit::Refused,
    }
}

fn text(
    judged: &Judged<'_>,
    words: &[OsString],
    policy: Option<&Policy>,
    notes: &[String],
) -> String {
    let mut text = Reporter::plain().text(&judged.verdict, policy);
    if let Outcome::Run { ask } = judged.verdict.outcome {
        let after = match ask {
            Ask::Never => "",
            Ask::Ticket | Ask::Always => ", after the environment's name is typed",
        };
        text.push_str(&format!("envguard: would run{after}: {}\n", mask::line_to_paste(words)));
        let note = judged.sandbox.note().map(|note| format!(" ({note})")).unwrap_or_default();
        text.push_str(&format!("  sandbox: {}{note}\n", judged.sandbox.extent().name()));
    }
    if let Some(origin) = origin(&judged.facts) {
        text.push_str(&format!("  from: {origin}\n"));
    }
    for (paths, verb) in [(reached(&judged.facts), "read"), (written(&judged.facts), "written")] {
        if !paths.is_empty() {
            text.push_str(&format!("  {} {verb}:\n", counted(paths.len())));
            text.extend(paths.iter().map(|path| format!("    {path}\n")));
        }
    }
    if let Some(policy) = policy
        && let Outcome::Run { .. } = judged.verdict.outcome
        && let Some(line) = foreign_present(policy, &judged.facts)
    {
        text.push_str(&format!("envguard: {line}\n"));
    }
    text.extend(notes.iter().map(|note| format!("envguard: note: {note}\n")));
    text
}

fn counted(count: usize) -> String {
    if count == 1 { "1 path would be".to_owned() } else { format!("{count} paths would be") }
}

fn json(
    judged: &Judged<'_>,
    words: &[OsString],
    policy: Option<&Policy>,
    copies: &[Copied],
    notes: &[String],
) -> String {
    let verdict = &judged.verdict;
    let document = Document {
        api_version: "envguard/v1alpha1",
        kind: "Check",
        command: mask::line(words),
        environment: policy.map(|policy| policy.environment.name.as_str()),
        level: policy.map(|policy| policy.environment.level.name()),
        cluster: policy.map(|policy| policy.pin.name.as_str()),
        verdict: if verdict.outcome == Outcome::Refuse { "refuse" } else { "run" },
        enforced: policy.is_none_or(|policy| policy.mode == Mode::Enforce),
        confirmation: match verdict.outcome {
            Outcome::Run { ask: Ask::Ticket } => "ticket",
            Outcome::Run { ask: Ask::Always } => "always",
            _ => "never",
        },
        sandbox: judged.sandbox.extent().name(),
        sandbox_note: judged.sandbox.note(),
        class: judged
            .requests
            .first()
            .and_then(|request| request.class)
            .map(crate::kubectl::Class::name),
        origin: origin(&judged.facts),
        reasons: verdict.reasons.iter().map(reason_document).collect(),
        warnings: &verdict.warnings,
        copies: copies.iter().map(copy_document).collect(),
        reached: reached(&judged.facts),
        written: written(&judged.facts),
        notes,
    };
    // Serializing plain strings cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn reason_document(reason: &Reason) -> ReasonDocument<'_> {
    ReasonDocument {
        code: reason.code.name(),
        what: &reason.what,
        offender: &reason.offender,
        rule: &reason.rule,
        remedy: &reason.remedy,
    }
}

fn copy_document(copy: &Copied) -> CopyDocument {
    CopyDocument { file: shown(&copy.file), equals: shown(&copy.of), revision: copy.revision }
}

/// Everything kubectl would open or fetch, each once.
fn reached(facts: &[Facts]) -> Vec<String> {
    paths(facts, |role| !matches!(role, Role::Output { .. }))
}

/// Everything kubectl would create or replace, each once.
fn written(facts: &[Facts]) -> Vec<String> {
    paths(facts, |role| matches!(role, Role::Output { .. }))
}

fn paths(facts: &[Facts], wanted: impl Fn(&Role) -> bool) -> Vec<String> {
    let mut paths = Vec::new();
    for reached in facts.iter().flat_map(|facts| &facts.reached) {
        match &reached.whereabouts {
            _ if !wanted(&reached.role) => {}
            Whereabouts::Local(local) => paths.extend(local.readings.iter().map(shown)),
            Whereabouts::Remote(_) => paths.push(mask::text(&reached.spelled)),
            Whereabouts::Stream(_) => paths.push(shown(&reached.spelled)),
        }
    }
    let mut seen = std::collections::HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths
}
