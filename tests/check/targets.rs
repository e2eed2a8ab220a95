//! What a command names and what that leads to: overlays, references, links, streams.

use super::{assert_verdict, holds};
use crate::support::{Instance, Output, config_map};

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
