//! The fields of a kustomization that name files, directories or addresses.

use serde_yaml::{Mapping, Value};

use super::document::{Unreadable, first_document, manifests};

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
}

/// Fields without references.
const PLAIN: [&str; 17] = [
    "apiversion",
    "kind",
    "metadata",
    "nameprefix",
    "namesuffix",
    "namespace",
    "commonlabels",
    "labels",
    "commonannotations",
    "images",
    "imagetags",
    "replicas",
    "vars",
    "sortoptions",
    "generatoroptions",
    "buildmetadata",
    "inventory",
];

/// The references of the kustomization in `bytes`, in the order in which
/// kustomize opens them as far as that matters.
///
/// # Errors
/// [`Unreadable`] when it is not YAML, or has an unknown field, a field twice in
/// different spellings, or a value of the wrong type.
pub fn references(bytes: &[u8]) -> Result<Vec<Reference>, Unreadable> {
    let Some(document) = first_document(bytes)? else { return Ok(Vec::new()) };
    let Value::Mapping(fields) = document else {
        return Err(Unreadable("is not a mapping".into()));
    };
    let mut found = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in &fields {
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
    Ok(found)
}

/// Go's `encoding/json` folds field names: ASCII case, `ſ` as s and the Kelvin
/// sign as k.
fn folded(key: &str) -> String {
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
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    if value.is_null() {
        return known(key, folded);
    }
    match folded {
        "resources" | "bases" => entries(key, value, Kind::FileOrDirectory, found),
        "components" => entries(key, value, Kind::Directory, found),
        "crds" | "configurations" => entries(key, value, Kind::File, found),
        // Old kustomizations list strategic-merge files under `patches`.
        "patches" | "patchesjson6902" | "replacements" => each(value, key, |item| match item {
            Value::String(entry) => {
                found.push(reference(key, entry, Kind::File));
                Ok(())
            }
            item => field(key, item, "path", Kind::File, found),
        }),
        "patchesstrategicmerge" => each(value, key, |item| {
            let entry = text(key, item)?;
            if !is_inline(entry) {
                found.push(reference(key, entry, Kind::File));
            }
            Ok(())
        }),
        "configmapgenerator" | "secretgenerator" => {
            each(value, key, |item| generator(key, item, found))
        }
        "openapi" => field(key, value, "path", Kind::File, found),
        "generators" | "transformers" | "validators" => each(value, key, |item| {
            let entry = text(key, item)?;
            if is_inline(entry) {
                found.extend(plugin_references(entry.as_bytes(), key)?);
            } else {
                found.push(reference(key, entry, Kind::PluginConfig));
            }
            Ok(())
        }),
        "helmcharts" | "helmchartinflationgenerator" => each(value, key, |item| {
            for name in ["valuesFile", "values", "chartHome", "helmHome"] {
                if name == "values" && folded == "helmcharts" {
                    continue;
                }
                field(key, item, name, Kind::File, found)?;
            }
            fields(key, item, "additionalValuesFiles", Kind::File, found)
        }),
        "helmglobals" => {
            field(key, value, "chartHome", Kind::File, found)?;
            field(key, value, "configHome", Kind::File, found)
        }
        folded => known(key, folded),
    }
}

fn known(key: &str, folded: &str) -> Result<(), Unreadable> {
    const WITH_REFERENCES: [&str; 18] = [
        "resources",
        "bases",
        "components",
        "crds",
        "configurations",
        "patches",
        "patchesjson6902",
        "patchesstrategicmerge",
        "replacements",
        "configmapgenerator",
        "secretgenerator",
        "openapi",
        "generators",
        "transformers",
        "validators",
        "helmcharts",
        "helmchartinflationgenerator",
        "helmglobals",
    ];
    if PLAIN.contains(&folded) || WITH_REFERENCES.contains(&folded) {
        return Ok(());
    }
    Err(Unreadable(format!("has an unknown field: {key}")))
}

/// `files` (`[key=]path`), `envs` and the old `env` of a generator.
fn generator(key: &str, item: &Value, found: &mut Vec<Reference>) -> Result<(), Unreadable> {
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

/// What the configuration of a builtin generator or transformer refers to. The
/// paths resolve against the root of the kustomization that uses it. Kinds are
/// not told apart: a field that names a file in one of them counts in all.
///
/// # Errors
/// As for [`references`].
pub fn plugin_references(bytes: &[u8], used_by: &str) -> Result<Vec<Reference>, Unreadable> {
    let mut found = Vec::new();
    for document in manifests(bytes)? {
        if !document.is_mapping() {
            continue;
        }
        generator(used_by, &document, &mut found)?;
        for name in ["path", "targetFilePath", "valuesFile"] {
            field(used_by, &document, name, Kind::File, &mut found)?;
        }
        for name in ["paths", "additionalValuesFiles"] {
            fields(used_by, &document, name, Kind::File, &mut found)?;
        }
        if let Some(list) = lookup(&document, "replacements") {
            each(list, used_by, |item| field(used_by, item, "path", Kind::File, &mut found))?;
        }
    }
    Ok(found)
}

/// Whether an entry is YAML with a `kind` and not a path. A path never has a
/// line break or a colon with a blank behind it and still parses as an object.
fn is_inline(entry: &str) -> bool {
    manifests(entry.as_bytes()).is_ok_and(|documents| {
        !documents.is_empty() && documents.iter().all(|document| lookup(document, "kind").is_some())
    })
}

fn reference(field: &str, entry: &str, kind: Kind) -> Reference {
    Reference { field: field.to_owned(), entry: entry.to_owned(), kind }
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
fn field(
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
fn fields(
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

fn lookup<'v>(item: &'v Value, name: &str) -> Option<&'v Value> {
    spellings(item, name).next()
}

/// All values whose key folds to `name`: which of several kubectl takes does not
/// matter when all of them are judged.
fn spellings<'v>(item: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
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
fn each<'v>(
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

fn text<'v>(key: &str, value: &'v Value) -> Result<&'v str, Unreadable> {
    value.as_str().ok_or_else(|| Unreadable(format!("has an entry under {key} that is not text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries_of(text: &str) -> Vec<String> {
        references(text.as_bytes())
            .unwrap()
            .into_iter()
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
            ("helmGlobals: {chartHome: /charts}", &["helmGlobals.chartHome /charts"]),
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
