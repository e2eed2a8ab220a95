//! What the prompt says, in time, and what it costs.

use std::path::Path;

use super::{Login, SEGMENT, have};
use crate::support::Terminal;

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// A shell with the hook, on a terminal.
pub(super) fn start(place: &Login, shell: &str) -> Terminal {
    start_file(place, shell);
    place.shell(shell, &[])
}

/// The file that a shell reads when it starts, with the hook.
fn start_file(place: &Login, shell: &str) {
    let hook = place.hook(shell);
    match shell {
        "bash" => place.home(".bashrc", &format!("PS1='user> '\n{hook}")),
        "zsh" => place.home(".zshrc", &format!("PROMPT='user> '\nunsetopt zle prompt_cr\n{hook}")),
        "fish" => place.home(
            ".config/fish/config.fish",
            &format!("set -g fish_greeting\nfunction fish_prompt; echo -n 'user> '; end\n{hook}"),
        ),
        _ => unreachable!(),
    }
}

/// The shells that are here.
fn shells() -> impl Iterator<Item = &'static str> {
    SHELLS.into_iter().filter(|shell| have(shell))
}

/// Gives `file` the modification time that it had before.
fn keeping_time(file: &Path, change: impl FnOnce()) {
    let time = file.metadata().unwrap().modified().unwrap();
    change();
    std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

fn aged(file: &Path) {
    let day = std::time::Duration::from_secs(86_400);
    let opened = std::fs::File::options().write(true).open(file).unwrap();
    opened.set_modified(std::time::SystemTime::now() - day).unwrap();
}

#[test]
fn a_changed_kubeconfig_shows_within_one_prompt_whatever_its_time() {
    for shell in shells() {
        let place = Login::new();
        let file = place.path("kubeconfig");
        let good = crate::support::read(&file);
        let mut terminal = start(&place, shell);
        assert_eq!(terminal.first_prompt().prompt(), SEGMENT, "{shell}");
        let bad = good.replace("pinned.example", "forged.example");
        keeping_time(&file, || std::fs::write(&file, &bad).unwrap());
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        keeping_time(&file, || std::fs::write(&file, &good).unwrap());
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
        // Another text that means the same is no mismatch.
        std::fs::write(&file, format!("# a comment\n{good}")).unwrap();
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
    }
}

#[test]
fn a_change_of_old_files_shows_too() {
    for shell in shells() {
        let place = Login::new();
        let file = place.path("kubeconfig");
        let good = crate::support::read(&file);
        for file in [&file, &place.instance.config()] {
            aged(file);
        }
        let mut terminal = start(&place, shell);
        assert_eq!(terminal.first_prompt().prompt(), SEGMENT, "{shell}");
        std::fs::write(&file, good.replace("pinned.example", "forged.example")).unwrap();
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        // Another file moved over it, older than the first one.
        let old = place.instance.write("old", &good);
        aged(&old);
        std::fs::rename(old, &file).unwrap();
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
    }
}

#[test]
fn a_changed_configuration_shows_within_one_prompt() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        assert_eq!(terminal.first_prompt().prompt(), SEGMENT, "{shell}");
        let good = place.instance.config_text();
        let file = place.instance.config();
        std::fs::write(&file, format!("{good}policy: {{mode: observe}}\n")).unwrap();
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks OBSERVE] ", "{shell}");
        std::fs::write(&file, good.replace("pinned.example", "other.example")).unwrap();
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        std::fs::write(&file, "nonsense").unwrap();
        assert_eq!(terminal.run(":").prompt(), "[BROKEN CONFIGURATION MISMATCH] ", "{shell}");
        std::fs::write(&file, &good).unwrap();
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
    }
}

#[test]
fn another_kubeconfig_in_the_environment_shows() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        let other = place.instance.write("other", "clusters: []\n");
        let set = match shell {
            "fish" => format!("set -gx KUBECONFIG {}", other.display()),
            _ => format!("export KUBECONFIG={}", other.display()),
        };
        assert_eq!(terminal.run(&set).prompt(), "[DEVELOP develop-eks MISMATCH] ", "{shell}");
        let pinned = set.replace("/other", "/kubeconfig");
        assert_eq!(terminal.run(&pinned).prompt(), SEGMENT, "{shell}");
    }
}

