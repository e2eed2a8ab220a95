//! In which form objects are shown: as they are, reduced to their metadata, or
//! as the rows that `kubectl get` prints. The client says so in `Accept`.

use serde_json::{Value, json};

use crate::clock;
use crate::http::Request;
use crate::kinds::Kind;

/// The form that a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Full,
    Metadata,
    Table,
}

impl View {
    /// The first form in `Accept` that is known here.
    pub(crate) fn of(request: &Request) -> Self {
        let accept = request.header("accept").unwrap_or_default();
        accept
            .split(',')
            .find_map(|form| {
                let is = |wanted: &str| form.split(';').any(|part| part.trim() == wanted);
                let json = is("application/json");
                if json && is("as=Table") && is("v=v1") {
                    Some(Self::Table)
                } else if json
                    && (is("as=PartialObjectMetadata") || is("as=PartialObjectMetadataList"))
                {
                    Some(Self::Metadata)
                } else {
                    (json && !form.contains("as=")).then_some(Self::Full)
                }
            })
            .unwrap_or(Self::Full)
    }

    pub(crate) fn one(self, kind: &Kind, object: &Value) -> Value {
        match self {
            Self::Full => object.clone(),
            Self::Metadata => partial(object),
            Self::Table => table(kind, &[object], &object["metadata"]["resourceVersion"]),
        }
    }

    pub(crate) fn list(self, kind: &Kind, objects: &[&Value], version: u64) -> Value {
        let version = Value::from(version.to_string());
        let (api_version, kind_name, items) = match self {
            Self::Table => return table(kind, objects, &version),
            Self::Full => (kind.api_version(), kind.kind, json!(objects)),
            Self::Metadata => {
                let items = objects.iter().copied().map(partial).collect();
                ("meta.k8s.io/v1".into(), "PartialObjectMetadata", items)
            }
        };
        json!({
            "apiVersion": api_version,
            "kind": format!("{kind_name}List"),
            "metadata": { "resourceVersion": version },
            "items": items,
        })
    }
}

fn partial(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

fn table(kind: &Kind, objects: &[&Value], version: &Value) -> Value {
    let columns = columns(kind);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|(name, _)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({ "name": name, "type": "string", "format": format, "description": "", "priority": 0 })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(object)).collect();
            json!({ "cells": cells, "object": partial(object) })
        })
        .collect();
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "Table",
        "metadata": { "resourceVersion": version },
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

type Column = (&'static str, fn(&Value) -> String);

/// What a real server shows, as far as there is anything to show.
fn columns(kind: &Kind) -> Vec<Column> {
    let own: &[Column] = match kind.kind {
        "ConfigMap" => &[("Data", entries)],
        "Secret" => &[("Type", |object| text(&object["type"])), ("Data", entries)],
        "Namespace" | "Pod" => &[("Status", |object| text(&object["status"]["phase"]))],
        "Service" => &[
            ("Type", |object| text(&object["spec"]["type"])),
            ("Cluster-IP", |object| text(&object["spec"]["clusterIP"])),
        ],
        "Deployment" => &[
            ("Ready", ready),
            ("Up-to-date", |object| text(&object["status"]["updatedReplicas"])),
            ("Available", |object| text(&object["status"]["availableReplicas"])),
        ],
        "StatefulSet" => &[("Ready", ready)],
        _ => &[],
    };
    let name: Column = ("Name", |object| text(&object["metadata"]["name"]));
    let age: Column = ("Age", |object| clock::age(&text(&object["metadata"]["creationTimestamp"])));
    [&[name], own, &[age]].concat()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<none>".into(),
        other => other.to_string(),
    }
}

fn entries(object: &Value) -> String {
    let count = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
    (count("data") + count("binaryData")).to_string()
}

fn ready(object: &Value) -> String {
    let ready = object["status"]["readyReplicas"].as_i64().unwrap_or(0);
    format!("{ready}/{}", text(&object["spec"]["replicas"]))
}
