//! The banner on terminals of all kinds.

use unicode_width::UnicodeWidthStr;

use super::{Login, SENTENCE};
use crate::support::{Instance, Output, Terminal};

/// The banner of an instance, on a terminal of this size.
fn on_terminal(place: &Login, size: (u16, u16), environment: &[(&str, &str)]) -> String {
    let mut command = place.command(place.program(), &["banner"]);
    for (name, value) in environment {
        if value.is_empty() {
            command.env_remove(name);
        } else {
            command.env(name, value);
        }
    }
    let (shown, code) = Terminal::sized(&command, size.0, size.1).ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    shown.0.replace('\r', "")
}

fn renamed(from: &str, to: &str) -> Login {
    let instance = Instance::new();
    let text = instance.config_text().replace(from, to);
    instance.write("config.yaml", &text);
    Login::of(instance)
}

#[test]
fn develop_says_so_in_words_and_facts() {
    let place = renamed("banner: {", "banner: {lines: [\"Runbook: https://wiki.test/x\"], ");
    let text = on_terminal(&place, (80, 24), &[]);
    for line in [
        SENTENCE,
        "Runbook: https://wiki.test/x",
        "  cluster    develop-eks",
        "  server     https://pinned.example.test",
        "  session    unknown",
        "  contact    #sre-oncall",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn production_stands_between_two_warnings() {
    let place = Login::of(Instance::of("production"));
    let text = on_terminal(&place, (80, 24), &[]);
    let expected = "\n!!! WARNING !!!\nThis is  PRODUCTION  kubectl instance.\n!!! WARNING !!!\n";
    assert!(text.contains(expected), "{text}");
    // Big letters in 80 columns.
    assert!(text.lines().any(|line| line.starts_with("████   ████    ███")), "{text}");
}

#[test]
fn every_terminal_can_show_it() {
    let place = Login::of(Instance::of("production"));
    let mut wide = place.command(place.program(), &["banner"]);
    wide.env("COLUMNS", "300");
    for (size, environment) in [
        ((0, 0), &[][..]),
        ((20, 5), &[]),
        ((300, 50), &[]),
        ((80, 24), &[("TERM", "dumb")]),
        ((80, 24), &[("TERM", "")]),
        ((80, 24), &[("LANG", "C")]),
        ((80, 24), &[("LANG", "")]),
        ((80, 24), &[("NO_COLOR", "1")]),
        ((80, 24), &[("HOME", "")]),
        ((80, 24), &[("PATH", "")]),
    ] {
        let text = on_terminal(&place, size, environment);
        assert!(text.contains("This is  PRODUCTION  kubectl instance."), "{size:?}:\n{text}");
        assert!(text.contains("!!! WARNING !!!"), "{text}");
        let columns = if size.0 == 0 { 80 } else { usize::from(size.0) };
        let is_said = |line: &str| line.contains("sre") || line.contains("instead");
        let art = text.lines().filter(|line| line.contains(['█', '#', '═']) && !is_said(line));
        for line in art {
            assert!(line.width() <= columns, "{size:?}: {line}");
        }
        if environment.iter().any(|(name, _)| *name == "LANG") {
            assert!(text.is_ascii(), "{text}");
        }
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let place = Login::of(Instance::of("production"));
    let raw = |environment: &[(&str, &str)]| {
        let mut command = place.command(place.program(), &["banner"]);
        command.envs(environment.iter().copied());
        let mut terminal = Terminal::start(&command);
        terminal.until(0, "the end of the banner", |text| text.contains("contact"));
        String::from_utf8_lossy(&terminal.raw).into_owned()
    };
    assert!(raw(&[]).contains("\u{1b}[31;1m"), "{:?}", raw(&[]));
    for environment in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        assert!(!raw(&environment).contains('\u{1b}'), "{environment:?}");
    }
    let piped = Output::of(&mut place.command(place.program(), &["banner"])).exits(0);
    assert!(!piped.stdout.contains('\u{1b}'), "{piped}");
}

#[test]
fn names_of_all_kinds() {
    for (name, shown) in [
        ("本番", "║  本番  ║"),
        ("staging-eu-west-1-blue", "║  STAGING-EU-WEST-1-BLUE  ║"),
        ("\"rot\\\"e $(id) `id`\"", "ROT\"E $(ID) `ID`"),
    ] {
        let place = renamed("environment: develop", &format!("environment: {name}"));
        let text = on_terminal(&place, (80, 24), &[]);
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    // The configuration takes no such names; the banner says so and shows nothing
    // of them as they are.
    for name in ["''", "\"x\\u001b[2Jy\"", "\"a\\u202eb\""] {
        let place = renamed("name: develop-eks", &format!("name: {name}"));
        let text = on_terminal(&place, (80, 24), &[]);
        assert!(text.contains("! configuration: ") && text.contains("cluster.name"), "{text}");
        assert!(!text.contains('\u{202e}') && !text.contains("\u{1b}[2J"), "{text}");
    }
}

#[test]
fn failed_checks_stand_with_their_remedies() {
    // A file where the directory of the audit log should be.
    let place = renamed("banner: {", "audit: /etc/hostname\nbanner: {");
    place.instance.write("home/.kube/kuberc", "x");
    let good = crate::support::read(&place.path("kubeconfig"));
    place
        .instance
        .write("kubeconfig", &good.replace("server: ", "tls-server-name: x\n    server: "));
    place.instance.write("other", &good.replace("pinned.example", "forged.example"));
    let text =
        on_terminal(&place, (80, 24), &[("KUBECONFIG", place.path("other").to_str().unwrap())]);
    for part in [
        "! pin: the kubeconfig does not match the pin: tls-server-name is x",
        "! kubeconfig: KUBECONFIG=",
        "! shim: plain kubectl is ",
        "! preferences: kubectl preferences in ",
        "! overlays: 1 foreign overlay is on the disk",
        "! audit: the audit log cannot be written: ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let findings = text.matches("\n! ").count();
    assert_eq!(text.matches("\n  instead    ").count(), findings, "{text}");
    assert!(text.contains(&format!("export KUBECONFIG={}", place.path("kubeconfig").display())));
}

#[test]
fn further_contexts_are_named_and_observe_is_loud() {
    let place = renamed("banner: {", "policy: {mode: observe}\nbanner: {");
    let good = crate::support::read(&place.path("kubeconfig"));
    let more =
        good.replace("contexts:\n", "contexts:\n- name: prod\n  context: {cluster: c, user: u}\n");
    place.instance.write("kubeconfig", &more);
    let text = on_terminal(&place, (80, 24), &[]);
    assert!(text.contains("! contexts: the kubeconfig has further contexts: prod"), "{text}");
    let remedy = format!("--config {} setup --yes\n", place.path("config.yaml").display());
    assert!(text.contains(&remedy), "{text}");
    assert!(text.lines().any(|line| line == "*** OBSERVE ***"), "{text}");
}

#[test]
fn without_a_usable_configuration_it_says_what_to_do() {
    let place = Login::new();
    for text in ["", "nonsense", "a: [", "\0"] {
        place.instance.write("config.yaml", text);
        let shown = on_terminal(&place, (80, 24), &[]);
        assert!(shown.contains("║  BROKEN CONFIGURATION  ║"), "{shown}");
        assert!(shown.contains("\nThe configuration cannot be used: envguard does"), "{shown}");
        assert!(
            shown.contains("! configuration: ") && shown.contains("config.yaml    # correct it"),
            "{shown}"
        );
    }
    let missing = place.path("missing");
    let shown = on_terminal(&place, (80, 24), &[("ENVGUARD_CONFIG", missing.to_str().unwrap())]);
    let program = if rustix::process::geteuid().is_root() {
        "kubectl-envguard"
    } else {
        "sudo \"$(command -v kubectl-envguard)\""
    };
    assert!(shown.contains(&format!("  instead    {program} setup")), "{shown}");
    assert!(shown.contains("║  NO CONFIGURATION  ║"), "{shown}");
    assert!(shown.contains("\nThere is no configuration: envguard does not know"), "{shown}");
}

#[test]
fn the_checkout_is_shown_with_its_commit_and_upstream() {
    let place = Login::new();
    place.instance.git(&["add", "."]);
    place.instance.git(&["commit", "--quiet", "-m", "one"]);
    let origin = place.path("origin");
    place.instance.git(&["clone", "--quiet", "--bare", ".", origin.to_str().unwrap()]);
    place.instance.git(&["remote", "add", "origin", origin.to_str().unwrap()]);
    place.instance.git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    place.instance.git(&["push", "--quiet", "origin", "main"]);
    place.instance.git(&["reset", "--quiet", "--hard", "HEAD^"]);
    place.instance.git(&["fetch", "--quiet", "origin"]);
    place.instance.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
    let hash = place.instance.git(&["rev-parse", "--short", "HEAD"]);
    let top = place.instance.checkout();
    let minute = std::time::Duration::from_secs(60);
    let [Ok(commit)] = &kubectl_envguard::upstream::commits(std::slice::from_ref(&top), minute)[..]
    else {
        panic!("one checkout, one commit");
    };
    assert_eq!((commit.hash.as_str(), commit.branch.as_deref()), (hash.trim(), Some("main")));
    let upstream = commit.upstream.as_ref().unwrap().as_ref().unwrap();
    assert_eq!((upstream.name.as_str(), upstream.track.as_str()), ("origin/main", "behind 1"));
    assert!(commit.fetched.unwrap().elapsed().unwrap() < minute);
    // For the banner git has a few milliseconds: on a busy machine that is not enough,
    // and then the banner says so behind the commit.
    let text = on_terminal(&place, (80, 24), &[("GIT_CONFIG_GLOBAL", "/dev/null")]);
    let line = format!("  checkout   {}  main {} (", top.display(), hash.trim());
    let rest = text.lines().find_map(|found| found.strip_prefix(&line)).expect(&text);
    let told = "behind 1 of origin/main, as of less than a minute ago)";
    assert!([told, "upstream unknown: git did not answer in time)"].contains(&rest), "{rest}");
}

#[test]
fn the_preview_shows_all_levels_without_a_configuration() {
    let place = Login::new();
    std::fs::remove_file(place.instance.config()).unwrap();
    let output = Output::of(&mut place.command(place.program(), &["banner", "--preview"])).exits(0);
    for name in ["DEVELOP", "STAGING", "PRODUCTION"] {
        assert!(output.stdout.contains(&format!("This is  {name}  kubectl instance.")), "{output}");
    }
    assert_eq!(output.stdout.matches("!!! WARNING !!!").count(), 2, "{output}");
}

#[test]
fn the_message_of_the_day_is_plain_and_knows_no_session() {
    let place = Login::new();
    let mut command = place.command(place.program(), &["banner", "--motd"]);
    // What makes it is no operator's shell: of such a thing it says nothing.
    let other = place.instance.write("other", "clusters: []\n");
    place.instance.write("home/.kube/kuberc", "x");
    command.env("KUBECONFIG", other).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let (shown, _) = Terminal::start(&command).ends();
    shown.contains(SENTENCE).lacks("session").contains("! overlays: ");
    for row in ["! kubeconfig: ", "! shim: ", "! preferences: "] {
        shown.lacks(row);
    }
    let output = Output::of(&mut command).exits(0);
    assert!(output.stdout.is_ascii() && !output.stdout.contains('\u{1b}'), "{output}");
}

#[test]
fn nothing_goes_over_the_network_before_the_first_prompt() {
    if !super::have("strace") {
        return;
    }
    let place = Login::new();
    place.instance.git(&["add", "."]);
    place.instance.git(&["commit", "--quiet", "-m", "one"]);
    place.instance.git(&["remote", "add", "origin", "https://git.example.test/m.git"]);
    place.instance.git(&["config", "branch.main.remote", "origin"]);
    place.instance.git(&["config", "branch.main.merge", "refs/heads/main"]);
    let log = place.path("calls");
    let program = place.program();
    let calls = |words: &[&str]| {
        let trace = ["-f", "-qq", "-e", "trace=connect,sendto,socket", "-o"];
        let words = [&trace, &[log.to_str().unwrap()][..], words].concat();
        Output::of(&mut place.command(super::which("strace"), &words)).exits(0);
        crate::support::read(&log)
    };
    for words in [&[&program[..], "banner"][..], &[&program, "hook", "bash"]] {
        let seen = calls(words);
        assert!(!seen.contains("AF_INET"), "{words:?}:\n{seen}");
    }
    // The log can see it: this asks for an address.
    let seen = calls(&["bash", "-c", "(: </dev/tcp/127.0.0.1/9) 2>/dev/null || :"]);
    assert!(seen.contains("AF_INET"), "{seen}");
}
