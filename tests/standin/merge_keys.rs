//! Which lists are merged by what. In a real server this is written beside
//! every field of every type; the names are so regular that one table by field
//! name serves for the kinds this server knows.

use serde_json::Value;

/// How the list in a field is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// The new list takes the place of the old one.
    Replace,
    /// A set of plain values.
    Set,
    /// Elements with the same value of this key are the same element.
    ByKey(&'static str),
}

/// The strategy for a list called `field`; the elements decide where two types
/// share a field's name.
pub(crate) fn strategy(field: &str, elements: &[Value]) -> Strategy {
    match field {
        "finalizers" => Strategy::Set,
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => keyed("name", elements),
        "ports" if elements.iter().any(|port| port.get("containerPort").is_some()) => {
            keyed("containerPort", elements)
        }
        "ports" => keyed("port", elements),
        "volumeMounts" => keyed("mountPath", elements),
        "volumeDevices" => keyed("devicePath", elements),
        "hostAliases" => keyed("ip", elements),
        "topologySpreadConstraints" => keyed("topologyKey", elements),
        "ownerReferences" => keyed("uid", elements),
        "conditions" => keyed("type", elements),
        _ => Strategy::Replace,
    }
}

/// A list of which an element lacks the key cannot be merged by it. A lone
/// directive (`$patch: replace`) has no key and is meant for the whole list.
fn keyed(key: &'static str, elements: &[Value]) -> Strategy {
    let usable = |element: &Value| element.get(key).is_some() || element.get("$patch").is_some();
    if elements.iter().all(usable) { Strategy::ByKey(key) } else { Strategy::Replace }
}
