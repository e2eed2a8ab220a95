//! `status`: on an instance where everything is as it should be nothing fails; one
//! thing broken on purpose is one failed row with its remedy.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::login::{Login, have};
use crate::support::{Instance, Output, Terminal, kubectls, read};

/// The names in `status -o json`, which programs rely on.
const NAMES: [&str; 27] = [
    "configuration",
    "instance",
    "pin",
    "server",
    "kubeconfig",
    "contexts",
    "other-contexts",
    "permissions",
    "shim",
    "sudo",
    "hooks",
    "kubectl",
    "release",
    "skew",
    "preferences",
    "programs",
    "checkouts",
    "git",
    "fetch-age",
    "overlays",
    "unassigned",
    "keeper",
    "quarantine",
    "sandbox",
    "audit",
    "break-glass",
    "mode",
];

/// An instance as it should be: committed, fetched, tidied, with hooks, behind the
/// shim, with a real kubectl that the table knows.
fn good() -> Option<Login> {
    let kubectl = kubectls().into_iter().next_back()?;
    let place = Login::of(Instance::new().rules("policy: {fetchAge: 24h}"));
    let instance = &place.instance;
    std::fs::remove_file(instance.path("bin/kubectl")).unwrap();
    std::os::unix::fs::symlink(&kubectl.path, instance.path("bin/kubectl")).unwrap();
    instance.mode("kubeconfig", 0o640);
    instance.git(&["add", "--all"]);
    instance.git(&["commit", "--quiet", "--message=one"]);
    let origin = instance.path("origin").display().to_string();
    instance.git(&["clone", "--quiet", "--bare", ".", &origin]);
    instance.git(&["remote", "add", "origin", &origin]);
    instance.git(&["fetch", "--quiet", "origin"]);
    place.home(".bashrc", &place.hook("bash"));
    place.home(".zshrc", &place.hook("zsh"));
    place.home(".config/fish/config.fish", &place.hook("fish"));
    own(&place, &["watch", "--once"]).exits(0);
    Some(place)
}

fn own_command(place: &Login, words: &[&str]) -> Command {
    let mut command = place.command(place.program(), words);
    let path = format!("{}:{}:/usr/bin:/bin", place.shims(), place.path("bin").display());
    command.env("PATH", path).env("STATE_DIRECTORY", place.path("state"));
    command
}

fn own(place: &Login, words: &[&str]) -> Output {
    Output::of(&mut own_command(place, words))
}

/// `command` where sudo's settings are `sudoers`. Who may not read the real ones needs
/// nothing; who may can also mount.
fn with_sudoers(place: &Login, command: &Command, sudoers: &str) -> Option<Command> {
    if std::fs::File::open("/etc/sudoers").is_err() {
        return None;
    }
    let file = place.instance.write("sudoers", sudoers);
    let script = format!(
        "/bin/mount --bind {} /etc/sudoers; [ ! -d /etc/sudoers.d ] || /bin/mount -t tmpfs none /etc/sudoers.d; exec \"$@\"",
        file.display()
    );
    let mut outer = Command::new("/usr/bin/unshare");
    outer.args(["-m", "/bin/sh", "-euc", &script, "sh"]).arg(command.get_program());
    outer.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        outer.env(name, value.unwrap_or_default());
    }
    outer.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    Some(outer)
}

/// The rows as JSON has them, and the exit code.
fn rows(place: &Login, command: &Command, sudoers: &str) -> (Vec<Value>, i32) {
    let mut outer = with_sudoers(place, command, sudoers);
    let mut plain = Command::new(command.get_program());
    plain.args(command.get_args()).env_clear().current_dir(place.instance.checkout());
    plain.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = Output::of(outer.as_mut().unwrap_or(&mut plain));
    let document: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"));
    assert_eq!(
        (&document["apiVersion"], &document["kind"]),
        (&"envguard/v1alpha1".into(), &"Status".into())
    );
    let rows = document["checks"].as_array().unwrap().clone();
    let failed = rows.iter().filter(|row| row["state"] == "failed").count();
    assert_eq!(document["failed"], failed, "{document}");
    (rows, output.code.unwrap())
}

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

