//! The shim: the real kubectl is found, and the process becomes it.

use std::io::Write;
use std::process::Stdio;

use crate::login::Login;
use crate::support::{Instance, Output, envguard, lacks, shim};

#[test]
fn everything_that_passes_reaches_kubectl_word_by_word() {
    let instance = Instance::new();
    for words in [
        &["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"][..],
        &["exec", "web", "--", "sh", "-c", "echo 'a b'; exit 3"],
        &["label", "pod", "x", "a="],
        &["create", "cm", "x", "--from-literal=a=\u{672c}\u{756a}"],
        &["help", "apply"],
        &["completion", "bash"],
        &["version", "--client"],
        &["apply", "--help"],
        // Flags of kubectl's that other guards take for theirs, and words like our own.
        &["delete", "pod", "x", "--force", "--now"],
        &[
            "exec",
            "web",
            "--",
            "run",
            "--confirm",
            "develop",
            "--break-glass",
            "x",
            "--config",
            "y",
        ],
        &["label", "pod", "envguard", "check=setup"],
    ] {
        let output = instance.kubectl(words).exits(42);
        assert_eq!(output.stderr, "", "{words:?}");
        assert_eq!(instance.recorded().unwrap().0, words);
    }
    // no words at all: kubectl prints its help
    instance.kubectl(&[]).exits(42);
    // words that are not UTF-8
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"a\xff=b");
    Output::of(instance.command(&shim()).args(["label", "pod", "x"]).arg(odd)).exits(42);
}

#[test]
fn the_shim_never_finds_itself() {
    let instance = Instance::new();
    // first on PATH: the shim by link, by hard link, and the whole program by link
    for dir in ["s1", "s2", "s3"] {
        std::fs::create_dir(instance.path(dir)).unwrap();
    }
    std::os::unix::fs::symlink(shim(), instance.path("s1/kubectl")).unwrap();
    std::os::unix::fs::symlink(envguard(), instance.path("s2/kubectl")).unwrap();
    if std::fs::hard_link(shim(), instance.path("s3/kubectl")).is_err() {
        std::os::unix::fs::symlink(shim(), instance.path("s3/kubectl")).unwrap();
    }
    let dirs = ["s1", "s2", "s3", "bin"].map(|dir| instance.path(dir).display().to_string());
    for program in [instance.path("s1/kubectl"), instance.path("s2/kubectl"), envguard()] {
        let mut command = instance.command(&program);
        command.env("PATH", format!("{}:/usr/bin:/bin", dirs.join(":"))).args(["get", "pods"]);
        Output::of(&mut command).exits(42);
    }
}

#[test]
fn a_kubectl_that_leads_back_ends() {
    let instance = Instance::new();
    instance.write("bin/kubectl", &format!("#!/bin/sh\nexec {} \"$@\"\n", shim().display()));
    instance.kubectl(&["get", "pods"]).says("leads back to envguard").exits(1);
}

#[test]
fn a_missing_kubectl_is_one_message() {
    let instance = Instance::new();
    let mut command = instance.command(&shim());
    let output = Output::of(command.env("PATH", "/does/not/exist").args(["get", "po"]));
    output.says("envguard: error: no kubectl on PATH").exits(1);
    let gone = Instance::new().rules("kubectl: /does/not/exist");
    gone.kubectl(&["get", "po"]).says("/does/not/exist").exits(1);
    let own = Instance::new().rules(&format!("kubectl: {}", shim().display()));
    own.kubectl(&["get", "po"]).says("is envguard itself").exits(1);
    // What cannot be executed is passed over, as a shell does.
    let other = Instance::new();
    other.write("first/kubectl", "no program");
    std::fs::create_dir_all(other.path("second/kubectl")).unwrap();
    let path = ["first", "second", "bin"].map(|dir| other.path(dir).display().to_string());
    let mut command = other.command(&shim());
    Output::of(command.env("PATH", path.join(":") + ":/usr/bin:/bin").args(["get", "po"]))
        .exits(42);
}

#[test]
fn a_directory_of_kubectls_gives_the_newest() {
    let instance = Instance::new();
    for version in ["kubectl-1.9", "kubectl-1.33", "kubectl.1.27", "kubectl-1.40.bak", "kubectl-2"]
    {
        instance.write(&format!("many/{version}"), &format!("#!/bin/sh\necho {version} $0\n"));
        instance.executable(&format!("many/{version}"));
    }
    let many = instance.path("many");
    let instance = instance.rules(&format!("kubectl: {}", many.display()));
    instance.kubectl(&["get", "po"]).prints("kubectl-1.33").exits(0);
}

#[test]
fn own_commands_are_answered_through_the_shim_without_kubectl() {
    let instance = Instance::new();
    instance.kubectl(&["envguard", "why", "target-foreign"]).prints("# target-foreign").exits(0);
    instance.kubectl(&["envguard", "check", "--", "apply", "-k", "overlays/prod"]).exits(77);
    assert_eq!(instance.recorded(), None);
    instance.kubectl(&["envguard", "get", "pods"]).exits(42);
    assert_eq!(instance.recorded().unwrap().0, ["get", "pods"]);
    instance.kubectl(&["envguard", "apply", "-k", "overlays/prod"]).refused("target-foreign");
}

