//! `audit --would-refuse`: who would be refused what, and the line that would allow it.

use std::io::Write;

use serde_json::Value;

use super::log;
use crate::support::{Instance, Output, read, shim};

/// Puts the fields of one configuration in the place of those of another, a checkout's in
/// the entry with its path: what `audit --would-refuse` says to do with its lines.
fn put(into: &mut serde_yaml::Value, from: &serde_yaml::Value) {
    let (Some(map), Some(fields)) = (into.as_mapping_mut(), from.as_mapping()) else {
        *into = from.clone();
        return;
    };
    for (field, value) in fields {
        match (map.get_mut(field), value.as_sequence()) {
            (Some(entries), Some(changed)) if *field == "checkouts" => {
                for entry in changed {
                    let entries = entries.as_sequence_mut().unwrap();
                    let same = entries.iter_mut().find(|found| found["path"] == entry["path"]);
                    put(same.unwrap(), entry);
                }
            }
            (Some(found), _) => put(found, value),
            (None, _) => drop(map.insert(field.clone(), value.clone())),
        }
    }
}

/// A command that is refused, what makes it so, and the rule against it.
struct Objectionable {
    code: &'static str,
    line: &'static str,
    policy: &'static str,
    checkout: &'static str,
}

const OBJECTIONABLE: [Objectionable; 12] = {
    const fn case(code: &'static str, line: &'static str) -> Objectionable {
        Objectionable { code, line, policy: "", checkout: "" }
    }
    [
        case("target-foreign", "apply -k overlays/prod"),
        case("target-foreign", "apply -f overlays/prod/extra.yaml"),
        Objectionable {
            checkout: "foreign: [prod, staging]",
            ..case("target-foreign", "apply -k overlays/prod")
        },
        case("reference-foreign", "apply -k overlays/leads-develop"),
        case("target-outside", "apply -k base"),
        case("target-outside", "apply -f ../elsewhere/x.yaml"),
        case("reference-outside", "apply -k overlays/out-develop"),
        case("target-remote", "apply -f https://example.test/org/repo/x.yaml"),
        Objectionable {
            policy: "remotes: [\"https://example.test/other/\"], ",
            ..case("target-remote", "apply -f https://example.test/org/repo/x.yaml")
        },
        case("input-foreign", "create configmap x --from-file=overlays/prod/extra.yaml"),
        case("target-stdin", "apply -f -"),
        Objectionable {
            policy: "branch: refuse, uncommitted: refuse, ",
            checkout: "branches: [\"release/*\"]",
            ..case("tree-branch", "apply -k overlays/develop")
        },
    ]
};

#[test]
fn the_line_that_would_allow_it_allows_it() {
    for Objectionable { code, line, policy, checkout } in OBJECTIONABLE {
        let mut instance = Instance::new();
        if !checkout.is_empty() {
            instance = instance.checkout_rules(checkout);
        }
        let text = instance.config_text().replace("allow: [develop]", "allow: [\"*develop\"]");
        instance.write("config.yaml", &text);
        instance.write("elsewhere/x.yaml", &crate::support::config_map("x"));
        for (overlay, resource) in
            [("leads-develop", "../prod"), ("out-develop", "../../../elsewhere/x.yaml")]
        {
            let file = format!("m/overlays/{overlay}/kustomization.yaml");
            instance.write(&file, &format!("resources: [{resource}]\n"));
        }
        instance.commit();
        if code == "tree-branch" {
            instance.write("m/overlays/develop/extra.yaml", &crate::support::config_map("new"));
        }
        let words: Vec<&str> = line.split(' ').collect();
        let run = |mode: &str, config: &serde_yaml::Value| {
            let policy = format!("policy: {{{policy}mode: {mode}}}");
            let mut all: serde_yaml::Value = serde_yaml::from_str(&policy).unwrap();
            put(&mut all, config);
            instance.write("config.yaml", &serde_yaml::to_string(&all).unwrap());
            let (piped, mut pipe) = std::io::pipe().unwrap();
            pipe.write_all(read(&instance.path("elsewhere/x.yaml")).as_bytes()).unwrap();
            drop(pipe);
            let mut command = instance.command(&shim());
            command.args(&words).stdin(piped);
            Output::of(&mut command)
        };
        let config: serde_yaml::Value = serde_yaml::from_str(&instance.config_text()).unwrap();
        run("enforce", &config).refused(code);
        run("observe", &config).exits(42);
        let told = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
        let told: Value = serde_json::from_str(&told).unwrap();
        let mut config = config;
        for row in told["rows"].as_array().unwrap() {
            let allow = row["allow"].as_str().unwrap();
            put(&mut config, &serde_yaml::from_str(allow).unwrap());
        }
        assert!(told["rows"].as_array().unwrap().iter().any(|row| row["code"] == code), "{told}");
        let output = run("enforce", &config);
        assert_eq!(output.code, Some(42), "{line}: {told}: {output}");
    }
}

#[test]
fn people_are_counted() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    instance.kubectl(&["apply", "-k", "base"]).exits(42);
    let file = log(&instance);
    let one: Value = serde_json::from_str(read(&file).trim()).unwrap();
    let by = |user: &str| {
        let mut event = one.clone();
        event["user"] = user.into();
        format!("{event}\n")
    };
    let lines = [by("bob"), by("alice"), by("alice"), by("alice")].concat();
    std::fs::write(&file, lines).unwrap();
    let table = instance.envguard(&["audit", "--would-refuse"]).exits(0).stdout;
    assert!(table.contains("    4  target-outside"), "{table}");
    assert!(table.contains("by       alice 3, bob 1\n"), "{table}");
    let json = instance.envguard(&["audit", "--would-refuse", "-o", "json"]).exits(0).stdout;
    let row = &serde_json::from_str::<Value>(&json).unwrap()["rows"][0];
    assert_eq!(row["people"], serde_json::json!(["alice", "bob"]));
    assert_eq!(row["byPerson"], serde_json::json!({"alice": 3, "bob": 1}));
}
