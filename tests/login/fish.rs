//! The hook in fish: what it adds, and what it leaves alone.

use super::{Login, SEGMENT, SENTENCE, have};

fn start(place: &Login, words: &[&str], config: &str) -> crate::support::Terminal {
    let hook = place.hook("fish");
    place.home(
        ".config/fish/config.fish",
        &format!(
            "set -g fish_greeting\nfunction fish_prompt; echo -n 'user> '; end\n{}",
            config.replace("HOOK", &hook)
        ),
    );
    place.shell("fish", words)
}

#[test]
fn every_way_of_starting_shows_banner_and_segment_once() {
    if !have("fish") {
        return;
    }
    for words in [&[][..], &["-l"]] {
        for config in [
            "HOOK",
            "HOOK\nHOOK",
            "HOOK\nfunctions -e fish_mode_prompt",
            "functions -e fish_mode_prompt\nHOOK",
            "HOOK\nfunction fish_mode_prompt; end",
            "HOOK\nset -g IFS envguard",
        ] {
            let place = Login::new();
            let mut shell = start(&place, words, config);
            let first = shell.first_prompt();
            assert_eq!(first.count(SENTENCE), 1, "{config}:\n{}", first.0);
            assert_eq!(first.prompt(), SEGMENT, "{config}:\n{}", first.0);
            let next = shell.run("true");
            next.lacks(SENTENCE);
            assert_eq!(next.prompt(), SEGMENT, "{config}:\n{}", next.0);
        }
    }
}

#[test]
fn the_status_reaches_the_prompt_of_the_user() {
    if !have("fish") {
        return;
    }
    let place = Login::new();
    let config = "HOOK\nfunction fish_prompt; echo -n \"<$status,$pipestatus> user> \"; end";
    let mut shell = start(&place, &[], config);
    shell.first_prompt();
    let shown = shell.run("false | sh -c 'exit 7'");
    assert!(shown.prompt().ends_with("<7,1 7> "), "{}", shown.0);
}
