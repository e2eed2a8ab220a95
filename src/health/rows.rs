//! The rows.

use super::finding::{failed, no_configuration};
use super::{
    Cost, Finding, Row, Situation, machine, places, programs, remedy, repositories, server, shells,
};
use crate::env::this_program;
use crate::exec;
use crate::installed::server as record;
use crate::keeper;
use crate::policy::{Mode, Unusable};
use crate::prompt::Word;
use crate::text::{listed, quoted, shown};

/// All checks, the weightiest first.
pub const ROWS: &[Row] = &[
    row("configuration", "it can be used", configuration).says(Word::Mismatch),
    row("instance", "this is the machine that was set up", machine::identity)
        .says(Word::ClonedInstance)
        .walks(),
    row("pin", "the kubeconfig leads to the pinned cluster", pin).says(Word::Mismatch),
    row("server", "the pinned cluster answers", server::server).for_status(),
    row("kubeconfig", "KUBECONFIG leads to the pinned cluster", exported)
        .says(Word::Mismatch)
        .of_shell(),
    row("contexts", "the kubeconfig has one context", contexts),
    row("other-contexts", "no other kubeconfig leads to another cluster", places::other_contexts)
        .for_status(),
    row("permissions", "configuration and kubeconfig are safe from others", places::permissions)
        .for_status(),
    row("shim", "plain kubectl is envguard's", shim).says(Word::Unguarded).of_shell(),
    row("sudo", "sudo kubectl is envguard's, too", shells::sudo).for_status(),
    row("hooks", "every shell starts with envguard's hook", shells::hooks).for_status(),
    row("kubectl", "there is a real kubectl", real_kubectl),
    row("release", "kubectl is in envguard's table", programs::release).for_status(),
    row("skew", "kubectl fits the server", server::skew).for_status(),
    row("preferences", "no kubectl preferences add flags", preferences).of_shell(),
    row("programs", "no other program reaches the cluster", programs::unguarded).for_status(),
    row("checkouts", "every checkout is there", checkouts),
    row("git", "git reads every checkout", repositories::readable).for_status(),
    row("fetch-age", "every checkout was fetched lately", repositories::fetch_age).for_status(),
    row("overlays", "no foreign overlay is on the disk", overlays).walks(),
    row("unassigned", "every child of an overlay root has its role", unknown_overlays).for_status(),
    row("keeper", "foreign overlays are kept away", repositories::keeper).for_status(),
    row("quarantine", "nothing is put aside", repositories::quarantine).for_status(),
    row("sandbox", "the kernel enforces the verdict", places::sandbox).for_status(),
    row("audit", "the log can be written", audit).walks(),
    row("break-glass", "no log that you may read has a lifted rule of the last day", break_glass)
        .walks(),
    row("mode", "refusals are enforced", mode).says(Word::Observe),
];

const fn row(name: &'static str, fine: &'static str, check: fn(&Situation) -> Finding) -> Row {
    Row { name, word: None, cost: Cost::Little, of_shell: false, fine, check }
}

impl Row {
    const fn says(self, word: Word) -> Self {
        Self { word: Some(word), ..self }
    }

    const fn of_shell(self) -> Self {
        Self { of_shell: true, ..self }
    }

    const fn walks(self) -> Self {
        Self { cost: Cost::Walk, ..self }
    }

    const fn for_status(self) -> Self {
        Self { cost: Cost::Much, ..self }
    }
}

fn configuration(situation: &Situation) -> Finding {
    match &situation.loaded {
        Ok(_) => Finding::Fine,
        Err(missing @ Unusable::Missing { .. }) => failed(
            format!("{}; only commands that read will run", shown(missing.to_string())),
            format!("{} setup", remedy::as_root("kubectl-envguard")),
        ),
        Err(invalid @ Unusable::Invalid { remedy, .. }) => failed(
            format!("{}; only commands that read will run", shown(invalid.to_string())),
            shown(remedy),
        ),
    }
}

fn pin(situation: &Situation) -> Finding {
    let Some(resolved) = &situation.pinned else { return no_configuration() };
    match situation.drift(resolved).as_slice() {
        [] => Finding::Fine,
        found => failed(
            format!("the kubeconfig does not match the pin: {}", shown(found.join("; "))),
            remedy::pinned_again(situation),
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
    if names.is_empty() {
        return Finding::Fine;
    }
    failed(
        format!("the kubeconfig has further contexts: {}", listed(&names)),
        // It takes the pinned one and leaves the others out.
        remedy::setup(situation, "--yes"),
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
            onto_path(),
        ),
        (None, _) => failed("there is no kubectl on PATH, not even envguard's", onto_path()),
    }
}

/// How plain kubectl becomes envguard's in a shell that was started without the hook.
fn onto_path() -> String {
    let shims = this_program().ok().and_then(|exe| super::shim_directory(&exe));
    match shims {
        Some(dir) => format!("export PATH={}:$PATH    # and for good: log in again", quoted(dir)),
        None => "install envguard again: ./install.sh".to_owned(),
    }
}

fn real_kubectl(situation: &Situation) -> Finding {
    let configured = situation.policy().is_some_and(|policy| policy.kubectl.is_some());
    if configured || situation.programs.real.is_some() {
        return Finding::Fine;
    }
    let minor = situation.policy().and_then(|policy| {
        record::known(&policy.pin.server, &situation.env).map(|known| known.release.minor)
    });
    failed("there is no real kubectl on PATH", exec::line_to_install(minor))
}

fn preferences(situation: &Situation) -> Finding {
    let files: Vec<String> = situation.preferences.iter().map(quoted).collect();
    if files.is_empty() {
        return Finding::Fine;
    }
    let away: Vec<String> = files.iter().map(|file| format!("mv {file} {file}.off")).collect();
    failed(
        format!("kubectl preferences in {} can add flags to every command", listed(&files)),
        format!("{}    # behind envguard they are not read", away.join("; ")),
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
            keeper::line_to_clone(&shown(&missing[0])),
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
                tidy(situation, example),
            )
        }
    }
}

/// root tidies for everybody, everybody else their own checkouts.
fn tidy(situation: &Situation, overlay: &std::path::Path) -> String {
    let mut tops = situation.territory.checkouts.iter().map(|checkout| &checkout.top);
    match tops.find(|top| overlay.starts_with(top)) {
        Some(top) if !keeper::is_ours(top) => {
            format!("{} tidy", remedy::as_root("kubectl-envguard"))
        }
        _ => "kubectl envguard tidy".to_owned(),
    }
}

/// Nobody tidies them, and they may be referenced: perhaps `allow` has a typing error.
fn unknown_overlays(situation: &Situation) -> Finding {
    let Some(count) = &situation.overlays else { return no_configuration() };
    let Some(example) = &count.unknown_example else { return Finding::Fine };
    let directories = match count.unknown {
        1 => "1 directory in an overlay root is".to_owned(),
        several => format!("{several} directories in overlay roots are"),
    };
    let example = quoted(example);
    Finding::Told(format!("{directories} neither allowed, shared nor foreign, such as {example}"))
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
    failed(
        format!(
            "BREAK GLASS was used {times} within a day, last by {} at {}: {}",
            shown(last.person()),
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
            remedy::setup(situation, "--yes --mode enforce"),
        ),
        Some(Mode::Enforce) => Finding::Fine,
        None => no_configuration(),
    }
}
