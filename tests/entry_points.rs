//! Ways in that take more than a line to try, with the real programs: cron's daemon, panes
//! of tmux, VS Code's terminal. README's table says the same; `docs::entries` tries the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::login::{Login, SEGMENT, SENTENCE, have, which};
use crate::support::{Instance, Output, Terminal, neighbour, read, skip, write};

/// The one thing that must not happen, and how it is refused.
const ACCIDENT: &str = "kubectl apply -k overlays/prod";
const REFUSED: &str = "envguard: refused (target-foreign): overlays/prod ";

/// `PATH` as the hook leaves it.
fn path(place: &Login) -> String {
    format!("{}:{}:/usr/bin:/bin", place.shims(), place.path("bin").display())
}

fn command(place: &Login, program: &str, words: &[&str]) -> Command {
    let mut command = place.command(which(program), words);
    command.env("PATH", path(place));
    command
}

/// The arguments of the kubectl that ran.
fn ran(instance: &Instance) -> Option<String> {
    instance.recorded().map(|(words, _)| words.join(" "))
}

#[test]
fn of_several_that_xargs_runs_one_is_refused() {
    if !have("xargs") {
        return;
    }
    let place = Login::new();
    let each = |overlays: &str| {
        let script = format!("echo {overlays} | xargs -n 1 kubectl apply -k");
        Output::of(&mut command(&place, "sh", &["-c", &script]))
    };
    each("overlays/prod overlays/develop").says(REFUSED).exits(123);
    assert_eq!(ran(&place.instance).as_deref(), Some("apply -k overlays/develop"));
}

/// The daemon: Debian's name, or the others'.
fn cron() -> Option<PathBuf> {
    let found = ["/usr/sbin/cron", "/usr/sbin/crond"].into_iter().map(PathBuf::from);
    let found = found.into_iter().find(|daemon| daemon.exists());
    if found.is_none() {
        skip("cron is needed: tests/run --install");
    }
    found
}

#[test]
fn what_cron_runs_is_judged_with_the_line_that_the_installer_offers() {
    if !rustix::process::geteuid().is_root() {
        return skip("root is needed: cron's settings are root's");
    }
    let Some(daemon) = cron() else { return };
    let place = Login::new();
    let answer = place.path("answer");
    // A job of the moment when cron starts: nobody waits for the next minute.
    let table = format!(
        "PATH={}\nENVGUARD_CONFIG={}\n@reboot root cd {} && {ACCIDENT} >{answer} 2>&1; echo code=$? >>{answer}\n",
        path(&place),
        place.instance.config().display(),
        place.instance.checkout().display(),
        answer = answer.display(),
    );
    let table = place.instance.write("table", &table);
    let foreground = if daemon.ends_with("cron") { "-f" } else { "-n" };
    let script = format!(
        "mount -t tmpfs none /run
for dir in /etc/cron.d /var/spool/cron; do [ ! -d $dir ] || mount -t tmpfs none $dir; done
mkdir -p /var/spool/cron/crontabs
[ ! -e /etc/crontab ] || mount --bind /dev/null /etc/crontab
cp {} /etc/cron.d/envguard
exec {} {foreground}\n",
        table.display(),
        daemon.display()
    );
    let mut child =
        place.command(which("unshare"), &["--mount", "/bin/sh", "-euc", &script]).spawn().unwrap();
    crate::support::awaited("cron's job", || {
        std::fs::read_to_string(&answer).is_ok_and(|text| text.contains("code="))
    });
    child.kill().unwrap();
    child.wait().map(drop).unwrap();
    let text = read(&answer);
    assert!(text.contains(REFUSED) && text.ends_with("code=77\n"), "{text}");
    assert_eq!(ran(&place.instance), None);
}

/// A home directory in which every bash has the hook.
fn at_home(place: &Login) {
    place.home(".bashrc", &format!("PS1='user> '\n{}", place.hook("bash")));
    place.home(".bash_profile", ". ~/.bashrc\n");
}

