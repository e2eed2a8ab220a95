//! The direction of dependencies, as the table in `src/lib.rs` states it.

use std::collections::BTreeMap;
use std::path::Path;

use super::files;
use crate::support::read;

/// What the modules of a layer may use, and what they may never name.
struct Layer {
    modules: &'static [&'static str],
    may_use: &'static [&'static str],
}

const CENTRE: &[&str] = &[
    "path",
    "pattern",
    "text",
    "level",
    "policy",
    "kubectl",
    "kustomize",
    "manifest",
    "mask",
    "judge",
];

const LAYERS: &[Layer] = &[
    // The centre, downwards.
    Layer { modules: &["path", "pattern", "text", "level"], may_use: &[] },
    Layer { modules: &["policy"], may_use: &["level", "pattern"] },
    Layer { modules: &["kubectl", "kustomize", "manifest"], may_use: &[] },
    Layer { modules: &["mask"], may_use: &["kubectl", "text"] },
    Layer {
        modules: &["judge"],
        may_use: &["path", "pattern", "text", "level", "policy", "kubectl", "mask"],
    },
    // The edge that reads.
    Layer { modules: &["env", "git", "signals", "upstream"], may_use: &[] },
    Layer { modules: &["runtime"], may_use: &["env"] },
    Layer { modules: &["config"], may_use: &["env", "level", "path", "pattern", "policy", "text"] },
    Layer { modules: &["kubeconfig"], may_use: &["judge", "kustomize", "policy", "text"] },
    Layer {
        modules: &["gather"],
        may_use: &[
            "env",
            "git",
            "judge",
            "kubeconfig",
            "kubectl",
            "kustomize",
            "manifest",
            "path",
            "pattern",
            "policy",
            "text",
            "upstream",
        ],
    },
    // For the cluster, and what is shown at login; text only.
    Layer { modules: &["admission"], may_use: &[] },
    Layer { modules: &["colour"], may_use: &["level", "text"] },
    Layer { modules: &["banner", "prompt"], may_use: &["colour", "level", "text"] },
    Layer { modules: &["hook"], may_use: &["prompt"] },
    Layer { modules: &["installed"], may_use: &["env", "kubectl", "policy"] },
    Layer { modules: &["identity"], may_use: &["env", "judge", "policy", "runtime"] },
    Layer {
        modules: &["server"],
        may_use: &["env", "judge", "kubeconfig", "kubectl", "policy", "text"],
    },
    // The edge that acts.
    Layer { modules: &["confirm"], may_use: &["colour", "env", "policy", "signals", "text"] },
    Layer { modules: &["exec"], may_use: &["env", "installed", "kubectl", "policy", "text"] },
    Layer { modules: &["ticket"], may_use: &["env", "policy", "runtime"] },
    Layer { modules: &["session"], may_use: &[] },
    Layer {
        modules: &["audit"],
        may_use: &[
            "env", "judge", "kubectl", "mask", "pattern", "policy", "session", "signals", "text",
        ],
    },
    Layer { modules: &["preview"], may_use: &["colour", "exec", "kubectl", "mask", "text"] },
    Layer { modules: &["notices"], may_use: &["env", "runtime", "text"] },
    Layer {
        modules: &["keeper"],
        may_use: &[
            "env",
            "gather",
            "git",
            "judge",
            "kustomize",
            "notices",
            "path",
            "pattern",
            "policy",
            "signals",
            "text",
        ],
    },
    Layer {
        modules: &["sandbox"],
        may_use: &[
            "env",
            "gather",
            "judge",
            "kubectl",
            "kustomize",
            "path",
            "policy",
            "runtime",
            "text",
        ],
    },
    // What the login looks at.
    Layer { modules: &["machine"], may_use: &["policy"] },
    Layer {
        modules: &["health"],
        may_use: &[
            "audit",
            "config",
            "env",
            "exec",
            "gather",
            "identity",
            "installed",
            "judge",
            "keeper",
            "kubeconfig",
            "kubectl",
            "path",
            "pattern",
            "policy",
            "prompt",
            "sandbox",
            "server",
            "text",
            "upstream",
        ],
    },
    // Outside.
    Layer { modules: &["exit"], may_use: &[] },
    Layer { modules: &["report"], may_use: &["env", "judge", "policy", "text"] },
    Layer { modules: &["why"], may_use: &["env", "judge"] },
    Layer {
        modules: &["run"],
        may_use: &[
            "audit",
            "config",
            "confirm",
            "env",
            "exec",
            "exit",
            "gather",
            "identity",
            "installed",
            "judge",
            "kubectl",
            "manifest",
            "mask",
            "policy",
            "preview",
            "report",
            "sandbox",
            "text",
            "ticket",
        ],
    },
    Layer {
        modules: &["setup"],
        may_use: &[
            "audit",
            "config",
            "env",
            "gather",
            "git",
            "identity",
            "installed",
            "judge",
            "keeper",
            "kubeconfig",
            "kustomize",
            "level",
            "path",
            "pattern",
            "policy",
            "run",
            "server",
            "text",
        ],
    },
    Layer {
        modules: &["cli"],
        may_use: &[
            "admission",
            "audit",
            "banner",
            "colour",
            "config",
            "confirm",
            "env",
            "exec",
            "exit",
            "gather",
            "health",
            "hook",
            "judge",
            "keeper",
            "kubeconfig",
            "kubectl",
            "kustomize",
            "level",
            "machine",
            "mask",
            "notices",
            "policy",
            "prompt",
            "report",
            "run",
            "runtime",
            "sandbox",
            "session",
            "setup",
            "text",
            "ticket",
            "upstream",
            "why",
        ],
    },
];

