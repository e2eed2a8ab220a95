//! The children of overlay roots, and what there is to apply in them.

use std::collections::BTreeSet;
use std::path::Path;

use super::layout::Tree;
use super::survey::Target;
use super::trouble::{Result, Trouble};
use crate::policy::RootPattern;

/// The children of the overlay roots.
pub(super) struct Children<'t> {
    pub(super) tree: &'t Tree,
    /// Root and child's name.
    pub(super) all: BTreeSet<(&'t Path, &'t str)>,
}

impl<'t> Children<'t> {
    pub(super) fn of(tree: &'t Tree, roots: &[RootPattern]) -> Self {
        let children = tree.children().into_iter();
        let children = children.filter(|(dir, _)| roots.iter().any(|root| root.matches(dir)));
        let all = children.flat_map(|(dir, names)| names.into_iter().map(move |name| (dir, name)));
        Self { tree, all: all.collect() }
    }

    /// Those in which there is something for kubectl.
    pub(super) fn with_manifests(&self) -> impl Iterator<Item = (&'t Path, &'t str)> {
        let useful = |(root, name): &(&Path, &str)| {
            self.tree.below(&root.join(name)).any(|(_, dir)| dir.kustomization || dir.manifests)
        };
        self.all.iter().copied().filter(useful)
    }

    /// What there is to apply in the child at `dir`: its own kustomization, else the
    /// topmost ones below it, else each directory with manifests.
    pub(super) fn targets(&self, top: &Path, dir: &Path) -> Vec<Target> {
        let here = || self.tree.below(dir).filter(|(_, known)| known.here);
        let mut topmost: Vec<&Path> = Vec::new();
        for (path, _) in here().filter(|(_, known)| known.kustomization) {
            // What is below one comes directly after it.
            if !topmost.last().is_some_and(|above| path.starts_with(above)) {
                topmost.push(path);
            }
        }
        let target = |flag, path: &Path| Target { flag, dir: top.join(path) };
        if topmost.is_empty() {
            let plain = here().filter(|(_, known)| known.manifests);
            return plain.map(|(path, _)| target("-f", path)).collect();
        }
        topmost.into_iter().map(|path| target("-k", path)).collect()
    }
}

/// The overlay roots of an entry as patterns.
pub(super) fn compiled(roots: &[String]) -> Result<Vec<RootPattern>> {
    let compile = |root: &String| {
        RootPattern::new(root)
            .map_err(|problem| Trouble::new(format!("the overlay root {root:?} {problem}"), HELP))
    };
    roots.iter().map(compile).collect()
}

const HELP: &str = "kubectl-envguard setup --help";
