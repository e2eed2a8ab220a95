//! The local paths besides `-f` and `-k` that a command line makes kubectl read or
//! write (kubectl 1.20–1.36; seen under strace, `tests/inputs.rs`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::csv;
use super::parse::{Given, Invocation, Subject};

/// One path that is read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The flag or word that names it, for messages: `--from-file`, `cp`.
    pub flag: &'static str,
    /// The path as kubectl takes it.
    pub path: OsString,
    /// What kubectl does with it.
    pub reach: Reach,
}

/// What kubectl does with a path, and how it gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Opens the file.
    File,
    /// Opens the file, or the regular files of a directory under their cleaned
    /// names.
    FileOrItsFiles,
    /// Archives everything below the cleaned and expanded path; links stay links.
    Archived,
    /// Serves everything below, also through links.
    Served,
    /// Creates a file, or files below a directory.
    Written,
}

/// How a flag's value becomes paths.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// The last one is the path; an empty one counts as none.
    Last,
    /// A list of `path` or `key=path`.
    Keyed,
    /// One path up to kubectl 1.22, a list afterwards.
    LastOrList,
    /// As `Last`, only when another flag is set.
    With(&'static str),
    /// As `Last`; `-` means standard output.
    UnlessDash,
    /// As `Last`; a name without `/` is looked for on `PATH`.
    Program,
}

/// A row of the table: the flag, the commands that have it (any when empty), what
/// its value is, what happens to the path.
struct Row(&'static str, &'static str, &'static [&'static str], Value, Reach);

/// Certificates are the cluster's, or a user's, and are read for the connection;
/// `config` only stores their paths unless it embeds them.
const EMBED: Value = Value::With("embed-certs");

static FLAGS: &[Row] = &[
    Row("from-file", "--from-file", &[], Value::Keyed, Reach::FileOrItsFiles),
    Row("from-env-file", "--from-env-file", &[], Value::LastOrList, Reach::File),
    Row("cert", "--cert", &["create secret tls"], Value::Last, Reach::File),
    Row("key", "--key", &["create secret tls"], Value::Last, Reach::File),
    Row("patch-file", "--patch-file", &[], Value::Last, Reach::File),
    Row("custom", "--custom", &[], Value::Last, Reach::File),
    Row("www", "--www", &["proxy"], Value::Last, Reach::Served),
    Row("unix-socket", "--unix-socket", &["proxy"], Value::Last, Reach::Written),
    Row("kubeconfig", "--kubeconfig", &[], Value::Last, Reach::File),
    Row("cache-dir", "--cache-dir", &[], Value::Last, Reach::Written),
    Row("output-directory", "--output-directory", &[], Value::UnlessDash, Reach::Written),
    Row("helm-command", "--helm-command", &["kustomize"], Value::Program, Reach::File),
    Row("output", "-o", &["kustomize"], Value::Last, Reach::Written),
    Row("log-dir", "--log-dir", &[], Value::Last, Reach::Written),
    Row("log-file", "--log-file", &[], Value::Last, Reach::Written),
];

const CERTIFICATES: [(&str, &str); 3] = [
    ("certificate-authority", "--certificate-authority"),
    ("client-certificate", "--client-certificate"),
    ("client-key", "--client-key"),
];

/// What follows `-o` up to a `=`, or all of it, when the template is in a file.
const FILE_FORMATS: [&str; 4] =
    ["go-template-file", "templatefile", "jsonpath-file", "custom-columns-file"];

