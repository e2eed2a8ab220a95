//! What setup writes: whole or not at all, with the old file beside it, for whoever
//! it is.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ground::Ground;
use crate::support::{Output, envguard, lacks, read};

const NOBODY: u32 = 65534;

/// Name and content of everything in `dir`.
fn inventory(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut queue = vec![dir.to_path_buf()];
    while let Some(dir) = queue.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                queue.push(path);
            } else {
                found.insert(
                    path.clone(),
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
                );
            }
        }
    }
    found
}

fn backups(ground: &Ground) -> Vec<PathBuf> {
    let files = inventory(&ground.path("etc")).into_keys();
    files.filter(|path| path.to_string_lossy().contains(".yaml.2")).collect()
}

#[test]
fn an_old_file_is_kept_and_so_is_what_need_not_change() {
    let ground = Ground::new().usual();
    ground.setup(&["--yes"]).exits(0);
    assert!(backups(&ground).is_empty());
    let own = format!(
        "# ours, since 2024\n{}# the runbook\nbanner: {{lines: [\"https://wiki\"]}} # short\npolicy:\n  # never on Fridays\n  stdin: refuse\n",
        read(&ground.config())
    );
    ground.instance.write("etc/config.yaml", &own);
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("nothing to change"), "{output}");
    assert_eq!(read(&ground.config()), own);
    let output = ground.setup(&["--yes", "--mode", "observe"]).exits(0);
    assert!(output.stdout.contains("+   mode: observe"), "{output}");
    let [backup] = backups(&ground).try_into().unwrap();
    assert!(output.stdout.contains(backup.to_str().unwrap()), "{output}");
    assert_eq!(read(&backup), own);
    let text = read(&ground.config());
    for kept in [
        "# ours, since 2024\n",
        "# the runbook\nbanner: {lines: [\"https://wiki\"]} # short\n",
        "stdin: refuse",
    ] {
        assert!(text.contains(kept), "{kept:?} is not in {text}");
    }
    // A second change within the same second has a name of its own.
    for mode in ["enforce", "observe", "enforce"] {
        ground.setup(&["--yes", "--mode", mode]).exits(0);
    }
    assert_eq!(backups(&ground).len(), 4);
}

