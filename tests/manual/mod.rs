//! The manual pages and the table of fields in `docs/configuration.md` are made
//! from what the program itself is made from. `ENVGUARD_TEST_BLESS=1 cargo test
//! manual::` writes them anew.

mod schema;

use std::path::PathBuf;
use std::process::Command;

use crate::login::sources;
use crate::support::{Instance, Output, read, write};

/// A file of this repository is as it should be.
#[track_caller]
fn is_current(file: &str, text: &str) {
    let path: PathBuf = sources().join(file);
    if std::env::var_os("ENVGUARD_TEST_BLESS").is_some() {
        write(&path, text);
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (now, then)) in text.lines().zip(found.lines()).enumerate() {
        assert_eq!(now, then, "line {} of {file}", number + 1);
    }
    assert_eq!(text.len(), found.len(), "{file} has another length");
}

#[test]
fn the_page_of_the_program_is_current() {
    is_current("man/kubectl-envguard.1", &program_page());
}

#[test]
fn the_page_of_the_configuration_is_current() {
    is_current("man/envguard-config.5", &configuration_page());
}

#[test]
fn the_table_of_the_configuration_is_current() {
    let file = "docs/configuration.md";
    let text = read(&sources().join(file));
    let (head, rest) = text.split_once("<!-- fields -->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- end of fields -->\n").unwrap();
    let rows: String = schema::fields().iter().map(row).collect();
    let table = format!("\n| field | what may stand there | meaning |\n|---|---|---|\n{rows}\n");
    is_current(file, &format!("{head}<!-- fields -->\n{table}<!-- end of fields -->\n{tail}"));
}

fn row(field: &schema::Field) -> String {
    let needed = if field.needed { "; needed" } else { "" };
    format!("| `{}` | {}{needed} | {} |\n", field.name, field.values, field.text)
}

#[test]
fn every_field_that_the_program_knows_is_described() {
    let instance = Instance::new();
    let described = schema::fields();
    // The program names the fields that it expects when it meets another one.
    for (place, inserted) in [
        ("", "\nzzz: 1\n"),
        ("cluster.", "\ncluster:\n  zzz: 1\n"),
        ("cluster.exec.", "\ncluster:\n  exec: {zzz: 1}\n"),
        ("instance.", "\ninstance: {zzz: 1}\n"),
        ("checkouts[].", "\ncheckouts:\n  - zzz: 1\n"),
        ("banner.", "\nbanner: {zzz: 1}\n"),
        ("policy.", "\npolicy: {zzz: 1}\n"),
        ("policy.plugins.", "\npolicy: {plugins: {zzz: 1}}\n"),
        ("policy.confirm.", "\npolicy: {confirm: {zzz: 1}}\n"),
    ] {
        let text = format!("apiVersion: envguard/v1alpha1\nkind: Instance{inserted}");
        instance.write("config.yaml", &text);
        let said = instance.envguard(&["apply", "-k", "x"]).exits(78).stderr.replace("\n  ", " ");
        let said: Vec<&str> = said.split_whitespace().collect();
        let said = said.join(" ");
        let (_, expected) = said
            .split_once("unknown field `zzz`, expected")
            .unwrap_or_else(|| panic!("{place}: {said}"));
        let expected = expected.split(" at line").next().unwrap();
        let mut known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        known.retain(|name| !name.contains(' ') && !name.contains('/'));
        let mut found: Vec<&str> = described
            .iter()
            .filter_map(|field| field.name.strip_prefix(place))
            .filter(|rest| !rest.contains('.'))
            .collect();
        known.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, known, "{place}: {said}");
    }
}

#[test]
fn the_examples_are_configurations() {
    let instance = Instance::new();
    for file in ["man/envguard-config.5", "docs/configuration.md"] {
        let text = read(&sources().join(file));
        let begin = text.find("apiVersion: envguard/v1alpha1").unwrap();
        let example = text[begin..].split("```").next().unwrap().split(".fi").next().unwrap();
        let example = example.replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'");
        instance.write("config.yaml", &example);
        let output = instance.envguard(&["check", "-o", "json", "--", "get", "po"]);
        let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(document["environment"], "develop", "{file}: {output}");
    }
}

