//! The README's table of ways to kubectl: those that it calls guarded are.

use super::page;
use crate::login::have;
use crate::support::{Instance, Output, Terminal, shim, skip};

/// What the table says of a way in, by the first words of its row.
const WAYS: &[(&str, Judged, &[&str])] = &[
    (
        "`kubectl …`",
        Judged::Yes,
        &[
            "kubectl apply -k overlays/prod",
            "\\kubectl apply -k overlays/prod",
            "command kubectl apply -k overlays/prod",
            "alias k=kubectl\nk apply -k overlays/prod",
            "hash kubectl; kubectl apply -k overlays/prod",
        ],
    ),
    (
        "`kubectl envguard …`",
        Judged::Yes,
        &[
            "kubectl envguard apply -k overlays/prod",
            "kubectl-envguard apply -k overlays/prod",
            "kubectl envguard -- apply -k overlays/prod",
        ],
    ),
    (
        "scripts",
        Judged::Yes,
        &[
            "printf '#!/bin/sh\\nexec kubectl apply -k overlays/prod\\n' > s; chmod +x s; ./s",
            "sh -c 'kubectl apply -k overlays/prod'",
            "env kubectl apply -k overlays/prod",
            "nice kubectl apply -k overlays/prod",
            "timeout 60 kubectl apply -k overlays/prod",
            "echo overlays/prod | xargs kubectl apply -k",
            "find overlays/prod -maxdepth 0 -exec kubectl apply -k '{}' ';'",
            "printf 'a:\\n\\t@kubectl apply -k overlays/prod\\n' | make -f - a",
            "setsid --wait kubectl apply -k overlays/prod",
            // Not with tmux's own wait-for: a server that is about to end forgets who called.
            "mkfifo f; tmux -S ./t -f /dev/null new-session -d 'kubectl apply -k overlays/prod 2>said; echo >f'; timeout 60 cat f; cat said >&2",
        ],
    ),
    (
        "cron",
        Judged::ByPath,
        // What cron gives to a job, with the line that install.sh tells to put first. The
        // daemon itself is started in `entry_points`.
        &[
            "env -i HOME=\"$HOME\" ENVGUARD_CONFIG=\"$ENVGUARD_CONFIG\" SHELL=/bin/sh PATH=\"$SHIMS:/usr/bin:/bin\" /bin/sh -c 'kubectl apply -k overlays/prod'",
        ],
    ),
    ("a pipe", Judged::Yes, &["cat overlays/prod/extra.yaml | kubectl apply -f -"]),
    ("plugins", Judged::Yes, &["kubectl look overlays/prod", "kubectl look --context=prod"]),
    ("helm", Judged::No, &["helm upgrade web overlays/prod"]),
    ("the real kubectl by its path", Judged::No, &["$REAL apply -k overlays/prod"]),
];

/// Rows that other tests hold to their word.
const ELSEWHERE: &[(&str, &str)] = &[
    // Below: it needs a sudoers of its own.
    ("`sudo kubectl`", "with `install.sh --sudoers`"),
];

#[derive(Clone, Copy, PartialEq)]
enum Judged {
    Yes,
    ByPath,
    No,
}

