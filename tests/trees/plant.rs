//! Trees of manifests as people and accidents make them, and a command line for
//! each.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::yaml::{self, Yaml};
use crate::support::{Thing, Tree, config_map};

/// Whether a file decides what is read.
fn is_telling(path: &str) -> bool {
    path.to_lowercase().contains("kustomization")
        || ["gen.yaml", "trans.yaml"].iter().any(|name| path.ends_with(name))
}

/// Where kustomizations live; each may include the ones after it.
const DIRECTORIES: [&str; 12] = [
    "m",
    "m/overlays/develop",
    "m/overlays/develop/sub",
    "m/overlays/prod",
    "m/overlays/base",
    "m/components/c",
    "m/apps/a b",
    "m/apps/x=y",
    "m/apps/日本\n",
    "m/base",
    "m/lib",
    "elsewhere/far",
];

/// Who writes the tree.
#[derive(Debug, Clone, Copy)]
struct Mood {
    /// Entries lead to what is not there, and elsewhere.
    careless: bool,
    /// Only what kubectl 1.20 knows.
    old: bool,
}

/// Directories with plugin configurations.
const PLUGINS: &str = "m/plugins";

/// A tree with its command line.
/// `old` is a kubectl with kustomize 2, which knows fewer fields and flags.
pub(super) fn tree(dice: &mut Dice, old: bool) -> Tree {
    let mut things = BTreeMap::new();
    let mood = Mood { careless: dice.once_in(3), old };
    for directory in DIRECTORIES {
        files(dice, directory, mood, &mut things);
        if !mood.careless || !dice.once_in(10) {
            kustomizations(dice, directory, mood, &mut things);
        }
    }
    plugin_directory(dice, mood, &mut things);
    links(dice, mood, &mut things);
    if dice.once_in(6) {
        mangle(dice, &mut things);
    }
    let (here, logical) = match dice.roll(12) {
        0 => ("m/overlays", true),
        1 => ("m/here", true),
        2 => ("m/here", false),
        3 => ("m/overlays/develop", false),
        _ => ("m", dice.once_in(2)),
    };
    let words = words(dice, here, mood);
    Tree { things, words, here: here.to_owned(), logical }
}

/// What the resources of a directory are called.
fn id(directory: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    directory.chars().map(letter).collect::<String>().trim_end_matches('-').to_owned()
}

/// A text that is in every directory, or nearly.
fn content(dice: &mut Dice, directory: &str, mood: Mood, name: &str) -> String {
    let id: String =
        directory.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let named = |suffix: &str| config_map(&format!("{}-{suffix}", id.trim_end_matches('-')));
    match name {
        "vars.env" => "A=1\n".to_owned(),
        "data.txt" => "data\n".to_owned(),
        "patch.yaml" => named("a"),
        "list.yaml" => format!(
            "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: {id}l}}}}\n"
        ),
        "json6902.yaml" => "- {op: add, path: /metadata/annotations, value: {x: y}}\n".to_owned(),
        "replacement.yaml" => "[]\n".to_owned(),
        "config.yaml" => "namePrefix:\n- path: metadata/name\n".to_owned(),
        "crd.json" => "{}\n".to_owned(),
        "schema.json" => "{\"definitions\": {}}\n".to_owned(),
        "gen.yaml" => plugin(dice, directory, mood, true),
        "trans.yaml" => plugin(dice, directory, mood, false),
        name => named(&name[..1]),
    }
}

const FILES: [&str; 15] = [
    "a.yaml",
    "b.yml",
    "c.json",
    ".d.yaml",
    "e.YAML",
    "vars.env",
    "data.txt",
    "patch.yaml",
    "list.yaml",
    "json6902.yaml",
    "replacement.yaml",
    "config.yaml",
    "crd.json",
    "schema.json",
    "gen.yaml",
];

fn files(dice: &mut Dice, directory: &str, mood: Mood, things: &mut BTreeMap<String, Thing>) {
    for name in FILES.iter().chain(&["trans.yaml"]) {
        if !dice.once_in(if mood.careless { 12 } else { 100 }) {
            let content = content(dice, directory, mood, name);
            things.insert(format!("{directory}/{name}"), Thing::File(content));
        }
    }
    for odd in ["-", "STDIN", "w*.yaml", "a=b.yaml", "sp ace.yaml", "ſ.yaml", "tab\t.yaml"] {
        // The first ones are referred to.
        if ["-", "a=b.yaml"].contains(&odd) || dice.once_in(8) {
            let content = content(dice, directory, mood, &format!("{}odd", odd.len()));
            things.insert(format!("{directory}/{odd}"), Thing::File(content));
        }
    }
}

