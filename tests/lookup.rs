//! A kubectl that is newer than the table: what it knows more is looked up in its
//! own help, once, without a server and without anything of the operator's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_envguard::kubectl::{Page, Release, Version, reading};

use crate::support::{Instance, Kubectl, Output, envguard, kubectls, read, skip, write};

const ROOT: &str = "\
Basic Commands (Beginner):
  apply         Apply a configuration
  renew         Renew what has grown old

Usage:
  kubectl [flags] [options]
";

const APPLY: &str = "\
Options:
    --novel=false:
\tWithout value.

    --fresh='':
\tWith or without.

    -z, --zip=[]:
\tWith a letter.

Usage:
  kubectl apply (-f FILENAME | -k DIRECTORY) [options]
";

const RENEW: &str = "\
Options:
    -f, --filename=[]:
\tFiles.

Usage:
  kubectl renew NAME [options]
";

/// An instance whose kubectl is from the future.
fn future() -> Instance {
    let instance = Instance::new();
    put(&instance, "bin/kubectl", 99);
    instance
}

/// Puts such a kubectl of version `1.minor` there.
pub(crate) fn put(instance: &Instance, name: &str, minor: u32) {
    std::fs::create_dir_all(instance.path(name).parent().unwrap()).unwrap();
    std::fs::remove_file(instance.path(name)).unwrap_or_default();
    std::fs::copy(program(), instance.path(name)).unwrap();
    for (page, text) in [
        ("", ROOT),
        ("apply", APPLY),
        ("renew", RENEW),
        ("version", &format!("Client Version: v1.{minor}.0\n")),
    ] {
        instance.write(&format!("{name}.help/{page}.txt"), text);
    }
}

/// cargo builds examples next to the programs under test.
fn program() -> PathBuf {
    envguard().parent().unwrap().join("examples/future-kubectl")
}

/// What the kubectl called `name` was asked, without the environment.
fn asked(instance: &Instance, name: &str) -> Vec<String> {
    let log = std::fs::read_to_string(instance.path(&format!("{name}.asked")));
    let lines = log.unwrap_or_default();
    lines.lines().map(|line| line.split_once(" |").unwrap().0.to_owned()).collect()
}

fn check(instance: &Instance, words: &[&str], expected: &str) {
    let output = instance.check(words);
    match expected {
        "run" => drop(output.exits(0)),
        code => drop(output.refused(code)),
    }
}

#[test]
fn flags_that_the_table_lacks_are_looked_up() {
    let instance = future();
    for (words, expected) in [
        (&["apply", "--novel", "-k", "overlays/develop"][..], "run"),
        (&["apply", "--novel", "-k", "overlays/prod"], "target-foreign"),
        (&["apply", "-k", "overlays/develop", "--fresh", "x"], "run"),
        (&["apply", "-k", "overlays/develop", "-z", "x"], "run"),
        (&["apply", "-k", "overlays/develop", "-zx"], "run"),
        // Whether --fresh takes the next word is not known: both must pass.
        (&["apply", "--fresh", "-k", "overlays/prod"], "target-foreign"),
        (&["apply", "--fresh", "-k", "-k", "overlays/prod"], "target-foreign"),
        // Its value may be a file.
        (&["apply", "-k", "overlays/develop", "--fresh=overlays/prod"], "target-foreign"),
        (&["apply", "-k", "overlays/develop", "-z", "overlays/prod/extra.yaml"], "target-foreign"),
        // What kubectl does not know either.
        (&["apply", "--bogus", "-k", "overlays/develop"], "flag-unknown"),
        (&["apply", "--novel", "--context=prod", "-k", "overlays/develop"], "cluster-override"),
        // Global flags stand on no page: they could choose another cluster.
        (&["--global-novelty=x", "get", "pods"], "flag-unknown"),
    ] {
        check(&instance, words, expected);
    }
    // Each page once; `check` asks for the version.
    let mut asked = asked(&instance, "bin/kubectl");
    asked.sort();
    assert_eq!(asked, ["apply --help", "get --help", "version --client"]);
    instance.envguard(&["apply", "-k", "overlays/develop", "--novel"]).exits(42);
}

