//! The hook in bash: what it adds, and what it leaves alone.

use super::{Login, SEGMENT, SENTENCE};
use crate::support::{PROMPT, Shown, Terminal};

/// How a user may have set things up before the hook is read.
struct Setting {
    prompt_command: &'static str,
    options: &'static str,
    ps1: &'static str,
}

const PROMPT_COMMANDS: [&str; 3] = [
    "unset PROMPT_COMMAND",
    "PROMPT_COMMAND='turns=$((${turns-0}+1)); false; '",
    "PROMPT_COMMAND=('turns=$((${turns-0}+1))' 'others=$((${others-0}+1))')",
];
const OPTIONS: [&str; 2] = ["", "set -eu"];
const PS1S: [&str; 2] = ["PS1='user> '", "PS1='\\n\\[\\e[35m\\]\\u\\[\\e[0m\\] in \\w\\nuser> '"];

fn settings() -> impl Iterator<Item = Setting> {
    PROMPT_COMMANDS.into_iter().flat_map(|prompt_command| {
        OPTIONS.into_iter().flat_map(move |options| {
            // `set -e` and a PROMPT_COMMAND that fails end bash without us, too.
            let deadly = !options.is_empty() && prompt_command.contains("false");
            PS1S.into_iter().filter(move |_| !deadly).map(move |ps1| Setting {
                prompt_command,
                options,
                ps1,
            })
        })
    })
}

fn assert_one_segment(shown: &Shown, text: &str, context: &str) {
    let after_echo = shown.0.split_once('\n').map_or(shown.0.as_str(), |(_, rest)| rest);
    assert_eq!(after_echo.matches(text).count(), 1, "{context}:\n{}", shown.0);
}

#[test]
fn every_way_of_starting_shows_banner_and_segment_once() {
    for login in [true, false] {
        for times in [1, 2] {
            for setting in settings() {
                let Setting { prompt_command, options, ps1 } = &setting;
                let context = format!("{login} {times} {prompt_command} {options} {ps1}");
                let place = Login::new();
                let start = format!(
                    "{ps1}\n{prompt_command}\n{options}\n{}",
                    place.hook("bash").repeat(times)
                );
                place.home(if login { ".bash_profile" } else { ".bashrc" }, &start);
                let words: &[&str] = if login { &["-l"] } else { &[] };
                let mut shell = place.shell("bash", words);
                let first = shell.first_prompt();
                assert_eq!(first.count(SENTENCE), 1, "{context}:\n{}", first.0);
                assert_eq!(first.count(SEGMENT), 1, "{context}:\n{}", first.0);
                let next = shell.run(":");
                assert_one_segment(&next, SEGMENT, &context);
                next.lacks(SENTENCE);
                if prompt_command.contains("turns") {
                    assert_one_segment(&shell.run("echo turns=$turns,"), "turns=2,", &context);
                }
                if !options.is_empty() {
                    shell.run("case $- in *e*u*) echo opt''ions;; esac").contains("options");
                } else {
                    shell.run("(exit 7)");
                    shell.run("echo status=$?,").contains("status=7,");
                }
            }
        }
    }
}

#[test]
fn the_status_of_the_last_command_is_kept() {
    let place = Login::new();
    let mut shell = place.bash("PS1='<$?> user> '", "PROMPT_COMMAND+=$'\\nseen=$?'");
    shell.first_prompt();
    let shown = shell.run("(exit 7)");
    assert!(shown.prompt().ends_with("<7> "), "{}", shown.0);
    shell.run("(exit 9)");
    shell.run("echo seen=$seen,").contains("seen=9,");
    shell.run("(exit 4)");
    shell.run("true | (exit 5) | false");
    shell.run("echo ${PIPESTATUS[*]}, $_").contains("1, ");
}

