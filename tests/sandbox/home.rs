//! Home directories and temporary directories around checkouts.

use std::path::Path;
use std::process::Command;

use super::{APPLY, assert_readable, foreseen, foreseen_by, inside_command, reader};
use crate::support::{Instance, Output, Server, config_map, envguard, kubectls};

/// The checkout lies in the home directory, as an operator's own does.
fn at_home() -> Instance {
    moved_home(Instance::new())
}

fn moved_home(instance: Instance) -> Instance {
    std::fs::remove_dir_all(instance.path("home")).unwrap();
    std::fs::create_dir(instance.path("home")).unwrap();
    std::fs::rename(instance.path("m"), instance.path("home/m")).unwrap();
    instance.link("home/m", "m");
    instance.only_checkout("home/m")
}

fn run(instance: &Instance, words: &[&str], script: &str, variables: &[(&str, &Path)]) -> Output {
    let mut command = inside_command(instance, words, script);
    for (name, value) in variables {
        command.env(name, value);
    }
    Output::of(&mut command)
}

#[test]
fn a_home_directory_with_a_checkout_stays_usable() {
    let instance = at_home();
    instance.write("home/.aws/config", "[default]\n");
    instance.write("home/notes.txt", "notes\n");
    instance.write("home/bin/tool", "#!/bin/sh\necho tool\n");
    instance.executable("home/bin/tool");
    let rows: &[(&str, bool)] = &[
        ("../.aws/config", true),
        ("../notes.txt", true),
        ("overlays/develop/extra.yaml", true),
        ("overlays/prod/extra.yaml", false),
    ];
    assert_readable(&run(&instance, APPLY, &reader(&instance, rows), &[]).exits(0), rows);
    // kubectl's own directory is made beforehand, so that its cache can be read.
    let script = "mkdir -p ~/.kube/cache/x && echo y > ~/.kube/cache/x/y && cat ~/.kube/cache/x/y; ~/bin/tool";
    assert_eq!(run(&instance, APPLY, script, &[]).exits(0).stdout, "y\ntool\n");
    // Something new directly in it can only be written.
    let script = "mkdir ~/new && echo y > ~/new/y && cat ~/new/y";
    run(&instance, APPLY, script, &[]).says("Permission denied").exits(1);
}

#[test]
fn nothing_is_made_in_a_home_directory_that_is_open_anyway() {
    let instance = Instance::new();
    run(&instance, APPLY, "true", &[]).exits(0);
    assert!(!instance.path("home/.kube").exists());
    // Nor by a command that does not reach the cluster.
    let instance = at_home();
    run(&instance, &["kustomize", "overlays/develop"], "true", &[]).exits(0);
    assert!(!instance.path("home/.kube").exists());
}

#[test]
fn the_directory_of_a_credential_program_is_made_for_it() {
    let instance = at_home();
    instance.program("bin/aws", "#!/bin/sh\n");
    instance.credentials_from("aws", "v1");
    let script = "echo x > ~/.aws/cli/cache/x && cat ~/.aws/cli/cache/x";
    assert_eq!(run(&instance, APPLY, script, &[]).exits(0).stdout, "x\n");
}

#[test]
fn in_a_crowded_home_directory_what_matters_stays_open() {
    let instance = at_home();
    let home = instance.path("home");
    for number in 0..3000 {
        std::fs::write(home.join(format!("a{number:04}")), "x").unwrap();
    }
    instance.write("home/.config/tool", "x");
    instance.write("home/work/file", "x");
    instance.write("home/zz-named", "x");
    instance.write("home/zz-variable", "x");
    let input = &["create", "cm", "x", "--from-file", "../zz-named"];
    let rows: &[(&str, bool)] = &[
        ("../.config/tool", true),
        ("../work/file", true),
        ("../a0000", true),
        ("../a2999", false), // beyond the limit
        ("../zz-variable", true),
    ];
    let variable = instance.path("home/zz-variable");
    let variables: &[(&str, &Path)] = &[("AWS_CONFIG_FILE", &variable)];
    let output = run(&instance, APPLY, &reader(&instance, rows), variables).exits(0);
    assert_readable(&output, rows);
    let rows: &[(&str, bool)] = &[("../zz-named", true), ("overlays/develop/extra.yaml", false)];
    let output = run(&instance, input, &reader(&instance, rows), &[]).exits(0);
    assert_readable(&output, rows);
    assert_eq!(foreseen(&instance, APPLY).0, "full");
}

#[test]
fn a_home_directory_that_is_a_checkout_keeps_its_dot_files_open() {
    let instance = Instance::new();
    instance.write("m/.aws/config", "x");
    instance.write("m/.kube/config", "x");
    let home = instance.path("m");
    let rows: &[(&str, bool)] = &[
        (".aws/config", true),
        (".kube/config", true),
        (".git/HEAD", true),
        ("overlays/develop/extra.yaml", true),
        ("overlays/prod/extra.yaml", false),
    ];
    let output = run(&instance, APPLY, &reader(&instance, rows), &[("HOME", &home)]).exits(0);
    assert_readable(&output, rows);
}

