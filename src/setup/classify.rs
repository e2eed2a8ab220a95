//! What a checkout consists of: its overlay roots, whose overlays they hold, and
//! what the allowed ones need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::children::{Children, compiled};
use super::layout::{Tree, escaped, patterns};
use super::misnamed;
use super::survey::{Entry, Survey};
use super::trouble::{Result, Trouble};
use super::words;
use crate::gather;
use crate::judge::{Facts, Role, Whereabouts};
use crate::pattern::Pattern;
use crate::policy::{CheckoutRule, Policy, RootPattern, Standing};
use crate::text::{listed, shown};

/// Looks at the checkout at `top`, which has the directories `tree`. `stated` is what
/// is known already, and `policy` makes a policy of an entry.
///
/// # Errors
/// When no environments are found in it, or none is this one.
pub(super) fn survey(
    top: &Path,
    tree: &Tree,
    environment: &str,
    stated: &Entry,
    policy: &dyn Fn(&Entry) -> Result<Policy>,
) -> Result<Survey> {
    let mut entry = stated.clone();
    let found = patterns(&tree.roots(environment));
    if entry.roots.is_empty() && found.is_empty() {
        return super::branches::by_branch(top, environment, tree, entry);
    }
    if !entry.exact_roots {
        add_roots(&mut entry, tree, found);
    }
    let roots = compiled(&entry.roots)?;
    let children = Children::of(tree, &roots);
    let names: BTreeSet<&str> = children.with_manifests().map(|(_, name)| name).collect();
    if entry.allow.is_empty() {
        entry.allow = words::meaning(environment, &names).into_iter().map(escaped).collect();
    }
    if entry.allow.is_empty() {
        return Err(no_overlay(top, environment, &entry, &names));
    }
    let mut notes = tree.gaps.clone();
    notes.extend(unlisted(tree, &roots));
    notes.extend(misnamed::notes(&entry.allow, &names));
    let overlays = names.into_iter().map(str::to_owned).collect();
    let mut survey = Survey { top: top.to_path_buf(), overlays, notes, ..Survey::default() };
    survey.classify(&children, entry, policy)?;
    Ok(survey)
}

/// Children that no list can name, because YAML is UTF-8.
fn unlisted<'t>(tree: &'t Tree, roots: &'t [RootPattern]) -> impl Iterator<Item = String> + 't {
    let is_child = |dir: &&PathBuf| {
        dir.file_name().is_some_and(|name| name.to_str().is_none())
            && dir.parent().is_some_and(|root| roots.iter().any(|pattern| pattern.matches(root)))
    };
    tree.dirs.keys().filter(is_child).map(|dir| {
        format!(
            "{} stays on the disk, and may not be applied: its name is not UTF-8, so no list can hold it",
            shown(dir)
        )
    })
}

/// Roots that the stated ones do not cover.
fn add_roots(entry: &mut Entry, tree: &Tree, found: Vec<String>) {
    if entry.roots.is_empty() {
        entry.roots = found;
        return;
    }
    let known: Vec<RootPattern> =
        entry.roots.iter().filter_map(|root| RootPattern::new(root).ok()).collect();
    for pattern in found {
        let Ok(root) = RootPattern::new(&pattern) else { continue };
        let mut dirs = tree.children().into_keys().filter(|dir| root.matches(dir)).peekable();
        let new =
            dirs.peek().is_some() && dirs.any(|dir| !known.iter().any(|known| known.matches(dir)));
        if new {
            entry.roots.push(pattern);
        }
    }
}

fn no_overlay(top: &Path, environment: &str, entry: &Entry, names: &BTreeSet<&str>) -> Trouble {
    let found: Vec<String> = names.iter().take(20).map(shown).collect();
    let what = if found.is_empty() {
        format!("{} has no manifests below {}", shown(top), listed(&entry.roots))
    } else {
        let found = listed(&found);
        format!("{} has {found}: which of them is {}?", shown(top), shown(environment))
    };
    Trouble::unnamed(what, "name them: --allow NAME (and --overlay-root DIR)")
}

