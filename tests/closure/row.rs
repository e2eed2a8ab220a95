//! One row: a tree, a command line, what the real kubectl opens and what the guard
//! says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kubectl_envguard::path::join_clean;

use crate::support::{Field, Kubectl, Thing, Tree, config_map};

/// What the guard says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Runs,
    Refuses(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    what: &'static str,
    tree: Tree,
    opens: Vec<&'static str>,
    old_opens: Option<Vec<&'static str>>,
    guard: Guard,
}

/// The overlay that most rows are about.
pub(super) const OVERLAY: &str = "m/overlays/develop/kustomization.yaml";

/// A row about `text` as the kustomization of `overlays/develop`, built with
/// `kubectl kustomize`.
pub(super) fn kustomization(what: &'static str, text: &str) -> Row {
    row(what, &["kustomize", "overlays/develop"]).file(OVERLAY, text)
}

/// A row about a command line in the usual tree.
pub(super) fn row(what: &'static str, words: &[&str]) -> Row {
    let mut things = BTreeMap::new();
    let mut put = |path: &str, text: &str| {
        things.insert(path.to_owned(), Thing::File(text.to_owned()));
    };
    put(OVERLAY, "resources: [a.yaml]\n");
    put("m/overlays/prod/kustomization.yaml", "resources: [p.yaml]\n");
    put("m/base/kustomization.yaml", "resources: [b.yaml]\n");
    for (path, name) in
        [("overlays/develop/a.yaml", "a"), ("overlays/prod/p.yaml", "p"), ("base/b.yaml", "b")]
    {
        put(&format!("m/{path}"), &config_map(name));
    }
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let tree = Tree { things, words, here: "m".to_owned(), logical: false };
    Row { what, tree, opens: Vec::new(), old_opens: None, guard: Guard::Runs }
}

impl Row {
    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        self.tree.things.insert(path.to_owned(), Thing::File(text.to_owned()));
        self
    }

    pub(super) fn link(mut self, path: &str, to: &str) -> Self {
        self.tree.things.insert(path.to_owned(), Thing::Link(to.to_owned()));
        self
    }

    /// Everything below one directory stands below another.
    pub(super) fn moved(mut self, from: &str, to: &str) -> Self {
        let things = std::mem::take(&mut self.tree.things).into_iter();
        let moved = |path: String| match path.strip_prefix(from) {
            Some(rest) => format!("{to}{rest}"),
            None => path,
        };
        self.tree.things = things.map(|(path, thing)| (moved(path), thing)).collect();
        self
    }

    pub(super) fn without(mut self, path: &str) -> Self {
        self.tree.things.remove(path);
        self
    }

    /// Run there; `logical`: `$PWD` says so, as after `cd`.
    pub(super) fn from(mut self, here: &str, logical: bool) -> Self {
        (self.tree.here, self.tree.logical) = (here.to_owned(), logical);
        self
    }

    /// The files below the checkout that kubectl 1.27 and later open.
    pub(super) fn opens(mut self, paths: &[&'static str]) -> Self {
        self.opens = paths.to_vec();
        self
    }

    /// The same for kubectl 1.20, where it differs.
    pub(super) fn old_opens(mut self, paths: &[&'static str]) -> Self {
        self.old_opens = Some(paths.to_vec());
        self
    }

    pub(super) fn refused(mut self, code: &'static str) -> Self {
        self.guard = Guard::Refuses(code);
        self
    }

    /// What is wrong with this row, if anything.
    pub(super) fn complaints(&self, field: &Field, kubectl: &Kubectl) -> Vec<String> {
        let findings = field.try_out(&self.tree, kubectl);
        let top = field.instance.path("m");
        let mut complaints = Vec::new();
        let mut complain = |text: String| {
            complaints.push(format!("{} (kubectl {}): {text}", self.what, kubectl.version));
        };
        let expected = match &self.old_opens {
            Some(old) if !kubectl.is_at_least(21) => old,
            _ => &self.opens,
        };
        let expected: BTreeSet<PathBuf> =
            expected.iter().map(|path| join_clean(&top, path.as_ref())).collect();
        if findings.opened != expected {
            complain(format!("opens {:?}, not {expected:?}", findings.opened));
        }
        if !findings.missed().is_empty() {
            complain(format!("not listed: {:?}", findings.missed()));
        }
        if !findings.leaked(&top.join("overlays/prod")).is_empty() {
            complain("opens what is foreign and would run".to_owned());
        }
        let said = match findings.answer.codes.first() {
            None => "runs".to_owned(),
            Some(code) => code.clone(),
        };
        let wanted = match self.guard {
            Guard::Runs => "runs",
            Guard::Refuses(code) => code,
        };
        if said != wanted {
            complain(format!("the guard says {said}, not {wanted}: {:?}", findings.answer.codes));
        }
        complaints
    }
}
