//! YAML that decides verdicts. This is the only module that reads it.
//!
//! The parser descends from libyaml, as kubectl's does: both see the same line
//! breaks (U+0085, U+2028), tabs and comments, so that nothing is a comment for
//! us and a field for kubectl. Where the two are known to differ, and where
//! kubectl's own two parsers differ from each other (go-yaml v2 reads the
//! kustomization, v3 the resources), the text is refused: `tests/closure/text.rs`
//! has a row for each.

use std::fmt;

use serde_yaml::{Mapping, Value};

use super::node::value_of;

/// Kustomizations and plugin configurations are pages, not archives.
const MAX_BYTES: usize = 4 << 20;

/// Flow collections nested deeper than this are an attack or a mistake; libyaml
/// looks at every open bracket for each word.
const MAX_FLOW_DEPTH: usize = 40;

/// Nobody's tag is longer.
const MAX_TAG: usize = 128;

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
/// [`Unreadable`] for text that is too large, not UTF-8, not YAML, in which a key
/// stands twice, or of which kubectl's parser could see something else.
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
    merged(value_of(document)?)
}

/// `value` with its merge keys (`<<`) applied, as kubectl's parser does while it
/// reads.
fn merged(value: Value) -> Result<Value, Unreadable> {
    match value {
        Value::Sequence(items) => {
            items.into_iter().map(merged).collect::<Result<_, _>>().map(Value::Sequence)
        }
        Value::Mapping(fields) => merged_fields(fields).map(Value::Mapping),
        scalar => Ok(scalar),
    }
}

/// A field that stands *before* `<<` is overridden by it in go-yaml v2 and not in
/// v3, so it must not be in both.
fn merged_fields(fields: Mapping) -> Result<Mapping, Unreadable> {
    let mut found = Mapping::new();
    let mut defaults = Mapping::new();
    for (key, value) in fields {
        let (key, value) = (merged(key)?, merged(value)?);
        if key.as_str() != Some("<<") {
            found.insert(key, value);
            continue;
        }
        let sources = match value {
            Value::Sequence(sources) => sources,
            source => vec![source],
        };
        for source in sources {
            let Value::Mapping(source) = source else {
                return Err(Unreadable("merges (`<<`) something that is not a mapping".into()));
            };
            for (key, value) in source {
                if found.contains_key(&key) {
                    let key = key.as_str().unwrap_or("a field").to_owned();
                    return Err(Unreadable(format!(
                        "sets {key} before a merge (`<<`) that sets it again: put `<<` first"
                    )));
                }
                // Of several sources the first counts.
                defaults.entry(key).or_insert(value);
            }
        }
    }
    for (key, value) in defaults {
        found.entry(key).or_insert(value);
    }
    Ok(found)
}

fn checked(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable(format!("is larger than {MAX_BYTES} bytes")));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Unreadable("is not UTF-8 text".to_owned()))?;
    // A byte order mark at the beginning takes no column for kubectl, but would
    // for our parser: the first key would seem to be indented.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\u{feff}') {
        return Err(Unreadable("has a byte order mark in the middle".to_owned()));
    }
    if text.contains('\0') {
        return Err(Unreadable("contains a zero byte".to_owned()));
    }
    if let Some(line) = line_of_disguise(text) {
        return Err(Unreadable(format!(
            "has a YAML tag or a %TAG in line {line}, which may make one text another"
        )));
    }
    if deepest_flow(bytes) > MAX_FLOW_DEPTH {
        return Err(Unreadable(format!("nests brackets deeper than {MAX_FLOW_DEPTH}")));
    }
    Ok(text)
}

/// The line of a tag that changes the text behind it (`!!binary`), however it is
/// written, or that ends elsewhere for kubectl's parser than for ours. What only
/// looks like one, in a comment or in quoted text, is refused too: the parser
/// does not say where a tag stood. A tag that a double quote or a brace ends is an
/// error for every kubectl (1.20–1.36), so that `"done !!!"}` can only be text.
fn line_of_disguise(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // The last byte of U+0085, U+2028 and U+2029 ends a line as well.
    let separates = |byte: u8| b" \t\r\n-:?,[{\x85\xa8\xa9".contains(&byte);
    let begins_token = |at: usize| match at.checked_sub(1).map(|before| bytes[before]) {
        // Behind a word (`${!name}`) a bracket is part of the text, or an error.
        Some(b'[' | b'{') if at > 1 => separates(bytes[at - 2]) || b"\"'".contains(&bytes[at - 2]),
        Some(before) => separates(before),
        None => true,
    };
    let disguised = |at: usize| match bytes[at] {
        b'%' => bytes[at..].starts_with(b"%TAG"),
        _ => {
            let rest = &bytes[at..bytes.len().min(at + MAX_TAG)];
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"{}".contains(byte);
            let word = rest.split(ends).next().unwrap_or_default();
            word.len() == MAX_TAG
                || word.windows(6).any(|part| part == b"binary")
                || word.iter().any(|byte| b"%,<[]".contains(byte))
        }
    };
    let at = marks(bytes).find(|at| begins_token(*at) && disguised(*at))?;
    Some(1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count())
}

