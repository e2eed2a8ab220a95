//! The configuration: one source, strict, and errors that name file, line, field.

use crate::support::{Instance, Output};

/// Runs a changing command with `text` as the configuration.
fn with_text(text: &str) -> Output {
    let instance = Instance::new();
    instance.write("config.yaml", text);
    instance.envguard(&["apply", "-k", "overlays/develop"])
}

fn changed(from: &str, to: &str) -> Output {
    let text = Instance::new().config_text();
    assert!(text.contains(from), "{from} is not in {text}");
    with_text(&text.replacen(from, to, 1))
}

#[test]
fn errors_name_file_line_and_field() {
    for (from, to, line, field) in [
        ("kind: Instance", "kind: Instnce", 2, "kind"),
        ("envguard/v1alpha1", "envguard/v2", 1, "apiVersion"),
        ("environment: develop", "environment: [a]", 3, "environment"),
        ("environment: develop", "environment: ''", 3, "environment"),
        ("environment: develop", "environment: \"a\\nb\"", 3, "environment"),
        ("environment: develop", "environment: 12", 3, "environment"),
        ("environment: develop", "environment: true", 3, "environment"),
        ("environment: develop", "environment: ~", 3, "environment"),
        ("environment: develop", "environment: \"a\\u202eb\"", 3, "environment"),
        ("environment: develop", "environmnt: develop", 3, "environmnt"),
        ("environment: develop", "environment: a\nenvironment: b", 4, "environment"),
        ("  name: develop-eks", "  nme: develop-eks", 5, "cluster"),
        ("  name: develop-eks", "  name: ''", 5, "cluster.name"),
        ("  name: develop-eks", "  name: \"a\\tb\"", 5, "cluster.name"),
        ("  name: develop-eks", "  name: a\n  name: b", 6, "cluster"),
        ("  name: develop-eks", "  name: a\n  exec: {command: 5}", 6, "cluster.exec.command"),
        ("  kubeconfig: /", "  kubeconfig: /a:b/", 6, "cluster.kubeconfig"),
        ("server: https://", "server: ftp://", 7, "cluster.server"),
        ("caCertHash: sha256:", "caCertHash: md5:", 8, "cluster.caCertHash"),
        ("caCertHash: sha256:", "caCertHash: sha256:0", 8, "cluster.caCertHash"),
        ("overlayRoots: [overlays]", "overlayRoots: [../x]", 11, "checkouts[0].overlayRoots[0]"),
        ("overlayRoots: [overlays]", "overlayRoots: []", 11, "checkouts[0].overlayRoots"),
        ("overlayRoots: [overlays]", "overlayRoots: overlays", 11, "checkouts[0].overlayRoots"),
        ("allow: [develop]", "allow: []", 12, "checkouts[0].allow"),
        ("allow: [develop]", "allow: ['a[']", 12, "checkouts[0].allow[0]"),
        ("allow: [develop]", "allow: [a/b]", 12, "checkouts[0].allow[0]"),
        ("allow: [develop]", "allow: [develop]\n    foreign: [dev*]", 13, "checkouts[0].foreign"),
        (
            "allow: [develop]",
            "allow: [develop]\n    shared: [prod]\n    foreign: [prod]",
            14,
            "checkouts[0].foreign",
        ),
        ("allow: [develop]", "allow: [1]", 12, "checkouts[0].allow[0]"),
        (
            "banner:",
            "  - path: /b\n    overlayRoots: [o]\n    allow: []\nbanner:",
            15,
            "checkouts[1].allow",
        ),
        (
            "banner:",
            "  - path: /b\n    overlayRoots: [o]\n    path: /c\nbanner:",
            15,
            "checkouts[1]: duplicate field `path`",
        ),
        ("banner:", "---\nbanner:", 13, "more than one document"),
        ("\ncheckouts:", "\n  uid: 'a b'\ncheckouts:", 9, "cluster.uid"),
        ("banner:", "instance: {account: 123456789012, id: i-0}\nbanner:", 13, "instance.account"),
        ("banner:", "instance: {account: '12', id: i-0}\nbanner:", 13, "instance.account"),
        ("banner:", "instance: {account: '123456789012'}\nbanner:", 13, "instance.id"),
        ("banner:", "instance: {id: i-0}\nbanner:", 13, "instance.account"),
        ("banner:", "instance:\n  account: '123456789012'\n  id: x\nbanner:", 15, "instance.id"),
        (
            "banner:",
            "instance: {metadata: 'http://example.test'}\nbanner:",
            13,
            "instance.metadata",
        ),
        ("banner:", "level: severe\nbanner:", 13, "level"),
        ("banner:", "policy: {stdin: maybe}\nbanner:", 13, "policy.stdin"),
        ("banner:", "policy: {remotes: ['nonsense']}\nbanner:", 13, "policy.remotes[0]"),
        ("banner:", "policy: {fetchAge: soon}\nbanner:", 13, "policy.fetchAge"),
        (
            "banner:",
            "policy:\n  confirm: {mutate: sometimes}\nbanner:",
            14,
            "policy.confirm.mutate",
        ),
        ("banner:", "alsoAllow: [relative]\nbanner:", 13, "alsoAllow[0]"),
        ("banner:", "alsoAllow: [/a/../b]\nbanner:", 13, "alsoAllow[0]"),
        ("banner:", "kubectl: bin/kubectl\nbanner:", 13, "kubectl"),
        ("banner:", "audit: 7\nbanner:", 13, "audit"),
    ] {
        let output = changed(from, to);
        let first = output.stderr.lines().next().unwrap();
        assert!(first.starts_with("envguard: refused (config-invalid): "), "{to}: {output}");
        assert!(first.contains(&format!("config.yaml:{line}: ")), "line {line} for {to}: {output}");
        assert!(first.contains(field), "{field} for {to}: {output}");
        assert_eq!(output.code, Some(78), "{output}");
    }
}

