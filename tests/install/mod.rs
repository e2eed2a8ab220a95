//! The installer: into a scratch root, over an older version, interrupted, and away
//! again without a trace.

mod added;
mod debian;
mod interrupted;
mod machines;
mod packages;
mod release;
mod root;
mod running;
mod upgrade;
mod walk;

pub(crate) use root::{Release, Root, inventory, machine, same};

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::login::{Login, have, sources};
use crate::support::{Instance, Output, Terminal, executable, lacks, read, write};
use root::{Inventory, NEXT, VERSIONS, listed, next_sources, paths, stubs};

const PREFIX: &str = "/usr/local";
const PROGRAM: &str = "/usr/local/bin/kubectl-envguard";
const SHIM: &str = "/usr/local/lib/envguard/shims/kubectl";
const KUBECTL: &str = "/usr/local/bin/kubectl";
const AGENT: &str = "/etc/systemd/system/amazon-ssm-agent.service.d/envguard.conf";

/// What is not in deploy/files, because it is there on request, or made.
const BESIDES: [&str; 2] = [KUBECTL, "/usr/local/lib/envguard/manifest"];

#[test]
fn what_is_installed_is_what_the_list_says_and_all_of_it_goes() {
    let root = Root::new();
    let before = root.inventory();
    root.install(&[]).exits(0);
    let after = root.inventory();
    let mut new: Vec<String> = paths(&after)
        .into_iter()
        .filter(|path| !before.contains_key(*path) && !root.path(path).is_dir())
        .filter(|path| !BESIDES.contains(path))
        .map(str::to_owned)
        .collect();
    // A link to a file counts; the shim's leads to one.
    new.sort();
    assert_eq!(new, listed(sources(), PREFIX, "/usr/local/share/zsh/site-functions"));
    assert_eq!(after["/var/log/envguard"].0 & 0o7777, 0o1733);
    assert_eq!(
        std::fs::canonicalize(root.path(SHIM)).unwrap(),
        root.path("/usr/local/lib/envguard/envguard-shim").canonicalize().unwrap()
    );
    // Nothing points to where packages put things.
    for place in [
        "/etc/profile.d/zz-envguard.sh",
        "/etc/fish/conf.d/envguard.fish",
        "/usr/local/lib/systemd/system/envguard-watch@.service",
    ] {
        let text = read(&root.path(place));
        assert!(text.contains(PROGRAM) && !text.contains("/usr/bin/kubectl-envguard"), "{place}");
    }
    root.uninstall(&[]).says("Removed.").exits(0);
    assert_eq!(paths(&root.inventory()), paths(&before));
    same(&root.inventory(), &before, "in the root");
    root.uninstall(&[]).says("nothing is installed").exits(1);
}

#[test]
fn the_installed_copy_removes_it_from_wherever_it_is() {
    let root = Root::new();
    let before = root.inventory();
    root.install(&["--prefix", "/opt/guard"]).exits(0);
    let copy = root.path("/opt/guard/lib/envguard/install.sh");
    let mut uninstall = Command::new("sh");
    uninstall.arg(copy).arg("--root").arg(root.path("")).arg("--uninstall");
    Output::of(uninstall.env("HOME", root.beside(""))).exits(0);
    assert_eq!(paths(&root.inventory()), paths(&before));
}

