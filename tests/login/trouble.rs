//! Whatever is broken: the shell comes up, with one line, and with a prompt.

use super::{Login, have};
use crate::support::{Output, PROMPT, Terminal};

/// Start file and words for a shell with the system-wide profile.
fn start(place: &Login, shell: &str, change: impl Fn(&mut std::process::Command)) -> Terminal {
    let profile = crate::support::read(&super::sources().join("shell/zz-envguard.sh"))
        .replace("/usr/bin/kubectl-envguard", &place.program());
    let file = place.instance.write("profile.sh", &profile);
    let source = format!(". {}\n", file.display());
    let (name, text, words): (&str, String, &[&str]) = match shell {
        "bash" => ("bashrc", format!("PS1='{PROMPT}'\n{source}"), &["--rcfile", "FILE"]),
        "zsh" => (".zshrc", format!("unsetopt zle prompt_cr\nPROMPT='{PROMPT}'\n{source}"), &[]),
        "dash" => ("env", format!("PS1='{PROMPT}'\n{source}"), &["-i"]),
        _ => unreachable!(),
    };
    let file = place.instance.write(&format!("start/{name}"), &text).display().to_string();
    let words: Vec<&str> =
        words.iter().map(|word| if *word == "FILE" { file.as_str() } else { word }).collect();
    let mut command = place.command(super::which(shell), &words);
    command.env("ZDOTDIR", place.path("start")).env("ENV", &file);
    change(&mut command);
    Terminal::start(&command)
}

fn shells() -> impl Iterator<Item = &'static str> {
    ["bash", "zsh", "dash"].into_iter().filter(|shell| have(shell))
}

#[test]
fn a_missing_program_is_one_line() {
    for shell in shells() {
        let place = Login::new();
        std::fs::remove_file(place.path("prefix/bin/kubectl-envguard")).unwrap();
        let mut terminal = start(&place, shell, |_| {});
        let shown = terminal.first_prompt();
        assert_eq!(shown.0.trim().lines().count(), 2, "{shell}: {}", shown.0);
        shown.contains("is missing: this shell is not guarded");
        terminal.run("echo up").contains("up");
    }
}

#[test]
fn a_hook_that_was_kept_when_everything_else_was_removed_says_nothing() {
    for shell in shells() {
        let place = Login::new();
        std::fs::remove_dir_all(place.path("prefix")).unwrap();
        let mut terminal = start(&place, shell, |_| {});
        let shown = terminal.first_prompt();
        assert_eq!(shown.0.trim().lines().count(), 1, "{shell}: {}", shown.0);
        terminal.run("echo up").contains("up");
    }
}

#[test]
fn fish_too_misses_a_program_only_where_its_other_parts_are() {
    if !have("fish") {
        return;
    }
    let place = Login::new();
    let conf = crate::support::read(&super::sources().join("shell/envguard-conf.fish"))
        .replace("/usr/bin/kubectl-envguard", &place.program())
        .replace("/usr/lib/envguard", place.path("prefix/lib/envguard").to_str().unwrap());
    let conf = place.instance.write("conf.fish", &conf);
    let starts = || {
        let script = format!("source {}; echo up", conf.display());
        let words = ["--no-config", "--interactive", "--command", &script];
        Output::of(&mut place.command(super::which("fish"), &words)).prints("up").exits(0)
    };
    std::fs::remove_file(place.path("prefix/bin/kubectl-envguard")).unwrap();
    starts().says("is missing: this shell is not guarded");
    std::fs::remove_dir_all(place.path("prefix")).unwrap();
    assert_eq!(starts().stderr, "");
}

