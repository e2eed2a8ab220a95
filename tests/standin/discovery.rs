//! Discovery: how kubectl learns which kinds there are. This is the form that
//! every version understands; newer ones ask for the aggregated form first and
//! take this one when that is what comes back.

use serde_json::{Value, json};

use crate::kinds::{self, KINDS, Kind, Trait};
use crate::{review, subresource};

/// `/version`.
pub(crate) fn version(minor: u16) -> Value {
    json!({
        "major": "1",
        "minor": minor.to_string(),
        "gitVersion": format!("v1.{minor}.0"),
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "linux/amd64",
    })
}

/// The discovery document at a path, if there is one.
pub(crate) fn document(path: &[&str], address: &str) -> Option<Value> {
    match *path {
        [] => Some(json!({ "paths": roots() })),
        ["api"] => Some(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
        })),
        ["apis"] => Some(json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": named_groups().map(group).collect::<Vec<_>>(),
        })),
        ["apis", name] => named_groups().find(|group| *group == name).map(group),
        ["api", "v1"] => Some(resources("")),
        ["apis", name, "v1"] => named_groups().find(|group| *group == name).map(resources),
        _ => None,
    }
}

fn named_groups() -> impl Iterator<Item = &'static str> {
    kinds::groups().into_iter().filter(|group| !group.is_empty())
}

fn roots() -> Vec<String> {
    let fixed = ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"];
    let groups = named_groups().map(|group| format!("/apis/{group}/v1"));
    fixed.into_iter().map(str::to_owned).chain(groups).collect()
}

fn group(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": [version],
        "preferredVersion": version,
    })
}

fn resources(group: &str) -> Value {
    let group_version = if group.is_empty() { "v1".into() } else { format!("{group}/v1") };
    let stored = KINDS.iter().filter(|kind| kind.group == group).flat_map(with_subresources);
    let reviews = review::KINDS.iter().filter(|review| review.group == group).map(|review| {
        json!({
            "name": review.plural,
            "singularName": review.kind.to_lowercase(),
            "namespaced": false,
            "kind": review.kind,
            "verbs": ["create"],
        })
    });
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": stored.chain(reviews).collect::<Vec<_>>(),
    })
}

fn with_subresources(kind: &Kind) -> Vec<Value> {
    let mut entry = json!({
        "name": kind.plural,
        "singularName": kind.kind.to_lowercase(),
        "namespaced": kind.namespaced(),
        "kind": kind.kind,
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    });
    if !kind.short.is_empty() {
        entry["shortNames"] = json!(kind.short);
    }
    if kind.is(Trait::All) {
        entry["categories"] = json!(["all"]);
    }
    let mut entries = vec![entry];
    if kind.is(Trait::Scale) {
        entries.push(json!({
            "name": format!("{}/scale", kind.plural),
            "singularName": "",
            "namespaced": kind.namespaced(),
            "group": "autoscaling",
            "version": "v1",
            "kind": "Scale",
            "verbs": ["get", "patch", "update"],
        }));
    }
    if kind.is(Trait::Status) {
        entries.push(json!({
            "name": format!("{}/status", kind.plural),
            "singularName": "",
            "namespaced": kind.namespaced(),
            "kind": kind.kind,
            "verbs": ["get", "patch", "update"],
        }));
    }
    entries.extend(subresource::of(kind).iter().map(|(name, group, version, of_kind)| {
        json!({
            "name": format!("{}/{name}", kind.plural),
            "singularName": "",
            "namespaced": kind.namespaced(),
            "group": group,
            "version": version,
            "kind": of_kind,
            "verbs": ["create", "get"],
        })
    }));
    entries
}
