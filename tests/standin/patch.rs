//! Merge patches: the JSON one of RFC 7396 and Kubernetes' strategic one,
//! which also knows how to merge lists and obeys directives (`$patch`,
//! `$setElementOrder`, `$deleteFromPrimitiveList`, `$retainKeys`).

use serde_json::{Map, Value};

use crate::merge_keys::{Strategy, strategy};
use crate::reply::{Answer, Failure};

/// RFC 7396.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in fields {
        if value.is_null() {
            if let Some(target) = target.as_object_mut() {
                target.remove(name);
            }
        } else {
            merge(&mut target[name], value);
        }
    }
}

/// The strategic merge of a patch into an object.
pub(crate) fn strategic(target: &mut Value, patch: &Value) -> Answer<()> {
    let Some(fields) = patch.as_object() else {
        return Err(Failure::bad_request("a strategic merge patch is an object"));
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(object) = target.as_object_mut() else { return Ok(()) };
    match fields.get("$patch").map(|directive| directive.as_str().unwrap_or_default()) {
        None | Some("merge") => {}
        Some("replace") => {
            *object = fields.clone();
            object.remove("$patch");
            return Ok(());
        }
        Some("delete") => {
            object.clear();
            return Ok(());
        }
        Some(other) => {
            return Err(Failure::bad_request(format!("unknown directive $patch: {other:?}")));
        }
    }
    if let Some(kept) = fields.get("$retainKeys").and_then(Value::as_array) {
        object.retain(|name, _| kept.iter().any(|keep| keep == name));
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
        field(object, name, value)?;
    }
    for (name, value) in fields {
        directive(object, name, value)?;
    }
    Ok(())
}

fn field(object: &mut Map<String, Value>, name: &str, value: &Value) -> Answer<()> {
    match value {
        Value::Null => {
            object.remove(name);
            Ok(())
        }
        Value::Object(_) => strategic(object.entry(name).or_insert(Value::Null), value),
        Value::Array(elements) => {
            let strategy = strategy(name, elements);
            let list = object.entry(name).or_insert(Value::Null);
            match (strategy, &mut *list) {
                (Strategy::ByKey(key), list) => by_key(list, elements, key),
                (Strategy::Set, Value::Array(list)) => {
                    let missing: Vec<_> = elements
                        .iter()
                        .filter(|element| !list.contains(element))
                        .cloned()
                        .collect();
                    list.extend(missing);
                    Ok(())
                }
                _ => {
                    *list = value.clone();
                    Ok(())
                }
            }
        }
        _ => {
            object.insert(name.into(), value.clone());
            Ok(())
        }
    }
}

fn by_key(list: &mut Value, elements: &[Value], key: &str) -> Answer<()> {
    let mut merged = list.as_array_mut().map(std::mem::take).unwrap_or_default();
    if elements.iter().any(|element| element["$patch"] == "replace") {
        merged =
            elements.iter().filter(|element| element.get("$patch").is_none()).cloned().collect();
        *list = Value::Array(merged);
        return Ok(());
    }
    for element in elements {
        let same = |other: &Value| other.get(key) == element.get(key);
        if element["$patch"] == "delete" {
            merged.retain(|other| !same(other));
            continue;
        }
        let place = match merged.iter().position(same) {
            Some(place) => place,
            None => {
                merged.push(Value::Null);
                merged.len() - 1
            }
        };
        if let Some(place) = merged.get_mut(place) {
            strategic(place, element)?;
        }
    }
    *list = Value::Array(merged);
    Ok(())
}

/// Directives about a neighbouring field, obeyed when that field is merged.
fn directive(object: &mut Map<String, Value>, name: &str, value: &Value) -> Answer<()> {
    let Some((directive, field)) = name.split_once('/') else { return Ok(()) };
    if !directive.starts_with('$') {
        return Ok(());
    }
    let wanted = value.as_array().ok_or_else(|| {
        Failure::bad_request(format!("{directive} wants a list of the elements it is about"))
    })?;
    let Some(Value::Array(list)) = object.get_mut(field) else { return Ok(()) };
    match directive {
        "$deleteFromPrimitiveList" => list.retain(|element| !wanted.contains(element)),
        "$setElementOrder" => {
            let key = match strategy(field, wanted) {
                Strategy::ByKey(key) => Some(key),
                _ => None,
            };
            let identity = |element: &Value| match key {
                Some(key) => element.get(key).cloned().unwrap_or_default(),
                None => element.clone(),
            };
            let order: Vec<Value> = wanted.iter().map(identity).collect();
            // Elements that only the server has come last, in their old order.
            list.sort_by_key(|element| {
                let identity = identity(element);
                order.iter().position(|other| *other == identity).unwrap_or(order.len())
            });
        }
        _ => {}
    }
    Ok(())
}
