//! What a person is shown before the question, by real kubectls, on a real terminal.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{
    Instance, Kubectl, PROMPT, RealServer, Server, Shown, Terminal, kubectls, left_out,
};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n";

/// A production instance whose cluster has the namespace and, when wanted, what the
/// overlay applies.
struct Night {
    server: Server,
    instance: Instance,
}

impl Night {
    fn new(kubectl: &Kubectl, applied: bool) -> Self {
        let objects = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(objects.path(), NAMESPACE).unwrap();
        let server = Server::with_objects("production-eks", objects.path());
        let instance = Instance::production(&server, kubectl);
        if applied {
            let words = ["--confirm", "production", "apply", "-k", "overlays/production"];
            instance.envguard(&words).exits(0);
        }
        Self { server, instance }
    }

    /// The newest kubectl.
    fn newest(applied: bool) -> Option<Self> {
        Some(Self::new(&kubectls().pop()?, applied))
    }

    fn shell(&self) -> Command {
        shell(&self.instance)
    }

    fn login(&self) -> Terminal {
        let mut terminal = Terminal::start(&self.shell());
        terminal.first_prompt();
        terminal
    }

    fn new_version(&self) {
        new_version(&self.instance);
    }
}

fn shell(instance: &Instance) -> Command {
    let mut shell = instance.command("/bin/sh".as_ref());
    let path = [instance.path("shims"), instance.path("bin")];
    let path = path.map(|dir| dir.display().to_string()).join(":");
    shell.env("PATH", format!("{path}:/usr/bin:/bin")).env("PS1", PROMPT);
    shell.env("LANG", "C.UTF-8").env("XDG_RUNTIME_DIR", instance.path("run"));
    shell
}

/// Another version of what the overlay applies.
fn new_version(instance: &Instance) {
    let changes = [("v41", "v42"), ("replicas: 3", "replicas: 6"), ("S3CRET1", "S3CRET2")];
    instance.edit("overlays/production/api.yaml", &changes);
    let changes = [("S3CRET1", "S3CRET2"), ("info", "debug")];
    instance.edit("overlays/production/settings.yaml", &changes);
}

/// Starts a line and waits for the question.
#[track_caller]
fn asks(terminal: &mut Terminal, line: &str) -> Shown {
    let mark = terminal.raw.len();
    terminal.types(&format!("{line}\n"));
    terminal.until(mark, "the question", |shown| shown.contains("]: "))
}

/// Answers, and asks for the exit code.
#[track_caller]
fn answers(terminal: &mut Terminal, answer: &str) -> (Shown, i32) {
    let shown = terminal.run(answer);
    (shown, code(terminal))
}

#[track_caller]
fn code(terminal: &mut Terminal) -> i32 {
    let shown = terminal.run("echo \"code=$?\"").0;
    let (_, code) = shown.rsplit_once("code=").unwrap();
    code.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn one_line_for_each_object_that_would_change() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        night.new_version();
        let before = night.server.changes();
        let mut terminal = night.login();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("PRODUCTION (develop-eks)");
        shown.contains("asking develop-eks what would change ...");
        shown.contains("3 objects would change:");
        shown.contains(
            "    apps/Deployment web/api  image v41\u{2192}v42, replicas 3\u{2192}6, and 1 more",
        );
        shown.contains("    Secret web/db  data.password changed");
        shown.contains(
            "    ConfigMap web/settings  data.app.properties changed, data.level info\u{2192}debug",
        );
        shown.contains("  Argo CD will revert this: apps/Deployment web/api (shop)");
        shown.lacks("S3CRET");
        assert_eq!(night.server.changes(), before, "kubectl {}", kubectl.version);
        // What was shown is gone when the name is wrong, and happens when it is right.
        let (shown, code) = answers(&mut terminal, "develop");
        shown.contains("refused (not-confirmed)");
        assert_eq!((code, night.server.changes()), (77, before));
        asks(&mut terminal, "kubectl apply -k overlays/production");
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("deployment.apps/api configured");
        assert_eq!(code, 0);
        // On the ticket, and without a look.
        terminal.run("kubectl apply -k overlays/production").contains("unchanged").lacks("asking");
    }
}

