//! The verbs on stored objects: get, list, create, update, patch, delete.
//!
//! Every write goes through `create` or `commit`, so that identity, versions,
//! dry runs and finalizers are treated alike whichever way a change comes.

use serde_json::{Value, json};

use crate::http::Request;
use crate::kinds::Trait;
use crate::reply::{Answer, Failure, Reply, Subject};
use crate::route::{Resource, Target};
use crate::selector::Selector;
use crate::store::{Entry, Key, Store};
use crate::table::View;
use crate::{apply, body, clock, json_patch, lifecycle, metadata, patch, scale, subresource};

/// How a change is to be made.
pub(crate) struct Write<'a> {
    /// Compute and answer, but store nothing.
    dry_run: bool,
    /// Who applies, for server-side apply.
    manager: Option<&'a str>,
    part: Part,
}

/// Which part of an object a path is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Status,
}

/// Answers a request about stored objects, watches excepted.
pub(crate) fn answer(
    store: &mut Store,
    request: &Request,
    target: &Target,
    resource: &Resource,
) -> Answer<Reply> {
    let kind = resource.kind;
    let Some(name) = &resource.name else {
        return collection(store, request, target, resource);
    };
    let key = Key { kind, namespace: resource.namespace.clone(), name: name.clone() };
    let mut write = Write::of(target)?;
    match resource.subresource.as_deref() {
        None => {}
        Some("status") if kind.is(Trait::Status) => write.part = Part::Status,
        Some("scale") if kind.is(Trait::Scale) => {
            return scale::answer(store, request, &key, &write);
        }
        // The debug container becomes part of the pod.
        Some("ephemeralcontainers") if kind.kind == "Pod" && request.method == "PATCH" => {}
        Some(other) => return subresource::answer(store, request, &key, other),
    }
    match &*request.method {
        "GET" => {
            let object = &stored(store, &key)?.object;
            Ok(Reply::json(200, &View::of(request).one(kind, object)))
        }
        "PUT" => {
            let new = metadata::object(body::object(request)?, &key)?;
            let old = stored(store, &key)?.clone();
            let new = Entry { object: new, applied: old.applied.clone() };
            Ok(Reply::json(200, &commit(store, &key, &old, new, &write)?))
        }
        "PATCH" => patched(store, request, &key, &write),
        "DELETE" if write.part == Part::Whole => delete(store, request, &key, &write),
        _ => Err(Failure::method_not_allowed()),
    }
}

impl<'a> Write<'a> {
    fn of(target: &'a Target) -> Answer<Self> {
        let dry_run = match target.parameter("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                return Err(Failure::bad_request(format!("dryRun: unsupported value {other:?}")));
            }
        };
        Ok(Self { dry_run, manager: target.parameter("fieldManager"), part: Part::Whole })
    }
}

fn collection(
    store: &mut Store,
    request: &Request,
    target: &Target,
    resource: &Resource,
) -> Answer<Reply> {
    let (kind, namespace) = (resource.kind, &resource.namespace);
    let selector = Selector::of(target)?;
    let write = Write::of(target)?;
    match &*request.method {
        "GET" => {
            let matching: Vec<&Value> = store
                .list(kind, namespace)
                .map(|(_, object)| object)
                .filter(|object| selector.matches(object))
                .collect();
            Ok(Reply::json(200, &View::of(request).list(kind, &matching, store.version())))
        }
        "POST" if kind.namespaced() && namespace.is_empty() => Err(Failure::method_not_allowed()),
        "POST" => {
            let key = Key { kind, namespace: namespace.clone(), name: String::new() };
            let object = metadata::object(body::object(request)?, &key)?;
            let entry = Entry { object, ..Entry::default() };
            Ok(Reply::json(201, &create(store, key, entry, &write)?))
        }
        "DELETE" => {
            let keys: Vec<Key> = store
                .list(kind, namespace)
                .filter(|(_, object)| selector.matches(object))
                .map(|(key, _)| key.clone())
                .collect();
            for key in keys {
                delete(store, request, &key, &write)?;
            }
            Ok(Reply::json(
                200,
                &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }),
            ))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

pub(crate) fn stored<'a>(store: &'a Store, key: &Key) -> Answer<&'a Entry> {
    let subject = Subject { kind: key.kind, name: &key.name };
    store.get(key).ok_or_else(|| Failure::not_found(subject))
}

