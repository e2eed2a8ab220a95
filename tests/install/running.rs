//! The machine that the installer runs on, not an image: with systemd and package managers.

use std::process::Command;

use super::root::{Release, Root};
use crate::login::sources;
use crate::support::{Output, executable, lacks, left_out, read, write};

/// A program on the machine's PATH that writes down its words.
const RECORDING: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"$CALLS\"\n";

/// Stands in for this machine's directories in a mount namespace, and runs the rest there.
const FACADE: &str = r#"
place=$1
shift
mkdir -p "$place/etc"
for part in alternatives passwd group ld.so.cache; do
    [ ! -e "/etc/$part" ] || [ -e "$place/etc/$part" ] || cp -a "/etc/$part" "$place/etc"
done
for dir in /etc /run /usr/local /var/log /var/lib; do
    mkdir -p "$place$dir"
    mount --bind "$place$dir" "$dir"
done
exec sh "$@"
"#;

/// A directory with what stands in for /etc, /run and the like.
struct Machine {
    root: Root,
}

impl Machine {
    fn new() -> Option<Self> {
        let possible = Command::new("/usr/bin/unshare").args(["-m", "true"]).output();
        if !possible.is_ok_and(|output| output.status.success()) {
            left_out("a machine to install on needs a mount namespace of its own (root)");
            return None;
        }
        let root = Root::new();
        for program in ["systemctl", "apt-get", "dnf"] {
            write(&root.beside("bin").join(program), RECORDING);
            executable(&root.beside("bin").join(program));
        }
        std::fs::create_dir_all(root.path("/run/systemd/system")).unwrap();
        Some(Self { root })
    }

    fn runs(&self, words: &[&str]) -> Output {
        self.shell(&[&[sources().join("install.sh").to_str().unwrap()], words].concat())
    }

