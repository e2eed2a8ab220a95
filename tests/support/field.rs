//! Trees on the disk, what kubectl opens of them as the kernel saw it, and what the
//! guard says about that.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Instance, Kubectl, Output};

/// What a tree consists of, by path below the scratch directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    File(String),
    Link(String),
}

/// A tree and what kubectl is asked to do with it.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) things: BTreeMap<String, Thing>,
    pub(crate) words: Vec<String>,
    /// The working directory, below the scratch directory.
    pub(crate) here: String,
    /// Whether the shell would say so in `$PWD`: without it Go asks the kernel.
    pub(crate) logical: bool,
}

impl Tree {
    /// Puts the tree on the disk in the place of the one before.
    pub(crate) fn plant(&self, instance: &Instance) {
        for top in ["m", "elsewhere"] {
            std::fs::remove_dir_all(instance.path(top)).unwrap();
            std::fs::create_dir(instance.path(top)).unwrap();
        }
        for (path, thing) in &self.things {
            match thing {
                Thing::File(text) => drop(instance.write(path, text)),
                Thing::Link(to) => instance.link(to, path),
            }
        }
        std::fs::create_dir_all(instance.path(&self.here)).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("in {} (logical: {}): kubectl {:?}\n", self.here, self.logical, self.words);
        for (path, thing) in &self.things {
            match thing {
                Thing::File(content) if content.len() < 2_000 => {
                    text.push_str(&format!("--- {path:?} {content:?}\n{content}"));
                }
                Thing::File(_) => text.push_str(&format!("--- {path:?}\n")),
                Thing::Link(to) => text.push_str(&format!("--- {path:?} -> {to:?}\n")),
            }
        }
        text
    }
}

/// A scratch instance, whose tree is replaced again and again.
pub(crate) struct Field {
    pub(crate) instance: Instance,
    /// The same configuration without anything foreign: what is foreign is not
    /// followed, and here the whole list is wanted.
    permissive: PathBuf,
}

/// What the guard says about a command line. It asks no kubectl.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What the guard lists, as it prints it.
    pub(crate) listed: BTreeSet<String>,
    /// The guard could not understand something.
    pub(crate) unreadable: bool,
    /// The guard would not let it run, for these reasons.
    pub(crate) codes: Vec<String>,
}

/// What one command line did and what the guard says about it.
pub(crate) struct Findings {
    /// Regular files below the scratch directory that kubectl opened.
    pub(crate) opened: BTreeSet<PathBuf>,
    pub(crate) succeeded: bool,
    pub(crate) answer: Rc<Answer>,
}

impl Findings {
    pub(crate) fn refused(&self) -> bool {
        !self.answer.codes.is_empty()
    }

    pub(crate) fn missed(&self) -> Vec<&PathBuf> {
        // What is refused as unreadable is not opened through the guard at all.
        if self.answer.unreadable {
            return Vec::new();
        }
        let listed = &self.answer.listed;
        let is_listed = |path: &Path| listed.contains(&kubectl_envguard::text::shown(path));
        self.opened.iter().filter(|path| !is_listed(path)).collect()
    }

    /// Files of another environment that kubectl opened and the guard would let it.
    pub(crate) fn leaked(&self, foreign: &Path) -> Vec<&PathBuf> {
        if self.refused() {
            return Vec::new();
        }
        self.opened.iter().filter(|path| path.starts_with(foreign)).collect()
    }
}