/// What the centre never names: files, processes, the network, clocks, printing.
const FORBIDDEN_IN_CENTRE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::io",
    "std::process",
    "std::net",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime",
    "println!",
    "eprintln!",
    "print!(",
    ".metadata()",
    ".exists()",
    ".canonicalize()",
    ".read_link()",
    ".is_dir()",
    ".is_file()",
    "rustix",
    "clap",
    "owo_colors",
    "extern crate",
];

/// One module per heavy crate.
const ONE_PLACE: &[(&str, &[&str])] = &[
    ("clap::", &["cli"]),
    ("owo_colors::", &["colour", "report"]),
    ("tokio::", &["server"]),
    ("sysinfo::", &["machine"]),
    ("command_fds::", &["exec"]),
    ("git2::", &["keeper"]),
    ("k8s_openapi::", &["server"]),
    ("kube::", &["server"]),
    ("landlock::", &["sandbox"]),
    ("notify::", &["keeper"]),
    ("sha2::", &["gather", "keeper", "kubeconfig", "policy"]),
    ("base64::", &["kubeconfig", "setup"]),
    ("serde_yaml::", &["kustomize", "manifest", "config", "kubeconfig", "preview", "setup"]),
    ("similar::", &["cli", "preview"]),
    ("tempfile::", &["setup"]),
    (
        "serde_json::",
        &["audit", "cli", "identity", "keeper", "manifest", "mask", "preview", "setup", "ticket"],
    ),
    ("jiff::", &["audit", "cli", "keeper"]),
    ("signal_hook::", &["keeper", "signals"]),
];

/// The source of each top-level module without its tests.
fn modules() -> BTreeMap<String, String> {
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let relative = file.strip_prefix(&src).unwrap();
        let name = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let is_test = ["tests.rs", "samples.rs"].iter().any(|name| relative.ends_with(name));
        if is_test || ["lib", "main", "shim"].contains(&name) {
            continue;
        }
        let text = read(&file);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let without_comments: String = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        modules.entry(name.to_owned()).or_default().push_str(&without_comments);
    }
    modules
}

