//! The part of an object that the server owns: identity, version, age. A
//! client may send these fields, but only to say which object it means.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::reply::{Answer, Failure, Subject};
use crate::store::Key;

/// Fields of `metadata` that a client cannot change.
const OWNED: &[&str] =
    &["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];

/// Checks that a body is an object of this kind and in this namespace.
pub(crate) fn object(body: Value, key: &Key) -> Answer<Value> {
    let mut object = body;
    check_type(&object, &key.kind.api_version(), key.kind.kind)?;
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return Err(Failure::bad_request("the object has no metadata"));
    };
    check_namespace(metadata, &key.namespace)?;
    Ok(object)
}

/// The kind a client sends has to be the kind its URL names.
pub(crate) fn check_type(object: &Value, api_version: &str, kind: &str) -> Answer<()> {
    if !object.is_object() {
        return Err(Failure::bad_request("the body is not an object"));
    }
    if object["apiVersion"] != api_version || object["kind"] != kind {
        return Err(Failure::bad_request(format!(
            "{} in version {} cannot be handled as a {kind} of {api_version}",
            object["kind"], object["apiVersion"]
        )));
    }
    Ok(())
}

fn check_namespace(metadata: &mut Map<String, Value>, namespace: &str) -> Answer<()> {
    match metadata.get("namespace").and_then(Value::as_str).unwrap_or_default() {
        "" if namespace.is_empty() => {
            metadata.remove("namespace");
        }
        "" => {
            metadata.insert("namespace".into(), namespace.into());
        }
        given if given == namespace => {}
        _ => {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
    }
    Ok(())
}

/// The name of an object about to be created; invents one for `generateName`.
pub(crate) fn name_of_new(object: &mut Value, key: &Key) -> Answer<String> {
    let metadata = &mut object["metadata"];
    if metadata["name"].as_str().unwrap_or_default().is_empty()
        && let Some(prefix) = metadata["generateName"].as_str().filter(|text| !text.is_empty())
    {
        let suffix: String = clock::new_uid().chars().take(5).collect();
        metadata["name"] = format!("{prefix}{suffix}").into();
    }
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    check_name(&name, key)?;
    Ok(name)
}

/// RBAC names are any path segment (`system:node`), all others DNS names.
pub(crate) fn check_name(name: &str, key: &Key) -> Answer<()> {
    let subject = Subject { kind: key.kind, name };
    if name.is_empty() {
        return Err(Failure::invalid(
            subject,
            "metadata.name",
            "Required value: name or generateName is required",
        ));
    }
    let rbac = key.kind.group == "rbac.authorization.k8s.io";
    let path_segment = !matches!(name, "." | "..") && !name.contains(['/', '%']);
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let dns = name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
                && label.bytes().next().is_some_and(alphanumeric)
                && label.bytes().last().is_some_and(alphanumeric)
        });
    if (rbac && path_segment) || dns {
        return Ok(());
    }
    let why = format!(
        "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    );
    Err(Failure::invalid(subject, "metadata.name", &why))
}

/// No object nests deeper: what recurses over objects must not use up its
/// stack, however many patches have worked on one.
const DEEPEST: usize = 100;

fn shallower_than(limit: usize, value: &Value) -> bool {
    let inside = |value| limit.checked_sub(1).is_some_and(|limit| shallower_than(limit, value));
    match value {
        Value::Array(list) => list.iter().all(inside),
        Value::Object(map) => map.values().all(inside),
        _ => true,
    }
}

/// Whatever a patch has made of it: an object nests within reason, its fields
/// `spec` and `status` are objects, labels and annotations maps of strings.
pub(crate) fn check_shape(object: &Value) -> Answer<()> {
    if !shallower_than(DEEPEST, object) {
        return Err(Failure::bad_request("the object nests too deep"));
    }
    for field in ["spec", "status"] {
        if !matches!(object[field], Value::Null | Value::Object(_)) {
            return Err(Failure::bad_request(format!("{field} is not an object")));
        }
    }
    for field in ["labels", "annotations"] {
        let sound = match &object["metadata"][field] {
            Value::Null => true,
            Value::Object(map) => map.values().all(Value::is_string),
            _ => false,
        };
        if !sound {
            return Err(Failure::bad_request(format!("metadata.{field} is not a map of strings")));
        }
    }
    Ok(())
}

/// Gives a new object its identity.
pub(crate) fn stamp(object: &mut Value) {
    let metadata = &mut object["metadata"];
    if let Some(metadata) = metadata.as_object_mut() {
        for field in OWNED.iter().chain(&["managedFields", "resourceVersion"]) {
            metadata.remove(*field);
        }
    }
    metadata["uid"] = clock::new_uid().into();
    metadata["creationTimestamp"] = clock::now().into();
}

/// Makes the new form of an object keep the identity of the old one, or says
/// why it cannot be meant for that one.
pub(crate) fn inherit(new: &mut Value, old: &Value, key: &Key) -> Answer<()> {
    let subject = Subject { kind: key.kind, name: &key.name };
    let namespace = if key.namespace.is_empty() { Value::Null } else { json!(key.namespace) };
    if new["metadata"]["name"] != key.name || new["metadata"]["namespace"] != namespace {
        return Err(Failure::bad_request(
            "the name or namespace of the object does not match the one on the URL",
        ));
    }
    let old = &old["metadata"];
    if !same_or_silent(&new["metadata"]["uid"], &old["uid"]) {
        return Err(Failure::conflict(subject, "the uid in the object is not the stored one's"));
    }
    if !same_or_silent(&new["metadata"]["resourceVersion"], &old["resourceVersion"]) {
        return Err(Failure::conflict(
            subject,
            "the object has been modified; please apply your changes to the latest version and try again",
        ));
    }
    let Some(metadata) = new["metadata"].as_object_mut() else {
        return Err(Failure::bad_request("the object has no metadata"));
    };
    metadata.remove("managedFields");
    for field in OWNED.iter().chain(&["resourceVersion"]) {
        match old.get(field) {
            Some(value) => metadata.insert((*field).into(), value.clone()),
            None => metadata.remove(*field),
        };
    }
    Ok(())
}

/// Whether a precondition holds; what is not stated holds.
pub(crate) fn same_or_silent(stated: &Value, actual: &Value) -> bool {
    stated.is_null() || stated == "" || stated == actual
}

/// Whether somebody still has to do something before the object may go.
pub(crate) fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}
