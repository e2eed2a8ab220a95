//! JSON patches (RFC 6902): a list of operations on pointers.

use serde_json::Value;

use crate::reply::{Answer, Failure};

/// Thirty operations that each copy the whole object into itself would need
/// more memory than there is.
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Every few operations can bury the object one level deeper.
const MAX_OPERATIONS: usize = 1000;

/// Applies all operations; on failure the value is half done and has to be
/// thrown away.
pub(crate) fn apply(target: &mut Value, patch: &Value) -> Answer<()> {
    let operations =
        patch.as_array().ok_or_else(|| Failure::bad_request("a JSON patch is a list"))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(malformed("it has too many operations"));
    }
    let mut copied = 0;
    operations.iter().try_for_each(|operation| {
        let path = pointer(operation, "path")?;
        let value = || {
            operation.get("value").cloned().ok_or_else(|| malformed("an operation has no value"))
        };
        match operation["op"].as_str().unwrap_or_default() {
            "add" => add(target, path, value()?),
            "remove" => remove(target, path).map(drop),
            "replace" => {
                *at(target, path)? = value()?;
                Ok(())
            }
            "move" => {
                let value = remove(target, pointer(operation, "from")?)?;
                add(target, path, value)
            }
            "copy" => {
                let value = at(target, pointer(operation, "from")?)?.clone();
                copied += value.to_string().len();
                if copied > MAX_COPIED {
                    return Err(malformed("it copies too much"));
                }
                add(target, path, value)
            }
            "test" if *at(target, path)? == value()? => Ok(()),
            "test" => Err(malformed(&format!("testing path {path} failed"))),
            other => Err(malformed(&format!("unknown operation {other:?}"))),
        }
    })
}

fn malformed(why: &str) -> Failure {
    Failure::bad_request(format!("the JSON patch cannot be applied: {why}"))
}

fn pointer<'a>(operation: &'a Value, field: &str) -> Answer<&'a str> {
    let pointer = operation.get(field).and_then(Value::as_str);
    pointer
        .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
        .ok_or_else(|| malformed(&format!("an operation has no valid {field}")))
}

fn at<'a>(target: &'a mut Value, pointer: &str) -> Answer<&'a mut Value> {
    target
        .pointer_mut(pointer)
        .ok_or_else(|| malformed(&format!("the path {pointer} does not exist")))
}

/// Splits a pointer into its parent and the decoded last segment.
fn split(pointer: &str) -> Answer<(&str, String)> {
    let (parent, last) = pointer
        .rsplit_once('/')
        .ok_or_else(|| malformed("the whole object cannot be added or removed"))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, pointer: &str, value: Value) -> Answer<()> {
    let (parent, last) = split(pointer)?;
    match at(target, parent)? {
        Value::Object(map) => {
            map.insert(last, value);
            Ok(())
        }
        Value::Array(list) => {
            let index = if last == "-" { Some(list.len()) } else { last.parse().ok() };
            let index = index
                .filter(|index| *index <= list.len())
                .ok_or_else(|| malformed(&format!("{last} is no place in the list {parent}")))?;
            list.insert(index, value);
            Ok(())
        }
        _ => Err(malformed(&format!("{parent} is neither an object nor a list"))),
    }
}

fn remove(target: &mut Value, pointer: &str) -> Answer<Value> {
    let (parent, last) = split(pointer)?;
    let removed = match at(target, parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(list) => last
            .parse()
            .ok()
            .filter(|index: &usize| *index < list.len())
            .map(|index| list.remove(index)),
        _ => None,
    };
    removed.ok_or_else(|| malformed(&format!("the path {pointer} does not exist")))
}
