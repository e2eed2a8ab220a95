//! The line of the configuration that would have let a command pass.

use std::path::Path;

use crate::judge::{Code, Overlay, Place, Territory, place};
use crate::pattern::Pattern;
use crate::policy::{CheckoutRule, Policy, Remote};
use crate::text::shown;

/// What is configured now, and where it is on this disk.
#[derive(Debug, Clone, Copy)]
pub struct Allowing<'c> {
    /// The rules.
    pub policy: &'c Policy,
    /// With the overlay roots on the way to every path that is asked about.
    pub territory: &'c Territory,
}

/// A list of the checkout's entry.
#[derive(Clone, Copy)]
enum List {
    Allow,
    Shared,
}

impl Allowing<'_> {
    /// One line of YAML: each of its fields stands in the place of the same one, and a
    /// checkout's in the entry with that path. Where no line allows it, a line begins with
    /// `nothing` and says what to do instead.
    #[must_use]
    pub fn line(&self, code: &str, offender: &str) -> String {
        let why = || format!("nothing: kubectl envguard why {}", shown(code));
        let line = match Code::named(code) {
            Some(Code::TargetForeign | Code::InputForeign | Code::OutputForeign) => {
                self.overlay(offender, List::Allow)
            }
            Some(Code::ReferenceForeign) => self.overlay(offender, List::Shared),
            Some(Code::TargetOutside | Code::ReferenceOutside) => self.place(offender),
            Some(Code::TargetRemote | Code::ReferenceRemote) => self.address(offender),
            Some(Code::TargetStdin) => Some("policy: {stdin: allow}".to_owned()),
            Some(Code::KustomizeAsFiles) => Some("nothing: use -k instead of -f".to_owned()),
            Some(Code::TreeUncommitted) => Some("policy: {uncommitted: warn}".to_owned()),
            Some(Code::TreeBranch) => Some("policy: {branch: warn}".to_owned()),
            Some(Code::KubectlSkew) => Some("policy: {skew: warn}".to_owned()),
            Some(Code::SandboxMissing) => Some("policy: {sandbox: auto}".to_owned()),
            _ => None,
        };
        line.unwrap_or_else(why)
    }

    /// The overlay that `path` lies in, in a list of its checkout.
    fn overlay(&self, path: &str, list: List) -> Option<String> {
        let path = Path::new(path);
        let Place::Foreign(Overlay { path: overlay, name, .. }) =
            place(path, self.policy, self.territory)
        else {
            return Some("nothing: it is allowed by now".to_owned());
        };
        let name = name.to_str()?;
        let checkouts = &self.territory.checkouts;
        let checkout = checkouts.iter().find(|checkout| overlay.starts_with(&checkout.top))?;
        let rule = &self.policy.checkouts[checkout.rule];
        let (field, listed) = match list {
            List::Allow => ("allow", &rule.allow),
            List::Shared => ("shared", &rule.shared),
        };
        let listed = with(listed.iter().map(ToString::to_string), name);
        let foreign = without(rule, name)?;
        Some(format!("checkouts: [{{path: {}, {field}: {listed}{foreign}}}]", scalar(&rule.path)))
    }

    fn place(&self, path: &str) -> Option<String> {
        let listed = self.policy.also_allow.iter().map(|dir| dir.display().to_string());
        path.starts_with('/').then(|| format!("alsoAllow: {}", with(listed, path)))
    }

    /// The prefix that trusts the address's owner; an address that is covered already, or
    /// that cannot be compared, is not allowed by any.
    fn address(&self, address: &str) -> Option<String> {
        let remote = Remote::parse(address).ok()?;
        let remotes = &self.policy.remotes;
        if remotes.iter().any(|prefix| prefix.covers(&remote)) {
            return None;
        }
        let listed = with(remotes.iter().map(ToString::to_string), &remote.owner());
        Some(format!("policy: {{remotes: {listed}}}"))
    }
}

