//! What an API server does with a ValidatingAdmissionPolicy, as far as ours goes: its rules
//! and selector here, its expressions by an implementation of CEL. `real` asks the same of
//! the API server's own code.

use cel::{Context, Program};
use serde_json::{Map, Value, json};

use super::requests::Request;

/// What became of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The policies that object, with what they say.
    pub(super) objections: Vec<(String, String)>,
    /// What the bindings of these make of it.
    pub(super) actions: Vec<String>,
}

pub(super) fn judged(manifests: &[Value], request: &Request) -> Outcome {
    let mut outcome = Outcome::default();
    for policy in manifests.iter().filter(|one| one["kind"] == "ValidatingAdmissionPolicy") {
        let spec = &policy["spec"];
        if !is_matched(&spec["matchConstraints"], request) {
            continue;
        }
        let mut scope = Scope::of(request);
        if !list(&spec["matchConditions"]).all(|one| scope.is_true(&one["expression"])) {
            continue;
        }
        for variable in list(&spec["variables"]) {
            scope.define(text(&variable["name"]), &variable["expression"]);
        }
        for validation in list(&spec["validations"]) {
            if !scope.is_true(&validation["expression"]) {
                let said = match &validation["messageExpression"] {
                    Value::Null => validation["message"].clone(),
                    expression => scope.value(expression),
                };
                let name = text(&policy["metadata"]["name"]);
                outcome.objections.push((name.to_owned(), text(&said).to_owned()));
                outcome.actions.extend(actions(manifests, name));
            }
        }
    }
    outcome
}

fn actions(manifests: &[Value], policy: &str) -> Vec<String> {
    let binding = manifests.iter().find(|one| one["spec"]["policyName"] == policy).unwrap();
    list(&binding["spec"]["validationActions"]).map(|action| text(action).to_owned()).collect()
}

fn is_matched(constraints: &Value, request: &Request) -> bool {
    let hits = |rules: &Value| list(rules).any(|rule| hits(rule, request));
    hits(&constraints["resourceRules"])
        && !hits(&constraints["excludeResourceRules"])
        && is_selected(&constraints["namespaceSelector"], request)
}

fn hits(rule: &Value, request: &Request) -> bool {
    let has = |field: &str, word: &str| list(&rule[field]).any(|one| one == "*" || one == word);
    // `*` names no subresource.
    request.subresource.is_empty()
        && has("operations", request.operation)
        && has("apiGroups", request.group)
        && has("apiVersions", request.version)
        && has("resources", request.resource)
}

/// A namespace is selected by its own labels, everything else by those of its namespace,
/// and what is in none always.
fn is_selected(selector: &Value, request: &Request) -> bool {
    list(&selector["matchExpressions"]).all(|one| {
        assert_eq!(
            (text(&one["key"]), text(&one["operator"])),
            ("kubernetes.io/metadata.name", "NotIn")
        );
        request.namespace.is_empty() || !list(&one["values"]).any(|name| *name == request.namespace)
    })
}

/// What expressions may name.
struct Scope {
    names: Map<String, Value>,
}

impl Scope {
    fn of(request: &Request) -> Self {
        let names = json!({
            "object": request.object,
            "oldObject": request.old_object,
            "request": {
                "operation": request.operation,
                "userInfo": {"username": request.user},
                "resource": {
                    "group": request.group, "version": request.version, "resource": request.resource,
                },
            },
            "variables": {},
        });
        Self { names: names.as_object().unwrap().clone() }
    }

    fn define(&mut self, name: &str, expression: &Value) {
        let value = self.value(expression);
        self.names["variables"][name] = value;
    }

    fn is_true(&self, expression: &Value) -> bool {
        self.value(expression).as_bool().unwrap_or_else(|| panic!("{expression} says neither"))
    }

    fn value(&self, expression: &Value) -> Value {
        let mut context = Context::default();
        for (name, value) in &self.names {
            context.add_variable(name.as_str(), value).unwrap();
        }
        let program =
            Program::compile(text(expression)).unwrap_or_else(|e| panic!("{expression}: {e}"));
        let found = program.execute(&context).unwrap_or_else(|e| panic!("{expression}: {e}"));
        plain(&found)
    }
}

fn plain(value: &cel::Value) -> Value {
    match value {
        cel::Value::Bool(it) => json!(it),
        cel::Value::String(it) => json!(it.as_str()),
        cel::Value::List(items) => items.iter().map(plain).collect(),
        other => panic!("our expressions have no {other:?}"),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
