//! What must not be seen on a screen that others look at and that is logged: the
//! data of Secrets, and whatever has a name or a look as secrets have.

use serde_json::Value;

use super::object::Identity;
use crate::mask::{is_secret_name, text_of_object};
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

/// A text as it may be seen.
pub(super) fn text(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return MASK.to_owned();
    }
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n")
}

/// One line: `password=…` and `api_key: …` too, whatever file they stand in.
fn line(line: &str) -> String {
    if let Some(at) = line.find(['=', ':']) {
        let name = line[..at].trim().trim_matches(['"', '\'', '-', ' ']);
        let has_value = !line[at + 1..].trim().is_empty();
        if has_value
            && !name.contains(' ')
            && is_secret_name(name)
            && !line[at..].starts_with("://")
        {
            return format!("{} {MASK}", &line[..=at]);
        }
    }
    // `Authorization: Bearer …` is one secret, and no word of it.
    if text_of_object(line) == MASK {
        return MASK.to_owned();
    }
    line.split(' ').map(text_of_object).collect::<Vec<_>>().join(" ")
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
            let of = |(index, item): (usize, &Value)| {
                let name = item.get("name").and_then(Value::as_str);
                let same = |other: &&Value| match name {
                    Some(name) => other.get("name").and_then(Value::as_str) == Some(name),
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
        Value::String(found) => Value::String(text(found)),
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

    #[test]
    fn of_an_address_only_what_may_be_a_key_is_hidden() {
        for (address, expected) in [
            (
                "http://h/x?page=2&sort=name,asc&tz=Asia%2FTokyo&charset=UTF-8#a",
                "http://h/x?page=2&sort=name,asc&tz=Asia%2FTokyo&charset=UTF-8#a",
            ),
            ("postgres://u:S3CRET@db/x?sslmode=require", "postgres://***@db/x?sslmode=require"),
            (
                "jdbc:mysql://db/x?useSSL=false&password=S3",
                "jdbc:mysql://db/x?useSSL=false&password=***",
            ),
            (
                "https://h/x?key=S3&sig=S3&X-Amz-Signature=S3",
                "https://h/x?key=***&sig=***&X-Amz-Signature=***",
            ),
            ("https://h/x?api_key=S3&auth=S3&code=S3", "https://h/x?api_key=***&auth=***&code=***"),
            ("https://h/x?k=S3CRETS3CRETS3CRE", "https://h/x?k=***"),
            ("https://h/x?k=a@b&to=https://a:S3@b", "https://h/x?k=***&to=***"),
            ("--url=https://h/x?a=1&token=S3", "--url=https://h/x?a=1&token=***"),
        ] {
            assert_eq!(text(address), expected);
        }
    }

    #[test]
    fn a_reference_to_a_secret_is_none() {
        let object = json!({"spec": {"volumes": [{"name": "tls", "secret": {"secretName": "web-tls"}}],
            "env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"key": "p", "name": "db"}}}]}});
        assert_eq!(super::object(&object, None, &identity("Deployment"), false), object);
    }
}
