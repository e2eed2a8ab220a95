//! `banner`, `prompt` and `hook`: what an operator sees at login.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::args::{BannerArguments, HookArguments, HookShell, PromptArguments, PromptShell};
use super::print;
use crate::banner::{self, Facts, Who};
use crate::colour::Look;
use crate::config::Loaded;
use crate::env::{Env, this_program};
use crate::exit::Exit;
use crate::health::{self, Depth, Finding, Situation};
use crate::hook::{self, Hook, State};
use crate::level::Level;
use crate::policy::{Policy, Unusable};
use crate::prompt::{self, Parts, Shell, Word};
use crate::text::rough;
use crate::upstream::{self, Commit, Upstream};
use crate::{config, kubeconfig, machine, notices, runtime, session};

/// How long git may take to answer for a banner.
const GIT: Duration = Duration::from_millis(12);

/// Prints the banner, or the banners of all levels.
pub(super) fn banner(arguments: &BannerArguments, named: Option<&Path>, env: &Env) -> Exit {
    let look =
        if arguments.motd { Look::PLAIN } else { look(env, std::io::stdout().is_terminal()) };
    if arguments.preview {
        let examples = [
            ("develop", Level::Normal),
            ("staging", Level::Caution),
            ("production", Level::Critical),
        ];
        let banners = examples.map(|(name, level)| banner::render(&example(name, level), look));
        return print(&banners.concat());
    }
    let depth = if arguments.motd { Depth::Machine } else { Depth::Login };
    let situation = Situation::look(env, named, depth);
    let mut facts = facts(&situation, depth);
    if !arguments.motd {
        let id = session::current().unwrap_or_else(|| "unknown".to_owned());
        facts.facts.insert(3.min(facts.facts.len()), ("session", id));
    }
    print(&banner::render(&facts, look))
}

fn example(name: &str, level: Level) -> Facts {
    Facts {
        who: Who::Known(name.to_uppercase(), level),
        lines: vec![format!("Level {level}.")],
        facts: vec![("cluster", format!("{name}-eks"))],
        ..Facts::default()
    }
}

fn facts(situation: &Situation, depth: Depth) -> Facts {
    let policy = situation.policy();
    let checks = situation.checks(depth);
    let is_loud = |word: &Word| matches!(word, Word::Observe | Word::ClonedInstance);
    let failing = checks.iter().filter(|check| matches!(check.finding, Finding::Failed { .. }));
    let loud: BTreeSet<Word> = failing.filter_map(|check| check.word).filter(is_loud).collect();
    let failed = checks.into_iter().filter_map(|check| {
        let Finding::Failed { what, remedy } = check.finding else { return None };
        Some((check.name.to_owned(), what, remedy))
    });
    let who = match (policy, &situation.loaded) {
        (Some(policy), _) => Who::Known(policy.display_name(), policy.environment.level),
        (None, Err(Unusable::Invalid { .. })) => Who::Broken,
        (None, _) => Who::Unconfigured,
    };
    Facts {
        who,
        loud: loud.into_iter().map(|word| word.text().to_owned()).collect(),
        lines: policy.map(|policy| policy.banner_lines.clone()).unwrap_or_default(),
        facts: labelled(situation, policy),
        failed: failed.collect(),
    }
}

fn labelled(situation: &Situation, policy: Option<&Policy>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(policy) = policy {
        facts.push(("cluster", cluster_name(policy).unwrap_or("(no name)").to_owned()));
        facts.push(("server", policy.pin.server.to_string()));
    }
    facts.push(("instance", machine::described()));
    let tops: Vec<PathBuf> =
        situation.territory.checkouts.iter().map(|checkout| checkout.top.clone()).collect();
    for (top, commit) in tops.iter().zip(upstream::commits(&tops, GIT)) {
        facts.push(("checkout", format!("{}  {}", top.display(), described(commit))));
    }
    if let Some(contact) = policy.and_then(|policy| policy.contact.clone()) {
        facts.push(("contact", contact));
    }
    facts
}

pub(super) fn cluster_name(policy: &Policy) -> Option<&str> {
    Some(policy.pin.name.trim()).filter(|name| !name.is_empty())
}

fn described(commit: anyhow::Result<Commit>) -> String {
    let commit = match commit {
        Ok(commit) => commit,
        Err(why) => return format!("commit unknown: {why:#}"),
    };
    let branch = commit.branch.as_deref().unwrap_or("(detached)");
    let as_of = match commit.fetched.map(|at| SystemTime::now().duration_since(at)) {
        Some(Ok(age)) => format!("as of {} ago", rough(age)),
        _ => "never fetched here".to_owned(),
    };
    let standing = match &commit.upstream {
        Err(why) => format!("upstream unknown: {why:#}"),
        Ok(None) => "no upstream".to_owned(),
        Ok(Some(Upstream { name, track })) => match track.as_str() {
            "" => format!("equal to {name}, {as_of}"),
            "gone" => format!("its upstream {name} is gone"),
            track => format!("{track} of {name}, {as_of}"),
        },
    };
    format!("{branch} {} ({standing})", commit.hash)
}