#[test]
fn no_message_speaks_of_the_program_s_own_types() {
    for (from, to) in [
        ("apiVersion: envguard/v1alpha1", "[]"),
        ("checkouts:", "checkouts: [[]]\nx:"),
        ("banner: {contact: \"#sre-oncall\"}", "banner: 5"),
        ("banner:", "policy: []\nbanner:"),
        ("banner:", "policy: {confirm: 5}\nbanner:"),
    ] {
        let output = changed(from, to);
        assert!(!output.stderr.contains("struct"), "{output}");
        let _ended = output.exits(78);
    }
}

#[test]
fn other_systems_line_ends_and_byte_order_mark_are_read() {
    let text = Instance::new().config_text();
    for text in [format!("\u{feff}{text}"), text.replace('\n', "\r\n")] {
        let instance = Instance::new();
        let top = instance.path("m");
        let old = text.lines().find(|line| line.contains("- path: ")).unwrap().trim_end();
        let kubeconfig = instance.path("kubeconfig");
        let old_kubeconfig =
            text.lines().find(|line| line.contains("kubeconfig: ")).unwrap().trim_end();
        let text = text
            .replace(old, &format!("  - path: {}", top.display()))
            .replace(old_kubeconfig, &format!("  kubeconfig: {}", kubeconfig.display()));
        instance.write("config.yaml", &text);
        instance.envguard(&["apply", "-k", "overlays/develop"]).exits(42);
    }
}

#[test]
fn text_that_is_no_configuration_is_refused_at_once() {
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))
    });
    for text in
        ["", "\0", "just text", "- a", "a: [", "a: &a [*a]", "\t- x", &bomb, &"[".repeat(5000)]
    {
        with_text(text).says("refused (config-invalid): ").exits(78);
    }
}

#[test]
fn a_missing_cluster_certificate_is_only_allowed_without_tls() {
    let text = Instance::new().config_text();
    let without: String = text
        .lines()
        .filter(|line| !line.contains("caCertHash"))
        .map(|line| format!("{line}\n"))
        .collect();
    with_text(&without).says("config.yaml:4: cluster.caCertHash: is missing").exits(78);
}

#[test]
fn permissions_and_place_must_be_right() {
    use std::os::unix::fs::PermissionsExt;
    let instance = Instance::new();
    for mode in [0o664, 0o646, 0o666] {
        std::fs::set_permissions(instance.config(), std::fs::Permissions::from_mode(mode)).unwrap();
        instance
            .envguard(&["apply", "-k", "overlays/develop"])
            .says("instead   chmod go-w ")
            .exits(78);
    }
    let instance = Instance::new();
    instance.write("m/envguard.yaml", &instance.config_text());
    let named = instance.path("m/envguard.yaml");
    let output = instance.envguard_with_config(&named, &["apply", "-k", "overlays/develop"]);
    output.says("lies inside the checkout").exits(78);
    let directory = instance.path("m");
    let output = instance.envguard_with_config(&directory, &["apply", "-k", "overlays/develop"]);
    output.says("is not a regular file").exits(78);
}