#[test]
fn temporary_files_go_where_they_can_be_read_again() {
    // The scratch directory of the test lies in the temporary directory.
    let instance = Instance::new();
    let script = "echo $TMPDIR; cd $TMPDIR && echo x > new && cat new && stat -c %a .";
    let temp = instance.path("home/.cache/envguard/tmp");
    let output = run(&instance, APPLY, script, &[]).exits(0);
    assert_eq!(output.stdout, format!("{}\nx\n700\n", temp.display()));
    // Without a home directory, the runtime directory.
    let runtime = instance.path("run");
    std::fs::create_dir_all(runtime.join("envguard")).unwrap();
    let mut command = inside_command(&instance, APPLY, script);
    command.env_remove("HOME").env("XDG_RUNTIME_DIR", &runtime);
    let temp = instance.path("run/envguard/tmp");
    let output = Output::of(&mut command).exits(0);
    assert_eq!(output.stdout, format!("{}\nx\n700\n", temp.display()));
    // Where the temporary directory holds no checkout, nothing changes.
    let elsewhere = instance.path("elsewhere");
    let output = run(&instance, APPLY, script, &[("TMPDIR", &elsewhere)]).exits(0);
    assert!(output.stdout.starts_with(&format!("{}\nx\n", elsewhere.display())), "{output}");
}

#[test]
fn a_temporary_directory_inside_the_checkout_is_moved_too() {
    let instance = Instance::new();
    std::fs::create_dir(instance.path("m/tmp")).unwrap();
    let inside = instance.path("m/tmp");
    let output = run(&instance, APPLY, "echo $TMPDIR", &[("TMPDIR", &inside)]).exits(0);
    assert_eq!(
        output.stdout.trim(),
        instance.path("home/.cache/envguard/tmp").display().to_string()
    );
}

/// No home directory, and a runtime directory where nothing can be made.
fn nowhere(command: &mut Command) -> &mut Command {
    command.env_remove("HOME").env("XDG_RUNTIME_DIR", "/proc/nowhere")
}

/// No home directory, and a runtime directory in the checkout.
fn only_in(instance: &Instance, mut command: Command) -> Command {
    command.env_remove("HOME").env("XDG_RUNTIME_DIR", instance.path("m/run"));
    command
}

#[test]
fn without_a_place_for_temporary_files_there_is_no_sandbox_and_it_says_so() {
    let instance = Instance::new();
    let mut command = inside_command(&instance, APPLY, "echo ran");
    let output = Output::of(nowhere(&mut command)).exits(0).prints("ran");
    output
        .says("not in the sandbox, only the verdict protects: the temporary directory /tmp")
        .says("export TMPDIR=/var/tmp");
    let mut command = only_in(&instance, instance.command(&envguard()));
    let (extent, note) = foreseen_by(&mut command, APPLY);
    assert_eq!(extent, "none");
    assert!(note.starts_with("the temporary directory /tmp contains a checkout"), "{note}");
    let instance = instance.rules("policy: {sandbox: require}");
    let mut command = inside_command(&instance, APPLY, "echo ran");
    super::refused_late(&Output::of(nowhere(&mut command)), "sandbox-missing");
}

#[test]
fn a_checkout_that_holds_the_system_cannot_be_closed() {
    let instance = Instance::new();
    let instance = instance.only_checkout_at(Path::new("/usr"));
    let (extent, note) = foreseen(&instance, &["kustomize", "overlays/develop"]);
    assert_eq!((extent.as_str(), note.as_str()), ("none", "the checkout /usr contains /usr"));
}

#[test]
fn the_cache_of_the_real_kubectl_can_be_read_in_a_home_with_a_checkout() {
    let all = kubectls();
    for kubectl in all.iter().take(1).chain(all.last()) {
        let server = Server::start("develop-eks");
        let instance = moved_home(Instance::with_server(&server, kubectl));
        for _ in 0..2 {
            let mut command = instance.command(&crate::support::shim());
            let output = Output::of(command.args(APPLY)).exits(0);
            assert!(!output.stderr.contains("ermission"), "{output}");
        }
        let discovery = |server: &Server| {
            server
                .requests()
                .iter()
                .filter(|line| line.starts_with("GET /api?") || line.starts_with("GET /api "))
                .count()
        };
        let before = discovery(&server);
        let mut command = instance.command(&crate::support::shim());
        Output::of(command.args(APPLY)).exits(0);
        assert_eq!(discovery(&server), before, "the discovery cache was not used");
    }
}

#[test]
fn what_is_named_beside_the_checkout_is_open() {
    let instance = at_home();
    instance.write("home/values/x.yaml", &config_map("x"));
    let rows: &[(&str, bool)] = &[("../values/x.yaml", true)];
    let words = &["diff", "-f", "../values/x.yaml"];
    assert_readable(&run(&instance, words, &reader(&instance, rows), &[]).exits(0), rows);
}
