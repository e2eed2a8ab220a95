//! Where a tree keeps its environments, by the names of its directories. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::words;

/// The directories of a working tree, relative to its top, on the disk and in git.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// What is known of each; the top is the empty path.
    pub(super) dirs: BTreeMap<PathBuf, Dir>,
    /// Why not all of it was seen.
    pub(super) gaps: Vec<String>,
}

/// What is in a directory itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dir {
    /// It has a kustomization.
    pub(super) kustomization: bool,
    /// It has a file that may be a manifest.
    pub(super) manifests: bool,
    /// It is on the disk.
    pub(super) here: bool,
}

impl Tree {
    /// Notes a file.
    pub(super) fn add(&mut self, file: &Path, here: bool) {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let manifest =
            [".yaml", ".yml"].iter().any(|extension| name.to_lowercase().ends_with(extension));
        let kustomization = crate::kustomize::FILE_NAMES.contains(&name.as_str());
        let Some(parent) = file.parent() else { return };
        for (depth, dir) in parent.ancestors().enumerate() {
            if depth > 0 && self.dirs.get(dir).is_some_and(|known| known.here || !here) {
                break; // and so are the ones above it
            }
            let known = self.dirs.entry(dir.to_path_buf()).or_default();
            known.here |= here;
            if depth == 0 {
                known.kustomization |= kustomization;
                known.manifests |= manifest;
            }
        }
    }

    /// Everything at and below `dir`.
    pub(super) fn below<'t>(&'t self, dir: &'t Path) -> impl Iterator<Item = (&'t Path, Dir)> {
        // Paths compare by component: what is below comes directly after.
        let rest = self.dirs.range(dir.to_path_buf()..);
        rest.take_while(move |(path, _)| path.starts_with(dir))
            .map(|(path, found)| (path.as_path(), *found))
    }

    fn has_manifests(&self, dir: &Path) -> bool {
        self.below(dir).any(|(_, found)| found.kustomization || found.manifests)
    }

    /// The names of the directories in each directory that has some.
    #[must_use]
    pub(super) fn children(&self) -> BTreeMap<&Path, BTreeSet<&str>> {
        let mut children: BTreeMap<&Path, BTreeSet<&str>> = BTreeMap::new();
        for dir in self.dirs.keys() {
            if let (Some(parent), Some(name)) = (dir.parent(), dir.file_name())
                && let Some(name) = name.to_str()
            {
                children.entry(parent).or_default().insert(name);
            }
        }
        children
    }

    /// The directories that hold environments: several, told apart by a word, or the
    /// one that is called as `environment`.
    #[must_use]
    pub(super) fn roots(&self, environment: &str) -> BTreeSet<PathBuf> {
        let mut roots: BTreeSet<PathBuf> = BTreeSet::new();
        let lower = environment.to_lowercase();
        // Parents come before what is in them.
        for (parent, names) in self.children() {
            let inside = parent.ancestors().any(|dir| {
                let in_root = dir.parent().is_some_and(|above| roots.contains(above));
                in_root
                    && dir
                        .file_name()
                        .is_some_and(|name| is_environment(&name.to_string_lossy(), &lower))
            });
            if inside {
                continue;
            }
            let environments: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| is_environment(name, &lower))
                .filter(|name| self.has_manifests(&parent.join(name)))
                .collect();
            let own = environments.iter().any(|name| {
                name.to_lowercase() == lower
                    && self.dirs.get(&parent.join(name)).is_some_and(|dir| dir.kustomization)
            });
            if own || tells_apart(&environments) {
                roots.insert(parent.to_path_buf());
            }
        }
        roots
    }
}

fn is_environment(name: &str, own: &str) -> bool {
    name.to_lowercase() == own || !words::environments(name).is_empty()
}

/// Whether these names are environments of one thing: `test-data` and
/// `local-storage` are not.
fn tells_apart(names: &[&str]) -> bool {
    let mut of_rest: BTreeMap<Vec<String>, BTreeSet<&'static str>> = BTreeMap::new();
    for name in names {
        of_rest.entry(words::rest(name)).or_default().extend(words::environments(name));
    }
    let all: BTreeSet<&str> = of_rest.values().flatten().copied().collect();
    let plain = names.iter().any(|name| words::is_plain(name));
    of_rest.values().any(|environments| environments.len() > 1) || (plain && all.len() > 1)
}

/// Names of directories that stand for "the environments of what is above".
const USUAL: [&str; 6] = ["overlays", "overlay", "environments", "envs", "env", "clusters"];