#[test]
fn a_fifo_in_its_place_does_not_block() {
    let instance = Instance::new();
    let fifo = instance.path("fifo");
    Output::of(std::process::Command::new("mkfifo").arg(&fifo)).exits(0);
    let output = instance.envguard_with_config(&fifo, &["apply", "-k", "overlays/develop"]);
    output.says("is not a regular file").exits(78);
}

#[test]
fn the_first_place_that_is_named_decides() {
    let instance = Instance::new();
    // --config before ENVGUARD_CONFIG, and a name that does not exist is an error
    let missing = instance.path("missing.yaml");
    let output =
        instance.envguard(&["--config", missing.to_str().unwrap(), "label", "po", "x", "a=b"]);
    output.says("refused (config-missing)").exits(78);
    // then $XDG_CONFIG_HOME, then ~/.config
    let text = instance.config_text();
    for (place, variable) in
        [("xdg/envguard/config.yaml", Some("xdg")), ("home/.config/envguard/config.yaml", None)]
    {
        let instance = Instance::new();
        instance.write(place, &text.replace("environment: develop", "environment: development"));
        let mut command = instance.command(&crate::support::envguard());
        command.env_remove("ENVGUARD_CONFIG").args(["check", "-o", "json", "--", "get", "po"]);
        if let Some(dir) = variable {
            command.env("XDG_CONFIG_HOME", instance.path(dir));
        }
        Output::of(&mut command).prints("\"environment\": \"development\"");
    }
    // A relative XDG_CONFIG_HOME would be another place in every directory.
    let instance = Instance::new();
    instance.write("elsewhere/envguard/config.yaml", &text);
    let mut command = instance.command(&crate::support::envguard());
    command.current_dir(instance.path("elsewhere")).env("XDG_CONFIG_HOME", ".");
    let output =
        Output::of(command.env_remove("ENVGUARD_CONFIG").args(["label", "po", "x", "a=b"]));
    output.says("refused (config-missing)").exits(78);
}

#[test]
fn without_a_configuration_only_reading_passes() {
    let instance = Instance::new();
    let run = |words: &[&str]| {
        let mut command = instance.command(&crate::support::shim());
        Output::of(command.env_remove("ENVGUARD_CONFIG").args(words))
    };
    for words in [&["get", "po"][..], &["kustomize", "overlays/prod"], &["config", "view"]] {
        let output = run(words).exits(42);
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        assert!(output.stderr.starts_with("envguard: not guarded: "), "{output}");
    }
    for words in
        [&["help"][..], &["version", "--client"], &["__complete", "get", ""], &["apply", "--help"]]
    {
        let output = run(words).exits(42);
        assert_eq!(output.stderr, "", "{words:?}");
    }
    for words in [
        &["apply", "-k", "overlays/develop"][..],
        &["exec", "p", "--", "sh"],
        &["config", "use-context", "x"],
        &["neat"],
        &["apply", "--filenam", "x"],
    ] {
        run(words).says("refused (config-missing): ").exits(78);
    }
}

#[test]
fn homes_and_patterns_name_checkouts() {
    let instance = Instance::new();
    let top = instance.path("");
    let text = instance.config_text();
    for (path, allowed) in [
        (format!("{}*", top.join("").display()), true),
        (format!("{}/[m]", top.display()), true),
        ("~/../m".to_owned(), false),
    ] {
        let path_line = format!("path: '{path}'");
        let old =
            text.lines().find(|line| line.contains("path: ")).unwrap().trim_start_matches("  - ");
        instance.write("config.yaml", &text.replace(old, &path_line));
        let output = instance.envguard(&["apply", "-k", "overlays/develop"]);
        let _seen = output.exits(if allowed { 42 } else { 78 });
    }
    let home = Instance::new();
    let old = home.path("m");
    std::fs::rename(&old, home.path("home/m")).unwrap();
    let text = home.config_text().replace(&format!("path: {}", old.display()), "path: ~/m");
    home.write("config.yaml", &text);
    let mut command = home.command(&crate::support::envguard());
    command.current_dir(home.path("home/m")).args(["apply", "-k", "overlays/develop"]);
    Output::of(&mut command).exits(42);
}
