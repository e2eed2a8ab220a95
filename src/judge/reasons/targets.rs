//! Refusals of what a command names.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{allowed, instance, place_of, reason};
use crate::judge::facts::{Facts, Local, Nature, Reached, Role, Whereabouts};
use crate::judge::place::Overlay;
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::{Arity, Given, Request};
use crate::mask;
use crate::policy::Policy;
use crate::text::{quoted, shown};

pub(in crate::judge) fn target_foreign(
    policy: &Policy,
    request: &Request,
    reached: &Reached,
    below: bool,
    overlay: &Overlay,
) -> Reason {
    let spelled = match &reached.role {
        Role::Below { target } => target,
        _ => &reached.spelled,
    };
    let here = overlay.beside.first().map(|name| overlay.path.with_file_name(name));
    reason(
        Code::TargetForeign,
        format!(
            "{} {} the overlay {}, which belongs to another environment",
            shown(spelled),
            if below { "contains" } else { "is in" },
            shown(&overlay.name)
        ),
        shown(&overlay.path),
        format!("{}; overlays that may be applied here: {}", instance(policy), allowed(policy)),
        match (remedy_with_allowed(request, spelled, overlay), here) {
            (_, Some(here)) if is_read_as_files(&reached.role) => as_kustomization(request, &here),
            (Some(line), _) => line,
            _ => format!(
                "on the {} instance: {}",
                shown(&overlay.name),
                mask::line_to_paste(&request.words)
            ),
        },
    )
}

/// Whether `-f` names a directory that is, or holds, an overlay.
fn is_read_as_files(role: &Role) -> bool {
    matches!(role, Role::Below { .. } | Role::Target { kustomization: Some(_) })
}

/// The same command line with the allowed overlay's name in the place of the
/// foreign one, when that overlay exists.
pub(in crate::judge::reasons) fn remedy_with_allowed(
    request: &Request,
    spelled: &OsStr,
    overlay: &Overlay,
) -> Option<String> {
    let allowed = overlay.beside.first()?;
    let replaced = replace_component(spelled, &overlay.name, allowed)?;
    let words: Vec<OsString> = request
        .words
        .iter()
        .map(|word| replace_bytes(word, spelled, &replaced).unwrap_or_else(|| word.clone()))
        .collect();
    (words != request.words).then(|| mask::line_to_paste(&words))
}

fn replace_component(path: &OsStr, name: &OsStr, by: &OsStr) -> Option<OsString> {
    let parts: Vec<&[u8]> = path.as_bytes().split(|byte| *byte == b'/').collect();
    let at = parts.iter().rposition(|part| *part == name.as_bytes())?;
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(if index == at { by.as_bytes() } else { part });
    }
    Some(OsStr::from_bytes(&out).to_os_string())
}

/// `word` with its part `from` replaced; the part may be attached to a flag.
fn replace_bytes(word: &OsStr, from: &OsStr, to: &OsStr) -> Option<OsString> {
    let (word, from) = (word.as_bytes(), from.as_bytes());
    if from.is_empty() {
        return None;
    }
    let at = word.windows(from.len()).position(|part| part == from)?;
    let out = [&word[..at], to.as_bytes(), &word[at + from.len()..]].concat();
    Some(OsStr::from_bytes(&out).to_os_string())
}

pub(in crate::judge) fn target_outside(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    reached: &Reached,
    local: &Local,
) -> Reason {
    let offender = place_of(local);
    let missing = local.nature == Nature::Missing;
    let what = if missing {
        format!("{} does not exist and is in no allowed overlay", shown(&reached.spelled))
    } else {
        format!("{} is in no allowed overlay", shown(&reached.spelled))
    };
    reason(
        Code::TargetOutside,
        what,
        offender,
        format!(
            "commands that change the cluster name an allowed overlay ({}) or a place under alsoAllow; shared bases are reached through references",
            allowed(policy)
        ),
        outside_remedy(policy, request, facts, local),
    )
}

