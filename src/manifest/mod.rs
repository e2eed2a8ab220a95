//! Streams of manifests as kubectl decodes them (kubectl 1.20–1.36, `YAMLOrJSON`
//! decoder), reduced to what two equal objects have in common however they are
//! written: order, comments, quotes, line ends, YAML or JSON do not matter.

mod depth;
mod node;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use node::Node;
pub use text::decoded;

/// Brackets nested deeper than this are an attack or a mistake; libyaml needs time
/// in proportion to the depth for every token.
const MAX_FLOW_DEPTH: usize = 128;

/// Lists in lists: kubectl unpacks them as deep as they are.
const MAX_LISTS: usize = 16;

/// An object of a stream. Two are equal when kubectl would send the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object(Node);

/// Why a document cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Counted from 1.
    pub document: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} {}", self.document, self.problem)
    }
}

impl Object {
    /// `ConfigMap web`, for messages.
    #[must_use]
    pub fn label(&self) -> String {
        let kind = self.0.text(&["kind"]).unwrap_or("a document without kind");
        let name = self.0.text(&["metadata", "name"]);
        let name = name.or_else(|| self.0.text(&["metadata", "generateName"]));
        name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
    }

    /// `apps/Deployment web/api`: group, kind, namespace and name, as far as they are
    /// written.
    #[must_use]
    pub fn title(&self) -> String {
        let group = self.0.text(&["apiVersion"]).and_then(|version| version.split_once('/'));
        let group = group.map(|(group, _)| format!("{group}/")).unwrap_or_default();
        let kind = self.0.text(&["kind"]).unwrap_or("a document without kind");
        let namespace = self.0.text(&["metadata", "namespace"]);
        let namespace = namespace.map(|name| format!("{name}/")).unwrap_or_default();
        let name = self.0.text(&["metadata", "name"]);
        let name = name.or_else(|| self.0.text(&["metadata", "generateName"]));
        format!("{group}{kind} {namespace}{}", name.unwrap_or("(without a name)"))
    }

    /// A text that stands in every way of writing this object down, unless that
    /// way has escapes: its name.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        let name = self.0.text(&["metadata", "name"]);
        let name = name.or_else(|| self.0.text(&["metadata", "generateName"]));
        name.filter(|name| !name.is_empty() && name.bytes().all(is_token_byte))
    }
}

/// What names of objects are made of; everything else ends them.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:".contains(&byte)
}

/// Whether a manifest with one of `tokens` in it could be written as `bytes`.
#[must_use]
pub fn may_hold(bytes: &[u8], tokens: &BTreeSet<&str>) -> bool {
    // An escape, another encoding: then only parsing tells.
    if bytes.contains(&b'\\') || bytes.contains(&0) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    text.split(|c: char| !c.is_ascii() || !is_token_byte(c as u8))
        .any(|word| tokens.contains(word) || tokens.contains(word.trim_end_matches(':')))
}

/// Every object of a stream; lists give their items.
///
/// # Errors
/// [`Unreadable`] for the first document that is not understood.
pub fn objects(bytes: &[u8]) -> Result<Vec<Object>, Unreadable> {
    let text = decoded(bytes);
    let mut found = Vec::new();
    for (index, chunk) in text::documents(&text).enumerate() {
        let nodes = nodes(chunk).map_err(|problem| Unreadable { document: index + 1, problem })?;
        for node in nodes {
            unpack(node, MAX_LISTS, &mut found);
        }
    }
    Ok(found)
}

/// What the objects of a stream are called, as far as they can be read.
#[must_use]
pub fn titles(bytes: &[u8]) -> Vec<String> {
    readable_objects(bytes).iter().map(Object::title).collect()
}

/// Every object of a stream that can be read; what cannot is no manifest.
#[must_use]
pub fn readable_objects(bytes: &[u8]) -> Vec<Object> {
    let text = decoded(bytes);
    let mut found = Vec::new();
    for node in text::documents(&text).filter_map(|chunk| nodes(chunk).ok()).flatten() {
        unpack(node, MAX_LISTS, &mut found);
    }
    found
}

/// The documents of one chunk. kubectl takes the first; what our parser sees behind
/// it is taken too.
fn nodes(chunk: &str) -> Result<Vec<Node>, String> {
    if chunk.trim_start().starts_with('{')
        && let Some(nodes) = json(chunk)
    {
        return Ok(nodes);
    }
    if depth::deepest_flow(chunk) > MAX_FLOW_DEPTH {
        return Err(format!("nests brackets deeper than {MAX_FLOW_DEPTH}"));
    }
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(chunk) {
        match Node::deserialize(document) {
            Ok(node) => found.push(node),
            Err(error) if found.is_empty() => return Err(format!("is not readable YAML: {error}")),
            Err(_) => break,
        }
    }
    Ok(found)
}

/// One JSON value after the other; `None` when it is YAML that begins with a brace.
fn json(chunk: &str) -> Option<Vec<Node>> {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(chunk).into_iter() {
        match value {
            Ok(node) => found.push(node),
            Err(_) if found.is_empty() => return None,
            Err(_) => break,
        }
    }
    Some(found)
}

fn unpack(node: Node, left: usize, found: &mut Vec<Object>) {
    let is_list = node.text(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
    match node {
        Node::Map(mut fields) if is_list && left > 0 => match fields.remove("items") {
            Some(Node::List(items)) => {
                for item in items {
                    unpack(item, left - 1, found);
                }
            }
            // Not a list after all.
            Some(items) => {
                fields.insert("items".to_owned(), items);
                found.push(Object(Node::Map(fields)));
            }
            None => found.push(Object(Node::Map(fields))),
        },
        Node::Map(fields) if fields.is_empty() => {}
        Node::Map(fields) => found.push(Object(Node::Map(fields))),
        // kubectl skips `null` and stops at anything else.
        Node::Scalar(_) | Node::List(_) => {}
    }
}

#[cfg(test)]
mod tests;
