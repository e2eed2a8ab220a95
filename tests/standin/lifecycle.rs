//! What the other parts of a cluster would do: fill in defaults, and report
//! that workloads run. kubectl waits for that (`rollout status`) and shows it;
//! nothing runs here, so it is reported as soon as it is asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::kinds::{Kind, Trait};

/// Completes an object that is about to be stored; `old` is what it replaces.
pub(crate) fn complete(kind: &Kind, object: &mut Value, old: Option<&Value>) {
    match kind.kind {
        "Secret" => secret(object),
        "Namespace" => namespace(object),
        "Service" => service(object),
        "Pod" => default(object, &["status", "phase"], json!("Pending")),
        "Deployment" => {
            default(object, &["spec", "replicas"], json!(1));
            default(object, &["spec", "strategy", "type"], json!("RollingUpdate"));
        }
        "StatefulSet" => {
            default(object, &["spec", "replicas"], json!(1));
            default(object, &["spec", "updateStrategy", "type"], json!("RollingUpdate"));
        }
        "DaemonSet" => default(object, &["spec", "updateStrategy", "type"], json!("RollingUpdate")),
        "ReplicaSet" => default(object, &["spec", "replicas"], json!(1)),
        _ => {}
    }
    let counts_generations = kind.is(Trait::Status) && !kind.group.is_empty();
    if counts_generations && object["spec"].is_object() {
        generation(object, old);
        workload(kind, object);
    }
}

/// Sets the field at a path unless it has a value already, or unless something
/// on the way to it is no object (then it is not ours to mend).
fn default(object: &mut Value, path: &[&str], value: Value) {
    let mut place = object;
    for segment in path {
        if place.is_null() {
            *place = json!({});
        }
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(*segment).or_insert(Value::Null);
    }
    if place.is_null() {
        *place = value;
    }
}

fn secret(object: &mut Value) {
    default(object, &["type"], json!("Opaque"));
    let clear = object.as_object_mut().and_then(|object| object.remove("stringData"));
    let Some(Value::Object(clear)) = clear else { return };
    for (name, value) in clear {
        if let Some(text) = value.as_str() {
            let data = &mut object["data"];
            if !data.is_object() {
                *data = Value::Object(Map::new());
            }
            data[&name] = STANDARD.encode(text).into();
        }
    }
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    default(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
    default(object, &["spec", "finalizers"], json!(["kubernetes"]));
    default(object, &["status", "phase"], json!("Active"));
}

fn service(object: &mut Value) {
    default(object, &["spec", "type"], json!("ClusterIP"));
    default(object, &["spec", "sessionAffinity"], json!("None"));
    if object["spec"]["type"] != "ExternalName" {
        default(object, &["spec", "clusterIP"], json!("10.96.0.10"));
    }
    for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
        default(port, &["protocol"], json!("TCP"));
        let number = port["port"].clone();
        default(port, &["targetPort"], number);
    }
    default(object, &["status", "loadBalancer"], json!({}));
}

/// Starts at one and grows with every change of anything but metadata and
/// status.
fn generation(object: &mut Value, old: Option<&Value>) {
    let wish = |object: &Value| {
        let mut wish = object.clone();
        if let Some(fields) = wish.as_object_mut() {
            fields.remove("metadata");
            fields.remove("status");
        }
        wish
    };
    let generation = match old {
        None => 1,
        Some(old) => {
            let before = old["metadata"]["generation"].as_u64().unwrap_or(1);
            before + u64::from(wish(old) != wish(object))
        }
    };
    object["metadata"]["generation"] = generation.into();
}

/// As if a controller had seen the object and everything had come up.
fn workload(kind: &Kind, object: &mut Value) {
    let generation = object["metadata"]["generation"].clone();
    let replicas = object["spec"]["replicas"].clone();
    let status = match kind.kind {
        "Deployment" => json!({
            "observedGeneration": generation,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "conditions": [
                { "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" },
                { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
            ],
        }),
        "StatefulSet" => json!({
            "observedGeneration": generation,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "currentReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "currentRevision": "standin-1",
            "updateRevision": "standin-1",
        }),
        "ReplicaSet" => json!({
            "observedGeneration": generation,
            "replicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
        }),
        "DaemonSet" => json!({
            "observedGeneration": generation,
            "currentNumberScheduled": 0,
            "desiredNumberScheduled": 0,
            "numberMisscheduled": 0,
            "numberReady": 0,
        }),
        _ => return,
    };
    object["status"] = status;
}
