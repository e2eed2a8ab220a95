//! kubectl and the server may differ by one minor version (Kubernetes version skew
//! policy; EKS says the same).

use super::facts::{Facts, Versions};
use super::reasons;
use super::trees::changes;
use super::verdict::Reason;
use crate::kubectl::Request;
use crate::policy::{Care, Policy};

/// Finds a reason, or returns what is only to be said. A kubectl that only looks does no
/// harm.
pub(super) fn judge(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    found: &mut Vec<Reason>,
) -> Option<String> {
    let versions = facts.versions.as_ref().filter(|_| changes(policy, request))?;
    if !is_too_far(versions) {
        return None;
    }
    let reason = reasons::kubectl_skew(versions);
    match policy.skew {
        Care::Allow => None,
        Care::Warn => Some(reason.as_warning()),
        Care::Refuse => {
            found.push(reason);
            None
        }
    }
}

/// Whether they are more than one minor version apart.
#[must_use]
pub fn is_too_far(versions: &Versions) -> bool {
    let Versions { kubectl, server, .. } = versions;
    kubectl.major != server.major || kubectl.minor.abs_diff(server.minor) > 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::judge::samples::{policy, policy_with, request};
    use crate::judge::{Code, Outcome, download, judge as judge_all};
    use crate::kubectl::Release;

    fn versions(kubectl: u32, server: u32) -> Versions {
        Versions {
            kubectl: Release { major: 1, minor: kubectl },
            server: Release { major: 1, minor: server },
            server_version: format!("v1.{server}.2-eks-113cf36"),
            age: Duration::from_secs(3 * 86_400),
        }
    }

    #[test]
    fn one_minor_version_is_fine_and_two_are_not() {
        for (kubectl, server, far) in
            [(33, 33, false), (32, 33, false), (34, 33, false), (31, 33, true), (35, 33, true)]
        {
            assert_eq!(is_too_far(&versions(kubectl, server)), far, "{kubectl} {server}");
        }
        let next = Versions { kubectl: Release { major: 2, minor: 33 }, ..versions(33, 33) };
        assert!(is_too_far(&next));
    }

    #[test]
    fn each_level_warns_and_the_policy_may_refuse_what_changes_something() {
        let facts = |far: bool| Facts {
            versions: Some(versions(if far { 31 } else { 33 }, 33)),
            ..Facts::default()
        };
        for environment in ["develop", "staging", "production"] {
            let verdict =
                judge_all(&policy(environment), &request("kubectl label pod x a=b"), &facts(true));
            assert!(!verdict.reasons.iter().any(|r| r.code == Code::KubectlSkew));
            let warned = |verdict: &crate::judge::Verdict| {
                verdict.warnings.iter().any(|w| w.contains("kubectl-skew"))
            };
            // Other rules have their say about a request without any facts.
            assert!(warned(&verdict) || verdict.outcome == Outcome::Refuse, "{environment}");
        }
        let refusing = policy_with("develop", "policy: {skew: refuse}\n");
        for (line, far, refused) in [
            ("kubectl label pod x a=b", true, true),
            ("kubectl label pod x a=b", false, false),
            ("kubectl get pods", true, false),
        ] {
            let verdict = judge_all(&refusing, &request(line), &facts(far));
            let has = verdict.reasons.iter().any(|r| r.code == Code::KubectlSkew);
            assert_eq!(has, refused, "{line}");
        }
    }

    #[test]
    fn the_download_is_upstreams_patch_release_with_its_checksum() {
        let line = download("v1.33.5-eks-113cf36");
        let program = line.split_whitespace().find(|word| word.starts_with("https://"));
        let program = program.expect("the address of the program");
        assert!(program.contains("/release/v1.33.5/bin/linux/"), "{line}");
        assert!(program.ends_with("/kubectl"), "{line}");
        assert!(line.contains(&format!("curl -fL {program}.sha256)")), "{line}");
        assert!(line.contains(".sha256)  kubectl\" | sha256sum --check"), "{line}");
        assert_eq!(download("v1.33.5+k3s1"), line);
    }
}
