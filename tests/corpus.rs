//! Inputs that fuzzing has found (`fuzz/run`), replayed: the properties hold for all of them.

#[path = "../fuzz/src/lib.rs"]
#[allow(
    unreachable_pub,
    let_underscore_drop,
    reason = "the targets of fuzz/ use it, and what is dropped had only to come to an end"
)]
mod properties;

use crate::login::sources;

/// Every file of `fuzz/corpus/NAME`.
#[track_caller]
fn replay(name: &str, property: fn(&[u8])) {
    let corpus = sources().join("fuzz/corpus").join(name);
    let mut replayed = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        if std::panic::catch_unwind(|| property(&bytes)).is_err() {
            panic!("{}", file.display());
        }
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", corpus.display());
}

#[test]
fn command_line() {
    replay("command_line", properties::command_line);
}

#[test]
fn kustomization() {
    replay("kustomization", properties::kustomization);
}

#[test]
fn kubeconfig() {
    replay("kubeconfig", properties::kubeconfig);
}

#[test]
fn configuration() {
    replay("configuration", properties::configuration);
}

#[test]
fn paths() {
    replay("paths", properties::paths);
}

#[test]
fn audit() {
    replay("audit", properties::audit);
}
