//! Rules about the checkout as a whole: what is committed, which branch, how old.
//!
//! They hold for commands that change the cluster: to look at something, nobody has
//! to commit it first.

use super::facts::{Branch, Facts, Tree};
use super::verdict::Reason;
use super::{is_reading_plugin, reasons};
use crate::kubectl::{Class, Request};
use crate::policy::{Care, Policy};
use crate::text::{quoted, rough, shown};

/// Whether the trees that a request reads have to be known: when it changes the
/// cluster, or may be asked about before it runs.
#[must_use]
pub fn looks_at_trees(policy: &Policy, request: &Request) -> bool {
    changes(policy, request) || request.class == Some(Class::Channel)
}

/// Whether it would change the cluster, for all that is known.
#[must_use]
pub fn changes(policy: &Policy, request: &Request) -> bool {
    request.class.is_none_or(Class::changes_cluster) && !is_reading_plugin(policy, request)
}

/// Finds reasons, and returns what is only to be said.
pub(super) fn judge(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    found: &mut Vec<Reason>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !changes(policy, request) {
        return warnings;
    }
    for tree in &facts.trees {
        let mut weigh = |care: Care, reason: Option<Reason>| match (care, reason) {
            (Care::Refuse, Some(reason)) => found.push(reason),
            (Care::Warn, Some(reason)) => warnings.push(reason.as_warning()),
            (Care::Allow, _) | (_, None) => {}
        };
        weigh(policy.uncommitted, uncommitted(policy, tree));
        weigh(policy.branch, branch(policy, tree));
        warnings.extend(unfetched(policy, tree));
    }
    warnings
}

fn uncommitted(policy: &Policy, tree: &Tree) -> Option<Reason> {
    match tree.uncommitted.as_ref()? {
        Ok(found) => {
            let first = found.hidden.first().or(found.files.first())?;
            Some(reasons::uncommitted(policy, tree, first, found))
        }
        Err(trouble) => Some(reasons::uncommitted_unknown(policy, trouble)),
    }
}

fn branch(policy: &Policy, tree: &Tree) -> Option<Reason> {
    let listed = policy.checkouts[tree.rule].branches.as_deref()?;
    let is_listed = match &tree.head.branch {
        Branch::Named(name) => listed.iter().any(|pattern| pattern.matches(name.as_bytes())),
        Branch::Detached | Branch::Unknown => false,
    };
    (!is_listed).then(|| reasons::branch_unlisted(policy, tree, listed))
}

fn unfetched(policy: &Policy, tree: &Tree) -> Option<String> {
    let age = tree.fetched_ago.filter(|age| policy.fetch_age.is_some_and(|most| *age > most))?;
    let top = &tree.top;
    Some(format!(
        "{} was last fetched {} ago: git -C {} fetch",
        shown(top),
        rough(age),
        quoted(top)
    ))
}