#[test]
fn commands_that_the_table_lacks_are_looked_up() {
    let instance = future();
    for (words, expected) in [
        (&["renew", "web"][..], "run"),
        (&["renew", "-f", "overlays/develop/extra.yaml"], "run"),
        (&["renew", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
        (&["renew", "overlays/prod"], "target-foreign"),
        (&["renew", "web", "--as", "x"], "identity-override"),
        (&["renew", "web", "--bogus"], "flag-unknown"),
        (&["restore", "web"], "command-unknown"),
    ] {
        check(&instance, words, expected);
    }
    instance
        .envguard(&["renew", "web"])
        .exits(42)
        .says("kubectl renew is newer than envguard's table: it is treated as a command that");
    // What it does is unknown, and the worst is assumed.
    let careful = future().rules("policy: {confirm: {destroy: always}}");
    careful.envguard(&["renew", "web"]).exits(77).says("envguard: refused (not-confirmed)");
}

#[test]
fn what_the_table_understands_is_never_asked_about() {
    let instance = future();
    for words in [
        &["apply", "-k", "overlays/develop"][..],
        &["get", "pods", "-A"],
        &["create", "token", "x"],
        &["rollout", "status", "deploy/x"],
        &["apply", "-f"],
    ] {
        drop(instance.envguard(words));
    }
    let asked = asked(&instance, "bin/kubectl");
    assert!(asked.iter().all(|words| !words.contains("--help")), "{asked:?}");
}

#[test]
fn kubectl_is_asked_without_anything_of_the_operators() {
    let instance = future();
    let words = ["apply", "--bogus", "--token=secret"];
    instance.envguard(&words).refused("flag-unknown");
    let log = read(&instance.path("bin/kubectl.asked"));
    assert_eq!(log, "apply --help | HOME KUBECONFIG KUBERC KUBERNETES_MASTER PATH\n");
}

#[test]
fn answers_are_kept_as_long_as_the_program_is_the_same() {
    if Path::new("/var/lib/envguard").exists() {
        return skip("the answers of this machine's own kubectl are kept in /var/lib/envguard");
    }
    let instance = future();
    let ask = || {
        std::fs::remove_file(instance.path("bin/kubectl.asked")).unwrap_or_default();
        check(&instance, &["apply", "--novel", "-k", "overlays/develop"], "run");
        asked(&instance, "bin/kubectl").len()
    };
    assert_eq!(ask(), 2, "one page and the version");
    assert_eq!(ask(), 0);
    // Another program, were it of the same name and size, is asked anew.
    put(&instance, "bin/kubectl", 98);
    assert_eq!(ask(), 2);
    assert_eq!(ask(), 0);

    let dir = instance.path("home/.cache/envguard");
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let entry = || {
        let entries = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        entries.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap()
    };
    assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(entry().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // What others could have written does not count, nor what is no answer.
    mode(&dir, 0o777);
    assert_eq!(ask(), 2);
    mode(&dir, 0o700);
    assert_eq!(ask(), 0);
    mode(&entry(), 0o620);
    assert_eq!(ask(), 2);
    for text in ["", "envguard-kubectl 1\n", "envguard-kubectl 1\nflag x - bool\nend\n", "\0\0"] {
        write(&entry(), text);
        assert_eq!(ask(), 2, "{text:?}");
        assert_eq!(ask(), 0, "{text:?}");
    }
    let whole = read(&entry());
    write(&entry(), &whole[..whole.len() - 4]);
    assert_eq!(ask(), 2, "cut off");
    let file = entry();
    std::fs::rename(&file, instance.path("elsewhere/answers")).unwrap();
    instance.link(
        "../../../elsewhere/answers",
        file.strip_prefix(instance.path("")).unwrap().to_str().unwrap(),
    );
    assert_eq!(ask(), 2, "a link");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(entry(), Some(12345), None).unwrap();
        assert_eq!(ask(), 2, "somebody else's");
        std::os::unix::fs::chown(&dir, Some(12345), None).unwrap();
        assert_eq!(ask(), 2, "in somebody else's directory");
    }
    // No cache is no error.
    std::fs::remove_dir_all(instance.path("home")).unwrap();
    assert_eq!(ask(), 2);
    assert!(!instance.path("home").exists());
}

#[test]
fn old_answers_are_forgotten() {
    if Path::new("/var/lib/envguard").exists() {
        return skip("the answers of this machine's own kubectl are kept in /var/lib/envguard");
    }
    let instance = future();
    for _ in 0..12 {
        put(&instance, "bin/kubectl", 99);
        check(&instance, &["apply", "--novel", "-k", "overlays/develop"], "run");
    }
    let kept = std::fs::read_dir(instance.path("home/.cache/envguard")).unwrap().count();
    assert_eq!(kept, 8);
}

#[test]
fn a_script_is_not_asked() {
    // What it starts is unknown, and may contact a server.
    let instance = Instance::new();
    instance.envguard(&["apply", "--novel", "-k", "overlays/develop"]).refused("flag-unknown");
    instance.check(&["get", "pods"]).exits(0);
    assert_eq!(instance.recorded(), None);
}

#[test]
fn a_dispatcher_is_not_asked_but_its_versions_are() {
    let instance = Instance::new();
    // The one that is first on PATH chooses a version by asking the server.
    for (name, minor) in [("kubectl", 99), ("kubectl.1.33", 33), ("kubectl.1.97", 97)] {
        put(&instance, &format!("vendor/{name}"), minor);
    }
    std::fs::remove_file(instance.path("bin/kubectl")).unwrap();
    instance.link("../vendor/kubectl", "bin/kubectl");
    let output = instance.check(&["apply", "--novel", "-k", "overlays/develop"]).exits(0);
    assert!(output.stdout.contains("note: kubectl 1.97 is newer"), "{output}");
    assert_eq!(asked(&instance, "vendor/kubectl"), [""; 0]);
    // The table has 1.33 already.
    assert_eq!(asked(&instance, "vendor/kubectl.1.33"), [""; 0]);
    assert_eq!(asked(&instance, "vendor/kubectl.1.97"), ["apply --help", "version --client"]);
}

#[test]
fn check_says_that_kubectl_is_newer_than_the_table() {
    let instance = future();
    let newest = Release::newest_known();
    let note = format!(
        "envguard: note: kubectl 1.99 is newer than envguard's table of commands and flags (up to {newest})"
    );
    let output = instance.envguard(&["check", "--", "get", "pods"]).exits(0);
    assert!(output.stdout.contains(&note), "{output}");
    let output = instance.envguard(&["check", "-o", "json", "--", "get", "pods"]).exits(0);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["notes"].as_array().unwrap().len(), 1);
    put(&instance, "bin/kubectl", newest.minor);
    let output = instance.envguard(&["check", "--", "get", "pods"]).exits(0);
    assert!(!output.stdout.contains("note:"), "{output}");
}

/// The pages of real kubectls are read as the table has it: a flag that the table
/// of that version knows, with or without a value of its own.
#[test]
fn the_help_of_real_kubectls_agrees_with_the_table() {
    let mut flags = 0;
    for kubectl in kubectls() {
        let version = Version::all().find(|version| version.name() == kubectl.version).unwrap();
        for path in ["apply", "create secret generic", "get", "kustomize", "logs", "set env"] {
            let words: Vec<&str> = path.split(' ').collect();
            let page = Page::parse(&help(&kubectl, &words)).unwrap();
            for flag in page.flags {
                let mut line: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
                line.push(format!("--{}", flag.long).into());
                line.push("--help".into());
                let found = reading(&line, version);
                let took_help = found.as_ref().is_ok_and(|found| !found.is_set("help"));
                assert!(found.is_ok(), "kubectl {} {path}: --{}", kubectl.version, flag.long);
                assert!(!(flag.boolean && took_help), "{} {path} --{}", kubectl.version, flag.long);
                flags += 1;
            }
        }
        let root = Page::parse(&help(&kubectl, &[])).unwrap();
        for name in root.subcommands {
            let found = reading(&[name.as_str().into()], version).unwrap();
            assert_eq!(found.command(), name, "kubectl {}", kubectl.version);
        }
        assert_eq!(
            Release::find(&ask(&kubectl, &["version", "--client"])).unwrap().minor,
            version.minor()
        );
    }
    assert!(
        flags > 300 || kubectls().is_empty(),
        "{flags} flags are too few: is the layout another one?"
    );
}

fn help(kubectl: &Kubectl, words: &[&str]) -> String {
    ask(kubectl, &[words, &["--help"]].concat())
}

fn ask(kubectl: &Kubectl, words: &[&str]) -> String {
    let mut command = Command::new(&kubectl.path);
    command.args(words).env_clear().env("HOME", "/nonexistent").env("KUBERC", "off");
    Output::of(&mut command).exits(0).stdout
}

#[test]
fn a_real_kubectl_is_asked_without_contacting_anybody() {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace shows whom kubectl contacts");
    }
    for kubectl in kubectls() {
        let instance = Instance::new();
        std::fs::remove_file(instance.path("bin/kubectl")).unwrap();
        std::os::unix::fs::symlink(&kubectl.path, instance.path("bin/kubectl")).unwrap();
        let log = instance.path("strace");
        let mut command = instance.command("/usr/bin/strace".as_ref());
        command.args(["-f", "-qq", "--seccomp-bpf", "-e", "trace=execve,connect", "-o"]).arg(&log);
        command.arg(envguard()).args(["apply", "--novel", "-k", "overlays/develop"]);
        Output::of(&mut command).refused("flag-unknown");
        let trace = read(&log);
        assert!(trace.contains(r#"["kubectl", "apply", "--help"]"#), "{trace}");
        assert!(!trace.contains("AF_INET"), "{trace}");
    }
}
