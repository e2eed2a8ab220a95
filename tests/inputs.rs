//! Local paths besides the targets: each row is run by real kubectl versions with
//! the guard off, and the kernel is asked what they touched; with the guard on it
//! is refused, and nothing is touched.

use std::process::Command;

use crate::support::{Instance, Kubectl, Output, Server, config_map, kubectls, lacks};

/// The words; the path below the checkout that kubectl touches; the code; the
/// versions that do so, from and to `1.NN`.
struct Row {
    words: &'static [&'static str],
    touches: &'static str,
    code: &'static str,
    versions: std::ops::RangeInclusive<u32>,
}

const fn row(words: &'static [&'static str], touches: &'static str, code: &'static str) -> Row {
    Row { words, touches, code, versions: 20..=99 }
}

impl Row {
    const fn since(self, minor: u32) -> Self {
        Self { versions: minor..=99, ..self }
    }

    const fn until(self, minor: u32) -> Self {
        Self { versions: 20..=minor, ..self }
    }
}

const INPUT: &str = "input-foreign";
const OUTPUT: &str = "output-foreign";
const DATA: &str = "overlays/prod/data.txt";
const TEMPLATE: &str = "overlays/prod/t.tpl";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(&["create", "cm", "x", "--dry-run=client", "--from-file=overlays/prod/data.txt"], DATA, INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from_file", "k=overlays/prod/data.txt"], DATA, INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-file", "overlays/prod"], "overlays/prod/", INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-file=k=base/cm.yaml,\"l=overlays/prod/data.txt\""], DATA, INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-file=overlays/develop/linked.txt"], "overlays/develop/linked.txt", INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-file=overlays/develop/linked"], "overlays/develop/linked", INPUT),
    row(&["--from-file", "overlays/prod/data.txt", "create", "cm", "x", "--dry-run=client"], DATA, INPUT),
    row(&["create", "secret", "generic", "x", "--dry-run=client", "--from-file=overlays/prod/data.txt"], DATA, INPUT),
    row(&["create", "secret", "docker-registry", "x", "--dry-run=client", "--from-file=overlays/prod/data.txt"], DATA, INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-env-file=overlays/prod/vars.env"], "overlays/prod/vars.env", INPUT),
    row(&["create", "cm", "x", "--dry-run=client", "--from-env-file=overlays/develop/a.env,overlays/prod/vars.env"], "overlays/prod/vars.env", INPUT).since(27),
    row(&["create", "cm", "x", "--dry-run=client", "--from-env-file=overlays/prod/env/a,b.env"], "overlays/prod/env/a,b.env", INPUT).until(20),
    row(&["create", "secret", "tls", "x", "--dry-run=client", "--cert=overlays/prod/data.txt", "--key=base/cm.yaml"], DATA, INPUT),
    row(&["create", "secret", "tls", "x", "--dry-run=client", "--cert=base/cm.yaml", "--key", "overlays/prod/data.txt"], DATA, INPUT),
    row(&["patch", "cm", "x", "--dry-run=client", "--patch-file=overlays/prod/data.txt"], DATA, INPUT),
    row(&["get", "cm", "-o", "go-template-file=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "-otemplatefile=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "-o=jsonpath-file=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "--output", "custom-columns-file=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "-o", "go-template-file", "--template", "overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "-o", "custom-columns-file", "--template=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["config", "view", "-o", "go-template-file=overlays/prod/t.tpl"], TEMPLATE, INPUT),
    row(&["get", "cm", "--client-certificate=overlays/prod/data.txt", "--client-key=overlays/prod/data.txt"], DATA, INPUT),
    row(&["cp", "overlays/prod", "web:/x"], "overlays/prod", INPUT),
    row(&["cp", "overlays/develop/linked.txt", "ns/web:/x"], "overlays/develop/linked.txt", INPUT),
    row(&["cp", "overlays", "web:/x"], "overlays", INPUT),
    row(&["get", "cm", "--cache-dir=overlays/prod/cache"], "overlays/prod/cache", OUTPUT),
    row(&["get", "cm", "--profile=cpu", "--profile-output=overlays/prod/p"], "overlays/prod/p", OUTPUT),
    row(&["version", "--client", "--profile=cpu", "--profile-output=overlays/prod/p"], "overlays/prod/p", OUTPUT),
    row(&["options", "--profile=cpu", "--profile-output=overlays/prod/p"], "overlays/prod/p", OUTPUT),
    row(&["cluster-info", "dump", "--output-directory=overlays/prod/dump"], "overlays/prod/dump", OUTPUT),
    row(&["cluster-info", "dump", "--output-directory=overlays/develop/linked/../../prod/dump"], "overlays/prod/dump", OUTPUT),
    row(&["kustomize", "overlays/develop", "-o", "overlays/prod/all.yaml"], "overlays/prod/all.yaml", OUTPUT).since(27),
    row(&["kustomize", "overlays/develop", "-o", "overlays/prod"], "overlays/prod", OUTPUT).since(27),
    // A link that leads into the foreign overlay; kubectl names the link.
    row(&["kustomize", "overlays/develop", "-o", "overlays/develop/out.yaml"], "overlays/develop/out.yaml", OUTPUT).since(27),
    row(&["get", "cm", "--logtostderr=false", "--log-file=overlays/prod/log", "-v=9"], "overlays/prod/log", OUTPUT).until(20),
    row(&["get", "cm", "--logtostderr=false", "--log-dir=overlays/prod", "-v=9"], "overlays/prod/kubectl", OUTPUT).until(20),
];

/// The tree of every instance, with data in both overlays and links between them.
fn plant(instance: &Instance) {
    for overlay in ["develop", "prod"] {
        let dir = format!("m/overlays/{overlay}");
        instance.write(&format!("{dir}/data.txt"), overlay);
        instance.write(&format!("{dir}/vars.env"), "A=1\n");
        instance.write(&format!("{dir}/a.env"), "B=1\n");
        instance.write(&format!("{dir}/env/a,b.env"), "C=1\n");
        instance.write(&format!("{dir}/t.tpl"), "{{.kind}}");
    }
    instance.link("../prod/data.txt", "m/overlays/develop/linked.txt");
    instance.link("../prod", "m/overlays/develop/linked");
    instance.link("../prod/out.yaml", "m/overlays/develop/out.yaml");
}

/// The system calls of `command` that name `path`.
fn traced(command: &Command, instance: &Instance, path: &str) -> Vec<String> {
    let log = instance.path("strace");
    let mut strace = instance.command("/usr/bin/strace".as_ref());
    strace.args(["--seccomp-bpf", "-f", "-q", "-e"]);
    strace.args(["trace=openat,open,stat,newfstatat,mkdirat,mkdir,execve", "-o"]).arg(&log);
    strace.arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    drop(Output::of(&mut strace));
    let text = std::fs::read(&log).unwrap();
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| line.contains(path))
        .filter(|line| !line.contains("execve("))
        .map(str::to_owned)
        .collect()
}