/// The list `foreign` without `name`, where it is there: a name in both is an error. A
/// pattern that covers others, too, is for a person to change.
fn without(rule: &CheckoutRule, name: &str) -> Option<String> {
    let Some(foreign) = &rule.foreign else { return Some(String::new()) };
    let covers = |pattern: &&Pattern| pattern.matches(name.as_bytes());
    let (covering, others): (Vec<_>, Vec<_>) = foreign.iter().partition(covers);
    if covering.iter().any(|pattern| pattern.literal().is_none()) {
        return None;
    }
    let others: Vec<String> = others.iter().map(|pattern| scalar(&pattern.to_string())).collect();
    Some(format!(", foreign: [{}]", others.join(", ")))
}

/// The list with one more.
fn with(listed: impl Iterator<Item = String>, more: &str) -> String {
    let all: Vec<String> = listed.chain([more.to_owned()]).map(|item| scalar(&item)).collect();
    format!("[{}]", all.join(", "))
}

/// A word as it stands in a list of YAML: in quotes where it could be anything but a word.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    // What JSON puts between quotes, YAML reads.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;
    use crate::judge::{Checkout, Root, samples};

    fn territory() -> Territory {
        let root = Root { allowed: vec![OsString::from("develop")], ..Root::default() };
        Territory {
            checkouts: vec![Checkout { rule: 0, top: "/srv/m".into(), git_dir: None }],
            roots: BTreeMap::from([("/srv/m/overlays".into(), root)]),
            ..Territory::default()
        }
    }

    /// That each of them really allows it is
    /// `audit::would_refuse::the_line_that_would_allow_it_allows_it`.
    #[test]
    fn the_line_that_would_allow_it() {
        let policy = samples::policy("develop");
        let territory = territory();
        let allowing = Allowing { policy: &policy, territory: &territory };
        for (code, offender, expected) in [
            ("tree-branch", "feature", "policy: {branch: warn}"),
            ("kubectl-skew", "1.29", "policy: {skew: warn}"),
            ("sandbox-missing", "landlock", "policy: {sandbox: auto}"),
            ("kustomize-as-files", "/srv/m/base", "nothing: use -k instead of -f"),
            ("cluster-override", "--context", "nothing: kubectl envguard why cluster-override"),
            ("no-such-code", "x", "nothing: kubectl envguard why no-such-code"),
            ("target-remote", "nonsense", "nothing: kubectl envguard why target-remote"),
            ("target-foreign", "/srv/m/overlays/develop", "nothing: it is allowed by now"),
        ] {
            assert_eq!(allowing.line(code, offender), expected);
        }
    }

    #[test]
    fn a_name_is_not_in_two_lists_afterwards() {
        let mut policy = samples::policy("develop");
        let territory = territory();
        let mut line = |foreign: &[&str]| {
            let patterns = foreign.iter().map(|name| Pattern::new(name.as_bytes()).unwrap());
            policy.checkouts[0].foreign = Some(patterns.collect());
            let allowing = Allowing { policy: &policy, territory: &territory };
            allowing.line("target-foreign", "/srv/m/overlays/prod/x.yaml")
        };
        assert!(line(&["prod", "sta*"]).ends_with("prod], foreign: [\"sta*\"]}]"));
        assert!(line(&["prod"]).ends_with("prod], foreign: []}]"));
        assert_eq!(line(&["pro*"]), "nothing: kubectl envguard why target-foreign");
    }

    #[test]
    fn words_stay_words() {
        for (text, expected) in [
            ("develop", "develop"),
            ("/srv/a-b_c.d", "/srv/a-b_c.d"),
            ("no", "\"no\""),
            ("1.20", "\"1.20\""),
            ("prod*", "\"prod*\""),
            ("a, b", "\"a, b\""),
            ("本番", "\"本番\""),
            ("https://h/o/", "\"https://h/o/\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }
}
