//! Killed at every step that changes something: nothing is lost, and a second run
//! finishes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ground::{Fact, Ground, digest, hash, inventory};
use crate::support::{Output, envguard};

/// What changes the disk. Opens are added where they create.
const CALLS: &str = "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,link,linkat,fsync,fdatasync";

/// A ground with work in it, and a copy to begin again from.
pub(super) struct Scene {
    pub(super) ground: Ground,
    /// The user's own files: path, bytes, mode, time.
    own: BTreeSet<(Vec<u8>, Fact)>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let ground = Ground::new();
        ground.write("overlays/prod/extra.yaml", "modified: true\n");
        ground.write("overlays/prod/deep/new.yaml", "untracked\n");
        ground.write("overlays/prod/a.secret", "ignored\n");
        ground.write("overlays/staging/staged.yaml", "staged\n");
        ground.git(&["add", "overlays/staging/staged.yaml"]);
        ground.write("overlays/staging/staged.yaml", "staged, then changed\n");
        ground.instance.link("nowhere", "m/overlays/prod/dangling");
        ground.write("base/mine.yaml", "not foreign\n");
        let is_own = |name: &[u8]| {
            ["extra.yaml", "new.yaml", "a.secret", "staged.yaml", "dangling", "mine.yaml"]
                .iter()
                .any(|own| name.ends_with(own.as_bytes()) && !name.starts_with(b"overlays/develop"))
        };
        let own = inventory(&ground.top()).into_iter().filter(|(name, _)| is_own(name)).collect();
        let scene = Self { ground, own };
        scene.save();
        scene
    }

    pub(super) fn save(&self) {
        self.copy("m", "saved");
    }

    pub(super) fn begin_again(&self) {
        self.copy("saved", "m");
        for dir in ["back", "state"] {
            std::fs::remove_dir_all(self.ground.instance.path(dir)).unwrap_or_default();
        }
    }

    fn copy(&self, from: &str, to: &str) {
        let script = "rm -rf \"$2\" && cp -a \"$1\" \"$2\"";
        let paths = [from, to].map(|name| self.ground.instance.path(name));
        Output::of(Command::new("sh").args(["-c", script, "sh"]).args(paths)).exits(0);
    }

    pub(super) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.ground.instance.command(program.as_ref());
        command.args(words).env("STATE_DIRECTORY", self.ground.instance.path("state"));
        command
    }

    /// Runs it to its end under strace; returns how often each call was made by
    /// our own process, and the numbers of the opens that create.
    pub(super) fn count(&self, words: &[&str]) -> (Vec<(String, usize)>, Vec<usize>) {
        let log = self.ground.instance.path("elsewhere/trace");
        let trace = format!("trace=openat,{CALLS}");
        let mut strace = self.command("strace", &["-f", "-qq", "-e", &trace, "-o"]);
        strace.arg(&log).arg(envguard()).args(words);
        drop(Output::of(&mut strace));
        let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        let own = text.split_whitespace().next().unwrap().to_owned();
        let mut calls: Vec<(String, usize)> = Vec::new();
        let (mut opens, mut creating) = (0, Vec::new());
        // Every process counts for itself; the one with the most says how far to go.
        let mut by_process: std::collections::BTreeMap<(String, String), usize> =
            Default::default();
        for line in text.lines().filter(|line| line.contains('(')) {
            let mut parts = line.split_whitespace();
            let (Some(pid), Some(call)) = (parts.next(), parts.next()) else { continue };
            let Some((name, _)) = call.split_once('(') else { continue };
            if name == "openat" {
                if pid == own {
                    opens += 1;
                    if line.contains("O_CREAT") {
                        creating.push(opens);
                    }
                }
            } else {
                *by_process.entry((name.to_owned(), pid.to_owned())).or_default() += 1;
            }
        }
        for ((name, _), count) in by_process {
            match calls.iter_mut().find(|(known, _)| *known == name) {
                Some((_, most)) => *most = (*most).max(count),
                None => calls.push((name, count)),
            }
        }
        (calls, creating)
    }

    /// Has `what` happen to it when it makes the `n`th `call`.
    fn disturb(&self, words: &[&str], call: &str, what: &str, n: usize) {
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:{what}:when={n}");
        let mut strace = self.command(
            "strace",
            &["-f", "-qq", "-e", &trace, "-e", &inject, "-o", "/dev/null", "--"],
        );
        strace.arg(envguard()).args(words);
        strace.output().unwrap();
    }

    /// Every byte of the user's is in the tree or in quarantine, with its mode and
    /// time; what was staged too.
    #[track_caller]
    fn nothing_is_lost(&self, further: &[PathBuf], at: &str) {
        let mut found: BTreeSet<(Vec<u8>, Fact)> =
            inventory(&self.ground.top()).into_iter().collect();
        let mut staged =
            vec![self.ground.try_git(&["show", ":overlays/staging/staged.yaml"]).stdout];
        found.extend(leaving(&self.ground));
        // One file at a time is looked at, called by its path's hash.
        let seen = self.ground.top().join(".git/envguard/quarantine/.leaving/seen");
        for (name, fact) in inventory(&seen) {
            let paths = self.own.iter().map(|(path, _)| path);
            let is_this = |path: &&Vec<u8>| name.ends_with(hash(path).as_bytes());
            found.extend(paths.filter(is_this).map(|path| (path.clone(), fact.clone())));
        }
        for item in items(&self.ground) {
            let record = std::fs::read_to_string(item.join("record.json")).unwrap_or_default();
            let document: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
            let overlay = document["overlay"].as_str().unwrap_or("?").to_owned();
            for (name, fact) in inventory(&item.join("tree")) {
                let whole = [overlay.as_bytes(), b"/", &name].concat();
                found.insert((whole, fact));
            }
            for name in inventory(&item.join("staged")).into_keys() {
                let name = String::from_utf8(name).unwrap();
                staged.push(std::fs::read_to_string(item.join("staged").join(name)).unwrap());
            }
        }
        for dir in further {
            found.extend(inventory(dir));
            let file = dir.join("overlays/staging.staged/staged.yaml");
            staged.extend(std::fs::read_to_string(file));
        }
        let lost: Vec<_> = self.own.difference(&found).collect();
        assert!(lost.is_empty(), "{at}: lost {lost:?}");
        assert!(staged.iter().any(|text| text == "staged\n"), "{at}: lost what was staged");
    }

    /// A second run finishes. Nobody lives who could hold a lock: those that lie about have
    /// lain for long.
    #[track_caller]
    pub(super) fn finishes(&self, words: &[&str], at: &str) {
        age_locks(&self.ground.top().join(".git"));
        let output = Output::of(&mut self.command(envguard().to_str().unwrap(), words));
        assert_eq!(output.code, Some(0), "{at}: {output}");
    }

    /// Has one of `what` in turn happen to `words` at every step, and looks after each.
    fn disturbed(&self, words: &[&str], what: &[&str], after: impl Fn(&Self, &str)) {
        let (calls, creating) = self.count(words);
        let steps =
            calls.iter().flat_map(|(call, count)| (1..=*count).map(move |n| (call.as_str(), n)));
        let steps: Vec<(&str, usize)> =
            steps.chain(creating.iter().map(|n| ("openat", *n))).collect();
        assert!(steps.len() > 5, "{calls:?}");
        for ((call, n), what) in steps.into_iter().zip(what.iter().cycle()) {
            self.begin_again();
            self.disturb(words, call, what, n);
            after(self, &format!("{words:?} with {what} at {call} {n}"));
        }
    }
}