fn some_versions() -> Vec<Kubectl> {
    let all = kubectls();
    // The oldest, the newest, and one between.
    let wanted = [0, all.len() / 2, all.len().saturating_sub(1)];
    all.iter()
        .enumerate()
        .filter(|(index, _)| wanted.contains(index))
        .map(|(_, kubectl)| kubectl.clone())
        .collect()
}

#[test]
fn what_kubectl_touches_in_a_foreign_overlay_is_refused() {
    if lacks("strace", "shows what kubectl touches") {
        return;
    }
    for kubectl in some_versions() {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, &kubectl);
        plant(&instance);
        for Row { words, touches, code, versions } in ROWS {
            if !versions.contains(&kubectl.minor()) {
                continue;
            }
            let mut off = instance.command(&kubectl.path);
            off.args(*words).env("KUBECONFIG", instance.path("kubeconfig"));
            let seen = traced(&off, &instance, touches);
            assert!(!seen.is_empty(), "{} {words:?} does not touch {touches}", kubectl.version);
            let mut on = instance.command(&crate::support::shim());
            on.args(*words);
            Output::of(&mut on).refused(code);
            let foreign = traced(&on, &instance, "overlays/prod/");
            let read: Vec<_> = foreign.iter().filter(|line| !line.contains("newfstatat")).collect();
            assert!(read.is_empty(), "{} {words:?}: {read:?}", kubectl.version);
        }
    }
}