#[test]
fn the_whole_text_is_shown_to_who_wants_it() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut terminal = night.login();
    let shown = asks(&mut terminal, "kubectl envguard --full apply -k overlays/production");
    shown.contains("      -        image: registry.example/shop/api:v41");
    shown.contains("      +        image: registry.example/shop/api:v42");
    shown.contains("      -  replicas: 3").contains("      +  replicas: 6");
    shown.contains("      -  password: '***'").contains("      +  password: '*** (changed)'");
    shown.contains("           host=db").lacks("S3CRET").lacks("resourceVersion");
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
}

#[test]
fn what_would_be_new_or_cannot_be_shown_is_said() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, false);
        let mut terminal = night.login();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("3 objects would be new:");
        shown.contains("    Secret web/db  is new").lacks("S3CRET");
        answers(&mut terminal, "");
        let text = "apiVersion: example.test/v1\nkind: Nothing\nmetadata: {name: x}\n";
        night.instance.write("m/overlays/production/odd.yaml", text);
        night.instance.commit();
        let shown = asks(&mut terminal, "kubectl apply -f overlays/production/odd.yaml");
        shown.contains("  cannot be shown: ").contains("no matches for kind \"Nothing\"");
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("no matches for kind");
        assert_eq!(code, 1, "it ran all the same");
    }
}

#[test]
fn what_would_go_is_listed_every_time() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let before = night.server.changes();
        let mut terminal = night.login();
        for line in ["kubectl delete deploy api -n web", "kubectl delete deploy --all -n web"] {
            let shown = asks(&mut terminal, line);
            shown.contains("1 object would go:").contains("    apps/Deployment web/api  goes");
            shown.contains("Argo CD will revert this: apps/Deployment web/api (shop)");
            assert_eq!(answers(&mut terminal, "no").1, 77);
        }
        let shown = asks(&mut terminal, "kubectl delete -k overlays/production");
        shown.contains("3 objects would go:").contains("    Secret web/db  goes");
        assert_eq!(night.server.changes(), before);
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("deleted");
        assert_eq!(code, 0);
        let shown = asks(&mut terminal, "kubectl delete -k overlays/production");
        shown.contains("cannot be shown: ").contains("not found");
        answers(&mut terminal, "no");
    }
}

#[test]
fn commands_without_a_diff_are_shown_too() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let before = night.server.changes();
        let mut terminal = night.login();
        for (line, expected) in [
            ("scale deploy api -n web --replicas=5", "api  replicas 3\u{2192}5"),
            ("scale deploy api -n web --replicas=0", "api  replicas 3\u{2192}0"),
            ("set image deploy/api -n web api=registry.example/shop/api:v9", "image v41\u{2192}v9"),
            ("set env deploy/api -n web A=b", "+api env[A]"),
            ("label deploy api -n web team=shop", "+labels.team shop"),
            ("annotate cm settings -n web a=b", "+annotations.a b"),
            ("patch deploy api -n web -p '{\"spec\":{\"replicas\":9}}'", "replicas 3\u{2192}9"),
            ("rollout restart deploy/api -n web", "apps/Deployment web/api  restarts"),
            ("create cm fresh -n web --from-literal=a=b", "ConfigMap web/fresh  is new"),
            ("expose deploy api -n web --port=80", "Service web/api  is new"),
        ] {
            let shown = asks(&mut terminal, &format!("kubectl {line}"));
            shown.contains(expected).lacks("S3CRET");
            assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
        }
        assert_eq!(night.server.changes(), before, "kubectl {}", kubectl.version);
    }
}

#[test]
fn what_streams_in_is_named_shown_and_runs_as_it_is() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let mut terminal = night.login();
        let file = night.instance.write(
            "elsewhere/x.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: piped, namespace: web}\ndata: {a: b}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
        );
        let line = format!("cat {} | kubectl apply -f -", file.display());
        for answer in ["no", "production"] {
            let shown = asks(&mut terminal, &line);
            shown.contains("  standard input: 2 objects\n".replace('\n', "").as_str());
            shown.contains("    ConfigMap web/piped").contains("    Namespace web");
            shown.contains("    ConfigMap web/piped  is new");
            let (shown, code) = answers(&mut terminal, answer);
            if answer == "production" {
                shown.contains("configmap/piped created");
            }
            assert_eq!(code, if answer == "no" { 77 } else { 0 });
        }
    }
}

