//! Configurations of generators, transformers and validators, and what helm reads
//! for them.

use serde_yaml::Value;

use super::document::{Unreadable, manifests};
use super::reference::{
    Kind, Reference, below_the_root, each, field, fields, generator, reference, spellings, text,
    text_fields,
};

/// More words than this are not taken from one configuration.
const MAX_WORDS: usize = 10_000;

/// What the configurations in one file or one entry refer to. Their paths resolve
/// against the root of the kustomization that uses them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginConfig {
    /// Files of builtin plugins.
    pub references: Vec<Reference>,
    /// Charts that helm would inflate.
    pub charts: Vec<Chart>,
    /// Words of the configurations of other plugins: programs and containers that
    /// may do anything with them.
    pub words: Vec<String>,
}

/// A chart that helm would inflate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    /// The field it stands in.
    pub field: String,
    /// The directory with charts, relative to the root when it is not absolute.
    pub home: String,
    /// The chart's directory in it.
    pub name: String,
    /// A version: then the chart is in `NAME-VERSION/NAME` when it was pulled.
    pub version: String,
    /// Where it is pulled from when it is not in `home`.
    pub repo: String,
}

/// What the plugin configurations in `bytes` refer to. Kinds are not told apart:
/// a field that names a file in one of them counts in all.
///
/// # Errors
/// [`Unreadable`] as for [`super::first_document`], and for a value of the wrong
/// type.
pub fn plugin_references(bytes: &[u8], used_by: &str) -> Result<PluginConfig, Unreadable> {
    let mut found = PluginConfig::default();
    for document in manifests(bytes)? {
        configuration(&document, used_by, &mut found)?;
    }
    Ok(found)
}

fn configuration(
    document: &Value,
    used_by: &str,
    found: &mut PluginConfig,
) -> Result<(), Unreadable> {
    if !document.is_mapping() {
        return Ok(());
    }
    // Every kind that ends in `List` is taken apart (kyaml, `RNodesFromBytes`).
    for items in spellings(document, "items") {
        for item in items.as_sequence().into_iter().flatten() {
            configuration(item, used_by, found)?;
        }
    }
    let list = &mut found.references;
    generator(used_by, document, list)?;
    for name in ["path", "targetFilePath"] {
        field(used_by, document, name, Kind::File, list)?;
    }
    text_fields(used_by, document, "paths", list)?;
    for replacements in spellings(document, "replacements") {
        each(replacements, used_by, |item| field(used_by, item, "path", Kind::File, list))?;
    }
    helm_fields(used_by, document, list)?;
    if spellings(document, "kind").any(|kind| kind.as_str() == Some("HelmChartInflationGenerator"))
    {
        let home = first(document, "chartHome")?;
        found.charts.extend(chart(used_by, document, home)?);
    }
    if !spellings(document, "apiVersion").any(|version| version.as_str() == Some("builtin")) {
        words_of(document, &mut found.words);
    }
    Ok(())
}

/// The values files of a chart, and the places helm uses.
pub(super) fn helm_fields(
    key: &str,
    item: &Value,
    found: &mut Vec<Reference>,
) -> Result<(), Unreadable> {
    let before = found.len();
    field(key, item, "valuesFile", Kind::ForHelm, found)?;
    fields(key, item, "additionalValuesFiles", Kind::ForHelm, found)?;
    // The deprecated form calls the file `values`; in the other one they are
    // inline.
    for values in spellings(item, "values").filter_map(Value::as_str) {
        found.push(reference(&format!("{key}.values"), values, Kind::ForHelm));
    }
    below_the_root(before, found);
    for name in ["chartHome", "configHome", "helmHome"] {
        field(key, item, name, Kind::ForHelm, found)?;
    }
    Ok(())
}

/// The charts of a kustomization. The place of charts is one for all of
/// `helmCharts`, and stands beside each of the deprecated list.
pub(super) fn charts_of_kustomization(document: &Value) -> Result<Vec<Chart>, Unreadable> {
    let mut found = Vec::new();
    let home = match spellings(document, "helmGlobals").next() {
        Some(globals) => first(globals, "chartHome")?,
        None => "",
    };
    for key in ["helmCharts", "helmChartInflationGenerator"] {
        for list in spellings(document, key) {
            each(list, key, |item| {
                let own = first(item, "chartHome")?;
                // The first home of the deprecated list counts for all without
                // helmGlobals: both are taken.
                for home in [home, own] {
                    found.extend(chart(key, item, home)?);
                }
                Ok(())
            })?;
        }
    }
    found.dedup();
    Ok(found)
}

fn chart(key: &str, item: &Value, home: &str) -> Result<Option<Chart>, Unreadable> {
    let either = |one: &str, other: &str| -> Result<String, Unreadable> {
        let value = first(item, one)?;
        Ok(if value.is_empty() { first(item, other)?.to_owned() } else { value.to_owned() })
    };
    let name = either("name", "chartName")?;
    Ok((!name.is_empty()).then_some(Chart {
        field: key.to_owned(),
        home: if home.is_empty() { "charts".to_owned() } else { home.to_owned() },
        name,
        version: either("version", "chartVersion")?,
        repo: either("repo", "chartRepoUrl")?,
    }))
}

fn first<'v>(item: &'v Value, name: &str) -> Result<&'v str, Unreadable> {
    spellings(item, name).next().map_or(Ok(""), |value| text(name, value))
}

/// The words of every text in `value`: what of it is a path, only the plugin
/// knows.
fn words_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let separates =
                |letter: char| letter.is_whitespace() || "\"',=:;|&()[]{}".contains(letter);
            let words = text.split(separates).filter(|word| !word.is_empty());
            found.extend(words.take(MAX_WORDS - found.len()).map(str::to_owned));
        }
        Value::Sequence(items) => items.iter().for_each(|item| words_of(item, found)),
        Value::Mapping(fields) => fields.values().for_each(|value| words_of(value, found)),
        _ => {}
    }
}
