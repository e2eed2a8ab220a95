//! A night on production, as it is recorded in `docs/confirmation.md`: real kubectl, a
//! real terminal, an API server. What the document shows is what the terminal showed.

use crate::support::{Instance, PROMPT, Server, Terminal, kubectls, read, skip};

const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: v1
kind: Pod
metadata: {name: api-old, namespace: web}
spec: {containers: [{name: api, image: \"registry.example/shop/api:v40\"}]}
";

/// What differs from night to night.
fn settled(text: &str, commits: &[String]) -> String {
    let mut text = text.replace('\r', "");
    for (index, commit) in commits.iter().enumerate() {
        text = text.replace(&commit[..7], ["1a2b3c4", "5d6e7f8"][index.min(1)]);
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Every line as the terminal shows it in the end: what was overwritten is gone.
fn visible(raw: &str) -> String {
    let line = |line: &str| {
        let shown = line.trim_end_matches('\r');
        shown.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default().to_owned()
    };
    raw.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_recorded_night() {
    let Some(kubectl) = kubectls().pop() else { return };
    if rustix::process::getuid().as_raw() != 0 {
        return skip("the recording is root's: its name stands in the audit table");
    }
    let objects = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(objects.path(), OBJECTS).unwrap();
    let server = Server::with_objects("production-eks", objects.path());
    let instance = Instance::production(&server, &kubectl);
    let text = instance.config_text().replace("name: develop-eks", "name: production-eks");
    instance.write("config.yaml", &text);
    let first = ["--confirm", "production", "apply", "-k", "overlays/production"];
    instance.envguard(&first).exits(0);
    let changes = [("v41", "v42"), ("replicas: 3", "replicas: 6")];
    instance.edit("overlays/production/api.yaml", &changes);
    let uid = rustix::process::getuid().as_raw();
    std::fs::remove_file(instance.path(&format!("home/.local/state/envguard/audit-{uid}.jsonl")))
        .unwrap();

    let mut shell = instance.command("/bin/sh".as_ref());
    let path = [instance.path("shims"), instance.path("bin")];
    let path = path.map(|dir| dir.display().to_string()).join(":");
    shell.env("PATH", format!("{path}:/usr/bin:/bin")).env("PS1", PROMPT);
    shell.env("LANG", "C.UTF-8").env("XDG_RUNTIME_DIR", instance.path("run"));
    shell.env("NO_COLOR", "1");
    let mut terminal = Terminal::sized(&shell, 100, 40);
    terminal.first_prompt();
    let ask = |terminal: &mut Terminal, line: &str, answer: &str| {
        let mark = terminal.raw.len();
        terminal.types(&format!("{line}\n"));
        terminal.until(mark, "the question", |shown| shown.contains("]: "));
        terminal.run(answer);
    };
    ask(&mut terminal, "kubectl apply -k overlays/production", "production");
    instance.edit("overlays/production/settings.yaml", &[("info", "debug")]);
    terminal.run("kubectl apply -k overlays/production");
    ask(&mut terminal, "kubectl delete pod api-old -n web", "production");
    // The hotfix: not committed, which critical refuses.
    let file = instance.checkout().join("overlays/production/settings.yaml");
    crate::support::write(&file, &read(&file).replace("debug", "warn"));
    terminal.run("kubectl apply -f overlays/production/settings.yaml");
    let hotfix = "kubectl envguard --break-glass 'payments are down' apply -f overlays/production/settings.yaml";
    ask(&mut terminal, hotfix, "production");
    let table = terminal.run("kubectl envguard audit").0;

    let commits: Vec<String> = instance
        .git(&["log", "--format=%H", "-2", "--reverse"])
        .lines()
        .map(str::to_owned)
        .collect();
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    let shown = settled(&visible(&raw), &commits);
    let shown = shown
        .replace(PROMPT, "$ ")
        .replace(&instance.path("m").display().to_string(), "/srv/manifests");
    // The times of the table are the night's own.
    let shown: String = shown
        .lines()
        .map(|line| match line.split_once("Z ").or_else(|| line.split_once("  root ")) {
            Some((time, rest)) if time.starts_with("20") => {
                format!("2026-11-26 03:12:09  root {rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    // The prompt that waits for the next command.
    let (shown, _) = shown.trim_end().rsplit_once('\n').unwrap();
    let shown = format!("{shown}\n");
    assert!(!shown.contains("S3CRET"), "{shown}");
    assert_eq!(table.matches("name typed, ran").count(), 3, "{table}");
    let document = crate::login::sources().join("docs/confirmation.md");
    let text = read(&document);
    let (head, rest) = text.split_once("<!-- night -->\n```console\n").unwrap();
    let (recorded, tail) = rest.split_once("```\n<!-- end of night -->\n").unwrap();
    if std::env::var_os("ENVGUARD_TEST_BLESS").is_some() {
        let new =
            format!("{head}<!-- night -->\n```console\n{shown}```\n<!-- end of night -->\n{tail}");
        crate::support::write(&document, &new);
        return;
    }
    assert_eq!(shown, recorded, "ENVGUARD_TEST_BLESS=1 records it anew");
}
