//! The hook in zsh: what it adds, and what it leaves alone.

use super::{Login, SEGMENT, SENTENCE, have};

fn start(place: &Login, words: &[&str], before: &str, after: &str) -> crate::support::Terminal {
    place.home(
        ".zshrc",
        &format!(
            "unsetopt prompt_cr zle\nPROMPT='user> '\n{before}\n{}{after}\n",
            place.hook("zsh")
        ),
    );
    place.shell("zsh", words)
}

#[test]
fn every_way_of_starting_shows_banner_and_segment_once() {
    if !have("zsh") {
        return;
    }
    for words in [&[][..], &["-l"]] {
        for before in [
            "",
            "setopt err_exit no_unset",
            "setopt ksh_arrays sh_word_split glob_subst null_glob no_clobber",
            "setopt prompt_subst prompt_bang warn_create_global",
            "precmd_functions=(mine); mine() { turns=$((${turns:-0}+1)) }",
            "precmd() { : }; PROMPT=$'\\n%F{magenta}%n%f in %~\\nuser> '",
            "alias local='echo ALIAS' cd='echo ALIAS' test='echo ALIAS' print='echo ALIAS'",
            "cd() { echo ALIAS }; print() { echo ALIAS }; IFS=envgurd:/",
        ] {
            let place = Login::new();
            let twice = place.hook("zsh");
            let mut shell = start(&place, words, before, &twice);
            let first = shell.first_prompt();
            assert_eq!(first.count(SENTENCE), 1, "{before}:\n{}", first.0);
            assert_eq!(first.count(SEGMENT), 1, "{before}:\n{}", first.0);
            first.lacks("ALIAS").lacks("not found");
            let next = shell.run(":");
            next.lacks(SENTENCE).lacks("ALIAS");
            assert_eq!(next.count(SEGMENT), 1, "{before}:\n{}", next.0);
            place.instance.write("kubeconfig", "changed");
            shell.run(":").contains("[DEVELOP develop-eks MISMATCH] ");
        }
    }
}

#[test]
fn the_status_and_the_hooks_of_the_user_are_kept() {
    if !have("zsh") {
        return;
    }
    let place = Login::new();
    let before = "PROMPT='<%?> user> '
mine() { seen=$? }; precmd_functions=(mine)
trap 'debugged=1' DEBUG";
    let mut shell = start(&place, &[], before, "precmd_functions+=(mine)");
    shell.first_prompt();
    let shown = shell.run("(exit 7)");
    assert!(shown.prompt().ends_with("<7> "), "{}", shown.0);
    shell.run("echo seen=$seen,").contains("seen=7,");
    shell.run("echo deb=$debugged,").contains("deb=1,");
}

#[test]
fn the_prompt_of_the_user_changes_with_the_segment_in_front() {
    if !have("zsh") {
        return;
    }
    let place = Login::new();
    let mut shell = start(&place, &[], "", "");
    shell.first_prompt();
    assert_eq!(shell.run("PROMPT='other user> '").prompt(), format!("{SEGMENT}other "));
    // Whoever writes PROMPT after the hook is overtaken.
    let theme = "theme() { PROMPT='theme user> ' }; precmd_functions+=(theme)";
    shell.run(theme);
    shell.run(":");
    assert_eq!(shell.run(":").prompt(), format!("{SEGMENT}theme "));
    // In the start file, too: it hides the segment once at most.
    let mut shell = start(&place, &[], "", theme);
    shell.first_prompt();
    assert_eq!(shell.run(":").prompt(), format!("{SEGMENT}theme "));
}

#[test]
fn what_is_readonly_costs_one_line_and_nothing_else() {
    if !have("zsh") {
        return;
    }
    for (before, said, segment) in [
        ("typeset -r PROMPT", "PROMPT is readonly", ""),
        ("emulate ksh; typeset -r PROMPT", "PROMPT is readonly", ""),
        (
            "precmd_functions=(); typeset -r precmd_functions",
            "precmd_functions is readonly",
            SEGMENT,
        ),
    ] {
        let place = Login::new();
        let mut shell = start(&place, &[], before, "");
        let first = shell.first_prompt();
        let seen = (first.count(SENTENCE), first.count("read"), first.prompt());
        assert_eq!(seen, (1, 1, segment), "{before}: {}", first.0);
        first.contains(&format!("envguard: {said}: this prompt does not "));
        let next = shell.run("echo up''on");
        assert_eq!(next.lacks("read").contains("upon").prompt(), segment, "{before}");
    }
}

#[test]
fn a_prompt_without_percent_escapes_has_the_words_alone() {
    if !have("zsh") {
        return;
    }
    let place = Login::new();
    let mut shell = start(&place, &[], "unsetopt prompt_percent", "");
    assert_eq!(shell.first_prompt().prompt(), SEGMENT);
    place.instance.write("kubeconfig", "changed");
    assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
    // The option comes back, and with it the colour.
    shell.run("setopt prompt_percent; PROMPT='user> '");
    assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
}

#[test]
fn the_system_profile_is_read_as_zsh() {
    if !have("zsh") {
        return;
    }
    let place = Login::new();
    let profile = crate::support::read(&super::sources().join("shell/zz-envguard.sh"))
        .replace("/usr/bin/kubectl-envguard", &place.program());
    let file = place.instance.write("profile.sh", &profile);
    // As zsh reads /etc/profile.
    place.home(
        ".zshrc",
        &format!("unsetopt prompt_cr zle\nPROMPT='user> '\nemulate sh -c '. {}'\n", file.display()),
    );
    let mut shell = place.shell("zsh", &[]);
    shell.first_prompt().contains(SENTENCE).contains(SEGMENT);
    place.instance.write("kubeconfig", "changed");
    assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
}
