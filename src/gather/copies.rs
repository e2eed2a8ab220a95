//! Files that are not committed and are what another environment has: a promotion by
//! copy looks exactly like the accident, so a person is told.
//!
//! This is for `check` and for the question before a command runs. A command that
//! nobody is asked about does not pay for it.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::committed::{Committed, MAX_BLOB};
use super::trees;
use crate::git;
use crate::judge::{self, Copied, Facts, Place, place};
use crate::kubectl::Request;
use crate::policy::Policy;

/// Paths that are given to one git; the kernel takes some two megabytes of them.
const AT_ONCE: usize = 200;

/// The files that `request` reads in allowed overlays, that are not committed, and of
/// which git knows the same content in a foreign overlay and nowhere else. Where git
/// does not answer there are none: `policy.uncommitted` is the rule for that.
#[must_use]
pub fn copies(policy: &Policy, request: &Request, facts: &Facts) -> Vec<Copied> {
    if !judge::changes(policy, request) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, changed) in trees::changed(facts) {
        let checkout = &facts.territory.checkouts[index];
        let own: BTreeSet<PathBuf> = changed
            .into_iter()
            .filter(|file| is_comparable(file))
            .filter(|file| place(file, policy, &facts.territory) == Place::Allowed)
            .collect();
        if own.is_empty() {
            continue;
        }
        let Some(ids) = ids(&checkout.top, &own) else { continue };
        let Ok(committed) = Committed::of(checkout, policy, &facts.territory, &own) else {
            continue;
        };
        for (file, id) in own.into_iter().zip(ids) {
            if let Some(origin) = committed.foreign.get(&id)
                && !committed.other.contains(&id)
            {
                let (of, revision) = (origin.path.clone(), origin.revision);
                found.push(Copied { file, of, revision });
            }
        }
    }
    found
}

/// An empty file equals every other.
fn is_comparable(file: &Path) -> bool {
    file.symlink_metadata()
        .is_ok_and(|data| data.is_file() && (1..=MAX_BLOB).contains(&data.size()))
}

/// What git would call the contents of `files`, one for each.
fn ids(top: &Path, files: &BTreeSet<PathBuf>) -> Option<Vec<String>> {
    let files: Vec<&PathBuf> = files.iter().collect();
    let mut ids = Vec::new();
    for some in files.chunks(AT_ONCE) {
        let mut command = git::command(top);
        command.args(["hash-object", "--"]).args(some);
        let answer = git::answer(&mut command, git::LIMIT).ok()?;
        ids.extend(String::from_utf8_lossy(&answer).lines().map(str::to_owned));
    }
    (ids.len() == files.len()).then_some(ids)
}
