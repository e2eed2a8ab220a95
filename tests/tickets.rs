//! The environment's name typed on a real terminal, and how long it counts.

use rexpect::session::PtyReplSession;

use crate::support::{Instance, Output, lacks, shim, skip};

/// Nothing here takes long; this only keeps a test that hangs from hanging for
/// ever.
const DEADLINE: Option<u64> = Some(30_000);

/// A login shell of the production instance, with the shim as `kubectl`.
struct Login<'i> {
    shell: PtyReplSession,
    instance: &'i Instance,
}

impl<'i> Login<'i> {
    fn new(instance: &'i Instance) -> Self {
        std::fs::create_dir_all(instance.path("run")).unwrap();
        let mut shell = rexpect::spawn_bash(DEADLINE).unwrap();
        let line = format!(
            "unset ${{!KUBE*}} ${{!ENVGUARD*}}; cd {} && export HOME={} XDG_RUNTIME_DIR={} ENVGUARD_CONFIG={} PATH={}:/usr/bin:/bin",
            instance.checkout().display(),
            instance.path("home").display(),
            instance.path("run").display(),
            instance.config().display(),
            instance.path("bin").display(),
        );
        shell.send_line(&line).unwrap();
        shell.wait_for_prompt().unwrap();
        Self { shell, instance }
    }

    fn start(&mut self, words: &str) {
        let line = format!("{} {words}; echo 'ended with' $?", shim().display());
        self.shell.send_line(&line).unwrap();
    }

    /// Runs a command that asks, and answers.
    fn asked(&mut self, words: &str, answer: &str) -> i32 {
        self.start(words);
        self.shell.exp_string("type the environment's name").unwrap();
        self.shell.exp_string("]: ").unwrap();
        self.shell.send_line(answer).unwrap();
        self.ended().1
    }

    /// Runs a command that does not ask.
    fn unasked(&mut self, words: &str) -> i32 {
        self.start(words);
        let (before, code) = self.ended();
        assert!(!before.contains("type the environment's name"), "{words}: {before}");
        code
    }

    fn ended(&mut self) -> (String, i32) {
        let (before, found) = self.shell.exp_regex("ended with [0-9]+\r?\n").unwrap();
        let code = found.trim().rsplit_once(' ').unwrap().1.parse().unwrap();
        self.shell.wait_for_prompt().unwrap();
        (before, code)
    }
}

/// An interactive bash ignores the signal that ends other programs.
impl Drop for Login<'_> {
    fn drop(&mut self) {
        self.shell.send_line("exit").unwrap_or_default();
    }
}

#[test]
fn a_typed_name_counts_for_this_terminal_only() {
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("label pod x a=b", "develop"), 77);
    assert_eq!(login.asked("label pod x a=b", ""), 77);
    assert_eq!(login.asked("label pod x a=b", "production"), 42);
    assert_eq!(login.unasked("label pod x a=b"), 42);
    // in a pipeline and in a script of this terminal, and the cluster's name on another one
    assert_eq!(login.unasked("annotate pod x a=b | cat; (exit ${PIPESTATUS[0]})"), 42);
    let script =
        format!("label pod x a=b; sh -c '{} annotate pod x a=b; exit $?'", shim().display());
    assert_eq!(login.unasked(&script), 42);
    let mut other = Login::new(login.instance);
    assert_eq!(other.asked("label pod x a=b", "develop-eks"), 42);
    // what destroys asks every time
    assert_eq!(login.asked("delete pod x", "production"), 42);
    assert_eq!(login.asked("delete pod x", "production"), 42);
    assert_eq!(login.unasked("envguard lock"), 0);
    assert_eq!(login.asked("label pod x a=b", "no"), 77);
    assert_eq!(other.unasked("label pod x a=b"), 42);
}

#[test]
fn unlock_gives_a_spell_of_work_and_its_scripts() {
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("envguard unlock 10m", "develop"), 77);
    assert_eq!(login.asked("envguard unlock 10m", "production"), 0);
    assert_eq!(login.unasked("label pod x a=b"), 42);
    assert_eq!(login.unasked("envguard unlock 9h"), 64);
    assert_eq!(login.unasked("envguard unlock soon"), 64);
    assert_eq!(login.unasked("envguard lock"), 0);
    assert_eq!(login.asked("label pod x a=b", "production"), 42);
}

#[test]
fn the_audit_table_tells_a_ticket_from_a_typed_name() {
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("label pod x a-", "production"), 42);
    assert_eq!(login.unasked("label pod x c-"), 42);
    assert_eq!(login.asked("delete pod x", "no"), 77);
    let output = instance.envguard(&["audit"]).exits(0);
    let outcome_of = |words: &str| -> Vec<&str> {
        let outcomes = ["asked", "name typed, ran", "ran on a ticket", "not confirmed"];
        let rows = output.stdout.lines().filter(|line| line.contains(words));
        rows.filter_map(|row| outcomes.into_iter().find(|outcome| row.contains(outcome))).collect()
    };
    assert_eq!(outcome_of(" a-"), ["asked", "name typed, ran"], "{output}");
    assert_eq!(outcome_of(" c-"), ["asked", "ran on a ticket"], "{output}");
    assert_eq!(outcome_of("delete pod x"), ["asked", "not confirmed"], "{output}");
}

