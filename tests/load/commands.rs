//! Many guarded commands at the same moment.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::{done, entries, grows_to, recorded, size};
use crate::audit::log;
use crate::support::{Instance, Output, Server, Terminal, config_map, kubectls, read, shim};

/// One of many, in the middle of a shell of its own: `$1` is its number. It waits for the
/// start; of those that are fed, what they read does not come before the gate is open.
const ONE: &str = r#"
exec 3<LOAD/start; : >"LOAD/ready/$1"; read -r _ <&3; exec 3<&-
feed() { exec 3<LOAD/gate; read -r _ <&3; cat LOAD/foreign.yaml; }
case $2 in
    label) kubectl label pod web a=b "--field-manager=n$1" ;;
    apply) kubectl apply -k overlays/production "--field-manager=n$1" ;;
    foreign) kubectl apply -k overlays/develop "--field-manager=n$1" ;;
    fed) feed | kubectl apply -f - "--field-manager=n$1" ;;
    unlock) kubectl envguard --confirm production unlock 10m ;;
esac >"LOAD/said/$1" 2>&1
echo $? >"LOAD/codes/.$1"
mv "LOAD/codes/.$1" "LOAD/codes/$1"
"#;

/// A kubectl that stays until the gate opens, and ends with a code of its own.
const HELD: &str = r#"#!/bin/sh
for word; do :; done
number=${word##*n}
exec 3<LOAD/gate
set -C
printf '%s\n' "$*" >"LOAD/arrived/$number" || exit 99
read -r _ <&3
exit $((number % 50 + 1))
"#;

/// The leader of the session that they all belong to.
const LEADER: &str = r#"
kubectl envguard unlock 10m || exit
echo it may begin; read -r _
number=0
while read -r kind; do
    sh LOAD/one "$number" "$kind" </dev/null &
    number=$((number + 1))
done <LOAD/kinds
wait
echo all have ended; read -r _
"#;

/// What each is, in turn: half of them may run.
const KINDS: [&str; 4] = ["label", "apply", "foreign", "fed"];

struct Load {
    instance: Instance,
    kinds: Vec<&'static str>,
    /// Those that are told to begin, and those that wait in the middle.
    start: Option<File>,
    gate: Option<File>,
}

impl Load {
    /// `count` commands of a production instance, and some who unlock it meanwhile.
    fn new(count: usize) -> Self {
        // What git does not say in time is refused at this level, and it may well be late here.
        let instance = Instance::of("production").rules("policy: {uncommitted: warn}");
        instance.write(
            "m/overlays/production/kustomization.yaml",
            "resources: [cm.yaml, ../../base]\n",
        );
        instance.write("m/overlays/production/cm.yaml", &config_map("settings"));
        instance.commit();
        for dir in ["run", "tmp", "load/ready", "load/arrived", "load/said", "load/codes"] {
            std::fs::create_dir_all(instance.path(dir)).unwrap();
        }
        let dir = instance.path("load");
        let script = |text: &str| text.replace("LOAD", dir.to_str().unwrap());
        instance.program("bin/kubectl", &script(HELD));
        instance.link(shim().to_str().unwrap(), "shims/kubectl");
        instance.write("load/one", &script(ONE));
        instance.write("load/leader", &script(LEADER));
        std::fs::copy(instance.path("m/overlays/develop/extra.yaml"), dir.join("foreign.yaml"))
            .unwrap();
        let mut kinds: Vec<&str> = KINDS.into_iter().cycle().take(count).collect();
        kinds.extend(vec!["unlock"; count / 20 + 1]);
        instance.write("load/kinds", &(kinds.join("\n") + "\n"));
        let [start, gate] = ["start", "gate"].map(|name| {
            let fifo = dir.join(name);
            Output::of(std::process::Command::new("mkfifo").arg(&fifo)).exits(0);
            // Both ends at once: nobody has to be there yet.
            Some(OpenOptions::new().read(true).write(true).open(fifo).unwrap())
        });
        Self { instance, kinds, start, gate }
    }

    /// The terminal of the login, its name typed.
    fn login(&self) -> Terminal {
        let mut command = self.instance.command("/bin/sh".as_ref());
        let shims = self.instance.path("shims");
        command.arg(self.dir("leader")).env("TMPDIR", self.instance.path("tmp"));
        command.env("XDG_RUNTIME_DIR", self.instance.path("run"));
        command.env("PATH", format!("{}:{}:/usr/bin:/bin", shims.display(), self.bin().display()));
        let mut login = Terminal::start(&command);
        login.shows("type the environment's name");
        login.types("production\n");
        login.shows("it may begin");
        login
    }

    fn bin(&self) -> PathBuf {
        self.instance.path("bin")
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.instance.path("load").join(name)
    }

    /// How many of these kinds there are.
    fn of(&self, kinds: &[&str]) -> usize {
        self.kinds.iter().filter(|kind| kinds.contains(kind)).count()
    }

    fn ticket(&self) -> (PathBuf, String) {
        let dir = self.instance.path("run/envguard");
        let files: Vec<PathBuf> = all_files(&dir);
        let [ticket] = &files[..] else { panic!("one ticket, and nothing else: {files:?}") };
        (ticket.clone(), read(ticket))
    }

    /// Everything below the scratch directory but what this test itself lets be written.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = all_files(&self.instance.path(""));
        files.retain(|file| !file.starts_with(self.dir("")));
        files
    }

    /// Who was let through, with what code, in what words; and what the log has of it.
    fn assert_each(&self) {
        let log = recorded(&log(&self.instance));
        let times = |last: &str, outcome: &str| {
            log.get(&(last.to_owned(), outcome.to_owned())).copied().unwrap_or(0)
        };
        for (number, kind) in self.kinds.iter().enumerate() {
            let said = read(&self.dir(&format!("said/{number}")));
            let code: usize = read(&self.dir(&format!("codes/{number}"))).trim().parse().unwrap();
            let arrived = std::fs::read_to_string(self.dir(&format!("arrived/{number}"))).ok();
            let last = format!("--field-manager=n{number}");
            let line = match *kind {
                "label" => format!("label pod web a=b {last}\n"),
                _ => format!("apply -k overlays/production {last}\n"),
            };
            match *kind {
                "label" | "apply" => {
                    assert_eq!(code, number % 50 + 1, "{number} {kind}: {said}");
                    assert_eq!(arrived.as_deref(), Some(&*line), "{number} {kind}: {said}");
                    assert_eq!(times(&last, "judged ask"), 1, "{number} {kind}");
                    assert_eq!(times(&last, "ticket ask"), 1, "{number} {kind}");
                }
                "unlock" => assert_eq!(code, 0, "{number} {kind}: {said}"),
                _ => {
                    let reason = if *kind == "fed" { "target-stdin" } else { "target-foreign" };
                    let first = format!("envguard: refused ({reason}): ");
                    assert!(said.starts_with(&first), "{number} {kind}: {said}");
                    assert_eq!(code, 77, "{number} {kind}: {said}");
                    assert_eq!(arrived, None, "{number} {kind} reached kubectl");
                    assert_eq!(times(&last, "judged refuse"), 1, "{number} {kind}");
                }
            }
        }
        let lines: usize = log.values().sum();
        done("lines of the audit log, each whole and of one command", lines);
        // A second one for the ticket.
        let expected = 2 * self.of(&["label", "apply"]) + self.of(&["foreign", "fed"]);
        assert_eq!(lines, expected, "{log:#?}");
    }
}

