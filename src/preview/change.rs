//! What is different between an object as it is and as it would be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::conceal;
use super::object::{self, Controller, Identity};

/// Nobody reads more differences of one object.
const MOST_FIELDS: usize = 200;

/// A longer value is not printed in a line.
const LONGEST: usize = 40;

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Goes,
    /// It is made.
    New,
    /// It changes.
    Changes,
    /// Something that no field shows, in a few words.
    Other(&'static str),
}

/// One object and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which object.
    pub identity: Identity,
    /// What happens.
    pub fate: Fate,
    /// The fields that differ.
    pub fields: Vec<Field>,
    /// Who will put it back.
    pub controllers: Vec<Controller>,
    /// Both versions as YAML, without secrets; empty unless somebody wants to read
    /// them.
    pub texts: (String, String),
}

/// One difference, ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `image`, `env[DB_HOST]`
    pub label: String,
    /// The difference.
    pub difference: Difference,
}

impl Field {
    /// What people look for stands first, so that no narrow terminal hides it.
    fn rank(&self) -> usize {
        const FIRST: [&str; 2] = ["image", "replicas"];
        let last = self.label.rsplit(['.', ' ']).next().unwrap_or_default();
        FIRST.iter().position(|first| *first == last).unwrap_or(FIRST.len())
    }
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// From one value to another.
    Values(String, String),
    /// Somehow: it is too long, or not to be seen.
    Somehow,
    /// It is added, with its value where that is short.
    Added(Option<String>),
    /// It is removed.
    Removed,
}

impl Change {
    /// What is to be told about an object; `None` when nothing would be different.
    pub(super) fn between(live: Option<Value>, next: Option<Value>, texts: bool) -> Option<Self> {
        let identity = Identity::of(next.as_ref().or(live.as_ref())?)?;
        // What is there carries the controller's marks; what is new brings them along.
        let controllers = object::controllers([&live, &next].into_iter().flatten());
        let reduced = |mut value: Value| {
            object::reduce(&mut value);
            value
        };
        let (live, next) = (live.map(reduced), next.map(reduced));
        let (fate, fields) = match (&live, &next) {
            (Some(_), None) => (Fate::Goes, Vec::new()),
            (None, _) => (Fate::New, Vec::new()),
            (Some(live), Some(next)) => {
                let mut found =
                    Differences { identity: &identity, fields: Vec::new(), path: Vec::new() };
                found.compare(live, next);
                let mut fields = found.fields;
                fields.sort_by_key(Field::rank);
                if fields.is_empty() {
                    return None;
                }
                (Fate::Changes, fields)
            }
        };
        let texts = if texts {
            (
                text(live.as_ref(), next.as_ref(), &identity, false),
                text(next.as_ref(), live.as_ref(), &identity, true),
            )
        } else {
            (String::new(), String::new())
        };
        Some(Self { identity, fate, fields, controllers, texts })
    }

    /// An object of which only this is known.
    pub(super) fn of(object: &Value, fate: Fate) -> Option<Self> {
        let identity = Identity::of(object)?;
        let controllers = object::controllers([object]);
        Some(Self {
            identity,
            fate,
            fields: Vec::new(),
            controllers,
            texts: (String::new(), String::new()),
        })
    }
}

fn text(value: Option<&Value>, other: Option<&Value>, identity: &Identity, after: bool) -> String {
    let Some(value) = value else { return String::new() };
    let value = conceal::object(value, other, identity, after);
    serde_yaml::to_string(&value).unwrap_or_default()
}

struct Differences<'i> {
    identity: &'i Identity,
    fields: Vec<Field>,
    path: Vec<String>,
}

