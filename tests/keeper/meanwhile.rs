//! Somebody at work in a foreign overlay between any two steps of the keeper: nothing
//! that was written is lost.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::ground::Ground;
use super::killed::{Scene, can_strace};
use crate::support::{envguard, write};

/// What somebody has written, by what it is.
type Written = Vec<String>;

/// How somebody works.
trait Work {
    /// Writes something that has `tag` in it, and says what.
    fn act(&self, ground: &Ground, tag: &str) -> Written;
}

/// Edits, replaces, adds and stages files by their paths.
struct ByPath;

fn append(file: &Path, line: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

impl Work for ByPath {
    fn act(&self, ground: &Ground, tag: &str) -> Written {
        let overlay = |name: &str| ground.top().join("overlays").join(name);
        let [edited, replaced, staged, last] =
            ["edited", "replaced", "staged", "last"].map(|what| format!("{what} {tag}\n"));
        append(&overlay("prod/extra.yaml"), &edited);
        append(&overlay("staging/cm.yaml"), &edited);
        // As editors do.
        let new = ground.instance.path(&format!("elsewhere/{tag}"));
        write(&new, &replaced);
        let target = overlay("staging/kustomization.yaml");
        let old = std::fs::read_to_string(&target).unwrap_or_default();
        // What this has replaced before is its own loss.
        if old.starts_with("replaced") {
            append(&target, &replaced);
        } else {
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::rename(&new, &target).unwrap();
        }
        let name = format!("overlays/prod/new-{tag}.yaml");
        write(&ground.top().join(&name), &staged);
        let added = ground.try_git(&["add", "--sparse", &name]);
        write(&ground.top().join(&name), &last);
        let mut written = vec![edited, replaced, last];
        // git's lock may be held.
        if added.code == Some(0) {
            written.push(staged);
        }
        written
    }
}

/// Sits in the overlays since before the keeper came.
struct InTheDirectory(Vec<std::fs::File>);

impl Work for InTheDirectory {
    fn act(&self, _: &Ground, tag: &str) -> Written {
        let edited = format!("edited {tag}\n");
        let mut written = Vec::new();
        for dir in &self.0 {
            // What a relative path means to somebody who works there. A directory that
            // is no more takes no file.
            let file = PathBuf::from(format!("/proc/self/fd/{}/cm.yaml", dir.as_raw_fd()));
            let opened = std::fs::File::options().create(true).append(true).open(file);
            let Ok(mut file) = opened else { continue };
            file.write_all(edited.as_bytes()).unwrap();
            written = vec![edited.clone()];
        }
        written
    }
}

/// Runs `words` and lets `work` happen after the `n`th `call` of each process.
fn interrupted(scene: &Scene, words: &[&str], call: &str, n: usize, work: &dyn Work) -> Written {
    let log = scene.ground.instance.path("elsewhere/stops");
    std::fs::write(&log, "").unwrap();
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=STOP:when={n}"));
    let mut strace = scene.command("strace", &["-f", "-qq", "-e", &trace, "-e", &inject, "-o"]);
    strace.arg(&log).arg("--").arg(envguard()).args(words);
    let mut strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut written = Vec::new();
    let mut heard = 0;
    let mut acts: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let ended = strace.try_wait().unwrap().is_some();
        let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
        for line in whole[heard..].lines().filter(|line| line.contains("stopped by SIGSTOP")) {
            let pid = line.split_whitespace().next().unwrap().to_owned();
            let times = acts.entry(pid.clone()).or_default();
            *times += 1;
            written.extend(work.act(&scene.ground, &format!("{pid}-{times}")));
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            // One that was killed meanwhile is gone.
            rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap_or_default();
        }
        heard = whole.len();
        if ended {
            return written;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Everything that is in the tree, in quarantine, or staged.
fn everything(ground: &Ground) -> String {
    fn read(dir: &Path, all: &mut String) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && entry.file_name() != "objects" {
                read(&path, all);
            } else if kind.is_file() {
                all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut all = String::new();
    read(&ground.top(), &mut all);
    for line in ground.git(&["ls-files", "--stage"]).lines() {
        all.push_str(&ground.git(&["cat-file", "blob", line.split(' ').nth(1).unwrap()]));
    }
    all
}

fn at_every_step(scene: &Scene, words: &[&str], work: &dyn Fn(&Ground) -> Box<dyn Work>) {
    let (calls, creating) = scene.count(words);
    assert!(calls.len() > 5 && !creating.is_empty(), "{calls:?}");
    let steps = calls.iter().flat_map(|(call, count)| (1..=*count).map(move |n| (&call[..], n)));
    let mut acted = 0;
    for (call, n) in steps.chain(creating.iter().map(|n| ("openat", *n))) {
        scene.begin_again();
        let at = format!("{words:?}, somebody at work after {call} {n}");
        let work = work(&scene.ground);
        let written = interrupted(scene, words, call, n, work.as_ref());
        acted += usize::from(!written.is_empty());
        let found = everything(&scene.ground);
        for text in &written {
            assert!(found.contains(text), "{at}: {text:?} is lost");
        }
        scene.finishes(words, &at);
        let found = everything(&scene.ground);
        for text in &written {
            assert!(found.contains(text), "{at}: {text:?} is lost in the end");
        }
        assert_eq!(scene.ground.foreign(), [""; 0], "{at}");
        assert_eq!(scene.ground.git(&["status", "--porcelain"]), "?? base/mine.yaml\n", "{at}");
    }
    assert!(acted > 20, "nobody was at work: {acted}");
}

#[test]
fn of_tidy_by_path() {
    if can_strace() {
        at_every_step(&Scene::new(), &["tidy"], &|_| Box::new(ByPath));
    }
}

#[test]
fn of_tidy_in_the_directory() {
    if can_strace() {
        at_every_step(&Scene::new(), &["tidy"], &|ground| {
            let dirs = ["overlays/prod", "overlays/staging", "apps/web/overlays/prod"];
            let open = |dir: &str| std::fs::File::open(ground.top().join(dir)).unwrap();
            Box::new(InTheDirectory(dirs.map(open).into()))
        });
    }
}

#[test]
fn of_a_wave_of_the_watcher() {
    if can_strace() {
        let scene = Scene::new();
        scene.ground.tidy().exits(0);
        scene.ground.git(&["sparse-checkout", "disable"]);
        scene.ground.write("overlays/prod/late.yaml", "late\n");
        scene.save();
        at_every_step(&scene, &["watch", "--once"], &|_| Box::new(ByPath));
    }
}