#[test]
fn another_kubectl_in_front_shows() {
    for shell in shells() {
        let place = Login::new();
        std::fs::create_dir(place.path("front")).unwrap();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        let front = place.path("front");
        let set = match shell {
            "fish" => format!("set -gx PATH {} $PATH", front.display()),
            _ => format!("PATH={}:$PATH", front.display()),
        };
        // A directory in front is nothing as long as it has no kubectl.
        assert_eq!(terminal.run(&set).prompt(), SEGMENT, "{shell}");
        place.instance.write("front/kubectl", "#!/bin/sh\n");
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}: not executable");
        place.instance.executable("front/kubectl");
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks UNGUARDED] ", "{shell}");
        std::fs::remove_file(place.path("front/kubectl")).unwrap();
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
        std::fs::remove_file(place.path("prefix/lib/envguard/shims/kubectl")).unwrap();
        assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks UNGUARDED] ", "{shell}");
    }
}

#[test]
fn the_namespace_of_the_shell_shows() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        let set = |value: &str| match shell {
            "fish" => format!("set -gx ENVGUARD_NAMESPACE '{value}'"),
            _ => format!("export ENVGUARD_NAMESPACE='{value}'"),
        };
        assert_eq!(terminal.run(&set("web")).prompt(), "[DEVELOP develop-eks ns=web] ", "{shell}");
        let shown = terminal.run(&set("$(touch x)`id`%n"));
        assert_eq!(shown.prompt(), "[DEVELOP develop-eks ns=?] ", "{shell}");
        assert_eq!(terminal.run(&set("")).prompt(), SEGMENT, "{shell}");
    }
}

#[test]
fn a_word_of_the_keeper_is_said_once() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        let dir = place.path("run/envguard");
        let word = "1 foreign overlay put aside";
        assert!(kubectl_envguard::notices::leave_in(&dir, word).unwrap());
        let shown = terminal.run(":");
        shown.contains(&format!("envguard: {word}\r\n"));
        assert_eq!(shown.prompt(), SEGMENT, "{shell}");
        terminal.run(":").lacks(word);
    }
}

/// The lines of a trace that start a process or a program. fish also starts threads
/// of its own, whenever it likes.
fn starts(trace: &str) -> Vec<String> {
    let is_start = |line: &&str| !line.contains("CLONE_THREAD") && !line.contains(" resumed>");
    trace.lines().filter(is_start).map(str::to_owned).collect()
}

#[test]
fn a_prompt_starts_no_process() {
    if !have("strace") {
        return;
    }
    for shell in shells() {
        for old in [false, true] {
            let place = Login::new();
            let log = place.path("calls");
            start_file(&place, shell);
            if old {
                aged(&place.path("kubeconfig"));
                aged(&place.instance.config());
            }
            let program = super::which(shell);
            let words = [
                "-f",
                "-qq",
                "-e",
                "trace=clone,clone3,fork,vfork,execve",
                "-e",
                "signal=none",
                "-o",
                log.to_str().unwrap(),
                program.to_str().unwrap(),
            ];
            let mut terminal = place.shell("strace", &words);
            terminal.first_prompt();
            assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
            let calls = || starts(&crate::support::read(&log));
            let before: Vec<String> = calls();
            for _ in 0..5 {
                assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
            }
            let after: Vec<String> = calls();
            assert!(after.starts_with(&before), "{shell}: the log was rewritten");
            let new = &after[before.len()..];
            assert!(new.is_empty(), "{shell}, old files: {old}:\n{}", new.join("\n"));
            // The count can see a process: this is one.
            terminal.run("/bin/true");
            assert!(calls().len() > after.len(), "{shell}");
        }
    }
}

#[test]
fn an_older_hook_says_once_that_there_is_a_new_program() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        let old =
            if shell == "fish" { "set -g __envguard_protocol 0" } else { "__envguard_protocol=0" };
        terminal.run(old);
        place.instance.write("kubeconfig", "changed");
        terminal.run(":").contains("envguard was updated: log in again");
        terminal.run(":").lacks("log in again").contains(SEGMENT);
    }
}

#[test]
fn a_program_that_vanishes_takes_no_prompt_with_it() {
    for shell in shells() {
        let place = Login::new();
        let mut terminal = start(&place, shell);
        terminal.first_prompt();
        std::fs::remove_file(place.path("prefix/bin/kubectl-envguard")).unwrap();
        assert_eq!(terminal.run(":").prompt(), SEGMENT, "{shell}");
        place.instance.write("kubeconfig", "changed");
        let shown = terminal.run(":");
        assert_eq!(shown.count("is missing: this shell is not guarded"), 1, "{shell}: {}", shown.0);
        terminal.run(":").lacks("is missing").contains(SEGMENT);
    }
}
