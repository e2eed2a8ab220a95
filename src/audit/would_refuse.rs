//! What observe mode let run although a rule was against it: the table a team
//! reads before it enforces.

use std::collections::BTreeMap;

use serde::Serialize;

use super::allowing::Allowing;
use super::event::Event;
use crate::text::shown;

/// Counts by code, path and person, with the line that would allow it.
#[derive(Debug, Default)]
pub struct WouldRefuse {
    rows: BTreeMap<(String, String), Row>,
}

/// How often each person was told so.
#[derive(Debug, Default)]
struct Row {
    people: BTreeMap<String, usize>,
}

impl Row {
    fn count(&self) -> usize {
        self.people.values().sum()
    }

    /// Who has most to change stands first.
    fn by(&self) -> String {
        let mut people: Vec<_> = self.people.iter().collect();
        people.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told = people.iter().map(|(person, count)| format!("{} {count}", shown(person)));
        told.collect::<Vec<_>>().join(", ")
    }
}

impl WouldRefuse {
    /// Counts one event.
    pub fn add(&mut self, event: &Event) {
        let person = event.person();
        for reason in &event.reasons {
            let key = (reason.code.clone(), reason.offender.clone());
            let row = self.rows.entry(key).or_default();
            *row.people.entry(person.clone()).or_default() += 1;
        }
    }

    /// Everything that a rule was against: paths, addresses and words.
    pub fn offenders(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(|(_, offender)| offender.as_str())
    }

    fn most_frequent_first(&self) -> Vec<(&(String, String), &Row)> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.count()));
        rows
    }

    /// The table for programs.
    ///
    /// # Errors
    /// Never for these rows; serde asks for the possibility.
    pub fn json(&self, allowing: Allowing<'_>) -> Result<String, serde_json::Error> {
        let rows = self.most_frequent_first().into_iter().map(|((code, offender), row)| {
            let people = row.people.keys().map(String::as_str).collect();
            let (count, allow) = (row.count(), allowing.line(code, offender));
            RowDocument { code, offender, count, people, by_person: &row.people, allow }
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
    pub fn table(&self, allowing: Allowing<'_>) -> String {
        if self.rows.is_empty() {
            return "nothing would have been refused\n".to_owned();
        }
        let mut text = String::new();
        for ((code, offender), row) in self.most_frequent_first() {
            text.push_str(&format!(
                "{:>5}  {}  {}\n       by       {}\n       allow    {}\n",
                row.count(),
                shown(code),
                shown(offender),
                row.by(),
                shown(allowing.line(code, offender)),
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
#[serde(rename_all = "camelCase")]
struct RowDocument<'r> {
    code: &'r str,
    offender: &'r str,
    count: usize,
    people: Vec<&'r str>,
    by_person: &'r BTreeMap<String, usize>,
    allow: String,
}
