//! kubectl and server not too far apart: real kubectls, and a server that says 1.33.

use std::process::Command;

use serde_json::Value;

use crate::support::{Instance, Kubectl, Output, Server, kubectls, read};

/// An instance whose cluster is `server`, with the real kubectl 1.NN of each of `minors`
/// in the directory that the configuration names. `None` where one is not at hand.
pub(crate) fn with(server: &Server, minors: &[u32], rules: &str) -> Option<Instance> {
    let instance = Instance::new();
    instance.reaches(server);
    for minor in minors {
        let found = kubectls().into_iter().find(|kubectl: &Kubectl| kubectl.minor() == *minor);
        let Some(kubectl) = found else {
            crate::support::left_out(&format!("kubectl 1.{minor} is not at hand"));
            return None;
        };
        instance.link(kubectl.path.to_str().unwrap(), &format!("versions/kubectl-1.{minor}"));
    }
    let versions = instance.path("versions").display().to_string();
    Some(instance.rules(&format!("kubectl: {versions}\n{rules}")))
}

fn command(instance: &Instance, words: &[&str]) -> Command {
    let mut command = instance.command(&crate::support::envguard());
    command.args(words).env("XDG_CACHE_HOME", instance.path("cache"));
    std::fs::create_dir_all(instance.path("cache")).unwrap();
    command
}

pub(crate) fn run(instance: &Instance, words: &[&str]) -> Output {
    Output::of(&mut command(instance, words))
}

fn row(instance: &Instance, name: &str, words: &[&str]) -> Value {
    let output = run(instance, &[&["status", "-o", "json"], words].concat());
    let document: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"));
    let rows = document["checks"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap().clone()
}

/// A change that the server answers with an error: nothing of that name is there.
pub(crate) const CHANGE: [&str; 5] = ["label", "cm", "nothing", "a=b", "--request-timeout=5s"];

#[test]
fn two_minor_versions_are_said_or_refused_once_the_server_was_asked() {
    let server = Server::start("develop-eks");
    let Some(instance) = with(&server, &[31], "") else { return };
    // Nobody has asked: nothing is known, and nobody is kept waiting.
    let output = run(&instance, &CHANGE);
    assert!(!output.stderr.contains("skew"), "{output}");
    assert!(!server.requests().iter().any(|line| line.contains("/version")), "the guard asked");
    assert_eq!(row(&instance, "skew", &[])["state"], "fine");
    let skew = row(&instance, "skew", &["--online"]);
    assert_eq!(skew["state"], "failed", "{skew}");
    assert!(skew["what"].as_str().unwrap().starts_with("kubectl 1.31, server v1.33."), "{skew}");
    let remedy = skew["remedy"].as_str().unwrap();
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    assert!(remedy.contains("https://dl.k8s.io/release/v1.33."), "{remedy}");
    assert!(remedy.contains(&format!("/bin/linux/{processor}/kubectl.sha256)")), "{remedy}");
    // Text shows the same, on a line that is not broken.
    run(&instance, &["status"]).exits(1).prints(&format!("instead         {remedy}\n"));
    let before = server.requests().len();
    run(&instance, &CHANGE).says("envguard: warning (kubectl-skew): kubectl 1.31 is more than one");
    let output = run(&instance, &["get", "pods"]);
    assert!(!output.stderr.contains("skew"), "{output}");
    let asked = server.requests()[before..].join("\n");
    assert!(!asked.contains("GET /version"), "the guard asked: {asked}");
    // The policy may refuse, and break glass lifts that.
    let text = instance.config_text();
    instance.write("config.yaml", &format!("{text}policy: {{skew: refuse}}\n"));
    run(&instance, &CHANGE).refused("kubectl-skew").says(remedy);
    let lifting = [&["--break-glass", "fire", "--confirm", "develop"], &CHANGE[..]].concat();
    run(&instance, &lifting).says("BREAK GLASS (kubectl-skew)");
    instance.write("config.yaml", &format!("{text}policy: {{skew: allow}}\n"));
    let output = run(&instance, &CHANGE);
    assert!(!output.stderr.contains("skew"), "{output}");
    assert_eq!(row(&instance, "skew", &[])["state"], "fine");
    // What is too old is not known any more.
    instance.write("config.yaml", &format!("{text}policy: {{skew: refuse}}\n"));
    let record = instance.path("cache/envguard/server");
    let kept = read(&record);
    let seconds = kept.lines().nth(3).unwrap();
    std::fs::write(&record, kept.replace(seconds, "1000000000")).unwrap();
    let output = run(&instance, &CHANGE);
    assert!(!output.stderr.contains("skew"), "{output}");
}

#[test]
fn of_several_kubectls_the_one_that_fits_the_server_runs() {
    let server = Server::start("develop-eks");
    let Some(instance) = with(&server, &[27, 33, 36], "") else { return };
    let version = |instance: &Instance| {
        run(instance, &["version", "--client"]).exits(0).stdout.lines().next().unwrap().to_owned()
    };
    assert!(version(&instance).contains("v1.36."), "the newest, as nothing is known");
    run(&instance, &["status", "--online"]);
    assert!(version(&instance).contains("v1.33."), "{}", version(&instance));
    let skew = row(&instance, "skew", &[]);
    assert_eq!(skew["state"], "fine", "{skew}");
    assert!(skew["what"].as_str().unwrap().starts_with("kubectl 1.33, server v1.33."), "{skew}");
}

#[test]
fn online_the_server_must_be_the_pinned_cluster() {
    let server = Server::start("develop-eks");
    let instance = Instance::new();
    instance.reaches(&server);
    let asked = |instance: &Instance| row(instance, "server", &["--online"]);
    assert!(row(&instance, "server", &[])["what"].as_str().unwrap().starts_with("not asked"));
    let found = asked(&instance);
    assert_eq!(found["state"], "fine", "{found}");
    let what = found["what"].as_str().unwrap();
    assert!(what.contains("which is not pinned"), "{found}");
    let uid = what.split("kube-system ").nth(1).unwrap().split(',').next().unwrap();
    let text = instance.config_text();
    let pin = |uid: &str| {
        let pinned = format!("\n  uid: {uid}\ncheckouts:");
        instance.write("config.yaml", &text.replacen("\ncheckouts:", &pinned, 1));
    };
    pin(uid);
    assert!(asked(&instance)["what"].as_str().unwrap().contains("as pinned"));
    pin("00000000-0000-4000-8000-000000000000");
    let rebuilt = asked(&instance);
    assert_eq!(rebuilt["state"], "failed", "{rebuilt}");
    assert!(rebuilt["what"].as_str().unwrap().starts_with("this is another cluster"), "{rebuilt}");
    assert!(rebuilt["remedy"].as_str().unwrap().contains("setup --repin"), "{rebuilt}");
    // No credentials for a server that is not the pinned one.
    pin(uid);
    let other = Server::start("prod-eks");
    std::fs::copy(other.kubeconfig(), instance.path("kubeconfig")).unwrap();
    assert_eq!(asked(&instance)["state"], "unknown");
    assert!(other.requests().is_empty(), "{:?}", other.requests());
    // A server that is not there.
    std::fs::copy(server.kubeconfig(), instance.path("kubeconfig")).unwrap();
    drop(server);
    let gone = asked(&instance);
    assert_eq!(gone["state"], "failed", "{gone}");
    assert_ne!(gone["remedy"], "", "{gone}");
    run(&instance, &["status", "--watch", "--online"]).exits(64).says("status --online");
}
