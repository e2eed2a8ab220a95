//! The question for the environment's name, and the line to paste.

use crate::support::{Instance, Output, Terminal};

#[test]
fn a_level_asks_for_the_name() {
    let production = Instance::of("production");
    production.write("m/overlays/production/kustomization.yaml", "resources: []\n");
    production.commit();
    let apply = ["apply", "-k", "overlays/production"];
    production.envguard(&apply).refused("not-confirmed").says("--confirm production apply");
    let confirmed = |name: &str, words: &[&str]| {
        let mut all = vec!["--confirm", name];
        all.extend(words);
        production.envguard(&all)
    };
    confirmed("production", &apply).exits(42);
    confirmed("develop-eks", &apply).exits(42); // the cluster's name serves too
    for other in ["develop", "y", "yes", "true"] {
        confirmed(other, &apply).refused("not-confirmed");
    }
    confirmed("production", &["apply", "-k", "overlays/develop"]).refused("target-foreign");
    production.envguard(&["get", "pods"]).exits(42);
    production.envguard(&["exec", "web", "--", "sh"]).refused("not-confirmed");
    let staging = Instance::of("staging");
    staging.envguard(&["delete", "pod", "x"]).refused("not-confirmed");
    staging.envguard(&["label", "pod", "x", "a=b"]).exits(42);
}

/// Screens are kept, too: in a log of CI, in a recorded session.
#[test]
fn a_line_to_paste_says_where_a_secret_is_missing() {
    let production = Instance::of("production");
    let sentence = "   # put the value you typed in place of ***";
    for (words, line) in [
        (
            &["create", "secret", "generic", "x", "--from-literal=a=S3CRET"][..],
            "create secret generic x --from-literal=a=***",
        ),
        (&["run", "x", "--image=i", "--env", "A=S3 CRET"], "run x --image=i --env A=***"),
        (&["set", "env", "deploy/x", "A=S3CRET"], "set env deploy/x A=***"),
        (&["delete", "pod", "x y", "--token=S3CRET"], "delete pod 'x y' --token=***"),
        (&["exec", "x", "--", "mysql", "-pS3CRET"], "exec x -- mysql -p***"),
        (&["exec", "x", "--", "sh", "-c", "mysql -pS3CRET w"], "exec x -- sh -c 'mysql -p*** w'"),
    ] {
        let refused = production.envguard(words).exits(77);
        let line = format!("kubectl envguard --confirm production {line}{sentence}");
        let is_identity = words.contains(&"--token=S3CRET");
        if !is_identity {
            refused.says(&line);
        }
        let break_glass = [&["--break-glass", "fire"], words].concat();
        let refused = production.envguard(&break_glass).exits(77);
        let output = refused.says(&line.replace(" --confirm", " --break-glass fire --confirm"));
        assert!(!output.stderr.contains("S3"), "{output}");
        for format in ["text", "json"] {
            let words = [&["check", "-o", format, "--"], words].concat();
            let output = production.envguard(&words);
            assert!(!output.stdout.contains("S3") && !output.stderr.contains("S3"), "{output}");
        }
    }
    // An address is shown as a path that would be read, too.
    for words in [
        ["apply", "-k", "https://ghp_S3CRET@github.com/o/r?ref=v1"],
        ["apply", "-k", "git::https://oauth2:S3CRET@git.test/o/r"],
        ["apply", "-f", "https://h.test/x.yaml?sig=S3CRET"],
        ["apply", "-k", "overlays/production"],
    ] {
        let resources = "resources: ['https://h.test/x.yaml?token=S3CRET']\n";
        production.write("m/overlays/production/kustomization.yaml", resources);
        for format in ["text", "json"] {
            let output =
                production.envguard(&[&["check", "-o", format, "--"][..], &words].concat());
            assert!(output.stdout.contains("***"), "{output}");
            assert!(!output.stdout.contains("S3") && !output.stderr.contains("S3"), "{output}");
        }
    }
    // What has no secret can be pasted as it stands.
    for (words, line) in [
        (&["label", "pod", "x", "a=b c"][..], "label pod x 'a=b c'"),
        (&["exec", "x", "--", "sh", "-c", "ls -la *"], "exec x -- sh -c 'ls -la *'"),
        (&["delete", "pod", "***"], "delete pod '***'"),
        (&["patch", "pod", "x", "-p", "{\"a\":\"b\"}"], "patch pod x -p '{\"a\":\"b\"}'"),
    ] {
        let refused = production.envguard(words).refused("not-confirmed");
        refused.says(&format!("kubectl envguard --confirm production {line}\n"));
    }
}

#[test]
fn the_name_is_typed_on_the_terminal() {
    let production = Instance::of("production");
    let typed = |answer: &str| {
        let mut command = production.command(&crate::support::envguard());
        let mut terminal = Terminal::start(command.args(["delete", "pod", "x"]));
        terminal.shows("type the environment's name to run it [production]: ");
        terminal.types(answer);
        terminal.ends()
    };
    assert_eq!(typed("production\n").1, Some(42));
    let (shown, code) = typed("develop\n");
    shown.contains("refused (not-confirmed): not confirmed: develop was typed");
    // Perhaps the develop instance was meant: no line that runs here unasked.
    shown.contains("kubectl delete pod x   # and type production, if this instance is meant");
    shown.lacks("--confirm");
    assert_eq!(code, Some(77));
    let (shown, code) = typed("\n");
    shown.contains("nothing was typed");
    assert_eq!(code, Some(77));
    for habit in ["y\n", "yes\n", "Y\n"] {
        assert_eq!(typed(habit).1, Some(77), "{habit}");
    }
    // What comes through standard input is no answer.
    let mut command = production.command("/bin/sh".as_ref());
    let line = format!("echo production | {} delete pod x", crate::support::envguard().display());
    let mut terminal = Terminal::start(command.args(["-c", &line]));
    terminal.shows("type the environment's name to run it [production]: ");
    terminal.types("develop\n");
    let (shown, code) = terminal.ends();
    shown.contains("develop was typed");
    assert_eq!(code, Some(77));
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let production = Instance::of("production");
    // It waits for what the cluster says; somebody types ahead meanwhile.
    let fifo = production.path("elsewhere/fifo");
    Output::of(std::process::Command::new("mkfifo").arg(&fifo)).exits(0);
    let script = format!("#!/bin/sh\ncat {} >/dev/null\nexit 42\n", fifo.display());
    production.program("bin/kubectl", &script);
    let mut command = production.command(&crate::support::envguard());
    let mut terminal = Terminal::start(command.args(["delete", "pod", "x"]));
    terminal.shows("would change ...");
    terminal.types("production\n");
    terminal.shows("production\r\n");
    std::fs::write(&fifo, "").unwrap();
    terminal.shows("type the environment's name to run it [production]: ");
    terminal.types("\n");
    let (shown, code) = terminal.ends();
    shown.contains("nothing was typed");
    assert_eq!(code, Some(77));
}
