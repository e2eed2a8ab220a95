//! The verdict as a pure function of policy, request and facts.

mod cluster;
mod command;
mod copied;
mod facts;
mod files;
mod lift;
mod machine;
mod place;
mod present;
mod reasons;
#[cfg(test)]
pub(crate) mod samples;
mod skew;
mod stdin;
mod trees;
mod verdict;

pub use cluster::differences as drift;
pub use copied::copied;
pub use facts::{
    Branch, Checkout, ClusterFacts, Content, Copied, Equal, Facts, Head, Local, Machine, Nature,
    Reached, Resolved, Role, Root, Stdin, Stream, Territory, Tree, Trouble, Uncommitted, Versions,
    Whereabouts,
};
pub use lift::lift;
pub use machine::{Identity, identity};
pub use place::{Overlay, Place, place};
pub use present::foreign_present;
pub use reasons::{
    again, audit_unwritable, checkout_moved, config_unusable, download, misfit, misnamed,
    not_confirmed, sandbox_denied, sandbox_missing,
};
pub use skew::is_too_far;
pub use trees::{changes, looks_at_trees, origin};
pub use verdict::{Code, Outcome, Reason, Verdict};

use crate::kubectl::{Class, Request};
use crate::policy::{Ask, Mode, Policy};

/// Judges one request. Every rule looks at it, so that the operator sees all
/// reasons at once and not the next one after each correction.
pub fn judge(policy: &Policy, request: &Request, facts: &Facts) -> Verdict {
    let mut reasons = Vec::new();
    command::judge(policy, request, facts, &mut reasons);
    cluster::judge(policy, request, facts, &mut reasons);
    files::judge(policy, request, facts, &mut reasons);
    stdin::judge(policy, request, facts, &mut reasons);
    machine::judge(policy, request, facts, &mut reasons);
    let mut warnings = trees::judge(policy, request, facts, &mut reasons);
    warnings.extend(skew::judge(policy, request, facts, &mut reasons));
    let mut verdict = conclude(policy, request, facts, reasons);
    if verdict.outcome != Outcome::Refuse {
        verdict.warnings.extend(stdin::warning(facts));
        verdict.warnings.extend(warnings);
    }
    verdict
}

fn conclude(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    mut reasons: Vec<Reason>,
) -> Verdict {
    reasons.sort();
    reasons.dedup();
    let observing = policy.mode == Mode::Observe;
    let refused = reasons.iter().any(|reason| reason.binding || !observing);
    if refused {
        return Verdict { reasons, ..Verdict::default() };
    }
    let ask = if observing { Ask::Never } else { asked(policy, request, facts) };
    let (outcome, warnings) = (Outcome::Run { ask }, remarks(request));
    Verdict { outcome, reasons, warnings, ..Verdict::default() }
}

/// What the operator should know although it runs.
fn remarks(request: &Request) -> Vec<String> {
    let unlisted = request.is_looked_up().then(|| {
        format!(
            "kubectl {} is newer than envguard's table: it is treated as a command that takes something away",
            request.invocation.command()
        )
    });
    unlisted.into_iter().collect()
}

/// When the name is typed before this request runs.
fn asked(policy: &Policy, request: &Request, facts: &Facts) -> Ask {
    let confirm = &policy.confirm;
    let Some(class) = request.class else { return Ask::Always };
    let by_class = asked_for(policy, request, class);
    let by_second = request.second_class.map(|class| asked_for(policy, request, class));
    let reads_stream = request.reads_stdin() || stdin::reads_stream(facts);
    let by_stdin = if class.changes_cluster() && reads_stream { confirm.stdin } else { Ask::Never };
    by_class.max(by_second.unwrap_or(Ask::Never)).max(by_stdin)
}

fn asked_for(policy: &Policy, request: &Request, class: Class) -> Ask {
    let confirm = &policy.confirm;
    match class {
        Class::Channel => confirm.channel,
        Class::Mutate => confirm.mutate,
        Class::Destroy => confirm.destroy,
        Class::Plugin if is_reading_plugin(policy, request) => Ask::Never,
        Class::Plugin => confirm.plugin,
        Class::PassThrough
        | Class::Completion
        | Class::Local
        | Class::Read
        | Class::KubeconfigRead
        | Class::KubeconfigWrite
        | Class::Preferences => Ask::Never,
    }
}

fn is_reading_plugin(policy: &Policy, request: &Request) -> bool {
    let name = request.plugin_words().and_then(|words| words.first());
    name.is_some_and(|name| policy.reading_plugins.iter().any(|reading| **reading == **name))
}

/// Joins the verdicts on several readings of one command line: all must pass.
pub fn join(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts
        .into_iter()
        .reduce(|one, other| {
            let outcome = match (one.outcome, other.outcome) {
                (Outcome::Run { ask }, Outcome::Run { ask: also }) => {
                    Outcome::Run { ask: ask.max(also) }
                }
                _ => Outcome::Refuse,
            };
            let mut reasons = one.reasons;
            reasons.extend(other.reasons);
            reasons.sort();
            reasons.dedup();
            let mut warnings = one.warnings;
            warnings.extend(other.warnings);
            warnings.dedup();
            Verdict { outcome, reasons, warnings, ..Verdict::default() }
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
