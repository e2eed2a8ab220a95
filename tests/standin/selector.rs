//! Label and field selectors of lists and watches.

use serde_json::Value;

use crate::reply::{Answer, Failure};
use crate::route::Target;

/// All of these have to hold.
#[derive(Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    /// Also holds when there is no value at all.
    NotIn(Vec<String>),
}

impl Selector {
    pub(crate) fn of(target: &Target) -> Answer<Self> {
        let parse = |parameter, split: fn(&str) -> Vec<&str>| {
            split(target.parameter(parameter).unwrap_or_default())
                .into_iter()
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(requirement)
                .collect::<Answer<Vec<_>>>()
        };
        let fields = parse("fieldSelector", |text| text.split(',').collect())?;
        if fields.iter().any(|field| matches!(field.test, Test::Exists | Test::Absent)) {
            return Err(Failure::bad_request("a field selector compares with = or !="));
        }
        Ok(Self { labels: parse("labelSelector", outside_parentheses)?, fields })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |key: &str| labels.get(key).and_then(Value::as_str).map(str::to_owned);
        let field = |path: &str| {
            let value = path.split('.').try_fold(object, |value, segment| value.get(segment));
            // A field that is not there compares as the empty string.
            Some(match value {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            })
        };
        self.labels.iter().all(|requirement| requirement.holds(label(&requirement.key).as_deref()))
            && self
                .fields
                .iter()
                .all(|requirement| requirement.holds(field(&requirement.key).as_deref()))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |list: &[String]| value.is_some_and(|value| list.iter().any(|it| it == value));
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(list) => among(list),
            Test::NotIn(list) => !among(list),
        }
    }
}

/// Splits at the commas that separate requirements, not at those in a set.
fn outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Answer<Requirement> {
    let one = |value: &str| vec![value.trim().to_owned()];
    let (key, test) = if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotIn(one(value)))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Test::In(one(value)))
    } else if let Some((key, set)) = text.split_once(" notin ") {
        (key, Test::NotIn(members(set)?))
    } else if let Some((key, set)) = text.split_once(" in ") {
        (key, Test::In(members(set)?))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Test::Absent)
    } else {
        (text, Test::Exists)
    };
    let key = key.trim();
    if key.is_empty() || key.contains([' ', '(', ')', ',']) {
        return Err(Failure::bad_request(format!("unable to parse requirement: {text:?}")));
    }
    Ok(Requirement { key: key.to_owned(), test })
}

fn members(set: &str) -> Answer<Vec<String>> {
    set.trim()
        .strip_prefix('(')
        .and_then(|set| set.strip_suffix(')'))
        .map(|set| set.split(',').map(|value| value.trim().to_owned()).collect())
        .ok_or_else(|| Failure::bad_request(format!("a set is written (a,b): {set:?}")))
}
