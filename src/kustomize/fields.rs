//! The fields of a kustomization that name files, directories or addresses.

use serde_yaml::{Mapping, Value};

use super::document::{Unreadable, first_document};
use super::plugin::{self, Chart};

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

/// What a kustomization says, as far as it leads elsewhere.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kustomization {
    /// Everything it refers to.
    pub references: Vec<Reference>,
    /// Charts that helm would inflate.
    pub charts: Vec<Chart>,
    /// Words of the configurations of plugins that are not builtin.
    pub words: Vec<String>,
    /// A field that changes or makes resources, when there is one.
    pub changes: Option<String>,
}

/// Fields without references that leave the content of resources alone.
const NEUTRAL: [&str; 10] = [
    "apiversion",
    "kind",
    "metadata",
    "nameprefix",
    "namesuffix",
    "namespace",
    "sortoptions",
    "generatoroptions",
    "buildmetadata",
    "inventory",
];

/// Fields without references that change resources.
const CHANGING: [&str; 7] =
    ["commonlabels", "commonannotations", "labels", "images", "imagetags", "replicas", "vars"];

/// kubectl 1.20 replaces these everywhere in the text before it reads it
/// (kustomize 2.0.3, `DealWithDeprecatedFields`).
const REWRITTEN: [&str; 2] = ["patches:", "imageTags:"];

/// What the kustomization in `bytes` leads to.
///
/// # Errors
/// [`Unreadable`] when it is not YAML, or has an unknown field, a field twice in
/// different spellings, or a value of the wrong type.
pub fn references(bytes: &[u8]) -> Result<Kustomization, Unreadable> {
    let mut found = Kustomization::default();
    let Some(document) = first_document(bytes)? else { return Ok(found) };
    let Value::Mapping(fields) = &document else {
        return Err(Unreadable("is not a mapping".into()));
    };
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in fields {
        let Value::String(key) = key else {
            return Err(Unreadable("has a field name that is not text".into()));
        };
        let folded = folded(key);
        if seen.contains(&folded) {
            return Err(Unreadable(format!("has the field {key} twice")));
        }
        top_level(key, &folded, value, &mut found)?;
        seen.push(folded);
    }
    if let Some(reference) =
        found.references.iter().find(|one| REWRITTEN.iter().any(|old| one.entry.contains(old)))
    {
        let Reference { field, entry, .. } = reference;
        return Err(Unreadable(format!(
            "has {entry} under {field}, which kubectl 1.20 reads as another name"
        )));
    }
    found.charts.extend(plugin::charts_of_kustomization(&document)?);
    Ok(found)
}