/// All files below a directory.
fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files.extend(all_files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The other processes of a session, also those that have ended and nobody has waited for:
/// `PID (NAME) STATE`.
fn of_session(leader: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields[3] == leader && !name.starts_with(&format!("{leader} (")) {
            found.push(format!("{name}) {}", fields[0]));
        }
    }
    found
}

/// Open files of the whole machine.
fn open_files() -> usize {
    let text = read(Path::new("/proc/sys/fs/file-nr"));
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// MiB of memory that could be had.
fn available() -> usize {
    let text = read(Path::new("/proc/meminfo"));
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() / 1024
}

fn machine(when: &str) {
    done(&format!("the machine {when}: open files"), open_files());
    done(&format!("the machine {when}: MiB available"), available());
}

#[test]
fn every_one_of_many_at_once_gets_its_own_verdict() {
    let mut load = Load::new(size(1_000, 48));
    let mut login = load.login();
    let leader = load.ticket().0.to_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
    let before = load.files();
    machine("before");
    login.types("\n");
    grows_to("are there", load.kinds.len(), &load.dir("ready"));
    done("commands that begin at one moment", load.of(&KINDS));
    done("tickets issued meanwhile", load.of(&["unlock"]));
    drop(load.start.take());

    // Those that may run are all kubectl now; those that read wait for what comes.
    let run = load.of(&["label", "apply"]);
    grows_to("have become kubectl", run, &load.dir("arrived"));
    let ended = load.of(&["foreign", "unlock"]);
    grows_to("have ended", ended, &load.dir("codes"));
    done("held as kubectl, all at once", run);
    done("held while they read what they shall judge", load.of(&["fed"]));
    done("refused meanwhile", load.of(&["foreign"]));
    done("processes of the session meanwhile", of_session(&leader).len());
    machine("meanwhile");

    drop(load.gate.take());
    grows_to("have ended", load.kinds.len(), &load.dir("codes"));
    login.shows("all have ended");
    assert_eq!(of_session(&leader), [""; 0], "the leader alone is left");
    machine("after");
    load.assert_each();
    // Whoever issued it last: it is a whole one, and nothing lies beside it.
    let ticket: serde_json::Value = serde_json::from_str(&load.ticket().1).unwrap();
    assert_eq!(ticket["environment"], "production");
    assert_eq!(ticket["terminal"]["leader"].to_string(), leader);
    let mut left = load.files();
    left.retain(|file| !before.contains(file));
    assert_eq!(left, [log(&load.instance)], "nothing but the log is left behind");
    login.types("\n");
    assert_eq!(login.ends().1, Some(0));
}

/// The same with a real kubectl that really applies, each in a namespace of its own.
#[test]
fn what_many_at_once_apply_arrives_once_each() {
    let Some(kubectl) = kubectls().pop() else { return };
    let count = size(400, 16);
    let namespaces: String = (0..count)
        .map(|number| {
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: n{number}}}\n---\n")
        })
        .collect();
    let scratch = tempfile::tempdir().unwrap();
    let objects = scratch.path().join("objects.yaml");
    std::fs::write(&objects, namespaces).unwrap();
    let server = Server::with_objects("develop-eks", &objects);
    let instance = Instance::with_server(&server, &kubectl);
    let temporary = instance.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let may_run = |number: usize| number.is_multiple_of(2);
    let commands: Vec<_> = (0..count)
        .map(|number| {
            let overlay = if may_run(number) { "overlays/develop" } else { "overlays/prod" };
            let mut command = instance.command(&shim());
            command.args(["apply", "-k", overlay, "-n", &format!("n{number}")]);
            command.env("TMPDIR", &temporary);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command
        })
        .collect();
    let running: Vec<_> =
        commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
    done(&format!("guarded kubectl {} apply at once, real ones", kubectl.version), count);
    for (number, child) in running.into_iter().enumerate() {
        let output = Output::from(child.wait_with_output().unwrap());
        if may_run(number) {
            output.exits(0).prints("configmap/develop-web created");
        } else {
            output.refused("target-foreign");
        }
    }
    let log = recorded(&log(&instance));
    let expected: BTreeMap<_, _> = (0..count)
        .map(|number| {
            let outcome = if may_run(number) { "judged run" } else { "judged refuse" };
            ((format!("n{number}"), outcome.to_owned()), 1)
        })
        .collect();
    assert_eq!(log, expected);
    let mut changes = server.changes();
    changes.sort();
    let posted = |number| format!("POST /api/v1/namespaces/n{number}/configmaps");
    let mut wanted: Vec<String> =
        (0..count).filter(|number| may_run(*number)).map(posted).collect();
    wanted.sort();
    assert_eq!(changes.len(), wanted.len(), "{changes:#?}");
    for (change, wanted) in changes.iter().zip(&wanted) {
        assert!(change.starts_with(&**wanted) && change.ends_with(" 201"), "{change}, {wanted}");
    }
    done("objects that arrived, each once", changes.len());
    assert_eq!(entries(&temporary), 0, "nothing is left behind");
}
