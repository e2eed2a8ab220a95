//! Objects that are there from the beginning: a file of YAML documents, as
//! `kubectl get -o yaml` prints them.

use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::kinds::KINDS;
use crate::store::{Entry, Key, Store};
use crate::{clock, lifecycle};

/// Puts every object of `file` into the store, completed as if it had been
/// created; a status that stands in the file is kept.
pub(crate) fn sow(store: &mut Store, file: &Path) -> io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    for document in serde_yaml::Deserializer::from_str(&text) {
        let object = Value::deserialize(document).map_err(io::Error::other)?;
        if object.is_null() {
            continue; // a comment between two separators
        }
        let key = key_of(&object)
            .ok_or_else(|| io::Error::other(format!("no kind of this server: {object}")))?;
        let object = complete(&key, object);
        store.put(key, Entry { object, ..Entry::default() });
    }
    Ok(())
}

/// The uid depends on the object alone, so that two servers with the same
/// objects say the same of them.
fn complete(key: &Key, mut object: Value) -> Value {
    let status = object["status"].take();
    let metadata = &mut object["metadata"];
    let uid = clock::fixed_uid(&format!("{}/{}/{}", key.kind.plural, key.namespace, key.name));
    if metadata["uid"].is_null() {
        metadata["uid"] = uid.into();
    }
    if metadata["creationTimestamp"].is_null() {
        metadata["creationTimestamp"] = clock::now().into();
    }
    if key.kind.namespaced() {
        metadata["namespace"] = key.namespace.clone().into();
    }
    lifecycle::complete(key.kind, &mut object, None);
    if !status.is_null() {
        object["status"] = status;
    }
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

fn key_of(object: &Value) -> Option<Key> {
    let named = object["kind"].as_str()?;
    let version = object["apiVersion"].as_str()?;
    let kind = KINDS.iter().find(|kind| kind.kind == named && kind.api_version() == version)?;
    let given = object["metadata"]["namespace"].as_str();
    let namespace = if kind.namespaced() { given.unwrap_or("default") } else { "" };
    let name = object["metadata"]["name"].as_str()?.to_owned();
    Some(Key { kind, namespace: namespace.to_owned(), name })
}
