//! The rows.

use super::{Finding, Row, Situation};
use crate::config::SYSTEM;
use crate::policy::{Mode, Unusable};
use crate::prompt::Word;
use crate::text::{listed, quoted, shown};

/// All checks, the weightiest first.
pub const ROWS: &[Row] = &[
    Row {
        name: "configuration",
        word: Some(Word::Mismatch),
        walks: false,
        of_shell: false,
        check: configuration,
    },
    Row { name: "pin", word: Some(Word::Mismatch), walks: false, of_shell: false, check: pin },
    Row {
        name: "kubeconfig",
        word: Some(Word::Mismatch),
        walks: false,
        of_shell: true,
        check: exported,
    },
    Row { name: "contexts", word: None, walks: false, of_shell: false, check: contexts },
    Row { name: "shim", word: Some(Word::Unguarded), walks: false, of_shell: true, check: shim },
    Row { name: "kubectl", word: None, walks: false, of_shell: false, check: real_kubectl },
    Row { name: "preferences", word: None, walks: false, of_shell: true, check: preferences },
    Row { name: "checkouts", word: None, walks: false, of_shell: false, check: checkouts },
    Row { name: "overlays", word: None, walks: true, of_shell: false, check: overlays },
    Row { name: "audit", word: None, walks: true, of_shell: false, check: audit },
    Row { name: "break-glass", word: None, walks: true, of_shell: false, check: break_glass },
    Row { name: "mode", word: Some(Word::Observe), walks: false, of_shell: false, check: mode },
];

fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Failed { what: what.into(), remedy: remedy.into() }
}

fn configuration(situation: &Situation) -> Finding {
    match &situation.loaded {
        Ok(_) => Finding::Fine,
        Err(missing @ Unusable::Missing { .. }) => failed(
            shown(missing.to_string()),
            format!("write {SYSTEM}; until then only commands that read will run"),
        ),
        Err(invalid @ Unusable::Invalid { file, .. }) => failed(
            shown(invalid.to_string()),
            format!("mend {}; until then only commands that read will run", quoted(file)),
        ),
    }
}

fn pin(situation: &Situation) -> Finding {
    let Some(resolved) = &situation.pinned else { return no_configuration() };
    match situation.drift(resolved).as_slice() {
        [] => Finding::Fine,
        found => failed(
            format!("the kubeconfig does not match the pin: {}", shown(found.join("; "))),
            "restore the kubeconfig; every command that reaches the cluster is refused",
        ),
    }
}

fn exported(situation: &Situation) -> Finding {
    let Some((value, resolved)) = &situation.exported else { return Finding::Fine };
    let drift = situation.drift(resolved);
    let Some(difference) = drift.first() else { return Finding::Fine };
    let pinned = situation.policy().map(|policy| quoted(&policy.pin.kubeconfig));
    failed(
        format!("KUBECONFIG={} is not the pinned kubeconfig: {}", quoted(value), shown(difference)),
        format!("export KUBECONFIG={}", pinned.unwrap_or_default()),
    )
}

fn contexts(situation: &Situation) -> Finding {
    if situation.pinned.is_none() {
        return no_configuration();
    }
    let names: Vec<String> = situation.other_contexts.iter().map(shown).collect();
    let Some(first) = situation.other_contexts.first() else { return Finding::Fine };
    let file = situation.policy().map(|policy| quoted(&policy.pin.kubeconfig));
    failed(
        format!("the kubeconfig has further contexts: {}", listed(&names)),
        format!(
            "KUBECONFIG={} {} config delete-context {}",
            file.unwrap_or_default(),
            situation.programs.real.as_ref().map_or("kubectl".into(), quoted),
            quoted(first)
        ),
    )
}

