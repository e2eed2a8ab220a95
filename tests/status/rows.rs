//! The rows: what is broken is one failed row, and what is only told is none.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use super::{NAMES, edit, good, own, own_command, rows};
use crate::login::{Login, have};
use crate::support::{Output, read};

/// Breaks something in an instance that is fine; exactly the rows `expected` fail,
/// each with a remedy, and the first one with these texts.
#[track_caller]
fn breaks(expected: &[&str], what: &str, remedy: &str, destroy: impl FnOnce(&Login, &mut Command)) {
    let Some(place) = good() else { return };
    let mut command = own_command(&place, &["status", "-o", "json"]);
    destroy(&place, &mut command);
    let (rows, code) = rows(&place, &command, "");
    let failed: Vec<&Value> = rows.iter().filter(|row| row["state"] == "failed").collect();
    let names: Vec<&str> = failed.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, expected, "{rows:#?}");
    assert_eq!(code, 1);
    let text = |field: &str| failed[0][field].as_str().unwrap().to_owned();
    assert!(text("what").contains(what), "{what:?} is not in {:?}", text("what"));
    assert!(text("remedy").contains(remedy), "{remedy:?} is not in {:?}", text("remedy"));
    assert!(failed.iter().all(|row| !row["remedy"].as_str().unwrap().is_empty()), "{failed:?}");
}

#[test]
fn where_everything_is_as_it_should_be_nothing_fails() {
    let Some(place) = good() else { return };
    let (rows, code) = rows(&place, &own_command(&place, &["status", "-o", "json"]), "");
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    for row in &rows {
        // What only root can read is unknown to others; elsewhere than on EC2 no machine
        // says who it is.
        let may_be_unknown = ["sudo", "instance"].iter().any(|name| row["name"] == *name);
        let expected = if may_be_unknown && row["state"] == "unknown" { "unknown" } else { "fine" };
        assert_eq!(row["state"], expected, "{row}");
        assert!(row["remedy"].is_null() && row["what"] != "", "{row}");
    }
    assert_eq!(code, 0);
}

#[test]
fn a_broken_configuration_or_cluster_is_one_failed_row() {
    breaks(&["configuration"], "config.yaml", "# correct it", |place, _| {
        place.instance.write("config.yaml", "nonsense");
    });
    breaks(&["pin"], "tls-server-name is x", "setup --repin    # shows both", |place, _| {
        edit(place, "kubeconfig", "server: ", "tls-server-name: x\n    server: ");
    });
    breaks(&["pin"], "tls-server-name is x", "/home/.kube/config", |place, _| {
        place.instance.write("home/.kube/config", &read(&place.path("kubeconfig")));
        edit(place, "kubeconfig", "server: ", "tls-server-name: x\n    server: ");
    });
    let aws = "aws eks update-kubeconfig --name develop-eks --region eu-west-1 --kubeconfig ~/.kube/develop-eks && ";
    breaks(&["pin"], "credentials come from", aws, |place, _| {
        let exec = "  exec: {command: /usr/bin/aws, args: [--region, eu-west-1, eks, get-token, --cluster-name, develop-eks]}\ncheckouts:";
        edit(place, "config.yaml", "checkouts:", exec);
    });
    breaks(&["contexts"], "further contexts: prod", "setup --yes", |place, _| {
        let more = "contexts:\n- name: prod\n  context: {cluster: c, user: u}\n";
        edit(place, "kubeconfig", "contexts:\n", more);
    });
    let forged = |place: &Login, file: &str| {
        let text = read(&place.path("kubeconfig"));
        place.instance.write(file, &text.replace("pinned.example", "forged.example"))
    };
    let both = ["kubeconfig", "other-contexts"];
    breaks(&both, "is not the pinned kubeconfig", "export KUBECONFIG=", |place, command| {
        command.env("KUBECONFIG", forged(place, "other"));
    });
    let remedy = "config delete-context develop-eks";
    breaks(&["other-contexts"], "leads to other clusters: develop-eks", remedy, |place, _| {
        forged(place, "home/.kube/config");
    });
    breaks(&["mode"], "OBSERVE", "setup --yes --mode enforce", |place, _| {
        edit(place, "config.yaml", "policy: {", "policy: {mode: observe, ");
    });
    breaks(&["break-glass"], "used once within a day", "audit --since 1d", |place, _| {
        let words = ["--break-glass", "fire", "--confirm", "develop", "kustomize", "overlays/prod"];
        own(place, &words).says("BREAK GLASS");
    });
    breaks(&["audit"], "cannot be written", "install -d", |place, _| {
        edit(place, "config.yaml", "policy: {", "audit: /etc/hostname\npolicy: {");
    });
}