#[test]
fn ordinary_data_is_nobodys_business() {
    let instance = Instance::new();
    plant(&instance);
    instance.write("elsewhere/web.key", "key");
    instance.write("m/overlays/develop/logo.png", "\u{0}\u{1}binary");
    let key = instance.path("elsewhere/web.key").display().to_string();
    for words in [
        &["create", "secret", "tls", "web", "--cert", &key, "--key", &key][..],
        &["create", "cm", "x", "--from-file=overlays/develop/data.txt"],
        &["create", "cm", "x", "--from-file=logo=overlays/develop/logo.png"],
        &["create", "cm", "x", "--from-file=base", "--from-file=overlays"],
        &["create", "cm", "x", "--from-file=/dev/stdin"],
        &["create", "cm", "x", "--from-literal=f=overlays/prod/data.txt"],
        &["create", "secret", "generic", "x", "--from-env-file=overlays/develop/vars.env"],
        &["patch", "cm", "x", "--patch-file=/tmp/patch.yaml"],
        &["patch", "cm", "x", "-p", "overlays/prod/data.txt"],
        &["get", "po", "-o", "jsonpath={.items}", "--sort-by=overlays/prod"],
        &["get", "po", "-o", "go-template", "--template=overlays/prod/t.tpl"],
        &["get", "po", "--cache-dir=/tmp/cache"],
        &["cp", "overlays/develop/data.txt", "web:/tmp/overlays/prod/data.txt"],
        &["cp", "overlays/develop", "web:/x"],
        &["cp", "web:/overlays/prod/dump", "dump"],
        &["cp", "web:/overlays/prod/dump", "."],
        &["kustomize", "overlays/develop", "-o", "/tmp/all.yaml"],
        &["cluster-info", "dump", "--output-directory=-"],
        &["run", "x", "--image=i", "--overrides={\"f\":\"overlays/prod\"}"],
        &["get", "po", "--profile-output=overlays/prod/p"],
        &["create", "cm", "x", "--from-file=overlays/prod/data.txt", "--help"],
    ] {
        let output = instance.check(words);
        assert_eq!(output.code, Some(0), "{words:?}: {output}");
    }
}

#[test]
fn a_directory_that_is_read_to_the_bottom_counts_with_what_it_contains() {
    let instance = Instance::new();
    plant(&instance);
    instance.write("m/docs/index.html", "x");
    instance.link("../overlays", "m/docs/all");
    instance.write("m/site/index.html", "x");
    instance.write("m/overlays/[p]rod/x", "x");
    for (words, code) in [
        (&["cp", "overlays", "web:/x"][..], INPUT),
        (&["cp", "overlays/develop/..", "web:/x"], INPUT),
        (&["cp", ".", "web:/x"], INPUT),
        (&["cp", "..", "web:/x"], INPUT),
        (&["cp", "overlays/[p]rod", "web:/x"], INPUT),
        (&["cp", "docs", "web:/x"], "run"), // the link is copied as a link
        (&["cp", "site", "web:/x"], "run"),
        (&["cp", ".git", "web:/x"], "reference-git"),
        (&["proxy", "--www=overlays"], INPUT),
        (&["proxy", "-w", "."], INPUT),
        (&["proxy", "-w/"], INPUT),
        (&["proxy", "--www=docs"], INPUT), // here it is followed
        (&["proxy", "--www=site"], "run"),
        (&["proxy", "--www=overlays/develop/data.txt"], "run"),
        (&["proxy", "-u", "overlays/prod/socket"], OUTPUT),
        (&["proxy"], "run"),
    ] {
        let output = instance.check(words);
        if code == "run" {
            assert_eq!(output.code, Some(0), "{words:?}: {output}");
        } else {
            assert_eq!(output.code, Some(77), "{words:?}: {output}");
            assert!(output.stdout.contains(&format!("({code})")), "{words:?}: {output}");
        }
    }
    // Without a foreign overlay on the disk the git directory remains.
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap();
    std::fs::remove_dir_all(instance.path("m/overlays/[p]rod")).unwrap();
    instance.check(&["cp", "overlays", "web:/x"]).exits(0);
    instance.check(&["cp", ".", "web:/x"]).refused("reference-git");
}

