//! YAML that decides verdicts. This is the only module that reads it.
//!
//! The parser descends from libyaml, as kubectl's does: both see the same line
//! breaks (U+0085, U+2028), tabs and comments, so that nothing is a comment for
//! us and a field for kubectl. What libyaml is slow at is refused beforehand.

use std::fmt;

use serde::Deserialize;
use serde_yaml::Value;

/// Kustomizations and plugin configurations are pages, not archives.
pub const MAX_BYTES: usize = 4 << 20;

/// Flow collections nested deeper than this are an attack or a mistake; libyaml
/// needs quadratic time for them.
const MAX_FLOW_DEPTH: usize = 128;

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<serde_yaml::Error> for Unreadable {
    fn from(error: serde_yaml::Error) -> Self {
        Self(format!("is not readable YAML: {error}"))
    }
}

/// The first document of `bytes`; kustomize ignores the ones after it. An empty
/// first document is `None`.
///
/// # Errors
/// [`Unreadable`] for text that is too large, not UTF-8, not YAML, or in which a
/// key stands twice.
pub fn first_document(bytes: &[u8]) -> Result<Option<Value>, Unreadable> {
    let text = checked(bytes)?;
    match serde_yaml::Deserializer::from_str(text).next() {
        None => Ok(None),
        Some(document) => value(document).map(|value| Some(value).filter(|value| !value.is_null())),
    }
}

/// Every non-empty document of `bytes`.
///
/// # Errors
/// As for [`first_document`].
pub fn manifests(bytes: &[u8]) -> Result<Vec<Value>, Unreadable> {
    let text = checked(bytes)?;
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = value(document)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

fn value(document: serde_yaml::Deserializer<'_>) -> Result<Value, Unreadable> {
    let mut value = Value::deserialize(document)?;
    // `<<: *anchor` is applied by kubectl's parser while it reads.
    value.apply_merge()?;
    Ok(value)
}

fn checked(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable(format!("is larger than {MAX_BYTES} bytes")));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Unreadable("is not UTF-8 text".to_owned()))?;
    if text.contains('\0') {
        return Err(Unreadable("contains a zero byte".to_owned()));
    }
    if deepest_flow(bytes) > MAX_FLOW_DEPTH {
        return Err(Unreadable(format!("nests brackets deeper than {MAX_FLOW_DEPTH}")));
    }
    Ok(text)
}

/// The deepest nesting that brackets could have. Brackets inside quoted text
/// count too: they are closed again there, or the text is unusual enough.
fn deepest_flow(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_document_counts() {
        let value = first_document(b"a: 1\n---\nb: 2\n").unwrap().unwrap();
        assert_eq!(value["a"], 1);
        assert_eq!(first_document(b"---\n---\nb: 2\n").unwrap(), None);
        assert_eq!(first_document(b"").unwrap(), None);
        assert_eq!(manifests(b"a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    }

    #[test]
    fn line_breaks_are_those_of_libyaml() {
        // U+2028 ends a comment for kubectl's parser.
        let text = "# note\u{2028}resources: [../prod]\n";
        let value = first_document(text.as_bytes()).unwrap().unwrap();
        assert_eq!(value["resources"][0], "../prod");
    }

    #[test]
    fn merge_keys_are_applied() {
        let value = first_document(b"x: &x {path: a}\ny:\n  <<: *x\n  z: 1\n").unwrap().unwrap();
        assert_eq!(value["y"]["path"], "a");
    }

    #[test]
    fn hostile_text_is_refused_at_once() {
        let nested = "[".repeat(100_000);
        let maps = "{a: ".repeat(50_000);
        let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
            format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))
        });
        let cyclic = "a: &a [*a]";
        let sequences = "- ".repeat(100_000);
        for text in [&nested, &maps, &bomb, cyclic, "a: 1\na: 2\n", "a: [", "\u{0}", &sequences] {
            assert!(first_document(text.as_bytes()).is_err(), "{text:.40}");
        }
        assert!(first_document(b"a: \xff\n").is_err());
        assert!(first_document(&vec![b' '; MAX_BYTES + 1]).is_err());
    }
}
