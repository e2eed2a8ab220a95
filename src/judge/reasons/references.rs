//! Refusals of what a kustomization pulls in.

use std::path::Path;

use super::{instance, place_of, reason};
use crate::judge::facts::{Facts, Local, Reached, Role};
use crate::judge::place::Overlay;
use crate::judge::verdict::{Code, Reason};
use crate::policy::Policy;
use crate::text::{quoted, shown, shown_address};

pub(in crate::judge::reasons) fn refers(reached: &Reached, file: &Path, field: &str) -> String {
    let entry = shown_address(&reached.spelled);
    format!("{} refers to {entry} ({})", shown(file), shown(field))
}

pub(in crate::judge) fn reference_foreign(
    policy: &Policy,
    facts: &Facts,
    reached: &Reached,
    file: &Path,
    field: &str,
    overlay: &Overlay,
) -> Reason {
    reason(
        Code::ReferenceForeign,
        refers(reached, file, field),
        shown(&overlay.path),
        format!(
            "{}; what is applied here must not come from the overlay {} of another environment",
            instance(policy),
            shown(&overlay.name)
        ),
        format!(
            "move what both need into a shared directory, or add {} to `shared` in {}",
            quoted(&overlay.name),
            shown(&facts.config_file)
        ),
    )
}

pub(in crate::judge) fn reference_outside(
    facts: &Facts,
    reached: &Reached,
    file: &Path,
    field: &str,
    local: &Local,
) -> Reason {
    reason(
        Code::ReferenceOutside,
        refers(reached, file, field),
        place_of(local),
        "references stay inside the configured checkouts".to_owned(),
        format!(
            "copy it into the checkout, or list its directory under alsoAllow in {}",
            shown(&facts.config_file)
        ),
    )
}

pub(in crate::judge) fn in_git_directory(reached: &Reached, local: &Local) -> Reason {
    let what = match &reached.role {
        Role::Reference { file, field } => refers(reached, file, field),
        Role::Input { below: true, .. } | Role::PluginWord { below: true } => {
            format!("{} contains a git directory", shown(&reached.spelled))
        }
        _ => format!("{} is inside a git directory", shown(&reached.spelled)),
    };
    reason(
        Code::ReferenceGit,
        what,
        place_of(local),
        "nothing is taken from a git directory: put-aside files of other environments lie there"
            .to_owned(),
        "name the file in the working tree instead: git ls-files".to_owned(),
    )
}
