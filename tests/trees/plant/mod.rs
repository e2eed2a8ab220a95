//! Trees of manifests as people and accidents make them, and a command line for
//! each.

mod kustomization;
mod plugins;

use std::collections::BTreeMap;

use super::dice::Dice;
use super::yaml;
use crate::support::{Thing, Tree, config_map};
use kustomization::kustomization;
use plugins::{plugin, plugin_directory};

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