/// Everything `invocation` reads or writes by path, besides its targets; and the
/// lists that kubectl cannot read.
pub(super) fn accesses(
    invocation: &Invocation,
    malformed: &mut Vec<(&'static str, OsString)>,
) -> Vec<Access> {
    let mut found = Vec::new();
    for Row(long, flag, commands, value, reach) in FLAGS {
        if commands.is_empty() || commands.contains(&invocation.command()) {
            let paths = paths(invocation, long, flag, *value, malformed);
            found.extend(paths.into_iter().map(|path| Access { flag, path, reach: *reach }));
        }
    }
    let stores = invocation.command().starts_with("config set-");
    for (long, flag) in CERTIFICATES {
        let value = if stores { EMBED } else { Value::Last };
        let paths = paths(invocation, long, flag, value, malformed);
        found.extend(paths.into_iter().map(|path| Access { flag, path, reach: Reach::File }));
    }
    found.extend(templates(invocation));
    found.extend(profile(invocation));
    found.extend(mounted(invocation));
    if invocation.command().starts_with("config ") {
        found.extend(written_kubeconfig(invocation));
    }
    if invocation.command() == "cp" {
        found.extend(copied(&invocation.positionals));
    }
    found
}

fn paths(
    invocation: &Invocation,
    long: &str,
    flag: &'static str,
    value: Value,
    malformed: &mut Vec<(&'static str, OsString)>,
) -> Vec<OsString> {
    let last = || invocation.last(long).filter(|path| !path.is_empty()).map(OsStr::to_os_string);
    match value {
        Value::Last => last().into_iter().collect(),
        Value::With(other) if !invocation.is_set(other) => Vec::new(),
        Value::With(_) => last().into_iter().collect(),
        Value::UnlessDash => last().filter(|path| path != "-").into_iter().collect(),
        Value::Program => {
            last().filter(|path| path.as_bytes().contains(&b'/')).into_iter().collect()
        }
        Value::Keyed => {
            let fields = fields(invocation.given(long), flag, malformed);
            fields.into_iter().filter_map(|field| after_key(&field)).collect()
        }
        Value::LastOrList => {
            // A quote that is no list for a newer kubectl is a name for an older.
            let mut paths = fields(invocation.given(long), flag, &mut Vec::new());
            paths.extend(last().filter(|path| !paths.contains(path)));
            paths
        }
    }
}

fn fields<'g>(
    given: impl Iterator<Item = &'g Given>,
    flag: &'static str,
    malformed: &mut Vec<(&'static str, OsString)>,
) -> Vec<OsString> {
    let mut found = Vec::new();
    for value in given.filter_map(|given| given.value.as_deref()) {
        match csv::first_record(value.as_bytes()) {
            Ok(fields) => found.extend(fields.into_iter().map(OsString::from_vec)),
            Err(csv::MalformedQuotes) => malformed.push((flag, value.to_os_string())),
        }
    }
    found
}

/// `path` or `key=path`. With a second `=`, without key or without path kubectl
/// stops before it opens anything (`ParseFileSource`).
fn after_key(field: &OsStr) -> Option<OsString> {
    let mut parts = field.as_bytes().split(|byte| *byte == b'=');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(path), None, _) if !path.is_empty() => Some(OsStr::from_bytes(path).to_os_string()),
        (Some(key), Some(path), None) if !key.is_empty() && !path.is_empty() => {
            Some(OsStr::from_bytes(path).to_os_string())
        }
        _ => None,
    }
}

/// `-o go-template-file=PATH`, and `--template PATH` beside `-o go-template-file`.
/// The spelling is exact, in lower case.
fn templates(invocation: &Invocation) -> Vec<Access> {
    let Some(output) = invocation.last("output").filter(|_| invocation.command() != "kustomize")
    else {
        return Vec::new();
    };
    let file_format = |name: &[u8]| FILE_FORMATS.iter().any(|format| name == format.as_bytes());
    let mut halves = output.as_bytes().splitn(2, |byte| *byte == b'=');
    if !halves.next().is_some_and(file_format) {
        return Vec::new();
    }
    let attached = halves.next().filter(|path| !path.is_empty()).map(|path| Access {
        flag: "-o",
        path: OsStr::from_bytes(path).to_os_string(),
        reach: Reach::File,
    });
    let template = invocation.last("template").filter(|path| !path.is_empty());
    let apart = template.map(|path| Access {
        flag: "--template",
        path: path.to_os_string(),
        reach: Reach::File,
    });
    attached.into_iter().chain(apart).collect()
}

/// With `--profile` other than `none` every command writes a profile, even
/// `version --client`; by default into the working directory.
fn profile(invocation: &Invocation) -> Option<Access> {
    let named = invocation.last("profile-output");
    // `debug` (1.27 and later) has a `--profile` of its own; what remains of the
    // global one is a path that is named.
    let debugs = invocation.command() == "debug";
    let profiles = invocation.last("profile").is_some_and(|profile| profile != "none");
    (profiles && (named.is_some() || !debugs)).then(|| Access {
        flag: "--profile-output",
        path: named.unwrap_or(OsStr::new("profile.pprof")).to_os_string(),
        reach: Reach::Written,
    })
}

