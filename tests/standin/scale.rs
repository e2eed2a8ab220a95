//! The subresource `scale`: a workload seen as a number of replicas, which is
//! how `kubectl scale` changes any kind without knowing it.

use serde_json::{Value, json};

use crate::http::Request;
use crate::objects::{self, Write};
use crate::reply::{Answer, Failure, Reply, Subject};
use crate::store::{Key, Store};
use crate::{body, metadata};

pub(crate) fn answer(
    store: &mut Store,
    request: &Request,
    key: &Key,
    write: &Write<'_>,
) -> Answer<Reply> {
    let old = objects::stored(store, key)?.clone();
    let mut scale = view(&old.object);
    match &*request.method {
        "GET" => return Ok(Reply::json(200, &scale)),
        "PUT" => scale = body::object(request)?,
        "PATCH" => objects::apply_patch(request, &mut scale)?,
        _ => return Err(Failure::method_not_allowed()),
    }
    metadata::check_type(&scale, "autoscaling/v1", "Scale")?;
    // Go leaves out a zero.
    let replicas = match &scale["spec"]["replicas"] {
        Value::Null => Some(0),
        replicas => replicas.as_i64(),
    };
    let Some(replicas) = replicas.filter(|number| *number >= 0) else {
        let subject = Subject { kind: key.kind, name: &key.name };
        return Err(Failure::invalid(
            subject,
            "spec.replicas",
            "Invalid value: must be greater than or equal to 0",
        ));
    };
    let mut new = old.clone();
    new.object["spec"]["replicas"] = replicas.into();
    if let Some(version) = scale["metadata"]["resourceVersion"].as_str() {
        new.object["metadata"]["resourceVersion"] = version.into();
    }
    let committed = objects::commit(store, key, &old, new, write)?;
    Ok(Reply::json(200, &view(&committed)))
}

fn view(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": object["spec"]["replicas"] },
        "status": { "replicas": object["status"]["replicas"].as_i64().unwrap_or(0) },
    })
}
