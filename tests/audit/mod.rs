//! The audit log: every judged command leaves a line, and nothing secret in it.

pub(crate) mod follow;
mod rotation;
mod would_refuse;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Instance, Output, read, shim, skip};

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The log of this user, where a configuration outside /etc puts it.
pub(crate) fn log(instance: &Instance) -> PathBuf {
    instance.path(&format!("home/.local/state/envguard/audit-{}.jsonl", uid()))
}

pub(crate) fn events(file: &Path) -> Vec<Value> {
    read(file).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn codes(event: &Value) -> Vec<&str> {
    event["reasons"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect()
}

#[test]
fn what_lets_somebody_in_stands_in_no_refusal_and_in_no_log() {
    let instance = Instance::new();
    let top = instance.checkout();
    for words in [
        &["apply", "-f", "https://raw.test/o/r/main/x.yaml?token=S3CRET"][..],
        &["apply", "-f", "https://bucket.test/x.yaml?X-Amz-Date=1&X-Amz-Signature=S3CRET"],
        &["apply", "-f", "https://raw.test/x.yaml?token=S3CRET"],
        &["apply", "-k", "https://user:S3CRET@git.test/o/r"],
        &["get", "pods", "--server=https://user:S3CRET@host.test"],
        &["get", "pods", "-s", "https://host.test/?token=S3CRET"],
        &["get", "pods", "--proxy-url=http://user:S3CRET@host.test"],
        &["get", "pods", "--db-password=S3CRET"],
        &["--token=S3CRET", "neat"],
        &["get", "pods", "--passwordS3CRET"],
        &["get", "pods", "-zS3CRET"],
        &["get", "pods", "--=S3CRET"],
        &["apply", "--token=S3CRET", "-k", "overlays/prod"],
        &["delete", "pod", "x", "--token", "S3CRET"],
        &["create", "cm", "x", "--from-literal=a=S3CRET", "--from-file=overlays/prod"],
        &["create", "cm", "x", "--from-literal", "a=S3CRET", "--server=https://else.test"],
        &["exec", "x", "--context=other", "--", "mysql", "-pS3CRET"],
        &["config", "set-credentials", "x", "--password=S3CRET", "--exec-arg=S3CRET"],
        &["apply", "-k", "overlays/develop"],
    ] {
        let referring = "resources: ['https://raw.test/x.yaml?token=S3CRET']\n";
        std::fs::write(top.join("overlays/develop/kustomization.yaml"), referring).unwrap();
        let output = instance.kubectl(words).exits(77);
        assert!(!output.stderr.contains("S3CRET"), "{words:?}: {}", output.stderr);
    }
    let log = std::fs::read_to_string(log(&instance)).unwrap();
    assert!(log.lines().count() >= 19 && !log.contains("S3CRET"), "{log}");
}

/// `ulimit -f` ends a process that writes, without a word, unless it sees to that.
#[test]
fn a_limit_on_files_is_said() {
    let limited = |instance: &Instance, words: &str| {
        instance.program("bin/kubectl", "#!/bin/sh\nexit 42\n");
        let script = format!("ulimit -f 0; exec {} {words}", shim().display());
        let mut command = instance.command("/bin/sh".as_ref());
        Output::of(command.args(["-c", &script]))
    };
    let output = limited(&Instance::new(), "get pods");
    assert_eq!(output.code, Some(42), "{output}");
    assert!(
        output.stderr.contains("audit") && output.stderr.contains("File too large"),
        "{output}"
    );
    limited(&Instance::of("production"), "get pods").refused("audit-unwritable");
}

#[test]
fn every_judged_command_leaves_a_line_before_it_runs() {
    let instance = Instance::new();
    // kubectl finds its own line in the log already.
    let script = format!("#!/bin/sh\nexec cat {}\n", log(&instance).display());
    instance.write("bin/kubectl", &script);
    instance.executable("bin/kubectl");
    let output = instance.kubectl(&["get", "pods", "--token", "S3CRET"]).exits(0);
    let event: Value = serde_json::from_str(output.stdout.trim()).unwrap();
    assert_eq!(event["apiVersion"], "envguard/v1alpha1");
    assert_eq!(event["kind"], "AuditEvent");
    assert_eq!(event["event"], "judged");
    assert_eq!(event["verdict"], "run");
    assert_eq!(event["enforced"], true);
    assert_eq!(event["class"], "read");
    assert_eq!(event["argv"], serde_json::json!(["get", "pods", "--token", "***"]));
    assert_eq!(event["cwd"], instance.checkout().to_str().unwrap());
    assert_eq!(event["uid"], uid());
    assert_eq!(event["environment"], "develop");
    assert_eq!(event["cluster"], "develop-eks");
    let time = event["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && time.starts_with("20"), "{time}");

    instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
    let refused = events(&log(&instance)).remove(1);
    assert_eq!(refused["verdict"], "refuse");
    assert_eq!(codes(&refused), ["target-foreign"]);
    let overlay = instance.path("m/overlays/prod");
    assert_eq!(refused["reasons"][0]["offender"], overlay.to_str().unwrap());
    assert_eq!(log(&instance).metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_line_names_the_commit_that_was_read() {
    let git = |instance: &Instance, words: &[&str]| {
        let mut command = instance.command("/usr/bin/git".as_ref());
        Output::of(command.args(words)).exits(0).stdout.trim().to_owned()
    };
    let last = |instance: &Instance| events(&log(instance)).pop().unwrap()["commit"].clone();
    let apply = |instance: &Instance| {
        instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(42);
        last(instance)
    };
    let instance = Instance::new();
    // Nothing is committed yet.
    assert_eq!(apply(&instance), Value::Null);
    instance.git(&["add", "."]);
    instance.git(&["commit", "--quiet", "-m", "all"]);
    let commit = git(&instance, &["rev-parse", "HEAD"]);
    assert_eq!(apply(&instance), commit.as_str());
    // In one file with all others.
    instance.git(&["pack-refs", "--all"]);
    assert_eq!(apply(&instance), commit.as_str());
    // No branch.
    instance.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(apply(&instance), commit.as_str());
    // A linked worktree has a HEAD of its own.
    instance.git(&["worktree", "add", "--quiet", "-b", "fix", "../fix"]);
    instance.git(&["-C", "../fix", "commit", "--quiet", "--allow-empty", "-m", "fix"]);
    let fix = git(&instance, &["rev-parse", "fix"]);
    assert_ne!(fix, commit);
    instance.kubectl(&["apply", "-k", "../fix/overlays/develop"]).exits(42);
    assert_eq!(last(&instance), fix.as_str());
    // A command that reads no files has none; a HEAD that lies says nothing.
    instance.kubectl(&["get", "pods"]).exits(42);
    assert_eq!(last(&instance), Value::Null);
    for lie in ["ref: ../../elsewhere/x", "ref: refs/heads/none", "", "xyz"] {
        instance.write("m/.git/HEAD", lie);
        assert_eq!(apply(&instance), Value::Null, "{lie}");
    }
}

#[test]
fn what_only_prints_text_leaves_none() {
    let instance = Instance::new();
    for words in [
        &["help"][..],
        &["completion", "bash"],
        &["__complete", "get", ""],
        &["version", "--client"],
    ] {
        instance.kubectl(words).exits(42);
    }
    assert!(!log(&instance).exists());
}

#[test]
fn the_answer_to_a_question_is_a_second_line() {
    let instance = Instance::of("production");
    instance.envguard(&["--confirm", "production", "delete", "pod", "x"]).exits(42);
    instance.envguard(&["--confirm", "develop", "delete", "pod", "x"]).refused("not-confirmed");
    let kinds: Vec<_> = events(&log(&instance))
        .iter()
        .map(|event| (event["event"].clone(), event["verdict"].clone()))
        .collect();
    let expected = [("judged", "ask"), ("confirmed", "ask"), ("judged", "refuse")];
    assert_eq!(kinds, expected.map(|(event, verdict)| (event.into(), verdict.into())));
}

#[test]
fn without_a_log_the_level_decides() {
    for (place, problem) in [("/proc/none", "No such file"), ("/dev/null/x", "Not a directory")] {
        let rules = format!("audit: {place}");
        Instance::new()
            .rules(&rules)
            .kubectl(&["get", "pods"])
            .exits(42)
            .says("envguard: not recorded in the audit log: ")
            .says(problem);
        Instance::of("production")
            .rules(&rules)
            .kubectl(&["get", "pods"])
            .refused("audit-unwritable");
    }
}

#[test]
fn nothing_but_a_file_of_ones_own_is_written_to() {
    let instance = Instance::of("production");
    let file = log(&instance);
    let dir = file.parent().unwrap();
    std::fs::create_dir_all(dir).unwrap();
    // a link to somewhere else
    let elsewhere = instance.write("elsewhere/precious", "precious");
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    instance.kubectl(&["get", "pods"]).refused("audit-unwritable");
    assert_eq!(read(&elsewhere), "precious");
    // a pipe that nobody reads must not block
    std::fs::remove_file(&file).unwrap();
    Output::of(std::process::Command::new("mkfifo").arg(&file)).exits(0);
    instance.kubectl(&["get", "pods"]).refused("audit-unwritable");
    // a file of somebody else
    std::fs::remove_file(&file).unwrap();
    if uid() != 0 {
        return skip("only root can make a file of another user");
    }
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::chown(&file, Some(4711), None).unwrap();
    let output = instance.kubectl(&["get", "pods"]).refused("audit-unwritable");
    assert!(output.stderr.contains("belongs to the user 4711"), "{output}");
}

#[test]
fn a_full_disk_is_said_and_the_log_stays_readable() {
    if uid() != 0 {
        return skip("only root can mount a small file system");
    }
    let instance = Instance::new();
    let dir = instance.path("small");
    std::fs::create_dir(&dir).unwrap();
    let instance = instance.rules(&format!("audit: {}", dir.display()));
    // One page, in which the second line is torn, and then room for the third.
    let script = format!(
        "mount -t tmpfs -o size=4k none {dir} && {shim} get pods; head -c $((4000 - $(wc -c < {file}))) /dev/zero | tr '\\0' '\\n' >> {file}; {shim} get nodes; echo $? $(wc -c < {file}); mount -o remount,size=8k {dir} && {shim} get events; {guard} audit",
        dir = dir.display(),
        file = dir.join(format!("audit-{}.jsonl", uid())).display(),
        shim = shim().display(),
        guard = crate::support::envguard().display(),
    );
    let mut command = instance.command("/usr/bin/unshare".as_ref());
    let output = Output::of(command.args(["--mount", "sh", "-c", &script]));
    assert!(output.stderr.ends_with("the disk is full\n"), "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    let mut lines = output.stdout.lines();
    assert_eq!(lines.next(), Some("42 4096"), "{output}");
    // What was torn is lost; the lines before it, and behind it on the same line, are not.
    let shown = lines.map(|line| line.rsplit_once("  ").unwrap().1).collect::<Vec<_>>();
    assert_eq!(shown, ["kubectl get pods", "kubectl get events"], "{output}");
}

/// In the place of journald, which no test machine runs: a socket where it has its own.
#[test]
fn each_line_goes_to_the_journal_where_that_is_wanted() {
    if uid() != 0 {
        return skip("only root can put a journal in its place");
    }
    let instance = Instance::new();
    let journal = UnixDatagram::bind(instance.path("socket")).unwrap();
    journal.set_nonblocking(true).unwrap();
    let text = instance.config_text();
    let lines = || read(&log(&instance)).lines().map(str::to_owned).collect::<Vec<_>>();
    let run = |rules: &str, makes_it: &str| {
        instance.write("config.yaml", &format!("{text}{rules}\n"));
        let script = format!(
            "mount -t tmpfs none /run; mkdir -p /run/systemd/journal; {makes_it}; exec {} get pods",
            shim().display()
        );
        let mut command = instance.command("/usr/bin/unshare".as_ref());
        Output::of(command.args(["--mount", "sh", "-euc", &script]))
    };
    let there = format!(
        "touch /run/systemd/journal/socket; mount --bind {} /run/systemd/journal/socket",
        instance.path("socket").display()
    );
    assert_eq!(run("", &there).exits(42).stderr, "");
    let mut bytes = [0; 10_000];
    assert!(journal.recv(&mut bytes).is_err(), "nobody has asked for it");

    assert_eq!(run("journal: true", &there).exits(42).stderr, "");
    let length = journal.recv(&mut bytes).unwrap();
    let fields = std::str::from_utf8(&bytes[..length]).unwrap();
    let fields: Vec<&str> = fields.lines().collect();
    assert_eq!(fields[..2], ["SYSLOG_IDENTIFIER=kubectl-envguard", "SYSLOG_FACILITY=10"]);
    let message = fields.last().unwrap().strip_prefix("MESSAGE=").unwrap();
    assert_eq!(message, lines()[1]);
    assert!(journal.recv(&mut bytes).is_err(), "once for each line");

    // Without a journal it is said, and runs: the line is in the log.
    let output = run("journal: true", "true").exits(42);
    assert!(
        output.stderr.contains("not sent to the journal: /run/systemd/journal/socket"),
        "{output}"
    );
    assert_eq!(lines().len(), 3);
}

#[test]
fn a_hundred_commands_at_once_lose_no_line() {
    let instance = Instance::new();
    let script = format!(
        "i=0; while [ $i -lt 100 ]; do {} get pods -l n=$i >/dev/null 2>&1 & i=$((i+1)); done; wait",
        shim().display()
    );
    Output::of(instance.command("/bin/sh".as_ref()).args(["-c", &script])).exits(0);
    let mut seen: Vec<String> = events(&log(&instance))
        .iter()
        .map(|event| event["argv"][3].as_str().unwrap().to_owned())
        .collect();
    seen.sort();
    let mut expected: Vec<String> = (0..100).map(|n| format!("n={n}")).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_reader_selects_and_counts() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    instance.kubectl(&["get", "pods"]).exits(42);
    instance.kubectl(&["apply", "-k", "base"]).exits(42);
    instance.kubectl(&["apply", "-k", "base"]).exits(42);
    instance.kubectl(&["get", "pods", "--context", "prod"]).refused("cluster-override");
    let lines = |words: &[&str]| {
        let words: Vec<&str> = ["audit"].iter().chain(words).copied().collect();
        instance.envguard(&words).exits(0).stdout.lines().count()
    };
    assert_eq!(lines(&[]), 4);
    assert_eq!(lines(&["-n", "2"]), 2);
    assert_eq!(lines(&["--verdict", "refuse"]), 3);
    assert_eq!(lines(&["--code", "target-outside"]), 2);
    assert_eq!(lines(&["--command", "--context"]), 1);
    assert_eq!(lines(&["--person", &uid().to_string()]), 4);
    assert_eq!(lines(&["--person", "nobody-here"]), 0);
    assert_eq!(lines(&["--since", "1h"]), 4);
    assert_eq!(lines(&["--since", "2999-01-01"]), 0);
    let table = instance.envguard(&["audit", "--would-refuse"]).exits(0).stdout;
    let base = instance.path("m/base");
    assert!(table.contains("    2  target-outside"), "{table}");
    assert!(table.contains(&format!("alsoAllow: [{}]\n", base.display())), "{table}");
    assert!(!table.contains("cluster-override"), "it was enforced: {table}");
    let json = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"][0]["count"], 2);
    instance.envguard(&["audit", "--code", "no-such"]).exits(64);
    instance.envguard(&["audit", "--since", "yesterday-ish"]).exits(64).says("--since");
}

#[test]
fn a_torn_line_hides_no_other() {
    let instance = Instance::new();
    instance.kubectl(&["get", "one"]).exits(42);
    let file = log(&instance);
    let whole = read(&file);
    std::fs::write(&file, format!("{whole}{}", &whole[..100])).unwrap();
    instance.kubectl(&["get", "two"]).exits(42);
    std::fs::write(&file, format!("{}\u{fffd}rubbish\n", read(&file))).unwrap();
    let output = instance.envguard(&["audit"]).exits(0);
    assert!(output.stdout.contains("get one") && output.stdout.contains("get two"), "{output}");
    assert!(output.stderr.contains("was skipped"), "{output}");
}

#[test]
fn the_line_names_the_kubectl_that_changes_something() {
    for kubectl in crate::support::kubectls() {
        let server = crate::support::Server::start("develop-eks");
        let instance = Instance::with_server(&server, &kubectl);
        let apply = || instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        apply();
        // Whatever it finds wrong, it asks kubectl for its release.
        assert!(instance.envguard(&["status"]).stdout.contains(&kubectl.version));
        apply();
        instance.kubectl(&["get", "cm"]).exits(0);
        let events = events(&log(&instance));
        assert_eq!(events[0]["kubectl"], Value::Null, "a record starts no program");
        assert_eq!(events[1]["kubectl"], kubectl.version.as_str());
        assert_eq!(events[2]["kubectl"], Value::Null, "reading waits for nothing");
    }
}
