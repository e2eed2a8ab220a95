//! The text of a kustomization.

use super::super::dice::Dice;
use super::super::yaml::{self, Yaml};
use super::plugins::plugin;
use super::{Mood, file, id, relative, to};

/// The fields and how often they occur.
const FIELDS: [&str; 24] = [
    "resources",
    "resources",
    "resources",
    "bases",
    "components",
    "patches",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "configMapGenerator",
    "secretGenerator",
    "configurations",
    "crds",
    "openapi",
    "replacements",
    "generators",
    "generators",
    "transformers",
    "transformers",
    "validators",
    "helmCharts",
    "helmGlobals",
    "namespace",
];

/// The fields that kustomize 2 knows.
const OLD_FIELDS: [&str; 11] = [
    "resources",
    "bases",
    "bases",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "secretGenerator",
    "configurations",
    "crds",
    "namespace",
];

pub(super) fn kustomization(dice: &mut Dice, directory: &str, mood: Mood) -> String {
    let mut fields: Vec<(String, Yaml)> = Vec::new();
    if directory.contains("components") && !dice.once_in(10) {
        fields.push(("apiVersion".into(), Yaml::text("kustomize.config.k8s.io/v1alpha1")));
        fields.push(("kind".into(), Yaml::text("Component")));
    }
    let mut add = |dice: &mut Dice, field: &str| {
        // Charts stop a build without --enable-helm, and a component cannot
        // include itself.
        let stops = field.starts_with("helm") && !dice.once_in(6)
            || field == "components" && directory.contains("components");
        if !stops && fields.iter().all(|(name, _)| name != field) {
            let value = value(dice, field, directory, mood);
            fields.push((field.to_owned(), value));
        }
    };
    if !mood.careless {
        // What the patches below change.
        add(dice, "resources");
    }
    for _ in 0..=dice.roll(5) {
        let field = if mood.old { dice.one_of(&OLD_FIELDS) } else { dice.one_of(&FIELDS) };
        add(dice, field);
    }
    if !dice.once_in(4) {
        let prefix = format!("p{}-", dice.roll(1000));
        fields.push(("namePrefix".into(), Yaml::text(&prefix)));
    }
    anchored(dice, &mut fields);
    for (name, _) in &mut fields {
        *name = respelled(dice, name);
    }
    yaml::file(dice, &fields)
}

/// The spellings Go accepts, now and then.
fn respelled(dice: &mut Dice, field: &str) -> String {
    match dice.roll(16) {
        0 => field.to_uppercase(),
        1 => field.replacen('s', "\u{17f}", 1),
        2 => field.replacen('k', "\u{212a}", 1),
        _ => field.to_owned(),
    }
}

/// Sometimes the entries stand once, under an anchor.
fn anchored(dice: &mut Dice, fields: &mut Vec<(String, Yaml)>) {
    if !dice.once_in(6) {
        return;
    }
    match dice.roll(4) {
        0 => fields.insert(
            0,
            (
                "metadata".into(),
                Yaml::Raw("{name: x, annotations: {a: &one a.yaml, b: &two data.txt}}".into()),
            ),
        ),
        1 => fields.push(("resources".into(), Yaml::Raw("[&one a.yaml]".into()))),
        2 => fields.push((
            "patches".into(),
            Yaml::Raw(
                "[&p {target: {kind: ConfigMap}, path: patch.yaml}, {<<: *p, path: json6902.yaml}]"
                    .into(),
            ),
        )),
        _ => fields.push((
            "configMapGenerator".into(),
            Yaml::Raw("[&g {name: m1, files: [data.txt]}, {<<: [*g], name: m2}]".into()),
        )),
    }
    if fields.first().is_some_and(|(name, _)| name == "metadata") {
        fields.push((
            "configMapGenerator".into(),
            Yaml::Raw("[{name: al, files: [*one, k=vars.env, *two]}]".into()),
        ));
    }
    let mut seen = Vec::new();
    fields.retain(|(name, _)| {
        let first = !seen.contains(name);
        seen.push(name.clone());
        first
    });
}

