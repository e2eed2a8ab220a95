//! Refusals of what is read or written besides the targets.

use std::ffi::OsString;

use super::targets::remedy_with_allowed;
use super::{allowed, instance, reason};
use crate::judge::facts::Reached;
use crate::judge::place::Overlay;
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::Request;
use crate::mask;
use crate::policy::Policy;
use crate::text::shown;

pub(in crate::judge) fn input_foreign(
    policy: &Policy,
    request: &Request,
    reached: &Reached,
    flag: &str,
    below: bool,
    overlay: &Overlay,
) -> Reason {
    let (spelled, name) = (shown(&reached.spelled), shown(&overlay.name));
    let what = if below {
        format!(
            "{flag} {spelled} contains the overlay {name}, which belongs to another environment"
        )
    } else {
        format!("{flag} {spelled} reads the overlay {name}, which belongs to another environment")
    };
    let remedy = if below {
        with_part(request, reached, overlay).unwrap_or_else(|| {
            "name a directory without it, or take it off the disk: kubectl envguard tidy".to_owned()
        })
    } else {
        remedy_with_allowed(request, &reached.spelled, overlay).unwrap_or_else(|| {
            format!("on the {name} instance: {}", mask::line_to_paste(&request.words))
        })
    };
    reason(
        Code::InputForeign,
        what,
        shown(&overlay.path),
        format!("{}; overlays that may be read here: {}", instance(policy), allowed(policy)),
        remedy,
    )
}

pub(in crate::judge) fn output_foreign(
    policy: &Policy,
    request: &Request,
    reached: &Reached,
    flag: &str,
    overlay: &Overlay,
) -> Reason {
    let (spelled, name) = (shown(&reached.spelled), shown(&overlay.name));
    reason(
        Code::OutputForeign,
        format!("{flag} {spelled} writes into the overlay {name} of another environment"),
        shown(&overlay.path),
        format!("{}; nothing is written into another environment's overlay", instance(policy)),
        remedy_with_allowed(request, &reached.spelled, overlay)
            .unwrap_or_else(|| format!("give {flag} a path outside {}", shown(&overlay.path))),
    )
}

/// The same line with the allowed overlay beside the foreign one, in the place of
/// the directory that holds both.
fn with_part(request: &Request, reached: &Reached, overlay: &Overlay) -> Option<String> {
    let part = overlay.path.with_file_name(overlay.beside.first()?);
    let replaced = |word: &OsString| {
        if *word == reached.spelled { part.clone().into_os_string() } else { word.clone() }
    };
    let words: Vec<OsString> = request.words.iter().map(replaced).collect();
    (words != request.words).then(|| mask::line_to_paste(&words))
}