fn written_kubeconfig(invocation: &Invocation) -> Option<Access> {
    const READERS: [&str; 5] = [
        "config current-context",
        "config get-clusters",
        "config get-contexts",
        "config get-users",
        "config view",
    ];
    let path = invocation.last("kubeconfig").filter(|path| !path.is_empty())?;
    (!READERS.contains(&invocation.command())).then(|| Access {
        flag: "--kubeconfig",
        path: path.to_os_string(),
        reach: Reach::Written,
    })
}

/// `cp SRC DEST`: whatever has a `:` behind its first letter is in a pod.
fn copied(words: &[OsString]) -> Vec<Access> {
    let local = |word: &OsString| !word.is_empty() && !word.as_bytes().contains(&b':');
    let reaches = [Reach::Archived, Reach::Written];
    words
        .iter()
        .zip(reaches)
        .filter(|(word, _)| local(word))
        .map(|(word, reach)| Access { flag: "cp", path: word.clone(), reach })
        .collect()
}

/// `kustomize DIR --mount type=bind,src=SOURCE,dst=/x`: what containers get to see. The
/// names are exact, and the source is relative to the kustomization.
fn mounted(invocation: &Invocation) -> impl Iterator<Item = Access> {
    let dir = Path::new(invocation.positionals.first().map_or(OsStr::new("."), |dir| dir));
    invocation.given("mount").filter_map(|given| given.value.as_deref()).flat_map(move |value| {
        let pairs = value.as_bytes().split(|byte| *byte == b',');
        let sources = pairs.filter_map(|pair| {
            pair.strip_prefix(b"src=").or_else(|| pair.strip_prefix(b"source="))
        });
        sources.map(|source| Access {
            flag: "--mount",
            path: dir.join(OsStr::from_bytes(source)).into_os_string(),
            reach: Reach::Archived,
        })
    })
}

/// Whether what comes in at standard input is used, without being manifests.
pub(super) fn takes_data(invocation: &Invocation) -> bool {
    match &invocation.subject {
        Subject::Plugin(_) => true,
        Subject::Completion => false,
        Subject::Builtin("set env") => {
            let values = invocation.given("env").filter_map(|given| given.value.as_ref());
            invocation.positionals.iter().chain(values).any(|word| word == "-")
        }
        Subject::Builtin("attach" | "debug" | "alpha debug" | "exec" | "run") => {
            invocation.is_set("stdin")
        }
        Subject::Builtin(_) => false,
    }
}