fn value(dice: &mut Dice, field: &str, directory: &str, mood: Mood) -> Yaml {
    let file = |dice: &mut Dice, name: &str| Yaml::Text(file(dice, directory, name, mood));
    let target = || Yaml::map([("kind", Yaml::text("ConfigMap"))]);
    match field {
        "resources" => {
            let mut list = vec![file(dice, "a.yaml")];
            if dice.once_in(2) {
                let name = dice.one_of(&["b.yml", "c.json", "list.yaml", "a=b.yaml", "-"]);
                list.push(file(dice, name));
            }
            if !mood.old && !dice.once_in(3) {
                list.push(Yaml::Text(relative(dice, directory, mood)));
            }
            Yaml::List(list)
        }
        "bases" | "components" => Yaml::List(vec![Yaml::Text(if field == "components" {
            to(dice, directory, "m/components/c")
        } else {
            relative(dice, directory, mood)
        })]),
        "patches" if mood.old => Yaml::List(vec![file(dice, "patch.yaml")]),
        "patches" => {
            let name = dice.one_of(&["patch.yaml", "json6902.yaml"]);
            let path = file(dice, name);
            let key = dice.one_of(&["path", "path", "path", "Path", "PATH"]);
            match dice.roll(6) {
                0 if mood.careless => Yaml::List(vec![path]),
                1 => Yaml::List(vec![Yaml::map([
                    (
                        "patch",
                        Yaml::text("- op: add\n  path: /metadata/annotations\n  value: {a: b}"),
                    ),
                    ("target", target()),
                ])]),
                _ => Yaml::List(vec![Yaml::Map(vec![
                    (key.to_owned(), path),
                    ("target".to_owned(), target()),
                ])]),
            }
        }
        "patchesStrategicMerge" => match dice.roll(3) {
            0 => Yaml::List(vec![Yaml::text(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {z: \"1\"}"
                    .replace("NAME", &format!("{}-a", id(directory)))
                    .as_str(),
            )]),
            _ => Yaml::List(vec![file(dice, "patch.yaml")]),
        },
        "patchesJson6902" => Yaml::List(vec![Yaml::map([
            (
                "target",
                Yaml::map([
                    ("version", Yaml::text("v1")),
                    ("kind", Yaml::text("ConfigMap")),
                    ("name", Yaml::text("web")),
                ]),
            ),
            ("path", file(dice, "json6902.yaml")),
        ])]),
        "configMapGenerator" | "secretGenerator" => {
            let kind = &field[..1];
            let name = ("name", Yaml::Text(format!("{kind}g{}", dice.roll(10_000))));
            Yaml::List(vec![match dice.roll(6) {
                0 if !mood.old => {
                    Yaml::map([name, ("envs", Yaml::List(vec![file(dice, "vars.env")]))])
                }
                _ if mood.old => Yaml::map([name, ("env", file(dice, "vars.env"))]),
                1 => Yaml::map([name, ("env", file(dice, "vars.env"))]),
                2 => Yaml::map([name, ("FILES", Yaml::List(vec![file(dice, "data.txt")]))]),
                3 => {
                    let Yaml::Text(path) = file(dice, "data.txt") else { unreachable!() };
                    let keyed = dice
                        .one_of(if mood.careless {
                            &["", "a=b=", "="][..]
                        } else {
                            &["k=", "k.x=", ""]
                        })
                        .to_string()
                        + &path;
                    Yaml::map([name, ("files", Yaml::List(vec![Yaml::Text(keyed)]))])
                }
                _ => Yaml::map([
                    name,
                    ("files", Yaml::List(vec![file(dice, "data.txt"), file(dice, "vars.env")])),
                ]),
            }])
        }
        "configurations" => Yaml::List(vec![file(dice, "config.yaml")]),
        "crds" => Yaml::List(vec![file(dice, "crd.json")]),
        "openapi" => Yaml::map([("path", file(dice, "schema.json"))]),
        "replacements" => {
            let item = Yaml::map([("path", file(dice, "replacement.yaml"))]);
            if mood.careless && dice.once_in(4) { item } else { Yaml::List(vec![item]) }
        }
        "generators" | "transformers" | "validators" => {
            let (name, generates) =
                if field == "generators" { ("gen.yaml", true) } else { ("trans.yaml", false) };
            match dice.roll(4) {
                0 => Yaml::List(vec![Yaml::Text(plugin(dice, directory, mood, generates))]),
                1 => Yaml::List(vec![Yaml::Text(to(
                    dice,
                    directory,
                    if generates { "m/plugins/generators" } else { "m/plugins/transformers" },
                ))]),
                _ => Yaml::List(vec![file(dice, name)]),
            }
        }
        "helmCharts" => Yaml::List(vec![Yaml::Map(vec![
            ("name".into(), Yaml::text(dice.one_of(&["web", "../charts/web", "none"]))),
            ("version".into(), Yaml::text("1.0.0")),
            ("valuesFile".into(), file(dice, "a.yaml")),
            ("additionalValuesFiles".into(), Yaml::List(vec![file(dice, "list.yaml")])),
        ])]),
        "helmGlobals" => Yaml::map([(
            "chartHome",
            Yaml::text(dice.one_of(&["charts", "../../base/charts", "./charts/"])),
        )]),
        _ => Yaml::text("web"),
    }
}