#[test]
fn man_reads_the_pages_without_a_complaint() {
    if crate::support::lacks("man", "reads the manual pages") {
        return;
    }
    for page in ["man/kubectl-envguard.1", "man/envguard-config.5"] {
        let mut command = Command::new("man");
        command.args(["--warnings", "--local-file"]).arg(sources().join(page));
        command.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").env("MANPAGER", "cat");
        let output = Output::of(&mut command).exits(0);
        assert_eq!(output.stderr, "", "{page}");
        // Each section has come out; a macro that is not understood eats text.
        for heading in
            read(&sources().join(page)).lines().filter_map(|line| line.strip_prefix(".SH "))
        {
            assert!(output.stdout.contains(heading.trim_matches('"')), "{heading}: {output}");
        }
    }
}

/// Text in roff: nothing in it is a request, and `code` is bold.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    let mut out = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place > 0 {
            out.push_str(if place % 2 == 1 { "\\fB" } else { "\\fR" });
        }
        out.push_str(part);
    }
    let lines = out.lines().map(|line| match line.starts_with('.') {
        true => format!("\\&{line}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

/// Lines as they stand.
fn verbatim(text: &str) -> String {
    format!(".nf\n{}.fi\n", roff(text.trim_end()))
}

fn program_page() -> String {
    let mut command = kubectl_envguard::cli::command_line();
    // The version is in the heading.
    command = command.disable_version_flag(true).disable_help_flag(true);
    let mut page = format!(
        ".TH kubectl\\-envguard 1 \"\" \"kubectl\\-envguard {}\" \"kubectl\\-envguard\"\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(include_str!("head.1"));
    page.push_str(".SH OPTIONS\nThey stand before the kubectl command.\n");
    page.push_str(&options(command.clone()));
    page.push_str(".SH COMMANDS\n");
    page.push_str("None is called like a command of kubectl; after `\\-\\-` it is always kubectl\\(aqs that is meant.\n".replace('`', "").as_str());
    for own in command.get_subcommands() {
        page.push_str(&of_command(own.clone()));
    }
    page.push_str(include_str!("tail.1"));
    page
}

/// One of our commands: how it is called, what it does, its options, an example.
fn of_command(command: clap::Command) -> String {
    let mut usage = command.clone().bin_name(command.get_name()).disable_help_flag(true);
    let usage = usage.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // What a help has no room for is on this page.
    let after = after.split("\n\nMore (man kubectl-envguard)").next().unwrap_or_default();
    let options = options(command.disable_help_flag(true));
    let after = if after.is_empty() { String::new() } else { format!(".PP\n{}", verbatim(after)) };
    let about = roff(&about);
    let about = about.trim_end();
    format!(".SS {}{about}.\n{options}{after}", roff(usage))
}

/// The options of a command, as clap_mangen writes them: those that its help only names, too.
fn options(command: clap::Command) -> String {
    let command = command.mut_args(|argument| {
        let is_hidden = argument.is_hide_set() || argument.get_id() == "help";
        argument.hide_short_help(false).hide(is_hidden)
    });
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render_options_section(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().filter(|line| *line != ".SH OPTIONS").map(|line| format!("{line}\n")).collect()
}

fn configuration_page() -> String {
    let mut page = format!(
        ".TH envguard\\-config 5 \"\" \"kubectl\\-envguard {}\" \"kubectl\\-envguard\"\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(include_str!("head.5"));
    page.push_str(".SH FIELDS\n");
    for field in schema::fields() {
        let needed = if field.needed { ", needed" } else { "" };
        let head = format!("`{}`  ({}{needed})", field.name, field.values);
        page.push_str(&format!(".TP\n{}{}", roff(&head), roff(&field.text)));
    }
    page.push_str(".SH EXAMPLE\n");
    page.push_str(&verbatim(include_str!("example.yaml")));
    page.push_str(include_str!("tail.5"));
    page
}