impl Differences<'_> {
    fn compare(&mut self, live: &Value, next: &Value) {
        if live == next || self.fields.len() >= MOST_FIELDS {
            return;
        }
        match (live, next) {
            (Value::Object(one), Value::Object(other)) => {
                let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
                for name in names {
                    self.below(name.clone(), one.get(name), other.get(name));
                }
            }
            (Value::Array(one), Value::Array(other)) => match key_of(one, other) {
                Some(key) => self.by_key(key, one, other),
                None if one.len() == other.len() && !one.iter().chain(other).all(is_scalar) => {
                    for (index, (one, other)) in one.iter().zip(other).enumerate() {
                        self.below(format!("[{index}]"), Some(one), Some(other));
                    }
                }
                None => self.add(Difference::Somehow),
            },
            _ => {
                let difference = match (self.shown(live), self.shown(next)) {
                    (Some(one), Some(other)) if one != other => Difference::Values(one, other),
                    _ => Difference::Somehow,
                };
                self.add(difference);
            }
        }
    }

    fn by_key(&mut self, key: &str, one: &[Value], other: &[Value]) {
        let names: Vec<String> = one.iter().chain(other).map(|item| plain(&item[key])).collect();
        let mut seen = BTreeSet::new();
        for name in names {
            if seen.insert(name.clone()) {
                let find =
                    |items: &[Value]| items.iter().find(|item| plain(&item[key]) == name).cloned();
                self.below(format!("[{name}]"), find(one).as_ref(), find(other).as_ref());
            }
        }
    }

    fn below(&mut self, name: String, one: Option<&Value>, other: Option<&Value>) {
        self.path.push(name);
        match (one, other) {
            (Some(one), Some(other)) => self.compare(one, other),
            (None, Some(Value::Object(fields))) if self.is_map() => {
                for (name, value) in fields {
                    self.below(name.clone(), None, Some(value));
                }
            }
            (None, Some(added)) if self.fields.len() < MOST_FIELDS => {
                // Of a variable that is added, its value.
                let value = added.get("value").unwrap_or(added);
                let value = self.shown(value);
                self.add(Difference::Added(value));
            }
            (Some(_), None) if self.fields.len() < MOST_FIELDS => self.add(Difference::Removed),
            _ => {}
        }
        self.path.pop();
    }

    /// Whether the fields here say something, and that they are there says nothing.
    fn is_map(&self) -> bool {
        const MAPS: [&str; 8] = [
            "annotations",
            "data",
            "labels",
            "limits",
            "nodeSelector",
            "requests",
            "spec",
            "stringData",
        ];
        self.path.last().is_some_and(|last| MAPS.contains(&last.as_str()))
    }

    /// A short value that may be seen.
    fn shown(&self, value: &Value) -> Option<String> {
        let path: Vec<String> =
            self.path.iter().map(|name| name.trim_matches(['[', ']']).to_owned()).collect();
        if !is_scalar(value) || conceal::is_hidden(self.identity, &path) {
            return None;
        }
        let text = conceal::text_at(&path, &plain(value));
        let fits = text.chars().count() <= LONGEST && !text.contains('\n');
        (fits || self.path.last().is_some_and(|last| last == "image")).then_some(text)
    }

    fn add(&mut self, difference: Difference) {
        let difference = match difference {
            Difference::Values(one, other)
                if self.path.last().is_some_and(|last| last == "image") =>
            {
                shorter(one, other)
            }
            difference => difference,
        };
        self.fields.push(Field { label: label(&self.path), difference });
    }
}

/// Of two images of the same repository only what differs: `v41`, `v42`.
fn shorter(one: String, other: String) -> Difference {
    let split = |image: &str| {
        let from = image.rfind('/').map_or(0, |at| at + 1);
        let at = from + image[from..].find([':', '@'])?;
        Some((image[..at].to_owned(), image[at + 1..].to_owned()))
    };
    match (split(&one), split(&other)) {
        (Some((repository, tag)), Some((same, next))) if repository == same => {
            Difference::Values(tag, next)
        }
        _ => Difference::Values(one, other),
    }
}

/// By which field the elements of two lists are told apart.
fn key_of(one: &[Value], other: &[Value]) -> Option<&'static str> {
    const KEYS: [&str; 6] = ["name", "key", "containerPort", "port", "mountPath", "type"];
    KEYS.into_iter().find(|key| {
        [one, other].into_iter().all(|items| {
            let mut seen = BTreeSet::new();
            items.iter().all(|item| {
                item.get(key).is_some_and(|value| is_scalar(value) && seen.insert(plain(value)))
            })
        })
    })
}

const fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The path as people call it: without the levels that every workload has.
fn label(path: &[String]) -> String {
    const LEVELS: [&[&str]; 6] = [
        &["spec", "jobTemplate", "spec", "template", "spec"],
        &["spec", "template", "spec"],
        &["spec", "template", "metadata"],
        &["spec"],
        &["metadata"],
        &[],
    ];
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let is_above = |level: &&&[&str]| names.starts_with(level) && names.len() > level.len();
    let level = LEVELS.iter().find(is_above).copied().unwrap_or_default();
    let mut rest = &names[level.len()..];
    let mut label =
        if level.ends_with(&["template", "metadata"]) { "pod ".to_owned() } else { String::new() };
    if let ["containers", container, more @ ..] = rest
        && !more.is_empty()
    {
        let name = container.trim_matches(['[', ']']);
        // Whose image it is matters where there are several; the name costs little.
        if !matches!(more, ["image"]) {
            label.push_str(&format!("{name} "));
        }
        rest = more;
    }
    // `env[NAME].value` is the variable.
    if let ["env", _, "value"] = rest {
        rest = &rest[..2];
    }
    for (index, name) in rest.iter().enumerate() {
        if index > 0 && !name.starts_with('[') {
            label.push('.');
        }
        label.push_str(name);
    }
    label
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, rest: &Value) -> Value {
        let mut object =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "n"}});
        for (name, value) in rest.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    }

    fn told(kind: &str, live: &Value, next: &Value) -> Vec<String> {
        let change = Change::between(Some(object(kind, live)), Some(object(kind, next)), true);
        let Some(change) = change else { return Vec::new() };
        assert!(!format!("{change:?}").contains("S3CRET"), "{change:?}");
        change
            .fields
            .iter()
            .map(|Field { label, difference }| match difference {
                Difference::Values(one, other) => format!("{label} {one}>{other}"),
                Difference::Somehow => format!("{label} ~"),
                Difference::Added(value) => format!("+{label} {}", value.as_deref().unwrap_or("…")),
                Difference::Removed => format!("-{label}"),
            })
            .collect()
    }

    #[test]
    fn fields_are_told_as_people_call_them() {
        let pod =
            |container: Value| json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        for (live, next, expected) in [
            (
                json!({"spec": {"replicas": 3}}),
                json!({"spec": {"replicas": 6}}),
                vec!["replicas 3>6"],
            ),
            (
                pod(json!({"name": "api", "image": "reg:5000/a/api:v41"})),
                pod(json!({"name": "api", "image": "reg:5000/a/api:v42"})),
                vec!["image v41>v42"],
            ),
            (
                pod(json!({"name": "api", "image": "api:v41"})),
                pod(json!({"name": "api", "image": "other:v41"})),
                vec!["image api:v41>other:v41"],
            ),
            (
                pod(
                    json!({"name": "api", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}),
                ),
                pod(
                    json!({"name": "api", "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]}),
                ),
                vec!["-api env[A]", "api env[B] 1>2", "+api env[C] 3"],
            ),
            (
                pod(json!({"name": "api", "env": [{"name": "DB_PASSWORD", "value": "S3CRET1"}]})),
                pod(json!({"name": "api", "env": [{"name": "DB_PASSWORD", "value": "S3CRET2"}]})),
                vec!["api env[DB_PASSWORD] ~"],
            ),
            (
                json!({"spec": {"template": {"metadata": {"labels": {"a": "1"}}}}}),
                json!({"spec": {"template": {"metadata": {"labels": {"a": "2"}}}}}),
                vec!["pod labels.a 1>2"],
            ),
            (
                json!({"data": {"a": "x\ny"}}),
                json!({"data": {"a": "x\nz", "b": "1"}}),
                vec!["data.a ~", "+data.b 1"],
            ),
            (
                json!({"spec": {"list": [1, 2]}}),
                json!({"spec": {"list": [1, 2, 3]}}),
                vec!["list ~"],
            ),
        ] {
            assert_eq!(told("X", &live, &next), expected);
        }
    }

    #[test]
    fn of_a_line_with_a_password_in_it_nothing_is_told() {
        let data = |text: &str| json!({"data": {"a": text}});
        for text in ["Server=db;Password=S3CRET", "Server=db;Pwd=S3CRET", "//r/:_authToken=S3CRET"]
        {
            let (live, next) = (format!("{text}1"), format!("{text}2"));
            assert_eq!(told("ConfigMap", &data(&live), &data(&next)), ["data.a ~"]);
        }
        assert_eq!(
            told("ConfigMap", &data("Server=db"), &data("Server=db2")),
            ["data.a Server=db>Server=db2"]
        );
    }

    #[test]
    fn secrets_and_the_servers_own_fields_are_not_told() {
        assert_eq!(
            told(
                "Secret",
                &json!({"data": {"a": "S3CRET1"}}),
                &json!({"data": {"a": "S3CRET2", "b": "S3CRET"}})
            ),
            ["data.a ~", "+data.b …"]
        );
        let with = |version: &str, last: &str| {
            json!({"metadata": {"name": "x", "resourceVersion": version, "generation": version,
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": last}}, "status": {"x": version}})
        };
        assert_eq!(told("X", &with("1", "S3CRET1"), &with("2", "S3CRET2")), [""; 0]);
    }

    #[test]
    fn what_comes_and_goes_is_told_as_a_whole() {
        let live = object("X", &json!({"spec": 1}));
        assert_eq!(Change::between(Some(live.clone()), None, false).unwrap().fate, Fate::Goes);
        assert_eq!(Change::between(None, Some(live), false).unwrap().fate, Fate::New);
        assert!(Change::between(None, None, false).is_none());
    }
}