/// One kustomization, now and then a second one beside it.
fn kustomizations(
    dice: &mut Dice,
    directory: &str,
    mood: Mood,
    things: &mut BTreeMap<String, Thing>,
) {
    let mut names = vec![dice.one_of(&[
        "kustomization.yaml",
        "kustomization.yaml",
        "kustomization.yaml",
        "kustomization.yml",
        "Kustomization",
    ])];
    if mood.careless && dice.once_in(12) {
        names.push(dice.one_of(&["kustomization.yml", "Kustomization", "kustomization.json"]));
    }
    for name in names {
        let text = kustomization(dice, directory, mood);
        things.insert(format!("{directory}/{name}"), Thing::File(text));
    }
}

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

fn kustomization(dice: &mut Dice, directory: &str, mood: Mood) -> String {
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

/// The configuration of a builtin plugin, as YAML of its own. Its paths are seen
/// from whoever uses it, so they name what is in every directory.
fn plugin(dice: &mut Dice, directory: &str, mood: Mood, generates: bool) -> String {
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
fn plugin_directory(dice: &mut Dice, mood: Mood, things: &mut BTreeMap<String, Thing>) {
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

fn links(dice: &mut Dice, mood: Mood, things: &mut BTreeMap<String, Thing>) {
    let mut link = |dice: &mut Dice, path: &str, to: &str| {
        if !mood.careless || !dice.once_in(4) {
            things.insert(path.to_owned(), Thing::Link(to.to_owned()));
        }
    };
    for directory in DIRECTORIES {
        link(dice, &format!("{directory}/linked.yaml"), "a.yaml");
        link(dice, &format!("{directory}/up"), "..");
    }
    link(dice, "m/base/linked", "../lib");
    link(dice, "m/overlays/develop/away", "../prod");
    link(dice, "m/overlays/develop/away.yaml", "../prod/a.yaml");
    link(dice, "m/overlays/develop/dangling.yaml", "nowhere");
    link(dice, "m/overlays/develop/loop.yaml", "loop.yaml");
    link(dice, "m/overlays/alias", "prod");
    link(dice, "m/here", "overlays/develop");
    link(dice, "m/far", "../elsewhere/far");
    for root in ["m/overlays/develop", "m/base", "m"] {
        let chart = format!("{root}/charts/web");
        for (name, text) in [
            ("Chart.yaml", "name: web\n"),
            ("values.yaml", "a: 1\n"),
            ("templates/t.yaml", "x: y\n"),
        ] {
            things.insert(format!("{chart}/{name}"), Thing::File(text.to_owned()));
        }
    }
    let mut link = |dice: &mut Dice, path: &str, to: &str| {
        if dice.once_in(3) {
            things.insert(path.to_owned(), Thing::Link(to.to_owned()));
        }
    };
    link(dice, "m/overlays/develop/charts/web/more", "../../../prod");
    // A kustomization that is a link, inside and out of its directory.
    if mood.careless && dice.once_in(3) {
        let (path, to) = dice.one_of(&[
            ("m/base/kustomization.yaml", "../lib/kustomization.yaml"),
            ("m/base/kustomization.yaml", "sub.yaml"),
            ("m/overlays/develop/kustomization.yml", "../prod/kustomization.yaml"),
        ]);
        things.insert(path.to_owned(), Thing::Link(to.to_owned()));
        things.insert("m/base/sub.yaml".to_owned(), Thing::File("resources: [a.yaml]\n".into()));
    }
}

/// A slip in one of the texts that decide.
fn mangle(dice: &mut Dice, things: &mut BTreeMap<String, Thing>) {
    let paths: Vec<String> = things
        .iter()
        .filter(|(path, thing)| matches!(thing, Thing::File(_)) && is_telling(path))
        .map(|(path, _)| path.clone())
        .collect();
    for _ in 0..3 {
        if let Some(Thing::File(text)) = things.get_mut(&paths[dice.roll(paths.len())]) {
            *text = yaml::mangled(dice, text);
        }
    }
}

/// A file entry: mostly one's own, sometimes one that leads elsewhere.
fn file(dice: &mut Dice, directory: &str, name: &str, mood: Mood) -> String {
    if mood.careless && dice.once_in(4) {
        return match dice.roll(9) {
            0 => format!("{}/{name}", relative(dice, directory, mood)),
            1 => "away.yaml".to_owned(),
            2 => format!("up/{name}"),
            3 => format!("up/../{name}"),
            4 => "https://127.0.0.1:1/x.yaml".to_owned(),
            5 => format!("HTTP:{name}"),
            6 => format!("overlays/prod/{name}"),
            7 => format!("SCRATCH/{directory}/{name}"),
            _ => (dice.one_of(&["dangling.yaml", "loop.yaml", "missing", "", ".", "~", "w*.yaml"]))
                .to_owned(),
        };
    }
    match dice.roll(10) {
        0 => format!("./{name}"),
        1 => format!("sub/../{name}"),
        2 => format!(".//{name}"),
        3 if name == "a.yaml" => "linked.yaml".to_owned(),
        4 => format!("none/../{name}"),
        _ => name.to_owned(),
    }
}

/// Another directory, seen from `directory`.
fn relative(dice: &mut Dice, directory: &str, mood: Mood) -> String {
    if mood.careless && dice.once_in(3) {
        return (dice.one_of(&[
            ".",
            "..",
            "../..",
            "missing",
            "up",
            "away",
            "../alias",
            "../../far",
            "team@x:y/z",
            "github.com/a",
            "file://m/base",
            "SCRATCH/m/base",
            "sub/",
            "a.yaml",
            "../prod/.",
            "git::../prod",
            "a@b/c//../../../prod",
        ]))
        .to_owned();
    }
    let own = DIRECTORIES.iter().position(|known| *known == directory).unwrap_or(0);
    let later = &DIRECTORIES[own + 1..];
    if later.is_empty() {
        return ".".to_owned();
    }
    let mut other = dice.one_of(later);
    let stops =
        other.contains("components") || ["m/overlays/prod", "elsewhere/far"].contains(&other);
    if stops && !mood.careless && !dice.once_in(4) {
        other = later[later.len().saturating_sub(2)];
    }
    if other == "m/lib" && dice.once_in(3) {
        return to(dice, directory, "m/base/linked");
    }
    to(dice, directory, other)
}

fn to(dice: &mut Dice, from: &str, other: &str) -> String {
    let up = "../".repeat(from.split('/').count());
    let plain = format!("{up}{other}");
    match dice.roll(8) {
        0 => format!("./{plain}"),
        1 => format!("{plain}/"),
        2 => format!("x/../{plain}"),
        _ => plain,
    }
}

/// The command line, for somebody in `here`.
fn words(dice: &mut Dice, here: &str, mood: Mood) -> Vec<String> {
    let inside = here.contains("develop") || here == "m/here";
    let dir = match (inside, here) {
        (true, _) => dice.one_of(&[".", "./", "../develop", "sub", "../base", "up/develop"]),
        (_, "m/overlays") => dice.one_of(&["develop", "./develop/", "../base", "alias", "base"]),
        _ => dice.one_of(&[
            "overlays/develop",
            "overlays/develop",
            "overlays/develop",
            "overlays/develop/",
            "./overlays//develop/.",
            "overlays/alias/../develop",
            "here",
            "here/../base",
            "base",
            "base/linked",
            ".",
            "overlays/develop/sub",
            "components/c",
            "apps/a b",
            "apps/日本\n",
            "SCRATCH/m/overlays/develop",
            "../m/overlays/develop",
            "overlays/alias",
        ]),
    };
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match dice.roll(20) {
        0..=13 if mood.old => own(&["kustomize", dir]),
        0..=10 => own(&["kustomize", dir]),
        11 => own(&["kustomize", dir, "--enable-helm", "--helm-command", "helm"]),
        12 => own(&["kustomize", "--load-restrictor=LoadRestrictionsNone", dir]),
        13 => own(&["kustomize", dir, "--enable-alpha-plugins"]),
        14 => own(&["label", "--local", "-o", "name", "a=b", "-k", dir]),
        15 => own(&["apply", "--dry-run=client", "--validate=false", "-k", dir]),
        _ => manifests(dice, dir),
    }
}

fn manifests(dice: &mut Dice, dir: &str) -> Vec<String> {
    let named = match dice.roll(14) {
        0 => "STDIN".to_owned(),
        1 => format!("{dir}/*.yaml"),
        2 => format!("{dir}/[ab].y*ml"),
        3 => "*/develop".to_owned(),
        4 => format!("{dir}/../*"),
        5 => format!("{dir}/a.yaml,{dir}/b.yml"),
        6 => format!("{dir}/linked.yaml"),
        7 => format!("{dir}/up/"),
        8 => format!("{dir}/up"),
        9 => "over\\lays/[^x]*/a.yaml".to_owned(),
        10 => format!("{dir}/up/../"),
        _ => dir.to_owned(),
    };
    let mut words = match dice.roll(4) {
        0 => vec!["apply", "--dry-run=client", "--validate=false"],
        _ => vec!["label", "--local", "-o", "name", "a=b"],
    };
    if dice.once_in(3) {
        words.push("-R");
    }
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.extend(["-f".to_owned(), named]);
    words
}