impl Survey {
    /// Whose each child is: what the allowed overlays reach is shared, what is named
    /// after another environment is foreign, and so is what is built of the same
    /// parts without being reached.
    fn classify(
        &mut self,
        children: &Children<'_>,
        mut entry: Entry,
        policy_of: &dyn Fn(&Entry) -> Result<Policy>,
    ) -> Result<()> {
        let open = Entry { shared: Vec::new(), foreign: Some(Vec::new()), ..entry.clone() };
        let policy = policy_of(&open)?;
        let own = policy.checkouts.first();
        let is_allowed = |name: &str| own.is_some_and(|rule| rule.allows(name.as_ref()));
        let (mine, others): (Vec<_>, Vec<_>) =
            children.with_manifests().partition(|(_, name)| is_allowed(name));
        let facts = self.references(&policy, children, &mine);
        let reached = self.reached(own, &facts, &is_allowed);
        self.note_remotes(&facts);
        let needed: BTreeSet<&str> = reached.iter().map(|(_, name)| name.as_str()).collect();
        let mut foreign: BTreeSet<&str> = others
            .iter()
            .map(|(_, name)| *name)
            .filter(|name| !words::environments(name).is_empty())
            .collect();
        let unknown: Vec<(&Path, &str)> = others
            .iter()
            .copied()
            .filter(|(_, name)| !foreign.contains(name) && !needed.contains(name))
            .filter(|(_, name)| !is_usual_base(name))
            .collect();
        foreign.extend(self.built_alike(&policy, children, &facts, &unknown));
        for name in foreign.iter().filter(|name| needed.contains(*name)) {
            self.notes.push(format!(
                "{} is built on {}, so {} is shared: it may be referenced here, not applied, and stays on the disk",
                listed(&entry.allow), shown(name), shown(name)
            ));
        }
        foreign.retain(|name| !needed.contains(name));
        let usual: BTreeSet<&str> = children
            .all
            .iter()
            .map(|(_, name)| *name)
            .filter(|name| is_usual_base(name) && !is_allowed(name))
            .collect();
        let shared = needed.iter().chain(&usual).copied();
        let stated = stated(&entry);
        if !entry.exact_shared {
            add(&mut entry.shared, shared, &stated);
        }
        let stated = self::stated(&entry);
        match &mut entry.foreign {
            Some(_) if entry.exact_foreign => {}
            Some(list) => add(list, foreign.iter().copied(), &stated),
            None if entry.configured => {}
            none => *none = Some(foreign.iter().copied().map(escaped).collect()),
        }
        if let Some(rule) = policy_of(&entry)?.checkouts.first() {
            self.overlays(children, rule, &mine);
        }
        self.entry = entry;
        Ok(())
    }

    /// What the kustomizations of these children pull in.
    fn references(&self, policy: &Policy, children: &Children<'_>, of: &[(&Path, &str)]) -> Facts {
        let dirs: Vec<PathBuf> = of
            .iter()
            .flat_map(|(root, name)| {
                let dir = root.join(name);
                let below: Vec<PathBuf> = children
                    .tree
                    .below(&dir)
                    .filter(|(_, known)| known.here && known.kustomization)
                    .map(|(path, _)| self.top.join(path))
                    .collect();
                below
            })
            .collect();
        gather::references(policy, gather::survey(policy), &dirs)
    }

    /// The other children of roots that were reached.
    fn reached(
        &self,
        rule: Option<&CheckoutRule>,
        facts: &Facts,
        is_allowed: &dyn Fn(&str) -> bool,
    ) -> BTreeSet<(PathBuf, String)> {
        let mut found = BTreeSet::new();
        for (_, path) in local_references(facts) {
            let Ok(relative) = path.strip_prefix(&self.top) else { continue };
            let mut walked = PathBuf::new();
            for part in relative.components() {
                let Component::Normal(name) = part else { continue };
                let in_root = rule.is_some_and(|rule| rule.is_root(&walked));
                let is_dir = self.top.join(&walked).join(name).is_dir();
                if let Some(name) =
                    name.to_str().filter(|name| in_root && is_dir && !is_allowed(name))
                {
                    found.insert((walked.clone(), name.to_owned()));
                }
                walked.push(name);
            }
        }
        found
    }

