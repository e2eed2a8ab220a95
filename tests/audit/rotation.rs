//! Logs that are turned over while commands write to them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::follow::Reader;
use super::{events, log, uid};
use crate::support::{Instance, Output, lacks, read, shim, skip};

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
