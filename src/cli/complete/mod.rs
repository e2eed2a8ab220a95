//! Completions, in the protocol of cobra, which kubectl speaks: the words of a
//! command line as arguments, the last one unfinished; one candidate in a line, its
//! description behind a tab; in the last line `:` and what the shell is to do.
//!
//! kubectl asks the program [`PROGRAM`] on `PATH` for what follows `kubectl
//! envguard` (1.26 and later), and so do our own scripts in `completions/`.

mod places;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Stdio};

use clap::CommandFactory;
use clap_complete::engine;

use super::args::{CompletionShell, OWN_COMMANDS, Own};
use super::dispatch::{Call, dispatch};
use crate::config;
use crate::env::{Env, this_program};
use crate::exit::Exit;
use crate::report::Reporter;
use crate::run::{self, Options, Rules};

/// The name under which kubectl looks for what completes the plugin.
pub(super) const PROGRAM: &str = "kubectl_complete-envguard";

/// cobra's `ShellCompDirective…`: files are completed by the shell.
const DEFAULT: u32 = 0;
/// No space behind the candidate.
const NO_SPACE: u32 = 2;
/// The shell offers no files of its own.
const NO_FILES: u32 = 4;

/// The script for a shell, as it stands in `completions/`.
pub(super) const fn script(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => include_str!("../../../completions/kubectl-envguard.bash"),
        CompletionShell::Zsh => include_str!("../../../completions/_kubectl-envguard"),
        CompletionShell::Fish => include_str!("../../../completions/kubectl-envguard.fish"),
    }
}

/// What may stand for the last of the words.
struct Answer {
    /// Candidate, and behind a tab its description.
    lines: Vec<Vec<u8>>,
    directive: u32,
}

impl Answer {
    /// These and nothing else.
    fn only(words: impl IntoIterator<Item = OsString>) -> Self {
        let lines: Vec<_> = words.into_iter().map(OsString::into_vec).collect();
        let leads_on = lines.iter().any(|line| line.ends_with(b"/"));
        Self { lines, directive: if leads_on { NO_FILES | NO_SPACE } else { NO_FILES } }
    }

    /// Files, as the shell completes them.
    const fn files() -> Self {
        Self { lines: Vec::new(), directive: DEFAULT }
    }

    fn print(&self) -> Exit {
        let mut text = Vec::new();
        for line in &self.lines {
            text.extend(line);
            text.push(b'\n');
        }
        text.extend(format!(":{}\n", self.directive).bytes());
        super::written(std::io::stdout().lock().write_all(&text))
    }
}

/// Answers for `words`, which stand behind `kubectl envguard`.
pub(super) fn answer(words: &[OsString], env: &Env, reporter: Reporter) -> Exit {
    let (typed, before) = words
        .split_last()
        .map_or_else(Default::default, |(typed, before)| (typed.clone(), before.to_vec()));
    let words = [before, vec![typed.clone()]].concat();
    if let Some(answer) = value_of_option(&words, env) {
        return answer.print();
    }
    match dispatch(OsStr::new(super::exec::WHOLE), words.clone()) {
        Call::Own { words: own } => match behind_check(&own) {
            Some(kubectl) => of_kubectl(kubectl, &Options::default(), env, reporter),
            None => of_our_own(&words).print(),
        },
        Call::Kubectl { words: kubectl, options } if kubectl == [typed] => {
            let said = words.get(words.len().wrapping_sub(2)).is_some_and(|word| word == "--");
            if said {
                return of_kubectl(&kubectl, &options, env, reporter);
            }
            first_word(&words, &kubectl, &options).print()
        }
        Call::Kubectl { words: kubectl, options } => of_kubectl(&kubectl, &options, env, reporter),
        Call::Usage(_) => of_our_own(&words).print(),
    }
}

/// The answer when the last word is the value of one of the guard's options.
fn value_of_option(words: &[OsString], env: &Env) -> Option<Answer> {
    let mut at = 0;
    while words.get(at).is_some_and(|word| is_option(word)) && at + 2 < words.len() {
        at += 2;
    }
    let [option, _typed] = words.get(at..)? else { return None };
    match option.to_str()? {
        "--config" => Some(Answer::files()),
        "--break-glass" => Some(Answer::only([])),
        "--confirm" => {
            let policy = config::load(env, None).ok().map(|loaded| loaded.policy);
            let names = policy.map(|policy| [policy.environment.name, policy.pin.name]);
            let names = names.into_iter().flatten().filter(|name| !name.trim().is_empty());
            Some(Answer::only(names.map(OsString::from)))
        }
        _ => None,
    }
}