fn create(store: &mut Store, mut key: Key, mut entry: Entry, write: &Write<'_>) -> Answer<Value> {
    let object = &mut entry.object;
    key.name = metadata::name_of_new(object, &key)?;
    metadata::check_shape(object)?;
    if key.kind.namespaced() && !store.has_namespace(&key.namespace) {
        let kind = crate::kinds::find("", "v1", "namespaces").unwrap_or(key.kind);
        return Err(Failure::not_found(Subject { kind, name: &key.namespace }));
    }
    let subject = Subject { kind: key.kind, name: &key.name };
    if store.get(&key).is_some() {
        return Err(Failure::already_exists(subject));
    }
    if !object["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty() {
        return Err(Failure::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    metadata::stamp(object);
    if key.kind.is(Trait::Status)
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    lifecycle::complete(key.kind, object, None);
    if write.dry_run { Ok(entry.object) } else { Ok(store.put(key, entry)) }
}

/// Puts a new form of an object in place of the old one.
pub(crate) fn commit(
    store: &mut Store,
    key: &Key,
    old: &Entry,
    mut new: Entry,
    write: &Write<'_>,
) -> Answer<Value> {
    metadata::check_type(&new.object, &key.kind.api_version(), key.kind.kind)?;
    metadata::inherit(&mut new.object, &old.object, key)?;
    metadata::check_shape(&new.object)?;
    if write.part == Part::Status {
        let status = new.object["status"].take();
        new.object = old.object.clone();
        new.object["status"] = status;
    } else {
        if key.kind.is(Trait::Status) {
            new.object["status"] = old.object["status"].clone();
        }
        lifecycle::complete(key.kind, &mut new.object, Some(&old.object));
    }
    if let Some(fields) = new.object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    if write.dry_run {
        return Ok(new.object);
    }
    if new.object == old.object {
        store.note_applied(key, new.applied); // no change, no new version
        return Ok(new.object);
    }
    let leaving = !new.object["metadata"]["deletionTimestamp"].is_null();
    if leaving && !metadata::has_finalizers(&new.object) {
        store.remove(key);
        return Ok(new.object);
    }
    Ok(store.put(key.clone(), new))
}

const PATCH_TYPES: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";

/// Computes what a patch makes of a value.
pub(crate) fn apply_patch(request: &Request, value: &mut Value) -> Answer<()> {
    let media_type = request.header("content-type").unwrap_or_default();
    let patch = parse(&request.body)?;
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/json-patch+json" => json_patch::apply(value, &patch),
        "application/merge-patch+json" if patch.is_object() => {
            patch::merge(value, &patch);
            Ok(())
        }
        "application/merge-patch+json" => {
            Err(Failure::bad_request("a merge patch of an object is an object"))
        }
        "application/strategic-merge-patch+json" => patch::strategic(value, &patch),
        _ => Err(Failure::unsupported_media_type(media_type, PATCH_TYPES)),
    }
}

fn parse(patch: &[u8]) -> Answer<Value> {
    serde_json::from_slice(patch)
        .map_err(|error| Failure::bad_request(format!("the patch is not JSON: {error}")))
}

fn patched(store: &mut Store, request: &Request, key: &Key, write: &Write<'_>) -> Answer<Reply> {
    let media_type = request.header("content-type").unwrap_or_default();
    if media_type.starts_with("application/apply-patch+yaml") {
        return applied(store, request, key, write);
    }
    let old = stored(store, key)?.clone();
    let mut new = old.clone();
    apply_patch(request, &mut new.object)?;
    Ok(Reply::json(200, &commit(store, key, &old, new, write)?))
}

/// Server-side apply: creates what is not there yet.
fn applied(store: &mut Store, request: &Request, key: &Key, write: &Write<'_>) -> Answer<Reply> {
    let Some(manager) = write.manager else {
        return Err(Failure::bad_request("fieldManager is required for apply patch"));
    };
    // YAML is a superset of JSON, and JSON is what kubectl sends here.
    let mut next = metadata::object(parse(&request.body)?, key)?;
    if next["metadata"]["name"].is_null() {
        next["metadata"]["name"] = key.name.clone().into();
    }
    if next["metadata"]["name"] != key.name {
        return Err(Failure::bad_request("the name of the object does not match the URL"));
    }
    let Some(old) = store.get(key).cloned() else {
        let applied = [(manager.to_owned(), next.clone())].into();
        let created = create(store, key.clone(), Entry { object: next, applied }, write)?;
        return Ok(Reply::json(201, &created));
    };
    let mut new = old.clone();
    apply::merge(&mut new.object, old.applied.get(manager), &next)?;
    new.applied.insert(manager.to_owned(), next);
    Ok(Reply::json(200, &commit(store, key, &old, new, write)?))
}

/// Deletes at once, or marks for deletion what a finalizer still holds.
fn delete(store: &mut Store, request: &Request, key: &Key, write: &Write<'_>) -> Answer<Reply> {
    let options = if request.body.is_empty() { json!({}) } else { body::object(request)? };
    let entry = stored(store, key)?.clone();
    let subject = Subject { kind: key.kind, name: &key.name };
    let found = &entry.object["metadata"];
    for field in ["uid", "resourceVersion"] {
        if !metadata::same_or_silent(&options["preconditions"][field], &found[field]) {
            let why = format!("the {field} in the precondition is not the stored one");
            return Err(Failure::conflict(subject, &why));
        }
    }
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": key.name,
            "group": key.kind.group,
            "kind": key.kind.plural,
            "uid": found["uid"],
        },
    });
    if write.dry_run || body::is_dry_run(request) {
        return Ok(Reply::json(200, &status));
    }
    if !metadata::has_finalizers(&entry.object) {
        store.remove(key);
        return Ok(Reply::json(200, &status));
    }
    let mut marked = entry;
    if marked.object["metadata"]["deletionTimestamp"].is_null() {
        marked.object["metadata"]["deletionTimestamp"] = clock::now().into();
        marked.object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        marked.object = store.put(key.clone(), marked.clone());
    }
    Ok(Reply::json(200, &marked.object))
}