#[test]
fn a_pane_of_tmux_is_guarded_and_shows_the_banner_no_second_time() {
    if !have("tmux") {
        return;
    }
    let place = Login::new();
    at_home(&place);
    let mut command = place.command(which("bash"), &["-l"]);
    command.env("SHELL", which("bash"));
    let mut terminal = Terminal::start(&command);
    terminal.first_prompt().contains(SENTENCE);
    let socket = place.path("tmux").display().to_string();
    let tmux = format!("tmux -S {socket} -f /dev/null");
    terminal.types(&format!("{tmux} new-session\n"));
    let in_pane = |screen: &str| screen.starts_with(&format!("{SEGMENT}user>"));
    terminal.until_screen("the pane's prompt, and no banner", in_pane);
    terminal.types(&format!("clear; {ACCIDENT}\n"));
    terminal.until_screen(REFUSED, |screen| {
        screen.starts_with(REFUSED) && screen.contains(&format!("\n{SEGMENT}user>"))
    });
    assert_eq!(ran(&place.instance), None);
    place.instance.write("kubeconfig", "changed");
    terminal.types("clear\n");
    terminal.until_screen("what has changed", |screen| {
        screen.starts_with("[DEVELOP develop-eks MISMATCH] user>")
    });
    terminal.types("exit\n");
    terminal.until_screen("the shell outside", |screen| screen.contains("[exited]"));
}

#[test]
fn a_server_of_tmux_from_before_has_guarded_panes_too() {
    if !have("tmux") {
        return;
    }
    let place = Login::new();
    at_home(&place);
    let socket = place.path("tmux").display().to_string();
    let tmux = |words: &[&str]| {
        let mut command = place.command(which("tmux"), &["-S", &socket, "-f", "/dev/null"]);
        command.args(words).env("SHELL", which("bash"));
        Output::of(&mut command)
    };
    // Its own environment knows nothing of the guard.
    tmux(&["new-session", "-d", "-x", "80", "-y", "40", "sleep 600"]).exits(0);
    tmux(&["new-window"]).exits(0);
    let pane = || tmux(&["capture-pane", "-p"]).stdout;
    crate::support::awaited("the prompt", || pane().contains(&format!("{SEGMENT}user>")));
    assert!(pane().contains(SENTENCE), "{}", pane());
    tmux(&["send-keys", "command -v kubectl", "Enter"]).exits(0);
    let shim = format!("{}/kubectl", place.shims());
    crate::support::awaited("its kubectl", || pane().replace('\n', "").contains(&shim));
    tmux(&["kill-server"]).exits(0);
}

/// VS Code starts a shell with its own script in the place of the start file, which reads
/// the person's start files and then puts itself around `PS1` and `PROMPT_COMMAND`.
fn in_vs_code(place: &Login, shell: &str, words: &[&str]) -> Terminal {
    let mut command = place.command(which(shell), words);
    command.env("TERM_PROGRAM", "vscode").env("VSCODE_INJECTION", "1").env("VSCODE_STABLE", "1");
    command.env("VSCODE_NONCE", "0123").env("USER_ZDOTDIR", place.path("home"));
    if shell == "zsh" {
        command.env("ZDOTDIR", place.path("zdotdir"));
    }
    Terminal::start(&command)
}

#[track_caller]
fn is_guarded(place: &Login, mut terminal: Terminal) {
    let first = terminal.first_prompt();
    assert_eq!((first.count(SENTENCE), first.prompt()), (1, SEGMENT), "{}", first.0);
    for line in ["true", "false", "sh -c 'exit 3'"] {
        let shown = terminal.run(line);
        assert_eq!((shown.prompt(), shown.count(SEGMENT)), (SEGMENT, 1), "{line}: {}", shown.0);
    }
    terminal.run(ACCIDENT).contains(REFUSED);
    assert_eq!(ran(&place.instance), None);
    place.instance.write("kubeconfig", "changed");
    let shown = terminal.run(":");
    assert_eq!(shown.prompt(), "[DEVELOP develop-eks MISMATCH] ", "{}", shown.0);
}

#[test]
fn the_terminal_of_vs_code_is_guarded_in_bash() {
    let Some(script) = neighbour("shellIntegration-bash.sh") else { return };
    let script = script.to_str().unwrap();
    for login in [false, true] {
        let place = Login::new();
        at_home(&place);
        let mut command = place.command(which("bash"), &["--init-file", script, "-i"]);
        command.env("TERM_PROGRAM", "vscode").env("VSCODE_INJECTION", "1");
        command.env("VSCODE_STABLE", "1").env("VSCODE_NONCE", "0123");
        if login {
            command.env("VSCODE_SHELL_LOGIN", "1");
        }
        is_guarded(&place, Terminal::start(&command));
    }
}