/// Prints the prompt segment.
pub(super) fn prompt(arguments: &PromptArguments, named: Option<&Path>, env: &Env) -> Exit {
    let shell = match arguments.shell {
        PromptShell::Bash => Shell::Bash,
        PromptShell::Zsh => Shell::Zsh,
        PromptShell::Fish => Shell::Fish,
        PromptShell::Plain => Shell::Plain,
    };
    let situation = Situation::look(env, named, Depth::Prompt);
    let words = situation.words();
    let Parts { mut head, unguarded, tail } = segment(&situation, &words, shell, look(env, true));
    if words.contains(&Word::Unguarded) {
        head.push_str(&unguarded);
    }
    if let Some(namespace) = env.get("ENVGUARD_NAMESPACE") {
        let valid = namespace.to_str().filter(|name| crate::exec::is_namespace(name));
        head.push_str(&format!(" ns={}", valid.unwrap_or("?")));
    }
    print(&format!("{head}{}", if shell == Shell::Plain { "]" } else { &tail }))
}

/// Environment and cluster, for the prompt.
fn segment(situation: &Situation, words: &[Word], shell: Shell, look: Look) -> Parts {
    let (label, level) = match &situation.loaded {
        Ok(Loaded { policy, .. }) => {
            let name = policy.display_name();
            let label = match cluster_name(policy) {
                Some(cluster) => format!("{name} {cluster}"),
                None => name,
            };
            (label, policy.environment.level)
        }
        Err(Unusable::Missing { .. }) => ("NO CONFIGURATION".to_owned(), Level::Critical),
        Err(Unusable::Invalid { .. }) => ("BROKEN CONFIGURATION".to_owned(), Level::Critical),
    };
    prompt::parts(&label, level, words, shell, look)
}

/// Prints the hook, or the state that it asks for.
pub(super) fn hook(arguments: &HookArguments, named: Option<&Path>, env: &Env) -> Exit {
    let hook = match arguments.shell {
        HookShell::Bash => Hook::Bash,
        HookShell::Zsh => Hook::Zsh,
        HookShell::Fish => Hook::Fish,
        HookShell::Sh => Hook::Sh,
    };
    let again = match arguments.state.as_deref() {
        Some(protocol) if protocol != hook::PROTOCOL => return put(&hook::outdated(hook)),
        Some(_) => true,
        None => false,
    };
    let runtime = runtime::prepared(env).ok();
    let watched = hook::watched(&watched_files(env, named), runtime.as_deref());
    let situation = Situation::look(env, named, Depth::Prompt);
    let program = this_program().unwrap_or_default();
    let state = State {
        shims: health::shim_directory(&program).unwrap_or_default(),
        program,
        kubeconfig: situation
            .policy()
            .map(|policy| policy.pin.kubeconfig.clone())
            .unwrap_or_default(),
        segment: segment(&situation, &situation.words(), hook.shell(), look(env, true)),
        watched,
        notices: notices::places(env),
        say: if again { said(notices::take(env)) } else { Vec::new() },
    };
    put(&if again { hook::variables(hook, &state) } else { hook::script(hook, &state) })
}

fn said(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| format!("envguard: {word}")).collect()
}

fn put(bytes: &[u8]) -> Exit {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failure,
        _ => Exit::Success,
    }
}

/// The files whose change may change the verdict on this instance.
fn watched_files(env: &Env, named: Option<&Path>) -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from(config::SYSTEM)];
    match config::load(env, named) {
        Ok(Loaded { policy, file }) => {
            files.push(file);
            files.push(policy.pin.kubeconfig.clone());
            files.extend(kubeconfig::certificate_files(&policy.pin.kubeconfig));
        }
        Err(Unusable::Missing { looked_for }) => files.extend(looked_for),
        Err(Unusable::Invalid { file, .. }) => files.push(file),
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// What the operator's terminal can show.
pub(super) fn look(env: &Env, terminal: bool) -> Look {
    let dumb = env.get("TERM").is_none_or(|kind| kind == "dumb" || kind == "unknown");
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| size.ws_col);
    let columns = env.get("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
    // Session Manager's terminal has the size 0x0 until the client reports its own.
    let width = [usize::from(size), columns.unwrap_or(0)].into_iter().find(|width| *width > 0);
    Look {
        width: width.unwrap_or(80),
        colour: terminal && !dumb && env.get("NO_COLOR").is_none(),
        unicode: env.speaks_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_told_with_its_distance_and_the_age_of_that() {
        let hour = SystemTime::now() - Duration::from_secs(3 * 3_600 + 60);
        let follows = |track: &str| {
            Ok(Some(Upstream { name: "origin/main".to_owned(), track: track.to_owned() }))
        };
        for (branch, upstream, fetched, text) in [
            (
                Some("main"),
                follows("behind 2"),
                Some(hour),
                "main 1a2b3c4 (behind 2 of origin/main, as of 3 h ago)",
            ),
            (
                Some("main"),
                follows(""),
                None,
                "main 1a2b3c4 (equal to origin/main, never fetched here)",
            ),
            (Some("x"), follows("gone"), None, "x 1a2b3c4 (its upstream origin/main is gone)"),
            (None, Ok(None), None, "(detached) 1a2b3c4 (no upstream)"),
            (Some("x"), Err(anyhow::anyhow!("late")), None, "x 1a2b3c4 (upstream unknown: late)"),
        ] {
            let branch = branch.map(str::to_owned);
            let commit = Commit { hash: "1a2b3c4".to_owned(), branch, upstream, fetched };
            assert_eq!(described(Ok(commit)), text);
        }
        assert_eq!(described(Err(anyhow::anyhow!("no git"))), "commit unknown: no git");
    }

    #[test]
    fn the_locale_decides_about_letters() {
        for (pairs, expected) in [
            (&[("LANG", "C.UTF-8")][..], true),
            (&[("LANG", "en_US.utf8")], true),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C")], false),
            (&[], false),
        ] {
            assert_eq!(Env::from_pairs(pairs.iter().copied()).speaks_utf8(), expected, "{pairs:?}");
        }
    }
}
