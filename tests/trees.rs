//! Generated kustomizations through the real kubectl: every file that it opens, as
//! the kernel saw it, is in our list of what it would open.
//!
//! `ENVGUARD_TEST_TREES` says how many trees (default 60 per run), and
//! `ENVGUARD_TEST_SEED` repeats a failure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Instance, Kubectl, Output, config_map, kubectls, skip};

/// A small generator of numbers: the same seed gives the same tree everywhere.
struct Dice(u64);

impl Dice {
    /// 0 .. `sides`
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn one_of<'o>(&mut self, options: &[&'o str]) -> &'o str {
        options[self.roll(options.len())]
    }
}

const DIRECTORIES: [&str; 6] =
    ["base", "lib", "lib/deep", "overlays/develop", "overlays/develop/sub", "components/c"];

const FILES: [&str; 5] = ["a.yaml", "b.yml", "data.txt", "vars.env", "patch.yaml"];

/// Writes a tree into the checkout and returns the directory to build.
fn plant(dice: &mut Dice, instance: &Instance) -> &'static str {
    for directory in DIRECTORIES {
        for file in FILES {
            if dice.roll(5) > 0 {
                let name = format!("{}-{}", directory.replace('/', "-"), &file[..1]);
                let content = match file {
                    "vars.env" => "A=1\n".to_owned(),
                    "patch.yaml" => config_map("web"),
                    _ => config_map(&name),
                };
                instance.write(&format!("m/{directory}/{file}"), &content);
            }
        }
        if dice.roll(8) > 0 {
            let name = dice.one_of(&[
                "kustomization.yaml",
                "kustomization.yaml",
                "kustomization.yml",
                "Kustomization",
            ]);
            instance.write(&format!("m/{directory}/{name}"), &kustomization(dice, directory));
        }
    }
    if dice.roll(3) == 0 {
        instance.link("a.yaml", "m/base/linked.yaml");
        instance.link("../lib", "m/base/linked");
    }
    DIRECTORIES[3 + dice.roll(2)]
}

fn kustomization(dice: &mut Dice, directory: &str) -> String {
    let mut text = String::new();
    if directory.starts_with("components") {
        text.push_str("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n");
    }
    let mut fields: Vec<&str> = Vec::new();
    for _ in 0..=dice.roll(4) {
        let field = dice.one_of(&[
            "resources",
            "resources",
            "resources",
            "bases",
            "components",
            "patches",
            "patchesStrategicMerge",
            "patchesJson6902",
            "configMapGenerator",
            "secretGenerator",
            "configurations",
            "crds",
            "openapi",
            "replacements",
            "generators",
            "transformers",
            "validators",
        ]);
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    for field in fields {
        let spelled = respelled(dice, field);
        let value = value(dice, field, directory);
        text.push_str(&format!("{spelled}: {value}\n"));
    }
    if dice.roll(6) == 0 {
        text.push_str("---\nresources: [never.yaml]\n");
    }
    text
}

/// The spellings Go accepts, now and then.
fn respelled(dice: &mut Dice, field: &str) -> String {
    match dice.roll(12) {
        0 => field.to_uppercase(),
        1 => field.replacen('s', "\u{17f}", 1),
        2 => format!("\"{field}\""),
        _ => field.to_owned(),
    }
}

fn value(dice: &mut Dice, field: &str, directory: &str) -> String {
    let file = file(dice, directory);
    let dir = relative(dice, directory);
    match field {
        "resources" | "bases" => match dice.roll(3) {
            0 => format!("[{file}]"),
            1 => format!("[{dir}]"),
            _ => format!("[{file}, {dir}]"),
        },
        "components" => format!("[{dir}]"),
        "patches" => match dice.roll(3) {
            0 => format!("[{{path: {file}}}]"),
            1 => format!("[{{Path: {file}}}]"),
            _ => "[{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}'}]".to_owned(),
        },
        "patchesStrategicMerge" => match dice.roll(2) {
            0 => format!("[{file}]"),
            _ => "['{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {z: \"1\"}}']"
                .to_owned(),
        },
        "patchesJson6902" => {
            format!("[{{target: {{version: v1, kind: ConfigMap, name: web}}, path: {file}}}]")
        }
        "configMapGenerator" | "secretGenerator" => match dice.roll(4) {
            0 => format!("[{{name: g, files: [{file}]}}]"),
            1 => format!("[{{name: g, files: [key={file}]}}]"),
            2 => format!("[{{name: g, envs: [{file}]}}]"),
            _ => format!("[{{name: g, env: {file}}}]"),
        },
        "openapi" => format!("{{path: {file}}}"),
        "replacements" => format!("[{{path: {file}}}]"),
        "generators" | "transformers" | "validators" => match dice.roll(3) {
            0 => format!("[{file}]"),
            1 => format!("[{dir}]"),
            _ => format!(
                "['{{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {{name: i}}, files: [{file}]}}']"
            ),
        },
        _ => format!("[{file}]"),
    }
}

/// A file entry: mostly one's own, sometimes one that leads elsewhere.
fn file(dice: &mut Dice, directory: &str) -> String {
    let name = dice.one_of(&FILES);
    match dice.roll(8) {
        0 => format!("./{name}"),
        1 => format!("{}/{name}", relative(dice, directory)),
        2 => "linked.yaml".to_owned(),
        3 => format!("sub/../{name}"),
        _ => name.to_owned(),
    }
}

/// Another directory, seen from `directory`.
fn relative(dice: &mut Dice, directory: &str) -> String {
    let up = "../".repeat(directory.split('/').count());
    match dice.roll(8) {
        0 => format!("{up}base/linked"),
        1 => format!("{up}missing"),
        2 => ".".to_owned(),
        _ => format!("{up}{}", dice.one_of(&DIRECTORIES)),
    }
}

/// The regular files below `top` that kubectl opened.
fn opened(instance: &Instance, kubectl: &Kubectl, dir: &str) -> BTreeSet<PathBuf> {
    let log = instance.path("strace");
    let mut command = instance.command("/usr/bin/strace".as_ref());
    command.args(["-f", "-q", "-e", "trace=openat,open", "-o"]).arg(&log);
    let _result = Output::of(command.arg(&kubectl.path).args(["kustomize", dir]));
    let text = std::fs::read(&log).unwrap();
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| !line.contains("= -1 ") && !line.contains("O_DIRECTORY"))
        .filter_map(|line| line.split('"').nth(1).map(PathBuf::from))
        .map(|path| instance.checkout().join(path))
        .filter_map(|path| path.canonicalize().ok())
        .filter(|path| path.is_file() && path.starts_with(instance.checkout()))
        .collect()
}

