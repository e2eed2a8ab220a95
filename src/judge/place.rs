//! Where a path stands with respect to the checkouts and their overlays.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::facts::Territory;
use crate::path::is_within;
use crate::policy::{CheckoutRule, Policy, Standing};

/// Where a path stands. Ordered by how bad it is: when two readings of a path
/// differ, the greater one counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In an allowed overlay, or under `alsoAllow`.
    Allowed,
    /// In a shared directory.
    Shared,
    /// In a checkout, in no overlay.
    Unknown,
    /// In no checkout.
    Outside,
    /// In a git directory.
    Git,
    /// In a foreign overlay.
    Foreign(Overlay),
}

/// A foreign overlay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlay {
    /// Its directory.
    pub path: PathBuf,
    /// Its name.
    pub name: OsString,
    /// Allowed overlays beside it.
    pub beside: Vec<OsString>,
}

/// Where the real path `path` stands. A directory that *contains* a foreign
/// overlay is not in it.
#[must_use]
pub fn place(path: &Path, policy: &Policy, territory: &Territory) -> Place {
    let in_checkouts = territory
        .checkouts
        .iter()
        .filter_map(|checkout| {
            let relative = path.strip_prefix(&checkout.top).ok()?;
            Some(in_checkout(&policy.checkouts[checkout.rule], &checkout.top, relative, territory))
        })
        .collect::<Vec<_>>();
    let dangerous = in_checkouts.iter().find(|place| **place >= Place::Git);
    if let Some(place) = dangerous {
        return place.clone();
    }
    if is_git_directory(path, territory) {
        return Place::Git;
    }
    if territory.also_allow.iter().any(|dir| is_within(path, dir)) {
        return Place::Allowed;
    }
    in_checkouts.into_iter().min().unwrap_or(Place::Outside)
}

/// By its name, or because git uses it as one. A worktree may lie inside a bare
/// repository's directory: there the working tree counts.
fn is_git_directory(path: &Path, territory: &Territory) -> bool {
    let named = path.components().any(|part| part == Component::Normal(OsStr::new(".git")));
    let in_worktree_of = |dir: &Path| {
        territory.checkouts.iter().any(|checkout| {
            checkout.top != dir && is_within(&checkout.top, dir) && is_within(path, &checkout.top)
        })
    };
    named || territory.git_dirs.iter().any(|dir| is_within(path, dir) && !in_worktree_of(dir))
}

/// Walks from the checkout's top towards the path and asks each overlay root on
/// the way about the child that follows. Foreign at any depth is foreign; of the
/// rest, the innermost overlay decides.
fn in_checkout(rule: &CheckoutRule, top: &Path, relative: &Path, territory: &Territory) -> Place {
    let mut place = Place::Unknown;
    let mut walked = PathBuf::new();
    for part in relative.components() {
        let Component::Normal(name) = part else { continue };
        if name == ".git" {
            return Place::Git;
        }
        if rule.is_root(&walked) {
            let root_path = top.join(&walked);
            let root = territory.roots.get(&root_path);
            let has_allowed = root.is_some_and(|root| !root.allowed.is_empty() || root.unreadable);
            let is_file = root.is_some_and(|root| root.files.contains(name));
            if !is_file {
                match rule.standing(name, has_allowed) {
                    Standing::Foreign => {
                        return Place::Foreign(Overlay {
                            path: root_path.join(name),
                            name: name.to_os_string(),
                            beside: root.map(|root| root.allowed.clone()).unwrap_or_default(),
                        });
                    }
                    Standing::Allowed => place = Place::Allowed,
                    Standing::Shared => place = Place::Shared,
                    Standing::Unknown => {}
                }
            }
        }
        walked.push(name);
    }
    place
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::judge::facts::{Checkout, Root};
    use crate::judge::samples;

    /// `/srv/m` with `overlays/{base,develop,prod}` and `apps/*/overlays`, of
    /// which `apps/web/overlays` has an allowed child and `apps/db/overlays`
    /// has none; `/opt/addons` and `/srv/m/addons` are allowed too.
    fn territory() -> Territory {
        let root = |allowed: &[&str], files: &[&str]| Root {
            allowed: allowed.iter().map(OsString::from).collect(),
            files: files.iter().map(OsString::from).collect(),
            ..Root::default()
        };
        Territory {
            checkouts: ["/srv/m", "/srv/bare.git/fix"]
                .map(|top| Checkout { rule: 0, top: top.into(), git_dir: None })
                .into(),
            git_dirs: ["/srv/git/m", "/srv/bare.git"].map(PathBuf::from).into(),
            vanished: Vec::new(),
            also_allow: vec!["/opt/addons".into(), "/srv/m/addons".into()],
            roots: BTreeMap::from([
                ("/srv/m/overlays".into(), root(&["develop"], &["README.md"])),
                ("/srv/m/apps/web/overlays".into(), root(&["develop"], &[])),
                ("/srv/m/apps/db/overlays".into(), root(&[], &[])),
                ("/srv/m/overlays/prod/overlays".into(), root(&["develop"], &[])),
            ]),
        }
    }

    #[test]
    fn paths_stand_where_the_words_say() {
        let policy = samples::policy("develop");
        for (path, expected) in [
            ("/srv/m/overlays/develop", "Allowed"),
            ("/srv/m/overlays/develop/a/b.yaml", "Allowed"),
            ("/srv/m/overlays/prod", "Foreign"),
            ("/srv/m/overlays/prod/x.yaml", "Foreign"),
            ("/srv/m/overlays/base/x.yaml", "Shared"),
            ("/srv/m/overlays/README.md", "Unknown"),
            ("/srv/m/overlays", "Unknown"),
            ("/srv/m", "Unknown"),
            ("/srv/m/base/x.yaml", "Unknown"),
            ("/srv/m/apps/web/overlays/prod", "Foreign"),
            ("/srv/m/apps/db/overlays/prod", "Unknown"), // no allowed sibling
            ("/srv/m/apps/db/overlays/develop", "Allowed"),
            // an allowed name inside a foreign overlay is foreign
            ("/srv/m/overlays/prod/overlays/develop", "Foreign"),
            ("/srv/m2/overlays/develop", "Outside"),
            ("/etc/passwd", "Outside"),
            ("/", "Outside"),
            ("/opt/addons/x.yaml", "Allowed"),
            ("/srv/m/addons/x.yaml", "Allowed"),
            ("/srv/m/.git/envguard/overlays/develop", "Git"),
            ("/srv/git/m/objects", "Git"),
            ("/srv/bare.git/objects/x", "Git"),
            ("/srv/bare.git", "Git"),
            ("/srv/bare.git/fix/overlays/develop/x.yaml", "Allowed"),
            ("/srv/bare.git/fix/overlays/base", "Shared"),
            ("/srv/other/.git/x", "Git"),
            ("/opt/addons/.git/x", "Git"),
        ] {
            let place = place(Path::new(path), &policy, &territory());
            let name = format!("{place:?}");
            assert!(name.starts_with(expected), "{path}: {name}");
        }
    }

    #[test]
    fn a_foreign_overlay_knows_what_stands_beside_it() {
        let policy = samples::policy("develop");
        let Place::Foreign(overlay) =
            place(Path::new("/srv/m/overlays/prod/deep/x.yaml"), &policy, &territory())
        else {
            panic!("not foreign");
        };
        assert_eq!(overlay.path, Path::new("/srv/m/overlays/prod"));
        assert_eq!(overlay.name, "prod");
        assert_eq!(overlay.beside, ["develop"]);
    }
}
