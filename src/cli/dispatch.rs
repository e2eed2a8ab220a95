//! Who is meant: kubectl, guarded, or one of our own commands. This happens before
//! clap, because kubectl's words belong to kubectl.

use std::ffi::{OsStr, OsString};
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
        let text = word.to_string_lossy();
        let (flag, attached) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(OsString::from(value))),
            _ => (text.as_ref(), None),
        };
        match flag {
            "--config" | "--confirm" => {
                consumed += if attached.is_some() { 1 } else { 2 };
                let Some(value) = attached.or_else(|| rest.next().cloned()) else {
                    return Call::Usage(format!("{flag} needs a value"));
                };
                if flag == "--config" {
                    options.config = Some(PathBuf::from(value));
                } else {
                    options.confirm = Some(value.to_string_lossy().into_owned());
                }
            }
            // After `--` it is always kubectl that is meant.
            "--" => return Call::Kubectl { options, words: words[consumed + 1..].to_vec() },
            "-h" | "--help" | "-V" | "--version" => return Call::Own { words },
            command if OWN_COMMANDS.contains(&command) => return Call::Own { words },
            _ => return Call::Kubectl { options, words: words[consumed..].to_vec() },
        }
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
        let options = Options { config: Some("c.yaml".into()), confirm: Some("dev".into()) };
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
        assert!(matches!(call("kubectl-envguard", &["--confirm"]), Call::Usage(_)));
        // The shim has no options of its own: everything is kubectl's.
        assert_eq!(call("kubectl", &["--confirm", "x"]), kubectl(&["--confirm", "x"]));
    }
}
