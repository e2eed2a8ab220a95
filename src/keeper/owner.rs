//! Whose checkout it is: the keeper never works on somebody else's files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::hitch::{Hitch, Result};
use crate::text::{shown, with_sudo};

/// Whether a checkout belongs to the user of this process.
#[must_use]
pub fn is_ours(top: &Path) -> bool {
    owner(top).is_ok_and(|owner| owner == rustix::process::geteuid().as_raw())
}

/// Whose checkout it is.
///
/// # Errors
/// When it is gone.
pub fn owner(top: &Path) -> Result<u32> {
    top.metadata().map(|meta| meta.uid()).map_err(|error| Hitch::io("examine", top, &error))
}

/// Refuses what belongs to somebody else; `words` are what its owner would run.
pub(super) fn owned_by_us(top: &Path, words: &str) -> Result<()> {
    let owner = owner(top)?;
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Hitch::new(
        format!("{} belongs to user {owner}: left alone", shown(top)),
        format!("{} {words}", with_sudo(&format!("-u '#{owner}'"), "kubectl-envguard")),
    ))
}