#[test]
fn standard_streams_are_kubectls() {
    let instance = Instance::new();
    instance.write("bin/kubectl", "#!/bin/sh\ncat\necho err >&2\nexit 3\n");
    let mut child = instance
        .command(&shim())
        .args(["exec", "-i", "web", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"through and through").unwrap();
    let output = Output::from(child.wait_with_output().unwrap()).exits(3);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("through and through", "err\n"));
}

#[test]
fn signals_end_kubectl_itself() {
    use std::os::unix::process::ExitStatusExt;
    let instance = Instance::new();
    // The process that was started *is* kubectl: same pid, killed by the signal.
    instance.write("bin/kubectl", "#!/bin/sh\nkill -TERM $$\n");
    let status = instance.command(&shim()).args(["get", "pods"]).status().unwrap();
    assert_eq!(status.signal(), Some(15));
    // SIGPIPE has its default action again.
    instance.write("bin/kubectl", "#!/bin/sh\nkill -PIPE $$\nexit 9\n");
    let status = instance.command(&shim()).args(["get", "pods"]).status().unwrap();
    assert_eq!(status.signal(), Some(13));
}

#[test]
fn the_process_keeps_its_id() {
    let instance = Instance::new();
    instance.write("bin/kubectl", "#!/bin/sh\necho $$\n");
    let child =
        instance.command(&shim()).args(["get", "pods"]).stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let output = Output::from(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(output.stdout.trim(), id.to_string());
}

#[test]
fn job_control_and_the_terminal_are_kubectls() {
    if lacks("script", "gives a command a terminal") {
        return;
    }
    let instance = Instance::new();
    // Foreground process group and terminal, as an editor or `exec -it` needs.
    instance.write(
        "bin/kubectl",
        "#!/bin/bash\n[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three terminals\nread -r -a f < /proc/$$/stat\n[ \"${f[4]}\" = \"${f[7]}\" ] && echo foreground\n",
    );
    let line = format!("{} exec -it web -- sh", shim().display());
    let mut command = instance.command("/usr/bin/script".as_ref());
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    Output::of(&mut command).prints("three terminals").prints("foreground").exits(0);
}

#[test]
fn refusals_are_coloured_only_for_a_terminal_that_wants_it() {
    let instance = Instance::new();
    let plain = instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
    assert!(!plain.stderr.contains('\u{1b}'), "{plain}");
    if lacks("script", "gives a command a terminal") {
        return;
    }
    let on_terminal = |variables: &[(&str, &str)]| {
        let line = format!("{} apply -k overlays/prod", shim().display());
        let mut command = instance.command("/usr/bin/script".as_ref());
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.envs(variables.iter().copied());
        Output::of(&mut command).exits(77).stdout
    };
    assert!(on_terminal(&[("TERM", "xterm")]).contains("\u{1b}["));
    assert!(!on_terminal(&[("TERM", "xterm"), ("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!on_terminal(&[("TERM", "dumb")]).contains('\u{1b}'));
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    let instance = Instance::new();
    let script = format!("{} apply -k overlays/prod 2>&-", shim().display());
    let mut command = instance.command("/bin/bash".as_ref());
    Output::of(command.args(["-c", &script])).exits(77);
    let script = format!("{} apply -k overlays/prod 2>/dev/full", shim().display());
    let mut command = instance.command("/bin/bash".as_ref());
    Output::of(command.args(["-c", &script])).exits(77);
}

/// A shell command where no `/proc` is mounted, as in a chroot.
fn without_proc(place: &Login, script: &str) -> Output {
    let hide = "mount -t tmpfs none /proc && exec \"$@\"";
    let script = format!("{}{script}", place.hook("bash"));
    let mut words = vec!["--user", "--map-root-user", "--mount", "sh", "-c", hide, "sh"];
    words.extend(["bash", "-c", &script]);
    Output::of(&mut place.command("/usr/bin/unshare", &words))
}

#[test]
fn where_proc_is_not_mounted_the_guard_still_knows_itself() {
    let place = Login::new();
    let probe = without_proc(&place, "ls /proc");
    if lacks("unshare", "takes /proc from a test") || probe.stderr.contains("unshare:") {
        return;
    }
    assert_eq!(probe.exits(0).stdout, "");
    let shim = format!("{}/kubectl", place.shims());
    let found = without_proc(&place, "command -v kubectl").exits(0);
    assert_eq!(found.stdout.trim_end(), shim);
    // Called by name, by its path, and from beside it by a relative one.
    let relative = format!("cd {} && ./kubectl get pods", place.shims());
    for get in ["kubectl get pods", &format!("{shim} get pods"), &relative] {
        without_proc(&place, get).exits(42);
    }
    let whole = format!("PATH={}:$PATH {} -- get pods", place.shims(), place.program());
    without_proc(&place, &whole).exits(42);
    without_proc(&place, "kubectl apply -k overlays/prod").refused("target-foreign");
    without_proc(&place, "kubectl apply -k overlays/develop").exits(42);
    without_proc(&place, "kubectl envguard check -- get pods").exits(0);
}