#[test]
fn a_file_that_cannot_be_used_is_not_thrown_away() {
    let ground = Ground::new().usual();
    for (text, problem) in [
        ("apiVersion: envguard/v1alpha1\nkind: Instance\nenvironmet: x\n", "environmet"),
        ("not: [yaml\n", "config.yaml"),
        ("", "config.yaml"),
    ] {
        ground.instance.write("etc/config.yaml", text);
        let output = ground.setup(&["--yes"]).exits(1);
        assert!(output.stderr.contains(problem), "{output}");
        assert!(output.stderr.contains("start anew: mv "), "{output}");
        assert_eq!(read(&ground.config()), text);
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let ground = Ground::new().usual();
    let before = inventory(&ground.path(""));
    let output = ground.setup(&["--dry-run"]).exits(0);
    assert!(output.stdout.contains("overlayRoots: [overlays]"), "{output}");
    assert!(output.stdout.contains("nothing was written"), "{output}");
    let mut after = inventory(&ground.path(""));
    // What kubectl's own help was asked is remembered.
    after.retain(|path, _| !path.starts_with(ground.path("home/.cache")));
    assert_eq!(after, before);
}

#[test]
fn a_configuration_inside_a_checkout_is_refused() {
    let ground = Ground::new().usual();
    let mut command = ground.command(&envguard());
    command.arg("--config").arg(ground.path("m/config.yaml")).args(["setup", "--yes"]);
    let output = Output::of(&mut command).exits(1);
    assert!(output.stderr.contains("lies inside the checkout"), "{output}");
    assert!(!ground.path("m/config.yaml").exists());
}

#[test]
fn a_link_is_written_through() {
    let ground = Ground::new().usual();
    ground.instance.write("managed/config.yaml", "");
    std::fs::remove_file(ground.path("managed/config.yaml")).unwrap();
    ground.setup(&["--yes"]).exits(0);
    std::fs::rename(ground.config(), ground.path("managed/config.yaml")).unwrap();
    ground.instance.link("../managed/config.yaml", "etc/config.yaml");
    ground.setup(&["--yes", "--contact", "#oncall"]).exits(0);
    assert!(ground.config().is_symlink());
    assert!(read(&ground.path("managed/config.yaml")).contains("#oncall"));
}

/// Killed at each call that changes something: the old files or the new ones are
/// there, whole; and the next run finishes.
#[test]
fn it_can_be_killed_at_any_moment() {
    if lacks("strace", "kills a program at a certain system call") {
        return;
    }
    let ground = Ground::new().usual();
    ground.setup(&["--yes"]).exits(0);
    let (old, pinned) = (read(&ground.config()), read(&ground.path("etc/kubeconfig")));
    let source = ground.path("home/.kube/config");
    let moved = read(&source).replace("user: u", "namespace: web, user: u");
    ground.instance.write("moved", &moved);
    let words = ["--yes", "--offline", "--contact", "#oncall", "--from"];
    let run = |kill_at: Option<(&str, usize)>| {
        let mut command = ground.command("/usr/bin/strace".as_ref());
        command.args(["-f", "-q", "-o", "/dev/null", "-e", "trace=fchmod,fsync,linkat,renameat"]);
        if let Some((call, when)) = kill_at {
            command.args(["-e", &format!("inject={call}:signal=KILL:when={when}")]);
        }
        command.arg(envguard()).arg("--config").arg(ground.config()).arg("setup").args(words);
        Output::of(command.arg(ground.path("moved")))
    };
    let mut kills = 0;
    for call in ["fchmod", "fsync", "linkat", "renameat"] {
        for when in 1.. {
            std::fs::remove_dir_all(ground.path("etc")).unwrap();
            ground.instance.write("etc/config.yaml", &old);
            ground.instance.write("etc/kubeconfig", &pinned);
            let output = run(Some((call, when)));
            let config = read(&ground.config());
            let new = config.contains("#oncall");
            assert!(new || config == old, "{call} {when}: {config}");
            let kubeconfig = read(&ground.path("etc/kubeconfig"));
            assert!(kubeconfig == pinned || kubeconfig.contains("namespace: web"), "{kubeconfig}");
            if new {
                let [backup] = backups(&ground).try_into().unwrap();
                assert_eq!(read(&backup), old);
            }
            if output.code == Some(0) {
                break;
            }
            kills += 1;
            run(None).exits(0);
            assert!(read(&ground.config()).contains("#oncall"));
            ground.passes("overlays/develop");
            let files = inventory(&ground.path("etc")).into_keys();
            let left: Vec<PathBuf> =
                files.filter(|path| path.to_string_lossy().contains("/.envguard")).collect();
            assert!(left.is_empty(), "{call} {when}: {left:?}");
        }
    }
    assert!(kills >= 4, "nothing was killed: {kills}");
}

/// By another process: while this one has it open for writing, a test beside this one
/// may fork, and then it cannot be run.
fn copy_program(to: &Path) {
    Output::of(Command::new("cp").arg(envguard()).arg(to)).exits(0);
}

/// As another user than root, with a home directory, and the program where everybody
/// may run it.
fn as_nobody(ground: &Ground, words: &[&str]) -> Option<Output> {
    if !rustix::process::geteuid().is_root() {
        crate::support::skip("not root: nobody else can be had");
        return None;
    }
    if lacks("setpriv", "runs a test as another user") {
        return None;
    }
    ground.instance.mode("", 0o755);
    let program = ground.path("bin/envguard");
    if !program.exists() {
        copy_program(&program);
    }
    ground.instance.mode("bin/envguard", 0o755);
    for dir in ["home", "m"] {
        let mut chown = Command::new("chown");
        let owner = format!("{NOBODY}:{NOBODY}");
        Output::of(chown.args(["-R", "-h", &owner]).arg(ground.path(dir))).exits(0);
    }
    let mut command = ground.command("/usr/bin/setpriv".as_ref());
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(words);
    Some(Output::of(&mut command))
}

#[test]
fn everybody_sets_up_their_own_instance_below_their_home() {
    let ground = Ground::new().usual();
    let Some(output) = as_nobody(&ground, &["setup", "--yes"]) else { return };
    let _done = output.exits(0);
    for file in ["config.yaml", "kubeconfig"] {
        let found = ground.path("home/.config/envguard").join(file).metadata().unwrap();
        assert_eq!((found.uid(), found.permissions().mode() & 0o7777), (NOBODY, 0o600), "{file}");
    }
    assert!(!ground.path("gitconfig").exists(), "only root changes git's system configuration");
    let check = as_nobody(&ground, &["check", "--", "apply", "-k", "overlays/develop"]).unwrap();
    let _passed = check.exits(0);
    let again = as_nobody(&ground, &["setup", "--yes"]).unwrap().exits(0);
    assert!(again.stdout.contains("nothing to change"), "{again}");
}

/// The first file that is written makes one of the directories that are made before
/// kubectl runs.
#[test]
fn everybody_sets_up_what_is_checked_out_at_home() {
    let ground = Ground::new().usual();
    std::fs::rename(ground.path("m"), ground.path("home/m")).unwrap();
    std::fs::create_dir(ground.path("m")).unwrap();
    std::fs::remove_dir_all(ground.path("home/.config")).unwrap_or_default();
    let checkout = ground.path("home/m");
    let words = ["setup", "--yes", "--checkout", checkout.to_str().unwrap()];
    let Some(output) = as_nobody(&ground, &words) else { return };
    assert_eq!(output.stderr, "", "{output}");
    let _done = output.exits(0);
    for dir in [".kube", ".cache", ".config"] {
        assert_eq!(ground.path("home").join(dir).metadata().unwrap().uid(), NOBODY, "{dir}");
    }
}

#[test]
fn somebody_else_s_checkout_is_said_to_need_root() {
    let ground = Ground::new().usual();
    let Some(output) = as_nobody(&ground, &["setup", "--dry-run"]) else { return };
    assert!(!output.exits(0).stdout.contains("safe.directory"));
    Output::of(Command::new("chown").args(["-R", "0:0"]).arg(ground.path("m"))).exits(0);
    let mut command = ground.command("/usr/bin/setpriv".as_ref());
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(ground.path("bin/envguard"));
    let output = Output::of(command.args(["setup", "--dry-run"])).exits(0);
    assert!(output.stdout.contains("safe.directory"), "{output}");
    assert!(output.stdout.contains("1 of 1 allowed may be applied"), "{output}");
}

#[test]
fn a_directory_that_must_not_be_written_to_is_said() {
    let ground = Ground::new().usual();
    for dir in ["locked", "locked/inner"] {
        std::fs::create_dir_all(ground.path(dir)).unwrap();
    }
    let config = ground.path("locked/inner/config.yaml");
    let config = config.to_str().unwrap();
    ground.instance.mode("locked/inner", 0o555);
    let Some(output) = as_nobody(&ground, &["--config", config, "setup", "--yes"]) else { return };
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("cannot write"), "{output}");
    assert!(output.stderr.contains("Permission denied"), "{output}");
    assert_eq!(inventory(&ground.path("locked")), BTreeMap::new());
}

