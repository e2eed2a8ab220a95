//! What is applied comes from a commit, from a listed branch, and from the commit that
//! was judged: with the real git.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use serde_json::Value;

use crate::support::{Instance, Output, config_map, lacks, read, shim};

/// Nothing here takes long; this only keeps a test that hangs from hanging for ever.
const DEADLINE: Option<u64> = Some(30_000);

/// An instance at a critical level whose overlay refers to `base`, all of it committed.
fn critical() -> Instance {
    let instance = Instance::new().rules("level: critical");
    instance
        .write("m/overlays/develop/kustomization.yaml", "resources: [../../base, extra.yaml]\n");
    instance.commit();
    instance
}

/// The file that is named, and what makes it differ.
type Case<'c> = (&'static str, &'c dyn Fn(&Instance));

const APPLY: [&str; 3] = ["apply", "-k", "overlays/develop"];

#[track_caller]
fn passes(instance: &Instance, words: &[&str]) {
    instance.envguard(&[&["--confirm", "develop"], words].concat()).exits(42);
}

/// The last line of the log.
fn logged(instance: &Instance) -> Value {
    let file =
        format!("home/.local/state/envguard/audit-{}.jsonl", rustix::process::geteuid().as_raw());
    let text = read(&instance.path(&file));
    serde_json::from_str(text.lines().next_back().unwrap()).unwrap()
}

#[test]
fn every_kind_of_difference_to_the_commit_counts_in_the_files_that_are_read() {
    let cases: [Case<'_>; 8] = [
        ("base/cm.yaml", &|i| drop(i.write("m/base/cm.yaml", &config_map("changed")))),
        ("overlays/develop/extra.yaml", &|i| {
            i.write("m/overlays/develop/extra.yaml", &config_map("staged"));
            i.git(&["add", "."]);
        }),
        ("overlays/develop/extra.yaml", &|i| {
            i.git(&["rm", "--quiet", "--cached", "overlays/develop/extra.yaml"]);
        }),
        ("overlays/develop/kustomization.yaml", &|i| {
            drop(i.write("m/overlays/develop/kustomization.yaml", "resources: [../../base]\n"));
        }),
        ("overlays/develop/extra.yaml", &|i| {
            i.write("m/overlays/develop/other.yaml", &config_map("x"));
            i.commit();
            std::fs::remove_file(i.path("m/overlays/develop/extra.yaml")).unwrap();
            i.link("other.yaml", "m/overlays/develop/extra.yaml");
        }),
        ("overlays/develop/extra.yaml", &|i| {
            // With the size and the time that the index remembers.
            let file = i.path("m/overlays/develop/extra.yaml");
            let text = read(&file);
            let swapped = text.replace("develop-extra", "extra-develop");
            assert!(text != swapped && text.len() == swapped.len());
            let before = file.metadata().unwrap().modified().unwrap();
            std::fs::write(&file, swapped).unwrap();
            let opened = std::fs::File::options().write(true).open(&file).unwrap();
            opened.set_modified(before).unwrap();
        }),
        ("overlays/develop/nested/x.yaml", &|i| {
            i.write("m/overlays/develop/nested/x.yaml", &config_map("x"));
            let kustomization = "resources: [nested/x.yaml]\n";
            i.write("m/overlays/develop/kustomization.yaml", kustomization);
            i.git(&["add", "overlays/develop/kustomization.yaml"]);
            i.git(&["commit", "--quiet", "-m", "refers to a clone that nobody added"]);
            i.git(&["init", "--quiet", "overlays/develop/nested"]);
            i.git(&["-C", "overlays/develop/nested", "add", "."]);
            i.git(&["-C", "overlays/develop/nested", "commit", "--quiet", "-m", "x"]);
        }),
        ("overlays/develop/new/x.yaml", &|i| {
            i.write("m/overlays/develop/kustomization.yaml", "resources: [new/x.yaml]\n");
            i.commit();
            i.write("m/overlays/develop/new/x.yaml", &config_map("x"));
        }),
    ];
    for (file, change) in cases {
        let instance = critical();
        passes(&instance, &APPLY);
        assert_eq!(logged(&instance)["dirty"], false);
        change(&instance);
        let output = instance.envguard(&APPLY).refused("tree-uncommitted");
        let place = instance.checkout().join(file);
        let nested = place.parent().unwrap();
        let is_named = [&place, nested]
            .iter()
            .any(|place| output.stderr.contains(&format!("  path      {}\n", place.display())));
        assert!(is_named, "{file} is not in {output}");
        assert_eq!(logged(&instance)["dirty"], true);
        // To look at it, nobody has to commit it.
        instance.envguard(&["diff", "-k", "overlays/develop"]).exits(42);
        instance.envguard(&["apply", "-k", "overlays/develop", "--dry-run=server"]).exits(42);
    }
}