/// Where `!` or `%` stand.
fn marks(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'!' | b'%')).map(|(at, _)| at)
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
        // A byte order mark takes no column.
        let text = "\u{feff}a: 1\nb: 2\n";
        let value = first_document(text.as_bytes()).unwrap().unwrap();
        assert_eq!(value["b"], 2);
    }

    #[test]
    fn merge_keys_are_applied() {
        let merged = |text: &str| {
            let text = format!("x: &x {{path: a, only: x}}\nz: &z {{path: c}}\n{text}");
            first_document(text.as_bytes()).map(|document| document.unwrap()["y"]["path"].clone())
        };
        assert_eq!(merged("y: {<<: *x, z: 1}").unwrap(), "a");
        assert_eq!(merged("y: {<<: *x, path: b}").unwrap(), "b");
        assert_eq!(merged("y: {<<: [*z, *x]}").unwrap(), "c");
        assert_eq!(merged("y: {\"<<\": *x}").unwrap(), "a");
        assert_eq!(merged("w: &w {<<: *x}\ny: {<<: *w}").unwrap(), "a");
        // go-yaml v2 takes a, v3 takes b.
        assert!(merged("y: {path: b, <<: *x}").unwrap_err().0.contains("put `<<` first"));
        assert!(merged("y: {<<: 1}").is_err());
    }

    #[test]
    fn texts_that_hide_another_text_are_refused() {
        for text in [
            "a: !!binary Li4vcHJvZA==",
            "!!binary cmVzb3VyY2Vz: [a]",
            "a: [!!binary Li4v]",
            "a: !!%62inary Li4v",
            "a: !<tag:yaml.org,2002:binary> Li4v",
            "%TAG ! tag:yaml.org,2002:\n---\na: !binary Li4v",
            "%TAG !x! tag:yaml.org,2002:bin\n---\na: !x!ary Li4v",
            "- !!binary Li4v",
            "? !!binary Li4v\n: b",
            "a: &x !!binary Li4v",
            "a: {b: !!b,inary Li4v}",
            "a: [[!!binary Li4v]]",
            "a: {\"b\":{!!binary Li4v: c}}",
            "{!!binary Yg==: c}",
            "a: 1\n\u{feff}b: 2",
            "a: !x b",
            "!x {a: b}",
            "a: [!x {b: c}]",
            // A tag as far as it goes, with a quote somewhere behind it.
            "a: !!binary \"Li4v\"",
            "a: [!!binary \"Li4v\"]",
            "{a: !!binary \"Li4v\"}",
            "a: {\"!\": !!binary Li4v}",
            "a: [\"!!!\",!!binary Li4v]",
            "a: [\"x !!!\", !!binary Li4v]",
            "a: {b: \"!!!\"} # !!binary\"",
            "a: [!!s] b.yaml]",
            "a: ['done !!!']",
            // These are no YAML, for kubectl neither.
            "a: [!!binary\"Li4v\"]",
            "a: !!str\"b\"",
            "a: {b: !x}",
            "a: !x{b: c}",
            "a: !{b: c}",
            "a: {b: !x'}",
            &format!("a: !{} b", "x".repeat(200)),
        ] {
            assert!(first_document(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            "# !!! DO NOT EDIT !!!\na: b",
            "a: 'Hello, world!'",
            "- a=${!b}",
            "a: |\n  for v in ${!PRE*}; do echo \"${!v}\" ${#x[@]}; done",
            "a: |\n  if ! grep -q x; then [ \"$y\" != z ]; fi",
            "a: !!str b",
            "a: !!map {b: !!seq [c]}",
            "a: '50% off'",
            "a: {b: \"done !!!\"}",
            "a: {b: 'done !!!'}",
            "a: [\"done !!!\"]",
            "a: [{b: \"done !!!\"}, {b: \"done !!! \"}]",
            "a: {b: \"say \\\"no !!!\\\"\", c: d}",
            "a: {\"b !\": c}",
            "%YAML 1.1\n---\na: b",
        ] {
            assert!(first_document(text.as_bytes()).is_ok(), "{text}");
        }
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
        // A thousand times a thousand, which is below libyaml's own limit.
        let list = "b,".repeat(1_000);
        let lists = format!("x: &x [{list}]\na: [{}]", "*x,".repeat(1_000));
        assert!(first_document(lists.as_bytes()).unwrap_err().0.contains("nodes"));
        assert!(first_document(&vec![b' '; MAX_BYTES + 1]).is_err());
    }
}
