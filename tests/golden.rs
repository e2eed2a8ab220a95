//! The golden file: every reason's message as the operator sees it, with its four
//! parts. `ENVGUARD_TEST_BLESS=1 cargo test golden` writes it anew; read the
//! difference before committing it.

use std::collections::BTreeSet;

use kubectl_envguard::judge::Code;

use crate::support::{Instance, Output, config_map, read, write};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reasons.txt");

/// Prepares an instance.
type Prepare = fn(&Instance);

/// A situation: rules of the configuration, preparation, words.
type Case = (&'static str, Prepare, &'static [&'static str]);

fn nothing(_: &Instance) {}

fn develop_refers_to(instance: &Instance, entry: &str) {
    instance.write("m/overlays/develop/kustomization.yaml", &format!("resources: ['{entry}']\n"));
}

const APPLY: &[&str] = &["apply", "-k", "overlays/develop"];

const CASES: &[Case] = &[
    ("", nothing, &["apply", "-k", "overlays/prod"]),
    ("", nothing, &["apply", "-f", "overlays/develop/extra.yaml,overlays/prod/extra.yaml"]),
    ("", nothing, &["apply", "-Rf", "overlays"]),
    ("", nothing, &["apply", "-k", "base"]),
    ("", nothing, &["apply", "-k", "overlays"]),
    ("", nothing, &["apply", "-f", "~/debug-pod.yaml"]),
    ("", |i| drop(std::fs::rename(i.path("m"), i.path("n"))), &["apply", "-f", "/etc/hostname"]),
    ("", nothing, &["apply", "-n", "web", "-f", "overlays/develop"]),
    ("", nothing, &["apply", "-f", "overlays/develop/kustomization.yaml"]),
    ("", |i| develop_refers_to(i, "../prod"), APPLY),
    ("", |i| develop_refers_to(i, "../../../elsewhere/x.yaml"), APPLY),
    ("", |i| develop_refers_to(i, "../../.git"), APPLY),
    ("", nothing, &["apply", "-f", ".git/config"]),
    ("", nothing, &["apply", "-f", "https://github.com/org/repo/releases/x.yaml"]),
    (
        "policy: {remotes: ['https://github.com/org/']}",
        nothing,
        &["apply", "-k", "https://github.com/other/repo"],
    ),
    (
        "policy: {remotes: ['https://github.com/org/']}",
        nothing,
        &["apply", "-k", "https://me@github.com/org/repo"],
    ),
    ("", |i| develop_refers_to(i, "https://github.com/org/repo?ref=main"), APPLY),
    (
        "level: critical\npolicy: {remotes: ['https://github.com/org/']}",
        |i| develop_refers_to(i, "https://github.com/org/repo?ref=main"),
        APPLY,
    ),
    ("policy: {stdin: refuse}", nothing, &["apply", "-f", "-"]),
    ("", nothing, &["apply", "-f", "-"]),
    ("", nothing, &["create", "cm", "x", "--from-file=k=overlays/prod/extra.yaml"]),
    ("", nothing, &["cp", "overlays", "web:/tmp/overlays"]),
    ("", nothing, &["cp", ".git", "web:/tmp/git"]),
    ("", nothing, &["cp", "web:/tmp/dump.sql", "overlays/prod/dump.sql"]),
    ("", |i| i.link("/dev/null", "m/stream"), &["apply", "-f", "stream"]),
    ("", nothing, &["get", "pods", "-n", "web", "--context", "prod"]),
    ("", nothing, &["get", "pods", "--kuberc=prod"]),
    ("", nothing, &["kuberc", "view"]),
    ("", nothing, &["delete", "pod", "web", "--as", "admin"]),
    ("", nothing, &["delete", "pod", "web", "--token", "secret"]),
    (
        "",
        |i| {
            let text = read(&i.path("kubeconfig")).replace("pinned.example", "other.example");
            i.write("kubeconfig", &text);
        },
        &["get", "pods"],
    ),
    ("", nothing, &["config", "set-context", "--current", "--namespace=web"]),
    ("", nothing, &["config", "use-context", "prod"]),
    ("", nothing, &["apply", "--filenam", "x"]),
    ("", nothing, &["apply", "-f"]),
    ("", nothing, &["-R", "-f", "dir", "apply"]),
    ("", nothing, &["aply", "-k", "overlays/develop"]),
    ("", nothing, &["rollout", "forwards", "deploy/web"]),
    ("", nothing, &["create", "thing", "--size=1"]),
    ("", |i| drop(i.write("m/overlays/develop/kustomization.yaml", "resource: [x]\n")), APPLY),
    ("", |i| drop(std::fs::remove_file(i.path("kubeconfig"))), &["get", "pods"]),
    ("", nothing, &["apply", "-f", "a\"b"]),
    ("", nothing, &["create", "cm", "x", "--from-file=a\"b"]),
    ("level: critical", Instance::commit, APPLY),
    ("level: critical", nothing, APPLY),
    ("level: critical", a_change_that_git_does_not_see, APPLY),
    ("level: critical", |i| drop(std::fs::remove_dir_all(i.path("m/.git"))), APPLY),
    ("level: critical", |i| branch_is_not_listed(i, "fix"), APPLY),
    ("level: critical", |i| branch_is_not_listed(i, "HEAD~0"), APPLY),
    (
        "policy: {uncommitted: warn}",
        |i| {
            i.commit();
            i.program("bin/git", "#!/bin/sh\nPATH=/usr/bin:/bin; git \"$@\"\ncase \" $* \" in *\" status \"*) git -c user.name=t -c user.email=t@example.test commit --quiet --allow-empty -m pulled ;; esac\n");
        },
        APPLY,
    ),
    ("level: critical\naudit: /proc/envguard", nothing, &["get", "pods"]),
    ("policy: {skew: refuse}", a_kubectl_that_is_much_newer, &["label", "pod", "x", "a=b"]),
    ("", a_plugin_that_calls_the_guard, &["nest"]),
    ("policy: {sandbox: require}", |i| i.mode("bin/kubectl", 0o4755), APPLY),
    ("", |i| drop(std::fs::remove_file(i.config())), APPLY),
    ("level: severe", nothing, APPLY),
];

/// The server has just said that it is a 1.33.
fn a_kubectl_that_is_much_newer(instance: &Instance) {
    crate::lookup::put(instance, "bin/kubectl", 99);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let record = format!(
        "envguard-server 1\nhttps://pinned.example.test\nv1.33.5-eks-113cf36\n{}\nend\n",
        now.as_secs()
    );
    instance.write("home/.cache/envguard/server", &record);
    instance.mode("home/.cache/envguard/server", 0o600);
}

fn a_change_that_git_does_not_see(instance: &Instance) {
    instance.commit();
    let file = "overlays/develop/kustomization.yaml";
    instance.git(&["update-index", "--skip-worktree", file]);
    let text = read(&instance.path("m").join(file));
    instance.write(&format!("m/{file}"), &format!("{text}# changed\n"));
}

fn branch_is_not_listed(instance: &Instance, now: &str) {
    instance.commit();
    instance.git(&["branch", "fix"]);
    instance.git(&["checkout", "--quiet", now]);
    let text = instance.config_text();
    let listed = text.replace("    allow: [", "    branches: [\"release/*\", main]\n    allow: [");
    instance.write("config.yaml", &listed);
}

/// The same with something on standard input.
const PIPES: &[(Prepare, &str)] = &[
    (nothing, "kind: A"),
    (|i| drop(i.write("m/overlays/staging/x.yaml", "x")), "kind: A"),
    (tidied, "{kind: ConfigMap, apiVersion: v1, metadata: {name: prod-extra}, data: {a: '1'}}"),
    (
        |i| {
            let text = ["x", "y", "z"].map(config_map).join("---\n");
            i.write("m/overlays/prod/more.yaml", &text);
            tidied(i);
        },
        "kind: A\n---\n{kind: ConfigMap, apiVersion: v1, metadata: {name: x}, data: {a: '1'}}\n---\n{kind: ConfigMap, apiVersion: v1, metadata: {name: z}, data: {a: '1'}}\n",
    ),
    (tidied, "a: ["),
    (
        |i| {
            tidied(i);
            std::fs::remove_file(i.path("m/.git/HEAD")).unwrap();
            i.write("m/.git/HEAD", "nonsense");
        },
        "kind: A",
    ),
];

/// The foreign overlay is committed and off the disk.
fn tidied(instance: &Instance) {
    instance.git(&["add", "."]);
    instance.git(&["commit", "--quiet", "-m", "all"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap();
}

/// `printf '%s' TEXT | kubectl-envguard apply -f -`
fn piped(instance: &Instance, text: &str) -> Output {
    let mut command = instance.command("/bin/sh".as_ref());
    let program = crate::support::envguard();
    Output::of(
        command
            .args(["-c", "printf %s \"$T\" | \"$G\" apply -f -"])
            .env("T", text)
            .env("G", program),
    )
}

/// In the sandbox of a plugin the plain files of an overlay root are closed, also
/// for a kubectl that may name them.
fn a_plugin_that_calls_the_guard(instance: &Instance) {
    instance.write("m/overlays/note.txt", "a note");
    let guard = crate::support::envguard();
    let call = format!("exec {} create cm x --from-file overlays/note.txt", guard.display());
    instance.program("bin/kubectl-nest", &format!("#!/bin/sh\n{call}\n"));
    instance.program("bin/kubectl", "#!/bin/sh\nexec kubectl-nest\n");
}

#[test]
fn every_reason_has_its_message_in_the_golden_file() {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for (rules, prepare, words) in CASES {
        let instance = Instance::new();
        let instance = if rules.is_empty() { instance } else { instance.rules(rules) };
        instance.write("elsewhere/x.yaml", &config_map("x"));
        prepare(&instance);
        let mut command = instance.command(&crate::support::envguard());
        if !instance.checkout().exists() {
            command.current_dir(instance.path("elsewhere"));
        }
        let output = Output::of(command.args(*words));
        record(&instance, &words.join(" "), &output, &mut text, &mut seen);
    }
    for (prepare, stdin) in PIPES {
        let instance = Instance::new();
        prepare(&instance);
        record(&instance, "apply -f - (piped)", &piped(&instance, stdin), &mut text, &mut seen);
    }
    let cloned = crate::clones::refusal();
    record(&cloned.0, "label pod x a=b", &cloned.1, &mut text, &mut seen);
    let missing: Vec<&str> =
        Code::ALL.iter().map(|code| code.name()).filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    if std::env::var_os("ENVGUARD_TEST_BLESS").is_some() {
        write(FILE.as_ref(), &text);
    }
    let golden = std::fs::read_to_string(FILE).unwrap_or_default();
    for (line, (now, then)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(now, then, "line {} of {FILE}", line + 1);
    }
    assert_eq!(text.len(), golden.len(), "{FILE} has another length");
}

fn record(
    instance: &Instance,
    words: &str,
    output: &Output,
    text: &mut String,
    seen: &mut BTreeSet<String>,
) {
    // What the keeper has to do is no reason: tests/keeper/guard.rs.
    let reasons = output.stderr.lines().filter(|line| !line.contains(" on the disk; take "));
    let reasons: String = reasons.map(|line| format!("{line}\n")).collect();
    let shown = reasons.replace(instance.path("").to_str().unwrap(), "$INSTANCE/");
    let shown = without_hashes(&shown);
    text.push_str(&format!("$ kubectl {words}\n"));
    text.push_str(&format!("{shown}[exit {}]\n\n", output.code.unwrap()));
    seen.extend(codes(&output.stderr));
    has_four_parts(&shown);
}

/// Commits have other hashes each time.
fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() == 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive([' ', '\n', ',']);
    let masked = |word: &str| {
        let bare = word.trim_end_matches([' ', '\n', ',']);
        if is_hash(bare) { word.replace(bare, "COMMIT") } else { word.to_owned() }
    };
    words.map(masked).collect()
}

fn codes(stderr: &str) -> Vec<String> {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("envguard: refused"))
        .filter_map(|line| Some(line.split_once('(')?.1.split_once(')')?.0.to_owned()))
        .collect()
}

/// What was refused, which path or word, which rule, what to do instead.
fn has_four_parts(text: &str) {
    let refusals = text.lines().filter(|line| line.starts_with("envguard: refused")).count();
    let labels =
        |label: &str| text.lines().filter(|line| line.starts_with(&format!("  {label} "))).count();
    assert!(refusals > 0, "{text}");
    assert_eq!(labels("rule"), refusals, "{text}");
    assert_eq!(labels("instead"), refusals, "{text}");
    for line in text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        assert!(line.split_whitespace().count() > 1, "an empty part: {line:?} in {text}");
    }
}
