//! Where the guard's reading of a line and what kubectl did disagree.

use super::ground::{Ground, Tried};
use super::line::Line;

/// Words that the guard's classes have for commands that call nobody.
const AT_HOME: [&str; 4] = ["pass-through", "local", "kubeconfig-read", "preferences"];

/// And for those that change nothing in the cluster.
const HARMLESS: [&str; 5] = ["pass-through", "local", "kubeconfig-read", "preferences", "read"];

/// Everything that does not agree, in words.
pub(super) fn disagreements(ground: &mut Ground<'_>, line: &str) -> (Tried, Vec<String>) {
    let tried = ground.try_out(line);
    let mut found = about(&tried, line);
    if let Some(strictness) = strictness(&tried, line).filter(|strictness| !strictness.is_justified)
    {
        found.push(format!("is refused without need: {}", strictness.class));
    }
    (tried, found)
}

fn about(tried: &Tried, line: &str) -> Vec<String> {
    let mut found = Vec::new();
    // What is below a directory that is archived or served is not listed.
    let below = [" cp ", " proxy "].iter().any(|command| format!("{line} ").contains(command));
    let class = tried.own.class.as_deref().unwrap_or_default();
    if tried.own.runs() {
        for file in tried.foreign() {
            let call = &tried.seen.trace.opened[file];
            found.push(format!("would run and opens the foreign {}\n    {call}", file.display()));
        }
        for peer in tried.others() {
            let call = &tried.seen.trace.contacted[peer];
            found.push(format!("would run and calls {peer}\n    {call}"));
        }
        for file in tried.unlisted(&tried.own, below) {
            found.push(format!("would run and opens {}, which is not listed", file.display()));
        }
        if tried.edits_pin() {
            found.push("would run and edits the pinned kubeconfig".to_owned());
        }
        if HARMLESS.contains(&class) && !tried.changes.is_empty() {
            found.push(format!("is read as {class} and changes: {:?}", tried.changes));
        }
        if AT_HOME.contains(&class) && tried.seen.trace.contacted.contains_key(&tried.pinned) {
            found.push(format!("is read as {class} and calls the cluster"));
        }
    }
    for file in tried.unlisted(&tried.permissive, below) {
        found.push(format!("opens {}, which is not in the list", file.display()));
    }
    if tried.unlisted_fetches() {
        found.push("fetches an address that is not in the list".to_owned());
    }
    found
}

/// Reasons for which a line is refused although kubectl succeeds with it, opens
/// nothing foreign and calls nobody else: the code, what the line contains, and why that
/// is right. Any other such line is a mistake.
const JUSTIFIED: [(&str, &str, &str); 13] = [
    // The flag does not count for `config` and `help`. But the `kubectl` of some
    // vendors is a dispatcher, which calls the selected cluster whatever the command.
    ("cluster-override", "", "what the flag selects is called before the command is looked at"),
    ("cluster-drift", "", "the same of KUBECONFIG"),
    ("identity-override", "", "a rule about who changes the cluster, whatever comes of it"),
    ("kubeconfig-edit", "", "what is forbidden is just what succeeds"),
    ("target-outside", "", "a rule about what may be named"),
    ("target-stdin", "", "nobody knows what it is while foreign overlays are on the disk"),
    ("target-remote", "", "a rule about where manifests come from"),
    ("kustomize-as-files", "", "kubectl applies patches as whole objects and calls that success"),
    // Flags that come to nothing: an option of the log that needs another, a cache for
    // a command that caches nothing, a target by another name (`overlays/current`).
    ("target-foreign", "", "another environment's name stands on the line"),
    ("input-foreign", "", "the same"),
    ("output-foreign", "", "the same"),
    // Groups of commands, which may have more in another version.
    ("command-unknown", " alpha ", "it has an answer to all words: its help"),
    ("command-unknown", " certificate ", "the same, up to kubectl 1.20"),
];

/// For a line that is refused although kubectl succeeds with it and touches nothing
/// but what it may: why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strictness {
    /// Code, flag and the command's class.
    pub(super) class: String,
    pub(super) is_justified: bool,
}

pub(super) fn strictness(tried: &Tried, line: &str) -> Option<Strictness> {
    let harmless = tried.succeeded() && tried.foreign().is_empty() && tried.others().is_empty();
    let (code, offender) = tried.own.reasons.first().filter(|_| harmless)?;
    let class = tried.own.class.as_deref().unwrap_or("unknown");
    let what = match offender.split_once('=') {
        Some((flag, _)) => flag,
        None => offender.split(' ').next().unwrap_or_default(),
    };
    let what = if what.starts_with('-') { what } else { "" };
    Some(Strictness {
        class: format!("{code} {what} ({class})"),
        is_justified: JUSTIFIED
            .iter()
            .any(|(justified, part, _)| justified == code && line.contains(part)),
    })
}

/// The line without everything that it also disagrees without.
pub(super) fn minimised(ground: &mut Ground<'_>, line: &Line) -> Line {
    let mut line = line.clone();
    while let Some(shorter) = line
        .shorter()
        .into_iter()
        .find(|shorter| !disagreements(ground, &shorter.text()).1.is_empty())
    {
        line = shorter;
    }
    line
}