#[test]
fn ctrl_c_ends_the_look_and_the_question_and_nothing_runs() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let before = night.server.changes();
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{3}");
    let shown = terminal.until(mark, "the prompt", crate::support::at_prompt);
    shown.contains("not confirmed: it was interrupted");
    assert_eq!(code(&mut terminal), 77);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("produ\u{3}");
    terminal.until(mark, "the prompt", crate::support::at_prompt);
    assert_eq!(code(&mut terminal), 77);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{4}");
    terminal.until(mark, "the prompt", crate::support::at_prompt).contains("nothing was typed");
    assert_eq!(code(&mut terminal), 77);
    // A server that never answers: Ctrl-C does not wait for it.
    let started = night.instance.path("elsewhere/started");
    let script = format!("#!/bin/sh\necho $$ \"$@\" >>{}\nexec sleep 600\n", started.display());
    night.instance.program("bin/slow", &script);
    let rules = format!("kubectl: {}", night.instance.path("bin/slow").display());
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &format!("{text}{rules}\n"));
    let mark = terminal.raw.len();
    terminal.types("kubectl apply -k overlays/production\n");
    terminal.until(mark, "the progress line", |shown| shown.contains("would change ... "));
    let lines = || std::fs::read_to_string(&started).unwrap_or_default();
    crate::support::awaited("the look", || lines().ends_with('\n'));
    let process = lines().split(' ').next().unwrap().to_owned();
    // One that has ended has no words any more, also where nobody has asked for its end.
    let has_ended =
        || std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default().is_empty();
    assert!(!has_ended());
    terminal.types("\u{3}");
    terminal.until(mark, "the prompt", crate::support::at_prompt).contains("it was interrupted");
    assert_eq!(code(&mut terminal), 77);
    assert_eq!(night.server.changes(), before);
    let only = format!("{process} diff --kustomize=overlays/production\n");
    assert_eq!(lines(), only, "nothing else was started");
    crate::support::awaited("the end of the look", has_ended);
    // The terminal is as it was: Ctrl-C ends other programs.
    terminal.run("stty -a").contains("intr = ^C").contains("eol = <undef>");
}

#[test]
fn what_changes_while_somebody_reads_is_shown_again() {
    let Some(night) = Night::newest(true) else { return };
    let night_rules = "policy: {uncommitted: allow}\n";
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &format!("{text}{night_rules}"));
    night.new_version();
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production").contains("v41\u{2192}v42");
    let file = night.instance.checkout().join("overlays/production/api.yaml");
    let text = crate::support::read(&file);
    crate::support::write(&file, &text.replace("v42", "v43"));
    let before = night.server.changes();
    let shown = asks(&mut terminal, "production");
    shown.contains("the files have changed since they were shown").contains("v41\u{2192}v43");
    assert_eq!(night.server.changes(), before);
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert!(output.stdout.contains("files changed, asked again"), "{output}");
}

#[test]
fn xargs_is_asked_once_and_a_shell_each_time() {
    let Some(night) = Night::newest(false) else { return };
    let names = ["a", "b", "c"];
    for name in names {
        let words = ["--confirm", "production", "create", "cm", name, "-n", "web"];
        night.instance.envguard(&words).exits(0);
    }
    let mut terminal = night.login();
    for name in ["a", "b"] {
        asks(&mut terminal, &format!("kubectl delete cm {name} -n web"));
        assert_eq!(answers(&mut terminal, "no").1, 77);
    }
    let deletes = "printf 'a\\nb\\nc\\n' | xargs -n1 kubectl delete -n web cm";
    let shown = asks(&mut terminal, deletes);
    shown.contains("ConfigMap web/a  goes");
    let (shown, code) = answers(&mut terminal, "production");
    assert_eq!(shown.count("deleted"), 3, "{}", shown.0);
    assert_eq!(shown.count("the name was typed for this within the last minute"), 2);
    assert_eq!(code, 0);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert_eq!(output.stdout.matches("ran on the same answer").count(), 2, "{output}");
    // Another kind, in a job of its own: asked again.
    asks(&mut terminal, "echo web | xargs -n1 kubectl delete ns");
    answers(&mut terminal, "no");
}

