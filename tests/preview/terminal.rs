//! The preview on all kinds of terminals, and whoever interrupts it.

use std::process::Command;

use super::{Night, answers, asks, code};
use crate::support::Terminal;

#[test]
fn ctrl_c_ends_the_look_and_the_question_and_nothing_runs() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let before = night.server.changes();
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{3}");
    let shown = terminal.until(mark, "the prompt", crate::support::at_prompt);
    shown.contains("not confirmed: it was interrupted");
    assert_eq!(code(&mut terminal), 77);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("produ\u{3}");
    terminal.until(mark, "the prompt", crate::support::at_prompt);
    assert_eq!(code(&mut terminal), 77);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{4}");
    terminal.until(mark, "the prompt", crate::support::at_prompt).contains("nothing was typed");
    assert_eq!(code(&mut terminal), 77);
    // A server that never answers: Ctrl-C does not wait for it.
    let started = night.instance.path("elsewhere/started");
    let script = format!("#!/bin/sh\necho $$ \"$@\" >>{}\nexec sleep 600\n", started.display());
    night.instance.program("bin/slow", &script);
    let rules = format!("kubectl: {}", night.instance.path("bin/slow").display());
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &format!("{text}{rules}\n"));
    let mark = terminal.raw.len();
    terminal.types("kubectl apply -k overlays/production\n");
    terminal.until(mark, "the progress line", |shown| shown.contains("would change ... "));
    let lines = || std::fs::read_to_string(&started).unwrap_or_default();
    crate::support::awaited("the look", || lines().ends_with('\n'));
    let process = lines().split(' ').next().unwrap().to_owned();
    // One that has ended has no words any more, also where nobody has asked for its end.
    let has_ended =
        || std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default().is_empty();
    assert!(!has_ended());
    terminal.types("\u{3}");
    terminal.until(mark, "the prompt", crate::support::at_prompt).contains("it was interrupted");
    assert_eq!(code(&mut terminal), 77);
    assert_eq!(night.server.changes(), before);
    let only = format!("{process} diff --kustomize=overlays/production\n");
    assert_eq!(lines(), only, "nothing else was started");
    crate::support::awaited("the end of the look", has_ended);
    // The terminal is as it was: Ctrl-C ends other programs.
    terminal.run("stty -a").contains("intr = ^C").contains("eol = <undef>");
}

#[test]
fn an_eight_bit_terminal_and_a_narrow_one_are_understood() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut shell = night.shell();
    shell.env("LANG", "C").env("LC_ALL", "C");
    for columns in [80, 20, 0] {
        let mut terminal = Terminal::sized(&shell, columns, 24);
        terminal.first_prompt();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("apps/Deployment web/api  image v41->v42");
        assert!(shown.0.is_ascii(), "{}", shown.0);
        if columns == 80 {
            let lines = shown.0.lines().map(|line| line.trim_end_matches('\r'));
            assert!(lines.flat_map(|line| line.split('\r')).all(|line| line.len() <= 80));
        }
        answers(&mut terminal, "no");
    }
}

#[test]
fn ctrl_z_puts_the_question_aside_and_fg_brings_it_back() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut shell = night.shell();
    shell.args(["-m"]);
    let mut terminal = Terminal::start(&shell);
    terminal.first_prompt();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{1a}");
    terminal.until(mark, "the prompt", crate::support::at_prompt);
    let mark = terminal.raw.len();
    terminal.types("fg\n");
    terminal.until(mark, "the job", |shown| shown.contains("kubectl apply"));
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
}

#[test]
fn what_a_cluster_holds_does_not_write_to_the_terminal() {
    let Some(night) = Night::newest(true) else { return };
    let settings = night.instance.checkout().join("overlays/production/settings.yaml");
    let text = crate::support::read(&settings);
    let evil = text.replace("level: info", "level: \"\\e[2J\\e]0;x\\a\\u202e\"");
    crate::support::write(&settings, &evil);
    night.instance.commit();
    let mut terminal = night.login();
    for full in ["", "envguard --full "] {
        let mark = terminal.raw.len();
        let shown = asks(&mut terminal, &format!("kubectl {full}apply -k overlays/production"));
        shown.contains("data.level");
        let raw = String::from_utf8_lossy(&terminal.raw[mark..]).into_owned();
        let moves = |letter: char| letter == '\u{1b}' || letter == '\u{7}' || letter == '\u{202e}';
        assert!(!raw.contains(moves), "{raw:?}");
        answers(&mut terminal, "no");
    }
}

#[test]
fn a_signal_at_the_question_is_a_no_and_the_terminal_stays_as_it_was() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let before = night.server.changes();
    let mut terminal = night.login();
    let pid = night.instance.path("pid");
    // The process becomes the guard, which would become kubectl.
    let line =
        format!("sh -c 'echo $$ > {}; exec kubectl apply -k overlays/production'", pid.display());
    for signal in ["typed", "TERM", "QUIT", "HUP", "INT"] {
        asks(&mut terminal, &line);
        let mark = terminal.raw.len();
        if signal == "typed" {
            terminal.types("\u{1c}");
        } else {
            let process = crate::support::read(&pid);
            let mut kill = Command::new("kill");
            crate::support::Output::of(kill.args(["-s", signal, process.trim()])).exits(0);
        }
        let shown = terminal.until(mark, "the prompt", crate::support::at_prompt);
        shown.contains("not confirmed: it was interrupted");
        assert_eq!(code(&mut terminal), 77, "{signal}");
        terminal.run("stty -a").contains("intr = ^C").contains("quit = ^\\");
    }
    assert_eq!(night.server.changes(), before);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert_eq!(output.stdout.matches("not confirmed").count(), 5, "{output}");
}
