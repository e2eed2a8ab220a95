//! Refusals of what is not understood.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::reason;
use crate::judge::facts::Trouble;
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::{Misfit, Request};
use crate::text::{quoted, shown};

pub(in crate::judge) fn command_unknown(request: &Request) -> Reason {
    let word = request
        .plugin_words()
        .and_then(|words| words.first())
        .map_or_else(|| request.invocation.command().to_owned(), shown);
    reason(
        Code::CommandUnknown,
        format!(
            "{word} is no kubectl command, and no plugin kubectl-{} is on PATH",
            word.replace('-', "_")
        ),
        word.clone(),
        "what is not understood is not run".to_owned(),
        "kubectl help (all commands); kubectl plugin list (all plugins)".to_owned(),
    )
}

/// A command line that no known kubectl accepts.
#[must_use]
pub fn misfit(words: &[OsString], misfit: &Misfit) -> Reason {
    let help = words.first().filter(|word| !word.as_bytes().starts_with(b"-")).map_or_else(
        || "kubectl options".to_owned(),
        |word| format!("kubectl {} --help", quoted(word)),
    );
    let (what, offender) = match misfit {
        Misfit::UnknownFlag(word) => {
            (format!("{} is a flag that no known kubectl has here", shown(word)), word)
        }
        Misfit::MissingValue(word) => (format!("{} needs a value", shown(word)), word),
        Misfit::BadSyntax(word) => (format!("{} is not a flag", shown(word)), word),
        Misfit::FlagBeforePlugin(word) => {
            (format!("{} stands before the command's name", shown(word)), word)
        }
    };
    reason(
        Code::FlagUnknown,
        what,
        shown(offender),
        "what is not understood is not run: the flag could name a file or a cluster".to_owned(),
        help,
    )
}

pub(in crate::judge) fn malformed_list(value: &OsStr) -> Reason {
    reason(
        Code::InputUnreadable,
        format!("-f {} has quotes that kubectl cannot read", shown(value)),
        shown(value),
        "a -f value is a list separated by commas, and a quote must be closed".to_owned(),
        "repeat -f once per file".to_owned(),
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