/// The rows of the table: first and second cell.
fn rows(text: &str) -> Vec<(String, String)> {
    let (_, table) = text.split_once("| what is typed or started | judged |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim));
    cells.map(|mut row| (row.next().unwrap().to_owned(), row.next().unwrap().to_owned())).collect()
}

#[test]
fn what_the_readme_calls_guarded_is() {
    let rows = rows(&page("README.md"));
    for (row, judged) in &rows {
        let known = WAYS.iter().find(|(name, ..)| row.starts_with(name));
        match known {
            Some((_, Judged::Yes, _)) => assert!(judged.starts_with("yes"), "{row}: {judged}"),
            Some((_, Judged::ByPath, _)) => assert!(judged.starts_with("where"), "{row}"),
            Some((_, Judged::No, _)) => assert!(judged.starts_with("no"), "{row}: {judged}"),
            None => {
                let is_told = |(name, cell): &(&str, &str)| row.starts_with(name) && judged == cell;
                assert!(ELSEWHERE.iter().any(is_told), "{row}: {judged}: no test");
            }
        }
    }
    let instance = Instance::new();
    instance.write("m/.gitignore", "/s\n/t\n/said\n");
    instance.commit();
    instance.link(shim().to_str().unwrap(), "shims/kubectl");
    instance.link(crate::support::envguard().to_str().unwrap(), "shims/kubectl-envguard");
    for program in ["helm", "kubectl-look"] {
        instance.program(&format!("bin/{program}"), "#!/bin/sh\nexit 42\n");
    }
    // Where nobody is guarded, the same lines reach kubectl.
    for program in ["kubectl", "kubectl-envguard"] {
        instance.link("../bin/kubectl", &format!("unguarded/{program}"));
    }
    for (name, judged, scripts) in WAYS {
        assert!(rows.iter().any(|(row, _)| row.starts_with(name)), "{name} is not in the table");
        for script in *scripts {
            if ["make", "tmux"].iter().any(|name| script.contains(name) && !have(name)) {
                continue;
            }
            let output = typed(&instance, script, "shims");
            if *judged == Judged::No {
                assert_eq!(output.code, Some(42), "{script}: {output}");
                instance.forget();
                continue;
            }
            // xargs, make and find have exit codes of their own.
            assert!(output.stderr.contains("envguard: refused ("), "{script}: {output}");
            assert_eq!(instance.recorded(), None, "{script} reached kubectl");
            let output = typed(&instance, script, "unguarded");
            assert!(instance.recorded().is_some(), "{script} leads nowhere: {output}");
            instance.forget();
        }
    }
}

/// Runs a script where `first` leads `PATH`.
fn typed(instance: &Instance, script: &str, first: &str) -> Output {
    let mut command = instance.command("/bin/sh".as_ref());
    let dirs = [first, "bin"].map(|dir| instance.path(dir).display().to_string());
    command.args(["-c", script]).env("PATH", format!("{}:/usr/bin:/bin", dirs.join(":")));
    command.env("REAL", instance.path("bin/kubectl")).env("SHIMS", instance.path(first));
    let output = Output::of(&mut command);
    for left in ["f", "s", "said", "t"] {
        std::fs::remove_file(instance.checkout().join(left)).unwrap_or_default();
    }
    output
}

#[test]
fn what_watch_repeats_is_guarded() {
    if !have("watch") {
        return;
    }
    let instance = Instance::new();
    instance.link(shim().to_str().unwrap(), "shims/kubectl");
    let mut command = instance.command("/usr/bin/watch".as_ref());
    let path = ["shims", "bin"].map(|dir| instance.path(dir).display().to_string()).join(":");
    command.args(["--no-title", "--interval", "60", "kubectl", "apply", "-k", "overlays/prod"]);
    command.env("PATH", format!("{path}:/usr/bin:/bin")).env("TERM", "xterm");
    Terminal::start(&command).shows("refused (target-foreign)");
    assert_eq!(instance.recorded(), None);
}

/// With the line that `install.sh --sudoers` writes, in a sudoers.d that nobody else sees.
#[test]
fn what_sudo_runs_is_guarded_with_the_installers_line() {
    if !rustix::process::getuid().is_root() {
        return skip("only root may change what sudo reads");
    }
    if !have("sudo") || !have("unshare") {
        return;
    }
    let instance = Instance::new();
    instance.link(shim().to_str().unwrap(), "shims/kubectl");
    let with = |line: &str| {
        let script = format!(
            "mount -t tmpfs -o mode=755 none /etc/sudoers.d && umask 337 && echo '{line}' >/etc/sudoers.d/envguard && exec sudo -n kubectl apply -k overlays/prod"
        );
        let mut command = instance.command("/usr/bin/unshare".as_ref());
        Output::of(command.args(["--mount", "sh", "-ec", &script]))
    };
    let [shims, bin] = ["shims", "bin"].map(|dir| instance.path(dir).display().to_string());
    with(&format!("Defaults secure_path=\"{bin}:/usr/bin:/bin\"")).exits(42);
    assert!(instance.recorded().is_some(), "without the line sudo leads past the guard");
    std::fs::remove_file(instance.path("kubectl-called")).unwrap();
    let guarded = with(&format!("Defaults secure_path=\"{shims}:{bin}:/usr/bin:/bin\""));
    guarded.says("envguard: refused (");
    assert_eq!(instance.recorded(), None);
}