#[test]
fn a_program_that_fails_or_talks_nonsense_leaves_a_shell() {
    for shell in shells() {
        for script in
            ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -9 $$\n", "#!/no/such/interpreter\n", ""]
        {
            let place = Login::new();
            std::fs::remove_file(place.path("prefix/bin/kubectl-envguard")).unwrap();
            place.instance.write("prefix/bin/kubectl-envguard", script);
            place.instance.executable("prefix/bin/kubectl-envguard");
            let mut terminal = start(&place, shell, |_| {});
            let shown = terminal.first_prompt();
            assert!(shown.0.trim().lines().count() <= 2, "{shell} {script:?}: {}", shown.0);
            terminal.run("echo up").contains("up");
        }
    }
}

#[test]
fn configurations_that_cannot_be_used_leave_a_shell_that_says_so() {
    for shell in shells() {
        for text in ["", "nonsense", "a: [", "\u{0}", "apiVersion: envguard/v2\n"] {
            let place = Login::new();
            place.instance.write("config.yaml", text);
            let mut terminal = start(&place, shell, |_| {});
            let shown = terminal.first_prompt();
            shown.contains("The configuration cannot be used").contains("[BROKEN CONFIGURATION");
            terminal.run("echo up").contains("up");
        }
        let place = Login::new();
        let fifo = place.path("config.yaml");
        std::fs::remove_file(&fifo).unwrap();
        crate::support::Output::of(std::process::Command::new("mkfifo").arg(&fifo)).exits(0);
        let mut terminal = start(&place, shell, |_| {});
        terminal.first_prompt().contains("[BROKEN CONFIGURATION");
        // Nobody writes into the FIFO; the prompt comes all the same.
        terminal.run("echo up").contains("up");
    }
}

#[test]
fn a_bare_environment_leaves_a_shell_with_everything() {
    for shell in shells() {
        for missing in ["HOME", "TERM", "LANG", "XDG_RUNTIME_DIR", "PATH"] {
            let place = Login::new();
            let mut terminal = start(&place, shell, |command| {
                command.env_remove(missing);
            });
            let shown = terminal.first_prompt();
            assert_eq!(
                shown.count("kubectl instance."),
                1,
                "{shell} without {missing}: {}",
                shown.0
            );
            shown.contains("[DEVELOP develop-eks");
            assert_eq!(
                terminal.run("echo up").count("[DEVELOP develop-eks"),
                1,
                "{shell} {missing}"
            );
        }
    }
}

#[test]
fn a_runtime_directory_that_cannot_be_used_costs_nothing_but_time() {
    for shell in shells() {
        let place = Login::new();
        // Not even root can make a directory below a file.
        let file = place.instance.write("file", "");
        let mut terminal = start(&place, shell, |command| {
            command.env("XDG_RUNTIME_DIR", &file);
        });
        terminal.first_prompt().contains("[DEVELOP develop-eks] ");
        if shell != "dash" {
            place.instance.write("kubeconfig", "changed");
            assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        }
    }
}

#[test]
fn hostile_names_run_nothing_in_a_prompt() {
    for shell in shells() {
        for name in
            ["$(touch pwned)", "`touch pwned`", "%F{red}\\\\$(touch pwned)!1", "\\\\[\\\\]'"]
        {
            let place = Login::new();
            let text = place
                .instance
                .config_text()
                .replace("environment: develop", &format!("environment: \"{name}\""));
            place.instance.write("config.yaml", &text);
            let mut terminal = start(&place, shell, |_| {});
            terminal.first_prompt();
            if shell == "zsh" {
                terminal.run("setopt prompt_subst prompt_bang");
            }
            terminal.run(":");
            assert!(!place.instance.checkout().join("pwned").exists(), "{shell} {name}");
        }
    }
}

#[test]
fn a_trace_shows_nothing_of_the_kubeconfig() {
    for shell in ["bash", "zsh"] {
        if !have(shell) {
            continue;
        }
        let place = Login::new();
        let mut terminal = start(&place, shell, |_| {});
        terminal.first_prompt();
        terminal.run("set -x");
        place.instance.write("kubeconfig", "token: geheim");
        terminal.run(":").lacks("geheim").lacks("token").lacks("certificate-authority");
        terminal.run("case $- in *x*) echo still''traced;; esac").contains("stilltraced");
    }
}
