//! The configuration as text: written in the style of the README, and an old file
//! keeps every line, also its comments, that need not change. No I/O.

use serde_yaml::{Mapping, Value};

/// Lists that are longer stand one item a line.
const WIDTH: usize = 88;

/// The text of `wanted` for a file that says `old`. Sections with the same meaning
/// keep their lines.
#[must_use]
pub(super) fn merged(old: Option<&str>, wanted: &Mapping) -> String {
    let fresh = || format!("{HEADER}{}", block(wanted, 0));
    let Some(old) = old.map(|text| text.trim_start_matches('\u{feff}')) else { return fresh() };
    let before = mapping(old).unwrap_or_default();
    let (preamble, sections) = sections(old);
    let mut text = preamble.to_owned();
    let mut left: Vec<(&Value, &Value)> = wanted.iter().collect();
    for section in sections {
        let Some(at) = left.iter().position(|(key, _)| key.as_str() == Some(section.key)) else {
            continue; // not wanted any longer
        };
        let (key, value) = left.remove(at);
        if before.get(key) == Some(value) {
            text.push_str(section.text);
            if !section.text.ends_with('\n') {
                text.push('\n');
            }
        } else {
            text.push_str(section.comments);
            text.push_str(&pair(key, value, 0));
        }
    }
    for (key, value) in left {
        text.push_str(&pair(key, value, 0));
    }
    // What cannot be taken apart by lines (flow style, several documents) is
    // written anew.
    if mapping(&text).as_ref() == Some(wanted) { text } else { fresh() }
}

const HEADER: &str = "# The identity of this kubectl instance. Written by `kubectl-envguard setup`;
# edit it as you like: setup keeps what it need not change.
";

/// The mapping that `text` is.
#[must_use]
pub(super) fn mapping(text: &str) -> Option<Mapping> {
    serde_yaml::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// One key at the left margin, with the comments before it.
struct Section<'t> {
    key: &'t str,
    comments: &'t str,
    /// Comments, key and value.
    text: &'t str,
}

/// What stands before the first comment or key, and the sections.
fn sections(text: &str) -> (&str, Vec<Section<'_>>) {
    let mut starts: Vec<(usize, usize, &str)> = Vec::new(); // comments, key, its name
    let (mut at, mut comments) = (0, None);
    for line in text.split_inclusive('\n') {
        let is_comment = line.starts_with('#');
        if let Some(key) = key_of(line) {
            starts.push((comments.unwrap_or(at), at, key));
        }
        comments = if is_comment { comments.or(Some(at)) } else { None };
        at += line.len();
    }
    let end = |index: usize| starts.get(index + 1).map_or(text.len(), |(start, _, _)| *start);
    let sections = starts.iter().enumerate().map(|(index, (start, key_at, key))| Section {
        key,
        comments: &text[*start..*key_at],
        text: &text[*start..end(index)],
    });
    let first = starts.first().map_or(text.len(), |(start, _, _)| *start);
    (&text[..first], sections.collect())
}

fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && (rest.trim().is_empty() || rest.starts_with(' '))).then_some(key)
}

fn block(mapping: &Mapping, depth: usize) -> String {
    mapping.iter().map(|(key, value)| pair(key, value, depth)).collect()
}

fn pair(key: &Value, value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let key = scalar(key);
    match value {
        Value::Mapping(inner) if !inner.is_empty() => {
            format!("{indent}{key}:\n{}", block(inner, depth + 1))
        }
        Value::Sequence(items)
            if items.iter().any(|item| item.is_mapping() || item.is_sequence()) =>
        {
            format!(
                "{indent}{key}:\n{}",
                items.iter().map(|item| entry(item, depth + 1)).collect::<String>()
            )
        }
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            let line = format!("{indent}{key}: [{}]\n", items.join(", "));
            if line.chars().count() <= WIDTH {
                return line;
            }
            let lines = items.iter().map(|item| format!("{indent}  - {item}\n"));
            format!("{indent}{key}:\n{}", lines.collect::<String>())
        }
        other => format!("{indent}{key}: {}\n", scalar(other)),
    }
}

/// A mapping in a list: `- ` before its first key.
fn entry(item: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match item {
        Value::Mapping(mapping) if !mapping.is_empty() => {
            let text = block(mapping, depth + 1);
            let rest = text.trim_start_matches(' ');
            format!("{indent}- {rest}")
        }
        other => format!("{indent}- {}\n", scalar(other)),
    }
}

/// A scalar as it may stand anywhere, also in `[…]`.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        // YAML reads every JSON string, and JSON has an escape for everything.
        Value::String(text) => serde_json::to_string(text).unwrap_or_default(),
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Mapping(mapping) if mapping.is_empty() => "{}".to_owned(),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => "[]".to_owned(),
    }
}

/// Whether YAML takes it for this text without quotes.
fn is_plain(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '/');
    let allowed = |letter: char| letter.is_alphanumeric() || "/_.-:".contains(letter);
    first
        && letters.all(allowed)
        && !text.ends_with(':')
        && serde_yaml::from_str::<Value>(text).is_ok_and(|value| value.as_str() == Some(text))
        // Not for us, but for whoever reads it with YAML 1.1.
        && !["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Mapping {
        mapping(text).unwrap()
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in [
            "a: 1\nb: {c: [x, 'y z'], d: null}\n",
            "environment: 本番\nlist: ['a*b', '[x', '#no', 'true', 'yes', '1', '', ' x', 'a: b', '-', '~']\n",
            "checkouts: [{path: /a, allow: [b]}, {path: /c, shared: []}]\n",
            "args: [--region, \"ap northeast\", \"\\t\", \"a\\u0000b\", \"ends:\"]\nempty: {}\n",
            "long: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, c]\n",
        ] {
            let wanted = value(text);
            let written = merged(None, &wanted);
            assert_eq!(mapping(&written).as_ref(), Some(&wanted), "{written}");
        }
    }

    #[test]
    fn the_style_is_that_of_the_readme() {
        let wanted = value("a: x\nb: [{c: /d, e: [f, 'g*']}]\nh: {i: 'sha256:0'}\n");
        let written = merged(None, &wanted);
        let expected = "a: x\nb:\n  - c: /d\n    e: [f, \"g*\"]\nh:\n  i: sha256:0\n";
        assert_eq!(written.strip_prefix(HEADER), Some(expected));
    }

    #[test]
    fn an_old_file_keeps_what_need_not_change() {
        let old = "# ours\na: x   # why\n\n# about b\nb:\n  # inside\n  c: [u]\n# about d\nd: z\n";
        let same = value(old);
        assert_eq!(merged(Some(old), &same), old);
        let mut wanted = same.clone();
        wanted.insert("b".into(), Value::Mapping(value("c: [u, w]")));
        wanted.insert("e".into(), "new".into());
        let expected =
            "# ours\na: x   # why\n\n# about b\nb:\n  c: [u, w]\n# about d\nd: z\ne: new\n";
        assert_eq!(merged(Some(old), &wanted), expected);
        wanted.remove("d");
        assert!(!merged(Some(old), &wanted).contains("d: z"));
    }

    #[test]
    fn what_cannot_be_taken_apart_is_written_anew() {
        for old in ["{a: x, b: y}\n", "'a': x\n", "not yaml: [\n", "a: |\n  b\nc: x"] {
            let wanted = value("a: new\nb: other\n");
            let written = merged(Some(old), &wanted);
            assert_eq!(mapping(&written).as_ref(), Some(&wanted), "{old:?} gave {written:?}");
        }
    }
}
