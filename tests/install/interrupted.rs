//! Killed, interrupted, or with nobody who reads on: the old one works, and nothing is left.

use super::*;

/// A PATH whose `mv` sends the installer `signal` at its call number `n`.
fn deadly(root: &Root, signal: &str, n: usize) -> String {
    let dir = root.beside("deadly");
    let count = root.beside("count");
    write(&count, "");
    let script = format!(
        "#!/bin/sh\necho x >>{0}\n[ \"$(wc -l <{0})\" -ne {n} ] || kill -s {signal} \"$PPID\"\nexec /bin/mv \"$@\"\n",
        count.display()
    );
    write(&dir.join("mv"), &script);
    executable(&dir.join("mv"));
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", dir.display())
}

#[test]
fn killed_at_any_moment_the_old_one_works_and_a_rerun_finishes() {
    let root = Root::new();
    root.write("/usr/local/bin/kubectl", "#!/bin/sh\necho real\n");
    executable(&root.path(KUBECTL));
    let before = root.inventory();
    let words = ["--adopt-kubectl", "--shell-rc"];
    root.install(&words).exits(0);
    let wanted = root.inventory();
    root.uninstall(&[]).exits(0);
    same(&root.inventory(), &before, "in the root");
    let mut killed = 0;
    // Each of the first moments, and then some.
    for n in (1..5).chain((5..).step_by(3)) {
        // A first install, and a kubectl at every moment.
        let path = deadly(&root, "KILL", n);
        let output = root.command(&words).env("PATH", path).output().unwrap();
        let said = Output::of(&mut Command::new(
            root.path(KUBECTL)
                .canonicalize()
                .unwrap_or_else(|_| root.path("/usr/local/lib/envguard/envguard-shim")),
        ));
        assert!(!said.exits(0).stdout.is_empty(), "call {n}");
        if output.status.success() {
            break;
        }
        killed += 1;
        if killed % 2 == 0 {
            root.install(&words).exits(0);
            same(&root.inventory(), &wanted, &format!("after call {n}"));
        }
        if root.path("/usr/local/lib/envguard/manifest").exists() {
            root.uninstall(&[]).exits(0);
        }
        // What was prepared before the very first line of the manifest may be left over.
        let left = root.inventory();
        let more: Vec<&str> =
            paths(&left).into_iter().filter(|path| !before.contains_key(*path)).collect();
        let harmless = |path: &&str| root.path(path).is_dir() || path.ends_with(".envguard-new");
        assert!(more.iter().all(harmless), "call {n}: {more:?}");
        let kept = before.iter().all(|(path, what)| left.get(path) == Some(what));
        assert!(kept, "call {n}");
    }
    assert!(killed > 8, "only {killed} moments were tried");
}

#[test]
fn killed_during_an_upgrade_one_version_or_the_other_answers() {
    let root = Root::new();
    root.install(&[]).exits(0);
    stubs(&root.programs, "0.2.0");
    for n in (1..).step_by(4) {
        let path = deadly(&root, "KILL", n);
        let output = root.command(&[]).env("PATH", path).output().unwrap();
        for program in [PROGRAM, "/usr/local/lib/envguard/envguard-shim"] {
            Output::of(&mut Command::new(root.path(program))).prints("0.").exits(0);
        }
        if output.status.success() {
            break;
        }
    }
    Output::of(&mut Command::new(root.path(PROGRAM))).prints("0.2.0").exits(0);
}

/// What the installer has left in its temporary directory.
fn left(root: &Root) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(root.tmp()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn interrupted_it_leaves_nothing_of_its_own_work() {
    for (signal, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let root = Root::new();
        for n in [1, 2, 9] {
            let path = deadly(&root, signal, n);
            Output::of(root.command(&["--shell-rc"]).env("PATH", path)).exits(code);
            assert!(left(&root).is_empty(), "{signal} at call {n}: {:?}", left(&root));
        }
        root.install(&["--shell-rc"]).exits(0);
        root.uninstall(&[]).exits(0);
        assert!(left(&root).is_empty(), "{:?}", left(&root));
    }
}

#[test]
fn nobody_reads_on_and_nothing_of_its_own_work_is_left() {
    let root = Root::new();
    let before = root.inventory();
    // As in `install.sh --dry-run 2>&1 | head`, at the moment when head has ended.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = root.command(&["--dry-run"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(141));
    assert!(left(&root).is_empty(), "{:?}", left(&root));
    same(&root.inventory(), &before, "in the root");
}