#[test]
fn end_of_input_and_interrupts_run_nothing() {
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    login.start("label pod x a=b");
    login.shell.exp_string("]: ").unwrap();
    login.shell.send_control('d').unwrap();
    assert_eq!(login.ended().1, 77);
    login.start("label pod x a=b");
    login.shell.exp_string("]: ").unwrap();
    login.shell.send_control('c').unwrap();
    // It is an answer, so that a script learns of it like of any other.
    assert_eq!(login.ended().1, 77);
    assert!(instance.recorded().is_none(), "nothing ran");
}

#[test]
fn a_composed_and_a_decomposed_name_are_one() {
    let instance = Instance::of("caf\u{e9}-production");
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("label pod x a=b", "cafe\u{301}-production"), 42);
}

#[test]
fn a_ticket_that_is_not_ours_or_was_changed_counts_for_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("label pod x a=b", "production"), 42);
    let dir = instance.path("run/envguard");
    let file = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let mode =
        |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let changes: [(&str, &str); 6] = [
        ("\"environment\":\"production\"", "\"environment\":\"develop\""),
        ("\"cluster\":\"develop-eks\"", "\"cluster\":\"other\""),
        ("\"started\":", "\"started\":1"),
        ("\"leader\":", "\"leader\":1"),
        ("\"expires\":", "\"expires\":9"),
        ("{", ""),
    ];
    for (from, to) in changes {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(&file, changed).unwrap();
        assert_eq!(login.asked("label pod x a=b", "no"), 77, "{from}");
    }
    std::fs::write(&file, &text).unwrap();
    mode(0o644);
    assert_eq!(login.asked("label pod x a=b", "no"), 77);
    mode(0o600);
    if rustix::process::geteuid().is_root() {
        // Of somebody else, with the same bytes and mode.
        std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
        assert_eq!(login.asked("label pod x a=b", "no"), 77, "another owner's");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    } else {
        skip("only root can give a ticket away");
    }
    assert_eq!(login.unasked("label pod x a=b"), 42, "the unchanged ticket still counts");
}

#[test]
fn a_process_id_that_comes_back_brings_no_ticket() {
    if !rustix::process::geteuid().is_root() {
        return skip("a process namespace needs root");
    }
    if lacks("unshare", "makes a process namespace")
        || lacks("script", "gives a command a terminal")
    {
        return;
    }
    let instance = Instance::of("production");
    std::fs::create_dir_all(instance.path("run")).unwrap();
    // In a process namespace of their own two logins get the same process ids. The
    // second one finds the first one's ticket, and is asked all the same.
    let shim = shim();
    let shim = shim.display();
    instance.write("first", &format!("echo leader $$\n{shim} envguard --confirm production unlock 1h\n{shim} label pod x a=b\necho first $?\n"));
    instance.write("second", &format!("echo leader $$\n{shim} label pod x a=b\necho second $?\n"));
    let login = |script: &str| {
        format!(
            "echo 300 > /proc/sys/kernel/ns_last_pid; echo no | script -qec 'exec sh {}' /dev/null",
            instance.path(script).display()
        )
    };
    let mut command = instance.command("/usr/bin/unshare".as_ref());
    let script = format!(
        "{}\n{}\nls {}",
        login("first"),
        login("second"),
        instance.path("run/envguard").display()
    );
    command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script]);
    command.env("XDG_RUNTIME_DIR", instance.path("run"));
    let output = Output::of(&mut command).exits(0);
    let leaders: Vec<&str> =
        output.stdout.lines().filter_map(|line| line.trim().strip_prefix("leader ")).collect();
    assert_eq!(leaders.len(), 2, "{output}");
    assert_eq!(leaders[0], leaders[1], "{output}");
    assert!(output.stdout.contains(&format!("ticket-{}", leaders[0])), "{output}");
    assert!(output.stdout.contains("first 42"), "{output}");
    assert!(output.stdout.contains("second 77"), "{output}");
}

