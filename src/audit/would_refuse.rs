//! What observe mode let run although a rule was against it: the table a team
//! reads before it enforces.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::event::Event;
use crate::judge::Code;
use crate::text::{quoted, shown};

/// Counts by code and path, with the people and the line that would allow it.
#[derive(Debug, Default)]
pub struct WouldRefuse {
    rows: BTreeMap<(String, String), Row>,
}

#[derive(Debug, Default)]
struct Row {
    count: usize,
    people: BTreeSet<String>,
}

impl WouldRefuse {
    /// Counts one event.
    pub fn add(&mut self, event: &Event) {
        let person = event.user.clone().unwrap_or_else(|| event.uid.to_string());
        for reason in &event.reasons {
            let key = (reason.code.clone(), reason.offender.clone());
            let row = self.rows.entry(key).or_default();
            row.count += 1;
            row.people.insert(person.clone());
        }
    }

    fn most_frequent_first(&self) -> Vec<(&(String, String), &Row)> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.count));
        rows
    }

    /// The table for programs.
    ///
    /// # Errors
    /// Never for these rows; serde asks for the possibility.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let rows = self.most_frequent_first().into_iter().map(|((code, offender), row)| {
            let allow = allowing(code, offender);
            RowDocument { code, offender, count: row.count, people: &row.people, allow }
        });
        let document = Document {
            api_version: "envguard/v1alpha1",
            kind: "WouldRefuse",
            rows: rows.collect(),
        };
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    /// The table for people.
    #[must_use]
    pub fn table(&self) -> String {
        if self.rows.is_empty() {
            return "nothing would have been refused\n".to_owned();
        }
        let mut text = String::new();
        for ((code, offender), row) in self.most_frequent_first() {
            let people: Vec<&str> = row.people.iter().map(String::as_str).collect();
            text.push_str(&format!(
                "{:>5}  {}  {}\n       by       {}\n       allow    {}\n",
                row.count,
                shown(code),
                shown(offender),
                shown(people.join(", ")),
                allowing(code, offender),
            ));
        }
        text
    }
}

/// The shape of `audit --would-refuse -o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    api_version: &'static str,
    kind: &'static str,
    rows: Vec<RowDocument<'r>>,
}

#[derive(Serialize)]
struct RowDocument<'r> {
    code: &'r str,
    offender: &'r str,
    count: usize,
    people: &'r BTreeSet<String>,
    allow: String,
}

/// The configuration line that would have let it pass, or why there is none.
fn allowing(code: &str, offender: &str) -> String {
    let name = || {
        let name = Path::new(offender).file_name().map(shown).unwrap_or_default();
        quoted(name)
    };
    match Code::named(code) {
        Some(Code::TargetForeign) => {
            format!("checkouts: allow: [{}]   # if it is this environment's", name())
        }
        Some(Code::ReferenceForeign) => {
            format!("checkouts: shared: [{}]   # if it may be used everywhere", name())
        }
        Some(Code::TargetOutside | Code::ReferenceOutside) => {
            format!("alsoAllow: [{}]", quoted(offender))
        }
        Some(Code::TargetRemote | Code::ReferenceRemote) => {
            format!("policy: remotes: [{}]", quoted(prefix(offender)))
        }
        Some(Code::TargetStdin) => "policy: stdin: allow".to_owned(),
        Some(Code::KustomizeAsFiles) => "nothing: use -k instead of -f".to_owned(),
        Some(Code::TreeUncommitted) => "policy: uncommitted: warn".to_owned(),
        Some(Code::TreeBranch) => "policy: branch: warn".to_owned(),
        Some(Code::KubectlSkew) => "policy: skew: warn".to_owned(),
        Some(Code::SandboxMissing) => "policy: sandbox: auto".to_owned(),
        _ => format!("nothing: kubectl envguard why {}", shown(code)),
    }
}

/// Scheme, host and the first segment: as narrow as a team's own place is.
fn prefix(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let mut parts = address.splitn(5, '/');
    let kept: Vec<&str> = parts.by_ref().take(4).collect();
    format!("{}/", kept.join("/").trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_would_allow_it() {
        for (code, offender, expected) in [
            ("target-outside", "/srv/addons/x.yaml", "alsoAllow: [/srv/addons/x.yaml]"),
            (
                "reference-remote",
                "https://github.com/org/repo//x?ref=1",
                "policy: remotes: [https://github.com/org/]",
            ),
            ("target-stdin", "-", "policy: stdin: allow"),
            ("tree-uncommitted", "overlays/develop/x.yaml", "policy: uncommitted: warn"),
            ("tree-branch", "feature", "policy: branch: warn"),
            ("kubectl-skew", "1.29", "policy: skew: warn"),
            ("cluster-override", "--context", "nothing: kubectl envguard why cluster-override"),
        ] {
            assert_eq!(allowing(code, offender), expected);
        }
    }
}
