//! What an invocation asks for: its class, what it names, and where it wants to
//! go. This is what the files are gathered for and what is judged.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::access::{Access, accesses, edits, takes_data};
use super::class::{Class, class_of, second_class};
use super::csv;
use super::grammar::is_in_table;
use super::parse::{Given, Invocation, Subject, is_false};

/// One command line, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The words after `kubectl`.
    pub words: Vec<OsString>,
    /// How they are read.
    pub invocation: Invocation,
    /// What it does to the cluster; `None` for a built-in command that is in no
    /// class.
    pub class: Option<Class>,
    /// What it does besides.
    pub second_class: Option<Class>,
    /// What `-f`, `-k` or `kubectl kustomize DIR` name.
    pub targets: Vec<Target>,
    /// Words that may name files, for all that is known: values of flags that were
    /// looked up, and everything a command says that was looked up itself.
    pub unlisted: Vec<OsString>,
    /// Whether directories of manifests are read to the bottom.
    pub recursive: bool,
    /// Every other local path that is read or written.
    pub accesses: Vec<Access>,
    /// Whether standard input is used, and not as manifests.
    pub takes_data: bool,
    /// Whether an editor is started.
    pub edits: bool,
    /// Flags that choose another cluster.
    pub overrides: Vec<Override>,
    /// Flags that choose another identity.
    pub identities: Vec<Override>,
    /// Flags with lists that kubectl cannot read as CSV.
    pub malformed: Vec<(&'static str, OsString)>,
}

/// Something that `-f`, `-k` or `kubectl kustomize` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `-f`: manifests.
    Manifests(FileSource),
    /// `-k` or `kubectl kustomize`: a directory or a git address.
    Kustomization(OsString),
}

/// One element of a `-f` value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// `-`
    Stdin,
    /// `http://…` or `https://…`, in lower case only.
    Url(String),
    /// Everything else is a path, or a pattern of paths.
    Path(OsString),
}

/// A flag that would change cluster or identity, as it stands on the command
/// line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Long name.
    pub flag: &'static str,
    /// Value; for flags without one, `true`.
    pub value: OsString,
}

/// Flags that lead to another cluster.
pub(super) const CLUSTER_FLAGS: [&str; 7] = [
    "context",
    "cluster",
    "server",
    "kubeconfig",
    "certificate-authority",
    "tls-server-name",
    "insecure-skip-tls-verify",
];

pub(super) const IDENTITY_FLAGS: [&str; 10] = [
    "as",
    "as-group",
    "as-uid",
    "as-user-extra",
    "token",
    "user",
    "username",
    "password",
    "client-certificate",
    "client-key",
];

impl Override {
    /// Whether it says in one of kubectl's ways that something is not to be.
    #[must_use]
    pub fn is_false(&self) -> bool {
        is_false(&self.value)
    }
}

impl Request {
    /// What `invocation`, a reading of `words`, asks for.
    #[must_use]
    pub fn new(words: &[OsString], invocation: Invocation) -> Self {
        let class = class_of(&invocation);
        let mut malformed = Vec::new();
        let targets = match class {
            Some(Class::PassThrough) => Vec::new(),
            _ => targets(&invocation, &mut malformed),
        };
        // Help is printed before anything is opened; `version --client`, `options`
        // and the like still write a profile.
        let accesses = if invocation.is_set("help") {
            Vec::new()
        } else {
            accesses(&invocation, &mut malformed)
        };
        Self {
            words: words.to_vec(),
            class,
            second_class: second_class(&invocation, class),
            recursive: recursive(&invocation),
            overrides: overrides(&invocation, &CLUSTER_FLAGS),
            identities: overrides(&invocation, &IDENTITY_FLAGS),
            takes_data: takes_data(&invocation),
            edits: edits(&invocation),
            targets,
            accesses,
            unlisted: unlisted(&invocation),
            malformed,
            invocation,
        }
    }

    /// Whether a target is standard input.
    #[must_use]
    pub fn reads_stdin(&self) -> bool {
        self.targets.contains(&Target::Manifests(FileSource::Stdin))
    }

