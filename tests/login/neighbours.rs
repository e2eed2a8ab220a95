//! Among other programs that live at the prompt, all of them the real ones: direnv,
//! starship, bash-preexec. Only kube-ps1 is in no registry: what it does at a prompt
//! is done here in its place.

use super::{Login, SEGMENT, SENTENCE, have};
use crate::support::neighbour;

/// A start file's lines for the real bash-preexec, with a count of the commands that
/// it sees and of the prompts that it announces.
fn preexec() -> Option<String> {
    let file = neighbour("bash-preexec.sh")?;
    Some(format!(
        "source {}; commands=0 prompts=0
        sees() {{ commands=$((commands + 1)) last=$1; }}; preexec_functions+=(sees)
        announces() {{ status=$? prompts=$((prompts + 1)); }}; precmd_functions+=(announces)",
        file.display()
    ))
}

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
fn bash_preexec_sees_every_command_and_every_prompt_once() {
    let Some(preexec) = preexec() else { return };
    for (before, after) in [(preexec.as_str(), ""), ("", preexec.as_str())] {
        let place = Login::new();
        let mut shell = place.bash(before, after);
        let first = shell.first_prompt();
        assert_eq!((first.count(SENTENCE), first.prompt()), (1, SEGMENT), "{}", first.0);
        shell.run("commands=0 prompts=0");
        shell.run("true");
        shell.run("false");
        shell
            .run("echo status=$status,$?, last=$last, prompts=$prompts, commands=$commands,")
            .contains("status=1,1, last=echo status=")
            .contains(" prompts=3, commands=3,");
        assert_eq!(shell.run(":").prompt(), SEGMENT);
        place.instance.write("kubeconfig", "changed");
        assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
    }
}

#[test]
fn the_hook_read_again_leaves_bash_preexec_as_it_is() {
    let Some(preexec) = preexec() else { return };
    let place = Login::new();
    let mut shell = place.bash(&preexec, "");
    shell.first_prompt();
    for _ in 0..2 {
        assert_eq!(shell.run(place.hook("bash").trim_end()).prompt(), SEGMENT);
    }
    shell.run("commands=0 prompts=0");
    shell
        .run("echo prompts=$prompts, commands=$commands, ${#precmd_functions[@]}.")
        .contains("prompts=1, commands=1, ")
        .lacks("error");
    let count = "echo ours=$(printf '%s\\n' \"${precmd_functions[@]}\" | grep -c envguard),";
    shell.run(count).contains("ours=1,");
}

#[test]
fn starship_shows_the_segment_at_any_place_in_bash() {
    let Some(starship) = neighbour("starship") else { return };
    let Some(preexec) = preexec() else { return };
    let starship = format!("eval \"$({} init bash)\"", starship.display());
    let [starship, preexec] = [starship.as_str(), preexec.as_str()];
    for (before, after) in [
        (vec![starship], vec![]),
        (vec![], vec![starship]),
        (vec![preexec, starship], vec![]),
        (vec![preexec], vec![starship]),
        (vec![], vec![preexec, starship]),
        (vec![starship], vec![preexec]),
        (vec![], vec![starship, preexec]),
    ] {
        let place = Login::new();
        place.home(".config/starship.toml", "format = 'user> '\nadd_newline = false\n");
        let order = format!("{} before, {} after", before.join("+"), after.join("+"));
        let mut shell = place.bash(&before.join("\n"), &after.join("\n"));
        let first = shell.first_prompt();
        // Where starship took the prompt over, the segment has a line of its own this
        // one time.
        assert_eq!(first.count(SEGMENT), 1, "{order}: {}", first.0);
        for line in [":", "false", "(exit 3)"] {
            let shown = shell.run(line);
            assert_eq!(shown.prompt(), SEGMENT, "{order}: {line}: {}", shown.0);
            assert_eq!(shown.count(SEGMENT), 1, "{order}: {line}: {}", shown.0);
        }
        place.instance.write("kubeconfig", "changed");
        let shown = shell.run(":");
        assert_eq!(shown.prompt(), "[DEVELOP develop-eks MISMATCH] ", "{order}: {}", shown.0);
    }
}

