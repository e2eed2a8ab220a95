//! Entries that kustomize would open, and how they stand in YAML.

use serde_yaml::{Mapping, Value};

use super::document::Unreadable;

/// What kustomize accepts at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file at or below the root, or an http address.
    File,
    /// A file, or else a directory or a git address.
    FileOrDirectory,
    /// A directory or a git address.
    Directory,
    /// A file or directory that holds the configuration of a generator,
    /// transformer or validator, which refers to files itself.
    PluginConfig,
    /// A file or directory that is read only by helm or for it.
    ForHelm,
}

/// One entry that kustomize would open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The field, with the nested ones after dots.
    pub field: String,
    /// The entry as it stands.
    pub entry: String,
    /// What kustomize accepts there.
    pub kind: Kind,
    /// The entry may be YAML itself: it is a path only where there is something
    /// at that path.
    pub may_be_text: bool,
}

/// Where a path is joined to the root by some versions of kustomize, absolute or
/// not (the schema of a base, additional values files), both readings count.
pub(super) fn below_the_root(first: usize, found: &mut Vec<Reference>) {
    for at in first..found.len() {
        if let Some(relative) = found[at].entry.strip_prefix('/') {
            let relative = Reference { entry: relative.to_owned(), ..found[at].clone() };
            found.push(relative);
        }
    }
}

/// `files` (`[key=]path`), `envs` and the old `env` of a generator.
pub(super) fn generator(
    key: &str,
    item: &Value,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    let before = found.len();
    fields(key, item, "files", Kind::File, found)?;
    for reference in &mut found[before..] {
        if let Some((_, path)) = reference.entry.split_once('=') {
            reference.entry = path.to_owned();
        }
    }
    fields(key, item, "envs", Kind::File, found)?;
    field(key, item, "env", Kind::File, found)
}

pub(super) fn reference(field: &str, entry: &str, kind: Kind) -> Reference {
    Reference { field: field.to_owned(), entry: entry.to_owned(), kind, may_be_text: false }
}

/// A list of entries that are YAML or else paths. What is YAML in them is found
/// by [`super::plugin_references`].
pub(super) fn texts(
    key: &str,
    value: &Value,
    kind: Kind,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    let before = found.len();
    entries(key, value, kind, found)?;
    for reference in &mut found[before..] {
        reference.may_be_text = reference.entry.contains(':');
    }
    Ok(())
}

pub(super) fn entries(
    key: &str,
    value: &Value,
    kind: Kind,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    each(value, key, |item| {
        found.push(reference(key, text(key, item)?, kind));
        Ok(())
    })
}

/// One text field of a mapping, in any spelling Go accepts.
pub(super) fn field(
    key: &str,
    item: &Value,
    name: &str,
    kind: Kind,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    for value in spellings(item, name) {
        let full = format!("{key}.{name}");
        let entry = text(&full, value)?;
        if !entry.is_empty() {
            found.push(reference(&full, entry, kind));
        }
    }
    Ok(())
}

/// One list field of a mapping, in any spelling Go accepts.
pub(super) fn fields(
    key: &str,
    item: &Value,
    name: &str,
    kind: Kind,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    for value in spellings(item, name) {
        entries(&format!("{key}.{name}"), value, kind, found)?;
    }
    Ok(())
}

/// The same for a list of entries that are YAML or else paths.
pub(super) fn text_fields(
    key: &str,
    item: &Value,
    name: &str,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    for value in spellings(item, name) {
        texts(&format!("{key}.{name}"), value, Kind::File, found)?;
    }
    Ok(())
}

/// All values whose key folds to `name`: which of several kubectl takes does not
/// matter when all of them are judged.
pub(super) fn spellings<'v>(item: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let name = folded(name);
    item.as_mapping()
        .into_iter()
        .flat_map(Mapping::iter)
        .filter(move |(key, _)| key.as_str().is_some_and(|key| folded(key) == name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

/// The items of a list. A single object counts as a list of one where kustomize
/// accepts both.
pub(super) fn each<'v>(
    value: &'v Value,
    key: &str,
    mut visit: impl FnMut(&'v Value) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    match value {
        Value::Sequence(items) => items.iter().filter(|item| !item.is_null()).try_for_each(visit),
        Value::Mapping(_) => visit(value),
        Value::Null => Ok(()),
        _ => Err(Unreadable(format!("has something other than a list under {key}"))),
    }
}

pub(super) fn text<'v>(key: &str, value: &'v Value) -> Result<&'v str, Unreadable> {
    value.as_str().ok_or_else(|| Unreadable(format!("has an entry under {key} that is not text")))
}

/// Go's `encoding/json` folds field names: ASCII case, `ſ` as s and the Kelvin
/// sign as k.
pub(super) fn folded(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    key.chars()
        .map(|letter| match letter {
            'ſ' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}
