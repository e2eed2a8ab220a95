//! Where there is no sandbox: by policy, by the kernel, by the programs.

use std::process::Command;

use super::{APPLY, can_read, foreseen, foreseen_by, inside, inside_command, said, wrapped};
use crate::support::{Instance, Output, envguard, kubectls};

fn full() -> (String, String) {
    ("full".to_owned(), String::new())
}

fn none(note: &str) -> (String, String) {
    ("none".to_owned(), note.to_owned())
}

/// The command with a kernel that answers Landlock in another way.
pub(crate) fn with_kernel(instance: &Instance, command: &Command, injection: &str) -> Command {
    let trace = instance.path("trace").display().to_string();
    let expression = format!("inject=landlock_create_ruleset:{injection}");
    wrapped(command, "strace", &["-f", "-o", &trace, "-e", &expression, "--"])
}

#[test]
fn only_commands_that_name_files_and_plugins_are_enclosed() {
    let instance = Instance::new();
    instance.program("bin/kubectl-look", "#!/bin/sh\n");
    instance.write("elsewhere/values.env", "a=b\n");
    for words in [
        &["apply", "-k", "overlays/develop"][..],
        &["get", "-f", "overlays/develop/extra.yaml"],
        &["kustomize", "overlays/develop"],
        &["look"],
    ] {
        assert_eq!(foreseen(&instance, words), full(), "{words:?}");
    }
    for words in [
        &["get", "pods"][..],
        &["logs", "web"],
        &["describe", "pod", "web"],
        &["version", "--client"],
        &["create", "cm", "x", "--from-literal=a=b"],
    ] {
        let expected = none("the command names no local file");
        assert_eq!(foreseen(&instance, words), expected, "{words:?}");
    }
    let refused = foreseen(&instance, &["apply", "-k", "overlays/prod"]);
    assert_eq!(refused, none("nothing runs"));
}

#[test]
fn the_policy_can_switch_it_off() {
    let instance = Instance::new().rules("policy: {sandbox: off}");
    assert_eq!(foreseen(&instance, APPLY), none("policy.sandbox is `off`"));
    let output = inside(&instance, APPLY, "grep NoNewPrivs /proc/self/status");
    output.exits(0).prints("NoNewPrivs:\t0");
    let instance = Instance::new().rules("policy: {mode: observe}");
    assert_eq!(foreseen(&instance, APPLY), none("policy.mode is `observe`"));
    // What would be refused runs, and must be able to read what it names.
    let words = &["apply", "-k", "overlays/prod"];
    can_read(&instance, words, &[("overlays/prod/extra.yaml", true)]);
}

#[test]
fn check_says_it_in_words() {
    let instance = Instance::new();
    let say = |words: &[&str]| instance.check(words).stdout;
    assert!(say(APPLY).contains("\n  sandbox: full\n"));
    let plain = say(&["get", "pods"]);
    assert!(plain.contains("\n  sandbox: none (the command names no local file)\n"), "{plain}");
}

#[test]
fn a_kernel_without_landlock_leaves_the_verdict() {
    for (injection, why) in [
        ("error=ENOSYS", "this kernel has no Landlock"),
        ("error=EOPNOTSUPP", "Landlock is switched off on this kernel"),
    ] {
        let instance = Instance::new();
        let mut check = with_kernel(&instance, &instance.command(&envguard()), injection);
        assert_eq!(foreseen_by(&mut check, APPLY), none(why));
        // It runs, silently: `status` is the place that says so.
        let command = inside_command(&instance, APPLY, "cat overlays/prod/extra.yaml");
        let output = Output::of(&mut with_kernel(&instance, &command, injection)).exits(0);
        assert!(output.stdout.contains("prod-extra"), "{output}");
        assert_eq!(said(&output), "");
        // And is still refused by the verdict.
        let command = inside_command(&instance, &["apply", "-k", "overlays/prod"], "echo ran");
        Output::of(&mut with_kernel(&instance, &command, injection)).refused("target-foreign");
    }
}

#[test]
fn where_it_is_required_nothing_runs_without_it() {
    for (injection, why) in [
        ("error=ENOSYS", "there is no sandbox: this kernel has no Landlock"),
        ("error=EOPNOTSUPP", "there is no sandbox: Landlock is switched off on this kernel"),
        // The ruleset is made, then the kernel changes its mind.
        ("error=ENOMEM:when=2", "Cannot allocate memory"),
    ] {
        let instance = Instance::new().rules("policy: {sandbox: require}");
        let command = inside_command(&instance, APPLY, "echo ran");
        let output = Output::of(&mut with_kernel(&instance, &command, injection));
        let output = output.refused("sandbox-missing").says(why);
        assert_eq!(output.stdout, "");
        // Commands that need none run.
        let command = inside_command(&instance, &["get", "pods"], "echo ran");
        Output::of(&mut with_kernel(&instance, &command, injection)).exits(0).prints("ran");
    }
    let instance = Instance::new().rules("policy: {sandbox: require}");
    assert_eq!(foreseen(&instance, APPLY), full());
    can_read(&instance, APPLY, &[("overlays/prod/extra.yaml", false)]);
}

