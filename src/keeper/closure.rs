//! Before anything goes: do the allowed overlays need it?

use std::fs;
use std::path::{Path, PathBuf};

use super::hitch::Hitch;
use super::plan::{Kind, Plan, Seen};
use crate::gather;
use crate::judge::{Place, Role, Territory, Whereabouts, place};
use crate::kustomize::FILE_NAMES;
use crate::policy::{CheckoutRule, Policy, Standing};
use crate::text::{quoted, shown};

/// An allowed overlay nests no deeper than this.
const MAX_DEPTH: usize = 64;

/// Reasons why the overlays of `plan` cannot go from `top`; empty when they can.
pub(super) fn objections(
    policy: &Policy,
    territory: &Territory,
    top: &Path,
    rule: &CheckoutRule,
    seen: &Seen,
    plan: &Plan,
) -> Vec<Hitch> {
    let mut found = Found::default();
    for (root, children) in &seen.roots {
        if plan.overlay_of(root).is_some() {
            continue;
        }
        for (name, child) in children {
            let overlay = root.join(name);
            if rule.standing(name, true) != Standing::Allowed || plan.overlay_of(&overlay).is_some()
            {
                continue;
            }
            match child.disk {
                Some(Kind::Directory | Kind::MountPoint) => found.search(&top.join(overlay), 0),
                Some(Kind::Link) => found.links.push(top.join(overlay)),
                _ => {}
            }
        }
    }
    let facts = gather::references(policy, territory.clone(), &found.kustomizations, &found.links);
    let mut hitches: Vec<Hitch> = facts
        .troubles
        .iter()
        .map(|trouble| {
            Hitch::new(
                format!(
                    "nothing was removed from {}: {} {}, so what it needs cannot be known",
                    shown(top),
                    shown(&trouble.subject),
                    trouble.problem
                ),
                trouble.remedy.clone(),
            )
        })
        .collect();
    for reached in &facts.reached {
        let (Role::Reference { file, field }, Whereabouts::Local(local)) =
            (&reached.role, &reached.whereabouts)
        else {
            continue;
        };
        for path in local.readings.iter().chain(&local.links) {
            let Place::Foreign(overlay) = place(path, policy, &facts.territory) else { continue };
            let goes =
                overlay.path.strip_prefix(top).is_ok_and(|path| plan.overlay_of(path).is_some());
            if goes {
                hitches.push(needed(
                    top,
                    file,
                    field,
                    &overlay.path,
                    &overlay.name.to_string_lossy(),
                ));
            }
        }
    }
    hitches.sort();
    hitches.dedup();
    hitches
}

fn needed(top: &Path, file: &Path, field: &str, overlay: &Path, name: &str) -> Hitch {
    Hitch::new(
        format!(
            "nothing was removed from {}: {} ({field}) needs the foreign overlay {}",
            shown(top),
            shown(file),
            shown(overlay.strip_prefix(top).unwrap_or(overlay))
        ),
        format!(
            "add {} to `shared` of this checkout in the configuration, or correct {}",
            shown(name),
            quoted(file)
        ),
    )
}

#[derive(Default)]
struct Found {
    kustomizations: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Found {
    /// Every kustomization and symbolic link of an allowed overlay: each can be
    /// named on a command line.
    fn search(&mut self, dir: &Path, depth: usize) {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(kind) = entry.file_type() else { continue };
            if FILE_NAMES.iter().any(|name| entry.file_name() == *name) {
                self.kustomizations.push(dir.to_path_buf());
            }
            if kind.is_symlink() {
                self.links.push(entry.path());
            } else if kind.is_dir() && depth < MAX_DEPTH {
                self.search(&entry.path(), depth + 1);
            }
        }
    }
}
