//! Our own commands and their names.

use crate::support::{Instance, Output, kubectls};

#[test]
fn check_prints_json_that_programs_can_rely_on() {
    let instance = Instance::new();
    let output = instance.envguard(&["check", "-o", "json", "--", "apply", "-k", "overlays/prod"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["apiVersion"], "envguard/v1alpha1");
    assert_eq!(document["kind"], "Check");
    assert_eq!(document["verdict"], "refuse");
    assert_eq!(document["environment"], "develop");
    assert_eq!(document["level"], "normal");
    assert_eq!(document["cluster"], "develop-eks");
    assert_eq!(document["class"], "mutate");
    assert_eq!(document["reasons"][0]["code"], "target-foreign");
    assert_eq!(document["reasons"][0]["remedy"], "kubectl apply -k overlays/develop");
    assert_eq!(output.exits(77).stderr, "");

    let output =
        instance.envguard(&["check", "-o", "json", "--", "apply", "-k", "overlays/develop"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["verdict"], "run");
    assert_eq!(document["reasons"].as_array().unwrap().len(), 0);
    let reached: Vec<&str> =
        document["reached"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    for file in ["overlays/develop/kustomization.yaml", "base/kustomization.yaml", "base/cm.yaml"] {
        let path = instance.checkout().join(file);
        assert!(reached.contains(&path.to_str().unwrap()), "{file} in {reached:?}");
    }
    output.exits(0).stderr.is_empty().then_some(()).unwrap();
}

#[test]
fn check_runs_nothing() {
    let instance = Instance::new();
    instance.check(&["apply", "-k", "overlays/develop"]).exits(0);
    instance.check(&["kubectl", "apply", "-k", "overlays/develop"]).exits(0);
    assert_eq!(instance.recorded(), None);
}

#[test]
fn wrong_usage_exits_64_and_help_0() {
    let instance = Instance::new();
    instance.envguard(&["check"]).exits(64);
    instance.envguard(&["check", "-o", "xml", "--", "get"]).exits(64);
    instance.envguard(&["--confirm"]).exits(64);
    instance.envguard(&["why", "no-such-code"]).says("kubectl envguard --help").exits(64);
    instance.envguard(&["--help"]).prints("Usage: kubectl envguard").exits(0);
    instance.envguard(&["--version"]).prints(env!("CARGO_PKG_VERSION")).exits(0);
    instance.envguard(&[]).exits(64);
}

/// Help fits a terminal of 24 rows and 80 columns, with the prompt below it.
#[track_caller]
fn fits_a_screen(help: &str) {
    assert!(help.lines().count() <= 23, "it does not fit a screen: {help}");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "it is too wide: {help}");
}

#[test]
fn the_help_fits_a_screen_and_names_every_command_and_option() {
    let instance = Instance::new();
    let line = kubectl_envguard::cli::command_line();
    for help in ["--help", "-h"] {
        let text = instance.envguard(&[help]).exits(0).stdout;
        fits_a_screen(&text);
        assert!(text.contains("Examples:\n  kubectl envguard apply -k"), "{text}");
        let (_, commands) = text.split_once("Commands").unwrap();
        let words: Vec<&str> = commands.split([' ', ',', '\n']).collect();
        for name in kubectl_envguard::cli::OWN_COMMANDS {
            assert!(words.contains(&name), "{name} is not in {text}");
        }
        for option in line.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(text.contains(&format!("--{option} ")), "--{option} is not in {text}");
        }
    }
}

#[test]
fn every_help_fits_a_screen_has_an_example_and_names_every_option() {
    let instance = Instance::new();
    let line = kubectl_envguard::cli::command_line();
    for name in kubectl_envguard::cli::OWN_COMMANDS {
        for help in ["--help", "-h"] {
            let text = instance.envguard(&[name, help]).exits(0).stdout;
            fits_a_screen(&text);
            // Those without a line of their own are named, and the manual has them.
            let own = line.find_subcommand(name).unwrap();
            let visible = own.get_arguments().filter(|argument| !argument.is_hide_set());
            for option in visible.filter_map(|argument| argument.get_long()) {
                assert!(text.contains(&format!("--{option}")), "--{option} is not in {text}");
            }
            // `lock` has nothing to choose.
            assert!(name == "lock" || text.contains("Examples:"), "{name} has no example: {text}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let instance = Instance::new();
    let script = format!("{} why | head -n 1", crate::support::envguard().display());
    let mut command = instance.command("/bin/bash".as_ref());
    let output = Output::of(command.args(["-o", "pipefail", "-c", &script])).exits(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let instance = Instance::new();
    for words in
        [&["why"][..], &["why", "target-foreign"], &["--help"], &["check", "--", "get", "po"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = instance.command(&crate::support::envguard());
        let output = command.args(words).stdout(full).stderr(std::process::Stdio::piped()).output();
        let output = output.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(
            said.starts_with("envguard: error: could not write to standard output: "),
            "{said}"
        );
    }
}

#[test]
fn check_says_what_would_happen_without_a_configuration() {
    let instance = Instance::new();
    let checked = |words: &[&str]| {
        let mut command = instance.command(&crate::support::envguard());
        command.env_remove("ENVGUARD_CONFIG").args(["check", "-o", "json", "--"]).args(words);
        let output = Output::of(&mut command);
        let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        (output.code, document)
    };
    let (code, document) = checked(&["get", "pods"]);
    assert_eq!((code, &document["verdict"]), (Some(0), &"run".into()));
    assert!(document["warnings"][0].as_str().unwrap().starts_with("not guarded: "), "{document}");
    let (code, document) = checked(&["apply", "-k", "overlays/develop"]);
    assert_eq!((code, &document["verdict"]), (Some(78), &"refuse".into()));
    assert_eq!(document["reasons"][0]["code"], "config-missing");
}

#[test]
fn own_commands_are_named_like_no_kubectl_command() {
    for kubectl in kubectls() {
        let mut command = std::process::Command::new(&kubectl.path);
        let output = Output::of(command.arg("--help").env("KUBECONFIG", "/dev/null"));
        for name in kubectl_envguard::cli::OWN_COMMANDS {
            // kubectl's own `completion` is behind `kubectl envguard --`.
            if name == "completion" {
                continue;
            }
            let is_listed =
                output.stdout.lines().any(|line| line.split_whitespace().next() == Some(name));
            assert!(!is_listed, "{name} is a command of kubectl {}", kubectl.version);
        }
    }
}
