//! A Session Manager login, simulated: a parent called `ssm-session-worker` with a
//! session id in its arguments opens a terminal without PAM, starts `sh`, and types
//! the profile.

use super::{Login, SENTENCE, have, which};
use crate::support::{Output, PROMPT, Terminal};

const ID: &str = "alice-0123456789abcdef0";

/// Whether processes of the test can pass for the agent's: they are root's.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        crate::support::skip("root is needed: the agent's worker is a process of root");
    }
    root
}

/// The instance with the start files that a package and a home directory have.
fn instance() -> Login {
    let place = Login::new();
    let profile = crate::support::read(&super::sources().join("shell/zz-envguard.sh"));
    place
        .instance
        .write("profile.sh", &profile.replace("/usr/bin/kubectl-envguard", &place.program()));
    let source = format!(". {}\n", place.path("profile.sh").display());
    place.home(".bash_profile", &format!("PS1='user> '\n{source}. ~/.bashrc\n"));
    // As Fedora's and Amazon Linux' /etc/bashrc does.
    place.home(".bashrc", &source);
    place
}

/// The worker: bash under another name runs a file whose name is the session id.
/// The terminal and the session are those of the test's terminal.
fn worker(place: &Login, environment: &[(&str, String)]) -> Terminal {
    let worker = place.path("ssm-session-worker");
    Output::of(std::process::Command::new("cp").arg(which("bash")).arg(&worker)).exits(0);
    place.instance.write(ID, "sh\nexit $?\n");
    let mut command = place.command(worker, &[ID]);
    command.current_dir(place.path("")).env_remove("ENV");
    // What the agent sets (shell_unix.go): no USER, no LOGNAME.
    command.env("TERM", "xterm-256color").env("PS1", PROMPT);
    for (name, value) in environment {
        command.env(name, value);
    }
    Terminal::start(&command)
}

/// The file that the agent's unit names, with a prompt that the test recognises.
fn env_file(place: &Login) -> String {
    let file = super::sources().join("shell/session.sh");
    let text = format!("PS1='{PROMPT}'\n. {}\n", file.display());
    place.instance.write("env", &text).display().to_string()
}

#[track_caller]
fn assert_banner_once(terminal: &mut Terminal) {
    terminal.until(0, "the banner and a prompt", |text| {
        text.contains("kubectl instance.")
            && text.contains("[DEVELOP develop-eks] ")
            && text.ends_with(PROMPT)
    });
    let shown = terminal.run("echo settled");
    assert_eq!(shown.prompt(), "[DEVELOP develop-eks] ", "{}", shown.0);
    let all = terminal.until(0, "everything", |_| true);
    assert_eq!(all.count(SENTENCE), 1, "{}", all.0);
    assert_eq!(all.count(&format!("session    {ID}")), 1, "{}", all.0);
}

#[test]
fn a_typed_login_bash_shows_the_banner_once() {
    if !is_root() {
        return;
    }
    let place = instance();
    let mut terminal = worker(&place, &[]);
    terminal.types("exec bash -l\n");
    assert_banner_once(&mut terminal);
}

#[test]
fn a_typed_sudo_login_shows_the_banner_once_and_knows_the_session() {
    if !is_root() || !have("sudo") {
        return;
    }
    let place = instance();
    let mut terminal = worker(&place, &[]);
    // sudo takes everything out of the environment; these lines are what the home
    // directory of the target user would have.
    let keep = format!(
        "HOME={} ENVGUARD_CONFIG={} XDG_RUNTIME_DIR={} LANG=C.UTF-8",
        place.path("home").display(),
        place.instance.config().display(),
        place.path("run").display()
    );
    terminal.types(&format!("exec sudo env -i TERM=$TERM PATH=/usr/bin:/bin {keep} bash -l\n"));
    assert_banner_once(&mut terminal);
    // sudo has a terminal of its own in between: left alone, it would outlive the test.
    terminal.types("exit\n");
    assert_eq!(terminal.ends().1, Some(0));
}

#[test]
fn the_agents_env_file_shows_the_banner_once() {
    if !is_root() {
        return;
    }
    // Debian's sh, and Amazon Linux' sh, which is bash.
    for sh in ["dash", "bash"] {
        let place = instance();
        place.instance.link(which(sh).to_str().unwrap(), "sh/sh");
        let file = env_file(&place);
        let profile = place.path("profile.sh").display().to_string();
        let path = format!("{}:/usr/bin:/bin", place.path("sh").display());
        let environment = [("ENV", file), ("ENVGUARD_PROFILE", profile), ("PATH", path)];
        let mut terminal = worker(&place, &environment);
        // The agent types into a shell that may not have read its file yet. Whoever
        // reads the prompts must know how many there are: this line makes a second.
        terminal.types("echo ty''ped\n");
        terminal.until(0, "the prompt after the typed line", |text| {
            text.split_once("typed\r\n").is_some_and(|(_, after)| after.ends_with(PROMPT))
        });
        assert_banner_once(&mut terminal);
        if sh == "bash" {
            let good = crate::support::read(&place.path("kubeconfig"));
            place.instance.write("kubeconfig", "changed");
            assert_eq!(terminal.run(":").prompt(), "[DEVELOP develop-eks MISMATCH] ");
            place.instance.write("kubeconfig", &good);
        }
        // ENV is gone: no other shell below this one reads the file again.
        terminal.run("echo env=$ENV,").contains("env=,");
        let shown = terminal.run("exec bash -l");
        shown.lacks(SENTENCE).contains("[DEVELOP develop-eks] ");
    }
}

#[test]
fn the_agents_env_file_can_take_the_session_over() {
    if !is_root() {
        return;
    }
    let place = instance();
    let file = env_file(&place);
    let profile = place.path("profile.sh").display().to_string();
    for (login, expected) in
        [("bash", "login=on"), ("no-such-shell", "login=off"), ("/bin/false", "login=off")]
    {
        let mut terminal = worker(
            &place,
            &[
                ("ENV", file.clone()),
                ("ENVGUARD_PROFILE", profile.clone()),
                ("ENVGUARD_LOGIN_SHELL", login.to_owned()),
            ],
        );
        assert_banner_once(&mut terminal);
        if login == "bash" {
            terminal.run("shopt -q login_shell && echo log''in=on; pwd").contains(expected);
            let home = place.path("home").display().to_string();
            terminal.run("pwd").contains(&home);
        }
    }
}

#[test]
fn behind_tmux_the_session_is_unknown() {
    if !is_root() || !have("tmux") {
        return;
    }
    let place = instance();
    let socket = place.path("tmux").display().to_string();
    let mut terminal = worker(&place, &[]);
    terminal.types("exec bash -l\n");
    assert_banner_once(&mut terminal);
    terminal.run(&format!(
        "tmux -S {socket} -f /dev/null new-session '{} banner >{}'",
        place.program(),
        place.path("banner").display(),
    ));
    let banner = crate::support::read(&place.path("banner"));
    assert!(banner.contains("  session    unknown\n"), "{banner}");
}
