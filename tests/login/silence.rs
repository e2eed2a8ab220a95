//! Where nothing may be shown: other programs read what these shells write.

use std::process::{Command, Stdio};

use super::{Login, have, which};
use crate::support::{Output, Terminal};

/// Start files in every place, as a package and an eager user would have them.
fn everywhere() -> Login {
    let place = Login::new();
    for (file, shell) in [
        (".bashrc", "bash"),
        (".bash_profile", "bash"),
        (".profile", "sh"),
        (".zshenv", "zsh"),
        (".zshrc", "zsh"),
        (".config/fish/config.fish", "fish"),
    ] {
        place.home(file, &place.hook(shell));
    }
    place.home("env", &place.hook("sh"));
    place
}

fn with_start_files(place: &Login, program: &str, words: &[&str]) -> Command {
    let mut command = place.command(which(program), words);
    command.env("ENV", place.path("home/env")).env("BASH_ENV", place.path("home/.bashrc"));
    command
}

#[test]
fn shells_that_run_a_command_say_nothing_else() {
    let place = everywhere();
    for (program, words) in [
        ("sh", &["-c", "echo out"][..]),
        ("bash", &["-c", "echo out"]),
        ("bash", &["-lc", "echo out"]),
        ("dash", &["-lc", "echo out"]),
        ("zsh", &["-c", "echo out"]),
        ("zsh", &["-lc", "echo out"]),
        ("fish", &["-c", "echo out"]),
        ("fish", &["-lc", "echo out"]),
    ] {
        if !have(program) {
            continue;
        }
        // In a pipe, as scp, sftp, rsync and ansible have it.
        let output = Output::of(&mut with_start_files(&place, program, words)).exits(0);
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("out\n", ""),
            "{program} {words:?}"
        );
        // On a terminal, as Session Manager runs the commands of a document.
        let (shown, code) = Terminal::start(&with_start_files(&place, program, words)).ends();
        assert_eq!((shown.0.as_str(), code), ("out\r\n", Some(0)), "{program} {words:?}");
    }
}

#[test]
fn scripts_from_standard_input_say_nothing_else() {
    let place = everywhere();
    for (program, words) in [
        ("sh", &[][..]),
        ("sh", &["-s"]),
        ("bash", &["-l"]),
        ("bash", &["-s"]),
        ("zsh", &["-l"]),
        ("fish", &["-l"]),
    ] {
        if !have(program) {
            continue;
        }
        let script = place.instance.write("script", "echo out\n");
        let mut command = with_start_files(&place, program, words);
        command.stdin(Stdio::from(std::fs::File::open(script).unwrap()));
        let output = Output::of(&mut command).exits(0);
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("out\n", ""),
            "{program} {words:?}"
        );
    }
}

#[test]
fn an_interactive_shell_without_a_terminal_shows_no_banner() {
    let place = everywhere();
    for program in ["bash", "dash", "zsh", "fish"] {
        if !have(program) {
            continue;
        }
        let mut command = with_start_files(&place, program, &["-i", "-c", "echo out"]);
        let output = Output::of(&mut command).exits(0);
        assert_eq!(output.stdout, "out\n", "{program}: {output}");
        assert!(!output.stderr.contains("kubectl instance"), "{program}: {output}");
    }
}

#[test]
fn commands_of_such_shells_are_guarded_all_the_same() {
    let place = everywhere();
    for program in ["bash", "zsh", "fish"] {
        if !have(program) {
            continue;
        }
        let words = ["-lc", "kubectl apply -k overlays/prod"];
        let output = Output::of(&mut with_start_files(&place, program, &words));
        output.refused("target-foreign");
    }
}