#[test]
fn a_ticket_counts_on_a_clock_that_nobody_sets() {
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    let uptime = || -> f64 {
        let text = crate::support::read("/proc/uptime".as_ref());
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let before = uptime();
    assert_eq!(login.asked("envguard unlock 10m", "production"), 0);
    let after = uptime();
    let file = std::fs::read_dir(instance.path("run/envguard")).unwrap().next().unwrap().unwrap();
    let ticket: serde_json::Value =
        serde_json::from_str(&crate::support::read(&file.path())).unwrap();
    // Ten minutes from now as the machine has been up, whatever the time of day is.
    let ends = ticket["expires"].as_f64().unwrap() / 1_000.0;
    assert!(ends >= before + 599.0 && ends <= after + 601.0, "{before} {ends} {after}");
    // Files with other times, as a jump of the clock would make them, change nothing.
    for time in ["1999-01-01", "2037-01-01"] {
        let mut touch = std::process::Command::new("touch");
        crate::support::Output::of(touch.args(["-d", time]).arg(file.path())).exits(0);
        assert_eq!(login.unasked("label pod x a=b"), 42);
    }
}

/// The time of day is set forwards and backwards, for a login that has a ticket and for
/// one that takes one; the line in the log shows that it was.
#[test]
fn a_jump_of_the_clock_ends_no_ticket_and_lengthens_none() {
    let instance = Instance::of("production");
    let jump = instance.path("jump.so");
    let source = crate::login::sources().join("tests/support/jump.c");
    let mut compiler = std::process::Command::new("cc");
    Output::of(compiler.args(["-shared", "-fPIC", "-o"]).args([&jump, &source])).exits(0);
    let day_of_last_line = || {
        let text = instance.envguard(&["audit", "-n", "1", "-o", "json"]).exits(0).stdout;
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        line["time"].as_str().unwrap()[..10].to_owned()
    };
    let mut login = Login::new(&instance);
    assert_eq!(login.asked("label pod x a=b", "production"), 42);
    let today = day_of_last_line();
    let set = |login: &mut Login<'_>, days: i64| {
        let line = format!("export LD_PRELOAD={} JUMP={}", jump.display(), days * 86_400);
        login.shell.send_line(&line).unwrap();
        login.shell.wait_for_prompt().unwrap();
    };
    for days in [400, -400] {
        set(&mut login, days);
        assert_eq!(login.unasked("label pod x a=b"), 42);
        let then = day_of_last_line();
        assert_eq!(then > today, days > 0, "{days}: {today} {then}");
        assert_ne!(then, today, "{days}");
        // One that is taken now counts when the clock is right again, and not for longer.
        assert_eq!(login.unasked("envguard lock"), 0);
        assert_eq!(login.asked("envguard unlock 10m", "production"), 0);
        set(&mut login, 0);
        assert_eq!(login.unasked("label pod x a=b"), 42);
        assert!(day_of_last_line() >= today);
        let run = instance.path("run/envguard");
        let file = std::fs::read_dir(run).unwrap().next().unwrap().unwrap().path();
        let ticket: serde_json::Value = serde_json::from_str(&crate::support::read(&file)).unwrap();
        let up = crate::support::read("/proc/uptime".as_ref());
        let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
        assert!(ticket["expires"].as_f64().unwrap() / 1_000.0 <= up + 601.0, "{days}");
    }
}

#[test]
fn a_ticket_and_its_line_in_the_log_cost_a_handful_of_system_calls() {
    if lacks("strace", "counts system calls") {
        return;
    }
    let instance = Instance::of("production");
    let mut login = Login::new(&instance);
    let trace = instance.path("trace");
    let calls = |login: &mut Login<'_>| {
        let line = format!("strace -o {} {} label pod x a=b", trace.display(), shim().display());
        login.shell.send_line(&format!("{line}; echo 'ended with' $?")).unwrap();
        assert_eq!(login.ended().1, 42);
        let text = crate::support::read(&trace);
        let calls: Vec<&str> = text.lines().filter(|line| line.contains('(')).collect();
        calls.iter().rposition(|call| call.starts_with("execve(")).unwrap()
    };
    assert_eq!(login.asked("envguard unlock 10m", "production"), 0);
    calls(&mut login);
    let on_a_ticket = calls(&mut login);
    let text = instance.config_text() + "policy: {confirm: {mutate: never}}\n";
    instance.write("config.yaml", &text);
    let unasked = calls(&mut login);
    // Two processes, the boot, the ticket, and the second line; unoptimised.
    let more = on_a_ticket - unasked;
    assert!(more <= 30, "{more} system calls more: {on_a_ticket} and {unasked}");
}

/// A script for one instance that is started on another one: whatever the level asks,
/// and whatever a ticket says.
#[test]
fn another_environments_name_is_refused_wherever_it_is_given() {
    let named = |instance: &Instance, name: &str, words: &[&str]| {
        let all: Vec<&str> = ["--confirm", name].iter().chain(words).copied().collect();
        instance.envguard(&all)
    };
    let change = ["label", "pod", "x", "a=b"];
    let develop = Instance::new();
    let output = named(&develop, "production", &change).refused("not-confirmed");
    assert!(output.stderr.contains("--confirm production is not this environment"), "{output}");
    named(&develop, "production", &["get", "pods"]).refused("not-confirmed");
    assert!(develop.recorded().is_none(), "nothing ran");
    named(&develop, "production", &["version", "--client"]).exits(42);
    for name in ["develop", "develop-eks"] {
        named(&develop, name, &change).exits(42);
    }
    let observed = Instance::new().rules("policy: {mode: observe}");
    named(&observed, "production", &change).says("would be refused (not-confirmed)").exits(42);
    let production = Instance::of("production");
    let mut login = Login::new(&production);
    assert_eq!(login.asked("envguard unlock 10m", "production"), 0);
    assert_eq!(login.unasked("envguard --confirm develop label pod x a=b"), 77);
    assert_eq!(login.unasked("envguard --confirm production label pod x a=b"), 42);
}