#[test]
fn a_failed_command_fires_the_error_trap_once_and_ends_no_shell() {
    let place = Login::new();
    let mut shell = place.bash("errors=0; trap 'errors=$((errors + 1))' ERR", "");
    shell.first_prompt();
    shell.run("false");
    shell.run("! true");
    shell.run("echo errors=$errors,").contains("errors=1,");
    let mut shell = place.bash("set -eu", "");
    shell.first_prompt();
    shell.run("! true");
    shell.run("echo still''here").contains("stillhere");
}

#[test]
fn traps_and_options_stay() {
    let place = Login::new();
    let before = "trap 'debugged=1' DEBUG; trap 'echo bye' EXIT; trap : INT RETURN ERR
shopt -s extdebug nocasematch nullglob; set -o noclobber -o noglob -T";
    let mut shell = place.bash(&format!("{before}\nbefore=$(trap; shopt; set -o)"), "");
    shell.first_prompt();
    shell.run(":");
    shell.run("after=$(trap; shopt; set -o)");
    shell.run("[ \"$before\" = \"$after\" ] && echo unchan''ged").contains("unchanged");
    shell.types("exit\n");
    let (shown, code) = shell.ends();
    shown.contains("bye");
    assert_eq!(code, Some(0));
}

#[test]
fn aliases_functions_and_ifs_of_the_user_do_not_reach_the_hook() {
    let place = Login::new();
    let names = ["command", "cd", "test", "local", "printf", "read", "return", "export", "set"];
    let aliases: String = names.map(|name| format!("alias {name}='echo ALIAS'\n")).concat();
    let functions: String = ["printf", "read", "mapfile", "cd", "test"]
        .map(|name| format!("{name}() {{ echo FUNCTION; }}\n"))
        .concat();
    for before in [
        aliases.as_str(),
        &functions,
        "IFS=envgurd:/0123",
        "set -f -C; shopt -s nocasematch failglob",
    ] {
        let mut shell = place.bash(before, "");
        let shown = shell.first_prompt();
        assert_eq!(shown.prompt(), SEGMENT, "{before}");
        shown.lacks("ALIAS").lacks("FUNCTION");
        shell.run(":").lacks("ALIAS").lacks("FUNCTION").contains(SEGMENT);
        let mark = shell.raw.len();
        place.instance.write("kubeconfig", "changed");
        shell.types(":\n");
        shell.until(mark, "MISMATCH", |text| text.contains("MISMATCH") && text.ends_with(PROMPT));
        let restored = crate::support::kubeconfig(
            "develop-eks",
            "https://pinned.example.test",
            crate::support::certificate(),
        );
        place.instance.write("kubeconfig", &restored);
    }
}

#[test]
fn the_environment_is_the_pinned_one() {
    let place = Login::new();
    let mut shell = place.bash("", "");
    shell.first_prompt();
    let pinned = place.path("kubeconfig");
    shell.run("echo $KUBECONFIG,$KUBERC,").contains(&format!("{},off,", pinned.display()));
    shell.run("type -P kubectl").contains(&format!("{}/kubectl", place.shims()));
    shell.run("echo ${PATH%%:*},").contains(&format!("{},", place.shims()));
    // A shell inside the shell has everything once.
    shell.run("bash").lacks(SENTENCE).contains(SEGMENT);
    let shown = shell.run("echo \"$PATH\" | tr : '\\n' | grep -c envguard/shims");
    shown.contains("\r1\r\n");
}

#[test]
fn an_exported_prompt_command_does_no_harm_without_the_hook() {
    let place = Login::new();
    let mut shell = place.bash("export PROMPT_COMMAND=''", "export PS1");
    shell.first_prompt();
    shell.run("bash --norc").lacks("not found");
    shell.run("false").lacks("not found");
}

#[test]
fn the_prompt_of_the_user_changes_with_the_segment_in_front() {
    let place = Login::new();
    let mut shell = place.bash("", "");
    shell.first_prompt();
    assert_eq!(shell.run("PS1='other user> '").prompt(), format!("{SEGMENT}other "));
    assert_eq!(shell.run("unset PS1; PS1='user> '").prompt(), SEGMENT);
    let shown = shell.run("PROMPT_COMMAND+='; PS1=\"again user> \"'");
    assert!(shown.prompt().ends_with("again "), "{}", shown.0);
    // Whoever writes PS1 after the hook is overtaken at the next prompt.
    shell.run(":");
    assert_eq!(shell.run(":").prompt(), format!("{SEGMENT}again "));
}