#[test]
fn what_git_was_told_not_to_look_at_is_looked_at() {
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let instance = critical();
        std::fs::remove_file(instance.path("m/base/cm.yaml")).unwrap();
        instance.write("m/base/real.yaml", &config_map("web"));
        instance.link("real.yaml", "m/base/cm.yaml");
        instance.commit();
        let marked = ["base/cm.yaml", "base/real.yaml", "overlays/develop/extra.yaml"];
        instance.git(&[&["update-index", mark, "--"], &marked[..]].concat());
        passes(&instance, &APPLY);
        instance.write("m/overlays/develop/extra.yaml", &config_map("hidden"));
        assert_eq!(instance.git(&["status", "--porcelain"]), "", "git shows it: {mark}");
        let says = format!(
            "git -C {0}/overlays/develop update-index --no-assume-unchanged -- extra.yaml && git -C {0}/overlays/develop update-index --no-skip-worktree -- extra.yaml",
            instance.checkout().display()
        );
        let output = instance.envguard(&APPLY).refused("tree-uncommitted").says(&says);
        // The remedy shows the change, and what was marked in vain stays as it is.
        Output::of(Command::new("sh").args(["-c", &says])).exits(0);
        let shown = instance.git(&["status", "--porcelain"]);
        assert_eq!(shown.trim(), "M overlays/develop/extra.yaml", "{mark}: {output}");
        instance.git(&["checkout", "--quiet", "overlays/develop/extra.yaml"]);
        passes(&instance, &APPLY);
        std::fs::remove_file(instance.path("m/base/cm.yaml")).unwrap();
        instance.link("../base/real.yaml", "m/base/cm.yaml");
        instance.envguard(&APPLY).refused("tree-uncommitted").says("m/base/cm.yaml");
    }
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_nothing_uncommitted() {
    let instance = critical();
    instance.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/overlays/prod/"]);
    assert!(!instance.path("m/overlays/prod").exists());
    passes(&instance, &APPLY);
    assert_eq!(logged(&instance)["dirty"], false);
}

#[test]
fn what_is_not_read_or_kept_out_of_git_on_purpose_is_exempt() {
    let instance = critical();
    instance.write("m/README.md", "not read");
    instance.write("m/overlays/develop/notes.txt", "not read either");
    passes(&instance, &APPLY);
    instance.write("m/.gitignore", "*.env\n");
    instance.write(
        "m/overlays/develop/kustomization.yaml",
        "resources: [extra.yaml]\nsecretGenerator: [{name: s, envs: [secret.env]}]\n",
    );
    instance.commit();
    instance.write("m/overlays/develop/secret.env", "A=1\n");
    passes(&instance, &APPLY);
    let line = logged(&instance);
    assert_eq!(line["dirty"], false);
    let expected =
        Output::of(Command::new("sha256sum").arg(instance.path("m/overlays/develop/secret.env")));
    let sum = expected.exits(0).stdout;
    let wanted = format!(
        "sha256:{} {}",
        sum.split_whitespace().next().unwrap(),
        instance.path("m/overlays/develop/secret.env").display()
    );
    assert_eq!(line["ignored"], serde_json::json!([wanted]));
}

#[test]
fn a_submodule_must_be_at_the_commit_and_unchanged() {
    let instance = critical();
    let library = instance.path("library").display().to_string();
    instance.git(&["init", "--quiet", "--initial-branch=main", &library]);
    instance.write("library/cm.yaml", &config_map("library"));
    instance.git(&["-C", &library, "add", "."]);
    instance.git(&["-C", &library, "commit", "--quiet", "-m", "one"]);
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    instance.git(&[&add[..], &[&library, "overlays/develop/lib"]].concat());
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [lib/cm.yaml]\n");
    instance.commit();
    passes(&instance, &APPLY);
    instance.write("m/overlays/develop/lib/cm.yaml", &config_map("changed"));
    instance.envguard(&APPLY).refused("tree-uncommitted");
    // Committed there, but not the commit that the checkout has recorded.
    instance.git(&["-C", "overlays/develop/lib", "commit", "--quiet", "-am", "two"]);
    let output = instance.envguard(&APPLY).refused("tree-uncommitted");
    let place = instance.path("m/overlays/develop/lib").display().to_string();
    output.says(&format!("path      {place}\n"));
    instance.commit();
    passes(&instance, &APPLY);
}