impl Field {
    pub(crate) fn new() -> Self {
        let instance = Instance::in_memory();
        // A helm that reads what helm reads: the chart and the values.
        let helm = "#!/bin/sh
case $1 in version) echo v3.18.0 ;; template)
for word; do case $word in /*) find -L \"$word\" -type f -exec cat {} + ;; esac; done >/dev/null ;; esac\n";
        instance.write("bin/helm", helm);
        instance.executable("bin/helm");
        let text = instance.config_text().replace("allow: [develop]", "allow: ['*']");
        let permissive = instance.write("permissive.yaml", &text);
        Self { instance, permissive }
    }

    pub(crate) fn try_out(&self, tree: &Tree, kubectl: &Kubectl) -> Findings {
        self.try_out_with_each(tree, &[kubectl]).remove(0)
    }

    /// What each of `kubectls` does with `tree`, planted anew for each: a build may write.
    pub(crate) fn try_out_with_each(&self, tree: &Tree, kubectls: &[&Kubectl]) -> Vec<Findings> {
        let tree = self.placed(tree);
        tree.plant(&self.instance);
        let answer = Rc::new(self.answer(&tree));
        let build = |kubectl: &&Kubectl| {
            tree.plant(&self.instance);
            let (opened, succeeded) = self.opened(&tree, kubectl);
            Findings { opened, succeeded, answer: Rc::clone(&answer) }
        };
        kubectls.iter().map(build).collect()
    }

    fn answer(&self, tree: &Tree) -> Answer {
        let codes = codes_of(&self.check(tree, &self.instance.config()));
        let check = self.check(tree, &self.permissive);
        let unreadable = codes_of(&check).iter().any(|code| code == "input-unreadable");
        let listed = check["reached"].as_array().unwrap().iter();
        let listed = listed.map(|path| path.as_str().unwrap().to_owned()).collect();
        Answer { listed, unreadable, codes }
    }

    fn check(&self, tree: &Tree, config: &Path) -> serde_json::Value {
        let mut command = self.command(tree, &super::envguard());
        command.args(["check", "-o", "json", "--"]).args(&tree.words);
        let output = Output::of(command.env("ENVGUARD_CONFIG", config));
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// `tree` with the scratch directory's name where it wants it.
    fn placed(&self, tree: &Tree) -> Tree {
        let top = self.instance.path("");
        let top = top.to_str().unwrap().trim_end_matches('/').to_owned();
        let mut tree = tree.clone();
        for thing in tree.things.values_mut() {
            if let Thing::File(text) = thing {
                *text = text.replace("SCRATCH", &top);
            }
        }
        for word in &mut tree.words {
            *word = word.replace("SCRATCH", &top);
        }
        tree
    }

    fn command(&self, tree: &Tree, program: &Path) -> std::process::Command {
        let mut command = self.instance.command(program);
        let here = self.instance.path(&tree.here);
        command.current_dir(&here);
        if tree.logical {
            command.env("PWD", &here);
        }
        command
    }

    fn opened(&self, tree: &Tree, kubectl: &Kubectl) -> (BTreeSet<PathBuf>, bool) {
        let log = self.instance.path("strace");
        let mut command = self.command(tree, "/usr/bin/strace".as_ref());
        command.args(["--seccomp-bpf", "-f", "-q", "-y", "-e", "trace=openat,open,openat2", "-o"]);
        // A build opens the same with one thread and without collecting garbage, and there is
        // less to trace.
        let command = command.env("GOMAXPROCS", "1").env("GOGC", "off");
        let output = Output::of(command.arg(&log).arg(&kubectl.path).args(&tree.words));
        let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        let top = [self.instance.path("m"), self.instance.path("elsewhere")];
        let opened = text
            .lines()
            .filter_map(opened_path)
            .filter(|path| top.iter().any(|top| path.starts_with(top)))
            .filter(|path| path.is_file())
            .collect();
        (opened, output.code == Some(0))
    }
}

/// The reasons of a refusal, worst first; none when it would run.
fn codes_of(check: &serde_json::Value) -> Vec<String> {
    let reasons = check["reasons"].as_array().unwrap().iter();
    let codes = reasons.map(|reason| reason["code"].as_str().unwrap().to_owned());
    let codes: Vec<String> = codes.collect();
    assert_eq!(check["verdict"] == "refuse", !codes.is_empty(), "{check}");
    codes
}

/// What the descriptor that a call returned leads to: `… = 3</path>`.
fn opened_path(line: &str) -> Option<PathBuf> {
    let (_, result) = line.rsplit_once(" = ")?;
    let path = result.split_once('<')?.1.strip_suffix('>')?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(unescaped(path))))
}

/// strace writes names as C does.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if digits > 0 {
            let octal = std::str::from_utf8(&rest[..digits]).unwrap();
            bytes.push(u8::from_str_radix(octal, 8).unwrap());
            rest = &rest[digits..];
        } else if let [escape, after @ ..] = rest {
            bytes.push(match escape {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'v' => 0x0b,
                b'f' => 0x0c,
                other => *other,
            });
            rest = after;
        }
    }
    bytes
}