#[test]
fn the_look_is_in_the_same_sandbox() {
    let Some(night) = Night::newest(false) else { return };
    night.instance.write("m/overlays/prod/extra.yaml", "x");
    let seen = night.instance.path("elsewhere/seen");
    let script = format!(
        "#!/bin/sh\nfor f in overlays/production/api.yaml overlays/prod/extra.yaml; do
        if cat $f >/dev/null 2>&1; then echo open $f; else echo closed $f; fi; done >>{}\nexit 9\n",
        seen.display()
    );
    night.instance.program("bin/fake", &script);
    let line = format!("kubectl: {}\n", night.instance.path("bin/fake").display());
    let text = night.instance.config_text();
    night.instance.write("config.yaml", &(text + &line));
    let mut terminal = night.login();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let expected = "open overlays/production/api.yaml\nclosed overlays/prod/extra.yaml\n";
    assert_eq!(crate::support::read(&seen), expected);
    assert_eq!(answers(&mut terminal, "production").1, 9);
    // The guard itself is not shut in by the look: kubectl finds the same afterwards.
    assert_eq!(crate::support::read(&seen), expected.repeat(2));
}

#[test]
fn an_eight_bit_terminal_and_a_narrow_one_are_understood() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut shell = night.shell();
    shell.env("LANG", "C").env("LC_ALL", "C");
    for columns in [80, 20, 0] {
        let mut terminal = Terminal::sized(&shell, columns, 24);
        terminal.first_prompt();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("apps/Deployment web/api  image v41->v42");
        assert!(shown.0.is_ascii(), "{}", shown.0);
        if columns == 80 {
            let lines = shown.0.lines().map(|line| line.trim_end_matches('\r'));
            assert!(lines.flat_map(|line| line.split('\r')).all(|line| line.len() <= 80));
        }
        answers(&mut terminal, "no");
    }
}

#[test]
fn ctrl_z_puts_the_question_aside_and_fg_brings_it_back() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut shell = night.shell();
    shell.args(["-m"]);
    let mut terminal = Terminal::start(&shell);
    terminal.first_prompt();
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let mark = terminal.raw.len();
    terminal.types("\u{1a}");
    terminal.until(mark, "the prompt", crate::support::at_prompt);
    let mark = terminal.raw.len();
    terminal.types("fg\n");
    terminal.until(mark, "the job", |shown| shown.contains("kubectl apply"));
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
}

#[test]
fn a_thousand_objects_are_counted() {
    let Some(night) = Night::newest(false) else { return };
    let objects: String = (0..1_000)
        .map(|n| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{n}, namespace: web}}\n---\n"
            )
        })
        .collect();
    night.instance.write("m/overlays/production/many.yaml", &objects);
    night.instance.commit();
    let mut terminal = night.login();
    let shown = asks(&mut terminal, "kubectl apply -f overlays/production/many.yaml");
    shown.contains("1000 objects would be new:").contains("    and 980 more; all of them: ");
    assert_eq!(shown.count("is new"), 20);
    answers(&mut terminal, "no");
}

#[test]
fn what_takes_away_without_a_delete_is_listed_too() {
    let Some(night) = Night::newest(true) else { return };
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: []}\n";
    night.instance.write("elsewhere/node.yaml", node);
    let create = ["--confirm", "production", "create", "-f", "../elsewhere/node.yaml"];
    let text = night.instance.config_text();
    let place = night.instance.path("elsewhere");
    night.instance.write("config.yaml", &format!("{text}alsoAllow: [{}]\n", place.display()));
    night.instance.envguard(&create).exits(0);
    let old = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old, namespace: web, labels: {set: a}}\n";
    night.instance.write("elsewhere/old.yaml", old);
    let apply = ["--confirm", "production", "apply", "-f", "../elsewhere/old.yaml"];
    night.instance.envguard(&apply).exits(0);
    night.instance.write("elsewhere/old.yaml", &old.replace("name: old", "name: kept"));
    let before = night.server.changes();
    let mut terminal = night.login();
    for (line, expected) in [
        (
            "replace --force -f overlays/production/settings.yaml",
            "web/settings  goes, and comes back as in the file",
        ),
        ("taint node n1 a=b:NoExecute", "Node n1  +taints"),
        ("cordon n1", "    node/n1 cordoned"),
        ("drain n1", "    node/n1 cordoned"),
        (
            "apply --prune -n web -l set=a --prune-allowlist core/v1/ConfigMap -f ../elsewhere/old.yaml",
            "    configmap/old pruned",
        ),
    ] {
        let shown = asks(&mut terminal, &format!("kubectl {line}"));
        shown.contains(expected).lacks("S3CRET").lacks("cannot be shown");
        assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
    }
    assert_eq!(night.server.changes(), before);
}