/// The patterns that name `roots`, few and wide enough for an application that is
/// added later. What a pattern matches besides is harmless: only children with a
/// listed name count.
#[must_use]
pub(super) fn patterns(roots: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut groups: BTreeMap<(usize, String, String), Vec<Vec<String>>> = BTreeMap::new();
    let names_of = |root: &PathBuf| -> Vec<String> {
        root.iter().map(|name| escaped(&name.to_string_lossy())).collect()
    };
    let all: Vec<Vec<String>> = roots.iter().map(names_of).collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for last in all.iter().filter_map(|names| names.last()) {
        *uses.entry(last).or_default() += 1;
    }
    let is_common = |last: &str| USUAL.contains(&last) || uses[last] > 1;
    for names in &all {
        let (Some(first), Some(last)) = (names.first(), names.last()) else {
            groups.entry((0, String::new(), String::new())).or_default().push(Vec::new());
            continue;
        };
        let last = if is_common(last) { last.clone() } else { "*".to_owned() };
        // `web/{dev,prod}` and `db/{dev,prod}` at the top are one kind of thing.
        let first = if names.len() == 1 { last.clone() } else { first.clone() };
        groups.entry((names.len(), first, last)).or_default().push(names.clone());
    }
    let mut patterns: Vec<String> = groups
        .iter()
        .map(|((depth, _, _), group)| {
            let column = |at: usize| {
                let mut names = group.iter().map(|names| &names[at]);
                let one = names.next().cloned().unwrap_or_default();
                let same = names.all(|name| *name == one);
                // `apps/web/overlays`: the next application is a sibling of `web`.
                let varies = group.len() == 1 && *depth > 2 && at > 0 && at + 1 < *depth;
                if same && !varies { one } else { "*".to_owned() }
            };
            match depth {
                0 => ".".to_owned(),
                depth => (0..*depth).map(column).collect::<Vec<_>>().join("/"),
            }
        })
        .collect();
    patterns.sort();
    patterns.dedup();
    widened(patterns)
}

/// So many patterns that differ in one place are one kind of thing: `team-1/*/overlays`
/// and so on are `*/*/overlays`.
const KIND: usize = 4;

fn widened(mut patterns: Vec<String>) -> Vec<String> {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pattern in &patterns {
        let names: Vec<&str> = pattern.split('/').collect();
        for at in 0..names.len().saturating_sub(1) {
            let mut wider = names.clone();
            wider[at] = "*";
            kinds.entry(wider.join("/")).or_default().push(pattern.clone());
        }
    }
    for (wider, members) in kinds {
        if members.len() >= KIND && members.iter().all(|member| patterns.contains(member)) {
            patterns.retain(|pattern| !members.contains(pattern));
            patterns.push(wider);
        }
    }
    patterns.sort();
    patterns
}

/// A name as a pattern that matches nothing else.
#[must_use]
pub(super) fn escaped(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if matches!(letter, '*' | '?' | '[' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> Tree {
        let mut tree = Tree::default();
        files.iter().for_each(|file| tree.add(Path::new(file), true));
        tree
    }

    #[track_caller]
    fn finds(environment: &str, dirs: &[&str], expected: &[&str]) {
        let files: Vec<String> =
            dirs.iter().map(|dir| format!("{dir}/kustomization.yaml")).collect();
        let tree = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let roots = tree.roots(environment);
        assert_eq!(patterns(&roots), expected, "{dirs:?}: {roots:?}");
    }

    #[test]
    fn roots_are_found_by_the_words_for_environments() {
        finds("develop", &["base", "overlays/develop", "overlays/prod"], &["overlays"]);
        finds("develop", &["a/base", "a/develop", "a/prod", "b/develop", "b/prod"], &["*"]);
        finds("develop", &["a/base", "a/develop", "a/prod"], &["a"]);
        finds(
            "develop",
            &["c/a/base", "c/a/dev", "c/a/prod", "c/b/dev", "c/b/stg", "c/d/prod"],
            &["c/*"],
        );
        finds(
            "develop",
            &["apps/web/overlays/develop", "apps/db/overlays/develop", "apps/db/overlays/prod"],
            &["apps/*/overlays"],
        );
        finds(
            "develop",
            &["apps/web/overlays/dev", "apps/web/overlays/prod"],
            &["apps/*/overlays"],
        );
        let teams: Vec<String> = (0..5)
            .flat_map(|team| [0, 1].map(|app| format!("t{team}/a{app}/overlays")))
            .flat_map(|root| ["dev", "prod"].map(|name| format!("{root}/{name}")))
            .collect();
        let teams: Vec<&str> = teams.iter().map(String::as_str).collect();
        finds("develop", &teams, &["*/*/overlays"]);
        finds("develop", &["web/overlays/dev", "web/overlays/prod"], &["web/overlays"]);
        finds("develop", &["dev", "prod/x", "base"], &["."]);
        finds("develop", &["eks-dev/a", "eks-prod/a"], &["."]);
        finds("blue", &["overlays/blue", "overlays/green"], &["overlays"]);
        finds("develop", &["overlays/dev[1]", "overlays/prod"], &["overlays"]);
        finds("dev", &["a[1]/dev", "a[1]/prod"], &["a\\[1]"]);
        // Inside an environment nothing else is one.
        finds("develop", &["envs/dev/x/test", "envs/dev/x/prod", "envs/prod/x"], &["envs"]);
    }

    #[test]
    fn other_names_are_no_environments() {
        finds("develop", &["k/local-storage", "k/test-operator"], &[]);
        finds("develop", &["web/base", "db/base"], &[]);
        finds("develop", &["x/prod"], &[]);
        // Sources without manifests.
        let tree = tree(&["src/test/a.rs", "src/dev/b.rs", "test/x/y.go", "prod/z.go"]);
        assert_eq!(tree.roots("develop"), BTreeSet::new());
    }

    #[test]
    fn a_tree_knows_what_is_only_in_git() {
        let mut tree = tree(&["o/dev/kustomization.yaml"]);
        tree.add(Path::new("o/prod/kustomization.yaml"), false);
        tree.add(Path::new("o/prod/x/y.yaml"), false);
        let here: Vec<&Path> =
            tree.dirs.iter().filter(|(_, dir)| dir.here).map(|(path, _)| path.as_path()).collect();
        assert_eq!(here, ["", "o", "o/dev"].map(Path::new));
        assert_eq!(tree.below(Path::new("o/prod")).count(), 2);
    }
}