#[test]
fn permissions_that_are_too_wide_are_named_with_their_mode() {
    breaks(&["permissions"], "a secret (token; mode 0644)", "chmod o-rwx ", |place, _| {
        place.instance.mode("kubeconfig", 0o644);
    });
    breaks(&["permissions"], "kubeconfig (mode 0660)", "chmod go-w ", |place, _| {
        place.instance.mode("kubeconfig", 0o660);
    });
    breaks(&["permissions"], "(mode 0777)", "chmod go-w ", |place, _| {
        place.instance.mode("", 0o777);
    });
}

#[test]
fn a_kubectl_that_is_not_guarded_or_not_known_is_seen() {
    breaks(&["shim"], "stands before envguard's kubectl", "export PATH=", |place, command| {
        let path = format!("{}:{}:/usr/bin:/bin", place.path("bin").display(), place.shims());
        command.env("PATH", path);
    });
    breaks(&["kubectl"], "no real kubectl", "https://dl.k8s.io/release/", |place, command| {
        place.instance.link("/usr/bin/git", "tools/git");
        command.env("PATH", format!("{}:{}", place.shims(), place.path("tools").display()));
    });
    breaks(&["preferences"], "kuberc", "mv ", |place, _| {
        place.instance.write("home/.kube/kuberc", "x");
    });
    breaks(&["sandbox"], "changes its user (setuid)", "chmod u-s,g-s ", |place, _| {
        let bin = place.path("bin/kubectl");
        let real = bin.canonicalize().unwrap();
        std::fs::remove_file(&bin).unwrap();
        std::fs::copy(real, &bin).unwrap();
        std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(0o4755)).unwrap();
    });
    breaks(&["hooks"], "bash starts without envguard's hook", ">> ~/.bashrc", |place, _| {
        place.home(".bashrc", &format!("# {}", place.hook("bash")));
    });
}

#[test]
fn a_kernel_without_landlock_is_seen() {
    if !have("strace") {
        return;
    }
    breaks(&["sandbox"], "this kernel has no Landlock", "Linux 5.13", |place, command| {
        let log = place.path("trace").display().to_string();
        let inject = "inject=landlock_create_ruleset:error=ENOSYS";
        let words: Vec<_> = command.get_args().map(std::ffi::OsStr::to_os_string).collect();
        let mut traced =
            place.command(crate::login::which("strace"), &["-f", "-o", &log, "-e", inject]);
        traced.arg(place.program()).args(words);
        traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        *command = traced;
    });
}