/// Go's `encoding/json` folds field names: ASCII case, `ſ` as s and the Kelvin
/// sign as k.
fn folded(key: &str) -> String {
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

fn top_level(
    key: &str,
    folded: &str,
    value: &Value,
    found: &mut Kustomization,
) -> Result<(), Unreadable> {
    if NEUTRAL.contains(&folded) {
        return Ok(());
    }
    let list = &mut found.references;
    let changes = !matches!(folded, "resources" | "bases" | "crds" | "openapi");
    match folded {
        "resources" | "bases" => entries(key, value, Kind::FileOrDirectory, list)?,
        "components" => entries(key, value, Kind::Directory, list)?,
        "crds" | "configurations" => entries(key, value, Kind::File, list)?,
        // Old kustomizations list strategic-merge files under `patches`.
        "patches" | "patchesjson6902" | "replacements" => each(value, key, |item| match item {
            Value::String(entry) => {
                list.push(reference(key, entry, Kind::File));
                Ok(())
            }
            item => field(key, item, "path", Kind::File, list),
        })?,
        "patchesstrategicmerge" => texts(key, value, Kind::File, list)?,
        "configmapgenerator" | "secretgenerator" => {
            each(value, key, |item| generator(key, item, list))?;
        }
        "openapi" => {
            let before = list.len();
            field(key, value, "path", Kind::File, list)?;
            below_the_root(before, list);
        }
        "generators" | "transformers" | "validators" => plugins(key, value, found)?,
        "helmcharts" | "helmchartinflationgenerator" | "helmglobals" => {
            each(value, key, |item| plugin::helm_fields(key, item, list))?;
        }
        folded if CHANGING.contains(&folded) => {}
        _ => return Err(Unreadable(format!("has an unknown field: {key}"))),
    }
    if changes && !value.is_null() {
        found.changes.get_or_insert_with(|| key.to_owned());
    }
    Ok(())
}

/// Entries that are plugin configurations, or name a file or directory with them.
fn plugins(key: &str, value: &Value, found: &mut Kustomization) -> Result<(), Unreadable> {
    texts(key, value, Kind::PluginConfig, &mut found.references)?;
    each(value, key, |item| {
        let entry = text(key, item)?;
        if entry.contains(':') {
            let config = plugin::plugin_references(entry.as_bytes(), key)?;
            found.references.extend(config.references);
            found.charts.extend(config.charts);
            found.words.extend(config.words);
        }
        Ok(())
    })
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
fn texts(
    key: &str,
    value: &Value,
    kind: Kind,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    each(value, key, |item| {
        let reference = reference(key, text(key, item)?, kind);
        let may_be_text = reference.entry.contains(':');
        found.push(Reference { may_be_text, ..reference });
        Ok(())
    })
}

fn entries(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entries_of(text: &str) -> Vec<String> {
        references(text.as_bytes())
            .unwrap()
            .references
            .into_iter()
            .filter(|reference| !reference.may_be_text)
            .map(|reference| format!("{} {}", reference.field, reference.entry))
            .collect()
    }

    #[test]
    fn every_field_that_names_a_file_is_found() {
        for (text, expected) in [
            ("resources: [a.yaml, ../base]", &["resources a.yaml", "resources ../base"][..]),
            ("bases: [../prod]", &["bases ../prod"]),
            ("components: [../c]", &["components ../c"]),
            ("crds: [c.json]\nconfigurations: [n.yaml]", &["crds c.json", "configurations n.yaml"]),
            ("openapi: {path: s.json}", &["openapi.path s.json"]),
            ("patches: [{path: p.yaml}, {patch: x}]", &["patches.path p.yaml"]),
            ("patches: [old.yaml]", &["patches old.yaml"]),
            ("patchesJson6902: [{path: j.yaml, target: {}}]", &["patchesJson6902.path j.yaml"]),
            ("patchesStrategicMerge: [s.yaml]", &["patchesStrategicMerge s.yaml"]),
            ("patchesStrategicMerge: ['{kind: X, metadata: {name: y}}']", &[]),
            ("replacements: [{path: r.yaml}]", &["replacements.path r.yaml"]),
            ("replacements: {path: r.yaml}", &["replacements.path r.yaml"]),
            (
                "configMapGenerator: [{name: x, files: [a.txt, k=b.txt], envs: [e.env], env: f.env}]",
                &[
                    "configMapGenerator.files a.txt",
                    "configMapGenerator.files b.txt",
                    "configMapGenerator.envs e.env",
                    "configMapGenerator.env f.env",
                ],
            ),
            ("secretGenerator: [{files: [s]}]", &["secretGenerator.files s"]),
            ("generators: [g.yaml]", &["generators g.yaml"]),
            (
                "transformers: ['{apiVersion: builtin, kind: PatchTransformer, path: ../x}']",
                &["transformers.path ../x"],
            ),
            (
                "helmCharts: [{name: c, valuesFile: v.yaml, additionalValuesFiles: [w.yaml]}]",
                &["helmCharts.valuesFile v.yaml", "helmCharts.additionalValuesFiles w.yaml"],
            ),
            (
                "helmGlobals: {chartHome: /charts, configHome: c}",
                &["helmGlobals.chartHome /charts", "helmGlobals.configHome c"],
            ),
            ("namespace: x\nlabels: [{pairs: {path: no}}]", &[]),
            ("resources:\n", &[]),
            ("", &[]),
            ("{\"resources\": [\"a.yaml\"]}", &["resources a.yaml"]),
        ] {
            assert_eq!(entries_of(text), expected, "{text}");
        }
    }

    #[test]
    fn spellings_that_go_accepts_are_found() {
        for text in [
            "RESOURCES: [x]",
            "Resources: [x]",
            "reſources: [x]",
            "rESOURCEs: [x]",
            "resources: [&a x]",
            "\"\\u0072esources\": [x]",
            "resources: [\"\\x78\"]",
        ] {
            let found = entries_of(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].ends_with(" x"), "{text}: {found:?}");
        }
        assert_eq!(entries_of("patches: [{Path: p}]"), ["patches.path p"]);
        assert_eq!(entries_of("patche\u{17f}: [{PATH: p}]"), ["patche\u{17f}.path p"]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "resource: [x]",
            "x-anchors: 1",
            "resources: x",
            "resources: [1]",
            "resources: [{a: b}]",
            "resources: [a]\nResources: [b]",
            "- a",
            "just text",
            "1: x",
            "generators: [1]",
        ] {
            assert!(references(text.as_bytes()).is_err(), "{text}");
        }
    }
}
