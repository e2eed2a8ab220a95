//! Rules about manifests that come from a stream instead of a place.

use super::facts::{Facts, Reached, Stream};
use super::reasons;
use super::verdict::Reason;
use crate::kubectl::{Class, Request};
use crate::policy::{Policy, StdinRule};

pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    if !request.class.is_none_or(Class::changes_cluster) {
        return;
    }
    for reached in &facts.reached {
        let Some(stream) = reached.manifest_stream() else { continue };
        found.extend(match (policy.stdin, stream) {
            (StdinRule::Allow, _) => None,
            (StdinRule::Refuse, _) => Some(reasons::stdin_refused(policy, request, facts, reached)),
            // A FIFO cannot be read and then read again by kubectl.
            (StdinRule::Judge, Stream::Descriptor(1 | 2) | Stream::At(_)) => {
                Some(reasons::stream_not_judged(request, reached))
            }
            (StdinRule::Judge, Stream::Descriptor(descriptor)) => {
                compared(policy, request, facts, reached, *descriptor)
            }
        });
    }
}

/// Whether manifests come from a stream.
pub(super) fn reads_stream(facts: &Facts) -> bool {
    facts.reached.iter().any(|reached| reached.manifest_stream().is_some())
}

/// What the operator should know although it may run.
pub(super) fn warning(facts: &Facts) -> Option<String> {
    facts.stdin.as_ref().filter(|stdin| stdin.unread).map(|_| {
        "what comes in will be read to its end and compared with the foreign overlays".to_owned()
    })
}

fn compared(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    stream: &Reached,
    descriptor: u32,
) -> Option<Reason> {
    let Some(stdin) = &facts.stdin else {
        return Some(reasons::stream_not_judged(request, stream));
    };
    if let Some(overlay) = stdin.foreign_on_disk.first() {
        let count = stdin.foreign_on_disk.len();
        return Some(reasons::stdin_beside_foreign(stream, overlay, count));
    }
    if let Some(trouble) = &stdin.unsearched {
        return Some(reasons::stdin_incomparable(policy, request, stream, trouble));
    }
    let Some(content) = stdin.contents.get(&descriptor) else {
        return (!stdin.unread).then(|| reasons::stream_not_judged(request, stream));
    };
    if !content.equal.is_empty() {
        return Some(reasons::stdin_equals_foreign(policy, request, stream, &content.equal));
    }
    let trouble = content.incomparable.as_ref()?;
    Some(reasons::stdin_incomparable(policy, request, stream, trouble))
}
