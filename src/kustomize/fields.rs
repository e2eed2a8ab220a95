//! The fields of a kustomization that name files, directories or addresses.

use serde_yaml::Value;

use super::document::{Unreadable, first_document};
use super::plugin::{self, Chart};
use super::reference::{
    Kind, Reference, below_the_root, each, entries, field, folded, generator, reference, text,
    texts,
};

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
