//! What `tidy` would do under a proposal, as the keeper itself says it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::survey::{Removal, Survey};
use crate::env::Env;
use crate::gather;
use crate::keeper::{self, Keeper};
use crate::policy::Policy;
use crate::text::shown;

/// Asks the keeper about every checkout of `surveys`.
pub(super) fn foresee(surveys: &mut [Survey], policy: &Policy, env: &Env) {
    let territory = gather::survey(policy);
    let keeper = Keeper::new(policy, &territory, env, "setup");
    for survey in surveys {
        let checkout = territory.checkouts.iter().find(|checkout| checkout.top == survey.top);
        let Some(checkout) = checkout else { continue };
        if !keeper::is_ours(&checkout.top) {
            // root's `tidy` becomes the owner; git reads nothing for anybody else here.
            let note = format!(
                "whether files of their own are in what tidy takes off {} was not looked at: only its owner sees them",
                shown(&checkout.top)
            );
            survey.notes.extend((!survey.removals.is_empty()).then_some(note));
            continue;
        }
        let report = keeper.dry_run(checkout);
        survey.removals = by_root(&report.gone, &report.own);
        survey.notes.extend(
            report
                .hitches
                .iter()
                .chain(&report.waiting)
                .map(|hitch| format!("tidy: {}: {}", hitch.what, hitch.remedy)),
        );
    }
}

/// The overlays and the files, relative to the checkout, by overlay root.
fn by_root(gone: &[PathBuf], own: &[PathBuf]) -> BTreeMap<PathBuf, Removal> {
    let mut roots: BTreeMap<PathBuf, Removal> = BTreeMap::new();
    let root_of = |overlay: &Path| overlay.parent().unwrap_or(Path::new("")).to_path_buf();
    for overlay in gone {
        let name = overlay.file_name().unwrap_or_default().to_string_lossy().into_owned();
        roots.entry(root_of(overlay)).or_default().overlays.push(name);
    }
    // From the file upwards: there may be thousands of both.
    let overlays: BTreeSet<&Path> = gone.iter().map(PathBuf::as_path).collect();
    for overlay in own.iter().flat_map(|file| file.ancestors()).filter(|dir| overlays.contains(dir))
    {
        roots.entry(root_of(overlay)).or_default().own += 1;
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_in_the_root_of_their_overlay() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let gone = paths(&["a/overlays/prod", "a/overlays/stg", "prod"]);
        let own = paths(&["a/overlays/prod/x", "a/overlays/stg/y/z", "prod/x", "a/overlays/prod2"]);
        let roots = by_root(&gone, &own);
        let of = |root: &str| roots[Path::new(root)].clone();
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let both = Removal { overlays: names(&["prod", "stg"]), own: 2 };
        assert_eq!(of("a/overlays"), both);
        assert_eq!(of(""), Removal { overlays: names(&["prod"]), own: 1 });
        assert_eq!(roots.len(), 2);
    }
}
