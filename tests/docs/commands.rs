//! What the pages tell people to type is typed here, by a reader who goes through each
//! page from top to bottom on an instance of its own. What a page shows as the answer is
//! the answer.

use std::path::Path;

use super::{named, page, pages};
use crate::login::sources;
use crate::support::{Instance, Output, envguard, executable, kubectls, read, shim, write};

/// The lines that are not typed here, each with the reason.
const NOT_RUN: &str = "tests/docs/not_run.txt";

/// A block of commands on a page.
struct Block {
    /// `sh`, or `console`: commands behind `$`, and what they print.
    kind: String,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut is_recorded = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        // The recorded night is `dialogue::the_recorded_night`.
        is_recorded = (is_recorded || line == "<!-- night -->") && line != "<!-- end of night -->";
        let Some(kind) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
        let inside: Vec<&str> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
        if ["sh", "console"].contains(&kind) && !is_recorded {
            found.push(Block { kind: kind.to_owned(), text: inside.join("\n") });
        }
    }
    found
}

impl Block {
    /// Its commands, each with what is shown below it. A line that ends with `\` goes on.
    fn commands(&self) -> Vec<(String, String)> {
        let text = self.text.replace("\\\n", "\u{1}");
        let mut found: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let command = if self.kind == "sh" {
                Some(line).filter(|line| !line.is_empty() && !line.starts_with('#'))
            } else {
                line.strip_prefix("$ ")
            };
            if let Some(command) = command {
                found.push((command.replace('\u{1}', "\\\n"), String::new()));
            } else if let (Some((_, shown)), "console") = (found.last_mut(), self.kind.as_str()) {
                *shown += &format!("{line}\n");
            }
        }
        found
    }

    /// Those of them that are to be typed.
    fn to_type(&self, left_out: &[LeftOut]) -> Vec<(String, String)> {
        let mut commands = self.commands();
        commands.retain(|(command, _)| left_out.iter().all(|(line, _)| *line != plain(command)));
        commands
    }
}

/// A line that is not typed, and why.
type LeftOut = (String, String);

/// The lines of [`NOT_RUN`]: a command, and below it, indented, why.
fn not_run() -> Vec<LeftOut> {
    let mut found: Vec<LeftOut> = Vec::new();
    for line in page(NOT_RUN).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("    "), found.last_mut()) {
            (Some(reason), Some((_, reasons))) => *reasons += reason,
            _ => found.push((line.to_owned(), String::new())),
        }
    }
    found
}

/// The command without line breaks, and without the remark behind it.
fn plain(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "\\").collect();
    let words = words.join(" ");
    words.split(" # ").next().unwrap_or_default().to_owned()
}

/// Somebody who does what a page says.
struct Reader {
    instance: Instance,
    /// What the keeper calls what it put aside.
    item: Option<String>,
}

/// The name that pages show for what the keeper put aside.
const ITEM: &str = "20261125-152206-417";

impl Reader {
    fn of(page: &str) -> Self {
        let is_production = page == "docs/confirmation.md";
        let environment = if is_production { "production" } else { "develop" };
        let mut instance = Instance::of(environment);
        if page == "docs/rollout.md" {
            instance = instance.rules("policy: {mode: observe}");
        }
        for overlay in [environment, "staging"] {
            let file = format!("m/overlays/{overlay}/kustomization.yaml");
            instance.write(&file, "bases: [../../base]\n");
        }
        instance.write("m/.gitignore", "*.tmp\n");
        instance.commit();
        if page == "docs/keeper.md" {
            instance.write("m/overlays/prod/extra.yaml", "# mine\n");
        } else if page != "docs/rollout.md" {
            // As after tidy.
            for foreign in ["develop", "prod", "staging"].iter().filter(|it| **it != environment) {
                let overlay = instance.path(&format!("m/overlays/{foreign}"));
                std::fs::remove_dir_all(overlay).unwrap();
            }
        }
        instance.write("home/new.yaml", &instance.config_text());
        instance.link(shim().to_str().unwrap(), "shims/kubectl");
        instance.link(envguard().to_str().unwrap(), "shims/kubectl-envguard");
        instance.program("bin/sudo", "#!/bin/sh\nexec \"$@\"\n");
        // Of kubectl itself only what it says about a kubeconfig is wanted here.
        let real = kubectls().pop().map(|kubectl| kubectl.path.display().to_string());
        let real = real.unwrap_or_else(|| "true".to_owned());
        let script = format!("#!/bin/sh\n[ \"$1\" = config ] || exit 0\nexec {real} \"$@\"\n");
        write(&instance.path("kubectl.sh"), &script);
        executable(&instance.path("kubectl.sh"));
        instance.program("bin/kubectl", &script);
        Self { instance, item: None }
    }