fn shim(situation: &Situation) -> Finding {
    let programs = &situation.programs;
    if programs.first_is_ours {
        return Finding::Fine;
    }
    match (&programs.first, &programs.shim) {
        (Some(first), Some(shim)) => failed(
            format!("{} stands before envguard's kubectl on PATH", shown(first)),
            format!(
                "export PATH={}:$PATH",
                quoted(shim.parent().unwrap_or_else(|| std::path::Path::new("/")))
            ),
        ),
        (Some(first), None) => failed(
            format!("plain kubectl is {}: envguard's is not on PATH", shown(first)),
            "log in again; if that does not help, install envguard again: ./install.sh",
        ),
        (None, _) => failed(
            "there is no kubectl on PATH, not even envguard's",
            "log in again; if that does not help, install envguard again: ./install.sh",
        ),
    }
}

fn real_kubectl(situation: &Situation) -> Finding {
    let configured = situation.policy().is_some_and(|policy| policy.kubectl.is_some());
    if configured || situation.programs.real.is_some() {
        return Finding::Fine;
    }
    failed(
        "there is no real kubectl on PATH",
        "install kubectl, or name it in the configuration: kubectl: /path/to/kubectl",
    )
}

fn preferences(situation: &Situation) -> Finding {
    let files: Vec<String> = situation.preferences.iter().map(quoted).collect();
    if files.is_empty() {
        return Finding::Fine;
    }
    failed(
        format!("kubectl preferences in {} can add flags to every command", listed(&files)),
        format!("mv {0} {0}.off    (behind envguard they are not read)", files[0]),
    )
}

fn checkouts(situation: &Situation) -> Finding {
    if situation.policy().is_none() {
        return no_configuration();
    }
    match situation.territory.vanished.as_slice() {
        [] => Finding::Fine,
        missing => failed(
            format!(
                "there is no checkout at {}",
                listed(&missing.iter().map(shown).collect::<Vec<_>>())
            ),
            format!("git clone URL {}", quoted(&missing[0])),
        ),
    }
}

fn overlays(situation: &Situation) -> Finding {
    let Some(count) = &situation.overlays else { return no_configuration() };
    match (&count.example, count.complete) {
        (None, true) => Finding::Fine,
        (None, false) => Finding::Unknown("the checkouts are too big to look through here".into()),
        (Some(example), complete) => {
            let least = if complete { "" } else { "at least " };
            let (are, s) = if count.foreign == 1 { ("is", "") } else { ("are", "s") };
            failed(
                format!(
                    "{least}{} foreign overlay{s} {are} on the disk, such as {}",
                    count.foreign,
                    quoted(example)
                ),
                "kubectl envguard tidy",
            )
        }
    }
}

fn audit(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    match &situation.unrecorded {
        None => Finding::Fine,
        Some(problem) => failed(
            format!("the audit log cannot be written: {problem}"),
            format!("sudo install -d -m 1733 {}", quoted(&policy.audit)),
        ),
    }
}

fn break_glass(situation: &Situation) -> Finding {
    let Some(last) = situation.lifted.first() else { return Finding::Fine };
    let times = match situation.lifted.len() {
        1 => "once".to_owned(),
        several => format!("{several} times"),
    };
    let uid = last.uid.to_string();
    failed(
        format!(
            "BREAK GLASS was used {times} within a day, last by {} at {}: {}",
            shown(last.user.as_deref().unwrap_or(&uid)),
            shown(&last.time),
            shown(last.break_glass.as_deref().unwrap_or_default()),
        ),
        "see what was run: kubectl envguard audit --since 1d",
    )
}

fn mode(situation: &Situation) -> Finding {
    match situation.policy().map(|policy| policy.mode) {
        Some(Mode::Observe) => failed(
            "OBSERVE: what should be refused is only reported, and then runs",
            "policy.mode: enforce",
        ),
        Some(Mode::Enforce) => Finding::Fine,
        None => no_configuration(),
    }
}

/// The row `configuration` says it; the others have nothing to look at.
fn no_configuration() -> Finding {
    Finding::Unknown("there is no usable configuration".into())
}