/// What the guard says kubectl would open.
fn listed(instance: &Instance, dir: &str) -> (BTreeSet<PathBuf>, Output) {
    let output = instance.envguard(&["check", "-o", "json", "--", "kustomize", dir]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let paths = document["reached"].as_array().unwrap().iter();
    (paths.map(|path| PathBuf::from(path.as_str().unwrap())).collect(), output)
}

fn tree_text(dir: &Path) -> String {
    let mut command = Command::new("sh");
    let script = "cd \"$1\" && find . -path ./.git -prune -o \\( -iname 'kustomization*' -o -type l \\) -print -exec cat {} \\;";
    Output::of(command.args(["-c", script, "sh"]).arg(dir)).stdout
}

#[test]
fn every_file_that_kubectl_opens_is_listed() {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace shows what kubectl opens");
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let trees = number("ENVGUARD_TEST_TREES").unwrap_or(60);
    let first = number("ENVGUARD_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kubectls = kubectls();
    let (mut seen, mut extra) = (0, 0);
    for index in 0..trees {
        let Some(kubectl) = kubectls.get(index as usize % kubectls.len().max(1)) else { return };
        let seed = first + index;
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let instance = Instance::new();
        std::fs::remove_dir_all(instance.path("m/base")).unwrap();
        std::fs::remove_dir_all(instance.path("m/overlays")).unwrap();
        let dir = plant(&mut dice, &instance);
        let opened = opened(&instance, kubectl, dir);
        let (listed, output) = listed(&instance, dir);
        // What is refused as unreadable is not opened through the guard at all.
        let unread = output.stdout.contains("\"input-unreadable\"");
        let missed: Vec<_> = opened.difference(&listed).collect();
        assert!(
            missed.is_empty() || unread,
            "seed {seed}, kubectl {}: kubectl kustomize {dir} opens {missed:?}, which is not listed\n{}",
            kubectl.version,
            tree_text(&instance.checkout())
        );
        seen += opened.len();
        extra += listed.iter().filter(|path| path.is_file() && !opened.contains(*path)).count();
    }
    eprintln!("seeds {first}..: {seen} files opened and listed, {extra} listed and not opened");
    assert!(seen as u64 > trees, "the generated trees are not worth building: {seen}");
}