#[test]
fn what_a_cluster_holds_does_not_write_to_the_terminal() {
    let Some(night) = Night::newest(true) else { return };
    let settings = night.instance.checkout().join("overlays/production/settings.yaml");
    let text = crate::support::read(&settings);
    let evil = text.replace("level: info", "level: \"\\e[2J\\e]0;x\\a\\u202e\"");
    crate::support::write(&settings, &evil);
    night.instance.commit();
    let mut terminal = night.login();
    for full in ["", "envguard --full "] {
        let mark = terminal.raw.len();
        let shown = asks(&mut terminal, &format!("kubectl {full}apply -k overlays/production"));
        shown.contains("data.level");
        let raw = String::from_utf8_lossy(&terminal.raw[mark..]).into_owned();
        let moves = |letter: char| letter == '\u{1b}' || letter == '\u{7}' || letter == '\u{202e}';
        assert!(!raw.contains(moves), "{raw:?}");
        answers(&mut terminal, "no");
    }
}

#[test]
fn a_signal_at_the_question_is_a_no_and_the_terminal_stays_as_it_was() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let before = night.server.changes();
    let mut terminal = night.login();
    let pid = night.instance.path("pid");
    // The process becomes the guard, which would become kubectl.
    let line =
        format!("sh -c 'echo $$ > {}; exec kubectl apply -k overlays/production'", pid.display());
    for signal in ["typed", "TERM", "QUIT", "HUP", "INT"] {
        asks(&mut terminal, &line);
        let mark = terminal.raw.len();
        if signal == "typed" {
            terminal.types("\u{1c}");
        } else {
            let process = crate::support::read(&pid);
            let mut kill = Command::new("kill");
            crate::support::Output::of(kill.args(["-s", signal, process.trim()])).exits(0);
        }
        let shown = terminal.until(mark, "the prompt", crate::support::at_prompt);
        shown.contains("not confirmed: it was interrupted");
        assert_eq!(code(&mut terminal), 77, "{signal}");
        terminal.run("stty -a").contains("intr = ^C").contains("quit = ^\\");
    }
    assert_eq!(night.server.changes(), before);
    let output = night.instance.envguard(&["audit"]).exits(0);
    assert_eq!(output.stdout.matches("not confirmed").count(), 5, "{output}");
}

#[test]
fn an_answer_that_came_to_nothing_is_recorded_as_nothing() {
    let Some(night) = Night::newest(true) else { return };
    let file = night.instance.checkout().join("overlays/production/settings.yaml");
    let text = crate::support::read(&file);
    crate::support::write(&file, &text.replace("info", "warn"));
    let mut terminal = night.login();
    let guard = "kubectl envguard --break-glass 'payments are down' apply -f overlays/production/settings.yaml";
    asks(&mut terminal, guard);
    crate::support::write(&file, &text.replace("info", "debug"));
    asks(&mut terminal, "production");
    assert_eq!(answers(&mut terminal, "no").1, 77);
    let output = night.instance.envguard(&["audit", "--command", "settings.yaml"]).exits(0);
    assert!(!output.stdout.contains("name typed, ran"), "{output}");
    assert!(output.stdout.contains("files changed, asked again"), "{output}");
    let banner = night.instance.envguard(&["banner"]).stdout;
    assert!(!banner.contains("BREAK GLASS"), "it did not run: {banner}");
}

#[test]
fn a_script_that_names_the_environment_leaves_in_its_log_what_it_changes() {
    let kubectls = kubectls();
    for kubectl in kubectls.first().into_iter().chain(kubectls.last()) {
        let night = Night::new(kubectl, true);
        night.new_version();
        let words = ["--confirm", "production", "apply", "-k", "overlays/production"];
        let output = night.instance.envguard(&words).exits(0);
        for line in ["envguard: PRODUCTION (", "  image v41", "confirmed with --confirm production"]
        {
            assert!(output.stderr.contains(line.trim()), "{line}: {output}");
        }
        assert!(!output.stderr.contains("S3CRET"), "{output}");
        assert!(output.stdout.contains("deployment.apps/api configured"), "{output}");
        assert!(!output.stdout.contains("would change"), "{output}");
        // A way into the cluster has nothing to show.
        let words = ["--confirm", "production", "exec", "nobody", "-n", "web", "--", "ls"];
        let output = night.instance.envguard(&words);
        assert!(!output.stderr.contains("PRODUCTION"), "{output}");
    }
}

