//! Refusals of what is not understood.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::reason;
use crate::judge::facts::Trouble;
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::{Misfit, Request, could_leave_pin};
use crate::mask;
use crate::text::{quoted, shown};

pub(in crate::judge) fn command_unknown(request: &Request) -> Reason {
    let (word, program) = match request.plugin_words() {
        // `create NAME` is the only plugin whose first word is built in.
        Some([create, name, ..]) if create == "create" => {
            (format!("create {}", shown(name)), format!("kubectl-create-{}", plugin_name(name)))
        }
        Some(words) => {
            let name = words.first().map(OsString::as_os_str).unwrap_or_default();
            (shown(name), format!("kubectl-{}", plugin_name(name)))
        }
        None => return subcommand_unknown(request),
    };
    reason(
        Code::CommandUnknown,
        format!("{word} is no kubectl command, and no plugin {program} is on PATH"),
        word.clone(),
        "what is not understood is not run".to_owned(),
        "kubectl help (all commands); kubectl plugin list (all plugins)".to_owned(),
    )
}

/// kubectl looks for `kubectl-foo_bar` when the word is `foo-bar`.
fn plugin_name(word: &OsStr) -> String {
    shown(word).replace('-', "_")
}

fn subcommand_unknown(request: &Request) -> Reason {
    let command = request.invocation.command();
    let word = request.invocation.positionals.first().map(shown).unwrap_or_default();
    reason(
        Code::CommandUnknown,
        format!("kubectl {command} has no subcommand {word}"),
        word,
        "what is not understood is not run".to_owned(),
        format!("kubectl {command} --help"),
    )
}

/// A command line that no known kubectl accepts.
#[must_use]
pub fn misfit(words: &[OsString], misfit: &Misfit) -> Reason {
    let help = match words.first().filter(|word| !word.as_bytes().starts_with(b"-")) {
        Some(word) => format!("kubectl {} --help", quoted(word)),
        None if matches!(misfit, Misfit::FlagBeforePlugin(_)) => {
            "write the command first, then its flags: kubectl COMMAND FLAGS".to_owned()
        }
        None => "kubectl options".to_owned(),
    };
    let (what, offender) = match misfit {
        Misfit::UnknownFlag(word) => {
            let name = without_value(word);
            (format!("{name} is a flag that no known kubectl has here"), name)
        }
        Misfit::MissingValue(word) => (format!("{} needs a value", shown(word)), shown(word)),
        Misfit::BadSyntax(word) => {
            let word = mask::logged(&[word]).concat();
            (format!("{word} is not a flag"), word)
        }
        Misfit::FlagBeforePlugin(word) => {
            let name = without_value(word);
            (format!("{name} stands before the command's name"), name)
        }
    };
    let reason = reason(
        Code::FlagUnknown,
        what,
        offender,
        "what is not understood is not run: the flag could name a file or a cluster".to_owned(),
        help,
    );
    // In observe mode it runs all the same, but never to another cluster.
    Reason { binding: could_leave_pin(words), ..reason }
}

/// Letters of the longest group of flags without values: behind more of them a value may be
/// attached, as in `-pSECRET`.
const MOST_LETTERS: usize = 3;

/// What `--pasword=…` was given is nobody's business, nor what is attached to a letter.
fn without_value(flag: &OsStr) -> String {
    let flag = shown(flag);
    if flag.starts_with("--") {
        let name = flag.split('=').next().unwrap_or_default();
        return mask::logged(&[name]).concat();
    }
    let letters = flag.trim_start_matches('-');
    if letters.chars().count() <= MOST_LETTERS { flag } else { mask::logged(&[flag]).concat() }
}

pub(in crate::judge) fn malformed_list(flag: &str, value: &OsStr) -> Reason {
    reason(
        Code::InputUnreadable,
        format!("{flag} {} has quotes that kubectl cannot read", shown(value)),
        shown(value),
        format!("a {flag} value is a list separated by commas, and a quote must be closed"),
        format!("repeat {flag} once per file"),
    )
}

pub(in crate::judge) fn unreadable(trouble: &Trouble, concerns_cluster: bool) -> Reason {
    Reason {
        code: Code::InputUnreadable,
        what: format!("{} {}", shown(&trouble.subject), shown(&trouble.problem)),
        offender: shown(&trouble.subject),
        rule: "what cannot be read and understood cannot be judged, and is not used".to_owned(),
        remedy: shown(&trouble.remedy),
        binding: concerns_cluster,
    }
}
