//! Verdicts on a real tree: what runs, what is refused, and under which code.

use crate::support::{Instance, Output, Terminal, config_map};

/// One row: the words, and the code they are refused under or `run`.
type Row<'r> = (&'r [&'r str], &'r str);

#[track_caller]
fn holds(instance: &Instance, rows: &[Row<'_>]) {
    for (words, expected) in rows {
        let output = instance.check(words);
        assert_verdict(&output, expected, words);
    }
}

#[track_caller]
fn assert_verdict(output: &Output, expected: &str, words: &[&str]) {
    let first = output.stdout.lines().next().unwrap_or_default();
    if expected == "run" {
        assert_eq!(output.code, Some(0), "{words:?} {output}");
        assert!(first.starts_with("envguard: would run"), "{words:?} {output}");
    } else {
        assert_eq!(output.code, Some(77), "{words:?} {output}");
        let prefix = format!("envguard: refused ({expected}): ");
        assert!(first.starts_with(&prefix), "{words:?}: expected {expected}: {output}");
    }
}

#[test]
fn ordinary_work_runs_and_the_accident_is_refused() {
    holds(
        &Instance::new(),
        &[
            (&["apply", "-k", "overlays/develop"], "run"),
            (&["apply", "-koverlays/develop/"], "run"),
            (&["apply", "-k", "./overlays/../overlays/develop"], "run"),
            (&["apply", "-f", "overlays/develop/extra.yaml"], "run"),
            (&["diff", "-k", "overlays/develop"], "run"),
            (&["delete", "-k", "overlays/develop"], "run"),
            (&["kustomize", "overlays/develop"], "run"),
            (&["kustomize", "base"], "run"),
            (&["get", "pods", "-A"], "run"),
            (&["get", "-f", "base/cm.yaml"], "run"),
            (&["diff", "-k", "base"], "run"),
            (&["apply", "-k", "base", "--dry-run=client"], "run"),
            (&["logs", "-f", "web"], "run"),
            (&["exec", "-it", "web", "--", "sh", "-f", "overlays/prod"], "run"),
            (&["create", "deployment", "x", "--image=overlays/prod"], "run"),
            (&["version"], "run"),
            (&["auth", "can-i", "get", "pods", "--as", "system:serviceaccount:a:b"], "run"),
            // the accident, in all its spellings
            (&["apply", "-k", "overlays/prod"], "target-foreign"),
            (&["apply", "-koverlays/prod"], "target-foreign"),
            (&["apply", "-k=overlays/prod"], "target-foreign"),
            (&["apply", "--kustomize=overlays/prod"], "target-foreign"),
            (&["-k", "overlays/prod", "apply"], "target-foreign"),
            (&["apply", "-k", "overlays/develop", "-k", "overlays/prod"], "target-foreign"),
            (&["apply", "-k", "overlays/develop/../prod"], "target-foreign"),
            (&["apply", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
            (
                &["apply", "-f", "overlays/develop/extra.yaml,overlays/prod/extra.yaml"],
                "target-foreign",
            ),
            (&["apply", "-f", "overlays/p*/extra.yaml"], "target-foreign"),
            (&["apply", "-f", "overlays/\\prod/extra.yaml"], "target-foreign"),
            (&["apply", "-Rf", "overlays"], "target-foreign"),
            (&["delete", "-k", "overlays/prod"], "target-foreign"),
            (&["diff", "-k", "overlays/prod"], "target-foreign"),
            (&["get", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["kustomize", "overlays/prod"], "target-foreign"),
            (&["kustomize", "--", "overlays/prod"], "target-foreign"),
            (&["apply", "-k", "overlays/prod", "--dry-run=client"], "target-foreign"),
            (&["set", "-f", "overlays/prod/extra.yaml", "image", "c=i"], "target-foreign"),
            (&["create", "--raw", "/api", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["apply", "-k", "overlays/prod-that-does-not-exist"], "target-foreign"),
            // places that are nobody's overlay
            (&["apply", "-k", "base"], "target-outside"),
            (&["apply", "-f", "base/cm.yaml"], "target-outside"),
            (&["apply", "-f", "../elsewhere"], "target-outside"),
            (&["apply", "-f", "/etc/hostname"], "target-outside"),
            (&["apply", "-f", "overlays"], "target-outside"),
            // the wrong flag
            (&["apply", "-f", "overlays/develop"], "kustomize-as-files"),
            (&["apply", "-f", "overlays/develop/kustomization.yaml"], "kustomize-as-files"),
            (&["delete", "-Rf", "overlays/develop"], "kustomize-as-files"),
            // addresses
            (&["apply", "-f", "https://example.test/x.yaml"], "target-remote"),
            (&["apply", "-k", "https://github.com/org/repo//overlays/prod"], "target-remote"),
            (&["apply", "-k", "github.com/org/repo"], "target-remote"),
            (&["apply", "-k", "git@example.test:org/repo"], "target-remote"),
            (&["diff", "-f", "http://example.test/x.yaml"], "target-remote"),
            // git directories
            (&["apply", "-f", ".git/config"], "reference-git"),
            // what is not understood
            (&["apply", "--filenam", "x"], "flag-unknown"),
            (&["frobnicate", "x"], "command-unknown"),
            (&["rollout", "forwards", "deploy/x"], "command-unknown"),
            (&["apply", "-f", "a\"b"], "input-unreadable"),
        ],
    );
}

#[test]
fn references_are_followed() {
    let instance = Instance::new();
    for (name, kustomization, expected) in [
        ("resources", "resources: [../prod]", "reference-foreign"),
        ("bases", "bases: [../prod]", "reference-foreign"),
        ("components", "components: [../prod]", "reference-foreign"),
        ("file", "resources: [../prod/extra.yaml]", "reference-foreign"),
        ("folded", "re\u{17f}ources: [../prod]", "reference-foreign"),
        (
            "generator",
            "configMapGenerator: [{name: x, files: [k=../prod/extra.yaml]}]",
            "reference-foreign",
        ),
        ("patch", "patches: [{path: ../prod/extra.yaml}]", "reference-foreign"),
        (
            "inline-transformer",
            "transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: ../prod/extra.yaml}']",
            "reference-foreign",
        ),
        ("transformer-file", "transformers: [t.yaml]", "reference-foreign"),
        ("nested", "resources: [nested]", "reference-foreign"),
        ("helm", "helmGlobals: {chartHome: ../prod/charts}", "reference-foreign"),
        ("outside", "resources: [../../../elsewhere]", "reference-outside"),
        ("absolute", "resources: [/etc/hostname]", "reference-outside"),
        ("git", "resources: [../../.git]", "reference-git"),
        ("remote", "resources: ['https://github.com/org/repo?ref=v1']", "reference-remote"),
        ("remote-file", "resources: ['HTTPS://example.test/x.yaml']", "reference-remote"),
        ("scp", "resources: ['git@example.test:org/repo']", "reference-remote"),
        ("unknown", "resource: [x]", "input-unreadable"),
        ("duplicate", "resources: [cm.yaml]\nresources: [../prod]", "input-unreadable"),
        ("fine", "resources: [cm.yaml, ../../base]\npatches: [{path: p.yaml}]", "run"),
        ("second-document", "resources: [cm.yaml]\n---\nresources: [../prod]", "run"),
        ("gone", "resources: [../gone-environment]", "reference-foreign"),
    ] {
        let dir = "m/overlays/develop";
        std::fs::remove_dir_all(instance.path(dir)).unwrap();
        instance.write(&format!("{dir}/kustomization.yaml"), &format!("{kustomization}\n"));
        instance.write(&format!("{dir}/cm.yaml"), &config_map("x"));
        instance.write(&format!("{dir}/p.yaml"), &config_map("x"));
        instance.write(&format!("{dir}/nested/kustomization.yaml"), "resources: [../../prod]\n");
        instance.write(
            &format!("{dir}/t.yaml"),
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: ../prod/extra.yaml\n",
        );
        let words = ["apply", "-k", "overlays/develop"];
        assert_verdict(&instance.check(&words), expected, &[name]);
    }
}

#[test]
fn links_lead_where_they_lead() {
    let instance = Instance::new();
    instance.link("prod", "m/overlays/dev-link");
    instance.link("overlays/prod", "m/short");
    instance.link("../prod/extra.yaml", "m/overlays/develop/linked.yaml");
    instance.link("../../../elsewhere/x.yaml", "m/overlays/develop/out.yaml");
    instance.write("elsewhere/x.yaml", &config_map("x"));
    instance.link("m/overlays/develop", "to-develop");
    instance.link("m", "to-checkout");
    // a foreign name that is a link to a place outside every overlay
    instance.write("m/envs/p/kustomization.yaml", "resources: []\n");
    instance.link("../envs/p", "m/overlays/staging");
    holds(
        &instance,
        &[
            (&["apply", "-k", "overlays/dev-link"], "target-foreign"),
            (&["apply", "-k", "short"], "target-foreign"),
            (&["apply", "-f", "overlays/develop/linked.yaml"], "target-foreign"),
            (&["apply", "-f", "overlays/develop/out.yaml"], "target-outside"),
            (&["apply", "-k", "../to-develop"], "run"),
            (&["apply", "-k", "../to-checkout/overlays/develop"], "run"),
            (&["apply", "-k", "../to-checkout/overlays/prod"], "target-foreign"),
            (&["apply", "-k", "overlays/staging"], "target-foreign"),
            // the kernel goes up from overlays/prod, kustomize cleans the text
            (&["apply", "-k", "short/../overlays/develop"], "run"),
            (&["apply", "-f", "short/../develop/extra.yaml"], "run"),
            (&["apply", "-f", "../to-develop/../prod/extra.yaml"], "target-foreign"),
        ],
    );
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [../staging]\n");
    instance.check(&["apply", "-k", "overlays/develop"]).refused("reference-foreign");
}

#[test]
fn the_logical_working_directory_counts_for_kustomize() {
    let instance = Instance::new();
    // /…/here -> m/overlays/develop; `cd here; kubectl apply -k ../prod` means
    // /…/prod for kubectl, which trusts $PWD.
    instance.link("m/overlays/develop", "here");
    instance.write("prod/kustomization.yaml", "resources: []\n");
    let mut command = instance.command(&crate::support::envguard());
    command.current_dir(instance.path("here")).env("PWD", instance.path("here"));
    let output = Output::of(command.args(["check", "--", "apply", "-k", "../prod"]));
    assert!(output.stdout.contains("(target-foreign)"), "the physical reading counts: {output}");
    let logical = instance.path("prod");
    assert!(output.stdout.contains(logical.to_str().unwrap()), "so does the logical: {output}");
    // A $PWD that names another directory is not believed.
    let mut command = instance.command(&crate::support::envguard());
    command.current_dir(instance.path("m/overlays/develop")).env("PWD", instance.path("elsewhere"));
    let output = Output::of(command.args(["check", "--", "apply", "-k", "."]));
    assert_verdict(&output, "run", &["forged PWD"]);
}

#[test]
fn streams_are_judged_by_policy() {
    let instance = Instance::new();
    // A foreign overlay is on the disk: what is piped may come from it.
    holds(
        &instance,
        &[
            (&["apply", "-f", "/dev/fd/9"], "target-outside"),
            (&["get", "-f", "-"], "run"),
            (&["apply", "-f", "-", "--dry-run=client"], "run"),
        ],
    );
    let pipe = |rules: &str, script: &str| {
        let instance = Instance::new().rules(rules);
        let program = crate::support::envguard();
        Output::of(instance.command("/bin/bash".as_ref()).args(["-c", script]).env("G", program))
    };
    let refuse = "policy: {stdin: refuse}";
    let allow = "policy: {stdin: allow}";
    for (rules, script, expected) in [
        ("", "cat base/cm.yaml | \"$G\" apply -f -", Some("target-stdin")),
        ("", "\"$G\" apply -f <(cat base/cm.yaml)", Some("target-stdin")),
        ("", "cat base/cm.yaml | \"$G\" apply -f /dev/stdin", Some("target-stdin")),
        (refuse, "cat base/cm.yaml | \"$G\" apply -f -", Some("target-stdin")),
        (allow, "cat base/cm.yaml | \"$G\" apply -f -", None),
        (allow, "\"$G\" apply -f <(cat base/cm.yaml)", None),
        // a redirection has a place, whatever the policy
        (allow, "\"$G\" apply -f - < overlays/prod/extra.yaml", Some("target-foreign")),
        (allow, "\"$G\" apply -f /dev/stdin < overlays/prod/extra.yaml", Some("target-foreign")),
        (refuse, "\"$G\" apply -f - < overlays/develop/extra.yaml", None),
        (allow, "\"$G\" apply -f /proc/self/cwd/overlays/prod/extra.yaml", Some("target-foreign")),
        (allow, "\"$G\" apply -f /proc/self/root/etc/hostname", Some("target-outside")),
        (allow, "mkfifo \"$HOME/p\"; \"$G\" apply -f \"$HOME/p\"", None),
        (refuse, "mkfifo \"$HOME/p\"; \"$G\" apply -f \"$HOME/p\"", Some("target-stdin")),
    ] {
        let output = pipe(rules, script);
        match expected {
            Some(code) => drop(output.refused(code)),
            None => drop(output.exits(42)), // the recording kubectl ran
        }
    }
}

#[test]
fn the_configuration_says_what_is_whose() {
    let instance = Instance::new().checkout_rules("foreign: [prod]\n    shared: [base]\n");
    instance.write("m/overlays/staging/kustomization.yaml", "resources: []\n");
    instance.write("m/overlays/base/kustomization.yaml", "resources: []\n");
    holds(
        &instance,
        &[
            (&["apply", "-k", "overlays/prod"], "target-foreign"),
            (&["apply", "-k", "overlays/staging"], "target-outside"),
            (&["apply", "-k", "overlays/base"], "target-outside"),
            (&["diff", "-k", "overlays/staging"], "run"),
        ],
    );
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [../staging, ../base]\n");
    instance.check(&["apply", "-k", "overlays/develop"]).exits(0);

    let top = instance.path("elsewhere");
    let instance = instance.rules(&format!("alsoAllow: [{}]", top.display()));
    instance.write("elsewhere/x.yaml", &config_map("x"));
    instance.write("elsewhere/k/kustomization.yaml", "resources: [../x.yaml]\n");
    let file = top.join("x.yaml");
    instance.check(&["apply", "-f", file.to_str().unwrap()]).exits(0);
    instance.check(&["apply", "-k", "../elsewhere/k"]).exits(0);
}

#[test]
fn observe_says_what_would_be_refused_and_runs() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    let line = "envguard: OBSERVE, would be refused (target-foreign): overlays/prod is in the \
                overlay prod, which belongs to another environment";
    for run in [Instance::envguard, Instance::kubectl] {
        let output = run(&instance, &["apply", "-k", "overlays/prod"]).exits(42);
        assert_eq!(output.stderr.lines().filter(|said| said.contains("refused")).count(), 1);
        assert_eq!(output.stderr.lines().next(), Some(line), "{output}");
        // The other line is about the overlay that lies there, in every mode.
        assert_eq!(output.stderr.lines().count(), 2, "{output}");
    }
    let several = ["apply", "-k", "overlays/prod", "--as=root"];
    instance.envguard(&several).exits(42).says("(and one reason more)\n");
    // the whole of it, with rule and remedy, is a question away
    let words = ["apply", "-k", "overlays/prod"];
    instance.check(&words).exits(0).says("would be refused").says("  instead   ");
    // the log tells that nothing was enforced
    let log = instance.envguard(&["audit", "-o", "json"]).exits(0).stdout;
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{log}");
    for line in &lines {
        assert_eq!((&line["verdict"], &line["enforced"]), (&"refuse".into(), &false.into()));
    }
    // rules about the cluster hold
    instance.envguard(&["get", "po", "--context", "prod"]).refused("cluster-override");
}

#[test]
fn plugins_are_searched_not_parsed() {
    let instance = Instance::new();
    instance.write("bin/kubectl-neat", "#!/bin/sh\nexit 7\n");
    instance.executable("bin/kubectl-neat");
    holds(
        &instance,
        &[
            (&["neat", "get", "pod"], "run"),
            (&["neat", "-f", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["neat", "--file=overlays/prod"], "target-foreign"),
            (&["neat", "--context", "prod"], "cluster-override"),
            (&["neat", "--kubeconfig=/tmp/x"], "cluster-override"),
            (&["neatly", "x"], "command-unknown"),
        ],
    );
    // kubectl 1.31 and later: `create NAME` may be a plugin too
    instance.write("bin/kubectl-create-thing", "#!/bin/sh\nexit 7\n");
    instance.executable("bin/kubectl-create-thing");
    holds(
        &instance,
        &[
            (&["create", "thing", "x"], "run"),
            (&["create", "thing", "--flag-of-its-own", "x"], "run"),
            (&["create", "thing", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["create", "thing", "--context", "prod"], "cluster-override"),
            (&["create", "other", "--flag-of-its-own", "x"], "command-unknown"),
        ],
    );
}

#[test]
fn a_plugin_with_a_slash_is_a_path_from_here() {
    // kubectl 1.20–1.36 (Go's LookPath): `kubectl local/x` runs ./kubectl-local/x
    let instance = Instance::new();
    for name in ["m/kubectl-local/x", "m/kubectl-create-local/x"] {
        instance.write(name, "#!/bin/sh\nexit 7\n");
        instance.executable(name);
    }
    holds(
        &instance,
        &[
            (&["local/x"], "run"),
            (&["local/x", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["create", "local/x", "overlays/prod/extra.yaml"], "target-foreign"),
            (&["local/y"], "command-unknown"),
        ],
    );
}

#[test]
fn raw_requests_are_no_dry_runs() {
    let instance = Instance::new();
    let raw = "--raw=/api/v1/namespaces/x/configmaps";
    holds(
        &instance,
        &[
            // The value is a list: kubectl opens overlays/prod/extra.yaml.
            (&["create", raw, "-f", "\"overlays/prod/extra.yaml\""], "target-foreign"),
            (&["create", raw, "-f", "/etc/hostname", "--dry-run=client"], "target-outside"),
            (&["delete", raw, "--as", "x", "--dry-run=client"], "identity-override"),
            (&["replace", "--force", "-f", "/etc/hostname", "--dry-run=client"], "target-outside"),
        ],
    );
    let careful = Instance::new().rules("policy: {confirm: {destroy: always}}");
    careful
        .envguard(&["create", raw, "-f", "overlays/develop/extra.yaml"])
        .refused("not-confirmed");
    careful.envguard(&["create", "-f", "overlays/develop/extra.yaml"]).exits(42);
}

#[test]
fn a_command_that_is_two_things_asks_for_both() {
    let careful = Instance::new().rules("policy: {confirm: {channel: always}}");
    careful.envguard(&["run", "x", "--image=i", "-it", "--", "sh"]).refused("not-confirmed");
    careful.envguard(&["run", "x", "--image=i"]).exits(42);
    let careful = Instance::new().rules("policy: {confirm: {mutate: always}}");
    careful.envguard(&["debug", "pod/x", "--image=i"]).refused("not-confirmed");
    careful.envguard(&["exec", "x", "--", "sh"]).exits(42);
}

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
    confirmed("develop", &apply).refused("not-confirmed");
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