/// Each of these texts and arguments is in two versions of the overlay.
#[test]
fn no_value_is_seen_that_is_called_like_a_secret() {
    let Some(night) = Night::newest(true) else { return };
    let text = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web}
data:
  a: "Server=db;Password=S3CRET1"
  b: "//r/:_authToken=S3CRET1"
  c: "Server=db1"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: texts, namespace: web}
data:
  json: '{"clientSecret":"S3CRET1"}'
  texts: |
    bindpw=S3CRET1
    password S3CRET1
    <password>S3CRET1</password>
    passphrase:
      S3CRET1
    LOG_LEVEL=debug
    port=80801
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, namespace: web}
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      containers:
      - name: worker
        image: registry.example/shop/worker:v1
        args: ["--db-password", "S3CRET1", "--v=1"]
      - name: shell
        image: registry.example/shop/shell:v1
        command: ["sh", "-c", "curl -u admin:S3CRET1 http://h/x1; mysql -pS3CRET1"]
      - name: db
        image: registry.example/shop/db:v1
        args: ["-uroot", "-pS3CRET1"]
"#;
    let apply = ["--confirm", "production", "apply", "-f", "overlays/production/texts.yaml"];
    night.instance.write("m/overlays/production/texts.yaml", text);
    night.instance.commit();
    night.instance.envguard(&apply).exits(0);
    let next = text.replace("S3CRET1", "S3CRET2").replace(":v1", ":v2").replace("db1", "db2");
    let next = next.replace("80801", "80802").replace("--v=1", "--v=2").replace("h/x1", "h/x2");
    night.instance.write("m/overlays/production/texts.yaml", &next);
    night.instance.commit();
    let mut terminal = night.login();
    let line = "apply -f overlays/production/texts.yaml";
    let shown = asks(&mut terminal, &format!("kubectl envguard --full {line}"));
    shown.lacks("S3CRET");
    for seen in [
        "  c: Server=db2",
        "+    port=80802",
        "worker:v2",
        "--db-password",
        "- --v=2",
        "http://h/x2",
        "LOG_LEVEL=debug",
    ] {
        shown.contains(seen);
    }
    answers(&mut terminal, "no");
    let output = night.instance.envguard(&apply).exits(0);
    assert!(!output.stderr.contains("S3CRET"), "{output}");
    let told = "data.a changed, data.b changed, data.c Server=db1->Server=db2";
    assert!(output.stderr.contains(told), "{output}");
}

#[test]
fn a_real_api_server_is_asked_what_would_change() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        return left_out("KUBEBUILDER_ASSETS names no etcd and kube-apiserver");
    };
    let Some(kubectl) = kubectls().pop() else { return };
    let real = RealServer::start(&assets);
    let instance = Instance::production_behind(|instance| real.pin(instance, &kubectl));
    let confirmed = |words: &[&str]| {
        let words: Vec<&str> = ["--confirm", "production"].iter().chain(words).copied().collect();
        instance.envguard(&words)
    };
    confirmed(&["create", "namespace", "web"]).exits(0);
    confirmed(&["apply", "-k", "overlays/production"]).exits(0);
    new_version(&instance);
    let live = || {
        instance.kubectl(&["get", "deploy,secret,cm", "-n", "web", "-o", "yaml"]).exits(0).stdout
    };
    let before = live();
    let mut terminal = Terminal::start(&shell(&instance));
    terminal.first_prompt();
    let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
    shown.contains("3 objects would change:");
    shown.contains("    apps/Deployment web/api  image v41\u{2192}v42, replicas 3\u{2192}6");
    shown.contains("    Secret web/db  data.password changed");
    shown.contains("data.level info\u{2192}debug").lacks("S3CRET");
    // A wrong name: nothing ran.
    assert_eq!(answers(&mut terminal, "develop").1, 77);
    assert_eq!(live(), before);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
    assert_ne!(live(), before);
    for (line, expected) in [
        // The ticket is for what changes; what takes something away asks each time.
        ("scale deploy/api -n web --replicas=0", "replicas 6\u{2192}0"),
        ("delete cm settings -n web", "ConfigMap web/settings"),
        ("set image deploy/api -n web api=x:v43", "image "),
    ] {
        if line.starts_with("set image") {
            terminal.run("kubectl envguard lock");
        }
        let shown = asks(&mut terminal, &format!("kubectl {line}"));
        shown.contains(expected).lacks("cannot be shown");
        assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
    }
    assert!(live().contains("name: settings"));
}