#[test]
fn what_rewrites_the_prompt_behind_the_hook_hides_the_segment_once_at_most() {
    for after in [
        "rewrites() { PS1='user> '; }; PROMPT_COMMAND=\"$PROMPT_COMMAND; rewrites\"",
        "rewrites() { PS1='user> '; }; PROMPT_COMMAND+=(rewrites)",
    ] {
        let place = Login::new();
        let mut shell = place.bash("", after);
        shell.first_prompt();
        for _ in 0..3 {
            assert_eq!(shell.run(":").prompt(), SEGMENT, "{after}");
        }
    }
}

#[test]
fn starship_shows_the_segment_before_and_after_in_zsh_and_fish() {
    let Some(starship) = neighbour("starship") else { return };
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

/// What kube-ps1 does at a prompt (its kube-ps1.sh, 2021 to 2026): one command before
/// all others, which asks kubectl for context and namespace when the kubeconfig has
/// changed, and a part of PS1 that is a command.
const KUBE_PS1: &str = r#"
asked=
update() {
    local status=$?
    [[ $KUBECONFIG == "$asked" ]] && return $status
    asked=$KUBECONFIG
    context=$(kubectl config current-context 2>/dev/null)
    namespace=$(kubectl config view --minify --output 'jsonpath={..namespace}' 2>/dev/null)
}
[[ $PROMPT_COMMAND =~ update ]] || PROMPT_COMMAND="update;${PROMPT_COMMAND:-:}"
kube_ps1() { printf '\001\e[31m\002(%s:%s)\001\e[39m\002' "${context:-N/A}" "${namespace:-default}"; }
PS1='$(kube_ps1) user> '
"#;

#[test]
fn a_prompt_that_asks_kubectl_is_answered_through_the_shim() {
    let Some(kubectl) = crate::support::kubectls().pop() else { return };
    for (before, after) in [(KUBE_PS1, ""), ("", KUBE_PS1)] {
        let place = Login::new();
        std::fs::remove_file(place.path("bin/kubectl")).unwrap();
        place.instance.link(kubectl.path.to_str().unwrap(), "bin/kubectl");
        let mut shell = place.bash(before, after);
        let first = shell.first_prompt();
        assert_eq!(first.prompt(), format!("{SEGMENT}(develop-eks:default) "), "{}", first.0);
        let other = place.instance.write("other", "");
        let shown = shell.run(&format!("export KUBECONFIG={}", other.display()));
        // kubectl reaches the pinned cluster all the same, and says so.
        let expected = "[DEVELOP develop-eks MISMATCH] (develop-eks:default) ";
        assert_eq!(shown.prompt(), expected, "{}", shown.0);
    }
}

#[test]
fn starship_shows_the_segment_as_a_module_of_its_own() {
    let Some(starship) = neighbour("starship") else { return };
    let recipe = crate::support::read(&super::sources().join("docs/login.md"));
    let (_, recipe) = recipe.split_once("```toml\n").unwrap();
    let (module, _) = recipe.split_once("```").unwrap();
    let place = Login::new();
    let module = module.replace("kubectl-envguard", &place.program());
    place.home(
        ".config/starship.toml",
        &format!("format = '${{custom.envguard}} user> '\nadd_newline = false\n{module}"),
    );
    let after =
        format!("__envguard_prompt() {{ :; }}\neval \"$({} init bash)\"", starship.display());
    let mut shell = place.bash("", &after);
    let first = shell.first_prompt();
    assert_eq!(first.prompt(), "[DEVELOP develop-eks]  ", "{}", first.0);
    place.instance.write("kubeconfig", "changed");
    assert_eq!(shell.run(":").prompt(), "[DEVELOP develop-eks MISMATCH]  ");
}