    /// `sh WORDS`, there.
    fn shell(&self, words: &[&str]) -> Output {
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["-m", "sh", "-euc", FACADE, "sh"]).arg(self.root.path(""));
        command.args(words).env_clear();
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.root.beside("bin").display());
        command.env("PATH", path).env("TMPDIR", self.root.tmp());
        command.env("HOME", self.root.beside("")).env("CALLS", self.root.beside("calls"));
        Output::of(command.stdin(std::process::Stdio::null()))
    }

    fn installs(&self, words: &[&str]) -> Output {
        let programs = self.root.programs.to_str().unwrap();
        self.runs(&[&["--programs", programs], words].concat())
    }

    /// What was called since the last time.
    fn calls(&self) -> Vec<String> {
        let file = self.root.beside("calls");
        let calls = if file.exists() { read(&file) } else { String::new() };
        write(&file, "");
        calls.lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_keeper_is_restarted_by_an_upgrade_and_ends_with_the_installation() {
    let Some(machine) = Machine::new() else { return };
    machine.installs(&[]).exits(0);
    let fresh = ["systemctl daemon-reload", "systemctl try-restart envguard-watch@*.service"];
    assert_eq!(machine.calls(), fresh);
    let watch = "/etc/systemd/system/multi-user.target.wants/envguard-watch@alice.service";
    let timer = "/etc/systemd/system/timers.target.wants/envguard-fetch@bob.timer";
    let others = "/etc/systemd/system/timers.target.wants/envguard-other@bob.timer";
    for link in [watch, timer, others] {
        std::fs::create_dir_all(machine.root.path(link).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/nowhere", machine.root.path(link)).unwrap();
    }
    machine.runs(&["--uninstall", "--dry-run"]).says("stopped  envguard-watch@alice").exits(0);
    assert!(machine.calls().is_empty());
    // An image's units are no business of the machine that makes it.
    machine.root.install(&[]).exits(0);
    assert!(machine.calls().is_empty());
    machine.runs(&["--uninstall"]).says("Removed.").exits(0);
    assert_eq!(
        machine.calls(),
        [
            "systemctl disable --now envguard-fetch@bob.timer",
            "systemctl disable --now envguard-watch@alice.service",
            "systemctl daemon-reload",
        ]
    );
}

#[test]
fn without_systemd_nobody_is_asked_to_stop_anything() {
    let Some(machine) = Machine::new() else { return };
    std::fs::remove_dir_all(machine.root.path("/run/systemd")).unwrap();
    machine.installs(&[]).exits(0);
    machine.runs(&["--uninstall"]).says("Removed.").exits(0);
    assert!(machine.calls().is_empty());
}

#[test]
fn a_second_run_asks_for_nothing_that_is_there_already() {
    let Some(machine) = Machine::new() else { return };
    machine.installs(&[]).says("--shell-rc").says("of Session Manager: --agent").exits(0);
    machine.installs(&["--agent", "--shell-rc"]).says("restart amazon-ssm-agent").exits(0);
    let again = machine.installs(&[]).says("Installed.").exits(0).stderr;
    for done in ["--shell-rc", "amazon-ssm-agent", "--agent"] {
        assert!(!again.contains(done), "{done}: {again}");
    }
}

#[test]
fn a_package_is_refused_together_with_what_it_cannot_do() {
    let Some(machine) = Machine::new() else { return };
    let root = &machine.root;
    let release = Release::new(root);
    for name in ["x.deb", "x.rpm"] {
        write(&release.dir.join(name), "a package\n");
    }
    release.sign(root);
    let key = release.key.to_str().unwrap();
    for (name, manager) in [("x.deb", "apt-get"), ("x.rpm", "dnf")] {
        let file = release.dir.join(name);
        let from = ["--from", file.to_str().unwrap(), "--key", key];
        for asked in [
            &["--root", "/nowhere"][..],
            &["--prefix", "/opt/guard"],
            &["--adopt-kubectl"],
            &["--agent"],
            &["--sudoers"],
            &["--shell-rc"],
            &["--shell-rc", "--dry-run"],
        ] {
            let instead = if asked.len() == 2 && asked[1].starts_with('/') {
                "linux.tar.gz".to_owned()
            } else {
                format!("and then /usr/lib/envguard/install.sh {}", asked[0])
            };
            machine
                .runs(&[&from, asked].concat())
                .says("this machine's own package manager, which knows no")
                .says(asked[0])
                .says(&instead)
                .exits(64);
            assert!(machine.calls().is_empty(), "{asked:?}");
        }
        let dry = [&from[..], &["--dry-run"]].concat();
        machine.runs(&dry).says(&format!("would be installed by {manager}: {name}")).exits(0);
        assert!(machine.calls().is_empty());
        let said = machine.runs(&from).says(&format!("installing by {manager}: {name}")).exits(0);
        assert!(!said.stderr.contains("would be"), "{said}");
        let calls = machine.calls();
        assert!(calls.len() == 1 && calls[0].starts_with(&format!("{manager} install -y")));
    }
}

#[test]
fn a_configuration_that_cannot_be_hidden_from_the_demo_ends_it_with_a_word_of_why() {
    let Some(machine) = Machine::new() else { return };
    machine.root.write("/etc/envguard/config.yaml", "the instance's\n");
    let unshare = machine.root.beside("bin/unshare");
    write(&unshare, "#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n");
    executable(&unshare);
    machine
        .runs(&["--try"])
        .says("cannot be hidden from the demo: unshare failed: Operation not permitted")
        .says("instead   try it on another machine")
        .exits(1);
}

#[test]
fn who_calls_sudo_builds_with_the_rust_at_home() {
    let Some(machine) = Machine::new() else { return };
    let (home, target) = (machine.root.beside("alice"), machine.root.beside("target"));
    let cargo = home.join(".cargo/bin/cargo");
    std::fs::create_dir(&target).unwrap();
    // One that says who has started it, where, in place of a program.
    let says = "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --bin) bin=$2 ;; --target-dir) dir=$2 ;; esac; shift; done\n\
        mkdir -p \"$dir/release\"\necho \"#!/bin/sh\necho $(id -u) $HOME\" >\"$dir/release/$bin\"\nchmod +x \"$dir/release/$bin\"\n";
    write(&cargo, says);
    executable(&cargo);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(machine.root.beside(""), open).unwrap();
    Output::of(Command::new("chown").args(["-R", "65534:65534"]).args([&home, &target])).exits(0);
    machine.root.write(
        "/etc/passwd",
        &format!("root:x:0:0::/root:/bin/sh\nalice:x:65534:65534::{}:/bin/sh\n", home.display()),
    );
    let script = sources().join("install.sh");
    let line = "SUDO_UID=65534 SUDO_GID=65534 CARGO_TARGET_DIR=$1 sh \"$2\" --no-setup";
    let words = ["-c", line, "sh", target.to_str().unwrap(), script.to_str().unwrap()];
    machine.shell(&words).exits(0);
    machine
        .shell(&["-c", "/usr/local/bin/kubectl-envguard"])
        .prints(&format!("65534 {}\n", home.display()))
        .exits(0);
}

/// Sudoers with a file for each way in which sudo comes from one to the other.
const SUDOERS: [(&str, &[(&str, &str)]); 9] = [
    ("Defaults secure_path=/sbin:/bin, env_reset\n@includedir /etc/sudoers.d\n", &[]),
    (
        "Defaults secure_path=/sbin\n#includedir /etc/sudoers.d\n",
        &[("sudoers.d/a", "Defaults env_reset, \\\n  secure_path = \"/a:/bin\"\n")],
    ),
    (
        "@includedir sudoers.d\n",
        &[
            ("sudoers.d/b", "Defaults secure_path=/b\n"),
            ("sudoers.d/a.rpmsave", "Defaults secure_path=/x\n"),
            ("sudoers.d/z~", "Defaults secure_path=/y\n"),
        ],
    ),
    (
        "Defaults secure_path=/sbin\n@include /etc/sudoers.local\n@includedir /etc/sudoers.d\n",
        &[("sudoers.local", "Defaults secure_path=/local\n")],
    ),
    (
        "#include sudoers.%h\n@includedir /etc/sudoers.d\n",
        &[("sudoers.HOST", "Defaults\tsecure_path=/host\n")],
    ),
    (
        "@include \"/etc/with space\"\n@include also\\ this\n@includedir /etc/sudoers.d\n",
        &[
            ("with space", "Defaults secure_path=/one\n"),
            ("also this", "Defaults secure_path=/two\n"),
        ],
    ),
    (
        "Defaults secure_path=/sbin\nDefaults:nobody secure_path=/of-nobody\n#Defaults secure_path=/x\n#included\n@includedir /etc/sudoers.d\n",
        &[],
    ),
    (
        "@includedir /etc/sudoers.d\n",
        &[
            ("sudoers.d/10-more", "@includedir /etc/more\n"),
            ("more/B", "Defaults secure_path=/B\n"),
            ("more/a", "Defaults secure_path=/a\n"),
        ],
    ),
    ("Defaults secure_path=/last # a remark\n@includedir /etc/sudoers.d\n", &[]),
];

impl Machine {
    /// The path that sudo itself says it gives.
    fn path_of_sudo(&self) -> String {
        let said = self.shell(&["-c", "LC_ALL=C sudo -V"]).exits(0);
        assert_eq!(said.stderr, "");
        let line = said.stdout.lines().find_map(|line| line.split_once("PATH with: "));
        line.map(|(_, path)| path.to_owned()).unwrap_or_default()
    }

    fn sudoers(&self, text: &str, files: &[(&str, &str)]) {
        drop(std::fs::remove_dir_all(self.root.path("/etc/sudoers.d")));
        let host = Output::of(Command::new("uname").arg("-n")).exits(0).stdout;
        // sudo wants to know its own machine.
        self.root.write("/etc/hosts", &format!("127.0.0.1 {host}"));
        let host = host.trim().split('.').next().unwrap();
        for (name, text) in [&[("sudoers", text)], files].concat() {
            self.root.write(&format!("/etc/{}", name.replace("HOST", host)), text);
        }
    }
}

#[test]
fn the_path_that_sudo_gives_stays_behind_the_guard_wherever_it_is_stated() {
    let Some(machine) = Machine::new() else { return };
    if lacks("sudo", "says which path it gives") {
        return;
    }
    for (text, files) in SUDOERS {
        machine.sudoers(text, files);
        let before = machine.path_of_sudo();
        assert!(before.starts_with('/'), "{text}{before}");
        let said = machine.installs(&["--sudoers"]).exits(0);
        assert!(!said.stderr.contains("sudo      is not guarded"), "{text}{said}");
        let after = machine.path_of_sudo();
        assert_eq!(after, format!("/usr/local/lib/envguard/shims:{before}"), "{text}");
        machine.runs(&["--uninstall"]).exits(0);
        assert_eq!(machine.path_of_sudo(), before, "{text}");
    }
}

#[test]
fn a_line_that_sudo_does_not_take_is_not_called_guarded() {
    let Some(machine) = Machine::new() else { return };
    if lacks("sudo", "says which path it gives") {
        return;
    }
    for text in [
        "Defaults secure_path=/sbin:/bin\n",
        "@includedir /etc/sudoers.d\nDefaults secure_path=/sbin:/bin\n",
        // A circle that sudo refuses: nothing to take, and no end to wait for.
        "Defaults secure_path=/sbin\n@include /etc/sudoers\n",
    ] {
        machine.sudoers(text, &[]);
        machine
            .installs(&["--sudoers"])
            .says("sudo      is not guarded: sudoers reads no")
            .exits(0);
    }
}