fn edit(place: &Login, file: &str, from: &str, to: &str) {
    let text = read(&place.path(file));
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(place.path(file), text.replace(from, to)).unwrap();
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

#[test]
fn the_text_reads_without_colour_and_symbols_in_80_columns() {
    let Some(place) = good() else { return };
    place.instance.mode("kubeconfig", 0o644);
    let text = own(&place, &["status"]).exits(1).stdout;
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
    assert!(text.starts_with("DEVELOP  develop-eks  level normal\n"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    for name in NAMES {
        let rows = lines.iter().filter(|line| {
            let mut words = line.split_whitespace();
            matches!(words.next(), Some("fine" | "FAILED" | "unknown"))
                && words.next() == Some(name)
        });
        assert_eq!(rows.count(), 1, "{name}:\n{text}");
    }
    let at = lines.iter().position(|line| line.starts_with("FAILED  permissions     ")).unwrap();
    let below = lines[at..].iter().find(|line| line.contains("instead")).unwrap();
    let file = place.path("kubeconfig");
    assert_eq!(
        below.trim(),
        format!(
            "instead         chmod o-rwx {}    # it belongs to the operators' group: chgrp",
            file.display()
        )
    );
    // Paths and lines to paste are never broken.
    let fits = |line: &&&str| line.chars().count() > 80 && !line.contains('/');
    assert_eq!(lines.iter().find(fits), None, "{text}");
    let effects = own(&place, &["status", "--effects"]).exits(1).stdout;
    assert!(
        effects.contains("  the kernel is older than 5.19: programs under kubectl"),
        "{effects}"
    );
    assert!(!text.contains("older than 5.19"), "{text}");
}

#[test]
fn watching_draws_in_place_until_it_is_interrupted() {
    let Some(place) = good() else { return };
    let command = own_command(&place, &["status", "--watch"]);
    let mut terminal = Terminal::sized(&command, 80, 40);
    let fine = "fine    permissions ";
    terminal.until_screen(fine, |screen| screen.contains(fine));
    place.instance.mode("kubeconfig", 0o644);
    let failed = "FAILED  permissions ";
    terminal.until_screen(failed, |screen| screen.contains(failed) && screen.ends_with('.'));
    let screen = terminal.screen();
    assert!(screen.starts_with("DEVELOP  develop-eks"), "{screen}");
    assert_eq!(screen.matches("DEVELOP").count(), 1, "drawn once, over the old one: {screen}");
    place.instance.mode("kubeconfig", 0o640);
    terminal.until_screen(fine, |screen| {
        screen.contains(fine) && !screen.contains("instead         chmod")
    });
    terminal.types("\u{3}");
    let (_, code) = terminal.ends();
    assert_eq!(code, None, "the signal ends it");
    own(&place, &["status", "--watch", "-o", "json"]).exits(64).says("status -o json");
}

#[test]
fn a_small_screen_shows_what_failed() {
    let Some(place) = good() else { return };
    place.instance.mode("kubeconfig", 0o644);
    let command = own_command(&place, &["status", "--watch"]);
    let mut terminal = Terminal::sized(&command, 80, 15);
    terminal.until_screen("the last line", |screen| screen.ends_with('.'));
    let screen = terminal.screen();
    assert!(screen.starts_with("DEVELOP") && screen.contains("FAILED  permissions"), "{screen}");
    assert!(screen.contains("\nfine    configuration pin "), "{screen}");
}

/// A remedy for three shells takes three rows of 80 columns.
#[test]
fn long_lines_to_paste_do_not_push_the_top_off_a_small_screen() {
    let Some(place) = good() else { return };
    place.instance.mode("kubeconfig", 0o644);
    for file in [".bashrc", ".zshrc", ".config/fish/config.fish"] {
        std::fs::remove_file(place.path("home").join(file)).unwrap();
    }
    let command = own_command(&place, &["status", "--watch"]);
    let mut terminal = Terminal::sized(&command, 80, 11);
    terminal.until_screen("the last line", |screen| screen.ends_with('.'));
    let screen = terminal.screen();
    assert!(screen.starts_with("DEVELOP"), "{screen}");
    assert!(screen.contains("... and more"), "{screen}");
}
