//! Bad input gives one clear message at once: never a panic, never a pass.

use crate::support::{Instance, Output, certificate, kubeconfig, lacks};

/// Runs a changing command and asserts that kubectl was not reached.
#[track_caller]
fn refused(instance: &Instance, code: &str) -> Output {
    let output = instance.envguard(&["apply", "-k", "overlays/develop"]).refused(code);
    assert_eq!(instance.recorded(), None, "kubectl was reached");
    output
}

const KUSTOMIZATION: &str = "m/overlays/develop/kustomization.yaml";

#[test]
fn kustomizations_that_cannot_be_understood() {
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))
    });
    for text in [
        "resources: x",
        "resources: [1]",
        "resources: [{}]",
        "- a",
        "just text",
        "resources: [a",
        "resources: &a [*a]",
        "a: &a [*a]",
        "\0",
        "resource: []",
        "resources: []\nresources: []",
        "resources: []\nResources: []",
        &bomb,
        &"[".repeat(100_000),
        &"{a: ".repeat(50_000),
        &"- ".repeat(100_000),
        &" ".repeat(5 << 20),
    ] {
        let instance = Instance::new();
        instance.write(KUSTOMIZATION, text);
        refused(&instance, "input-unreadable").says("kustomization.yaml");
    }
    let instance = Instance::new();
    std::fs::write(instance.path(KUSTOMIZATION), b"resources: [\xff]\n").unwrap();
    refused(&instance, "input-unreadable").says("UTF-8");
}

#[test]
fn kustomizations_that_go_round_end() {
    let instance = Instance::new();
    instance.write("m/base/kustomization.yaml", "resources: [../overlays/develop]\n");
    // Each directory is read once; kubectl reports the cycle itself.
    instance.envguard(&["apply", "-k", "overlays/develop"]).exits(42);
    let instance = Instance::new();
    instance.write(KUSTOMIZATION, "resources: [.]\n");
    instance.envguard(&["apply", "-k", "overlays/develop"]).exits(42);
    // A chain that never ends is cut.
    let instance = Instance::new();
    let mut dir = "m/overlays/develop".to_owned();
    for _ in 0..120 {
        instance.write(&format!("{dir}/kustomization.yaml"), "resources: [n]\n");
        dir.push_str("/n");
    }
    refused(&instance, "input-unreadable").says("too much");
}

#[test]
fn several_kustomizations_in_one_directory() {
    let instance = Instance::new();
    instance.write("m/overlays/develop/kustomization.yml", "resources: []\n");
    refused(&instance, "input-unreadable").says("stands beside another kustomization");
}

#[test]
fn things_that_are_no_files() {
    let instance = Instance::new();
    std::fs::remove_file(instance.path(KUSTOMIZATION)).unwrap();
    let fifo = instance.path(KUSTOMIZATION);
    Output::of(std::process::Command::new("mkfifo").arg(&fifo)).exits(0);
    refused(&instance, "input-unreadable").says("is not a regular file");
    let instance = Instance::new();
    std::fs::remove_file(instance.path(KUSTOMIZATION)).unwrap();
    instance.link("kustomization.yaml", KUSTOMIZATION);
    refused(&instance, "input-unreadable").says("too many symbolic links");
}

/// Runs the guard as somebody for whom permissions count: root is nobody here.
/// `None` where nobody else can be had.
fn as_ordinary_user(instance: &Instance, words: &[&str]) -> Option<Output> {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return Some(instance.envguard(words));
    }
    if lacks("setpriv", "runs a test as another user") {
        return None;
    }
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(&instance.path(""));
    let program = instance.path("bin/envguard");
    std::fs::copy(crate::support::envguard(), &program).unwrap();
    open(&program);
    // Whoever works here has a home of their own.
    std::os::unix::fs::chown(instance.path("home"), Some(65534), Some(65534)).unwrap();
    let mut command = instance.command("/usr/bin/setpriv".as_ref());
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    Some(Output::of(command.arg(program).args(words)))
}

fn permit(instance: &Instance, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(instance.path(path), mode).unwrap();
}

#[test]
fn files_that_may_not_be_read() {
    let instance = Instance::new();
    permit(&instance, KUSTOMIZATION, 0o000);
    if let Some(output) = as_ordinary_user(&instance, &["apply", "-k", "overlays/develop"]) {
        output.refused("input-unreadable").says("Permission denied");
    }
}

