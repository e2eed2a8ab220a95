//! Server-side apply, without conflicts: what a field manager applies is
//! merged in, and what it applied before and no longer does is taken out.

use serde_json::Value;

use crate::merge_keys::{Strategy, strategy};
use crate::patch;
use crate::reply::Answer;

/// Merges `next` into the object; `previous` is what the same manager applied
/// the last time.
pub(crate) fn merge(object: &mut Value, previous: Option<&Value>, next: &Value) -> Answer<()> {
    if let Some(previous) = previous {
        withdraw(object, previous, next);
    }
    patch::strategic(object, next)
}

/// Removes from `object` every field of `previous` that `next` does not have.
fn withdraw(object: &mut Value, previous: &Value, next: &Value) {
    let (Some(fields), Some(previous)) = (object.as_object_mut(), previous.as_object()) else {
        return;
    };
    for (name, before) in previous {
        match (fields.get_mut(name), next.get(name)) {
            (None, _) => {}
            (Some(_), None) => {
                fields.remove(name);
            }
            (Some(now), Some(after)) => match (before, now) {
                (Value::Array(before), Value::Array(now)) => {
                    withdraw_elements(name, now, before, after);
                }
                (before, now) => withdraw(now, before, after),
            },
        }
    }
}

fn withdraw_elements(field: &str, now: &mut Vec<Value>, before: &[Value], after: &Value) {
    let after = after.as_array().map(Vec::as_slice).unwrap_or_default();
    match strategy(field, before) {
        Strategy::Replace => {}
        Strategy::Set => now.retain(|element| !before.contains(element) || after.contains(element)),
        Strategy::ByKey(key) => {
            let same = |list: &[Value], element: &Value| {
                list.iter().find(|other| other.get(key) == element.get(key)).cloned()
            };
            now.retain(|element| same(before, element).is_none() || same(after, element).is_some());
            for element in now {
                if let (Some(before), Some(after)) = (same(before, element), same(after, element)) {
                    withdraw(element, &before, &after);
                }
            }
        }
    }
}
