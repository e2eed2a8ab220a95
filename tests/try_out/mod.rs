//! `install.sh --try`: the throw-away instance, as a person meets it, and that nothing
//! is left of it however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::install::{Release, Root, inventory, machine, same};
use crate::login::{have, sources};
use crate::support::{
    Output, Shown, Terminal, awaited, envguard, executable, kubectls, read, shim, write,
};

/// A machine whose temporary and home directories are looked at afterwards.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// With the newest kubectl.
    fn new() -> Option<Self> {
        let kubectl = kubectls().pop()?;
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["tmp", "home/.config", "bin"] {
            std::fs::create_dir_all(machine.path(dir)).unwrap();
        }
        write(&machine.path("home/.bashrc"), "echo this is mine\n");
        std::os::unix::fs::symlink(kubectl.path, machine.path("bin/kubectl")).unwrap();
        Some(machine)
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(relative)
    }

    /// `install.sh WORDS` with the environment of somebody who has a lot of settings.
    fn command(&self, script: &Path, words: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg(script).args(words).env_clear();
        let home = self.path("home");
        command
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("TMPDIR", self.path("tmp"))
            .env("HOME", &home)
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_STATE_HOME", home.join(".state"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_RUNTIME_DIR", home.join(".run"))
            .env("KUBECONFIG", home.join("kubeconfig"))
            .env("GIT_DIR", home.join("no-repository"))
            .env("PROMPT_COMMAND", "echo mine")
            .current_dir(self.path(""))
            .stdin(Stdio::null());
        command
    }

    /// The script of the sources, with programs that are built already.
    fn built(&self, words: &[&str]) -> Command {
        let mut command = self.command(&sources().join("install.sh"), words);
        command.arg("--programs").arg(envguard().parent().unwrap());
        command
    }

    /// Waits until nothing of the instance is left.
    #[track_caller]
    fn is_empty(&self) {
        let left = || std::fs::read_dir(self.path("tmp")).unwrap().count();
        let mine = self.path("tmp").display().to_string();
        awaited("the directory to be gone", || left() == 0);
        awaited("its processes to be gone", || running(&mine).is_empty());
        let home = inventory(&self.path("home"));
        assert_eq!(home.len(), 2, "{:?}", home.keys());
    }
}

/// The command lines of processes that name something in `place`.
fn running(place: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(place))
        .collect()
}

/// A person in front of the demo's shell.
struct Visit {
    terminal: Terminal,
    segment: String,
    place: PathBuf,
    commands: Vec<String>,
}

impl Visit {
    fn begins(machine: &Machine, words: &[&str], environment: &str) -> Self {
        let terminal = Terminal::sized(&machine.built(words), 80, 60);
        let segment = format!("[{} {environment}-eks] ", environment.to_uppercase());
        let mut visit = Self { terminal, segment, place: PathBuf::new(), commands: Vec::new() };
        let shown = visit.prompt_after(0);
        let place = shown.0.split_once("that goes with it: ").unwrap().1;
        visit.place = place.split_whitespace().next().unwrap().into();
        visit.commands = offered(&shown.0);
        let (_, tour) = shown.0.split_once("Try these").unwrap();
        assert!(tour.lines().all(|line| line.trim_end().chars().count() <= 80), "{tour}");
        assert_eq!(shown.count("kubectl instance."), 1, "{}", shown.0);
        shown.lacks("mine\r");
        visit
    }

    /// Waits until the prompt stands behind what came after `mark`.
    #[track_caller]
    fn prompt_after(&mut self, mark: usize) -> Shown {
        let segment = self.segment.clone();
        self.terminal.until(mark, "the prompt", |text| {
            let last = text.rsplit(['\n', '\r']).next().unwrap_or_default();
            last.starts_with(&segment) && (last.ends_with("# ") || last.ends_with("$ "))
        })
    }

    #[track_caller]
    fn types(&mut self, line: &str) -> Shown {
        let mark = self.terminal.raw.len();
        self.terminal.types(&format!("{line}\n"));
        self.answer_after(mark)
    }