/// The top-level modules that a module's source names.
fn used(source: &str, all: &[String]) -> Vec<String> {
    all.iter()
        .filter(|name| {
            source.match_indices("crate::").any(|(at, _)| {
                let rest = &source[at + "crate::".len()..];
                rest.strip_prefix(name.as_str()).is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                }) || rest.strip_prefix('{').is_some_and(|list| {
                    let list = list.split("};").next().unwrap_or_default();
                    list.split(|c: char| !c.is_alphanumeric() && c != '_').any(|one| one == *name)
                })
            })
        })
        .cloned()
        .collect()
}

#[test]
fn modules_use_only_what_their_layer_may() {
    let modules = modules();
    let names: Vec<String> = modules.keys().cloned().collect();
    for (name, source) in &modules {
        let layer = LAYERS
            .iter()
            .find(|layer| layer.modules.contains(&name.as_str()))
            .unwrap_or_else(|| panic!("module {name} is in no layer"));
        for other in used(source, &names) {
            let allowed = other == *name || layer.may_use.contains(&other.as_str());
            assert!(allowed, "{name} uses {other}");
        }
    }
}

#[test]
fn layers_only_name_modules_that_exist_and_have_no_cycle() {
    let modules = modules();
    let mut below: Vec<&str> = Vec::new();
    for layer in LAYERS {
        for name in layer.modules {
            assert!(modules.contains_key(*name), "{name} does not exist");
        }
        for used in layer.may_use {
            assert!(below.contains(used), "{used} stands above {:?}", layer.modules);
        }
        below.extend(layer.modules);
    }
}

#[test]
fn the_centre_touches_nothing() {
    let modules = modules();
    for name in CENTRE {
        for forbidden in FORBIDDEN_IN_CENTRE {
            assert!(!modules[*name].contains(forbidden), "{name} names {forbidden}");
        }
    }
}

/// Parts of the acting edge that are pure all the same.
const PURE_FILES: &[&str] = &[
    "keeper/plan.rs",
    "keeper/patterns.rs",
    "preview/change.rs",
    "preview/conceal.rs",
    "preview/look.rs",
    "preview/object.rs",
    "preview/plan.rs",
    "preview/render.rs",
    "preview/unified.rs",
    "sandbox/effects.rs",
    "sandbox/mounts.rs",
    "sandbox/plan.rs",
    "sandbox/sites.rs",
    "setup/document.rs",
    "setup/layout.rs",
    "setup/misnamed.rs",
    "setup/proposal.rs",
    "setup/words.rs",
];

#[test]
fn the_keepers_plan_touches_nothing() {
    for file in PURE_FILES {
        let source = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file));
        let source = source.split("#[cfg(test)]").next().unwrap();
        for forbidden in FORBIDDEN_IN_CENTRE.iter().chain(&["git2", "notify"]) {
            assert!(!source.contains(forbidden), "{file} names {forbidden}");
        }
    }
}

/// Whether `source` has `krate` as a word of its own: `inotify::` is no `notify::`.
fn names(source: &str, krate: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let begins = |at: usize| !source[..at].chars().next_back().is_some_and(is_word);
    source.match_indices(krate).any(|(at, _)| begins(at))
}

#[test]
fn heavy_crates_stay_in_their_module() {
    for (name, source) in modules() {
        for (krate, places) in ONE_PLACE {
            let allowed = places.contains(&name.as_str());
            assert!(allowed || !names(&source, krate), "{name} names {krate}");
        }
    }
}

#[test]
fn the_rules_of_this_test_bite() {
    let names = ["exec".to_owned(), "env".to_owned()];
    assert_eq!(used("use crate::exec::find;", &names), ["exec"]);
    assert_eq!(used("use crate::executor::x;", &names), [""; 0]);
    assert_eq!(used("use crate::{env::Env, exec};", &names), names);
    assert!(
        self::names("use notify::Event;", "notify::") && self::names("(notify::x)", "notify::")
    );
    assert!(!self::names("use rustix::fs::inotify::{self};", "notify::"));
}
