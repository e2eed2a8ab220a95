//! Request bodies: JSON, or Kubernetes' protobuf turned into the same JSON.
//! The rest of the server knows JSON only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::http::Request;
use crate::protobuf::{self, Field};
use crate::reply::{Answer, Failure};
use crate::schema::{self, Schema, Type};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Precedes every message, so that JSON is never mistaken for one.
const MAGIC: &[u8] = b"k8s\0";

/// Schemas are no deeper than this; nor may a hostile body be.
const DEEPEST: u8 = 16;

/// The object in a body.
pub(crate) fn object(request: &Request) -> Answer<Value> {
    let given = request.header("content-type").unwrap_or("application/json");
    match given.split(';').next().unwrap_or_default().trim() {
        "application/json" => serde_json::from_slice(&request.body).map_err(|error| {
            Failure::bad_request(format!("the object provided is unrecognized: {error}"))
        }),
        PROTOBUF => envelope(&request.body),
        _ => Err(Failure::unsupported_media_type(given, &format!("application/json, {PROTOBUF}"))),
    }
}

/// Whether the body asks for a dry run, as that of a deletion or an eviction does.
pub(crate) fn is_dry_run(request: &Request) -> bool {
    let options = object(request).unwrap_or_default();
    let says_so = |options: &Value| options["dryRun"].as_array().is_some_and(|all| !all.is_empty());
    says_so(&options) || says_so(&options["deleteOptions"])
}

fn malformed(what: &str) -> Failure {
    Failure::bad_request(format!("the protobuf in the body cannot be read: {what}"))
}

/// `runtime.Unknown`: the object's type and, still encoded, the object.
fn envelope(body: &[u8]) -> Answer<Value> {
    const TYPE: Schema = &[(1, "apiVersion", Type::Text), (2, "kind", Type::Text)];
    let body = body.strip_prefix(MAGIC).ok_or_else(|| malformed("no magic number"))?;
    let mut object = Map::new();
    let mut raw: &[u8] = &[];
    for (number, field) in protobuf::fields(body).ok_or_else(|| malformed("envelope"))? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => object = message(bytes, TYPE, DEEPEST)?,
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let schema = schema::of(kind)
        .ok_or_else(|| Failure::unsupported_media_type(PROTOBUF, "application/json"))?;
    object.append(&mut message(raw, schema, DEEPEST)?);
    Ok(Value::Object(object))
}

fn message(bytes: &[u8], schema: Schema, depth: u8) -> Answer<Map<String, Value>> {
    let depth = depth.checked_sub(1).ok_or_else(|| malformed("too deep"))?;
    let mut object = Map::new();
    for (number, field) in protobuf::fields(bytes).ok_or_else(|| malformed("a message"))? {
        match schema.iter().find(|(known, ..)| *known == number) {
            Some((_, name, kind)) => add(&mut object, name, *kind, field, depth)?,
            None if leaves_unset(field) => {}
            None => return Err(malformed(&format!("field {number} is unknown to this server"))),
        }
    }
    Ok(object)
}

/// Whether a field says nothing: zero, or a message of such fields.
fn leaves_unset(field: Field<'_>) -> bool {
    match field {
        Field::Bytes(bytes) if !bytes.is_empty() => protobuf::fields(bytes)
            .is_some_and(|fields| fields.iter().all(|(_, field)| field.is_empty())),
        field => field.is_empty(),
    }
}

/// Adds one field to an object; repeated fields come one element at a time.
fn add(
    object: &mut Map<String, Value>,
    name: &str,
    kind: Type,
    field: Field<'_>,
    depth: u8,
) -> Answer<()> {
    let value = match (kind, field) {
        (Type::Ignored, _) => return Ok(()),
        (Type::Number | Type::Truth | Type::Text, field) if field.is_empty() => return Ok(()),
        (Type::Text, Field::Bytes(bytes)) => text(bytes)?,
        (Type::Truth, Field::Number(_)) => true.into(),
        // Negative numbers come as their two's complement.
        (Type::Number | Type::Optional, Field::Number(number)) => number.cast_signed().into(),
        (Type::NumberOrText, Field::Bytes(bytes)) => number_or_text(bytes, depth)?,
        (Type::Message(schema), Field::Bytes(bytes)) => message(bytes, schema, depth)?.into(),
        (Type::Texts, Field::Bytes(bytes)) => return push(object, name, text(bytes)?),
        (Type::Messages(schema), Field::Bytes(bytes)) => {
            return push(object, name, message(bytes, schema, depth)?.into());
        }
        (Type::TextMap | Type::BytesMap, Field::Bytes(bytes)) => {
            let (key, value) = entry(bytes)?;
            let value = match kind {
                Type::BytesMap => STANDARD.encode(value).into(),
                _ => text(value)?,
            };
            if let Some(map) = object.entry(name).or_insert_with(|| json!({})).as_object_mut() {
                map.insert(key, value);
            }
            return Ok(());
        }
        _ => return Err(malformed(&format!("{name} is of another type"))),
    };
    object.insert(name.to_owned(), value);
    Ok(())
}

fn push(object: &mut Map<String, Value>, name: &str, value: Value) -> Answer<()> {
    if let Some(list) = object.entry(name).or_insert_with(|| json!([])).as_array_mut() {
        list.push(value);
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Answer<Value> {
    std::str::from_utf8(bytes).map(Value::from).map_err(|_| malformed("text is not UTF-8"))
}

/// A map's entry is a message of key and value.
fn entry(bytes: &[u8]) -> Answer<(String, &[u8])> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for (number, field) in protobuf::fields(bytes).ok_or_else(|| malformed("a map"))? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => key = bytes,
            (2, Field::Bytes(bytes)) => value = bytes,
            _ => return Err(malformed("a map")),
        }
    }
    let key = String::from_utf8(key.to_vec()).map_err(|_| malformed("a key is not UTF-8"))?;
    Ok((key, value))
}

fn number_or_text(bytes: &[u8], depth: u8) -> Answer<Value> {
    const SCHEMA: Schema =
        &[(1, "type", Type::Number), (2, "number", Type::Optional), (3, "text", Type::Text)];
    let mut parts = message(bytes, SCHEMA, depth)?;
    let wanted = if parts.contains_key("type") { "text" } else { "number" };
    Ok(parts.remove(wanted).unwrap_or_default())
}
