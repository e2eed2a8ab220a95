//! The audit log: every judged command leaves a line, and nothing secret in it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Instance, Output, lacks, read, shim, skip};

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The log of this user, where a configuration outside /etc puts it.
fn log(instance: &Instance) -> PathBuf {
    instance.path(&format!("home/.local/state/envguard/audit-{}.jsonl", uid()))
}

fn events(file: &Path) -> Vec<Value> {
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
        &["apply", "-k", "overlays/develop"],
    ] {
        let referring = "resources: ['https://raw.test/x.yaml?token=S3CRET']\n";
        std::fs::write(top.join("overlays/develop/kustomization.yaml"), referring).unwrap();
        let output = instance.kubectl(words).exits(77);
        assert!(!output.stderr.contains("S3CRET"), "{words:?}: {}", output.stderr);
    }
    let log = std::fs::read_to_string(log(&instance)).unwrap();
    assert!(log.lines().count() >= 10 && !log.contains("S3CRET"), "{log}");
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
    // One page: the padding leaves room for a torn line.
    let script = format!(
        "mount -t tmpfs -o size=4k none {dir} && head -c 3900 /dev/zero | tr '\\0' '\\n' > {file} && {shim} get pods; echo $?; wc -c < {file}; truncate -s 3950 {file}; {shim} get pods 2>&1; {guard} audit",
        dir = dir.display(),
        file = dir.join(format!("audit-{}.jsonl", uid())).display(),
        shim = shim().display(),
        guard = crate::support::envguard().display(),
    );
    let mut command = instance.command("/usr/bin/unshare".as_ref());
    let output = Output::of(command.args(["--mount", "sh", "-c", &script]));
    assert!(output.stderr.contains("the disk is full"), "{output}");
    assert!(output.stdout.contains("4096"), "{output}");
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
fn rotation_by_rename_and_by_truncation_needs_no_signal() {
    let instance = Instance::new();
    let file = log(&instance);
    instance.kubectl(&["get", "one"]).exits(42);
    std::fs::rename(&file, file.with_extension("jsonl.1")).unwrap();
    instance.kubectl(&["get", "two"]).exits(42);
    std::fs::copy(&file, file.with_extension("jsonl.2")).unwrap();
    std::fs::OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    instance.kubectl(&["get", "three"]).exits(42);
    assert_eq!(events(&file).len(), 1);
    let shown = instance.envguard(&["audit"]).exits(0).stdout;
    let order: Vec<_> = ["one", "two", "three"].iter().map(|word| shown.find(word)).collect();
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{shown}");
}

#[test]
fn the_newest_lines_of_a_gigabyte_cost_little() {
    if lacks("strace", "counts what is read") {
        return;
    }
    let instance = Instance::new();
    let file = log(&instance);
    for n in 0..30 {
        instance.kubectl(&["get", &format!("n{n}")]).exits(42);
    }
    // A gigabyte of older lines, as a sparse file.
    let newest = read(&file);
    let sparse = std::fs::File::create(&file).unwrap();
    sparse.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, format!("\n{newest}").as_bytes(), 1 << 30)
        .unwrap();
    let trace = instance.path("trace");
    let mut command = instance.command("/usr/bin/strace".as_ref());
    command.args(["-f", "-y", "-e", "trace=read,pread64", "-o"]).arg(&trace);
    let output =
        Output::of(command.arg(crate::support::envguard()).args(["audit", "-n", "20"])).exits(0);
    assert_eq!(output.stdout.lines().count(), 20, "{output}");
    assert!(output.stdout.lines().last().unwrap().contains("n29"), "{output}");
    let bytes: u64 = read(&trace)
        .lines()
        .filter(|line| line.contains("jsonl"))
        .filter_map(|line| line.rsplit_once("= ")?.1.trim().parse::<u64>().ok())
        .sum();
    assert!(bytes > 0 && bytes < 1 << 20, "{bytes} bytes read");
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

/// A reader of `audit -f`: its lines, as they come.
struct Reader {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Reader {
    fn start(instance: &Instance, words: &[&str]) -> Self {
        let mut command = instance.command(&crate::support::envguard());
        Self::of(command.args(["audit", "-f"]).args(words))
    }