#[test]
fn everything_on_request_goes_too() {
    // It comes with sudo, and is not on everybody's PATH.
    if !Path::new("/usr/sbin/visudo").exists() && lacks("visudo", "checks the sudoers line") {
        return;
    }
    let root = Root::new();
    let before = root.inventory();
    let all = ["--agent", "--sudoers", "--shell-rc"];
    root.install(&all).exits(0);
    let after = root.inventory();
    assert!(read(&root.path(AGENT)).contains("ENV=/usr/local/lib/envguard/session.sh"));
    assert!(
        read(&root.path("/etc/sudoers.d/envguard"))
            .contains(&format!("\"{PREFIX}/lib/envguard/shims:"))
    );
    assert_eq!(after["/etc/sudoers.d/envguard"].0 & 0o777, 0o440);
    let line = ". /etc/profile.d/zz-envguard.sh # envguard";
    for file in ["/etc/bash.bashrc", "/etc/zsh/zshrc"] {
        assert_eq!(
            read(&root.path(file)).lines().filter(|found| *found == line).count(),
            1,
            "{file}"
        );
    }
    // Again, with and without asking: nothing more, nothing less.
    root.install(&all).exits(0);
    same(&root.inventory(), &after, "in the root");
    root.install(&[]).exits(0);
    same(&root.inventory(), &after, "in the root");
    root.uninstall(&[]).exits(0);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn the_machines_own_secure_path_stays_behind_the_guard() {
    // It comes with sudo, and is not on everybody's PATH.
    if !Path::new("/usr/sbin/visudo").exists() && lacks("visudo", "checks the sudoers line") {
        return;
    }
    let root = Root::new();
    let written = |expected: &str| {
        root.install(&["--sudoers"]).exits(0);
        let text = read(&root.path("/etc/sudoers.d/envguard"));
        let line = format!("Defaults secure_path=\"{PREFIX}/lib/envguard/shims:{expected}\"");
        assert_eq!(text.lines().last(), Some(line.as_str()), "{text}");
    };
    written("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    root.write("/etc/sudoers", "Defaults secure_path=/sbin:/bin, env_reset\n");
    // As status says it: the guard is there already, and is not put in twice.
    let guarded = format!("{PREFIX}/lib/envguard/shims:/snap/bin:/bin");
    root.write(
        "/etc/sudoers",
        &format!("#Defaults secure_path=/x\nDefaults\tsecure_path = \"{guarded}\"\n"),
    );
    written("/snap/bin:/bin");
    // What nothing includes is not read, and our own line is nobody's.
    root.write("/etc/sudoers.d/tools", "Defaults secure_path=/opt/tools:/bin\n");
    written("/snap/bin:/bin");
    root.write("/etc/sudoers", "Defaults secure_path=/sbin\n@includedir sudoers.d\n");
    written("/opt/tools:/bin");
    written("/opt/tools:/bin");
}

#[test]
fn a_dry_run_says_everything_and_does_nothing() {
    let root = Root::new();
    let before = root.inventory();
    let said = root.install(&["--dry-run", "--shell-rc"]).exits(0);
    said.clone()
        .says(&format!("placed   {}", root.path(PROGRAM).display()))
        .says("Nothing was done");
    same(&root.inventory(), &before, "in the root");
    root.install(&[]).exits(0);
    let installed = root.inventory();
    root.uninstall(&["--dry-run"]).says("removed").says("Nothing was done").exits(0);
    same(&root.inventory(), &installed, "in the root");
    // A second time there is nothing to do.
    let said = root.install(&[]).exits(0).stderr;
    assert!(!said.contains("placed"), "{said}");
    same(&root.inventory(), &installed, "in the root");
}

#[test]
fn what_stands_in_the_way_is_found_before_anything_is_written() {
    let root = Root::new();
    let others = ["/etc/fish/conf.d/envguard.fish", "/etc/profile.d/zz-envguard.sh"];
    for file in others {
        root.write(file, "somebody else's\n");
    }
    let before = root.inventory();
    let said = root.install(&[]).exits(1).stderr;
    same(&root.inventory(), &before, "in the root");
    // One sentence that names all of them, and one line that clears the way.
    let [error, remedy] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    for file in others {
        assert!(error.contains(&root.path(file).display().to_string()), "{error}");
    }
    paste(remedy);
    root.install(&[]).exits(0);
    for file in others {
        assert_eq!(read(&root.path(&format!("{file}.old"))), "somebody else's\n");
    }
}

/// Does what the line proposes.
#[track_caller]
fn paste(remedy: &str) {
    let line = remedy.strip_prefix("  instead   ").unwrap_or_else(|| panic!("{remedy}"));
    Output::of(Command::new("sh").args(["-euc", line])).exits(0);
}

#[test]
fn amazon_linux_2_is_refused_in_one_sentence() {
    let root = Root::new();
    root.write("/etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2\"\n");
    let before = root.inventory();
    let said = root.install(&[]).exits(1).stderr;
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("glibc 2.26") && said.contains("out of support"), "{said}");
    same(&root.inventory(), &before, "in the root");
    root.write("/etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2023\"\nID_LIKE=\"fedora\"\n");
    let said = root.install(&["--dry-run"]).exits(0).stderr;
    assert!(!said.contains("not tested"), "{said}");
}

#[test]
fn a_real_kubectl_is_left_alone_unless_it_is_to_be_adopted() {
    for target in [None, Some("../../../opt/kubectl-1.36")] {
        let root = Root::new();
        root.write("/opt/kubectl-1.36", "#!/bin/sh\necho real\n");
        executable(&root.path("/opt/kubectl-1.36"));
        std::fs::create_dir_all(root.path("/usr/local/bin")).unwrap();
        match target {
            None => assert_ne!(
                std::fs::copy(root.path("/opt/kubectl-1.36"), root.path(KUBECTL)).unwrap(),
                0
            ),
            Some(target) => std::os::unix::fs::symlink(target, root.path(KUBECTL)).unwrap(),
        }
        let before = root.inventory();
        root.install(&[]).exits(0);
        assert_eq!(root.inventory()[KUBECTL], before[KUBECTL]);
        root.install(&["--adopt-kubectl"]).says("moved").exits(0);
        assert_eq!(std::fs::read_link(root.path(KUBECTL)).unwrap(), Path::new(SHIM));
        let aside = root.path("/usr/local/lib/envguard/adopted/kubectl");
        Output::of(&mut Command::new(aside)).prints("real").exits(0);
        // An upgrade keeps it there, and knows whose it is.
        let adopted = root.inventory();
        root.install(&[]).exits(0);
        same(&root.inventory(), &adopted, "in the root");
        root.uninstall(&[]).says("back to").exits(0);
        same(&root.inventory(), &before, "in the root");
    }
}

#[test]
fn the_guard_runs_the_kubectl_that_was_moved_aside() {
    let instance = Instance::new();
    let root = Root::new();
    std::fs::create_dir_all(root.path("/usr/local/bin")).unwrap();
    std::fs::rename(instance.path("bin/kubectl"), root.path(KUBECTL)).unwrap();
    let mut command = root.command(&["--adopt-kubectl"]);
    command.arg("--programs").arg(crate::support::envguard().parent().unwrap());
    Output::of(&mut command).exits(0);
    // The real kubectl is nowhere on PATH any more.
    for program in [root.path("/usr/local/lib/envguard/envguard-shim"), root.path(PROGRAM)] {
        let mut run = instance.command(&program);
        Output::of(run.args(["get", "pods"]).env("PATH", "/usr/bin:/bin")).exits(42);
    }
}

/// Gives the home directory to somebody who is not root, and says what is in it.
fn hand_over(root: &Root, home: &Path) -> Inventory {
    std::fs::set_permissions(root.beside(""), PermissionsExt::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        Output::of(Command::new("chown").args(["-R", "65534:65534"]).arg(home)).exits(0);
    }
    inventory(home)
}

/// The installer, started by that person.
fn as_somebody(script: &Path, home: &Path, words: &[&str]) -> Output {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.arg(script).args(words).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
    command.env("TMPDIR", home.with_file_name("tmp"));
    Output::of(command.stdin(std::process::Stdio::null()))
}

#[test]
fn a_person_without_root_installs_into_the_home_directory() {
    if lacks("setpriv", "runs a test as another user") {
        return;
    }
    let root = Root::new();
    let release = Release::new(&root);
    let tarball = release.add(&root, "0.1.0");
    let unpacked = root.beside("unpacked");
    let home = root.beside("home");
    std::fs::create_dir_all(&unpacked).unwrap();
    write(&home.join(".bashrc"), "# mine\n");
    write(&home.join("keep"), "");
    Output::of(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(&unpacked)).exits(0);
    let script = unpacked.join(format!("kubectl-envguard-0.1.0-{}-linux/install.sh", machine()));
    let before = hand_over(&root, &home);
    let run = |words: &[&str]| as_somebody(&script, &home, words);
    run(&[]).says("Next: ").says("hook bash").exits(0);
    assert_eq!(read(&home.join(".bashrc")), "# mine\n", "nobody asked for it");
    Output::of(&mut Command::new(home.join(".local/bin/kubectl-envguard")))
        .prints("0.1.0")
        .exits(0);
    run(&["--shell-rc"]).exits(0);
    assert!(read(&home.join(".bashrc")).contains("/.local/bin/kubectl-envguard hook bash)"));
    run(&["--uninstall"]).exits(0);
    same(&inventory(&home), &before, "at home");
}

/// An instance whose programs stand where the installer has put them.
fn installed(instance: &Instance, root: &Root) {
    let mut command = root.command(&["--no-setup"]);
    command.arg("--programs").arg(crate::support::envguard().parent().unwrap());
    Output::of(&mut command).exits(0);
    instance.write("home/.hushlogin", "");
}

#[test]
fn open_shells_keep_a_working_kubectl() {
    for shell in ["bash", "zsh"] {
        if !have(shell) {
            return;
        }
        let place = Login::new();
        let root = Root::new();
        installed(&place.instance, &root);
        let hook = format!("eval \"$({} hook {shell})\"\n", root.path(PROGRAM).display());
        place.home(".bashrc", &format!("PS1='user> '\n{hook}"));
        place.home(".zshrc", &format!("unsetopt prompt_cr zle\nPROMPT='user> '\n{hook}"));
        let mut terminal: Terminal = place.shell(shell, &[]);
        terminal.first_prompt().contains("DEVELOP");
        terminal.run("command -v kubectl").contains("/usr/local/lib/envguard/shims/kubectl");
        terminal.run("kubectl get pods; echo code=$?").contains("code=42");
        root.uninstall(&[]).exits(0);
        // The real one, although the shell had noted where the shim was.
        terminal.run("kubectl get pods; echo code=$?").contains("code=42");
    }
}

#[test]
fn checkouts_that_are_still_tidied_are_named_and_can_be_undone() {
    let instance = Instance::new();
    let root = Root::new();
    installed(&instance, &root);
    let config = instance.path("xdg/envguard/config.yaml");
    write(&config, &instance.config_text());
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
    instance.commit();
    instance.envguard(&["tidy"]).exits(0);
    let overlay = instance.path("m/overlays/prod");
    assert!(!overlay.exists());
    let uninstall = |words: &[&str]| {
        let mut command = root.command(&["--uninstall"]);
        command.args(words).env("XDG_CONFIG_HOME", instance.path("xdg"));
        Output::of(&mut command)
    };
    let top = instance.checkout().display().to_string();
    root.write("/etc/gitconfig", &format!("[safe]\n\tdirectory = {top}\n"));
    uninstall(&["--dry-run"]).says("Still tidied").says(&top).says("--undo").exits(0);
    assert!(!overlay.exists());
    // Without it, the last word is a command that is still there, and works.
    let said = uninstall(&[]).says("envguard/quarantine").exits(0).stderr;
    let last = said.lines().last().unwrap();
    assert_eq!(last, format!("  git -C '{top}' sparse-checkout disable"), "{said}");
    assert!(!said.contains("--undo"), "{said}");
    let mut disable = Command::new("sh");
    Output::of(disable.args(["-c", last]).env("HOME", root.beside(""))).exits(0);
    assert!(overlay.join("kustomization.yaml").exists());
    installed(&instance, &root);
    instance.envguard(&["tidy"]).exits(0);
    assert!(!overlay.exists());
    uninstall(&["--undo"])
        .says("Bringing back")
        .says("/etc/gitconfig: git config --system --get-all safe.directory")
        .exits(0);
    assert!(overlay.join("kustomization.yaml").exists());
    assert!(!root.path(PROGRAM).exists());
}

/// A cargo that builds at once: programs that say how they were linked.
const CARGO: &str = r#"#!/bin/sh
how=dynamic
case $* in *crt-static*) how=static ;; esac
[ "$how" = dynamic ] || [ -n "$STATIC" ] || exit 1
while [ $# -gt 0 ]; do
    case $1 in
        --bin) bin=$2 ;;
        --target-dir) dir=$2 ;;
    esac
    shift
