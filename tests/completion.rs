//! Completions: what is offered, and that three real shells come to offer it.

use std::ffi::OsStr;
use std::process::Command;

use crate::login::{Login, have};
use crate::support::{Instance, Kubectl, Output, Server, Terminal, kubectls};

/// What completes `words` behind `kubectl envguard`: the candidates, and the directive.
fn offered(instance: &Instance, words: &[&str]) -> (Vec<String>, String) {
    instance.link(crate::support::envguard().to_str().unwrap(), "links/kubectl_complete-envguard");
    let program = instance.path("links/kubectl_complete-envguard");
    let output = Output::of(instance.command(&program).args(words)).exits(0);
    std::fs::remove_file(program).unwrap();
    let mut lines: Vec<String> = output
        .stdout
        .lines()
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect();
    let directive = lines.pop().unwrap_or_default();
    (lines, directive)
}

#[track_caller]
fn offers(instance: &Instance, words: &[&str], expected: &[&str], directive: &str) {
    let found = offered(instance, words);
    assert_eq!((found.0, found.1.as_str()), (strings(expected), directive), "{words:?}");
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The newest real kubectl, as the one of this instance.
fn real(instance: &Instance) -> Option<Kubectl> {
    let newest = kubectls().pop()?;
    let bin = instance.path("bin/kubectl");
    std::fs::remove_file(&bin).unwrap();
    std::os::unix::fs::symlink(&newest.path, bin).unwrap();
    Some(newest)
}

#[test]
fn behind_k_and_f_stands_only_what_would_pass() {
    let instance = Instance::new();
    instance.write("m/overlays/develop/extra/pod.yaml", &crate::support::config_map("pod"));
    instance.write("m/overlays/develop/notes.txt", "no manifest\n");
    instance.write("m/overlays/prod/extra/pod.yaml", &crate::support::config_map("pod"));
    instance.write("m/docs/read.md", "nothing to apply\n");
    instance.commit();
    // Foreign overlays and what leads nowhere are not there; a shared base is for references.
    offers(&instance, &["apply", "-k", ""], &["overlays/"], ":6");
    offers(&instance, &["apply", "-k", "overlays/"], &["overlays/develop"], ":4");
    offers(&instance, &["apply", "-k", "overlays/p"], &[], ":4");
    offers(&instance, &["apply", "-k", "docs"], &[], ":4");
    offers(&instance, &["apply", "-koverlays/d"], &["-koverlays/develop"], ":4");
    offers(&instance, &["apply", "--kustomize=overlays/d"], &["overlays/develop"], ":4");
    offers(&instance, &["-n", "web", "diff", "-k", "overlays/"], &["overlays/develop"], ":4");
    // Who only reads may look at the base.
    offers(&instance, &["kustomize", ""], &["base", "overlays/"], ":6");
    offers(&instance, &["kustomize", "overlays/"], &["overlays/develop"], ":4");
    // Files.
    offers(&instance, &["apply", "-f", "overlays/"], &["overlays/develop/"], ":6");
    offers(
        &instance,
        &["apply", "-f", "overlays/develop/extra/"],
        &["overlays/develop/extra/pod.yaml"],
        ":4",
    );
    offers(&instance, &["apply", "-f", "overlays/prod/extra/"], &[], ":4");
    let one = "overlays/develop/extra/pod.yaml";
    let two = format!("{one},overlays/develop/extra/");
    offers(&instance, &["apply", "-f", &two], &[&format!("{one},{one}")], ":4");
    // Another flag makes the whole line impossible.
    offers(&instance, &["apply", "--context=prod", "-k", "overlays/"], &[], ":4");
    // The same behind our own words.
    offers(&instance, &["check", "--", "apply", "-k", "overlays/"], &["overlays/develop"], ":4");
    offers(
        &instance,
        &["check", "--", "kubectl", "apply", "-k", "overlays/"],
        &["overlays/develop"],
        ":4",
    );
    offers(
        &instance,
        &["--confirm", "develop", "apply", "-k", "overlays/"],
        &["overlays/develop"],
        ":4",
    );
    // Break glass lifts the rule; its price is asked for when the command runs.
    let lifted = ["--break-glass", "fire", "apply", "-k", "overlays/"];
    offers(&instance, &lifted, &["overlays/develop", "overlays/prod"], ":4");
    // And nothing of all this was judged in earnest.
    assert_eq!(instance.recorded(), None);
}

#[test]
fn without_a_configuration_nothing_that_changes_is_offered() {
    let instance = Instance::new();
    instance.write("config.yaml", "broken");
    offers(&instance, &["apply", "-k", "overlays/"], &[], ":4");
}

#[test]
fn a_crowd_of_overlays_is_answered_all_the_same() {
    let instance = Instance::new();
    for app in 0..400 {
        instance.write(&format!("m/apps/a{app}/kustomization.yaml"), "resources: []\n");
    }
    // More than is judged for one answer: the directory is offered, unjudged.
    offers(&instance, &["apply", "-k", "app"], &["apps/"], ":6");
}

#[test]
fn our_own_words_are_offered() {
    let instance = Instance::new();
    offers(&instance, &["check", "-o", ""], &["text", "json"], ":4");
    offers(&instance, &["status", "--output="], &["text", "json"], ":4");
    offers(&instance, &["why", "target-f"], &["target-foreign"], ":4");
    offers(&instance, &["audit", "--code", "reference-g"], &["reference-git"], ":4");
    offers(&instance, &["unlock", "1"], &["10m", "1h"], ":4");
    offers(&instance, &["--confirm", ""], &["develop", "develop-eks"], ":4");
    offers(&instance, &["--break-glass", ""], &[], ":4");
    offers(&instance, &["--config", ""], &[], ":0");
    offers(&instance, &["--conf"], &["--config", "--confirm"], ":4");
    offers(&instance, &["completion", ""], &["bash", "zsh", "fish"], ":4");
    for name in kubectl_envguard::cli::OWN_COMMANDS {
        offers(&instance, &[name], &[name], ":4");
        let (first, _) = offered(&instance, &[""]);
        assert!(first.contains(&name.to_owned()), "{name} in {first:?}");
    }
    // Hidden options stay hidden.
    let (options, _) = offered(&instance, &["setup", "--m"]);
    assert_eq!(options, ["--migrate", "--mode"]);
}

#[test]
fn kubectls_own_words_are_offered_beside_ours() {
    let instance = Instance::new();
    if real(&instance).is_none() {
        return;
    }
    offers(
        &instance,
        &["a"],
        &[
            "audit",
            "admission-policy",
            "annotate",
            "api-resources",
            "api-versions",
            "apply",
            "attach",
            "auth",
            "autoscale",
        ],
        ":4",
    );
    // kubectl knows the guard as one of its plugins; it is no word behind itself.
    instance.link(crate::support::envguard().to_str().unwrap(), "bin/kubectl-envguard");
    offers(&instance, &["env"], &[], ":4");
    offers(&instance, &["--", "au"], &["auth", "autoscale"], ":4");
    offers(&instance, &["rollout", "st"], &["status"], ":4");
    offers(&instance, &["apply", "--server-s"], &["--server-side"], ":4");
    // What would leave the cluster gets cobra's "error".
    offers(&instance, &["get", "--context", "prod", "po"], &[], ":1");
}

#[test]
fn the_shim_changes_nothing_of_kubectls_own_completion() {
    let instance = Instance::new();
    let server = Server::start("develop-eks");
    instance.reaches(&server);
    for kubectl in kubectls() {
        let bin = instance.path("bin/kubectl");
        std::fs::remove_file(&bin).unwrap();
        std::os::unix::fs::symlink(&kubectl.path, &bin).unwrap();
        for words in [
            &["__complete", ""][..],
            &["__complete", "get", ""],
            &["__completeNoDesc", "get", ""],
            &["__complete", "apply", "-k", ""],
            &["__complete", "apply", "-f", ""],
            &["__complete", "get", "cm", "-o", ""],
            &["__complete", "rollout", ""],
            &["__complete", "apply", "--ser"],
            &["__complete", "-n", ""],
            &["completion", "bash"],
        ] {
            let run = |program: &std::path::Path| {
                let mut command = instance.command(program);
                command.env("KUBECONFIG", instance.path("kubeconfig")).env("KUBERC", "off");
                Output::of(command.args(words))
            };
            let (plain, guarded) = (run(&bin), run(&crate::support::shim()));
            let told = format!("{words:?} of {}", kubectl.version);
            assert_eq!((plain.code, plain.stdout), (guarded.code, guarded.stdout), "{told}");
        }
    }
}

#[test]
fn the_scripts_are_the_files() {
    let instance = Instance::new();
    for (shell, file) in [
        ("bash", "completions/kubectl-envguard.bash"),
        ("zsh", "completions/_kubectl-envguard"),
        ("fish", "completions/kubectl-envguard.fish"),
    ] {
        let printed = instance.envguard(&["completion", shell]).exits(0).stdout;
        assert_eq!(printed, crate::support::read(&crate::login::sources().join(file)), "{file}");
    }
}

/// An instance with everything on PATH as the package puts it, and the newest kubectl.
fn place() -> Option<Login> {
    let place = Login::new();
    place.instance.link("kubectl-envguard", "prefix/bin/kubectl_complete-envguard");
    real(&place.instance)?;
    Some(place)
}

/// `PATH` of an operator.
fn path(place: &Login) -> String {
    format!(
        "{}:{}:{}:/usr/bin:/bin",
        place.shims(),
        place.path("prefix/bin").display(),
        place.path("bin").display()
    )
}

fn started(place: &Login, shell: &str, words: &[&str]) -> Terminal {
    let mut command: Command = place.command(crate::login::which(shell), words);
    Terminal::sized(command.env("PATH", path(place)), 100, 24)
}

/// Types `text`, a tab, and waits until the line reads `expected`.
#[track_caller]
fn completes(shell: &mut Terminal, text: &str, expected: &str) {
    shell.types(text);
    shell.types("\t");
    // The last line of the screen is where the operator types.
    let line = |screen: &str| -> Option<String> {
        screen
            .lines()
            .rev()
            .find_map(|line| Some(line.split_once("user> ")?.1.trim_end().to_owned()))
    };
    shell.until_screen(expected, |screen| line(screen).is_some_and(|line| line == expected));
    // What is typed next comes after all that the completion still had to add.
    shell.types("z");
    let next = [format!("{expected}z"), format!("{expected} z")];
    shell.until_screen(&next[0], |screen| line(screen).is_some_and(|line| next.contains(&line)));
    shell.types("\u{15}");
    shell.until_screen("an empty line", |screen| screen.trim_end().ends_with("user>"));
}

/// What an operator types, and what a tab makes of it, in every shell.
const TYPED: [(&str, &str); 9] = [
    // kubectl's own, through the shim.
    ("kubectl rollout hist", "kubectl rollout history"),
    ("kubectl apply --server-s", "kubectl apply --server-side"),
    // The plugin, through kubectl's own script.
    ("kubectl envguard stat", "kubectl envguard status"),
    ("kubectl envguard apply -k over", "kubectl envguard apply -k overlays/"),
    ("kubectl envguard apply -k overlays/", "kubectl envguard apply -k overlays/develop"),
    // The program by its own name, through our script.
    ("kubectl-envguard why target-fo", "kubectl-envguard why target-foreign"),
    ("kubectl-envguard apply -k overlays/", "kubectl-envguard apply -k overlays/develop"),
    (
        "kubectl-envguard apply --kustomize=overlays/",
        "kubectl-envguard apply --kustomize=overlays/develop",
    ),
    ("kubectl-envguard check -- apply -k 'over", "kubectl-envguard check -- apply -k 'overlays/"),
];

fn types_everything(shell: &mut Terminal, but: &[&str]) {
    for (typed, expected) in TYPED.iter().filter(|(typed, _)| !but.contains(typed)) {
        completes(shell, typed, expected);
    }
}

#[test]
fn bash_completes() {
    let library = "/usr/share/bash-completion/bash_completion";
    if !std::path::Path::new(library).exists() {
        crate::support::skip(
            "bash-completion is needed for kubectl's own script: tests/run --install",
        );
        return;
    }
    let Some(place) = place() else { return };
    place.home(
        ".bashrc",
        &format!("PS1='user> '\n. {library}\nsource <(kubectl completion bash)\nsource <(kubectl-envguard completion bash)\n"),
    );
    let mut shell = started(&place, "bash", &[]);
    shell.first_prompt();
    // An open quote: bash closes nothing, and writes the word anew.
    types_everything(&mut shell, &["kubectl-envguard check -- apply -k 'over"]);
    assert_nothing_ran(&mut shell, &place);
}

#[test]
fn zsh_completes() {
    if !have("zsh") {
        return;
    }
    let Some(place) = place() else { return };
    let start = "PROMPT='user> '\nunsetopt prompt_sp\nautoload -Uz compinit && compinit -u -D\n\
        source <(kubectl completion zsh)\nsource <(kubectl-envguard completion zsh)\n";
    place.home(".zshrc", start);
    let mut shell = started(&place, "zsh", &["-d"]);
    shell.first_prompt();
    types_everything(&mut shell, &[]);
    assert_nothing_ran(&mut shell, &place);
    // As a file that the completion system finds by itself.
    let functions = crate::login::sources().join("completions");
    let start = format!(
        "PROMPT='user> '\nunsetopt prompt_sp\nfpath=({} $fpath)\nautoload -Uz compinit && compinit -u -D\n",
        functions.display()
    );
    place.home(".zshrc", &start);
    let mut shell = started(&place, "zsh", &["-d"]);
    shell.first_prompt();
    completes(&mut shell, "kubectl-envguard why target-fo", "kubectl-envguard why target-foreign");
    completes(&mut shell, "kubectl-envguard why target-o", "kubectl-envguard why target-outside");
}

#[test]
fn fish_completes() {
    if !have("fish") {
        return;
    }
    let Some(place) = place() else { return };
    let start = "set -g fish_greeting\nfunction fish_prompt; echo -n 'user> '; end\n\
        set -g fish_autosuggestion_enabled 0\nkubectl completion fish | source\nkubectl-envguard completion fish | source\n";
    place.home(".config/fish/config.fish", start);
    let mut shell = started(&place, "fish", &[]);
    shell.first_prompt();
    types_everything(&mut shell, &[]);
    assert_nothing_ran(&mut shell, &place);
}

/// A substitution in an unfinished line is text.
#[track_caller]
fn assert_nothing_ran(shell: &mut Terminal, place: &Login) {
    let trap = place.path("ran");
    shell.types(&format!("kubectl-envguard why $(touch {}) target-for\t", trap.display()));
    completes(shell, "\u{15}kubectl-envguard why target-fo", "kubectl-envguard why target-foreign");
    assert!(!trap.exists(), "{} was made", trap.display());
}

#[test]
fn the_program_is_known_by_the_name_that_kubectl_looks_for() {
    let Some(place) = place() else { return };
    let mut command = place.command(
        place.path("bin/kubectl"),
        &["__complete", "envguard", "apply", "-k", "overlays/"],
    );
    let output = Output::of(command.env("PATH", path(&place)));
    assert_eq!(output.stdout, "overlays/develop\n:4\n", "{output}");
    let name: &OsStr = "kubectl_complete-envguard".as_ref();
    assert_eq!(place.path("prefix/bin/kubectl_complete-envguard").file_name(), Some(name));
}
