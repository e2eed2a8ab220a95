//! The shell knows how wide the segment is: what it redraws stands where a person
//! expects it, on the screen of a terminal.

use super::{Login, have};
use crate::support::Terminal;

/// 40 columns; the prompt takes 27 of them.
const COLUMNS: u16 = 40;

fn start(place: &Login, shell: &str, prompt: &str) -> Terminal {
    match shell {
        "bash" => place.home(".bashrc", &format!("PS1='{prompt}'\n{}", place.hook(shell))),
        "zsh" => place.home(
            ".zshrc",
            &format!("bindkey -e\nunsetopt prompt_sp\nPROMPT=$'{prompt}'\n{}", place.hook(shell)),
        ),
        _ => unreachable!(),
    }
    let mut command = place.command(super::which(shell), &[]);
    // The banner is not the question here.
    command.env("ENVGUARD_BANNER", "shown");
    let mut terminal = Terminal::sized(&command, COLUMNS, 12);
    terminal.shows("user> ");
    terminal
}

/// Types and waits until the screen ends with `expected`.
#[track_caller]
fn types(terminal: &mut Terminal, keys: &str, expected: &str) {
    terminal.types(keys);
    terminal.until_screen(expected, |screen| screen.trim_end().ends_with(expected));
}

#[test]
fn a_long_line_wraps_and_unwraps_where_it_should() {
    for shell in ["bash", "zsh"] {
        if !have(shell) {
            continue;
        }
        for prompt in ["user> ", "\\n\\nuser> "] {
            let place = Login::new();
            let mut terminal = start(&place, shell, prompt);
            // 22 + 6 columns of prompt: the 13th letter stands on the next row.
            types(
                &mut terminal,
                "echo abcdefghijklmnopqrstuvwxyz",
                "[DEVELOP develop-eks] user> echo abcdefg\nhijklmnopqrstuvwxyz",
            );
            // To the start and insert: everything moves by one.
            types(
                &mut terminal,
                "\u{1}X",
                "[DEVELOP develop-eks] user> Xecho abcdef\nghijklmnopqrstuvwxyz",
            );
            // Delete it, go to the end, and shorten the line to one row.
            types(&mut terminal, "\u{8}\u{5}\u{17}X", "[DEVELOP develop-eks] user> echo X");
        }
    }
}

#[test]
fn history_search_and_history_leave_no_rubbish() {
    let place = Login::new();
    let mut terminal = start(&place, "bash", "user> ");
    terminal.run("echo a-command-that-takes-more-than-a-row");
    terminal.run("echo short");
    types(
        &mut terminal,
        "\u{12}more",
        "(reverse-i-search)`more': echo a-command\n-that-takes-more-than-a-row",
    );
    types(
        &mut terminal,
        "\u{1}",
        "[DEVELOP develop-eks] user> echo a-comma\nnd-that-takes-more-than-a-row",
    );
    types(&mut terminal, "\u{e}", "[DEVELOP develop-eks] user> echo short");
    types(
        &mut terminal,
        "\u{10}",
        "[DEVELOP develop-eks] user> echo a-comma\nnd-that-takes-more-than-a-row",
    );
}

#[test]
fn wide_letters_are_counted_as_wide() {
    let instance = crate::support::Instance::new();
    let text = instance.config_text().replace("environment: develop", "environment: 開発");
    instance.write("config.yaml", &text);
    let place = Login::of(instance);
    let mut terminal = start(&place, "bash", "user> ");
    // `[開発 develop-eks] user> ` has 25 columns.
    types(
        &mut terminal,
        "echo abcdefghijklmnop",
        "[開発 develop-eks] user> echo abcdefghij\nklmnop",
    );
    types(&mut terminal, "\u{1}X", "[開発 develop-eks] user> Xecho abcdefghi\njklmnop");
}
