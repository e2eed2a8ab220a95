//! The rules as a pure function: no disk, no process.

use std::path::PathBuf;

use super::samples::{policy, policy_with, request};
use super::*;
use crate::policy::Policy;

/// Facts in which `path` was reached as a target, and the pinned cluster answers.
fn reaching(policy: &Policy, path: &str) -> Facts {
    let resolved = Resolved {
        context: "c".into(),
        server: Some(policy.pin.server.clone()),
        authorities: policy.pin.authorities.clone(),
        ..Resolved::default()
    };
    let territory = Territory {
        checkouts: vec![Checkout { rule: 0, top: "/srv/m".into(), git_dir: None }],
        roots: [(
            PathBuf::from("/srv/m/overlays"),
            Root { allowed: vec!["develop".into()], ..Root::default() },
        )]
        .into(),
        also_allow: vec!["/opt/addons".into()],
        ..Territory::default()
    };
    Facts {
        territory,
        reached: vec![Reached {
            spelled: path.into(),
            role: Role::Target { kustomization: None },
            whereabouts: Whereabouts::Local(Local {
                readings: vec![path.into()],
                links: Vec::new(),
                nature: Nature::Directory,
            }),
        }],
        cluster: Some(ClusterFacts {
            pinned: Ok(resolved),
            with_flags: None,
            other_file: false,
            exported: None,
        }),
        ..Facts::default()
    }
}

fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.reasons.iter().map(|reason| reason.code).collect()
}

#[test]
fn the_default_verdict_refuses() {
    assert_eq!(Verdict::default().outcome, Outcome::Refuse);
    assert_eq!(join([]).outcome, Outcome::Refuse);
}

#[test]
fn a_path_is_judged_by_its_place() {
    let policy = policy("develop");
    for (line, path, expected) in [
        ("kubectl apply -k x", "/srv/m/overlays/develop", &[][..]),
        ("kubectl apply -k x", "/srv/m/overlays/prod", &[Code::TargetForeign]),
        ("kubectl get -f x", "/srv/m/overlays/prod", &[Code::TargetForeign]),
        ("kubectl apply -k x", "/srv/m/base", &[Code::TargetOutside]),
        ("kubectl get -f x", "/srv/m/base", &[]),
        ("kubectl apply -k x --dry-run=server", "/srv/m/base", &[]),
        ("kubectl apply -k x", "/opt/addons/y", &[]),
        ("kubectl apply -k x", "/srv/m/.git/y", &[Code::ReferenceGit]),
    ] {
        let verdict = judge(&policy, &request(line), &reaching(&policy, path));
        assert_eq!(codes(&verdict), expected, "{line} {path}");
        assert_eq!(verdict.outcome == Outcome::Refuse, !expected.is_empty(), "{line} {path}");
    }
}

#[test]
fn every_reason_is_listed_at_once() {
    let policy = policy("develop");
    let mut facts = reaching(&policy, "/srv/m/overlays/prod");
    facts.cluster = Some(ClusterFacts {
        pinned: Ok(Resolved::default()),
        with_flags: None,
        other_file: false,
        exported: None,
    });
    let verdict = judge(&policy, &request("kubectl apply -k x --as me"), &facts);
    for code in [Code::TargetForeign, Code::IdentityOverride, Code::ClusterDrift] {
        assert!(codes(&verdict).contains(&code), "{code} in {verdict:?}");
    }
    assert_eq!(codes(&verdict)[0], Code::TargetForeign, "the accident comes first");
}

#[test]
fn observing_runs_what_is_not_about_the_cluster() {
    let policy = policy_with("develop", "policy: {mode: observe}\n");
    let facts = reaching(&policy, "/srv/m/overlays/prod");
    let verdict = judge(&policy, &request("kubectl apply -k x"), &facts);
    assert_eq!(verdict.outcome, Outcome::Run { ask: Ask::Never });
    assert_eq!(codes(&verdict), [Code::TargetForeign]);
    let words = request("kubectl config use-context x");
    assert_eq!(judge(&policy, &words, &facts).outcome, Outcome::Refuse);
}

#[test]
fn the_level_decides_what_is_asked() {
    use Ask::{Always, Never, Ticket};
    for (environment, line, expected) in [
        ("develop", "kubectl delete pod x", Never),
        ("staging", "kubectl apply -k x", Never),
        ("staging", "kubectl delete pod x", Ticket),
        ("production", "kubectl get pods", Never),
        ("production", "kubectl label pod x a=b", Ticket),
        ("production", "kubectl exec x -- sh", Ticket),
        ("production", "kubectl delete pod x", Always),
        ("production", "kubectl delete pod x --dry-run=client", Never),
        ("production", "kubectl apply -f - --prune", Always),
    ] {
        let policy = policy(environment);
        assert_eq!(
            asked(&policy, &request(line), &Facts::default()),
            expected,
            "{environment}: {line}"
        );
    }
    let asking = policy_with("develop", "policy: {confirm: {mutate: always}}\n");
    assert_eq!(asked(&asking, &request("kubectl label pod x a=b"), &Facts::default()), Always);
    let reading = policy_with("production", "policy: {plugins: {reading: [neat]}}\n");
    assert_eq!(asked(&reading, &request("kubectl neat pod x"), &Facts::default()), Never);
    assert_eq!(asked(&reading, &request("kubectl messy pod x"), &Facts::default()), Ticket);
}

#[test]
fn one_reading_that_is_refused_refuses_all() {
    let run = Verdict { outcome: Outcome::Run { ask: Ask::Never }, ..Verdict::default() };
    let asks = Verdict { outcome: Outcome::Run { ask: Ask::Always }, ..Verdict::default() };
    assert_eq!(join([run.clone(), asks]).outcome, Outcome::Run { ask: Ask::Always });
    assert_eq!(join([run, Verdict::default()]).outcome, Outcome::Refuse);
}