fn is_option(word: &OsStr) -> bool {
    ["--config", "--confirm", "--break-glass"].iter().any(|option| word == *option)
}

/// The kubectl command in `check … -- COMMAND`.
fn behind_check(own: &[OsString]) -> Option<&[OsString]> {
    let check = own.iter().position(|word| OWN_COMMANDS.iter().any(|name| word == *name))?;
    let dashes = own
        .iter()
        .position(|word| word == "--")
        .filter(|at| own[check] == "check" && *at > check)?;
    let kubectl = &own[dashes + 1..];
    match kubectl {
        [first, rest @ ..] if first == "kubectl" && !rest.is_empty() => Some(rest),
        [] => None,
        _ => Some(kubectl),
    }
}

/// Our commands and options, from their definitions.
fn of_our_own(words: &[OsString]) -> Answer {
    let name = OsString::from("kubectl envguard");
    let line: Vec<OsString> = std::iter::once(name).chain(words.iter().cloned()).collect();
    let last = line.len() - 1;
    let found = engine::complete(&mut Own::command(), line, last, None).unwrap_or_default();
    let typed = words.last().map_or(&b""[..], |word| word.as_bytes());
    // Of `--output=te` the shells complete what stands behind `=`.
    let prefix = typed.iter().position(|byte| *byte == b'=' && typed.starts_with(b"-"));
    let prefix = &typed[..prefix.map_or(0, |at| at + 1)];
    let line = |candidate: &engine::CompletionCandidate| {
        let value = candidate.get_value().as_bytes();
        let mut line = value.strip_prefix(prefix).unwrap_or(value).to_vec();
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        if let Some(help) = help.lines().next().filter(|help| !help.is_empty()) {
            line.extend(format!("\t{help}").bytes());
        }
        line
    };
    // As kubectl has it: options are for who has typed a dash.
    let asked = |value: &OsStr| typed.starts_with(b"-") || !value.as_bytes().starts_with(b"-");
    let found = found.iter().filter(|one| !one.is_hide_set() && asked(one.get_value()));
    let lines: Vec<_> = found.map(line).collect();
    let leads_on = lines.iter().any(|line| line.ends_with(b"/"));
    Answer { lines, directive: if leads_on { NO_FILES | NO_SPACE } else { NO_FILES } }
}

/// The first word may be one of our commands or one of kubectl's.
fn first_word(words: &[OsString], kubectl: &[OsString], options: &Options) -> Answer {
    let mut answer = of_our_own(words);
    answer.lines.extend(asked_aside(kubectl, options));
    let name = |line: &[u8]| line.split(|byte| *byte == b'\t').next().unwrap_or_default().to_vec();
    // kubectl names its plugins, and so this one.
    let mut seen = std::collections::HashSet::from([b"envguard".to_vec()]);
    answer.lines.retain(|line| seen.insert(name(line)));
    answer
}

/// kubectl's candidates, when they are not all that is wanted.
fn asked_aside(words: &[OsString], options: &Options) -> Vec<Vec<u8>> {
    let config = options.config.iter().flat_map(|file| [OsStr::new("--config"), file.as_os_str()]);
    let asked = this_program().and_then(|program| {
        Command::new(program)
            .args(config)
            .args(["--", "__complete"])
            .args(words)
            .stderr(Stdio::null())
            .output()
    });
    let Ok(asked) = asked else { return Vec::new() };
    let lines = asked.stdout.split(|byte| *byte == b'\n');
    // Help for a person who is about to type is not a candidate.
    let candidates = lines.filter(|line| {
        !line.is_empty() && !line.starts_with(b":") && !line.starts_with(b"_activeHelp_")
    });
    candidates.map(<[u8]>::to_vec).collect()
}

/// What follows in a kubectl command: places that would pass where kubectl would
/// offer all files; else what kubectl itself says.
fn of_kubectl(words: &[OsString], options: &Options, env: &Env, reporter: Reporter) -> Exit {
    let rules = if options.break_glass.is_some() { Rules::Lifted } else { Rules::InForce };
    if let Some(found) = places::that_pass(words, options.config.as_deref(), rules, env) {
        return Answer::only(found).print();
    }
    let words: Vec<OsString> =
        std::iter::once("__complete".into()).chain(words.iter().cloned()).collect();
    run::guard(&words, options, env, reporter)
}

/// Whether a directory's entry is hidden from who did not begin with a dot.
fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// A path with `/` behind it.
fn with_slash(path: &Path) -> OsString {
    let mut text = path.as_os_str().to_os_string();
    text.push("/");
    text
}