    fn of(command: &mut std::process::Command) -> Self {
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            use std::io::BufRead;
            for line in stdout.lines().map_while(Result::ok) {
                sender.send(line).unwrap_or_default();
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self, wanted: &str) {
        let line = self.lines.recv_timeout(std::time::Duration::from_secs(30)).expect(wanted);
        assert!(line.contains(wanted), "{wanted} is not in {line}");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

#[test]
fn a_reader_that_follows_misses_nothing_when_the_log_is_rotated() {
    let instance = Instance::new();
    let file = log(&instance);
    instance.kubectl(&["get", "zero"]).exits(42);
    let reader = Reader::start(&instance, &[]);
    reader.next("get zero");
    instance.kubectl(&["get", "one"]).exits(42);
    reader.next("get one");
    // By rename, with a line that comes before anybody looks again.
    instance.kubectl(&["get", "two"]).exits(42);
    std::fs::rename(&file, file.with_extension("jsonl.1")).unwrap();
    instance.kubectl(&["get", "three"]).exits(42);
    reader.next("get two");
    reader.next("get three");
    // By truncation.
    std::fs::copy(&file, file.with_extension("jsonl.2")).unwrap();
    std::fs::OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    let filler = Reader::start(&instance, &["--verdict", "refuse"]);
    instance.kubectl(&["get", "four"]).exits(42);
    reader.next("get four");
    instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
    reader.next("refused: target-foreign");
    filler.next("refused: target-foreign");
    assert!(reader.lines.try_recv().is_err(), "every line once");
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

/// A hundred commands, while somebody turns the log over as often as there is one.
fn a_hundred_while(turn_over: impl Fn(&Path, usize) + Sync) -> (Instance, usize) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let instance = Instance::new();
    let file = log(&instance);
    let script = format!(
        "i=0; while [ $i -lt 100 ]; do {} get pods -l n=$i >/dev/null 2>&1 & i=$((i+1)); done; wait",
        shim().display()
    );
    let done = AtomicBool::new(false);
    let turns = std::thread::scope(|scope| {
        let turning = scope.spawn(|| {
            let mut turns = 0;
            while !done.load(Ordering::Relaxed) {
                if file.metadata().is_ok_and(|found| found.len() > 0) {
                    turns += 1;
                    turn_over(&file, turns);
                }
            }
            turns
        });
        Output::of(instance.command("/bin/sh".as_ref()).args(["-c", &script])).exits(0);
        done.store(true, Ordering::Relaxed);
        turning.join().unwrap()
    });
    assert!(turns > 1, "it was turned over while they wrote");
    (instance, turns)
}

/// Which of the hundred stand in a log.
fn numbers(file: &Path) -> Vec<u32> {
    let number = |event: &Value| event["argv"][3].as_str().unwrap()[2..].parse().unwrap();
    events(file).iter().map(number).collect()
}

#[test]
fn a_log_that_is_renamed_while_a_hundred_write_loses_no_line() {
    let turned = |file: &Path, turn: usize| file.with_extension(format!("jsonl.{turn}"));
    let (instance, turns) =
        a_hundred_while(|file, turn| std::fs::rename(file, turned(file, turn)).unwrap());
    let file = log(&instance);
    let mut seen: Vec<u32> = (1..=turns).flat_map(|turn| numbers(&turned(&file, turn))).collect();
    seen.extend(
        Some(&file).filter(|file| file.exists()).into_iter().flat_map(|file| numbers(file)),
    );
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    let shown = instance.envguard(&["audit", "-n", "200"]).exits(0);
    assert_eq!(shown.stdout.lines().count(), 100, "{shown}");
}

#[test]
fn a_log_that_is_copied_and_truncated_while_a_hundred_write_tears_no_line() {
    // What `copytruncate` does: what comes in between is in neither file.
    let (instance, turns) = a_hundred_while(|file, turn| {
        std::fs::copy(file, file.with_extension(format!("jsonl.{turn}"))).unwrap();
        std::fs::OpenOptions::new().write(true).truncate(true).open(file).unwrap();
    });
    let file = log(&instance);
    let mut seen = numbers(&file);
    for turn in 1..=turns {
        let copy = read(&file.with_extension(format!("jsonl.{turn}")));
        // A copy may end in the middle of a line, which is gone; a hole it never has.
        assert!(!copy.contains('\0'), "{copy:?}");
        let whole = copy.rfind('\n').map_or("", |end| &copy[..=end]);
        let copy = instance.write(&format!("copies/{turn}"), whole);
        seen.extend(numbers(&copy));
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "every line once");
    assert!(!seen.is_empty());
    // What is written afterwards begins where the file begins.
    instance.kubectl(&["get", "pods", "-l", "n=100"]).exits(42);
    assert_eq!(numbers(&file).last(), Some(&100));
}

#[test]
fn logrotate_does_as_the_package_tells_it() {
    if lacks("/usr/sbin/logrotate", "rotates logs") {
        return;
    }
    let instance = Instance::new();
    let file = log(&instance);
    let directory = file.parent().unwrap();
    std::fs::create_dir_all(directory).unwrap();
    // As the package makes it; logrotate would refuse it without `su`.
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o1733)).unwrap();
    let rules = read(&crate::login::sources().join("deploy/logrotate/envguard"));
    assert!(rules.contains("/var/log/envguard/"), "{rules}");
    let rules = rules.replace("/var/log/envguard", directory.to_str().unwrap());
    let rules = instance.write("logrotate.conf", &rules);
    std::fs::set_permissions(&rules, std::fs::Permissions::from_mode(0o644)).unwrap();
    if uid() != 0 {
        return skip("only root may act as root");
    }
    let reader = Reader::start(&instance, &[]);
    for (word, older) in [("one", 1), ("two", 2), ("three", 3)] {
        instance.kubectl(&["get", word]).exits(42);
        reader.next(&format!("get {word}"));
        let mut command = instance.command("/usr/sbin/logrotate".as_ref());
        command.arg("--force").arg("--state").arg(instance.path("state")).arg(&rules);
        let output = Output::of(&mut command).exits(0);
        assert_eq!(output.stderr, "", "{output}");
        assert!(!file.exists());
        let rotated = file.with_extension(format!("jsonl.{older}"));
        assert_eq!(events(&rotated)[0]["argv"][1], "one");
        assert_eq!(rotated.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let shown = instance.envguard(&["audit"]).exits(0).stdout;
    let order: Vec<_> = ["one", "two", "three"].iter().map(|word| shown.find(word)).collect();
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{shown}");
    // Another user's link in that directory is left alone.
    let precious = instance.write("precious", "precious");
    instance.link(
        precious.to_str().unwrap(),
        file.with_file_name("audit-4711.jsonl").to_str().unwrap(),
    );
    let mut command = instance.command("/usr/sbin/logrotate".as_ref());
    command.args(["--verbose", "--force", "--state"]).arg(instance.path("state")).arg(&rules);
    let output = Output::of(&mut command);
    assert!(output.stderr.contains("symbolic link"), "{output}");
    assert_eq!(read(&precious), "precious");
}

/// Puts the fields of one configuration in the place of those of another, a checkout's in
/// the entry with its path: what `audit --would-refuse` says to do with its lines.
fn put(into: &mut serde_yaml::Value, from: &serde_yaml::Value) {
    let (Some(map), Some(fields)) = (into.as_mapping_mut(), from.as_mapping()) else {
        *into = from.clone();
        return;
    };
    for (field, value) in fields {
        match (map.get_mut(field), value.as_sequence()) {
            (Some(entries), Some(changed)) if *field == "checkouts" => {
                for entry in changed {
                    let entries = entries.as_sequence_mut().unwrap();
                    let same = entries.iter_mut().find(|found| found["path"] == entry["path"]);
                    put(same.unwrap(), entry);
                }
            }
            (Some(found), _) => put(found, value),
            (None, _) => drop(map.insert(field.clone(), value.clone())),
        }
    }
}

/// A command that is refused, what makes it so, and the rule against it.
struct Objectionable {
    code: &'static str,
    line: &'static str,
    policy: &'static str,
    checkout: &'static str,
}

const OBJECTIONABLE: [Objectionable; 12] = {
    const fn case(code: &'static str, line: &'static str) -> Objectionable {
        Objectionable { code, line, policy: "", checkout: "" }
    }
    [
        case("target-foreign", "apply -k overlays/prod"),
        case("target-foreign", "apply -f overlays/prod/extra.yaml"),
        Objectionable {
            checkout: "foreign: [prod, staging]",
            ..case("target-foreign", "apply -k overlays/prod")
        },
        case("reference-foreign", "apply -k overlays/leads-develop"),
        case("target-outside", "apply -k base"),
        case("target-outside", "apply -f ../elsewhere/x.yaml"),
        case("reference-outside", "apply -k overlays/out-develop"),
        case("target-remote", "apply -f https://example.test/org/repo/x.yaml"),
        Objectionable {
            policy: "remotes: [\"https://example.test/other/\"], ",
            ..case("target-remote", "apply -f https://example.test/org/repo/x.yaml")
        },
        case("input-foreign", "create configmap x --from-file=overlays/prod/extra.yaml"),
        case("target-stdin", "apply -f -"),
        Objectionable {
            policy: "branch: refuse, uncommitted: refuse, ",
            checkout: "branches: [\"release/*\"]",
            ..case("tree-branch", "apply -k overlays/develop")
        },
    ]
};

#[test]
fn the_line_that_would_allow_it_allows_it() {
    for Objectionable { code, line, policy, checkout } in OBJECTIONABLE {
        let mut instance = Instance::new();
        if !checkout.is_empty() {
            instance = instance.checkout_rules(checkout);
        }
        let text = instance.config_text().replace("allow: [develop]", "allow: [\"*develop\"]");
        instance.write("config.yaml", &text);
        instance.write("elsewhere/x.yaml", &crate::support::config_map("x"));
        for (overlay, resource) in
            [("leads-develop", "../prod"), ("out-develop", "../../../elsewhere/x.yaml")]
        {
            let file = format!("m/overlays/{overlay}/kustomization.yaml");
            instance.write(&file, &format!("resources: [{resource}]\n"));
        }
        instance.commit();
        if code == "tree-branch" {
            instance.write("m/overlays/develop/extra.yaml", &crate::support::config_map("new"));
        }
        let words: Vec<&str> = line.split(' ').collect();
        let run = |mode: &str, config: &serde_yaml::Value| {
            let policy = format!("policy: {{{policy}mode: {mode}}}");
            let mut all: serde_yaml::Value = serde_yaml::from_str(&policy).unwrap();
            put(&mut all, config);
            instance.write("config.yaml", &serde_yaml::to_string(&all).unwrap());
            let (piped, mut pipe) = std::io::pipe().unwrap();
            pipe.write_all(read(&instance.path("elsewhere/x.yaml")).as_bytes()).unwrap();
            drop(pipe);
            let mut command = instance.command(&shim());
            command.args(&words).stdin(piped);
            Output::of(&mut command)
        };
        let config: serde_yaml::Value = serde_yaml::from_str(&instance.config_text()).unwrap();
        run("enforce", &config).refused(code);
        run("observe", &config).exits(42);
        let told = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
        let told: Value = serde_json::from_str(&told).unwrap();
        let mut config = config;
        for row in told["rows"].as_array().unwrap() {
            let allow = row["allow"].as_str().unwrap();
            put(&mut config, &serde_yaml::from_str(allow).unwrap());
        }
        assert!(told["rows"].as_array().unwrap().iter().any(|row| row["code"] == code), "{told}");
        let output = run("enforce", &config);
        assert_eq!(output.code, Some(42), "{line}: {told}: {output}");
    }
}

#[test]
fn people_are_counted() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    instance.kubectl(&["apply", "-k", "base"]).exits(42);
    let file = log(&instance);
    let one: Value = serde_json::from_str(read(&file).trim()).unwrap();
    let by = |user: &str| {
        let mut event = one.clone();
        event["user"] = user.into();
        format!("{event}\n")
    };
    let lines = [by("bob"), by("alice"), by("alice"), by("alice")].concat();
    std::fs::write(&file, lines).unwrap();
    let table = instance.envguard(&["audit", "--would-refuse"]).exits(0).stdout;
    assert!(table.contains("    4  target-outside"), "{table}");
    assert!(table.contains("by       alice 3, bob 1\n"), "{table}");
    let json = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let row = &serde_json::from_str::<Value>(&json).unwrap()["rows"][0];
    assert_eq!(row["people"], serde_json::json!(["alice", "bob"]));
    assert_eq!(row["byPerson"], serde_json::json!({"alice": 3, "bob": 1}));
}

#[test]
fn a_reader_that_follows_sleeps_until_something_comes() {
    if lacks("strace", "sees how it waits") {
        return;
    }
    let instance = Instance::new();
    instance.kubectl(&["get", "zero"]).exits(42);
    let trace = instance.path("trace");
    let guard = crate::support::envguard().display().to_string();
    let mut command = instance.command("/usr/bin/strace".as_ref());
    command.args(["-f", "-e", "trace=poll,ppoll,clock_nanosleep,nanosleep", "-o"]).arg(&trace);
    let reader = Reader::of(command.args([guard.as_str(), "audit", "-f"]));
    reader.next("get zero");
    for word in ["one", "two", "three"] {
        instance.kubectl(&["get", word]).exits(42);
        reader.next(&format!("get {word}"));
    }
    drop(reader);
    let trace = read(&trace);
    let waits: Vec<&str> = trace.lines().filter(|line| line.contains("poll(")).collect();
    assert!(!waits.is_empty(), "{trace}");
    assert!(!trace.contains("nanosleep") && !trace.contains("tv_sec"), "{trace}");
}

#[test]
fn a_reader_whose_output_is_closed_ends() {
    let instance = Instance::new();
    instance.kubectl(&["get", "zero"]).exits(42);
    let mut command = instance.command(&crate::support::envguard());
    let mut child =
        command.args(["audit", "-f"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert!(line.contains("get zero"), "{line}");
    drop(output);
    // Nothing more comes, and it does not wait for that.
    assert!(child.wait().unwrap().success());
}
