//! What must not be seen on a screen that others look at and that is logged: the
//! data of Secrets, and whatever has a name or a look as secrets have.

use serde_json::Value;

use super::conceal_text;
use super::object::Identity;
use crate::mask::{is_secret_name, list_of_object};
use crate::text::MASK;

/// Fields of Kubernetes' own that have such a word in their name and no secret in
/// their value.
const NO_SECRETS: [&str; 9] = [
    "automountServiceAccountToken",
    "imagePullSecrets",
    "secret",
    "secretKeyRef",
    "secretName",
    "secretRef",
    "secrets",
    "serviceAccountToken",
    "valueFrom",
];

/// Whether what stands at `path` of an object is hidden because of where it stands.
pub(super) fn is_hidden(identity: &Identity, path: &[String]) -> bool {
    let of_secret = identity.is_secret()
        && path.first().is_some_and(|first| first == "data" || first == "stringData");
    let names_none = path.iter().any(|name| NO_SECRETS.contains(&name.as_str()));
    of_secret || !names_none && path.iter().any(|name| is_secret_name(name))
}

/// The text that stands at `path` of an object, as it may be seen.
pub(super) fn text_at(path: &[String], text: &str) -> String {
    // `shop/token-service:v42` is called like a secret, and what stands behind it is none.
    if path.last().is_some_and(|last| last == "image") && is_image(text) {
        return text.to_owned();
    }
    conceal_text::text(text)
}