    /// Whether the table lacks the command and only kubectl's own help has it.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        matches!(self.invocation.subject, Subject::Builtin(path) if !is_in_table(path))
    }

    /// The plugin's words, when it is one.
    #[must_use]
    pub fn plugin_words(&self) -> Option<&[OsString]> {
        match &self.invocation.subject {
            Subject::Plugin(words) => Some(words),
            _ => None,
        }
    }
}

fn targets(invocation: &Invocation, malformed: &mut Vec<(&'static str, OsString)>) -> Vec<Target> {
    // `run` has -f, -k and -R left over from another command and never reads
    // them (kubectl 1.20–1.36).
    if invocation.command() == "run" {
        return Vec::new();
    }
    let mut targets = Vec::new();
    for value in invocation.given("filename").filter_map(|given| given.value.as_deref()) {
        match csv::first_record(value.as_bytes()) {
            Ok(fields) => {
                // With --raw a field is a file as it stands, even one with the name
                // of an address.
                let source = if invocation.is_raw() { local_source } else { source };
                targets.extend(fields.iter().map(|field| Target::Manifests(source(field))));
            }
            Err(csv::MalformedQuotes) => malformed.push(("-f", value.to_os_string())),
        }
    }
    // The last -k wins and an empty one counts as none; the ones before are
    // never opened.
    if let Some(dir) = invocation.last("kustomize").filter(|dir| !dir.is_empty()) {
        targets.push(Target::Kustomization(dir.to_os_string()));
    }
    if invocation.command() == "kustomize" {
        let dir = invocation.positionals.first().map_or(OsStr::new("."), |dir| dir);
        targets.push(Target::Kustomization(dir.to_os_string()));
    }
    targets
}

fn unlisted(invocation: &Invocation) -> Vec<OsString> {
    let looked_up = matches!(invocation.subject, Subject::Builtin(path) if !is_in_table(path));
    let values = invocation.flags.iter().filter(|given| looked_up || given.flag.is_looked_up());
    let positionals: &[OsString] = if looked_up { &invocation.positionals } else { &[] };
    values.filter_map(|given| given.value.clone()).chain(positionals.iter().cloned()).collect()
}

fn source(field: &[u8]) -> FileSource {
    if field.starts_with(b"http://") || field.starts_with(b"https://") {
        return FileSource::Url(String::from_utf8_lossy(field).into_owned());
    }
    local_source(field)
}

fn local_source(field: &[u8]) -> FileSource {
    if field == b"-" {
        FileSource::Stdin
    } else {
        FileSource::Path(OsString::from_vec(field.to_vec()))
    }
}

/// `--recursive` is false by default, except for `wait -f` and `set selector -f`
/// (kubectl 1.32–1.36).
fn recursive(invocation: &Invocation) -> bool {
    if invocation.given("recursive").next().is_some() {
        return invocation.is_set("recursive");
    }
    matches!(invocation.command(), "wait" | "set selector")
}

/// Global flags of `names` that stand on the command line. A command's own flag
/// of the same name (`config set-context --cluster`, `set subject --user`) is
/// something else.
fn overrides(invocation: &Invocation, names: &[&'static str]) -> Vec<Override> {
    invocation
        .flags
        .iter()
        .filter(|given| !is_own_flag(invocation.command(), given))
        .filter_map(|given| {
            let flag = names.iter().find(|name| **name == given.flag.long)?;
            let value = given.value.clone().unwrap_or_else(|| "true".into());
            Some(Override { flag, value })
        })
        .collect()
}

pub(super) fn is_own_flag(command: &str, given: &Given) -> bool {
    let own: &[&str] = match command {
        "create clusterrolebinding" | "create rolebinding" | "set subject" => &["user"],
        "config set-cluster" => &[
            "server",
            "certificate-authority",
            "insecure-skip-tls-verify",
            "tls-server-name",
            "proxy-url",
        ],
        "config set-context" => &["cluster", "user"],
        "config set-credentials" => {
            &["token", "username", "password", "client-certificate", "client-key"]
        }
        _ => &[],
    };
    own.contains(&given.flag.long)
}