    #[track_caller]
    fn answer_after(&mut self, mark: usize) -> Shown {
        let segment = self.segment.clone();
        self.terminal.until(mark, "the next prompt", |text| {
            let Some((_, after)) = text.split_once('\n') else { return false };
            let last = after.rsplit(['\n', '\r']).next().unwrap_or_default();
            last.starts_with(&segment) && (last.ends_with("# ") || last.ends_with("$ "))
        })
    }

    /// Types a line that asks, and the answer.
    #[track_caller]
    fn types_and_answers(&mut self, line: &str, answer: &str) -> Shown {
        let mark = self.terminal.raw.len();
        self.terminal.types(&format!("{line}\n"));
        self.terminal.until(mark, "the question", |text| text.contains("]: "));
        self.terminal.types(&format!("{answer}\n"));
        self.answer_after(mark)
    }

    #[track_caller]
    fn leaves(mut self, machine: &Machine) {
        self.terminal.types("exit\n");
        let (shown, code) = self.terminal.ends();
        shown.contains("The instance is gone, and ");
        assert_eq!(code, Some(0), "{}", shown.0);
        machine.is_empty();
    }
}

/// The commands that the demo proposes, without what is said about them.
fn offered(shown: &str) -> Vec<String> {
    let (_, list) = shown.split_once("Try these").unwrap();
    let lines = list.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = lines.map(|line| line.split("  ").next().unwrap().trim().to_owned());
    commands.take_while(|command| command != "exit").collect()
}

/// A command of the tour, what is answered when it asks, and what is shown.
struct Step(&'static str, Option<&'static str>, &'static [&'static str]);

const DEVELOP: [Step; 8] = [
    Step("ls overlays", None, &["develop\r"]),
    Step("kubectl apply -k overlays/develop", None, &["deployment.apps/web created"]),
    Step("kubectl get deployments,configmaps", None, &["deployment.apps/web"]),
    Step("kubectl apply -k overlays/prod", None, &["refused (target-foreign)"]),
    Step("kubectl envguard why target-foreign", None, &["target-foreign"]),
    Step("cp -r overlays/develop overlays/prod", None, &[]),
    Step("kubectl get pods --context production", None, &["refused (cluster-override)"]),
    Step("kubectl envguard status", None, &[" checks: "]),
];

const PRODUCTION: [Step; 8] = [
    Step("ls overlays", None, &["prod\r"]),
    Step(
        "kubectl apply -k overlays/prod",
        Some("production"),
        &["3 objects would be new", "deployment.apps/web created"],
    ),
    Step("kubectl get deployments,configmaps", None, &["deployment.apps/web"]),
    Step("kubectl apply -k overlays/develop", None, &["refused (target-foreign)"]),
    Step("kubectl envguard why target-foreign", None, &["target-foreign"]),
    Step("kubectl delete deployment web", Some("develop"), &["refused (not-confirmed)"]),
    Step("kubectl get pods --context develop", None, &["refused (cluster-override)"]),
    Step("kubectl envguard status", None, &[" checks: "]),
];

impl Visit {
    /// Types what the demo proposes, step by step.
    #[track_caller]
    fn takes(&mut self, steps: &[Step]) {
        let known: Vec<&str> = steps.iter().map(|Step(command, ..)| *command).collect();
        assert_eq!(self.commands, known);
        for Step(command, answer, expected) in steps {
            let shown = match answer {
                Some(answer) => self.types_and_answers(command, answer),
                None => self.types(command),
            };
            for text in *expected {
                shown.contains(text);
            }
            shown.lacks("deprecated");
            if command.starts_with("ls ") {
                assert_eq!(shown.0.lines().count(), 3, "only one's own: {}", shown.0);
            }
            // What sudo does on this machine the demo leaves alone.
            let failed = shown.0.lines().filter(|line| line.starts_with("FAILED"));
            assert!(failed.clone().all(|line| line.starts_with("FAILED  sudo")), "{}", shown.0);
            if command.starts_with("cp ") {
                self.sees_the_copy_go();
            }
        }
    }