/// The real places, in a copy of `/etc` that only this process sees.
#[test]
fn root_sets_up_the_instance_for_everybody() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skip("only root sets up an instance: not root");
    }
    if lacks("unshare", "gives a test an /etc of its own")
        || lacks("setpriv", "runs as another user")
    {
        return;
    }
    let ground = Ground::new().usual();
    ground.instance.mode("", 0o755);
    let script = format!(
        "mkdir {copy} && cp -a /etc/. {copy} && rm -rf {copy}/envguard {copy}/gitconfig && mount --bind {copy} /etc && mkdir {log} && mount --bind {log} /var/log || exit 70
umask 077
\"$@\" || exit 71
stat -c '%a %n' /etc/envguard /etc/envguard/config.yaml /etc/envguard/kubeconfig /var/log/envguard
cat /etc/gitconfig
{guard} check -- apply -k overlays/develop || exit 72
echo 'no: file' >{other}.yaml
{guard} --config {other}.yaml check -- apply -k overlays/develop 2>&1 || exit 73
{guard} --config /etc/envguard/../envguard/config.yaml check -- get pods 2>&1 || exit 74
{guard} --config {other}.yaml setup --yes 2>&1; echo \"named: $?\"
setpriv --reuid=65534 --regid=65534 --clear-groups {other} setup --yes; echo \"nobody: $?\"",
        copy = ground.path("etc-copy").display(),
        log = ground.path("log-copy").display(),
        guard = envguard().display(),
        other = ground.path("bin/envguard").display(),
    );
    copy_program(&ground.path("bin/envguard"));
    ground.instance.mode("bin/envguard", 0o755);
    let kubeconfig = ground.path("home/.kube/config");
    ground.instance.write("home/.kube/config", &read(&kubeconfig).replace("{token: secret}", "{}"));
    let mut command = ground.command("/usr/bin/unshare".as_ref());
    command.env_remove("GIT_CONFIG_SYSTEM");
    command
        .args(["--mount", "/bin/sh", "-c", &script, "sh"])
        .arg(envguard())
        .args(["setup", "--yes"]);
    let output = Output::of(&mut command);
    if output.code == Some(70) || output.stderr.contains("unshare:") {
        return crate::support::skip("nothing can be mounted here");
    }
    let output = output.exits(0);
    for line in [
        "755 /etc/envguard\n",
        "644 /etc/envguard/config.yaml\n",
        "444 /etc/envguard/kubeconfig\n",
        "1733 /var/log/envguard\n",
        &format!("directory = {}\n", ground.path("m").display()),
        "nobody: 1\n",
        "is not read: this instance has /etc/envguard/config.yaml\n",
        "would never be read: this instance has /etc/envguard/config.yaml\n",
        "named: 1\n",
    ] {
        assert!(output.stdout.contains(line), "{line:?} is not in {output}");
    }
    assert_eq!(output.stdout.matches("is not read").count(), 1, "{output}");
    assert!(output.stderr.contains("this instance has its configuration already"), "{output}");
    assert!(
        !Path::new("/etc/envguard/config.yaml").exists()
            || read(Path::new("/etc/envguard/config.yaml")).contains("envguard/v1alpha1")
    );
}

