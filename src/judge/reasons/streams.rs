//! Refusals of manifests without a place.

use std::path::Path;

use super::targets::example;
use super::{instance, reason};
use crate::judge::facts::{Facts, Reached};
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::Request;
use crate::policy::Policy;
use crate::text::shown;

fn stream_what(stream: &Reached) -> String {
    if stream.spelled == "-" {
        "manifests from standard input".to_owned()
    } else {
        format!("manifests from the stream {}", shown(&stream.spelled))
    }
}

pub(in crate::judge) fn stdin_refused(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    stream: &Reached,
) -> Reason {
    reason(
        Code::TargetStdin,
        stream_what(stream),
        shown(&stream.spelled),
        "policy.stdin is `refuse`: manifests come from files in an allowed overlay".to_owned(),
        example(policy, request, facts),
    )
}

pub(in crate::judge) fn stdin_beside_foreign(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    stream: &Reached,
    overlay: &Path,
) -> Reason {
    reason(
        Code::TargetStdin,
        format!("{} while a foreign overlay is on the disk", stream_what(stream)),
        shown(overlay),
        "where a stream was made cannot be seen; it is taken only when nothing foreign is at hand"
            .to_owned(),
        example(policy, request, facts),
    )
}

pub(in crate::judge) fn stdin_equals_foreign(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    document: &str,
    origin: &str,
) -> Reason {
    reason(
        Code::TargetStdin,
        format!("standard input holds {} of another environment", shown(document)),
        shown(origin),
        format!("{}; this document equals one of a foreign overlay", instance(policy)),
        example(policy, request, facts),
    )
}

pub(in crate::judge) fn stdin_incomparable(
    request: &Request,
    stream: &Reached,
    problem: &str,
) -> Reason {
    reason(
        Code::TargetStdin,
        format!("{}: {}", stream_what(stream), shown(problem)),
        shown(&stream.spelled),
        "manifests from a stream are compared with the foreign overlays before they are used"
            .to_owned(),
        format!(
            "save them in an allowed overlay and name that: kubectl {} -f FILE",
            request.invocation.command()
        ),
    )
}

pub(in crate::judge) fn stream_not_judged(request: &Request, stream: &Reached) -> Reason {
    reason(
        Code::TargetStdin,
        stream_what(stream),
        shown(&stream.spelled),
        "only standard input can be compared with the foreign overlays before it is used"
            .to_owned(),
        format!("COMMAND | kubectl {} -f -", request.invocation.command()),
    )
}