#[test]
fn a_kernel_that_refuses_at_the_last_moment_is_reported() {
    let refusing = |instance: &Instance| {
        let command = inside_command(instance, APPLY, "echo ran");
        let trace = instance.path("trace").display().to_string();
        let inject = "inject=landlock_restrict_self:error=E2BIG";
        Output::of(&mut wrapped(&command, "strace", &["-f", "-o", &trace, "-e", inject, "--"]))
    };
    let output = refusing(&Instance::new()).exits(0).prints("ran");
    output.says("envguard: not in the sandbox, only the verdict protects: the kernel refused it");
    let instance = Instance::new().rules("policy: {sandbox: require}");
    let output = refusing(&instance).says("Argument list too long");
    super::refused_late(&output, "sandbox-missing");
}

#[test]
fn a_kernel_that_cannot_grant_moves_still_closes() {
    // ABI 1, Linux 5.13 to 5.18: it denies every move between directories.
    let instance = Instance::new();
    let script = "cat overlays/develop/extra.yaml >/dev/null && echo develop
        cat overlays/prod/extra.yaml 2>/dev/null && echo prod
        ln base/cm.yaml overlays/develop/linked.yaml 2>/dev/null && echo linked
        true";
    let command = inside_command(&instance, APPLY, script);
    let mut command = with_kernel(&instance, &command, "retval=1:when=1");
    assert_eq!(Output::of(&mut command).exits(0).stdout, "develop\n");
    let handled = crate::support::read(&instance.path("trace"));
    assert!(handled.contains("handled_access_fs=LANDLOCK_ACCESS_FS_READ_FILE,"), "{handled}");
    let mut check = with_kernel(&instance, &instance.command(&envguard()), "retval=1:when=1");
    assert_eq!(foreseen_by(&mut check, APPLY), full());
}

#[test]
fn mounts_that_cannot_be_known_make_it_partial() {
    let instance = Instance::new();
    let command = instance.command(&envguard());
    let trace = instance.path("trace").display().to_string();
    let words = [
        "-f",
        "-o",
        &trace,
        "-P",
        "/proc/self/mountinfo",
        "-e",
        "inject=open,openat:error=EACCES",
        "--",
    ];
    let (extent, note) = foreseen_by(&mut wrapped(&command, "strace", &words), APPLY);
    assert_eq!(extent, "partial");
    assert!(note.starts_with("/proc/self/mountinfo cannot be read"), "{note}");
}

#[test]
fn programs_that_the_sandbox_would_break_get_none() {
    let instance = Instance::new();
    instance.mode("bin/kubectl", 0o4755);
    let program = instance.path("bin/kubectl");
    let setuid = format!("{} changes its user (setuid)", program.display());
    assert_eq!(foreseen(&instance, APPLY), none(&setuid));
    // The program that gets credentials counts like kubectl itself.
    let instance = Instance::new();
    instance.program("bin/get-token", "#!/bin/sh\n");
    instance.credentials_from("get-token", "v1");
    let before = foreseen(&instance, APPLY);
    instance.mode("bin/get-token", 0o2755);
    let (extent, note) = foreseen(&instance, APPLY);
    assert_eq!((before.0.as_str(), extent.as_str()), ("full", "none"));
    assert!(note.ends_with("get-token changes its user (setuid)"), "{note}");
}

#[test]
fn programs_from_snap_get_none() {
    if !super::may_mount() {
        return;
    }
    // /snap exists only in the mount namespace of this test.
    let instance = Instance::new();
    instance.program("snapped/kubectl", "#!/bin/sh\n");
    let text = format!("{}kubectl: /usr/bin/snap/kubectl\n", instance.config_text());
    let config = instance.write("snap.yaml", &text);
    let mut command = instance.command(&envguard());
    command.args(["check", "-o", "json", "--"]).args(APPLY).env("ENVGUARD_CONFIG", config);
    let mount = format!(
        "mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/bin && \
         mkdir /mnt/upper/snap && cp {} /mnt/upper/snap/kubectl && \
         mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work none /usr/bin; \
         exec \"$@\"",
        instance.path("snapped/kubectl").display()
    );
    let output = Output::of(&mut super::in_own_mounts(&command, &mount)).exits(0);
    output.clone().prints("\"sandbox\": \"none\"").prints("/usr/bin/snap/kubectl comes from snap");
}

#[test]
fn real_kubectl_runs_where_it_is_required() {
    for kubectl in kubectls() {
        let instance = Instance::new().rules("policy: {sandbox: require}");
        let script = format!("exec {} \"$@\"", kubectl.path.display());
        let output = inside(&instance, &["kustomize", "overlays/develop"], &script).exits(0);
        assert!(output.stdout.contains("develop-web"), "{output}");
        assert!(!said(&output).contains("envguard"), "{output}");
    }
}