    /// The keeper takes it off the disk while the prompt stands there: the next one says so.
    #[track_caller]
    fn sees_the_copy_go(&mut self) {
        let notices = self.place.join("run/envguard/notices");
        awaited("the keeper", || notices.metadata().is_ok_and(|file| file.len() > 0));
        assert!(!self.place.join("manifests/overlays/prod").exists());
        let tour = read(&self.place.join("tour"));
        assert!(tour.contains("put aside: press Enter to be told so\n"), "{tour}");
        self.types("").contains("1 foreign overlay put aside");
    }
}

#[test]
fn the_tour_of_the_develop_instance() {
    let Some(machine) = Machine::new() else { return };
    let mut visit = Visit::begins(&machine, &["--try"], "develop");
    visit.takes(&DEVELOP);
    visit.leaves(&machine);
}

#[test]
fn the_tour_of_the_production_instance() {
    let Some(machine) = Machine::new() else { return };
    let mut visit = Visit::begins(&machine, &["--try=production"], "production");
    visit.takes(&PRODUCTION);
    visit.leaves(&machine);
}

#[test]
fn a_small_terminal_shows_the_whole_banner_and_then_the_whole_tour() {
    let Some(machine) = Machine::new() else { return };
    for (word, environment) in [("--try", "DEVELOP"), ("--try=production", "PRODUCTION")] {
        let mut terminal = Terminal::sized(&machine.built(&[word]), 80, 24);
        let sentence = format!("This is  {environment}  kubectl instance.");
        terminal.until_screen("the banner", |screen| {
            screen.matches('█').count() > 50
                && screen.contains(&sentence)
                && screen.contains("Press Enter for what to try here.")
        });
        terminal.types("\n");
        terminal.until_screen("the tour", |screen| {
            screen.contains("This is a demo.")
                && screen.contains("ls overlays")
                && screen.contains("removes everything")
                && screen.lines().any(|line| line.starts_with(&format!("[{environment} ")))
        });
        terminal.types("exit\n");
        let (_, code) = terminal.ends();
        assert_eq!(code, Some(0));
        machine.is_empty();
    }
}

#[test]
fn tab_completes_kubectl_and_our_own_commands() {
    if !have("bash") {
        return;
    }
    let Some(machine) = Machine::new() else { return };
    let mut visit = Visit::begins(&machine, &["--try"], "develop");
    for (typed, completed) in [
        ("kubectl apply -k overlays/d\t", "kubectl apply -k overlays/develop"),
        ("kubectl envguard apply -k overlays/\t", "kubectl envguard apply -k overlays/develop"),
        ("kubectl-envguard sta\t", "kubectl-envguard status "),
    ] {
        let mark = visit.terminal.raw.len();
        visit.terminal.types(typed);
        visit.terminal.until(mark, completed, |text| text.contains(completed));
        // What was typed is taken back.
        visit.terminal.types("\u{15}");
        visit.types(":");
    }
    visit.leaves(&machine);
}

/// The demo without a terminal, its output as it comes.
fn started(machine: &Machine) -> Child {
    use std::os::unix::process::CommandExt;
    let mut command = machine.built(&["--try"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("$ kubectl") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0, "it has ended");
    }
    // The rest goes on to be read: a closed pipe would end it, too.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    child
}

#[test]
fn without_a_terminal_it_is_a_tour_that_ends_well() {
    let Some(machine) = Machine::new() else { return };
    for words in ["--try", "--try=develop", "--try=production"] {
        Output::of(&mut machine.built(&[words]))
            .prints("deployment.apps/web created")
            .prints("refused (target-foreign)")
            .prints("The refused commands sent nothing")
            .says("The instance is gone")
            .exits(0);
        machine.is_empty();
    }
    Output::of(&mut machine.built(&["--try=staging"])).says("--try=develop").exits(64);
    machine.is_empty();
}

