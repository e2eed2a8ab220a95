//! Break glass: a hotfix at night, with a reason, and nobody overlooks it.

use std::path::Path;

use serde_json::Value;

use crate::support::{Instance, Output, PROMPT, Server, Terminal, kubectls, lacks, read, skip};

const REASON: &str = "payments are down";

fn broken(instance: &Instance, options: &[&str], words: &[&str]) -> Output {
    let mut all = vec!["--break-glass", REASON];
    all.extend(options);
    all.extend(words);
    instance.envguard(&all)
}

fn events(instance: &Instance) -> Vec<Value> {
    read(&crate::audit::log(instance))
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

#[test]
fn what_the_table_says_is_lifted_after_the_name() {
    let instance = Instance::new();
    let words = &["apply", "-k", "overlays/prod"];
    // Nobody is there to ask, at any level.
    broken(&instance, &[], words)
        .says("envguard: BREAK GLASS (target-foreign): overlays/prod is in the overlay prod")
        .says("refused (not-confirmed)")
        .says("kubectl envguard --break-glass 'payments are down' --confirm develop apply -k overlays/prod")
        .exits(77);
    broken(&instance, &["--confirm", "prod"], words).says("not-confirmed").exits(77);
    assert_eq!(instance.recorded(), None);
    broken(&instance, &["--confirm", "develop"], words).says("BREAK GLASS").exits(42);
    assert!(instance.recorded().is_some());
    // Without it the rules hold as before: a ticket does not cover it.
    instance.envguard(words).refused("target-foreign");
    let logged: Vec<(Value, Value)> = events(&instance)
        .iter()
        .map(|event| (event["event"].clone(), event["breakGlass"].clone()))
        .collect();
    let with = |event: &str| (event.into(), REASON.into());
    let expected = [
        with("judged"),
        with("declined"),
        with("judged"),
        with("judged"),
        with("confirmed"),
        ("judged".into(), Value::Null),
    ];
    assert_eq!(logged, expected);
    assert_eq!(events(&instance)[4]["reasons"][0]["code"], "target-foreign");
    let shown = instance.envguard(&["audit"]).exits(0).stdout;
    let ran = shown.lines().find(|row| row.contains("ran: target-foreign, reference-foreign"));
    assert!(ran.is_some_and(|row| row.contains("  BREAK GLASS (payments are down)  ")), "{shown}");
}

#[test]
fn what_guards_the_cluster_is_never_lifted() {
    for (words, code) in [
        (&["get", "pods", "--server=https://other.example"][..], "cluster-override"),
        (&["apply", "-k", "overlays/prod", "--context=prod"], "cluster-override"),
        (&["config", "use-context", "prod"], "kubeconfig-edit"),
        (&["apply", "--novel", "-k", "overlays/prod"], "flag-unknown"),
    ] {
        let instance = Instance::new();
        let output = broken(&instance, &["--confirm", "develop"], words).exits(77);
        assert!(output.stderr.contains(code), "{output}");
        assert!(!output.stderr.contains("BREAK GLASS"), "{output}");
        assert_eq!(instance.recorded(), None);
    }
    // Nor where there is no configuration.
    let instance = Instance::new();
    std::fs::remove_file(instance.config()).unwrap();
    broken(&instance, &["--confirm", "develop"], &["apply", "-k", "overlays/prod"]).exits(78);
}

#[test]
fn a_reason_is_needed_and_a_kubectl_command() {
    let instance = Instance::new();
    for words in
        [&["--break-glass"][..], &["--break-glass", " ", "get"], &["--break-glass=", "get"]]
    {
        instance.envguard(words).says("--break-glass needs a").exits(64);
    }
    let words = &["--break-glass", "x", "check", "--", "get", "pods"];
    instance.envguard(words).says("goes with a kubectl command").exits(64);
    // What is allowed anyway is not asked for.
    broken(&instance, &[], &["get", "pods"]).exits(42);
}

#[test]
fn the_sandbox_opens_what_was_lifted_and_nothing_besides() {
    let instance = Instance::new();
    instance.write("m/overlays/staging/extra.yaml", "x");
    let script = "#!/bin/sh\nfor f in overlays/prod/extra.yaml overlays/staging/extra.yaml; do
        if cat $f >/dev/null 2>&1; then echo open $f; else echo closed $f; fi; done\n";
    instance.program("bin/kubectl", script);
    let output = broken(&instance, &["--confirm", "develop"], &["apply", "-k", "overlays/prod"]);
    assert_eq!(
        output.exits(0).stdout,
        "open overlays/prod/extra.yaml\nclosed overlays/staging/extra.yaml\n"
    );
}

#[test]
fn without_an_audit_log_the_line_is_shown() {
    let instance = Instance::of("production").rules("audit: /proc/none");
    instance.envguard(&["get", "pods"]).refused("audit-unwritable");
    broken(&instance, &["--confirm", "production"], &["get", "pods"])
        .says("not recorded in the audit log: ")
        .says("\"breakGlass\":\"payments are down\"")
        .exits(42);
}

/// A `/dev` of its own, in which `log` is `$1`; then the rest of the words is run.
const OTHER_DEV: &str = r#"
mkdir "$1.dev" && mount --rbind /dev "$1.dev" && mount -t tmpfs none /dev
for device in null zero urandom tty; do
    : >"/dev/$device" && mount --bind "$1.dev/$device" "/dev/$device"
done
if [ -e "$1" ]; then
    : >/dev/log && mount --bind "$1" /dev/log
fi
shift
exec "$@"
"#;

#[test]
fn without_an_audit_log_the_line_goes_to_the_systems_log() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can give a program another /dev");
    }
    if lacks("unshare", "gives a program another /dev") {
        return;
    }
    let instance = Instance::of("production").rules("audit: /proc/none");
    let run = |socket: &Path| {
        let mut command = instance.command("/usr/bin/unshare".as_ref());
        command.args(["--mount", "sh", "-ec", OTHER_DEV, "sh"]).arg(socket);
        command.arg(crate::support::envguard()).args(["--break-glass", REASON]);
        command.args(["--confirm", "production", "get", "pods"]);
        Output::of(&mut command).exits(42)
    };
    let place = instance.path("log");
    let log = std::os::unix::net::UnixDatagram::bind(&place).unwrap();
    run(&place).says("to the system's log instead: {");
    // It has been sent: the program has ended.
    log.set_nonblocking(true).unwrap();
    let mut message = vec![0; 64 << 10];
    let length = log.recv(&mut message).unwrap();
    let message = String::from_utf8(message[..length].to_vec()).unwrap();
    let line = message.strip_prefix("<85>kubectl-envguard: ").expect(&message);
    let event: Value = serde_json::from_str(line).expect(line);
    assert_eq!(event["breakGlass"], REASON);
    assert_eq!(event["argv"], serde_json::json!(["get", "pods"]));
    run(&instance.path("nowhere")).says("nor to the system's log (");
}

