//! The configurations of builtin plugins.

use std::collections::BTreeMap;

use super::super::dice::Dice;
use super::super::yaml::{self, Yaml};
use super::{Mood, PLUGINS, Thing, id};

/// The configuration of a builtin plugin, as YAML of its own. Its paths are seen
/// from whoever uses it, so they name what is in every directory.
pub(super) fn plugin(dice: &mut Dice, directory: &str, mood: Mood, generates: bool) -> String {
    let number = dice.roll(100_000);
    let mut prefix = dice.one_of(&["", "", "./", "sub/../"]);
    if mood.careless {
        prefix = dice.one_of(&["", "./", "../lib/", "overlays/prod/"]);
    }
    let head =
        |kind: &str| format!("apiVersion: builtin\nkind: {kind}\nmetadata: {{name: n{number}}}\n");
    let target = "target: {kind: ConfigMap}\n";
    let named = format!("target: {{version: v1, kind: ConfigMap, name: {}-a}}\n", id(directory));
    if generates {
        return match dice.roll(4) {
            0 => head("SecretGenerator") + &format!("envs: [{prefix}vars.env]\n"),
            1 => format!(
                "apiVersion: v1\nkind: FooList\nitems:\n- apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {{name: l{number}}}\n  files: [{prefix}data.txt]\n"
            ),
            2 => head("ConfigMapGenerator") + &format!("FILES:\n- k={prefix}data.txt\n"),
            _ => {
                head("ConfigMapGenerator") + &format!("files: [{prefix}data.txt, {prefix}a.yaml]\n")
            }
        };
    }
    // Those of a directory of their own are used by many.
    let own = if directory.starts_with(PLUGINS) { 3 } else { 6 };
    match [0, 2, 4, 1, 3, 5][dice.roll(own)] {
        0 => head("PatchTransformer") + &format!("path: {prefix}patch.yaml\n{target}"),
        1 => head("PatchJson6902Transformer") + &format!("path: {prefix}json6902.yaml\n{named}"),
        2 => {
            head("ReplacementTransformer")
                + &format!("replacements:\n- path: {prefix}replacement.yaml\n")
        }
        3 => head("PatchStrategicMergeTransformer") + &format!("paths: [{prefix}patch.yaml]\n"),
        4 => format!(
            "{}path: {prefix}patch.yaml\n{target}---\n{}prefix: q\nfieldSpecs: [{{path: metadata/name}}]\n",
            head("PatchTransformer"),
            head("PrefixTransformer").replace("name: n", "name: o")
        ),
        _ => head("PatchTransformer") + &format!("Path: {prefix}json6902.yaml\n{target}"),
    }
}

/// Directories that are built to obtain plugin configurations.
pub(super) fn plugin_directory(dice: &mut Dice, mood: Mood, things: &mut BTreeMap<String, Thing>) {
    for (kind, generates) in [("generators", true), ("transformers", false)] {
        let dir = format!("{PLUGINS}/{kind}");
        let mut fields = vec![("resources".to_owned(), Yaml::Raw("[g.yaml, h]".into()))];
        if dice.once_in(6) {
            fields.push((
                "patches".into(),
                Yaml::List(vec![Yaml::map([
                    ("target", Yaml::map([("kind", Yaml::text("ConfigMapGenerator"))])),
                    (
                        "patch",
                        Yaml::text("- {op: add, path: /files/0, value: overlays/prod/a.yaml}"),
                    ),
                ])]),
            ));
        } else if dice.once_in(3) {
            fields.push(("namePrefix".into(), Yaml::text("x")));
        }
        let texts = [
            ("kustomization.yaml", yaml::file(dice, &fields)),
            ("g.yaml", plugin(dice, &dir, mood, generates)),
            ("h/kustomization.yaml", "resources: [i.yaml]\n".to_owned()),
            ("h/i.yaml", plugin(dice, &dir, mood, generates)),
        ];
        for (name, text) in texts {
            things.insert(format!("{dir}/{name}"), Thing::File(text));
        }
    }
}