#[test]
fn ctrl_c_and_kill_leave_nothing_behind() {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let Some(machine) = Machine::new() else { return };
    for (signal, group) in [(Signal::INT, true), (Signal::TERM, false), (Signal::KILL, false)] {
        let mut child = started(&machine);
        let id = Pid::from_child(&child);
        if group { kill_process_group(id, signal) } else { kill_process(id, signal) }.unwrap();
        assert!(!child.wait().unwrap().success(), "{signal:?}");
        machine.is_empty();
    }
}

#[test]
fn a_terminal_that_is_closed_takes_everything_with_it() {
    if !have("tmux") {
        return;
    }
    let Some(machine) = Machine::new() else { return };
    let socket = machine.path("tmux");
    let tmux = |words: &[&str]| {
        let mut command = Command::new("tmux");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        Output::of(command.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(words)).exits(0)
    };
    let script = machine.path("start");
    let start = machine.built(&["--try"]);
    let words: Vec<String> = std::iter::once(start.get_program())
        .chain(start.get_args())
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    let variables = start.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables: Vec<String> = variables
        .map(|(name, value)| format!("'{}={}'", name.to_str().unwrap(), value.to_str().unwrap()))
        .collect();
    let text = format!("#!/bin/sh\nexec env -i {} {}\n", variables.join(" "), words.join(" "));
    write(&script, &text);
    executable(&script);
    tmux(&["new-session", "-d", "-x", "80", "-y", "50", script.to_str().unwrap()]);
    awaited("the demo's prompt", || {
        tmux(&["capture-pane", "-p"]).stdout.contains("[DEVELOP develop-eks] manifests")
    });
    tmux(&["kill-server"]);
    machine.is_empty();
}

/// Programs that a release carries: quick to pack.
fn release(root: &Root) -> (Release, PathBuf) {
    let release = Release::new(root);
    let programs = root.beside("real");
    std::fs::create_dir_all(programs.join("examples")).unwrap();
    let standin = envguard().parent().unwrap().join("examples/apiserver-standin");
    for (name, program) in [
        ("kubectl-envguard", envguard()),
        ("envguard-shim", shim()),
        ("examples/apiserver-standin", standin),
    ] {
        write(&programs.join(name), &format!("#!/bin/sh\nexec {} \"$@\"\n", program.display()));
        executable(&programs.join(name));
    }
    let mut tarball = Command::new("sh");
    tarball.arg(sources().join("deploy/tarball")).arg(&programs).arg(&release.dir);
    Output::of(tarball.args(["0.1.0", machine().as_str()])).exits(0);
    release.sign(root);
    let file = release.dir.join(format!("kubectl-envguard-0.1.0-{}-linux.tar.gz", machine()));
    (release, file)
}

#[test]
fn the_release_beside_the_script_is_tried_after_its_signature_was_verified() {
    let Some(machine) = Machine::new() else { return };
    let root = Root::new();
    let (release, tarball) = release(&root);
    let script = release.dir.join("install.sh");
    write(&script, &read(&sources().join("install.sh")));
    let before = inventory(&release.dir);
    let key = release.key.to_str().unwrap();
    // There is no cargo on that machine.
    Output::of(&mut machine.command(&script, &["--try", "--key", key]))
        .says("Using the release kubectl-envguard-0.1.0-")
        .prints("refused (target-foreign)")
        .says("The instance is gone")
        .exits(0);
    machine.is_empty();
    same(&inventory(&release.dir), &before, "beside the script");
    // Unpacked by hand there is nothing more to verify.
    let unpacked = root.beside("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    Output::of(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(&unpacked)).exits(0);
    let top = tarball.file_name().unwrap().to_str().unwrap().trim_end_matches(".tar.gz");
    let mut own = machine.command(&unpacked.join(top).join("install.sh"), &["--try=production"]);
    Output::of(&mut own).says("The instance is gone").exits(0);
    machine.is_empty();
    // One that somebody has touched is not run.
    let mut bad = std::fs::read(&tarball).unwrap();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&tarball, bad).unwrap();
    let said = Output::of(&mut machine.command(&script, &["--try", "--key", key]));
    assert!(said.clone().says("is not what SHA256SUMS says").exits(1).stdout.is_empty());
    machine.is_empty();
}