#[test]
fn posix_mode_is_bash_too() {
    let place = Login::new();
    let file = place.instance.write("home/env", &format!("PS1='user> '\n{}", place.hook("bash")));
    let mut command = place.command("/usr/bin/bash", &["--posix"]);
    command.env("ENV", file);
    let mut shell = Terminal::start(&command);
    shell.first_prompt().contains(SENTENCE).contains(SEGMENT);
    assert_eq!(shell.run("false").prompt(), SEGMENT);
    place.instance.write("kubeconfig", "changed");
    assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
}

/// The hook asks bash for its version and then does without `mapfile -d` (4.4) and
/// without lists in PROMPT_COMMAND (5.1).
#[test]
fn a_bash_that_is_told_it_is_old_needs_nothing_newer() {
    for version in ["4 2", "4 4", "5 0"] {
        for before in ["", "set -u", "PROMPT_COMMAND='turns=$((${turns-0}+1)); '"] {
            let place = Login::new();
            let start = format!(
                "PS1='user> '\n{before}\ntold=({version})\neval \"$({} hook bash | sed s/BASH_VERSINFO/told/g)\"\n",
                place.program()
            );
            place.home(".bashrc", &start);
            let mut shell = place.shell("bash", &[]);
            let first = shell.first_prompt();
            let seen = (first.count(SENTENCE), first.prompt());
            assert_eq!(seen, (1, SEGMENT), "{version} {before}: {}", first.0);
            shell.run("declare -p PROMPT_COMMAND").contains("declare -- PROMPT_COMMAND=");
            let used = if version == "4 2" { "__envguard_maps=0," } else { "__envguard_maps=1," };
            shell.run("echo __envguard_maps=$__envguard_maps,").contains(used);
            shell.run("PS1='other user> '");
            assert_eq!(shell.run(":").prompt(), format!("{SEGMENT}other "), "{version} {before}");
            place.instance.write("kubeconfig", "changed");
            let shown = shell.run(":");
            assert_eq!(shown.prompt(), "[DEVELOP develop-eks MISMATCH] other ", "{}", shown.0);
        }
    }
}

#[test]
fn what_is_readonly_costs_one_line_and_nothing_else() {
    for (before, said, segment) in [
        ("readonly PROMPT_COMMAND='x=1'", "PROMPT_COMMAND is readonly", SEGMENT),
        ("readonly PROMPT_COMMAND", "PROMPT_COMMAND is readonly", SEGMENT),
        ("readonly PS1", "PS1 is readonly", ""),
        ("set -eu; readonly PS1 PROMPT_COMMAND", "PS1 is readonly", ""),
    ] {
        let place = Login::new();
        let mut shell = place.bash(before, "");
        let first = shell.first_prompt();
        let seen = (first.count(SENTENCE), first.count("readonly"), first.prompt());
        assert_eq!(seen, (1, 1, segment), "{before}: {}", first.0);
        first.contains(&format!("envguard: {said}: this prompt does not "));
        let next = shell.run("echo up''on");
        assert_eq!(next.lacks("readonly").contains("upon").prompt(), segment, "{before}");
    }
}

#[test]
fn without_path_there_is_a_prompt() {
    let place = Login::new();
    let mut shell = place.bash("set -u; unset PATH", "");
    assert_eq!(shell.first_prompt().prompt(), SEGMENT);
    shell.run("echo path=$PATH,").contains(&format!("path={},", place.shims()));
    let shown = shell.run("unset PATH");
    assert_eq!(shown.lacks("unbound").prompt(), "[DEVELOP develop-eks UNGUARDED] ", "{}", shown.0);
}