    fn note_remotes(&mut self, facts: &Facts) {
        for reached in &facts.reached {
            match &reached.whereabouts {
                Whereabouts::Remote(Ok(remote)) => {
                    self.remotes.insert(remote.owner());
                }
                Whereabouts::Remote(Err(problem)) => self.notes.push(format!(
                    "{} cannot be listed under policy.remotes: {problem}",
                    shown(&reached.spelled)
                )),
                _ => {}
            }
        }
    }

    /// Those of `unknown` that are built of what the allowed overlays are built of:
    /// `green` beside `blue`.
    fn built_alike<'n>(
        &self,
        policy: &Policy,
        children: &Children<'_>,
        allowed: &Facts,
        unknown: &[(&Path, &'n str)],
    ) -> BTreeSet<&'n str> {
        let parts: BTreeSet<&PathBuf> =
            local_references(allowed).map(|(_, path)| path).filter(|path| path.is_dir()).collect();
        let mut alike = BTreeSet::new();
        if unknown.is_empty() || parts.is_empty() {
            return alike;
        }
        let facts = self.references(policy, children, unknown);
        let names: BTreeMap<PathBuf, &str> =
            unknown.iter().map(|(root, name)| (self.top.join(root).join(name), *name)).collect();
        for (file, path) in local_references(&facts).filter(|(_, path)| parts.contains(path)) {
            // From the file upwards: the children are thousands, its ancestors a handful.
            let around = file.ancestors().filter(|dir| !path.starts_with(dir));
            alike.extend(around.filter_map(|dir| names.get(dir)));
        }
        alike
    }

    /// What may be applied and what not, and what `tidy` would remove.
    fn overlays(&mut self, children: &Children<'_>, rule: &CheckoutRule, mine: &[(&Path, &str)]) {
        for (root, name) in mine {
            self.allowed.extend(children.targets(&self.top, &root.join(name)));
        }
        let with_allowed: BTreeSet<&Path> = children
            .all
            .iter()
            .filter(|(_, name)| rule.allows(name.as_ref()))
            .map(|(root, _)| *root)
            .collect();
        for (root, name) in &children.all {
            let dir = root.join(name);
            if rule.standing(name.as_ref(), with_allowed.contains(root)) == Standing::Foreign
                && children.tree.dirs.get(&dir).is_some_and(|dir| dir.here)
            {
                self.foreign.extend(children.targets(&self.top, &dir));
                let removal = self.removals.entry(root.to_path_buf()).or_default();
                removal.overlays.push((*name).to_owned());
            }
        }
    }
}

fn is_usual_base(name: &str) -> bool {
    ["base", "common", "components"].contains(&name) || name.starts_with('_')
}

/// What is referenced on this disk: by which file, and where it is.
fn local_references(facts: &Facts) -> impl Iterator<Item = (&PathBuf, &PathBuf)> {
    facts.reached.iter().flat_map(|reached| {
        let (Role::Reference { file, .. }, Whereabouts::Local(local)) =
            (&reached.role, &reached.whereabouts)
        else {
            return Vec::new();
        };
        local.readings.iter().map(|path| (file, path)).collect()
    })
}

fn compiled_names(names: &[String]) -> Vec<Pattern> {
    names.iter().filter_map(|name| Pattern::new(name.as_bytes()).ok()).collect()
}

/// Everything that some list of the entry matches already.
fn stated(entry: &Entry) -> Vec<Pattern> {
    let lists = [&entry.allow, &entry.shared];
    let foreign = entry.foreign.iter();
    lists.into_iter().chain(foreign).flat_map(|list| compiled_names(list)).collect()
}

fn add<'n>(list: &mut Vec<String>, names: impl Iterator<Item = &'n str>, stated: &[Pattern]) {
    for name in names {
        let known = stated.iter().any(|pattern| pattern.matches(name.as_bytes()));
        let pattern = if name.starts_with('_') { "_*".to_owned() } else { escaped(name) };
        if !known && !list.contains(&pattern) {
            list.push(pattern);
        }
    }
}