/// Whether an editor is started.
pub(super) fn edits(invocation: &Invocation) -> bool {
    match invocation.command() {
        "edit" | "apply edit-last-applied" => true,
        path => path.starts_with("create") && invocation.is_set("edit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::{Request, readings};

    fn found(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let mut all: Vec<String> = Vec::new();
        for reading in readings(&words).unwrap() {
            for access in Request::new(&words, reading).accesses {
                let text =
                    format!("{} {} {:?}", access.flag, access.path.to_string_lossy(), access.reach);
                if !all.contains(&text) {
                    all.push(text);
                }
            }
        }
        all
    }

    #[test]
    fn every_flag_with_a_path_is_known_in_all_its_spellings() {
        for (line, expected) in [
            ("create cm x --from-file=a", &["--from-file a FileOrItsFiles"][..]),
            ("create cm x --from_file k=a", &["--from-file a FileOrItsFiles"]),
            (
                "create configmap x --from-file=k=a,b --from-file=c",
                &[
                    "--from-file a FileOrItsFiles",
                    "--from-file b FileOrItsFiles",
                    "--from-file c FileOrItsFiles",
                ],
            ),
            ("create cm x --from-file=k=a=b --from-file==a --from-file=k=", &[]),
            ("create secret generic x --from-file=a", &["--from-file a FileOrItsFiles"]),
            ("create secret docker-registry x --from-file=a", &["--from-file a FileOrItsFiles"]),
            (
                "create cm x --from-env-file=a,b",
                &["--from-env-file a File", "--from-env-file b File", "--from-env-file a,b File"],
            ),
            ("create cm x --from-env-file=a\"b", &["--from-env-file a\"b File"]),
            ("create cm x --from-literal=a=b/c", &[]),
            ("create secret tls x --cert=a --key b", &["--cert a File", "--key b File"]),
            ("patch cm x --patch-file=a", &["--patch-file a File"]),
            ("patch cm x -p a", &[]),
            ("debug x --image=i --custom=a", &["--custom a File"]),
            ("run x --image=i --overrides=a", &[]),
            ("get po -ojsonpath-file=a", &["-o a File"]),
            ("get po -o=go-template-file=a=b", &["-o a=b File"]),
            ("get po --output templatefile=a", &["-o a File"]),
            ("get po -wocustom-columns-file=a", &["-o a File"]),
            ("get po -o go-template-file --template=a", &["--template a File"]),
            ("get po -o go-template --template=a", &[]),
            ("get po -o jsonpath=a", &[]),
            ("get po -o jsonpath-file=a -o yaml", &[]),
            ("proxy --www=a", &["--www a Served"]),
            ("proxy -wa -u b", &["--www a Served", "--unix-socket b Written"]),
            ("get po -w", &[]),
            ("get po --kubeconfig=a", &["--kubeconfig a File"]),
            (
                "config set-cluster x --kubeconfig=a",
                &["--kubeconfig a File", "--kubeconfig a Written"],
            ),
            ("config view --kubeconfig=a", &["--kubeconfig a File"]),
            ("config set-cluster x --certificate-authority=a", &[]),
            (
                "config set-cluster x --certificate-authority=a --embed-certs",
                &["--certificate-authority a File"],
            ),
            ("config set-credentials x --client-key=a --embed-certs=false", &[]),
            ("get po --client-key=a", &["--client-key a File"]),
            ("get po --cache-dir a --cache-dir=b", &["--cache-dir b Written"]),
            ("cluster-info dump --output-directory=a", &["--output-directory a Written"]),
            ("cluster-info dump --output-directory=-", &[]),
            ("kustomize d -o a", &["-o a Written"]),
            ("kustomize d -o go-template-file=a", &["-o go-template-file=a Written"]),
            ("kustomize d --helm-command=./helm", &["--helm-command ./helm File"]),
            ("kustomize d --helm_command helm", &[]),
            (
                "kustomize d --mount type=bind,src=../a,dst=/x --mount source=/b,target=/y",
                &["--mount d/../a Archived", "--mount /b Archived"],
            ),
            ("get po --profile=cpu", &["--profile-output profile.pprof Written"]),
            ("version --client --profile cpu --profile-output=a", &["--profile-output a Written"]),
            ("get po --profile-output=a", &[]),
            ("debug x --image=i --profile=general", &[]),
            ("get po --log-file=a --log-dir=b", &["--log-dir b Written", "--log-file a Written"]),
            ("cp a pod:b", &["cp a Archived"]),
            ("cp ns/pod:a b", &["cp b Written"]),
            ("cp pod:a ./b:c", &[]),
            ("cp -c x a pod:b", &["cp a Archived"]),
            ("exec x -- cp a b", &[]),
            ("create cm x --from-file=a --help", &[]),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(found(&words), expected, "{line}");
        }
    }

    #[test]
    fn commands_that_take_data_or_start_an_editor() {
        for (line, data, editor) in [
            ("set env deploy/x -", true, false),
            ("set env deploy/x -e -", true, false),
            ("set env deploy/x --env=-", true, false),
            ("set env deploy/x A-", false, false),
            ("exec -i x -- sh", true, false),
            ("exec -it x -- sh", true, false),
            ("exec x -- sh -i", false, false),
            ("exec x -i=false -- sh", false, false),
            ("attach x -i", true, false),
            ("run x --image=i --stdin", true, false),
            ("debug x -i", true, false),
            ("neat", true, false),
            ("__complete get -i", false, false),
            ("delete pod x -i", false, false),
            ("apply -f -", false, false),
            ("edit deploy x", false, true),
            ("apply edit-last-applied -f x", false, true),
            ("create -f x --edit", false, true),
            ("create -f x", false, false),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            for reading in readings(&words).unwrap() {
                let request = Request::new(&words, reading);
                assert_eq!((request.takes_data, request.edits), (data, editor), "{line}");
            }
        }
    }

    #[test]
    fn lists_that_cannot_be_read_are_reported() {
        let words: Vec<OsString> =
            ["create", "cm", "x", "--from-file=a\"b"].iter().map(OsString::from).collect();
        let request = Request::new(&words, readings(&words).unwrap().remove(0));
        assert_eq!(request.malformed, [("--from-file", OsString::from("a\"b"))]);
    }
}