#[test]
fn the_policy_decides_whether_it_is_said_refused_or_not_even_asked() {
    let instance = critical();
    instance.write("m/base/cm.yaml", &config_map("changed"));
    let warned =
        "envguard: warning (tree-uncommitted): a file that this command reads is not committed";
    let set = |from: &str, to: &str| {
        let text = instance.config_text();
        assert!(text.contains(from));
        instance.write("config.yaml", &text.replace(from, to));
    };
    set("level: critical", "level: caution");
    instance.envguard(&APPLY).says(warned).exits(42);
    set("level: caution", "level: normal");
    let before = logged(&instance);
    assert_eq!(before["dirty"], true);
    // Nobody wants to know: git is not even started.
    let record = instance.path("git-called");
    instance
        .program("bin/git", &format!("#!/bin/sh\necho \"$@\" >>{}\nexit 1\n", record.display()));
    let output = instance.envguard(&APPLY).exits(42);
    assert!(!output.stderr.contains("tree-"), "{output}");
    assert!(!record.exists(), "{}", read(&record));
    assert_eq!(logged(&instance)["dirty"], Value::Null);
    set("level: normal", "level: normal\npolicy: {uncommitted: warn}");
    instance.envguard(&APPLY).says("warning (tree-uncommitted): cannot tell").exits(42);
    assert!(record.exists());
    std::fs::remove_file(instance.path("bin/git")).unwrap();
    instance.envguard(&APPLY).says(warned).exits(42);
    set("uncommitted: warn", "mode: observe, uncommitted: refuse");
    let observed = "envguard: OBSERVE, would be refused (tree-uncommitted)";
    instance.envguard(&APPLY).says(observed).exits(42);
    // Reading asks no git, whatever the level.
    set("policy: {mode: observe, uncommitted: refuse}", "policy: {uncommitted: refuse}");
    std::fs::remove_file(&record).unwrap();
    instance
        .program("bin/git", &format!("#!/bin/sh\necho \"$@\" >>{}\nexit 1\n", record.display()));
    for words in [&["get", "pods"][..], &["get", "-k", "overlays/develop"], &["logs", "web"]] {
        instance.envguard(words).exits(42);
    }
    assert!(!record.exists(), "{}", read(&record));
}

#[test]
fn break_glass_lifts_it() {
    let instance = critical();
    instance.write("m/base/cm.yaml", &config_map("changed"));
    let lifted =
        ["--break-glass", "fire", "--confirm", "develop", "apply", "-k", "overlays/develop"];
    instance.envguard(&lifted).says("BREAK GLASS (tree-uncommitted)").exits(42);
}

#[test]
fn a_git_that_does_not_answer_fails_only_what_needs_the_answer() {
    let instance = critical();
    // No git at all.
    let mut command = instance.command(&crate::support::envguard());
    command
        .args(["check", "--", "apply", "-k", "overlays/develop"])
        .env("PATH", instance.path("bin"));
    let output = Output::of(&mut command);
    let said = "cannot tell what is committed: git cannot be run";
    assert!(output.stdout.contains(said), "{output}");
    assert_eq!(output.code, Some(77));
    let mut command = instance.command(&crate::support::envguard());
    command
        .args(["check", "--", "get", "-k", "overlays/develop"])
        .env("PATH", instance.path("bin"));
    assert_eq!(Output::of(&mut command).code, Some(0));
    // A checkout of somebody else, which git does not read.
    if instance.checkout().metadata().unwrap().uid() != 0 {
        return crate::support::left_out("only root can give files away");
    }
    Output::of(Command::new("chown").args(["-R", "12345"]).arg(instance.checkout())).exits(0);
    let with = |words: &[&str]| {
        let mut command = instance.command(&crate::support::envguard());
        command.args(words).env("GIT_CONFIG_SYSTEM", "/dev/null");
        Output::of(&mut command)
    };
    let refused = with(&APPLY).refused("tree-uncommitted");
    let place = instance.checkout().display().to_string();
    refused
        .says("it belongs to somebody else, so git does not read it")
        .says(&format!("instead   sudo git config --system --add safe.directory {place}\n"));
    with(&["get", "-k", "overlays/develop"]).exits(42);
    instance.write("home/.gitconfig", &format!("[safe]\n\tdirectory = {place}\n"));
    with(&[&["--confirm", "develop"], &APPLY[..]].concat()).exits(42);
}