#[test]
fn checkouts_that_many_read_are_safe_directories_once() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skip("git's system configuration is root's: not root");
    }
    let ground = Ground::new().usual();
    let gitconfig = ground.instance.write("gitconfig", "[core]\n\tpager = cat\n");
    ground.setup(&["--yes"]).exits(0);
    let expected =
        format!("[core]\n\tpager = cat\n[safe]\n\tdirectory = {}\n", ground.path("m").display());
    assert_eq!(read(&gitconfig), expected);
    ground.setup(&["--yes", "--contact", "x"]).exits(0);
    assert_eq!(read(&gitconfig), expected);
}

/// What appears in a home directory with a checkout while kubectl runs cannot be read
/// by it (docs/sandbox.md): kubectl's own directories are there before.
#[test]
fn a_home_directory_with_a_checkout_has_what_kubectl_makes_there() {
    let ground = Ground::new().usual();
    std::fs::rename(ground.path("m"), ground.path("home/m")).unwrap();
    std::fs::create_dir(ground.path("m")).unwrap();
    std::fs::remove_dir_all(ground.path("home/.cache")).unwrap_or_default();
    let checkout = ground.path("home/m");
    let output = ground.setup(&["--yes", "--checkout", checkout.to_str().unwrap()]).exits(0);
    for dir in [".kube", ".cache", ".config"] {
        assert!(ground.path("home").join(dir).is_dir(), "{dir}: {output}");
    }
    assert!(!ground.path("gitconfig").exists(), "it is one person's");
}

/// User data: the repository is cloned later, with foreign overlays kept away.
#[test]
fn a_checkout_may_be_cloned_afterwards() {
    let ground = Ground::new().usual();
    std::fs::rename(ground.path("m"), ground.path("origin")).unwrap();
    let words = |stated: &'static [&'static str]| {
        let mut words = vec!["--yes", "--checkout", "m"];
        words.extend(stated);
        words
    };
    std::fs::create_dir(ground.path("elsewhere/x")).unwrap();
    let setup = |words: &[&str]| {
        let mut command = ground.command(&envguard());
        command.arg("--config").arg(ground.config()).arg("setup").args(words);
        Output::of(command.current_dir(ground.path("")))
    };
    let output = setup(&words(&[])).exits(1);
    assert!(output.stderr.contains("there is no checkout"), "{output}");
    let stated = &[
        "--overlay-root",
        "overlays",
        "--allow",
        "develop",
        "--shared",
        "base,common",
        "--foreign",
        "prod",
    ];
    let output = setup(&words(stated)).exits(0);
    assert!(output.stdout.contains("is not there yet"), "{output}");
    assert_eq!(ground.list("shared"), ["base", "common"]);
    let mut clone = ground.command(&envguard());
    clone.env("ENVGUARD_CONFIG", ground.config()).current_dir(ground.path(""));
    Output::of(clone.args(["tidy", "--clone", "origin", "m"])).exits(0);
    assert!(!ground.path("m/overlays/prod").exists());
    ground.passes("overlays/develop");
    let output = setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("1 of 1 allowed may be applied"), "{output}");
}