#[test]
fn sudo_that_leads_past_the_guard_is_seen() {
    if std::fs::File::open("/etc/sudoers").is_err() {
        crate::support::skip("only root can read sudo's settings");
        return;
    }
    let Some(place) = good() else { return };
    let command = own_command(&place, &["status", "-o", "json"]);
    let sudo = |dirs: &str| {
        let (rows, _) = rows(&place, &command, &format!("Defaults secure_path=\"{dirs}\"\n"));
        rows.into_iter().find(|row| row["name"] == "sudo").unwrap()
    };
    let bin = place.path("bin").display().to_string();
    let row = sudo(&bin);
    assert_eq!(row["state"], "failed", "{row}");
    let what = row["what"].as_str().unwrap();
    assert_eq!(what, format!("sudo kubectl is {bin}/kubectl: it is not guarded"));
    // As in a demo: what stands below a directory for temporary files is not for sudo.
    let remedy = row["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("sudo ./install.sh --sudoers"), "{remedy}");
    assert!(!remedy.contains("secure_path"), "{remedy}");
    assert_eq!(sudo(&format!("{}:{bin}", place.shims()))["state"], "fine");
}

#[test]
fn a_checkout_that_needs_attention_is_seen() {
    breaks(&["checkouts"], "no checkout at ", "git clone \"$url\" /nonexistent/m", |place, _| {
        let more =
            "checkouts:\n  - {path: /nonexistent/m, overlayRoots: [overlays], allow: [develop]}\n";
        edit(place, "config.yaml", "checkouts:\n", more);
    });
    breaks(&["git"], "is not a git working tree", "", |place, _| {
        std::fs::remove_dir_all(place.path("m/.git")).unwrap();
    });
    breaks(
        &["overlays"],
        "1 foreign overlay is on the disk",
        "kubectl envguard tidy",
        |place, _| {
            place.instance.write("m/overlays/prod/mine.yaml", "mine");
        },
    );
    breaks(&["fetch-age"], "was last fetched 3 days ago", "git -C ", |place, _| {
        let mut touch = Command::new("touch");
        Output::of(touch.args(["-d", "74 hours ago"]).arg(place.path("m/.git/FETCH_HEAD")))
            .exits(0);
    });
    breaks(&["quarantine"], "1 overlay put aside, 1 GiB", "restore --list", |place, _| {
        let file = place.instance.write("m/overlays/prod/mine.yaml", "mine");
        // Without content: it takes no room.
        std::fs::File::options().write(true).open(file).unwrap().set_len((1 << 30) + 1).unwrap();
        own(place, &["watch", "--once"]).exits(0);
    });
}

#[test]
fn a_fetch_that_failed_is_no_fetch() {
    let Some(place) = good() else { return };
    place.instance.git(&["remote", "set-url", "origin", "/nonexistent"]);
    let mut fetch = place.command("/usr/bin/git", &["fetch", "--quiet", "origin"]);
    assert_ne!(Output::of(&mut fetch).code, Some(0));
    let (rows, _) = rows(&place, &own_command(&place, &["status", "-o", "json"]), "");
    let row = rows.iter().find(|row| row["name"] == "fetch-age").unwrap();
    assert_eq!(row["state"], "unknown", "{row}");
}

#[test]
fn a_keeper_that_does_not_keep_is_seen() {
    let state = "state/keeper.json";
    breaks(&["keeper"], "nothing keeps foreign overlays out", "systemctl enable", |place, _| {
        std::fs::remove_file(place.path(state)).unwrap();
    });
    breaks(&["keeper"], "was last tidied ", "systemctl enable", |place, _| {
        let time: Value = serde_json::from_str(&read(&place.path(state))).unwrap();
        edit(place, state, time["time"].as_str().unwrap(), "2026-01-01T00:00:00Z");
    });
    breaks(&["keeper"], "the watcher of ", "systemctl restart", |place, _| {
        edit(place, state, "\"once\"", "\"inotify\"");
    });
    breaks(&["overlays", "keeper"], "1 foreign", "kubectl envguard tidy", |place, _| {
        own(place, &["tidy", "--undo"]).exits(0);
        own(place, &["watch", "--once"]).exits(0);
    });
}

#[test]
fn a_checkout_of_somebody_else_is_told_from_a_broken_one() {
    if !rustix::process::geteuid().is_root() {
        crate::support::skip("only root can give a checkout away");
        return;
    }
    breaks(&["git"], "it belongs to somebody else", "safe.directory", |place, _| {
        let mut chown = Command::new("chown");
        Output::of(chown.args(["-R", "-h", "65534:65534"]).arg(place.path("m"))).exits(0);
    });
}

#[test]
fn other_programs_are_told_and_are_no_failure() {
    let Some(place) = good() else { return };
    place.instance.program("bin/helm", "#!/bin/sh\n");
    let (rows, code) = rows(&place, &own_command(&place, &["status", "-o", "json"]), "");
    let row = rows.iter().find(|row| row["name"] == "programs").unwrap();
    assert!(row["what"].as_str().unwrap().contains("helm"), "{row}");
    assert_eq!((row["state"].as_str(), code), (Some("fine"), 0));
}

#[test]
fn a_newer_kubectl_and_overlays_of_nobody_are_told_and_are_no_failure() {
    let Some(place) = good() else { return };
    crate::lookup::put(&place.instance, "bin/kubectl", 99);
    place.instance.write("m/overlays/prod/x.yaml", "mine");
    edit(&place, "config.yaml", "allow: [develop]", "allow: [develop]\n    foreign: [stage]");
    let (rows, code) = rows(&place, &own_command(&place, &["status", "-o", "json"]), "");
    assert_eq!(code, 0, "{rows:#?}");
    for (name, said) in [
        ("release", "kubectl 1.99 is newer than envguard's table"),
        ("unassigned", "1 directory in an overlay root is neither allowed, shared nor foreign"),
        ("sandbox", "(Landlock ABI "),
    ] {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!(row["state"], "fine", "{row}");
        assert!(row["what"].as_str().unwrap().contains(said), "{said:?} is not in {row}");
    }
    let text = own(&place, &["status"]).stdout;
    assert!(text.contains("/m/overlays/prod\n"), "{text}");
}