#[test]
fn it_is_applied_from_listed_branches_only() {
    let instance = critical().checkout_rules("branches: [main, 'release/*']");
    passes(&instance, &APPLY);
    for (words, passing) in [
        (&["checkout", "--quiet", "-b", "release/1.2"][..], true),
        (&["checkout", "--quiet", "-b", "fix/login"], false),
        (&["checkout", "--quiet", "--detach"], false),
        (&["checkout", "--quiet", "main"], true),
    ] {
        instance.git(words);
        if passing {
            passes(&instance, &APPLY);
        } else {
            let top = instance.checkout().display().to_string();
            let output = instance.envguard(&APPLY).refused("tree-branch");
            output.says(&format!("instead   git -C {top} switch main\n"));
            instance.envguard(&["get", "-k", "overlays/develop"]).exits(42);
            // What names no file comes from no branch.
            passes(&instance, &["label", "pod", "x", "a=b"]);
        }
    }
    // Where references are no files, git is asked.
    instance.write("m/.git/HEAD", "ref: refs/heads/.invalid\n");
    let answers = |branch: &str| {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *full-name*) echo {branch};; *--verify*) echo {};; esac\n",
            "01".repeat(20)
        );
        instance.program("bin/git", &script);
    };
    answers("refs/heads/main");
    instance.check(&APPLY).prints("from: main 0101010");
    answers("refs/heads/fix");
    instance.check(&APPLY).prints("is on the branch fix");
    answers("HEAD");
    instance.check(&APPLY).prints("is on no branch");
}

#[test]
fn an_old_fetch_is_said_to_who_changes_something() {
    let instance = Instance::new().rules("policy: {fetchAge: 24h}");
    instance.commit();
    let fetched = |age: &str| {
        let file = instance.write("m/.git/FETCH_HEAD", "something\n");
        Output::of(Command::new("touch").args(["-d", age]).arg(file)).exits(0);
    };
    let top = instance.checkout().display().to_string();
    let said = format!("envguard: {top} was last fetched 3 days ago: git -C {top} fetch\n");
    fetched("3 days ago");
    instance.envguard(&APPLY).says(&said).exits(42);
    let silent = |words: &[&str]| {
        let output = instance.envguard(words).exits(42);
        assert!(!output.stderr.contains("fetch"), "{output}");
    };
    silent(&["get", "-k", "overlays/develop"]);
    fetched("1 hour ago");
    silent(&APPLY);
    std::fs::remove_file(instance.path("m/.git/FETCH_HEAD")).unwrap();
    silent(&APPLY);
}

#[test]
fn a_commit_that_came_while_the_name_was_typed_stops_the_command() {
    if lacks("bash", "the question is asked on a terminal") {
        return;
    }
    let instance = critical();
    let mut shell = rexpect::spawn_bash(DEADLINE).unwrap();
    let line = format!(
        "unset ${{!KUBE*}} ${{!ENVGUARD*}} XDG_RUNTIME_DIR XDG_STATE_HOME; cd {} && export NO_COLOR=1 HOME={} ENVGUARD_CONFIG={} PATH={}:/usr/bin:/bin",
        instance.checkout().display(),
        instance.path("home").display(),
        instance.config().display(),
        instance.path("bin").display(),
    );
    shell.send_line(&line).unwrap();
    shell.wait_for_prompt().unwrap();
    for moves in [true, false] {
        let line = format!("{} delete -k overlays/develop; echo 'ended with' $?", shim().display());
        shell.send_line(&line).unwrap();
        // From which commit it works is said before anybody says yes.
        let commit = instance.git(&["rev-parse", "HEAD"]);
        shell.exp_string(&format!("from main {}", &commit[..7])).unwrap();
        shell.exp_string("]: ").unwrap();
        if moves {
            instance.git(&["commit", "--quiet", "--allow-empty", "-m", "pulled"]);
        }
        shell.send_line("develop").unwrap();
        let (before, found) = shell.exp_regex("ended with [0-9]+\r?\n").unwrap();
        shell.wait_for_prompt().unwrap();
        if moves {
            assert!(found.contains("ended with 77"), "{before}{found}");
            assert!(before.contains("refused (checkout-moved)"), "{before}");
            assert!(before.contains(&format!("was at main {} when", &commit[..7])), "{before}");
            assert!(before.contains("kubectl delete -k overlays/develop"), "{before}");
            assert_eq!(instance.recorded(), None, "kubectl has run");
            let line = logged(&instance);
            assert_eq!((&line["event"], &line["verdict"]), (&"moved".into(), &"refuse".into()));
            assert_eq!(line["reasons"][0]["code"], "checkout-moved");
        } else {
            assert!(found.contains("ended with 42"), "{before}{found}");
            assert!(instance.recorded().is_some());
        }
    }
    shell.send_line("exit").unwrap();
}

#[test]
fn check_says_from_which_commit_it_would_work() {
    let instance = critical();
    let commit = instance.git(&["rev-parse", "HEAD"]);
    instance.check(&APPLY).prints(&format!("  from: main {}\n", &commit[..7]));
    instance.write("m/base/cm.yaml", &config_map("changed"));
    let output =
        instance.envguard(&["check", "-o", "json", "--", "apply", "-k", "overlays/develop"]);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let expected = format!("main {}, 1 file not committed", &commit[..7]);
    assert_eq!(document["origin"], expected.as_str(), "{document}");
}
