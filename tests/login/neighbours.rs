//! Among other programs that live at the prompt: direnv (the real one), starship
//! (the real one where it is installed), and bash-preexec as a stand-in that keeps
//! its contract.

use super::{Login, SEGMENT, SENTENCE, have};

/// What bash-preexec does that matters to others: a first command that calls
/// `precmd_functions`, a last one that arms a DEBUG trap, and it is in a mess when
/// anything runs behind that one.
const PREEXEC: &str = r#"
bash_preexec_imported=defined
precmd_functions=() preexec_functions=()
__bp_armed=
__bp_invoke_precmd() { local s=$? f; __bp_armed=; for f in "${precmd_functions[@]}"; do (exit $s); "$f"; done; return $s; }
__bp_arm() { __bp_armed=1; }
__bp_debug() {
    [[ -n $__bp_armed && -z ${COMP_LINE-} ]] || return 0
    [[ $BASH_COMMAND != __bp_* && ";${PROMPT_COMMAND[*]};" != *"$BASH_COMMAND"* ]] || { __bp_armed=; return 0; }
    __bp_armed=
    local f; for f in "${preexec_functions[@]}"; do "$f" "$BASH_COMMAND"; done
}
PROMPT_COMMAND="__bp_invoke_precmd${PROMPT_COMMAND:+$'\n'}${PROMPT_COMMAND-}"$'\n'"__bp_arm"
trap __bp_debug DEBUG
count=0; counts() { count=$((count + 1)); }; preexec_functions+=(counts)
"#;

#[test]
fn direnv_works_before_and_after() {
    if !have("direnv") {
        return;
    }
    let direnv = "eval \"$(direnv hook bash)\"";
    for (before, after) in [(direnv, ""), ("", direnv)] {
        let place = Login::new();
        place.instance.write("m/sub/.envrc", "export FROM_DIRENV=yes\n");
        let mut shell = place.bash(before, after);
        let first = shell.first_prompt();
        assert_eq!((first.count(SENTENCE), first.prompt()), (1, SEGMENT), "{}", first.0);
        shell.run("direnv allow sub");
        shell.run("cd sub");
        shell.run("echo direnv=$FROM_DIRENV,").contains("direnv=yes,");
        assert_eq!(shell.run("(exit 3)").prompt(), SEGMENT);
        shell.run("cd ..");
        shell.run("echo direnv=$FROM_DIRENV,").contains("direnv=,");
        place.instance.write("kubeconfig", "changed");
        assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
    }
}

#[test]
fn bash_preexec_sees_every_command_once() {
    for (before, after) in [(PREEXEC, ""), ("", PREEXEC)] {
        let place = Login::new();
        let mut shell = place.bash(before, after);
        let first = shell.first_prompt();
        assert_eq!(first.prompt(), SEGMENT, "{}", first.0);
        shell.run("count=0");
        shell.run("true");
        shell.run("false");
        let shown = shell.run("echo count=$count,status=$?,");
        shown.contains("count=3,status=1,");
        assert_eq!(shown.prompt(), SEGMENT);
    }
}

/// The starship of this machine. No distribution that the tests know has it; where
/// it is installed, it is the real one that is tested.
fn starship() -> Option<std::path::PathBuf> {
    let found = super::which("starship");
    let named = std::env::var_os("ENVGUARD_TEST_STARSHIP").map(std::path::PathBuf::from);
    named.or_else(|| found.exists().then_some(found))
}

#[test]
fn starship_shows_the_segment_before_and_after_in_bash() {
    let Some(starship) = starship() else { return };
    let init = format!("eval \"$({} init bash)\"", starship.display());
    for with_preexec in [false, true] {
        for starship_first in [true, false] {
            let place = Login::new();
            place.home(".config/starship.toml", "format = 'user> '\nadd_newline = false\n");
            let preexec = if with_preexec { PREEXEC } else { "" };
            let neighbours = format!("{preexec}\n{init}");
            let mut shell = if starship_first {
                place.bash(&neighbours, "")
            } else {
                place.bash("", &neighbours)
            };
            let first = shell.first_prompt();
            // Where starship took the prompt over, the segment has a line of its own
            // this one time.
            assert_eq!(first.count(SEGMENT), 1, "{with_preexec} {starship_first}: {}", first.0);
            shell.run(":");
            let shown = shell.run("(exit 3)");
            assert_eq!(shown.prompt(), SEGMENT, "{with_preexec} {starship_first}: {}", shown.0);
            place.instance.write("kubeconfig", "changed");
            let shown = shell.run(":");
            assert_eq!(shown.prompt(), "[DEVELOP develop-eks MISMATCH] ", "{}", shown.0);
        }
    }
}

#[test]
fn starship_shows_the_segment_before_and_after_in_zsh_and_fish() {
    let Some(starship) = starship() else { return };
    for shell in ["zsh", "fish"] {
        if !have(shell) {
            continue;
        }
        for starship_first in [true, false] {
            let place = Login::new();
            place.home(".config/starship.toml", "format = 'user> '\nadd_newline = false\n");
            let init = match shell {
                "zsh" => format!("eval \"$({} init zsh)\"\n", starship.display()),
                _ => format!("{} init fish | source\n", starship.display()),
            };
            let hook = place.hook(shell);
            let both =
                if starship_first { format!("{init}{hook}") } else { format!("{hook}{init}") };
            let start = match shell {
                "zsh" => (".zshrc", format!("unsetopt zle prompt_cr\n{both}")),
                _ => (".config/fish/config.fish", format!("set -g fish_greeting\n{both}")),
            };
            place.home(start.0, &start.1);
            let mut terminal = place.shell(shell, &[]);
            let first = terminal.first_prompt();
            assert_eq!(first.prompt(), SEGMENT, "{shell} {starship_first}: {}", first.0);
            assert_eq!(terminal.run("true").prompt(), SEGMENT, "{shell} {starship_first}");
        }
    }
}
