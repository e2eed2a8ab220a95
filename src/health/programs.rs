//! Which kubectl the shell would start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::finding::no_configuration;
use super::{Finding, Situation};
use crate::env::{Env, is_executable};
use crate::exec::{self, Own};
use crate::installed::Installed;
use crate::text::listed;

/// Other programs that reach the cluster.
const OTHERS: [&str; 6] = ["helm", "k9s", "kustomize", "argocd", "flux", "stern"];

/// The kubectls that `PATH` leads to.
#[derive(Debug, Clone, Default)]
pub(super) struct Programs {
    /// The first one.
    pub(super) first: Option<PathBuf>,
    /// Whether that is the shim.
    pub(super) first_is_ours: bool,
    /// Whether the shim stands further behind.
    pub(super) shim: Option<PathBuf>,
    /// Whether there is a real one.
    pub(super) real: Option<PathBuf>,
}

impl Programs {
    pub(super) fn of_path(env: &Env) -> Self {
        Self::of(env.get("PATH").unwrap_or_default())
    }

    /// Those of another `PATH`.
    pub(super) fn of(path: &OsStr) -> Self {
        let own = Own::of_process();
        let mut found = Self::default();
        for program in std::env::split_paths(path).map(|dir| dir.join("kubectl")) {
            if !is_executable(&program) {
                continue;
            }
            let ours = own.has(&program);
            if found.first.is_none() {
                found.first = Some(program.clone());
                found.first_is_ours = ours;
            }
            let place = if ours { &mut found.shim } else { &mut found.real };
            place.get_or_insert(program);
        }
        found
    }
}

/// The directory with the shim called `kubectl`: beside the program in a build or
/// demo, `PREFIX/lib/envguard/shims` when it is installed.
#[must_use]
pub(crate) fn shim_directory(exe: &Path) -> Option<PathBuf> {
    let dir = exe.parent()?;
    ["shims", "../lib/envguard/shims"]
        .iter()
        .map(|place| crate::path::join_clean(dir, Path::new(place)))
        .find(|place| is_executable(&place.join("kubectl")))
}

impl Situation {
    /// The kubectl that would run.
    pub(super) fn kubectl(&self) -> Option<PathBuf> {
        exec::find(self.policy(), &self.env, &Own::of_process()).ok()
    }
}

/// The installed kubectl against the table.
pub(super) fn release(situation: &Situation) -> Finding {
    if situation.policy().is_none() {
        return no_configuration();
    }
    let Some(kubectl) = situation.kubectl() else {
        return Finding::Unknown("there is no real kubectl".into());
    };
    match Installed::new(&kubectl, &situation.env).release() {
        None => Finding::Unknown("kubectl does not tell its release".into()),
        Some(release) => match release.remark() {
            None => Finding::Told(format!("kubectl {release}")),
            // What the table lacks is looked up: nothing is wrong.
            Some(remark) => Finding::Told(remark),
        },
    }
}

/// Programs that nobody judges. They are no failure: they have their uses.
pub(super) fn unguarded(situation: &Situation) -> Finding {
    let path = situation.env.get("PATH").unwrap_or_default();
    let is_here =
        |name: &&str| std::env::split_paths(path).any(|dir| is_executable(&dir.join(name)));
    let found: Vec<&str> = OTHERS.into_iter().filter(|name| is_here(name)).collect();
    if found.is_empty() {
        return Finding::Fine;
    }
    let verb = if found.len() == 1 { "is" } else { "are" };
    Finding::Told(format!("{} {verb} not judged, but KUBECONFIG leads to the pin", listed(&found)))
}
