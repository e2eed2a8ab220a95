//! A copy of the instance changes nothing; a metadata service that does not answer makes
//! no copy.

pub(crate) mod metadata;

use std::process::Command;

use metadata::{Metadata, Service};
use serde_json::Value;

use crate::support::{Instance, Output, read};

const ACCOUNT: &str = "123456789012";
const ID: &str = "i-0123456789abcdef0";

/// The develop instance, which was set up as [`ID`], and asks this service.
struct Machine {
    instance: Instance,
    metadata: Metadata,
}

impl Machine {
    fn with(service: Service) -> Self {
        Self::of("", service)
    }

    fn of(rules: &str, service: Service) -> Self {
        let metadata = Metadata::start(service);
        let instance = Instance::new().rules(&format!(
            "instance: {{account: '{ACCOUNT}', id: {ID}, metadata: 'http://{}'}}\n{rules}",
            metadata.address
        ));
        std::fs::create_dir(instance.path("run")).unwrap();
        Self { instance, metadata }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.instance.command(&crate::support::envguard());
        command.args(words).env("XDG_RUNTIME_DIR", self.instance.path("run"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        Output::of(&mut self.command(words))
    }

    /// The row of `status`.
    fn row(&self) -> Value {
        let output = self.run(&["status", "-o", "json"]);
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        let rows = document["checks"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == "instance").unwrap().clone()
    }
}

fn tagged(name: &str) -> Service {
    Service { tag: Some(name.to_owned()), ..untagged("i-0fedcba9876543210") }
}

fn untagged(id: &'static str) -> Service {
    Service { instance: Some((ACCOUNT, id)), ..Service::default() }
}

const CHANGE: [&str; 4] = ["label", "pod", "x", "a=b"];
const TOKEN: &str = "PUT /latest/api/token";
const TAG: &str = "GET /latest/meta-data/tags/instance/envguard:environment";
const DOCUMENT: &str = "GET /latest/dynamic/instance-identity/document";

/// What the operator of a copy sees.
pub(crate) fn refusal() -> (Instance, Output) {
    let machine = Machine::with(tagged("production"));
    let output = machine.run(&CHANGE);
    (machine.instance, output)
}

#[test]
fn a_copy_says_so_everywhere_and_changes_nothing() {
    for (service, here) in [
        (tagged("production"), "envguard:environment=production"),
        (untagged("i-0fedcba9876543210"), "i-0fedcba9876543210 of account 123456789012"),
        (Service { instance: Some(("210987654321", ID)), ..Service::default() }, "210987654321"),
    ] {
        let machine = Machine::with(service.clone());
        let refused = machine.run(&CHANGE).refused("instance-cloned");
        refused
            .says("CLONED INSTANCE")
            .says(here)
            .says("sudo \"$(command -v kubectl-envguard)\" setup");
        machine.run(&["delete", "pod", "x"]).refused("instance-cloned");
        let lifting = [&["--break-glass", "fire", "--confirm", "develop"], &CHANGE[..]].concat();
        machine.run(&lifting).refused("instance-cloned");
        assert_eq!(machine.instance.recorded(), None, "kubectl has run");
        machine.run(&["get", "pods"]).exits(42);
        machine.run(&["logs", "web"]).exits(42);
        let row = machine.row();
        assert_eq!(row["state"], "failed", "{row}");
        assert!(row["what"].as_str().unwrap().contains(here), "{row}");
        assert!(row["remedy"].as_str().unwrap().contains("setup"), "{row}");
        machine.run(&["status"]).exits(1).prints("CLONED INSTANCE");
        machine.run(&["banner"]).exits(0).prints("*** CLONED INSTANCE ***");
        let observing = Machine::of("policy: {mode: observe}", service);
        observing.run(&CHANGE).refused("instance-cloned");
    }
}

#[test]
fn the_machine_that_was_set_up_and_a_replaced_one_with_the_tag_work() {
    for (service, said) in
        [(tagged("develop"), "envguard:environment=develop"), (untagged(ID), "as it was set up")]
    {
        let machine = Machine::with(service);
        machine.run(&CHANGE).exits(42);
        let row = machine.row();
        assert_eq!(row["state"], "fine");
        assert!(row["what"].as_str().unwrap().contains(said), "{row}");
        let banner = machine.run(&["banner"]).exits(0).stdout;
        assert!(!banner.contains("CLONED"), "{banner}");
    }
}

#[test]
fn what_cannot_be_learned_is_unknown_and_never_a_clone() {
    let silent = Service { is_silent: true, ..Service::default() };
    let dribbling = Service { dribbles: true, ..Service::default() };
    let refusing = |status| Service { refuses_tokens: Some(status), ..untagged(ID) };
    let failing = |status| Service { fails: Some(status), ..untagged(ID) };
    for (service, why) in [
        (silent, "did not answer within 300 ms"),
        (dribbling, "did not answer within 300 ms"),
        (refusing(403), "switched off, or denied (403)"),
        (refusing(404), "gives no token (404)"),
        (failing(500), "answers 500 about the tag"),
        (failing(404), "answers 404 about the instance"),
        (failing(403), "answers 403 about the tag"),
        (Service { expired: 99, ..untagged(ID) }, "answers 401 about the tag"),
        (Service { instance: Some((ACCOUNT, "\n")), ..Service::default() }, "cannot be read"),
        (Service { tag: Some("a\nb".into()), ..Service::default() }, "unintelligible"),
    ] {
        let machine = Machine::with(service);
        machine.run(&CHANGE).exits(42);
        let row = machine.row();
        assert_eq!(row["state"], "unknown", "{row}");
        assert!(row["what"].as_str().unwrap().contains(why), "{why:?} is not in {row}");
        let banner = machine.run(&["banner"]).exits(0).stdout;
        assert!(!banner.contains("CLONED"), "{banner}");
    }
    // Nobody listens.
    let machine = Machine::with(untagged(ID));
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = machine.instance.config_text();
    let address = machine.metadata.address.to_string();
    machine.instance.write("config.yaml", &text.replace(&address, &unused.to_string()));
    machine.run(&CHANGE).exits(42);
    assert!(machine.row()["what"].as_str().unwrap().contains("cannot be reached"));
}

#[test]
fn the_service_is_asked_with_a_token_and_no_more_than_needed() {
    let machine = Machine::with(tagged("develop"));
    machine.run(&CHANGE).exits(42);
    assert_eq!(machine.metadata.asked(), [TOKEN, TAG]);
    let machine = Machine::with(untagged(ID));
    machine.run(&CHANGE).exits(42);
    assert_eq!(machine.metadata.asked(), [TOKEN, TAG, DOCUMENT]);
    // A token that has expired in between is replaced once.
    let machine = Machine::with(Service { expired: 1, ..untagged(ID) });
    machine.run(&CHANGE).exits(42);
    assert_eq!(machine.metadata.asked(), [TOKEN, TAG, TOKEN, TAG, DOCUMENT]);
}

#[test]
fn it_is_asked_once_per_boot_and_never_by_prompts_or_who_only_reads() {
    let machine = Machine::with(tagged("develop"));
    for words in [
        &["get", "pods"][..],
        &["get", "-k", "overlays/develop"],
        &["exec", "web", "--", "sh"],
        &["apply", "-k", "overlays/develop", "--dry-run=server"],
        &["prompt", "--shell", "plain"],
        &["hook", "bash"],
    ] {
        machine.run(words);
        assert_eq!(machine.metadata.asked(), [""; 0], "{words:?}");
    }
    machine.run(&CHANGE).exits(42);
    assert_eq!(machine.metadata.asked().len(), 2);
    machine.run(&CHANGE).exits(42);
    machine.run(&["banner"]).exits(0);
    assert_eq!(machine.metadata.asked(), [""; 0]);
    // Another boot, of another machine.
    machine.metadata.becomes(tagged("production"));
    machine.run(&CHANGE).exits(42);
    let file = machine.instance.path("run/envguard/machine");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = read(&file);
    assert!(text.contains(boot.trim()), "{text}");
    std::fs::write(&file, text.replace(boot.trim(), "another-boot")).unwrap();
    machine.run(&CHANGE).refused("instance-cloned");
    assert_eq!(machine.metadata.asked().len(), 2);
    // Once the tag is right, `status` takes notice.
    machine.metadata.becomes(tagged("develop"));
    machine.run(&CHANGE).refused("instance-cloned");
    assert_eq!(machine.row()["state"], "fine");
    machine.run(&CHANGE).exits(42);
    // Where nothing can be kept, it is asked each time, once.
    machine.metadata.asked();
    for _ in 0..2 {
        let mut command = machine.command(&CHANGE);
        Output::of(command.env("XDG_RUNTIME_DIR", "/proc/nowhere")).exits(42);
        assert_eq!(machine.metadata.asked().len(), 2);
    }
}

#[test]
fn no_variable_leads_to_another_service() {
    let liar = Metadata::start(tagged("develop"));
    let machine = Machine::with(tagged("production"));
    let other = format!("http://{}", liar.address);
    let mut command = machine.command(&CHANGE);
    for name in [
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "ENVGUARD_METADATA",
    ] {
        command.env(name, &other);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "*");
    Output::of(&mut command).refused("instance-cloned");
    assert_eq!(liar.asked(), [""; 0]);
}