    /// The places that pages speak of, as they are here.
    fn places(&self) -> [(&'static str, String); 5] {
        let place = |relative: &str| self.instance.path(relative).display().to_string();
        [
            ("/srv/manifests", place("m")),
            ("/home/alice", place("home")),
            ("/etc/envguard/", format!("{}/", place("").trim_end_matches('/'))),
            ("/usr/bin/kubectl-envguard", envguard().display().to_string()),
            ("/usr/bin/kubectl", place("bin/kubectl")),
        ]
    }

    fn types(&mut self, script: &str) -> Output {
        let mut script = script.to_owned();
        for (shown, here) in self.places() {
            script = script.replace(shown, &here);
        }
        script = script.replace(ITEM, self.item.as_deref().unwrap_or(ITEM));
        let mut command = self.instance.command("/bin/bash".as_ref());
        let dirs = ["shims", "bin"].map(|dir| self.instance.path(dir).display().to_string());
        command
            .args(["-e", "-c", &script])
            .env("PATH", format!("{}:/usr/bin:/bin", dirs.join(":")));
        command.env("LANG", "C.UTF-8").env("TARGET_ENVIRONMENT", "production");
        let output = Output::of(&mut command);
        let is_item = |word: &&str| {
            let parts: Vec<&str> = word.split('-').collect();
            matches!(parts[..], [day, time, _] if day.len() == 8 && time.len() == 6)
                && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        };
        let all = format!("{} {}", output.stdout, output.stderr);
        if let Some(item) = all.split_whitespace().find(is_item) {
            self.item = Some(item.to_owned());
        }
        output
    }

    /// What was printed, as it stands on pages: their places, their names.
    fn settled(&self, output: &Output) -> String {
        let mut text = format!("{}{}", output.stdout, output.stderr);
        for (shown, here) in self.places().into_iter().filter(|(shown, _)| !shown.contains("/usr"))
        {
            text = text.replace(&here, shown);
        }
        if let Some(item) = &self.item {
            text = text.replace(item, ITEM);
        }
        let me = Output::of(std::process::Command::new("id").arg("-un")).exits(0).stdout;
        text = text.replace(&format!("by       {}", me.trim()), "by       alice");
        let lines = text.lines().map(|line| match line.split_once(", put aside ") {
            Some((files, _)) => {
                format!("{files}, put aside 2026-11-25T15:22:06Z at 6bf06c618 by alice\n")
            }
            None => format!("{line}\n"),
        });
        lines.collect()
    }
}

/// Whether the text is as shown, where `...` stands for any lines.
fn is_as_shown(text: &str, shown: &str) -> bool {
    let mut rest = text;
    let mut parts = shown.split("...\n");
    let Some(after) = rest.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    rest = after;
    let mut has_gap = false;
    for part in parts {
        has_gap = true;
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || (has_gap && shown.ends_with("...\n"))
}

/// Does what the block says; what was not as it should be.
fn follow(reader: &mut Reader, block: &Block, left_out: &[LeftOut]) -> Vec<String> {
    let commands = block.to_type(left_out);
    let mut wrong = Vec::new();
    if block.kind == "sh" {
        let lines = commands.iter().map(|(command, _)| {
            match command.starts_with("kubectl envguard status") {
                // Something is always left to do on a scratch instance.
                true => format!("{command} || [ $? = 1 ]\n"),
                false => format!("{command}\n"),
            }
        });
        let script: String = lines.collect();
        let output = reader.types(&script);
        if output.code != Some(0) {
            wrong.push(format!("{script}{output}"));
        }
        return wrong;
    }
    for (command, shown) in commands {
        let output = reader.types(&command);
        let code = if shown.contains("envguard: refused") { 77 } else { 0 };
        let text = reader.settled(&output);
        if output.code != Some(code) || !is_as_shown(&text, &shown) {
            wrong.push(format!("$ {command}\n{text}[exit {:?}], not\n{shown}", output.code));
        }
    }
    wrong
}

/// The pages that this reader reads; `deploy/` and releases have tests of their own.
fn read_pages() -> Vec<String> {
    let all = pages().into_iter();
    all.filter(|name| !name.starts_with("deploy/") && name != "docs/releasing.md").collect()
}

#[test]
fn what_the_pages_tell_to_type_works_as_shown() {
    let left_out = not_run();
    let mut wrong = Vec::new();
    for name in read_pages() {
        let mut blocks = blocks(&page(&name));
        blocks.retain(|block| !block.to_type(&left_out).is_empty());
        if blocks.is_empty() {
            continue;
        }
        let mut reader = Reader::of(&name);
        for block in &blocks {
            let found = follow(&mut reader, block, &left_out);
            wrong.extend(found.into_iter().map(|what| format!("--- {name}\n{what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_typed_is_shown_somewhere_and_has_a_reason() {
    let mut shown = Vec::new();
    for name in read_pages() {
        for block in blocks(&page(&name)) {
            shown.extend(block.commands().into_iter().map(|(command, _)| plain(&command)));
        }
    }
    for (line, reason) in not_run() {
        assert!(shown.contains(&line), "no page shows: {line}");
        assert!(!reason.is_empty(), "{line}: why?");
    }
    named::are_tests(NOT_RUN);
}

#[test]
fn the_fingerprint_of_the_docs_is_the_pin() {
    if kubectls().is_empty() {
        return;
    }
    let page = page("docs/configuration.md");
    let block = blocks(&page).into_iter().find(|block| block.text.contains("sha256sum")).unwrap();
    let mut reader = Reader::of("docs/configuration.md");
    let hash = reader.types(&block.text).exits(0).stdout;
    assert!(reader.instance.config_text().contains(&hash[..64]), "{hash}");
}

/// Our own commands in running text: they exist, and so do their options.
#[test]
fn commands_in_the_text_exist() {
    let line = kubectl_envguard::cli::command_line();
    let options = |command: &clap::Command| -> Vec<String> {
        let longs = command.get_arguments().filter_map(|argument| argument.get_long());
        longs.map(|long| format!("--{long}")).collect()
    };
    let mut seen = 0;
    for name in pages() {
        let text = page(&name);
        let spans = text.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| !span.contains('\n')) {
            let Some(words) =
                span.split_once("kubectl envguard ").or(span.split_once("kubectl-envguard "))
            else {
                continue;
            };
            let mut words = words.1.split_whitespace().take_while(|word| *word != "--");
            let Some(own) = words.clone().find(|word| !word.starts_with('-')) else { continue };
            let Some(command) = line.find_subcommand(own) else { continue };
            seen += 1;
            let known = [options(&line), options(command)].concat();
            let unknown = words.find(|word| {
                let long = word.split('=').next().unwrap_or_default();
                long.starts_with("--") && !known.iter().any(|option| option == long)
            });
            assert_eq!(unknown, None, "{name}: `{span}`");
        }
    }
    assert!(seen > 20, "{seen} commands were found in the text");
}

#[test]
fn a_page_that_is_not_true_is_seen() {
    let text = "```console\n$ echo a\nb\n...\n$ exit 3\n```\n```sh\ntrue\nfalse\n```\n";
    let mut reader = Reader::of("docs/operators.md");
    let wrong: Vec<String> =
        blocks(text).iter().flat_map(|block| follow(&mut reader, block, &[])).collect();
    assert_eq!(wrong.len(), 3, "{wrong:#?}");
    assert!(is_as_shown("a\nb\nc\n", "a\n...\n") && is_as_shown("a\nb\nc\n", "a\n...\nc\n"));
    assert!(!is_as_shown("a\nb\n", "a\n") && !is_as_shown("a\nb\nc\n", "a\n...\nd\n"));
    assert!(
        Path::new(&sources()).join(NOT_RUN).exists() && !read(&sources().join(NOT_RUN)).is_empty()
    );
}
