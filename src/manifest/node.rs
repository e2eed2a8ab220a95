//! A YAML or JSON value without what does not change its meaning.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{
    Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// A value. Fields that are null are absent; of a key that stands twice the last
/// one counts, as for kubectl.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    Scalar(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

const NULL: &str = "null";

impl Node {
    /// The text at the end of `path`.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        match (self, path) {
            (Self::Scalar(text), []) => Some(text),
            (Self::Map(fields), [first, rest @ ..]) => fields.get(*first)?.text(rest),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(text) if text == NULL)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Meaning)
    }
}

struct Meaning;

impl<'de> Visitor<'de> for Meaning {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // 1.0 is written as 1.
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(meaning_of(value)))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(NULL.to_owned()))
    }

    /// An empty document.
    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(NULL.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut fields = BTreeMap::new();
        let mut merged = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Node, Node>()? {
            match key {
                Node::Scalar(key) if key == "<<" => merged.push(value),
                Node::Scalar(key) => drop(fields.insert(key, value)),
                other => drop(fields.insert(format!("{other:?}"), value)),
            }
        }
        for source in merged {
            merge(source, &mut fields);
        }
        fields.retain(|_, value: &mut Node| !value.is_null());
        Ok(Node::Map(fields))
    }

    /// A tag: what it stands before is what counts.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (_, content) = tagged.variant::<Node>()?;
        content.newtype_variant()
    }
}

/// `<<: *anchor` or a list of them: fields that are not there yet.
fn merge(source: Node, fields: &mut BTreeMap<String, Node>) {
    match source {
        Node::Map(defaults) => {
            for (key, value) in defaults {
                fields.entry(key).or_insert(value);
            }
        }
        Node::List(sources) => {
            for source in sources {
                merge(source, fields);
            }
        }
        Node::Scalar(_) => {}
    }
}

/// What kubectl's YAML 1.1 makes of a text that our parser leaves as it is: `yes`
/// and `on` are true, `0644` and `1_000` are numbers. Whether it stood in quotes is
/// not known here; with everything else equal that makes no difference.
fn meaning_of(text: &str) -> String {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "True" | "TRUE" => "true".into(),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "False" | "FALSE" => {
            "false".into()
        }
        "~" | "Null" | "NULL" | "" => NULL.into(),
        _ => number(text).unwrap_or_else(|| text.to_owned()),
    }
}

fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.len() > 24 {
        return None;
    }
    let plain = digits.replace('_', "");
    let value = match plain.as_bytes() {
        [b'0', b'x' | b'X', ..] => i64::from_str_radix(&plain[2..], 16).ok()?,
        [b'0', b'b' | b'B', ..] => i64::from_str_radix(&plain[2..], 2).ok()?,
        [b'0', b'o' | b'O', ..] => i64::from_str_radix(&plain[2..], 8).ok()?,
        [b'0', _, ..] => i64::from_str_radix(&plain, 8).ok()?,
        _ => plain.parse().ok()?,
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    Some(format!("{sign}{value}"))
}
