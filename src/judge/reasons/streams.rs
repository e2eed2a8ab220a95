//! Refusals of manifests without a place.

use std::ffi::OsStr;
use std::path::Path;

use super::targets::example;
use super::{allowed, instance, reason};
use crate::judge::facts::{Equal, Facts, Reached, Trouble};
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::Request;
use crate::policy::Policy;
use crate::text::{quoted, shown};

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
    stream: &Reached,
    overlay: &Path,
    count: usize,
) -> Reason {
    let present = match count {
        1 => "a foreign overlay is".to_owned(),
        count => format!("{count} foreign overlays are"),
    };
    reason(
        Code::TargetStdin,
        format!("{} while {present} on the disk", stream_what(stream)),
        shown(overlay),
        "where a stream was made cannot be seen; it is taken only when nothing foreign is at hand"
            .to_owned(),
        "kubectl envguard tidy   # then the same line again".to_owned(),
    )
}

pub(in crate::judge) fn stdin_equals_foreign(
    policy: &Policy,
    request: &Request,
    stream: &Reached,
    equal: &[Equal],
) -> Reason {
    let object = equal.first().map_or_else(String::new, |equal| shown(&equal.object));
    let more = match equal.len() {
        0 | 1 => String::new(),
        2 => " and another object".to_owned(),
        count => format!(" and {} more objects", count - 1),
    };
    let revision = equal.first().map_or("git", |equal| equal.revision);
    reason(
        Code::TargetStdin,
        format!("{} hold {object}{more} of another environment", stream_what(stream)),
        equal.first().map_or_else(String::new, |equal| shown(&equal.path)),
        format!(
            "{}; in {revision} this very object stands in a foreign overlay and nowhere else",
            instance(policy)
        ),
        save(policy, request, "if it belongs here, "),
    )
}

pub(in crate::judge) fn stdin_incomparable(
    policy: &Policy,
    request: &Request,
    stream: &Reached,
    trouble: &Trouble,
) -> Reason {
    let about_stream = trouble.subject.is_empty();
    let subject = if about_stream { String::new() } else { format!("{} ", trouble.subject) };
    let remedy =
        if trouble.remedy.is_empty() { save(policy, request, "") } else { shown(&trouble.remedy) };
    reason(
        Code::TargetStdin,
        format!("{}: {}{}", stream_what(stream), shown(subject), shown(&trouble.problem)),
        shown(if about_stream { &stream.spelled } else { OsStr::new(&trouble.subject) }),
        "manifests from a stream are compared with the foreign overlays before they are used"
            .to_owned(),
        remedy,
    )
}

fn save(policy: &Policy, request: &Request, when: &str) -> String {
    format!(
        "{when}save it in an allowed overlay ({}) and name that file: kubectl {} -f FILE",
        allowed(policy),
        request.invocation.command()
    )
}

/// FIFOs, and descriptors that are somebody else's or kubectl's to write to.
pub(in crate::judge) fn stream_not_judged(request: &Request, stream: &Reached) -> Reason {
    reason(
        Code::TargetStdin,
        stream_what(stream),
        shown(&stream.spelled),
        "what comes from a FIFO or a device cannot be compared with the foreign overlays and then be read again by kubectl"
            .to_owned(),
        format!(
            "kubectl {} -f - < {}",
            request.invocation.command(),
            quoted(&stream.spelled)
        ),
    )
}