/// Makes git's locks an hour older, and the keeper's own mark that tells which came after it:
/// a lock that is young could be somebody's.
fn age_locks(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        if entry.file_type().unwrap().is_dir() {
            age_locks(&path);
        } else if is_lock || path.ends_with("envguard/working") {
            let file = std::fs::File::open(&path).unwrap();
            let then = file.metadata().unwrap().modified().unwrap();
            file.set_modified(then - std::time::Duration::from_secs(3_600)).unwrap();
        }
    }
}

/// What had left the checkout and was not looked at yet, by its old path.
fn leaving(ground: &Ground) -> Vec<(Vec<u8>, Fact)> {
    let dir = ground.top().join(".git/envguard/quarantine/.leaving");
    let journal = std::fs::read(dir.join("journal.json")).unwrap_or_default();
    let journal: serde_json::Value = serde_json::from_slice(&journal).unwrap_or_default();
    let pieces = journal["pieces"].as_array().cloned().unwrap_or_default();
    let of = |(number, piece): (usize, &serde_json::Value)| {
        let overlay = piece[0].as_str().unwrap().to_owned();
        let files = inventory(&dir.join(number.to_string())).into_iter();
        files.map(move |(name, fact)| ([overlay.as_bytes(), b"/", &name].concat(), fact))
    };
    pieces.iter().enumerate().flat_map(of).collect()
}