#[test]
fn the_terminal_of_vs_code_is_guarded_in_zsh_and_fish() {
    let scripts = ["shellIntegration-rc.zsh", "shellIntegration-env.zsh", "shellIntegration.fish"];
    let [Some(rc), Some(env), Some(fish)] = scripts.map(neighbour) else { return };
    if have("zsh") {
        let place = Login::new();
        let start = format!("unsetopt zle prompt_cr\nPROMPT='user> '\n{}", place.hook("zsh"));
        place.home(".zshrc", &start);
        write(&place.path("zdotdir/.zshrc"), &read(&rc));
        write(&place.path("zdotdir/.zshenv"), &read(&env));
        is_guarded(&place, in_vs_code(&place, "zsh", &["-i"]));
    }
    if have("fish") {
        let place = Login::new();
        let start = "set -g fish_greeting\nfunction fish_prompt; echo -n 'user> '; end\n";
        place.home(".config/fish/config.fish", &format!("{start}{}", place.hook("fish")));
        let source = format!("source {}", quoted(&fish));
        is_guarded(&place, in_vs_code(&place, "fish", &["--init-command", &source]));
    }
}

/// Where no start file has the hook: the editor's server was started by nobody's login, and
/// its terminal is no login shell. `/usr/local/bin/kubectl` is all there is of the guard.
#[test]
fn a_terminal_of_vs_code_that_no_hook_reaches_is_guarded_by_the_name_alone() {
    let Some(script) = neighbour("shellIntegration-bash.sh") else { return };
    let place = Login::new();
    place.home(".bashrc", "PS1='user> '\n");
    place.instance.link("../prefix/lib/envguard/shims/kubectl", "local/kubectl");
    let dirs = ["local", "bin"].map(|dir| place.path(dir).display().to_string()).join(":");
    let mut server = place.command(which("sh"), &["-c", "exec bash --init-file \"$0\" -i"]);
    server.arg(script).env("PATH", format!("{dirs}:/usr/bin:/bin"));
    server.env("TERM_PROGRAM", "vscode").env("VSCODE_INJECTION", "1");
    let mut terminal = Terminal::start(&server);
    // Nothing says which instance this is ...
    let first = terminal.first_prompt();
    assert_eq!((first.count(SENTENCE), first.prompt()), (0, ""), "{}", first.0);
    // ... until somebody asks, or is refused.
    terminal.run(ACCIDENT).contains(REFUSED).contains("this is the DEVELOP instance");
    terminal.run("kubectl envguard banner").contains(SENTENCE);
    terminal.run("kubectl envguard prompt").contains(SEGMENT.trim());
    // A task of the editor, which has no terminal.
    let mut task = place.command(which("bash"), &["-c", ACCIDENT]);
    Output::of(task.env("PATH", format!("{dirs}:/usr/bin:/bin"))).refused("target-foreign");
    assert_eq!(ran(&place.instance), None);
}

/// The server was started from a login: it hands on what the hook has exported there.
#[test]
fn a_terminal_of_vs_code_has_the_guard_of_the_login_that_started_its_server() {
    let Some(script) = neighbour("shellIntegration-bash.sh") else { return };
    let place = Login::new();
    place.home(".bash_profile", &place.hook("bash"));
    place.home(".bashrc", "PS1='user> '\n");
    let terminal = format!("exec bash --init-file {} -i", quoted(&script));
    let mut login = place.command(which("bash"), &["-lc", &terminal]);
    login.env("TERM_PROGRAM", "vscode").env("VSCODE_INJECTION", "1");
    let mut terminal = Terminal::start(&login);
    terminal.first_prompt();
    terminal.run("command -v kubectl").contains(&place.shims());
    terminal.run(ACCIDENT).contains(REFUSED);
    assert_eq!(ran(&place.instance), None);
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

/// Those that README's table calls not judged. Each is a script in its place: what is given to
/// the program is the same.
#[test]
fn other_programs_get_the_pinned_kubeconfig_and_are_named() {
    let place = Login::new();
    let others = ["helm", "k9s", "kustomize", "argocd"];
    let row = read(&crate::login::sources().join("README.md"));
    let row = row.lines().find(|line| line.starts_with("| helm, ")).unwrap();
    for program in others {
        assert!(row.contains(program) && row.contains("| no |"), "{program}: {row}");
        let script = "#!/bin/sh\necho \"$0: KUBECONFIG=$KUBECONFIG\"\n";
        place.instance.program(&format!("bin/{program}"), script);
    }
    let mut shell = place.bash("", "");
    shell.first_prompt();
    let pinned = format!("KUBECONFIG={}", place.path("kubeconfig").display());
    for program in others {
        shell.run(&format!("{program} overlays/prod")).contains(&format!("{program}: {pinned}"));
    }
    let status = shell.run("kubectl envguard status -o json").0;
    assert!(status.contains("are not judged, but KUBECONFIG leads"), "{status}");
    for program in others {
        assert!(status.contains(program), "{program} is not in {status}");
    }
}
