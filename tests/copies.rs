//! A file that is not committed and is another environment's, byte for byte: `check`
//! says so. The real git knows what is in the foreign overlays.

use serde_json::Value;

use crate::support::{Instance, config_map, read};

const APPLY: [&str; 3] = ["apply", "-k", "overlays/develop"];

/// A develop instance with everything committed.
fn committed(rules: &str) -> Instance {
    let instance = Instance::new().rules(rules);
    for overlay in ["develop", "prod"] {
        let kustomization = "resources: [../../base, extra.yaml]\n";
        instance.write(&format!("m/overlays/{overlay}/kustomization.yaml"), kustomization);
    }
    instance.commit();
    instance
}

/// Makes `file` of the develop overlay what the prod overlay has in `extra.yaml`.
fn copy_from_prod(instance: &Instance, file: &str) {
    let text = instance.git(&["show", "HEAD:overlays/prod/extra.yaml"]);
    instance.write(&format!("m/overlays/develop/{file}"), &text);
}

/// `check -o json`, whatever its verdict.
fn document(instance: &Instance, words: &[&str]) -> Value {
    let output = instance.envguard(&[&["check", "-o", "json", "--"], words].concat());
    serde_json::from_str(&output.stdout).unwrap()
}

#[track_caller]
fn finds(instance: &Instance, file: &str) {
    let m = instance.checkout();
    let [file, of] = [format!("develop/{file}"), "prod/extra.yaml".into()]
        .map(|name| m.join("overlays").join(name));
    let document = document(instance, &APPLY);
    let expected = serde_json::json!([{"file": file, "equals": of, "revision": "HEAD"}]);
    assert_eq!(document["copies"], expected, "{document:#}");
    let note = format!(
        "{} is not committed, and equals {} of another environment (HEAD): a promotion, or a mistake?",
        file.display(),
        of.display()
    );
    assert!(document["notes"].as_array().unwrap().contains(&note.clone().into()), "{document:#}");
    instance.check(&APPLY).prints(&format!("envguard: note: {note}\n"));
}

#[track_caller]
fn finds_nothing(instance: &Instance, words: &[&str]) {
    let document = document(instance, words);
    assert_eq!(document["copies"], serde_json::json!([]), "{document:#}");
}

#[test]
fn a_copy_from_another_environment_is_said_at_every_level() {
    for rules in ["", "level: caution", "level: critical", "policy: {mode: observe}"] {
        let instance = committed(rules);
        finds_nothing(&instance, &APPLY);
        copy_from_prod(&instance, "extra.yaml");
        finds(&instance, "extra.yaml");
        instance.git(&["add", "."]);
        finds(&instance, "extra.yaml");
        // It need not be on the disk to be known.
        instance.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/overlays/prod/"]);
        assert!(!instance.path("m/overlays/prod").exists());
        finds(&instance, "extra.yaml");
        finds_nothing(&instance, &["diff", "-k", "overlays/develop"]);
        instance.git(&["commit", "--quiet", "-m", "a promotion"]);
        finds_nothing(&instance, &APPLY);
    }
}

#[test]
fn a_new_file_counts_and_one_with_a_strange_name() {
    let instance = committed("");
    let strange = "new 'ü'\n.yaml";
    copy_from_prod(&instance, strange);
    let kustomization = "resources: [\"new 'ü'\\n.yaml\"]\n";
    instance.write("m/overlays/develop/kustomization.yaml", kustomization);
    let document = document(&instance, &APPLY);
    assert_eq!(document["copies"][0]["revision"], "HEAD", "{document:#}");
}

#[test]
fn what_stands_elsewhere_too_says_nothing() {
    let instance = committed("");
    let text = read(&instance.path("m/overlays/prod/extra.yaml"));
    instance.write("m/base/same.yaml", &text);
    instance.commit();
    copy_from_prod(&instance, "extra.yaml");
    finds_nothing(&instance, &APPLY);
}

#[test]
fn other_changes_and_files_that_are_not_read_say_nothing() {
    let instance = committed("");
    instance.write("m/overlays/develop/extra.yaml", &config_map("mine"));
    copy_from_prod(&instance, "unread.yaml");
    // An empty file equals every other.
    instance.write("m/overlays/prod/empty.yaml", "");
    instance.commit();
    instance.write("m/overlays/develop/extra.yaml", "");
    finds_nothing(&instance, &APPLY);
}
