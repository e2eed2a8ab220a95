//! Objects as the API server prints them: which one it is, who looks after it, and
//! what of it nobody has written.

use serde::Deserialize;
use serde_json::Value;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`
    pub kind: String,
    /// Empty for what stands in no namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A program that puts things back as its repository has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// `Argo CD`
    pub program: &'static str,
    /// What it calls the set that the object belongs to.
    pub set: String,
}

/// Annotations and labels by which controllers know their objects. Argo CD's oldest
/// way, the label `app.kubernetes.io/instance`, is Helm's and everybody's too, and
/// says nothing.
const MARKS: [(&str, &str, &str); 5] = [
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("annotations", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
];

/// What the server writes by itself.
const KEPT_BY_SERVER: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Annotations that repeat the object or count its versions.
const REPETITIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

impl Identity {
    /// Of an object; `None` when it is none.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let group = match object["apiVersion"].as_str()?.split_once('/') {
            Some((group, _)) => group.to_owned(),
            None => String::new(),
        };
        Some(Self {
            group,
            kind: text(&object["kind"])?,
            namespace: text(&object["metadata"]["namespace"]).unwrap_or_default(),
            name: text(&object["metadata"]["name"])
                .or_else(|| text(&object["metadata"]["generateName"]))?,
        })
    }

    /// Whether it is a Secret of Kubernetes' own.
    pub(super) fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

impl std::fmt::Display for Identity {
    /// `apps/Deployment web/api`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (part, end) in [(&self.group, '/'), (&self.kind, ' '), (&self.namespace, '/')] {
            if !part.is_empty() {
                write!(f, "{part}{end}")?;
            }
        }
        f.write_str(&self.name)
    }
}

/// Who puts `object` back: each program once, though it may leave two marks.
pub(super) fn controllers<'o>(objects: impl IntoIterator<Item = &'o Value>) -> Vec<Controller> {
    let mut found: Vec<Controller> = Vec::new();
    for object in objects {
        for (place, name, program) in MARKS {
            let mark = object["metadata"][place].get(name).and_then(Value::as_str);
            if let Some(mark) = mark.filter(|_| found.iter().all(|other| other.program != program))
            {
                // A tracking id is `SET:GROUP/KIND:NAMESPACE/NAME`.
                let set = mark.split(':').next().unwrap_or_default().to_owned();
                found.push(Controller { program, set });
            }
        }
    }
    found
}

/// Takes out what nobody has written.
pub(super) fn reduce(object: &mut Value) {
    take_out_nothings(object);
    let Some(fields) = object.as_object_mut() else { return };
    fields.remove("status");
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for name in KEPT_BY_SERVER {
        metadata.remove(name);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        for name in REPETITIONS {
            annotations.remove(name);
        }
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

/// Old versions of kubectl print fields that hold nothing.
fn take_out_nothings(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(take_out_nothings);
            let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            let says_nothing = |name: &str, value: &Value| {
                value.is_null() || is_empty(value) && ["resources", "strategy"].contains(&name)
            };
            fields.retain(|name, value| !says_nothing(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(take_out_nothings),
        _ => {}
    }
}

/// The objects of one or more JSON documents, of which lists give their items.
pub(super) fn from_json(text: &[u8]) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        let mut value = value.map_err(|error| format!("kubectl printed no objects: {error}"))?;
        let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        match value.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if is_list => found.extend(items),
            _ => found.push(value),
        }
    }
    Ok(found)
}

/// The object in a file of `kubectl diff`; `None` when the file is empty.
pub(super) fn from_yaml(text: &str) -> Result<Option<Value>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let document = serde_yaml::Deserializer::from_str(text);
    let value = Value::deserialize(document)
        .map_err(|error| format!("kubectl diff printed no object: {error}"))?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_called_by_group_kind_namespace_and_name() {
        let called = |object: &Value| Identity::of(object).map(|found| found.to_string());
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "web", "name": "api"}});
        assert_eq!(called(&object).unwrap(), "apps/Deployment web/api");
        let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}});
        assert_eq!(called(&object).unwrap(), "Node n1");
        assert_eq!(called(&json!({"kind": "Status"})), None);
    }

    #[test]
    fn controllers_are_known_by_their_marks() {
        for (metadata, expected) in [
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:web/api"}}),
                vec![("Argo CD", "shop")],
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
                vec![("Flux", "apps")],
            ),
            (
                json!({
                    "annotations": {"argocd.argoproj.io/instance": "a", "argocd.argoproj.io/tracking-id": "shop:x"},
                    "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
                }),
                vec![("Argo CD", "shop"), ("Flux", "apps")],
            ),
            (json!({"labels": {"helm.toolkit.fluxcd.io/name": "redis"}}), vec![("Flux", "redis")]),
            (json!({"labels": {"app.kubernetes.io/instance": "shop"}}), vec![]),
        ] {
            let found = controllers([&json!({"metadata": metadata})]);
            let found: Vec<_> = found.iter().map(|one| (one.program, one.set.as_str())).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn lists_and_documents_give_objects() {
        let text = br#"{"kind":"List","items":[{"kind":"A"},{"kind":"B"}]}{"kind":"C"}"#;
        let kinds: Vec<Value> =
            from_json(text).unwrap().into_iter().map(|object| object["kind"].clone()).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
        assert!(from_json(b"error").is_err());
        assert_eq!(from_yaml("\n").unwrap(), None);
        assert!(from_yaml("a: [").is_err());
    }
}
