//! Manifests from standard input and other streams: read to their end, compared
//! with what git knows of the foreign overlays, and handed on.

use std::process::Command;

use crate::support::{Instance, Kubectl, Output, Server, config_map, kubectls, skip};

/// An instance whose tree is committed and whose foreign overlay is off the disk.
fn tidied() -> Instance {
    let instance = Instance::new();
    commit(&instance);
    instance
}

fn commit(instance: &Instance) {
    instance.git(&["add", "."]);
    instance.git(&["commit", "--quiet", "--allow-empty", "-m", "all"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap_or_default();
}

/// Runs a bash script in which `$G` is the guard.
fn bash(instance: &Instance, script: &str) -> Output {
    let mut command = instance.command("/bin/bash".as_ref());
    Output::of(command.args(["-c", script]).env("G", crate::support::envguard()))
}

fn newest() -> Option<Kubectl> {
    kubectls().pop()
}

#[test]
fn everyday_pipes_work_with_every_kubectl() {
    for kubectl in kubectls() {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, &kubectl);
        commit(&instance);
        let applied = |script: &str, name: &str| {
            bash(&instance, script).prints(name).exits(0);
            let deletion = format!("\"$G\" get cm {name} -o yaml | \"$G\" delete -f -");
            bash(&instance, &deletion).prints("deleted").exits(0);
        };
        let cm = |name: &str| config_map(name).replace('\n', "\\n");
        for (name, script) in [
            ("a1", format!("printf '{}' | \"$G\" apply -f -", cm("a1"))),
            ("a2", format!("printf '{}' | \"$G\" apply -f /dev/stdin", cm("a2"))),
            ("a3", format!("printf '{}' | \"$G\" apply -f /dev/fd/0", cm("a3"))),
            ("a4", format!("printf '{}' | \"$G\" apply -f /proc/self/fd/0", cm("a4"))),
            ("a5", format!("\"$G\" apply -f <(printf '{}')", cm("a5"))),
            ("a6", format!("\"$G\" apply -f/dev/fd/9 9< <(printf '{}')", cm("a6"))),
            ("a7", format!("\"$G\" create -f - <<< \"$(printf '{}')\"", cm("a7"))),
            ("a8", format!("\"$G\" apply -f - <<EOF\n{}\nEOF", config_map("a8"))),
            (
                "a9",
                "\"$G\" create cm a9 --from-literal=a=b --dry-run=client -o yaml | \"$G\" apply -f -"
                    .to_owned(),
            ),
            ("develop-web", "\"$G\" kustomize overlays/develop | \"$G\" apply -f -".to_owned()),
            (
                "b1",
                format!(
                    "printf '{}' | \"$G\" create -f - && printf '{}' | \"$G\" replace --force -f -",
                    cm("b1"),
                    cm("b1")
                ),
            ),
        ] {
            applied(&script, name);
        }
        // Two streams at once, and a file between them.
        let both = format!(
            "printf '{}' | \"$G\" apply -f - -f overlays/develop/extra.yaml -f <(printf '{}')",
            cm("c1"),
            cm("c2")
        );
        bash(&instance, &both).prints("c1").prints("develop-extra").prints("c2").exits(0);
    }
}

#[test]
fn what_git_has_in_a_foreign_overlay_only_is_refused() {
    let Some(kubectl) = newest() else { return };
    let server = Server::start("develop-eks");
    let instance = Instance::with_server(&server, &kubectl);
    commit(&instance);
    let show = "git show HEAD:overlays/prod/extra.yaml";
    for script in [
        format!("{show} | \"$G\" apply -f -"),
        format!("{show} | \"$G\" delete -f /dev/stdin"),
        format!("\"$G\" apply -f <({show})"),
        format!("{show} | sed 's/$/\\r/' | \"$G\" apply -f -"),
        format!("{{ cat base/cm.yaml; echo ---; {show}; }} | \"$G\" apply -f -"),
        format!("{show} | sed 's/^data:.*/data:\\n  # note\\n  a: '\"'1'\"'/' | \"$G\" apply -f -"),
        "echo '{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"1\"},\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"prod-extra\",\"creationTimestamp\":null}}' | \"$G\" apply -f -".to_owned(),
        format!("{{ printf 'apiVersion: v1\\nkind: List\\nitems:\\n'; {show} | sed '1s/^/- /;1!s/^/  /'; }} | \"$G\" apply -f -"),
        format!("{{ printf '\\xff\\xfe'; {show} | iconv -t UTF-16LE; }} | \"$G\" apply -f -"),
        format!("{show} | \"$G\" create --raw /api/v1/namespaces/default/configmaps -f -"),
    ] {
        let output = bash(&instance, &script).refused("target-stdin");
        let text = format!("{script}: {output}");
        assert!(output.stderr.contains("ConfigMap prod-extra of another environment"), "{text}");
        assert!(output.stderr.contains("overlays/prod/extra.yaml"), "{text}");
    }
    assert_eq!(server.changes(), [""; 0]);
    // Reading commands and dry runs change nothing.
    let dry = format!("{show} | \"$G\" apply --dry-run=client -f -");
    bash(&instance, &dry).exits(0);
    bash(&instance, &format!("{show} | \"$G\" diff -f -")).exits(1);
}

#[test]
fn what_is_elsewhere_too_says_nothing() {
    let instance = Instance::new();
    let twin = config_map("twin");
    instance.write("m/overlays/prod/twin.yaml", &twin);
    instance.write("m/overlays/prod/both.yaml", &format!("{twin}---\n{}", config_map("own")));
    commit(&instance);
    let apply = "git show HEAD:overlays/prod/twin.yaml | \"$G\" apply -f -";
    bash(&instance, apply).refused("target-stdin");
    // In an allowed overlay, in other words; in a shared base; anywhere else.
    for path in ["m/overlays/develop/all.yaml", "m/base/twin.yaml", "m/docs/example.yml"] {
        instance.write(path, &format!("# other words\n{}---\n{twin}", config_map("x")));
        bash(&instance, apply).refused("target-stdin"); // not known to git yet
        instance.git(&["add", path.strip_prefix("m/").unwrap()]);
        bash(&instance, apply).exits(42);
        let both = "git show HEAD:overlays/prod/both.yaml | \"$G\" apply -f -";
        bash(&instance, both).refused("target-stdin").says("ConfigMap own of another");
        instance.git(&["rm", "--quiet", "--cached", path.strip_prefix("m/").unwrap()]);
        std::fs::remove_file(instance.path(path)).unwrap();
    }
}

#[test]
fn head_index_and_upstream_are_looked_at() {
    let instance = tidied();
    let apply = |name: &str| {
        let text = config_map(name).replace('\n', "\\n");
        bash(&instance, &format!("printf '{text}' | \"$G\" apply -f -"))
    };
    // the index only
    instance.write("m/overlays/prod/staged.yaml", &config_map("staged"));
    instance.git(&["add", "overlays/prod/staged.yaml"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap();
    apply("staged").refused("target-stdin").says("the index");
    // upstream only
    instance.git(&["reset", "--quiet"]);
    apply("staged").exits(42);
    instance.git(&["checkout", "--quiet", "-b", "theirs"]);
    instance.write("m/overlays/prod/upstream.yaml", &config_map("upstream"));
    instance.git(&["add", "overlays/prod/upstream.yaml"]);
    instance.git(&["commit", "--quiet", "-m", "theirs"]);
    instance.git(&["checkout", "--quiet", "main"]);
    apply("upstream").exits(42);
    instance.git(&["branch", "--quiet", "--set-upstream-to=theirs"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap_or_default();
    apply("upstream").refused("target-stdin").says("upstream");
    instance.git(&["branch", "--quiet", "-D", "theirs"]);
    apply("upstream").exits(42); // an upstream that is gone
    apply("prod-extra").refused("target-stdin").says("HEAD");
    // a detached HEAD, a first commit that is still to come
    instance.git(&["checkout", "--quiet", "--detach"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap_or_default();
    apply("prod-extra").refused("target-stdin");
    instance.git(&["checkout", "--quiet", "--orphan", "fresh"]);
    std::fs::remove_dir_all(instance.path("m/overlays/prod")).unwrap_or_default();
    apply("prod-extra").refused("target-stdin").says("the index");
    // a linked worktree's own HEAD
    instance.git(&["checkout", "--quiet", "-f", "main"]);
    instance.git(&["worktree", "add", "--quiet", "-b", "side", "../elsewhere/side"]);
    instance.write("elsewhere/side/overlays/prod/side.yaml", &config_map("side"));
    instance.git(&["-C", "../elsewhere/side", "add", "."]);
    instance.git(&["-C", "../elsewhere/side", "commit", "--quiet", "-m", "side"]);
    for tree in ["m", "elsewhere/side"] {
        std::fs::remove_dir_all(instance.path(&format!("{tree}/overlays/prod"))).unwrap();
    }
    apply("side").refused("target-stdin").says("elsewhere/side/overlays/prod/side.yaml");
}

#[test]
fn a_foreign_overlay_on_the_disk_closes_the_pipe_and_tidy_opens_it() {
    let instance = Instance::new();
    instance.git(&["add", "."]);
    instance.git(&["commit", "--quiet", "-m", "all"]);
    let pipe = "cat base/cm.yaml | \"$G\" apply -f -";
    let refused = bash(&instance, pipe).refused("target-stdin");
    assert!(refused.stderr.contains("kubectl envguard tidy"), "{refused}");
    bash(&instance, "\"$G\" tidy").exits(0);
    bash(&instance, pipe).exits(42);
    bash(&instance, "git show HEAD:overlays/prod/extra.yaml | \"$G\" apply -f -")
        .refused("target-stdin");
    // Every place counts: a link to one, a worktree, another checkout.
    instance.write("elsewhere/real/x.yaml", "x");
    instance.link("../../elsewhere/real", "m/overlays/prod");
    bash(&instance, pipe).refused("target-stdin");
    std::fs::remove_file(instance.path("m/overlays/prod")).unwrap();
    instance.git(&["-c", "core.sparseCheckout=false", "worktree", "add", "-q", "../elsewhere/w"]);
    instance.write("elsewhere/w/overlays/prod/x.yaml", "x");
    bash(&instance, pipe).refused("target-stdin").says("elsewhere/w/overlays/prod");
}

#[test]
fn kubectl_gets_the_same_bytes_and_nobody_can_change_them() {
    let instance = tidied();
    instance.write(
        "bin/kubectl",
        "#!/bin/sh\nreadlink /proc/self/fd/0 /proc/self/fd/63\ncat /dev/fd/0 /dev/fd/63\n: > /dev/fd/63\n",
    );
    let text = "a: 1\r\n# not changed\n---\n\n";
    let script = "printf \"$T\" | \"$G\" apply -f - -f /dev/fd/63 63< <(printf other)";
    let mut command = instance.command("/bin/bash".as_ref());
    command.args(["-c", script]).env("G", crate::support::envguard()).env("T", text);
    let output = Output::of(&mut command);
    assert_eq!(
        output.stdout,
        format!("/memfd:manifests (deleted)\n/memfd:manifests (deleted)\n{text}other"),
        "{output}"
    );
    assert!(output.stderr.contains("not permitted"), "{output}");
    // What is not judged is not touched.
    for (rules, words) in [
        ("", "get -f -"),
        ("", "apply --dry-run=client -f -"),
        ("", "set env deploy/x -"),
        ("", "exec -i x -- sh"),
        ("", "run x -i --image=i"),
        ("", "create cm x --from-file=/dev/stdin"),
        ("policy: {stdin: allow}", "apply -f -"),
    ] {
        let instance = tidied().rules(rules);
        instance.write("bin/kubectl", "#!/bin/sh\nreadlink /proc/self/fd/0\ncat\n");
        let output = bash(&instance, &format!("echo piped | \"$G\" {words}"));
        assert!(output.stdout.starts_with("pipe:["), "{words}: {output}");
        assert!(output.stdout.ends_with("piped\n"), "{words}: {output}");
    }
}

#[test]
fn observing_hands_on_everything() {
    let instance = tidied().rules("policy: {mode: observe}");
    instance.write("bin/kubectl", "#!/bin/sh\nwc -c; exit 3\n");
    for (count, said) in [("16777216", false), ("16777217", true), ("40000000", true)] {
        let script = format!("head -c {count} /dev/zero | tr '\\0' '#' | \"$G\" apply -f -");
        let output = bash(&instance, &script).prints(count).exits(3);
        assert_eq!(output.stderr.contains("more than 16 MiB"), said, "{output}");
    }
    let foreign = "git show HEAD:overlays/prod/extra.yaml | \"$G\" apply -f -";
    bash(&instance, foreign).exits(3).says("would be refused (target-stdin)");
    let instance = tidied();
    bash(&instance, "head -c 16777217 /dev/zero | tr '\\0' '#' | \"$G\" apply -f -")
        .refused("target-stdin")
        .says("more than 16 MiB");
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_way_out() {
    let instance = tidied();
    let pipe = "cat base/cm.yaml | \"$G\" apply -f -";
    for (text, said) in [
        ("a: [", "document 1 is not readable YAML"),
        ("a: 1\\n---\\n\\tb: [1", "document 2 is not readable YAML"),
    ] {
        bash(&instance, &format!("printf '{text}' | \"$G\" apply -f -"))
            .refused("target-stdin")
            .says(said);
    }
    let brackets = "head -c 100000 /dev/zero | tr '\\0' '[' | \"$G\" apply -f -";
    bash(&instance, brackets).refused("target-stdin").says("nests brackets deeper");
    // no git
    let without = format!("PATH={}; {pipe}", instance.path("bin").display());
    bash(&instance, &without.replace("cat ", "/bin/cat "))
        .refused("target-stdin")
        .says("git cannot be run");
    // a repository that is damaged
    std::fs::rename(instance.path("m/.git/objects"), instance.path("m/.git/o")).unwrap();
    bash(&instance, pipe).refused("target-stdin").says("git -C");
    std::fs::rename(instance.path("m/.git/o"), instance.path("m/.git/objects")).unwrap();
    bash(&instance, pipe).exits(42);
    // FIFOs: the remedy is a line that works
    let fifo = "mkfifo p; cat base/cm.yaml > p & ";
    bash(&instance, &format!("{fifo}\"$G\" apply -f p; rc=$?; cat p > /dev/null; exit $rc"))
        .refused("target-stdin")
        .says("kubectl apply -f - < p");
    bash(&instance, "cat base/cm.yaml > p & \"$G\" apply -f - < p").exits(42);
    bash(&instance, "\"$G\" apply -f /dev/fd/1").refused("target-stdin");
    bash(&instance, "\"$G\" apply -f - < /dev/null").exits(42);
    bash(&instance, "\"$G\" apply -f - <&-").exits(42);
    // nothing to compare with
    std::fs::remove_dir_all(instance.path("m/.git")).unwrap();
    bash(&instance, pipe).exits(42);
}

#[test]
fn git_of_somebody_else_fails_only_this_rule() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can give a repository to somebody else");
    }
    let instance = tidied();
    let chown = format!("chown -R 65534 {}", instance.checkout().display());
    Output::of(Command::new("sh").args(["-c", &chown])).exits(0);
    bash(&instance, "cat base/cm.yaml | \"$G\" apply -f -")
        .refused("target-stdin")
        .says("git config --system --add safe.directory");
    bash(&instance, "\"$G\" apply -k overlays/develop").exits(42);
    let global = instance.path("home/.gitconfig");
    let allowed = format!("[safe]\n\tdirectory = {}\n", instance.checkout().display());
    std::fs::write(global, allowed).unwrap();
    bash(&instance, "cat base/cm.yaml | \"$G\" apply -f -").exits(42);
}

#[test]
fn git_variables_of_the_operator_lead_nowhere() {
    let instance = tidied();
    instance.write("other/overlays/develop/x.yaml", "");
    let script = "export GIT_DIR=/nowhere GIT_WORK_TREE=/nowhere GIT_INDEX_FILE=/nowhere; git --git-dir=.git show HEAD:overlays/prod/extra.yaml | \"$G\" apply -f -";
    bash(&instance, script).refused("target-stdin").says("ConfigMap prod-extra");
    // what a repository's configuration would run is not run
    instance.git(&["config", "core.fsmonitor", "touch ran; false"]);
    instance.git(&["config", "core.pager", "touch ran; cat"]);
    bash(&instance, "cat base/cm.yaml | \"$G\" apply -f -").exits(42);
    assert!(!instance.path("m/ran").exists());
}

/// A dialogue with the guard on a terminal.
fn on_a_terminal(instance: &Instance, words: &[&str]) -> rexpect::session::PtySession {
    let mut command = instance.command(&crate::support::envguard());
    command.args(words).env("NO_COLOR", "1").stdin(std::process::Stdio::inherit());
    rexpect::session::spawn_command(command, Some(20_000)).unwrap()
}

#[test]
fn typed_manifests_end_with_control_d() {
    let instance = tidied();
    let log = instance.path("typed");
    instance.write("bin/kubectl", &format!("#!/bin/sh\ncat > {}\n", log.display()));
    let mut session = on_a_terminal(&instance, &["apply", "-f", "-"]);
    for line in config_map("typed").lines() {
        session.send_line(line).unwrap();
    }
    session.send_control('d').unwrap();
    session.exp_eof().unwrap();
    assert_eq!(crate::support::read(&log), config_map("typed"));
    // What is refused anyway is refused before anybody types.
    let words = ["apply", "-f", "-", "--context", "prod"];
    let mut session = on_a_terminal(&instance, &words);
    session.exp_string("refused (cluster-override)").unwrap();
    session.exp_eof().unwrap();
    // `check` does not make anybody type either.
    let mut session = on_a_terminal(&instance, &["check", "--", "apply", "-f", "-"]);
    session.exp_string("will be read to its end and compared").unwrap();
    session.exp_string("would run").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn the_hash_stands_in_the_audit_log() {
    let instance = tidied();
    let log = instance.path("log");
    let instance = instance.rules(&format!("audit: {}", log.display()));
    std::fs::create_dir_all(&log).unwrap();
    bash(&instance, "cat base/cm.yaml | \"$G\" apply -f -").exits(42);
    let mut sum = Command::new("sha256sum");
    let sum = Output::of(sum.arg(instance.path("m/base/cm.yaml"))).exits(0).stdout;
    let lines = Output::of(Command::new("sh").args(["-c", "cat \"$1\"/*", "sh"]).arg(&log)).stdout;
    assert!(lines.contains(&format!("\"stdin\":\"sha256:{}\"", &sum[..64])), "{lines}");
}
