//! Which objects git still has: a repository can have lost what its index names.

use std::collections::HashSet;

use super::{Git, Layout, library};
use crate::keeper::hitch::Result;

/// Those of `objects` that the repository has. Nothing is fetched for it: what a partial
/// clone has on the disk, it has had, and keeps.
pub(in crate::keeper) fn stored<'o>(
    git: &Git,
    layout: &Layout,
    objects: impl Iterator<Item = &'o [u8]> + Clone,
) -> Result<HashSet<&'o [u8]>> {
    match library::stored(&layout.top, objects.clone()) {
        Ok(stored) => Ok(stored),
        // SHA-256, unknown extensions.
        Err(_) => asked(git, objects),
    }
}

fn asked<'o>(
    git: &Git,
    objects: impl Iterator<Item = &'o [u8]> + Clone,
) -> Result<HashSet<&'o [u8]>> {
    let input: Vec<u8> = objects.clone().flat_map(|object| [object, b"\n"].concat()).collect();
    let words = ["cat-file", "--batch-check=%(objectname)", "--buffer"];
    let answer = git.feed(&words, Some(&input))?;
    // One line for each, in their order: the name, or the name and why there is none.
    let lines = answer.split(|byte| *byte == b'\n');
    Ok(objects
        .zip(lines)
        .filter(|(object, line)| object == line)
        .map(|(object, _)| object)
        .collect())
}
