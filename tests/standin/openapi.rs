//! OpenAPI, as little as kubectl needs: which query parameters PATCH takes for
//! each kind. Before a dry run or a validated apply kubectl looks there for
//! `dryRun` and `fieldValidation` and stops when it does not find them. Types
//! are not described, so kubectl merges by what is compiled into it.

use serde_json::{Map, Value, json};

use crate::kinds::{self, KINDS, Kind};
use crate::protobuf::Message;
use crate::reply::Reply;

const PARAMETERS: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];

/// As newer servers write it: the older form, with `@`, is no valid media type,
/// and Go refuses to read it.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// `/openapi/v2`, in protobuf for those who ask for it: kubectl always does.
pub(crate) fn v2(accept: &str) -> Reply {
    if !accept.contains("protobuf") {
        let document = document(&json!({ "swagger": "2.0" }), KINDS.iter());
        return Reply::json(200, &document);
    }
    // Numbers as in the message `openapi.v2.Document` and those it is made of.
    let info = Message::default().text(1, "Kubernetes").text(2, "v1");
    let paths = KINDS.iter().fold(Message::default(), |paths, kind| {
        let item = Message::default().message(8, &operation(kind));
        paths.message(2, &Message::default().text(1, &path(kind)).message(2, &item))
    });
    let document = Message::default().text(1, "2.0").message(2, &info).message(8, &paths);
    Reply { code: 200, content_type: PROTOBUF, body: document.into_bytes() }
}

/// The operation PATCH: its parameters, and the extension by which kubectl
/// recognises the kind it is about.
fn operation(kind: &Kind) -> Message {
    let gvk = Message::default().text(2, &group_version_kind(kind).to_string());
    let extension = Message::default().text(1, "x-kubernetes-group-version-kind").message(2, &gvk);
    PARAMETERS
        .iter()
        .fold(Message::default(), |operation, name| {
            let query = Message::default().text(2, "query").text(4, name).text(6, "string");
            let other_than_body = Message::default().message(3, &query);
            let parameter = Message::default().message(2, &other_than_body);
            operation.message(8, &Message::default().message(1, &parameter))
        })
        .message(13, &extension)
}

/// `/openapi/v3` and what it points to; always JSON.
pub(crate) fn v3(rest: &[&str]) -> Option<Reply> {
    let of_group = |group: &str| {
        let mut kinds = KINDS.iter().filter(|kind| kind.group == group).peekable();
        kinds.peek()?;
        let document = document(&json!({ "openapi": "3.0.0" }), kinds);
        Some(Reply::json(200, &document))
    };
    match *rest {
        [] => Some(Reply::json(200, &index())),
        ["api", "v1"] => of_group(""),
        ["apis", group, "v1"] => of_group(group),
        _ => None,
    }
}

fn index() -> Value {
    let paths: Map<String, Value> = kinds::groups()
        .into_iter()
        .filter_map(|group| KINDS.iter().find(|kind| kind.group == group))
        .map(|kind| {
            let root = kind.root();
            let url = format!("/openapi/v3{root}?hash=0");
            (root.trim_start_matches('/').to_owned(), json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths })
}

fn document(head: &Value, kinds: impl Iterator<Item = &'static Kind>) -> Value {
    let parameters: Vec<Value> = PARAMETERS
        .iter()
        .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }))
        .collect();
    let paths: Map<String, Value> = kinds
        .map(|kind| {
            let patch = json!({
                "parameters": parameters,
                "responses": { "200": { "description": "OK" } },
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": group_version_kind(kind),
            });
            (path(kind), json!({ "patch": patch }))
        })
        .collect();
    let mut document = head.clone();
    document["info"] = json!({ "title": "Kubernetes", "version": "v1" });
    document["paths"] = paths.into();
    document
}

fn path(kind: &Kind) -> String {
    let namespace = if kind.namespaced() { "/namespaces/{namespace}" } else { "" };
    format!("{}{namespace}/{}/{{name}}", kind.root(), kind.plural)
}

fn group_version_kind(kind: &Kind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}
