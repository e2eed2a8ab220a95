//! Who is meant: kubectl, guarded, or one of our own commands. This happens before
//! clap, because kubectl's words belong to kubectl.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::args::OWN_COMMANDS;
use super::base_name;
use crate::run::Options;

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// A kubectl command, to be guarded.
    Kubectl {
        /// The guard's own options.
        options: Options,
        /// The words after `kubectl`.
        words: Vec<OsString>,
    },
    /// One of our own commands, for clap.
    Own {
        /// Its words, with the options before it.
        words: Vec<OsString>,
    },
    /// The guard's options are wrong.
    Usage(String),
}

/// Decides by the name we are called as, and by the words.
pub(super) fn dispatch(name: &OsStr, words: Vec<OsString>) -> Call {
    if base_name(name) != "kubectl" {
        return plugin(words);
    }
    // As kubectl finds its plugins: the plugin's name is the first word.
    if words.first().is_some_and(|word| word == "envguard") {
        return plugin(words[1..].to_vec());
    }
    Call::Kubectl { options: Options::default(), words }
}

/// `[OPTIONS] [--] KUBECTL-COMMAND…` or `[OPTIONS] OWN-COMMAND…`.
fn plugin(words: Vec<OsString>) -> Call {
    let mut options = Options::default();
    let mut rest = words.iter();
    let mut consumed = 0;
    loop {
        let Some(word) = rest.next() else { return Call::Own { words } };
        let (flag, attached) = split(word);
        let flag = flag.to_string_lossy();
        match flag.as_ref() {
            "--config" | "--confirm" | "--break-glass" => {
                consumed += if attached.is_some() { 1 } else { 2 };
                let value = attached.map(OsStr::to_os_string).or_else(|| rest.next().cloned());
                let Some(value) = value.filter(|value| !value.is_empty()) else {
                    return Call::Usage(format!("{flag} needs a value"));
                };
                let text = || value.to_string_lossy().trim().to_owned();
                match flag.as_ref() {
                    "--config" => options.config = Some(PathBuf::from(value)),
                    "--confirm" => options.confirm = Some(text()),
                    _ if text().is_empty() => {
                        return Call::Usage("--break-glass needs a reason".to_owned());
                    }
                    _ => options.break_glass = Some(text()),
                }
            }
            "--full" if attached.is_none() => {
                consumed += 1;
                options.full = true;
            }
            // After `--` it is always kubectl that is meant.
            "--" => return Call::Kubectl { options, words: words[consumed + 1..].to_vec() },
            "-h" | "--help" | "-V" | "--version" => return Call::Own { words },
            command if OWN_COMMANDS.contains(&command) => return Call::Own { words },
            _ => return Call::Kubectl { options, words: words[consumed..].to_vec() },
        }
    }
}

/// `--flag=value` in its two parts; every other word as it is.
fn split(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) if bytes.starts_with(b"--") => {
            (OsStr::from_bytes(&bytes[..at]), Some(OsStr::from_bytes(&bytes[at + 1..])))
        }
        _ => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, words: &[&str]) -> Call {
        dispatch(OsStr::new(name), words.iter().map(OsString::from).collect())
    }

    fn kubectl(words: &[&str]) -> Call {
        Call::Kubectl {
            options: Options::default(),
            words: words.iter().map(OsString::from).collect(),
        }
    }

    fn own(words: &[&str]) -> Call {
        Call::Own { words: words.iter().map(OsString::from).collect() }
    }

    #[test]
    fn names_and_words_say_who_is_meant() {
        assert_eq!(call("kubectl", &["apply", "-k", "x"]), kubectl(&["apply", "-k", "x"]));
        assert_eq!(call("/usr/local/bin/kubectl", &["check"]), kubectl(&["check"]));
        assert_eq!(call("kubectl", &["envguard", "check"]), own(&["check"]));
        assert_eq!(
            call("kubectl", &["-n", "envguard", "get"]),
            kubectl(&["-n", "envguard", "get"])
        );
        assert_eq!(call("kubectl-envguard", &["apply"]), kubectl(&["apply"]));
        assert_eq!(call("kubectl-envguard", &["--", "check"]), kubectl(&["check"]));
        assert_eq!(call("kubectl-envguard", &["why", "x"]), own(&["why", "x"]));
        assert_eq!(call("kubectl-envguard", &[]), own(&[]));
        assert_eq!(call("kubectl-envguard", &["--help"]), own(&["--help"]));
        assert_eq!(call("kubectl-envguard", &["-n", "x", "get"]), kubectl(&["-n", "x", "get"]));
    }

    #[test]
    fn options_stand_before_the_kubectl_command() {
        let options = Options {
            config: Some("c.yaml".into()),
            confirm: Some("dev".into()),
            ..Options::default()
        };
        for words in [
            &["--config", "c.yaml", "--confirm", "dev", "get", "po"][..],
            &["--config=c.yaml", "--confirm=dev", "get", "po"],
            &["--config=c.yaml", "--confirm", "dev", "--", "get", "po"],
        ] {
            let Call::Kubectl { options: found, words } = call("kubectl-envguard", words) else {
                panic!("{words:?}");
            };
            assert_eq!(found, options);
            assert_eq!(words, ["get", "po"]);
        }
        for words in [&["--confirm"][..], &["--config=", "get"], &["--confirm", "", "get"]] {
            assert!(matches!(call("kubectl-envguard", words), Call::Usage(_)), "{words:?}");
        }
        let Call::Kubectl { options, words } =
            call("kubectl", &["envguard", "--full", "--confirm", "dev", "apply", "--full"])
        else {
            panic!("a kubectl command");
        };
        assert!(options.full && words == ["apply", "--full"]);
        // A file's name need not be UTF-8.
        let named = OsStr::from_bytes(b"--config=/\xff").to_os_string();
        let Call::Kubectl { options, .. } =
            dispatch(OsStr::new("kubectl-envguard"), vec![named, "get".into()])
        else {
            panic!("a kubectl command");
        };
        assert_eq!(options.config, Some(PathBuf::from(OsStr::from_bytes(b"/\xff"))));
        // The shim has no options of its own: everything is kubectl's.
        assert_eq!(call("kubectl", &["--confirm", "x"]), kubectl(&["--confirm", "x"]));
    }
}
