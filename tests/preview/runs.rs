//! What runs after the question is what was shown.

use super::{Night, answers, asks};
use crate::support::kubectls;

#[test]
fn what_streams_in_is_named_shown_and_runs_as_it_is() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let mut terminal = night.login();
        let file = night.instance.write(
            "elsewhere/x.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: piped, namespace: web}\ndata: {a: b}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
        );
        let line = format!("cat {} | kubectl apply -f -", file.display());
        for answer in ["no", "production"] {
            let shown = asks(&mut terminal, &line);
            shown.contains("  standard input: 2 objects\n".replace('\n', "").as_str());
            shown.contains("    ConfigMap web/piped").contains("    Namespace web");
            shown.contains("    ConfigMap web/piped  is new");
            let (shown, code) = answers(&mut terminal, answer);
            if answer == "production" {
                shown.contains("configmap/piped created");
            }
            assert_eq!(code, if answer == "no" { 77 } else { 0 });
        }
    }
}

#[test]
fn what_changes_while_somebody_reads_is_shown_again() {
    let Some(night) = Night::newest(true) else { return };
    let night_rules = "policy: {uncommitted: allow}\n";
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &format!("{text}{night_rules}"));
    night.new_version();
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production").contains("v41\u{2192}v42");
    let file = night.instance.checkout().join("overlays/production/api.yaml");
    let text = crate::support::read(&file);
    crate::support::write(&file, &text.replace("v42", "v43"));
    let before = night.server.changes();
    let shown = asks(&mut terminal, "production");
    shown.contains("the files have changed since they were shown").contains("v41\u{2192}v43");
    assert_eq!(night.server.changes(), before);
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert!(output.stdout.contains("files changed, asked again"), "{output}");
}

#[test]
fn xargs_is_asked_once_and_a_shell_each_time() {
    let Some(night) = Night::newest(false) else { return };
    let names = ["a", "b", "c"];
    for name in names {
        let words = ["--confirm", "production", "create", "cm", name, "-n", "web"];
        night.instance.envguard(&words).exits(0);
    }
    let mut terminal = night.login();
    for name in ["a", "b"] {
        asks(&mut terminal, &format!("kubectl delete cm {name} -n web"));
        assert_eq!(answers(&mut terminal, "no").1, 77);
    }
    let deletes = "printf 'a\\nb\\nc\\n' | xargs -n1 kubectl delete -n web cm";
    let shown = asks(&mut terminal, deletes);
    shown.contains("ConfigMap web/a  goes");
    let (shown, code) = answers(&mut terminal, "production");
    assert_eq!(shown.count("deleted"), 3, "{}", shown.0);
    assert_eq!(shown.count("the name was typed for this within the last minute"), 2);
    assert_eq!(code, 0);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert_eq!(output.stdout.matches("ran on the same answer").count(), 2, "{output}");
    // Another kind, in a job of its own: asked again.
    asks(&mut terminal, "echo web | xargs -n1 kubectl delete ns");
    answers(&mut terminal, "no");
}

#[test]
fn the_look_is_in_the_same_sandbox() {
    let Some(night) = Night::newest(false) else { return };
    night.instance.write("m/overlays/prod/extra.yaml", "x");
    let seen = night.instance.path("elsewhere/seen");
    let script = format!(
        "#!/bin/sh\nfor f in overlays/production/api.yaml overlays/prod/extra.yaml; do
        if cat $f >/dev/null 2>&1; then echo open $f; else echo closed $f; fi; done >>{}\nexit 9\n",
        seen.display()
    );
    night.instance.program("bin/fake", &script);
    let line = format!("kubectl: {}\n", night.instance.path("bin/fake").display());
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &(text + &line));
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let expected = "open overlays/production/api.yaml\nclosed overlays/prod/extra.yaml\n";
    assert_eq!(crate::support::read(&seen), expected);
    assert_eq!(answers(&mut terminal, "production").1, 9);
    // The guard itself is not shut in by the look: kubectl finds the same afterwards.
    assert_eq!(crate::support::read(&seen), expected.repeat(2));
}

#[test]
fn an_answer_that_came_to_nothing_is_recorded_as_nothing() {
    let Some(night) = Night::newest(true) else { return };
    let file = night.instance.checkout().join("overlays/production/settings.yaml");
    let text = crate::support::read(&file);
    crate::support::write(&file, &text.replace("info", "warn"));
    let mut terminal = night.login();
    let guard = "kubectl envguard --break-glass 'payments are down' apply -f overlays/production/settings.yaml";
    asks(&mut terminal, guard);
    crate::support::write(&file, &text.replace("info", "debug"));
    asks(&mut terminal, "production");
    assert_eq!(answers(&mut terminal, "no").1, 77);
    let output = night.instance.envguard(&["audit", "--command", "settings.yaml"]).exits(0);
    assert!(!output.stdout.contains("name typed, ran"), "{output}");
    assert!(output.stdout.contains("files changed, asked again"), "{output}");
    let banner = night.instance.envguard(&["banner"]).stdout;
    assert!(!banner.contains("BREAK GLASS"), "it did not run: {banner}");
}

#[test]
fn a_script_that_names_the_environment_leaves_in_its_log_what_it_changes() {
    let kubectls = kubectls();
    for kubectl in kubectls.first().into_iter().chain(kubectls.last()) {
        let night = Night::new(kubectl, true);
        night.new_version();
        let words = ["--confirm", "production", "apply", "-k", "overlays/production"];
        let output = night.instance.envguard(&words).exits(0);
        for line in ["envguard: PRODUCTION (", "  image v41", "confirmed with --confirm production"]
        {
            assert!(output.stderr.contains(line.trim()), "{line}: {output}");
        }
        assert!(!output.stderr.contains("S3CRET"), "{output}");
        assert!(output.stdout.contains("deployment.apps/api configured"), "{output}");
        assert!(!output.stdout.contains("would change"), "{output}");
        // A way into the cluster has nothing to show.
        let words = ["--confirm", "production", "exec", "nobody", "-n", "web", "--", "ls"];
        let output = night.instance.envguard(&words);
        assert!(!output.stderr.contains("PRODUCTION"), "{output}");
    }
}
