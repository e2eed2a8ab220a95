//! `status`: on an instance where everything is as it should be nothing fails; one
//! thing broken on purpose is one failed row with its remedy.

mod remedies;
mod rows;
mod screen;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::login::Login;
use crate::support::{Instance, Output, kubectls, read};

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

fn edit(place: &Login, file: &str, from: &str, to: &str) {
    let text = read(&place.path(file));
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(place.path(file), text.replace(from, to)).unwrap();
}
