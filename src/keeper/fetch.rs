//! What comes from the remotes; nothing in a working tree changes.

use std::path::Path;
use std::time::Duration;

use super::hitch::{Hitch, Result};
use crate::git;
use crate::text::{quoted, shown};

/// A remote that is slower than that is tried again at the next time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Fetches from all remotes of the checkout at `top`, as its owner: git would refuse
/// anybody else, and root's files in there would be in the owner's way.
///
/// # Errors
/// When a remote does not answer, or wants a password.
pub fn fetch(top: &Path) -> Result<()> {
    let words = ["fetch", "--all", "--quiet", "--no-recurse-submodules"];
    git::answer(git::command(top).args(words), PATIENCE).map(drop).map_err(|silence| {
        Hitch::new(
            format!("nothing new was fetched into {}: {silence}", shown(top)),
            format!("git -C {} fetch --all", quoted(top)),
        )
    })
}

/// A line that can be pasted as it is: it asks for the address that nobody here knows.
#[must_use]
pub fn line_to_clone(dir: &str) -> String {
    format!(
        "printf 'address of the repository: ' && read -r url && git clone \"$url\" {}",
        quoted(dir)
    )
}
