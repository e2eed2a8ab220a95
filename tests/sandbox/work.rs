//! Everyday work with real kubectl versions inside the sandbox. The checkout lies
//! below the temporary directory, so temporary files have to move too.

use std::io::Write;
use std::process::Stdio;

use super::foreseen;
use crate::support::{Instance, Kubectl, Output, Server, config_map, kubectls, read, shim};

/// The oldest and the newest kubectl, each with a server of its own.
fn with_servers(test: impl Fn(&Kubectl, &Server, &Instance)) {
    let all = kubectls();
    for kubectl in all.iter().take(1).chain(all.last()) {
        eprintln!("kubectl {}", kubectl.version);
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, kubectl)
            .rules("policy: {sandbox: require, stdin: allow}");
        test(kubectl, &server, &instance);
    }
}

/// `kubectl WORDS` with something on standard input.
fn with_input(instance: &Instance, words: &[&str], input: &str) -> Output {
    let mut command = instance.command(&shim());
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn enclosed(instance: &Instance, words: &[&str]) {
    assert_eq!(foreseen(instance, words).0, "full", "{words:?}");
}

#[test]
fn diff_reads_its_temporary_files() {
    with_servers(|_, _, instance| {
        let words = &["diff", "-k", "overlays/develop"];
        enclosed(instance, words);
        instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        instance.kubectl(words).exits(0);
        let changed = read(&instance.path("m/base/cm.yaml")).replace("a: \"1\"", "a: \"2\"");
        instance.write("m/base/cm.yaml", &changed);
        instance.kubectl(words).prints("+  a: \"2\"").exits(1);
        // And so does another program in its place.
        instance.program("bin/differ", "#!/bin/sh\ncat \"$2\"/*\nexit 1\n");
        let mut command = instance.command(&shim());
        let output = Output::of(command.args(words).env("KUBECTL_EXTERNAL_DIFF", "differ"));
        output.prints("a: \"2\"").exits(1);
    });
}

#[test]
fn edit_opens_an_editor_on_a_file_that_can_be_read_again() {
    with_servers(|_, _, instance| {
        instance.kubectl(&["apply", "-f", "overlays/develop/extra.yaml"]).exits(0);
        instance.program("bin/editor", "#!/bin/sh\nsed -i 's/a: \"1\"/a: edited/' \"$1\"\n");
        let words = &["edit", "-f", "overlays/develop/extra.yaml"];
        enclosed(instance, words);
        let mut command = instance.command(&shim());
        Output::of(command.args(words).env("KUBE_EDITOR", "editor")).prints("edited").exits(0);
        let shown = instance.kubectl(&["get", "cm", "develop-extra", "-o", "yaml"]);
        shown.prints("a: edited").exits(0);
    });
}

#[test]
fn manifests_from_standard_input_work_beside_files() {
    with_servers(|_, server, instance| {
        // `replace --force -f -` writes its input to a temporary file.
        for (words, name) in [
            (&["apply", "-f", "-", "-f", "overlays/develop/extra.yaml"][..], "piped"),
            (&["replace", "--force", "-f", "-", "-f", "overlays/develop/extra.yaml"], "piped"),
            (&["apply", "-f", "/dev/stdin", "-f", "overlays/develop/extra.yaml"], "device"),
        ] {
            with_input(instance, words, &config_map(name)).exits(0).prints(name);
        }
        // Redirected from a file, which is then opened again by its descriptor.
        let script = "exec \"$0\" apply -f /dev/stdin < overlays/develop/extra.yaml";
        let command = instance.command(&shim());
        let mut command = super::wrapped(&command, "sh", &["-c", script]);
        Output::of(&mut command).exits(0).prints("develop-extra");
        assert!(server.changes().len() > 3);
    });
}

#[test]
fn a_credential_program_runs() {
    with_servers(|kubectl, _, instance| {
        let version = if kubectl.is_at_least(24) { "v1" } else { "v1beta1" };
        let credential = format!(
            "#!/bin/sh\ncat ~/.token/secret >/dev/null || exit 1\necho called >> {}\n\
             echo '{{\"apiVersion\": \"client.authentication.k8s.io/{version}\", \"kind\": \"ExecCredential\", \
             \"status\": {{\"token\": \"'$(cat ~/.token/secret)'\"}}}}'\n",
            instance.path("elsewhere/log").display()
        );
        instance.program("bin/get-token", &credential);
        let kubeconfig: serde_yaml::Value =
            serde_yaml::from_str(&read(&instance.path("kubeconfig"))).unwrap();
        let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
        instance.write("home/.token/secret", token);
        instance.credentials_from("get-token", version);
        let words = &["apply", "-k", "overlays/develop"];
        instance.kubectl(words).exits(0).prints("created");
        assert!(read(&instance.path("elsewhere/log")).contains("called"));
    });
}

#[test]
fn inputs_beside_the_checkout_and_outputs_inside_work() {
    with_servers(|kubectl, _, instance| {
        instance.write("elsewhere/data/one", "1");
        instance.write("elsewhere/data/two", "2");
        let words = &["create", "cm", "data", "--from-file", "../elsewhere/data"];
        enclosed(instance, words);
        instance.kubectl(words).exits(0);
        instance.kubectl(&["get", "cm", "data", "-o", "yaml"]).prints("two: \"2\"").exits(0);
        if kubectl.is_at_least(27) {
            let out = "overlays/develop/out.yaml";
            let words = &["kustomize", "overlays/develop", "-o", out];
            enclosed(instance, words);
            instance.kubectl(words).exits(0);
            instance.kubectl(&["apply", "-f", out]).exits(0).prints("develop-web");
        }
    });
}

#[test]
fn a_download_into_the_checkout_can_be_written() {
    // cp needs a container at the other end: what is asked here is what the kernel
    // lets it write.
    let instance = Instance::new();
    let words = &["cp", "web:/etc/hosts", "overlays/develop/hosts"];
    enclosed(&instance, words);
    let script = "echo 127.0.0.1 > overlays/develop/hosts && mkdir overlays/develop/dir && \
                  echo x > overlays/develop/dir/x && mv overlays/develop/dir/x overlays/develop/y";
    super::inside(&instance, words, script).exits(0);
    assert_eq!(read(&instance.path("m/overlays/develop/y")), "x\n");
}

#[test]
fn a_directory_is_archived_without_foreign_overlays() {
    // Nothing foreign is there when it is judged; what appears then stays out.
    let instance = Instance::new();
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap();
    let words = &["cp", "overlays", "web:/tmp"];
    let rows: &[(&str, bool)] = &[("base/cm.yaml", false), ("overlays/develop/extra.yaml", true)];
    super::can_read(&instance, words, rows);
    let script = "mkdir overlays/prod && echo x > overlays/prod/x && cat overlays/prod/x";
    super::inside(&instance, words, script).says("Permission denied").exits(1);
}

#[test]
fn kubectls_exit_code_and_output_are_its_own() {
    with_servers(|_, _, instance| {
        instance.write("m/overlays/develop/extra.yaml", "kind: [\n");
        let output = instance.kubectl(&["apply", "-f", "overlays/develop/extra.yaml"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output}");
        assert!(!super::said(&output).contains("envguard"), "{output}");
    });
}
