//! The text on a screen.

use super::{NAMES, good, own, own_command};
use crate::support::Terminal;

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

#[test]
fn on_a_small_terminal_nothing_that_is_needed_is_pushed_off_the_screen() {
    let Some(place) = good() else { return };
    place.instance.mode("kubeconfig", 0o644);
    let all = own(&place, &["status"]).exits(1).stdout;
    assert!(all.lines().count() > 24, "it fits anyway: {all}");
    let shown = |rows: u16| {
        let command = own_command(&place, &["status"]);
        let mut terminal = Terminal::sized(&command, 80, rows);
        terminal.until_screen("the last line", |screen| screen.ends_with('.'));
        let screen = terminal.screen();
        assert_eq!(terminal.ends().1, Some(1));
        screen
    };
    let small = shown(24);
    assert!(small.starts_with("DEVELOP  develop-eks  level normal\n"), "{small}");
    // What is fine and has nothing to tell is named; what has, and what failed, is told.
    let word = |name: &&str| small.split_whitespace().any(|word| word == *name);
    assert!(NAMES.iter().all(word), "{small}");
    for told in ["Landlock ABI", "FAILED  permissions ", "instead         chmod o-rwx "] {
        assert!(small.contains(told), "{told:?} is not in {small}");
    }
    let failed = small.find("FAILED").unwrap();
    assert!(
        !small[failed..].contains("\nfine ") && !small[failed..].contains("\nunknown "),
        "{small}"
    );
    assert!(small.ends_with(". Each in a row: kubectl envguard status | less."), "{small}");
    let large = shown(60);
    assert!(
        large.contains("fine    pin             the kubeconfig leads to the pinned cluster"),
        "{large}"
    );
    assert!(!large.contains("| less"), "{large}");
}