#[test]
fn variables_name_paths_too() {
    let instance = Instance::new();
    plant(&instance);
    instance.write("m/overlays/prod/differ", "#!/bin/sh\n");
    let with = |name: &str, value: &str, words: &[&str]| {
        let mut command = instance.command(&crate::support::envguard());
        Output::of(command.args(words).env(name, value))
    };
    with("KUBECACHEDIR", "overlays/prod/cache", &["get", "po"]).refused(OUTPUT);
    with("KUBECACHEDIR", "/tmp/cache", &["get", "po"]).exits(42);
    let diff = &["diff", "-k", "overlays/develop"];
    with("KUBECTL_EXTERNAL_DIFF", "overlays/prod/differ -u", diff).refused(INPUT);
    with("KUBECTL_EXTERNAL_DIFF", "diff -u overlays/prod", diff).exits(42);
    with("KUBECTL_EXTERNAL_DIFF", "colordiff -N -u", diff).exits(42);
}

#[test]
fn streams_are_data_and_places_count() {
    let instance = Instance::new();
    plant(&instance);
    let run = |script: &str| {
        let program = crate::support::envguard();
        Output::of(instance.command("/bin/bash".as_ref()).args(["-c", script]).env("G", program))
    };
    for (script, code) in [
        ("echo x | \"$G\" create cm x --from-file=k=/dev/stdin", None),
        ("\"$G\" create cm x --from-file=k=<(echo x)", None),
        ("\"$G\" patch cm x --patch-file <(echo x)", None),
        ("\"$G\" create cm x --from-file=k=/dev/stdin < overlays/develop/data.txt", None),
        ("\"$G\" create cm x --from-file=k=/dev/stdin < overlays/prod/data.txt", Some(INPUT)),
        ("\"$G\" patch cm x --patch-file /dev/fd/5 5< overlays/prod/data.txt", Some(INPUT)),
        ("mkfifo overlays/prod/p; \"$G\" create cm x --from-file=overlays/prod/p", Some(INPUT)),
        ("mkfifo overlays/develop/p; \"$G\" create cm x --from-file=overlays/develop/p", None),
    ] {
        match code {
            Some(code) => drop(run(script).refused(code)),
            None => drop(run(script).exits(42)),
        }
    }
}

#[test]
fn bad_words_end_at_once() {
    let instance = Instance::new();
    instance.write("m/overlays/develop/extra.yaml", &config_map("x"));
    let long = format!("--from-file={}", "x/".repeat(2_000));
    instance.check(&["create", "cm", "x", &long]).exits(0); // kubectl says what is wrong
    instance.check(&["create", "cm", "x", "--from-file=a\"b"]).refused("input-unreadable");
    instance.check(&["create", "cm", "x", "--from-file=overlays/prod/\u{1b}[2J"]).refused(INPUT);
    instance.link("loop", "m/loop");
    instance.check(&["create", "cm", "x", "--from-file=loop"]).refused("input-unreadable");
    let many: Vec<String> = (0..20_000).map(|n| format!("--from-file=k{n}=base/cm.yaml")).collect();
    let mut words = vec!["create", "cm", "x"];
    words.extend(many.iter().map(String::as_str));
    words.push("--from-file=overlays/prod/data.txt");
    instance.check(&words).refused(INPUT);
}