fn outside_remedy(policy: &Policy, request: &Request, facts: &Facts, local: &Local) -> String {
    if let Some(vanished) = facts.territory.vanished.first()
        && facts.territory.checkouts.is_empty()
    {
        return format!(
            "the checkout {} does not exist: clone it there, or correct `checkouts` in {}",
            shown(vanished),
            shown(&facts.config_file)
        );
    }
    match allowed_below(facts, local) {
        // Where an allowed overlay stands below the directory that was named, the
        // line that was meant is known.
        Some(overlay) => as_kustomization(request, &overlay),
        None => format!(
            "{}, or list the place under alsoAllow in {}",
            example(policy, request, facts),
            shown(&facts.config_file)
        ),
    }
}

fn allowed_below(facts: &Facts, local: &Local) -> Option<PathBuf> {
    let below = |root: &Path| local.readings.iter().any(|path| root.starts_with(path));
    facts
        .territory
        .roots
        .iter()
        .filter(|(root, _)| below(root))
        .find_map(|(root, found)| Some(root.join(found.allowed.first()?)))
}

/// The same command with `-k` and an allowed overlay that exists.
pub(in crate::judge::reasons) fn example(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
) -> String {
    let overlay = facts
        .territory
        .roots
        .iter()
        .find_map(|(root, found)| Some(shown(root.join(found.allowed.first()?))))
        .unwrap_or_else(|| {
            format!("PATH/TO/{}", policy.allowed_names().first().map_or_else(String::new, shown))
        });
    format!("kubectl {} -k {overlay}", request.invocation.command())
}

pub(in crate::judge) fn kustomize_as_files(
    request: &Request,
    reached: &Reached,
    kustomization: &Path,
) -> Reason {
    let spelled = Path::new(&reached.spelled);
    let parent = kustomization.parent().unwrap_or(Path::new("/"));
    let dir = if spelled.file_name() == kustomization.file_name() {
        spelled.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else if matches!(&reached.whereabouts, Whereabouts::Local(local) if local.readings.iter().any(|dir| dir == parent))
    {
        spelled
    } else {
        parent
    };
    reason(
        Code::KustomizeAsFiles,
        format!("-f {} takes a kustomization for plain files", shown(&reached.spelled)),
        shown(kustomization),
        "-f takes its patches for whole objects, without namespace and name prefix; a kustomization is built with -k".to_owned(),
        as_kustomization(request, dir),
    )
}

/// Commands that read files but have no `-k` (kubectl 1.36).
const WITHOUT_KUSTOMIZE: [&str; 5] =
    ["exec", "debug", "wait", "set selector", "apply set-last-applied"];

/// The same request with `-k dir` in the place of all `-f` and `-R`, as a line.
fn as_kustomization(request: &Request, dir: &Path) -> String {
    let mut words: Vec<OsString> =
        request.invocation.command().split(' ').map(OsString::from).collect();
    words.extend(request.invocation.positionals.iter().cloned());
    for given in &request.invocation.flags {
        if !["filename", "kustomize", "recursive"].contains(&given.flag.long) {
            words.extend(as_words(given));
        }
    }
    if WITHOUT_KUSTOMIZE.contains(&request.invocation.command()) {
        words.extend(["-f".into(), "-".into()]);
        return format!("kubectl kustomize {} | {}", quoted(dir), mask::line_to_paste(&words));
    }
    words.extend(["-k".into(), dir.as_os_str().to_os_string()]);
    mask::line_to_paste(&words)
}

/// A flag as a person would write it.
fn as_words(given: &Given) -> Vec<OsString> {
    let name = match given.flag.short {
        Some(letter) => format!("-{}", char::from(letter)),
        None => format!("--{}", given.flag.long),
    };
    match (&given.value, given.flag.arity) {
        (None, _) => vec![name.into()],
        (Some(value), Arity::Required) => vec![name.into(), value.clone()],
        (Some(value), Arity::Bool | Arity::Optional) => {
            let mut word = OsString::from(format!("--{}=", given.flag.long));
            word.push(value);
            vec![word]
        }
    }
}