#[test]
fn an_overlay_root_that_cannot_be_listed_hides_nothing() {
    let instance = Instance::new();
    instance.write(KUSTOMIZATION, "resources: [../prod]\n");
    permit(&instance, "m/overlays", 0o711);
    if let Some(output) = as_ordinary_user(&instance, &["apply", "-k", "overlays/develop"]) {
        output.refused("reference-foreign");
    }
    permit(&instance, "m/overlays", 0o755);
}

#[test]
fn kubeconfigs_that_cannot_be_understood() {
    let good = kubeconfig("develop-eks", "https://pinned.example.test", certificate());
    for (what, text) in [
        ("empty", String::new()),
        ("text", "just text".to_owned()),
        ("list", "- a".to_owned()),
        ("wrong type", good.replace("users:\n- name", "users:\n  name")),
        ("duplicate key", good.replace("clusters:", "clusters: []\nclusters:")),
        (
            "duplicate name",
            good.replace("contexts:", "contexts:\n- name: develop-eks\n  context: {}"),
        ),
        ("cyclic", format!("{good}\nextensions: &a [*a]\n")),
        ("no context", good.replace("current-context: develop-eks", "current-context: ''")),
        ("other context", good.replace("current-context: develop-eks", "current-context: x")),
        ("no cluster", good.replace("cluster: develop-eks, ", "")),
        ("odd server", good.replace("https://pinned", "https://user@pinned")),
        (
            "no base64",
            good.replace("certificate-authority-data: ", "certificate-authority-data: ~~"),
        ),
        (
            "no certificate",
            good.replace("certificate-authority-data: LS0t", "certificate-authority-data: AAAA"),
        ),
        ("brackets", "[".repeat(100_000)),
    ] {
        let instance = Instance::new();
        instance.write("kubeconfig", &text);
        let output = instance.envguard(&["get", "pods"]);
        assert_eq!(output.code, Some(77), "{what}: {output}");
        assert!(output.stderr.contains("kubeconfig"), "{what}: {output}");
        assert_eq!(instance.recorded(), None, "{what}");
    }
    let instance = Instance::new();
    std::fs::remove_file(instance.path("kubeconfig")).unwrap();
    instance.envguard(&["get", "pods"]).refused("input-unreadable").says("does not exist");
}

#[test]
fn a_checkout_that_vanished() {
    let instance = Instance::new();
    let config = instance.config_text().replace("/m\n", "/gone\n");
    instance.write("config.yaml", &config);
    refused(&instance, "target-outside").says("/gone does not exist: clone it there");
    instance.envguard(&["get", "pods"]).exits(42);
}

#[test]
fn a_working_directory_that_vanished() {
    let instance = Instance::new();
    let script = format!(
        "mkdir gone && cd gone && rmdir ../gone && {} apply -k x",
        crate::support::envguard().display()
    );
    let mut command = instance.command("/bin/bash".as_ref());
    Output::of(command.args(["-c", &script])).refused("input-unreadable").says("working directory");
}

#[test]
fn names_with_control_characters_do_not_reach_the_terminal() {
    let instance = Instance::new();
    let name = "overlays/pr\u{1b}[2Jod\nx";
    let output = instance.envguard(&["apply", "-k", name]).refused("target-foreign");
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
    assert!(output.stderr.lines().next().unwrap().contains("pr\\u{1b}[2Jod\\nx"), "{output}");
    instance.write(KUSTOMIZATION, "resources: [\"../prod\\e[2J\\n\"]\n");
    let output = refused(&instance, "reference-foreign");
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
}

#[test]
fn long_and_odd_words() {
    let instance = Instance::new();
    let long = "x/".repeat(2_000);
    instance.envguard(&["apply", "-k", &long]).exits(77);
    let words = vec!["-f"; 20_000];
    let mut all = vec!["apply"];
    all.extend(words);
    instance.envguard(&all).exits(77);
    instance.envguard(&["apply", "-f", ""]).exits(42); // as if it were not given
    instance.envguard(&["apply", "-f", ","]).exits(77);
    instance.envguard(&["apply", "-k", ""]).exits(42); // as if it were not given
}
