//! Would the test notice? Guards that read lines wrongly, and what is found.

use super::findings::{disagreements, minimised, strictness};
use super::ground::Ground;
use super::line::Line;
use super::web::Web;
use crate::oracle::has_strace;
use crate::oracle::rows::Given;
use crate::oracle::world::Originals;
use crate::support::kubectls;

/// Reads nothing in any line, and lets it run.
const BLIND: &str =
    r#"echo '{"verdict": "run", "class": "local", "reasons": [], "reached": [], "written": []}'"#;

/// Does not see the last two words.
const SHORT_SIGHTED: &str = r#"n=$#; i=0
for word; do i=$((i + 1)); shift; [ $i -gt $((n - 2)) ] || set -- "$@" "$word"; done
exec kubectl-envguard "$@""#;

/// Refuses everything.
const STUBBORN: &str = r#"echo '{"verdict": "refuse", "class": "read", "reasons": [{"code": "flag-unknown", "offender": "--x"}], "reached": [], "written": []}'"#;

/// Tries something out behind `guard`.
fn behind(guard: &str, work: impl FnOnce(&mut Ground<'_>)) {
    let kubectls = kubectls();
    if !has_strace() || kubectls.is_empty() {
        return;
    }
    let (originals, web) = (Originals::new(), Web::start());
    let world = originals.world("self");
    let wrong = Given::Program { name: "wrong-guard".to_owned(), script: guard.to_owned() };
    work(&mut Ground::with_guard(
        &world,
        kubectls.last().unwrap(),
        &web,
        "wrong-guard",
        vec![wrong],
    ));
}

#[track_caller]
fn says(ground: &mut Ground<'_>, line: &str, expected: &str) {
    let (tried, found) = disagreements(ground, line);
    let said = found.iter().any(|finding| finding.contains(expected));
    assert!(said, "{line}: no {expected:?} in {found:?}: {}", tried.seen.output);
}

#[test]
fn everything_that_a_blind_guard_overlooks_is_found() {
    behind(BLIND, |ground| {
        for (line, expected) in [
            ("kubectl apply -k overlays/prod", "opens the foreign"),
            ("kubectl get pods --context=prod-eks", "would run and calls 127.0.0.1:"),
            ("kubectl apply --dry-run=client -f \"$URL/x.yaml\"", "would run and calls 127.0.0.1:"),
            ("kubectl create -f \"$URL/x.yaml\"", "fetches an address"),
            (
                "kubectl create cm x --from-file=base/service.yaml",
                "base/service.yaml, which is not",
            ),
            ("kubectl kustomize base -o \"$TOP/out\"", "/out, which is not listed"),
            ("kubectl config unset contexts", "edits the pinned kubeconfig"),
            ("kubectl delete pod crashed", "is read as local and changes"),
            ("kubectl get pods", "is read as local and calls the cluster"),
        ] {
            says(ground, line, expected);
        }
        let words = "--v=1 apply --field-manager me -k overlays/prod --dry-run=client --force";
        let words = words.split(' ').map(str::to_owned).collect();
        let line = Line { variables: Vec::new(), words };
        assert_eq!(minimised(ground, &line).text(), "kubectl apply -k overlays/prod");
    });
}

#[test]
fn a_word_that_is_not_read_is_found() {
    behind(SHORT_SIGHTED, |ground| {
        let twice = "kubectl apply -f overlays/develop/extra.yaml -f overlays/prod/extra.yaml";
        says(ground, twice, "opens the foreign");
        let last = "kubectl apply -f overlays/develop/extra.yaml --server-side --validate=false";
        let (_, found) = disagreements(ground, last);
        assert!(found.is_empty(), "{found:?}");
    });
}

#[test]
fn what_is_refused_in_vain_is_counted() {
    behind(STUBBORN, |ground| {
        says(ground, "kubectl get pods", "is refused without need: flag-unknown --x (read)");
        let mut strict = |line: &str| strictness(&ground.try_out(line), line);
        assert_eq!(strict("kubectl get pods --context=prod-eks"), None, "calls another cluster");
        assert_eq!(strict("kubectl kustomize overlays/prod"), None, "opens what is foreign");
        assert_eq!(strict("kubectl get nothing"), None, "fails anyway");
    });
}

#[test]
fn the_real_guard_and_kubectl_agree_about_plain_lines() {
    behind("exec kubectl-envguard \"$@\"", |ground| {
        for line in [
            "kubectl get pods",
            "kubectl apply -k overlays/develop",
            "kubectl apply -k overlays/prod",
            "kubectl get pods --context=prod-eks",
            "KUBECONFIG=\"$HOME/prod.kubeconfig\" kubectl get pods",
            "KUBECONFIG= KUBERNETES_MASTER=\"$OTHER\" kubectl get pods",
        ] {
            let (_, found) = disagreements(ground, line);
            assert!(found.is_empty(), "{line}: {found:?}");
        }
    });
}
