//! Words that choose another cluster, where nobody parses them: completion callbacks,
//! lines that are not understood, and plugins, which have parsers of their own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::grammar::letter_may_stand_alone;
use super::request::CLUSTER_FLAGS;

/// What plugins that are no kubectl call `--context`.
const CONTEXT: [&str; 2] = ["--context", "--kube-context"];

/// Flags with which kubectl opens a file even for a completion callback: the profile
/// after it (kubectl 1.20–1.33), the cache and the log on the way, and whom it is.
const OPENING: [&str; 6] =
    ["cache-dir", "client-certificate", "client-key", "log-dir", "log-file", "profile-output"];

/// Whether the words of a completion callback could have kubectl open what they say.
/// `debug` has a `--profile` of its own.
#[must_use]
pub fn could_open_files(words: &[OsString]) -> bool {
    let debugs = words.iter().any(|word| word == "debug");
    words.iter().any(|word| {
        let text = long_form(word);
        let flag = name(&text).strip_prefix("--");
        flag.is_some_and(|flag| OPENING.contains(&flag) || (flag == "profile" && !debugs))
    })
}

/// Whether words that may not parse choose another cluster: those of a completion
/// callback, whose last one is unfinished, and those that nobody understands. What
/// could be such a flag counts as one.
#[must_use]
pub fn could_leave_pin(words: &[OsString]) -> bool {
    words.iter().any(|word| {
        let text = long_form(word);
        let names_cluster = name(&text)
            .strip_prefix("--")
            .is_some_and(|name| CLUSTER_FLAGS.contains(&name) || name == "kuberc");
        names_cluster || behind_s(&text).is_some()
    })
}

/// The words of a plugin that look like a choice of another cluster than that of
/// `context`, the one context it is given. `-s` is `--server` for those that are made
/// like kubectl, and `--since`, `--sort` or no flag at all for others: there its value
/// decides.
pub fn leading_a_plugin_elsewhere<'w>(
    words: &'w [OsString],
    context: Option<&'w str>,
) -> impl Iterator<Item = &'w OsStr> {
    let value = move |text: &str, at: usize| match text.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => words.get(at + 1).map(|next| next.to_string_lossy().into_owned()),
    };
    let leads = move |at: usize, word: &OsString| {
        let text = long_form(word);
        let flag = name(&text);
        if CONTEXT.contains(&flag) {
            return context.is_none() || value(&text, at).as_deref() != context;
        }
        if flag.strip_prefix("--").is_some_and(|flag| CLUSTER_FLAGS.contains(&flag)) {
            return true;
        }
        if flag == "-s" {
            return value(&text, at).is_some_and(|server| !is_no_server(&server));
        }
        let behind = behind_s(&text);
        behind.is_some_and(|attached| match attached.strip_prefix('=').unwrap_or(attached) {
            "" => value(&text, at).is_some_and(|server| is_server(&server)),
            attached => is_server(attached),
        })
    };
    let found = words.iter().enumerate().filter(move |(at, word)| leads(*at, word));
    found.map(|(_, word)| word.as_os_str())
}

/// With dashes for underscores in its name, as kubectl takes them.
fn long_form(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    match text.split_once('=') {
        Some((name, value)) => format!("{}={value}", name.replace('_', "-")),
        None if word.as_bytes().starts_with(b"--") => text.replace('_', "-"),
        None => text.into_owned(),
    }
}

fn name(text: &str) -> &str {
    text.split('=').next().unwrap_or_default()
}

/// What follows the letter `s` in a row of letters. Behind a letter that always takes a
/// value (`-nstaging`) it is part of the value.
fn behind_s(text: &str) -> Option<&str> {
    let letters = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
    let (before, after) = letters.split_once('s')?;
    before.bytes().all(letter_may_stand_alone).then_some(after)
}

/// `https://host`, `host:6443`, `10.0.0.1`, `api.example.com`.
fn is_server(text: &str) -> bool {
    let is_host = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    let has_port = |text: &str| {
        text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_bracketed = host.starts_with('[') && host.ends_with(']');
            (is_host(host) || is_bracketed) && port.parse::<u16>().is_ok()
        })
    };
    text.contains("://") || has_port(text) || (is_host(text) && text.contains('.'))
}

/// A number, a duration, or another flag.
fn is_no_server(text: &str) -> bool {
    let is_amount = text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"smhdwnu".contains(&byte));
    is_amount || text.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_callback_could_open() {
        let opens =
            |line: &str| could_open_files(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in [
            "get pods --profile=heap ",
            "get --profile heap po",
            "get --cache-dir=x ",
            "get --cache_dir x ",
            "debug x --profile=general --profile-output=y ",
            "--log-file=x get ",
            "--log_dir=x get ",
            "get --client-certificate x ",
        ] {
            assert!(opens(line), "{line}");
        }
        for line in
            ["get pods ", "debug node/x --profile=sysadmin --ima", "get profile ", "get --prof"]
        {
            assert!(!opens(line), "{line}");
        }
    }

    fn leading(line: &str) -> Vec<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        leading_a_plugin_elsewhere(&words, Some("pinned"))
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_plugin_is_led_elsewhere() {
        for (line, word) in [
            ("x --context other", "--context"),
            ("x --context=other", "--context=other"),
            ("x --kube-context other", "--kube-context"),
            ("--context", "--context"),
            ("x --kubeconfig /x", "--kubeconfig"),
            ("x --kubeconfig=/x", "--kubeconfig=/x"),
            ("x --cluster pinned", "--cluster"),
            ("x --insecure_skip_tls_verify", "--insecure_skip_tls_verify"),
            ("x --server h", "--server"),
            ("x -s h", "-s"),
            ("x -s=h", "-s=h"),
            ("x -s https://h", "-s"),
            ("x -shttps://h", "-shttps://h"),
            ("x -s=https://h", "-s=https://h"),
            ("x -sh:6443", "-sh:6443"),
            ("x -s[::1]:6443", "-s[::1]:6443"),
            ("x -s10.0.0.1", "-s10.0.0.1"),
            ("x -sapi.example.test", "-sapi.example.test"),
            ("x -Ashttps://h", "-Ashttps://h"),
            ("x -As https://h", "-As"),
            ("x -As h:443", "-As"),
        ] {
            assert_eq!(leading(line), [word], "{line}");
        }
    }

    #[test]
    fn a_plugin_stays() {
        for line in [
            "x --context pinned",
            "x --context=pinned",
            "x --kube-context pinned",
            "x -s 5m",
            "x -s 1h30m",
            "x -s 100",
            "x -s --namespace web",
            "x -s",
            "x -so wide",
            "x -since=5m",
            "x -sort-by=.metadata.name",
            "x -As 5m",
            "x -nstaging",
            "x --since 5m",
            "x --context-lines 3",
            "x --server-side",
            "x ssh://h",
        ] {
            assert_eq!(leading(line), [""; 0], "{line}");
        }
    }
}
