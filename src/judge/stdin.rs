//! Rules about manifests that come from a stream instead of a place.

use super::facts::{Facts, Reached, Role, Stream, Whereabouts};
use super::reasons;
use super::verdict::Reason;
use crate::kubectl::Request;
use crate::policy::{Policy, StdinRule};

pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    if !request.class.is_none_or(crate::kubectl::Class::changes_cluster) {
        return;
    }
    for stream in facts.reached.iter().filter(|reached| is_manifest_stream(reached)) {
        let reason = match policy.stdin {
            StdinRule::Allow => None,
            StdinRule::Refuse => Some(reasons::stdin_refused(policy, request, facts, stream)),
            StdinRule::Judge if is_descriptor(stream) => compared(policy, request, facts, stream),
            StdinRule::Judge => Some(reasons::stream_not_judged(request, stream)),
        };
        found.extend(reason);
    }
}

fn is_manifest_stream(reached: &Reached) -> bool {
    matches!(reached.whereabouts, Whereabouts::Stream(_))
        && matches!(reached.role, Role::Target { .. } | Role::Below { .. })
}

fn is_descriptor(stream: &Reached) -> bool {
    matches!(stream.whereabouts, Whereabouts::Stream(Stream::Descriptor(0)))
}

fn compared(policy: &Policy, request: &Request, facts: &Facts, stream: &Reached) -> Option<Reason> {
    let Some(stdin) = &facts.stdin else {
        return Some(reasons::stdin_incomparable(request, stream, "it was not read"));
    };
    if let Some(overlay) = stdin.foreign_on_disk.first() {
        Some(reasons::stdin_beside_foreign(policy, request, facts, stream, overlay))
    } else if let Some((document, origin)) = stdin.equal.first() {
        Some(reasons::stdin_equals_foreign(policy, request, facts, document, origin))
    } else {
        stdin
            .incomparable
            .as_ref()
            .map(|problem| reasons::stdin_incomparable(request, stream, problem))
    }
}