/// From what a command works, for people: `main 1a2b3c4, 2 files not committed`.
#[must_use]
pub fn origin(facts: &[Facts]) -> Option<String> {
    let tree =
        facts.iter().flat_map(|facts| &facts.trees).find(|tree| tree.head.commit.is_some())?;
    let uncommitted = match &tree.uncommitted {
        Some(Ok(found)) => match found.files.len() {
            0 => String::new(),
            1 => ", 1 file not committed".to_owned(),
            count => format!(", {count} files not committed"),
        },
        Some(Err(_)) | None => String::new(),
    };
    Some(format!("{}{uncommitted}", tree.head))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::judge::Head;
    use crate::judge::samples::{policy, policy_with, request};
    use crate::judge::{Code, Trouble, Uncommitted};

    fn tree() -> Tree {
        Tree {
            rule: 0,
            top: "/srv/m".into(),
            git_dir: None,
            head: Head {
                commit: Some("0123456789".repeat(4)),
                branch: Branch::Named("main".into()),
            },
            uncommitted: Some(Ok(Uncommitted::default())),
            fetched_ago: Some(Duration::from_secs(3 * 86_400)),
        }
    }

    fn changed(files: &[&str]) -> Tree {
        let files: BTreeSet<PathBuf> = files.iter().map(PathBuf::from).collect();
        Tree { uncommitted: Some(Ok(Uncommitted { files, ..Uncommitted::default() })), ..tree() }
    }

    fn judged(policy: &Policy, line: &str, tree: Tree) -> (Vec<Code>, Vec<String>) {
        let facts = Facts { trees: vec![tree], ..Facts::default() };
        let mut found = Vec::new();
        let warnings = judge(policy, &request(line), &facts, &mut found);
        (found.iter().map(|reason| reason.code).collect(), warnings)
    }

    #[test]
    fn each_level_cares_as_the_table_says() {
        for (environment, refused, warned) in
            [("develop", false, false), ("staging", false, true), ("production", true, false)]
        {
            let policy = policy(environment);
            let (codes, warnings) = judged(&policy, "kubectl apply -k x", changed(&["/srv/m/a"]));
            assert_eq!(codes == [Code::TreeUncommitted], refused, "{environment}");
            assert_eq!(warnings.len(), usize::from(warned), "{environment}: {warnings:?}");
            for line in
                ["kubectl get -k x", "kubectl apply -k x --dry-run=server", "kubectl diff -k x"]
            {
                let reading = judged(&policy, line, changed(&["/srv/m/a"]));
                assert_eq!(reading, (Vec::new(), Vec::new()), "{environment}: {line}");
            }
        }
        let listed = policy_with("production", "policy: {plugins: {reading: [neat]}}\n");
        assert!(judged(&listed, "kubectl neat x", changed(&["/srv/m/a"])).0.is_empty());
        assert!(!judged(&listed, "kubectl messy x", changed(&["/srv/m/a"])).0.is_empty());
    }

    #[test]
    fn what_git_does_not_tell_counts_against_it_where_it_is_demanded() {
        let trouble = Trouble { subject: "/srv/m".into(), problem: "p".into(), remedy: "r".into() };
        let silent = || Tree { uncommitted: Some(Err(trouble.clone())), ..tree() };
        let (codes, _) = judged(&policy("production"), "kubectl apply -k x", silent());
        assert_eq!(codes, [Code::TreeUncommitted]);
        let (codes, warnings) = judged(&policy("staging"), "kubectl apply -k x", silent());
        assert!(codes.is_empty() && warnings.len() == 1, "{warnings:?}");
        let unasked = Tree { uncommitted: None, ..tree() };
        assert!(judged(&policy("production"), "kubectl apply -k x", unasked).0.is_empty());
    }

    #[test]
    fn only_listed_branches_are_applied_from() {
        let mut policy = policy("production");
        for (branch, without, with) in [
            (Branch::Named("main".into()), true, true),
            (Branch::Named("release/1.2".into()), true, true),
            (Branch::Named("release".into()), true, false),
            (Branch::Named("fix".into()), true, false),
            (Branch::Detached, true, false),
            (Branch::Unknown, true, false),
        ] {
            let head = Head { branch: branch.clone(), ..tree().head };
            for (branches, passes) in [(None, without), (Some(["main", "release/*"]), with)] {
                policy.checkouts[0].branches = branches.map(|names| {
                    names.map(|name| crate::pattern::Pattern::new(name.as_bytes()).unwrap()).into()
                });
                let on = Tree { head: head.clone(), ..tree() };
                let (codes, _) = judged(&policy, "kubectl apply -k x", on);
                assert_eq!(codes.is_empty(), passes, "{branch:?} {branches:?}");
            }
        }
    }

    #[test]
    fn old_news_are_said_and_never_refused() {
        let policy = policy_with("production", "policy: {fetchAge: 24h}\n");
        let (codes, warnings) = judged(&policy, "kubectl apply -k x", tree());
        assert!(codes.is_empty());
        assert_eq!(warnings, ["/srv/m was last fetched 3 days ago: git -C /srv/m fetch"]);
        let fresh = Tree { fetched_ago: Some(Duration::from_secs(60)), ..tree() };
        assert!(judged(&policy, "kubectl apply -k x", fresh).1.is_empty());
        let never = Tree { fetched_ago: None, ..tree() };
        assert!(judged(&policy, "kubectl apply -k x", never).1.is_empty());
    }

    #[test]
    fn the_origin_is_branch_commit_and_what_differs() {
        let of = |tree: Tree| origin(&[Facts { trees: vec![tree], ..Facts::default() }]);
        assert_eq!(of(tree()).unwrap(), "main 0123456");
        assert_eq!(of(changed(&["/a", "/b"])).unwrap(), "main 0123456, 2 files not committed");
        let head = Head { branch: Branch::Detached, ..tree().head };
        assert_eq!(of(Tree { head, ..tree() }).unwrap(), "(detached) 0123456");
        assert_eq!(of(Tree { head: Head::default(), ..tree() }), None);
    }
}