done
mkdir -p "$dir/release"
printf '#!/bin/sh\necho %s\n' "$how" >"$dir/release/$bin"
chmod +x "$dir/release/$bin"
"#;

#[test]
fn from_source_the_shim_is_linked_statically_where_it_can_be() {
    let root = Root::new();
    write(&root.beside("cargo/cargo"), CARGO);
    executable(&root.beside("cargo/cargo"));
    let build = |has_static: &str| {
        let mut command = Command::new("sh");
        command.arg(sources().join("install.sh")).arg("--root").arg(root.path("")).env_clear();
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", root.beside("cargo").display());
        command.env("PATH", path).env("TMPDIR", root.tmp()).env("STATIC", has_static);
        Output::of(command.env("CARGO_TARGET_DIR", root.beside("target"))).exits(0)
    };
    let says = |program: &str, how: &str| {
        Output::of(&mut Command::new(root.path(program))).prints(how).exits(0);
    };
    let said = build("yes").stderr;
    assert!(!said.contains("static C library"), "{said}");
    says(SHIM, "static");
    says(PROGRAM, "dynamic");
    build("").says("There is no static C library here");
    says(SHIM, "dynamic");
}

#[test]
fn wrong_words_are_answered_with_the_right_ones() {
    let root = Root::new();
    let before = root.inventory();
    root.install(&["--frobnicate"]).says("there is no option --frobnicate").exits(64);
    root.install(&["--prefix", "relative"]).says("is no absolute path").exits(64);
    root.takes(&["--version", "1"]).says("--version 1 --releases DIR-OR-URL").exits(64);
    root.takes(&["--from"]).says("needs a value").exits(64);
    root.install(&["--programs", "/nowhere"]).says("no kubectl-envguard in /nowhere").exits(1);
    // What one word says is not to be ignored because of another.
    for [words, more] in [
        [&["--from", "x.tar.gz"][..], &["--programs", "/x"]],
        [&["--version", "1", "--releases", "/x"], &["--programs", "/x"]],
        [&["--try", "--from", "x.tar.gz"], &["--programs", "/x"]],
    ] {
        let said = root.takes(&[words, more].concat()).exits(64);
        said.says("a release brings its programs").says("instead   leave --programs out");
    }
    root.takes(&["--from", "x.tar.gz", "--version", "1"])
        .says("instead   --from x.tar.gz, or --version 1")
        .exits(64);
    root.takes(&["--from", "x.tar.gz", "--releases", "/x"])
        .says("with SHA256SUMS beside it")
        .exits(64);
    same(&root.inventory(), &before, "in the root");
    let help = root.install(&["--help"]).exits(0).stdout;
    assert!(help.lines().count() <= 40 && help.lines().all(|line| line.len() <= 88), "{help}");
}
