//! The remedies help as they stand.

use std::path::Path;
use std::process::Command;

use super::{edit, good, own_command, rows};
use crate::login::Login;
use crate::support::{Output, read};

/// What `status` says to do helps as it stands, typed into a shell.
#[track_caller]
fn mends(name: &str, destroy: impl FnOnce(&Login)) {
    let Some(place) = good() else { return };
    destroy(&place);
    let row = || {
        let (rows, _) = rows(&place, &own_command(&place, &["status", "-o", "json"]), "");
        rows.into_iter().find(|row| row["name"] == name).unwrap()
    };
    let before = row();
    assert_eq!(before["state"], "failed", "{before}");
    let mut shell = own_command(&place, &[]);
    let bin = Path::new(&place.program()).parent().unwrap().display().to_string();
    let path = format!("{}:{bin}:{}:/usr/bin:/bin", place.shims(), place.path("bin").display());
    let mut typed = Command::new("/bin/sh");
    typed.args(["-c", before["remedy"].as_str().unwrap()]).env_clear();
    typed.envs(shell.env("PATH", path).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = Output::of(typed.current_dir(place.instance.checkout()));
    assert_eq!(row()["state"], "fine", "{before}: {output}");
}

#[test]
fn remedies_help_as_they_stand() {
    let contexts = |place: &Login, file: &str, names: &[&str]| {
        let more: String = names
            .iter()
            .map(|name| format!("- name: {name}\n  context: {{cluster: c, user: u}}\n"))
            .collect();
        let text = read(&place.path("kubeconfig"));
        let text = text.replace("contexts:\n", &format!("contexts:\n{more}"));
        place.instance.write(file, &text)
    };
    mends("contexts", |place| {
        contexts(place, "kubeconfig", &["prod", "stg"]);
    });
    for names in [&[][..], &["prod"]] {
        mends("other-contexts", |place| {
            let file = contexts(place, "home/.kube/config", names);
            let text = read(&file).replace("pinned.example", "forged.example");
            std::fs::write(file, text).unwrap();
        });
    }
    mends("mode", |place| edit(place, "config.yaml", "policy: {", "policy: {mode: observe, "));
    mends("permissions", |place| place.instance.mode("kubeconfig", 0o644));
    mends("configuration", |place| place.instance.mode("config.yaml", 0o664));
    mends("hooks", |place| {
        for file in [".bashrc", ".zshrc", ".config"] {
            std::fs::rename(place.path("home").join(file), place.path("home/away")).unwrap();
            Output::of(Command::new("rm").arg("-r").arg(place.path("home/away"))).exits(0);
        }
    });
    mends("preferences", |place| {
        place.instance.write("home/.kube/kuberc", "x");
    });
    mends("overlays", |place| {
        place.instance.write("m/overlays/prod/mine.yaml", "mine");
    });
    mends("fetch-age", |place| {
        let mut touch = Command::new("touch");
        Output::of(touch.args(["-d", "74 hours ago"]).arg(place.path("m/.git/FETCH_HEAD")))
            .exits(0);
    });
}

/// What the remedy of the only failed row says, after `destroy`.
fn remedy_after(destroy: impl FnOnce(&Login, &mut Command)) -> Option<(Login, String)> {
    let place = good()?;
    let mut command = own_command(&place, &["status", "-o", "json"]);
    destroy(&place, &mut command);
    let (rows, _) = rows(&place, &command, "");
    let failed = rows.iter().find(|row| row["state"] == "failed").unwrap();
    let remedy = failed["remedy"].as_str().unwrap().to_owned();
    Some((place, remedy))
}

/// Pastes a line into a shell, where `programs` stand in the place of the real ones.
fn pasted(place: &Login, line: &str, programs: &[(&str, &str)]) -> Output {
    for (name, script) in programs {
        place.instance.program(&format!("fake/{name}"), &format!("#!/bin/sh\n{script}\n"));
    }
    let mut shell = place.command(crate::login::which("sh"), &["-c", line]);
    shell.env("PATH", format!("{}:/usr/bin:/bin", place.path("fake").display()));
    shell.env("TMPDIR", place.path("run"));
    Output::of(&mut shell)
}

#[test]
fn the_remedies_can_be_pasted_as_they_are() {
    let lost = remedy_after(|place, command| {
        place.instance.link("/usr/bin/git", "tools/git");
        command.env("PATH", format!("{}:{}", place.shims(), place.path("tools").display()));
    });
    let Some((place, install)) = lost else { return };
    let curl = "for url; do :; done; case $url in
*/stable*.txt) echo v1.33.5 ;;
*.sha256) printf kubectl | sha256sum | cut -c1-64 ;;
*) echo \"$url\" >&2; printf kubectl >kubectl ;; esac";
    let programs = [("curl", curl), ("sudo", "exec \"$@\""), ("install", "echo install \"$@\"")];
    pasted(&place, &install, &programs)
        .says("https://dl.k8s.io/release/v1.33.5/bin/linux/")
        .prints("kubectl: OK\ninstall kubectl /usr/bin/\n")
        .exits(0);
    let gone = remedy_after(|place, _| {
        let more =
            "checkouts:\n  - {path: /nonexistent/m, overlayRoots: [overlays], allow: [develop]}\n";
        edit(place, "config.yaml", "checkouts:\n", more);
    });
    let (place, clone) = gone.unwrap();
    let line = format!("printf 'https://git.example/m\\n' | {{ {clone}; }}");
    pasted(&place, &line, &[("git", "echo git \"$@\"")])
        .prints("git clone https://git.example/m /nonexistent/m\n")
        .exits(0);
}

/// What the guard says to somebody who is not root, on an instance that root has set up.
fn as_nobody(place: &Login, words: &[&str]) -> Output {
    place.instance.mode("", 0o755);
    place.instance.mode("config.yaml", 0o644);
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = place.command(crate::login::which("setpriv"), &nobody);
    Output::of(command.arg(place.program()).args(words))
}

#[test]
fn a_kubeconfig_that_its_user_may_not_read_is_a_matter_of_permissions() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skip("root is needed: a file of somebody else");
    }
    let Some(place) = good() else { return };
    let kubeconfig = place.path("kubeconfig").display().to_string();
    as_nobody(&place, &["status", "-o", "json"])
        .prints(&format!("sudo chgrp \\\"$(id -gn)\\\" {kubeconfig}    # or the group"));
}

#[test]
fn a_refusal_for_want_of_permissions_says_which_not_to_restore_the_file() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skip("root is needed: a file of somebody else");
    }
    let Some(place) = good() else { return };
    let kubeconfig = place.path("kubeconfig").display().to_string();
    for (mode, remedy) in [
        (0o640, format!("sudo chgrp \"$(id -gn)\" {kubeconfig}    # or the group")),
        (0o600, format!("sudo chgrp \"$(id -gn)\" {kubeconfig} && sudo chmod g+r {kubeconfig}")),
    ] {
        place.instance.mode("kubeconfig", mode);
        as_nobody(&place, &["get", "pods"])
            .says("refused (input-unreadable)")
            .says(&format!("instead   {remedy}"))
            .exits(77);
    }
}
