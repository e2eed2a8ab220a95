//! Would the oracle notice? Guards that let everything through, that let nothing
//! through, and that change what they let through, and the findings about them.

use super::rows::{self, Because, Expected, Forbidden, Ordinary};
use super::verify::{self, Finding, Kind};
use super::world::{Originals, World};
use super::{FORBIDDEN, ORDINARY, has_strace};
use crate::support::{Kubectl, kubectls};

const PASSES_EVERYTHING: &str = "#!/bin/sh\nexec \"$TOP/bin/kubectl\" \"$@\"\n";

const REFUSES_EVERYTHING: &str =
    "#!/bin/sh\necho 'envguard: refused (target-foreign): everything' >&2\nexit 77\n";

const CALLS_ANOTHER_CLUSTER: &str =
    "#!/bin/sh\nexec \"$TOP/bin/kubectl\" --kubeconfig \"$HOME/prod.kubeconfig\" \"$@\"\n";

const READS_ANOTHER_FILE: &str =
    "#!/bin/sh\nexec \"$TOP/bin/kubectl\" \"$@\" -f base/service.yaml\n";

const SWALLOWS_THE_EXIT_CODE: &str = "#!/bin/sh\n\"$TOP/bin/kubectl\" \"$@\"\nexit 0\n";

const SWALLOWS_THE_OUTPUT: &str = "#!/bin/sh\nexec \"$TOP/bin/kubectl\" \"$@\" >/dev/null\n";

/// What there is to say about `line` of the ordinary table behind `guard`.
fn about_ordinary(guard: &str, line: &str) -> Vec<Finding> {
    let rows = rows::ordinary(ORDINARY);
    let row: &Ordinary = rows.iter().find(|row| row.row.line == line).unwrap();
    behind(guard, |world, kubectl| verify::ordinary(world, kubectl, row))
}

fn about_forbidden(guard: &str, row: &Forbidden) -> Vec<Finding> {
    behind(guard, |world, kubectl| verify::forbidden(world, kubectl, row))
}

fn behind(guard: &str, verify: impl Fn(&World<'_>, &Kubectl) -> Vec<Finding>) -> Vec<Finding> {
    let originals = Originals::with_guard(guard);
    verify(&originals.world("self"), kubectls().last().unwrap())
}

#[track_caller]
fn says(findings: &[Finding], kind: Kind, text: &str) {
    let found = findings.iter().any(|finding| finding.kind == kind && finding.text.contains(text));
    assert!(found, "no {kind:?} with {text:?} in {findings:?}");
}

fn can_run() -> bool {
    has_strace() && !kubectls().is_empty()
}

#[test]
fn a_guard_that_passes_everything_leaks() {
    if !can_run() {
        return;
    }
    let rows = rows::forbidden(FORBIDDEN);
    let first = |because: fn(&Because) -> bool| {
        rows.iter().find(|row| because(&row.because) && row.code.is_some()).unwrap()
    };
    let opens =
        about_forbidden(PASSES_EVERYTHING, first(|because| matches!(because, Because::Opens(_))));
    says(&opens, Kind::Leak, "overlays/prod/kustomization.yaml\n");
    says(&opens, Kind::Leak, "openat(");
    let contacts =
        about_forbidden(PASSES_EVERYTHING, first(|because| *because == Because::Contacts));
    says(&contacts, Kind::Leak, "connect(");
    let policy = about_forbidden(PASSES_EVERYTHING, first(|because| *because == Because::Policy));
    says(&policy, Kind::Leak, "");
    // A row that is harmless with the guard, and only with it.
    let harmless = rows
        .iter()
        .find(|row| row.code.is_none() && row.row.minors.contains(&27) && row.row.given.is_empty());
    says(&about_forbidden(PASSES_EVERYTHING, harmless.unwrap()), Kind::Leak, "contacted");
    let sentence = rows::ordinary(ORDINARY);
    let refused = sentence.iter().find(|row| row.expected[0] == Expected::Refused).unwrap();
    says(&about_ordinary(PASSES_EVERYTHING, &refused.row.line), Kind::Untrue, "another sentence");
}

#[test]
fn a_guard_that_refuses_or_changes_ordinary_lines_is_wrong() {
    if !can_run() {
        return;
    }
    let pods = "kubectl get pods";
    assert!(about_ordinary(PASSES_EVERYTHING, pods).is_empty());
    says(&about_ordinary(REFUSES_EVERYTHING, pods), Kind::Wrong, "refused");
    says(&about_ordinary(CALLS_ANOTHER_CLUSTER, pods), Kind::Leak, "contacted 127.0.0.1:");
    says(&about_ordinary(CALLS_ANOTHER_CLUSTER, pods), Kind::Wrong, "requests: ");
    says(&about_ordinary(SWALLOWS_THE_OUTPUT, pods), Kind::Wrong, "other output");
    let apply = "kubectl apply -f overlays/develop/extra.yaml";
    says(&about_ordinary(READS_ANOTHER_FILE, apply), Kind::Wrong, "files: ");
    let diff = "kubectl diff -k overlays/develop";
    says(&about_ordinary(SWALLOWS_THE_EXIT_CODE, diff), Kind::Wrong, "exit code");
}

#[test]
fn a_row_that_is_not_true_is_said_to_be_untrue() {
    if !can_run() {
        return;
    }
    let guard = format!("#!/bin/sh\nexec {} \"$@\"\n", crate::support::shim().display());
    for (table, text) in [
        (
            "opens overlays/staging/kustomization.yaml | target-foreign | kubectl apply -k overlays/prod",
            "does not do what the row says",
        ),
        (
            "opens overlays/prod/kustomization.yaml | target-foreign | kubectl apply -k overlays/prod\n    until 1.19",
            "alone does what the row says",
        ),
        ("contacts other | target-foreign | kubectl apply -k overlays/prod", "does not do"),
        ("policy | target-outside | kubectl apply -k overlays/prod", "is not refused as"),
        ("policy | target-foreign | kubectl apply -k overlays/prod; true", "does not exit 77"),
    ] {
        let rows = rows::forbidden(table);
        says(&about_forbidden(&guard, &rows[0]), Kind::Untrue, text);
    }
}