pub(super) fn items(ground: &Ground) -> Vec<PathBuf> {
    let dir = ground.top().join(".git/envguard/quarantine");
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

pub(super) fn can_strace() -> bool {
    let works = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        crate::support::skip("strace cannot trace here");
    }
    works
}

const KILLED: &[&str] = &["signal=KILL"];

/// What a kernel answers when it will not: full, closed, read-only, broken.
const REFUSALS: [&str; 4] = ["error=ENOSPC", "error=EACCES", "error=EROFS", "error=EIO"];

/// `tidy`, with one of `what` in turn at every step.
fn tidied(what: &[&str]) {
    if !can_strace() {
        return;
    }
    Scene::new().disturbed(&["tidy"], what, |scene, at| {
        scene.nothing_is_lost(&[], at);
        scene.finishes(&["tidy"], at);
        scene.nothing_is_lost(&[], at);
        assert_eq!(scene.ground.foreign(), [""; 0], "{at}");
        let status = scene.ground.git(&["status", "--porcelain"]);
        assert_eq!(status, "?? base/mine.yaml\n", "{at}");
    });
}

#[test]
fn tidy_killed_anywhere() {
    tidied(KILLED);
}

#[test]
fn tidy_refused_anywhere() {
    tidied(&REFUSALS);
}

#[test]
fn a_wave_of_the_watcher_killed_anywhere() {
    if !can_strace() {
        return;
    }
    let scene = Scene::new();
    // A later wave: taught already, something new has come.
    scene.ground.tidy().exits(0);
    scene.ground.git(&["sparse-checkout", "disable"]);
    scene.ground.write("overlays/prod/late.yaml", "late\n");
    scene.save();
    scene.disturbed(&["watch", "--once"], KILLED, |scene, at| {
        scene.nothing_is_lost(&[], at);
        scene.finishes(&["watch", "--once"], at);
        scene.nothing_is_lost(&[], at);
        let late = items(&scene.ground).iter().any(|item| item.join("tree/late.yaml").is_file());
        assert!(late, "{at}");
    });
}

/// `tidy --undo`, with one of `what` in turn at every step.
fn undone(what: &[&str]) {
    if !can_strace() {
        return;
    }
    let scene = Scene::new();
    scene.ground.tidy().exits(0);
    scene.save();
    scene.disturbed(&["tidy", "--undo"], what, |scene, at| {
        scene.nothing_is_lost(&[], at);
        scene.finishes(&["tidy", "--undo"], at);
        scene.nothing_is_lost(&[], at);
        assert_eq!(scene.ground.foreign().len(), 3, "{at}");
        assert_eq!(scene.ground.git(&["status", "--porcelain"]), "?? base/mine.yaml\n", "{at}");
    });
}

#[test]
fn undo_killed_anywhere() {
    undone(KILLED);
}

#[test]
fn undo_refused_anywhere() {
    undone(&REFUSALS);
}

/// `restore` of everything to `to`, with one of `what` in turn at every step.
fn restored_to(to: &Path, what: &[&str]) {
    let scene = Scene::new();
    scene.ground.tidy().exits(0);
    scene.save();
    let words: Vec<Vec<String>> = scene
        .ground
        .ids()
        .into_iter()
        .map(|id| vec!["restore".into(), id, "--to".into(), to.to_str().unwrap().into()])
        .collect();
    for words in words {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        scene.disturbed(&words, what, |scene, at| {
            scene.nothing_is_lost(&[to.to_path_buf()], at);
            // Killed after its last step, there is nothing more to bring back.
            if scene.ground.ids().iter().any(|id| id == words[1]) {
                scene.finishes(&words, at);
            }
            scene.nothing_is_lost(&[to.to_path_buf()], at);
            std::fs::remove_dir_all(to).unwrap_or_default();
        });
    }
}

#[test]
fn restore_killed_anywhere() {
    if can_strace() {
        let dir = tempfile::tempdir().unwrap();
        restored_to(&dir.path().join("back"), KILLED);
    }
}

#[test]
fn restore_refused_anywhere() {
    if can_strace() {
        for there in ["/tmp", "/dev/shm"] {
            let dir = tempfile::tempdir_in(there).unwrap();
            restored_to(&dir.path().join("back"), &REFUSALS);
        }
    }
}

#[test]
fn restore_across_file_systems_killed_anywhere() {
    if can_strace() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        restored_to(&dir.path().join("back"), KILLED);
        assert_eq!(digest(Path::new("/dev/null")).len(), 64);
    }
}