/// A name of an image: of a user and a password before a host nothing is left in it.
fn is_image(text: &str) -> bool {
    let (name, digest) = text.split_once('@').unwrap_or((text, "sha256:"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/:".contains(letter);
    digest.starts_with("sha256:")
        && !name.contains("://")
        && [name, digest].iter().all(|part| part.chars().all(is_plain))
}

/// A list of texts: `--db-password` in one and the value in the next belong together.
fn list(items: &[String], path: &[String]) -> Value {
    let field = path.last().map_or("", String::as_str);
    let masked = list_of_object(items, field);
    masked.iter().map(|item| Value::String(conceal_text::text(item))).collect()
}

/// `object` with everything replaced that is not to be seen. What differs from
/// `other` is told apart by `after`.
pub(super) fn object(
    object: &Value,
    other: Option<&Value>,
    identity: &Identity,
    after: bool,
) -> Value {
    let mut path = Vec::new();
    hidden(object, other, identity, &mut path, after)
}

fn hidden(
    value: &Value,
    other: Option<&Value>,
    identity: &Identity,
    path: &mut Vec<String>,
    after: bool,
) -> Value {
    match value {
        Value::Object(fields) => {
            let of = |(name, field): (&String, &Value)| {
                path.push(name.clone());
                let found =
                    hidden(field, other.and_then(|other| other.get(name)), identity, path, after);
                path.pop();
                (name.clone(), found)
            };
            fields.iter().map(of).collect()
        }
        Value::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            if let Some(texts) = texts.filter(|_| !is_hidden(identity, path)) {
                return list(&texts, path);
            }
            let of = |(index, item): (usize, &Value)| {
                let name = item.get("name").or_else(|| item.get("key")).and_then(Value::as_str);
                let same = |other: &&Value| match name {
                    Some(name) => {
                        let named = |field| other.get(field).and_then(Value::as_str);
                        named("name").or_else(|| named("key")) == Some(name)
                    }
                    None => false,
                };
                let others = other.and_then(Value::as_array);
                let counterpart = others
                    .and_then(|others| others.iter().find(same).or_else(|| others.get(index)));
                path.push(name.unwrap_or_default().to_owned());
                let found = hidden(item, counterpart, identity, path, after);
                path.pop();
                found
            };
            items.iter().enumerate().map(of).collect()
        }
        // The name itself is no secret: `- name: DB_PASSWORD`.
        _ if path.last().is_some_and(|last| last == "name") => value.clone(),
        _ if is_hidden(identity, path) => {
            let differs = other != Some(value);
            Value::String(if after && differs {
                format!("{MASK} (changed)")
            } else {
                MASK.to_owned()
            })
        }
        Value::String(found) => Value::String(text_at(path, found)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(kind: &str) -> Identity {
        Identity {
            group: String::new(),
            kind: kind.into(),
            namespace: "a".into(),
            name: "b".into(),
        }
    }

    #[test]
    fn nothing_secret_is_left() {
        let secret =
            json!({"data": {"a": "S3CRET"}, "stringData": {"b": "S3CRET"}, "type": "Opaque"});
        let other = json!({
            "spec": {
                "env": [
                    {"name": "DB_PASSWORD", "value": "S3CRET"},
                    {"name": "URL", "value": "postgres://u:S3CRET@db/x"},
                    {"name": "HOST", "value": "db"},
                ],
                "args": ["--token=S3CRET", "--v=2"],
                "apiKey": "S3CRET",
            },
            "data": {"app.properties": "host=db\npassword=S3CRET\n", "key": "-----BEGIN PRIVATE KEY-----\nS3CRET"},
            "metadata": {"annotations": {"x/auth-token": "S3CRET", "y": "Bearer S3CRET"}},
        });
        for (kind, object) in [("Secret", secret), ("ConfigMap", other)] {
            let found = super::object(&object, None, &identity(kind), false).to_string();
            assert!(!found.contains("S3CRET"), "{found}");
            for kept in ["Opaque", "DB_PASSWORD", "host=db", "--v=2", "\"db\""] {
                assert_eq!(
                    object.to_string().contains(kept),
                    found.contains(kept),
                    "{kept}: {found}"
                );
            }
        }
    }

    /// What is a flag in one item of a list has its value in the next.
    #[test]
    fn lists_are_read_as_command_lines() {
        for (field, list, expected) in [
            (
                "args",
                json!(["--db-password", "S3CRET", "--v=2"]),
                json!(["--db-password", "***", "--v=2"]),
            ),
            ("args", json!(["-token", "S3CRET", "x"]), json!(["-token", "***", "x"])),
            (
                "command",
                json!(["mysql", "-uroot", "-pS3CRET"]),
                json!(["mysql", "-uroot", "-p***"]),
            ),
            ("command", json!(["mkdir", "-p", "/data"]), json!(["mkdir", "-p", "/data"])),
            // The image says which program these are for.
            ("args", json!(["cp", "-p", "S3CRET"]), json!(["cp", "-p", "***"])),
            (
                "args",
                json!(["-c", "mkdir -p /data\nmysql -pS3CRET"]),
                json!(["-c", "mkdir -p /data\nmysql -p***"]),
            ),
            ("command", json!(["redis-cli", "-a", "S3CRET"]), json!(["redis-cli", "-a", "***"])),
            (
                "command",
                json!(["redis-cli", "config", "set", "requirepass", "S3CRET"]),
                json!(["redis-cli", "config", "set", "requirepass", "***"]),
            ),
            (
                "command",
                json!(["sh", "-c", "curl -u admin:S3CRET http://h/x; mysql -pS3CRET"]),
                json!(["sh", "-c", "curl -u admin:*** http://h/x; mysql -p***"]),
            ),
            ("args", json!(["{\"clientSecret\":\"S3CRET\"}"]), json!(["{\"clientSecret\":***"])),
            ("resources", json!(["secrets", "configmaps"]), json!(["secrets", "configmaps"])),
            ("command", json!(["run", "LOG_LEVEL=debug"]), json!(["run", "LOG_LEVEL=debug"])),
            ("apiTokens", json!(["S3CRET"]), json!(["***"])),
        ] {
            let found = super::object(&json!({field: list}), None, &identity("X"), false);
            assert_eq!(found[field], expected);
        }
        let items = json!([{"key": "password", "value": "S3CRET"}, {"key": "host", "value": "db"}]);
        let found = super::object(&json!({"list": items}), None, &identity("X"), false);
        assert_eq!(found["list"][0]["value"], "***");
        assert_eq!(found["list"][1]["value"], "db");
    }

    #[test]
    fn an_image_can_be_seen_whatever_it_is_called() {
        for (image, expected) in [
            ("registry:5000/shop/token-service:v42", "registry:5000/shop/token-service:v42"),
            ("token-service:v1@sha256:0a", "token-service:v1@sha256:0a"),
            ("https://u:S3CRET@h/x", "https://***@h/x"),
            ("password=S3CRET", "password=***"),
        ] {
            assert_eq!(text_at(&["image".to_owned()], image), expected);
        }
    }

    #[test]
    fn a_reference_to_a_secret_is_none() {
        let object = json!({"spec": {"volumes": [{"name": "tls", "secret": {"secretName": "web-tls"}}],
            "env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"key": "p", "name": "db"}}}]}});
        assert_eq!(super::object(&object, None, &identity("Deployment"), false), object);
    }
}