#[test]
fn the_next_banner_says_it() {
    let instance = Instance::new();
    let banner = |instance: &Instance| instance.envguard(&["banner"]).stdout;
    assert!(!banner(&instance).contains("BREAK GLASS"));
    let words = &["apply", "-k", "overlays/prod"];
    broken(&instance, &[], words).exits(77);
    assert!(!banner(&instance).contains("BREAK GLASS"), "it did not run");
    broken(&instance, &["--confirm", "develop"], words).exits(42);
    let shown = banner(&instance);
    assert!(shown.contains("BREAK GLASS was used once within a day"), "{shown}");
    assert!(shown.contains(REASON), "{shown}");
    // Not even when a script has run a thousand commands since.
    let log = crate::audit::log(&instance);
    let text = read(&log);
    instance.kubectl(&["get", "pods"]).exits(42);
    let newest = read(&log)[text.len()..].to_owned();
    std::fs::write(&log, text + &newest.repeat(1_000)).unwrap();
    let shown = banner(&instance);
    assert!(shown.contains("BREAK GLASS was used once within a day"), "{shown}");
}

#[test]
fn a_hotfix_on_a_terminal_reaches_the_server() {
    let Some(kubectl) = kubectls().pop() else { return };
    let server = Server::start("production-eks");
    let instance = Instance::with_server(&server, &kubectl);
    let mut shell = instance.command("/bin/sh".as_ref());
    shell.env("PS1", PROMPT);
    let mut terminal = Terminal::start(&shell);
    terminal.first_prompt();
    let guard = crate::support::envguard();
    let line = format!("{} --break-glass '{REASON}' apply -k overlays/prod\n", guard.display());
    terminal.types(&line);
    terminal
        .shows("type the environment's name")
        .contains("BREAK GLASS (payments are down): kubectl apply -k overlays/prod");
    assert_eq!(server.changes(), [""; 0]);
    terminal.run("develop").contains("configmap/prod-web created");
    assert!(!server.changes().is_empty());
}
