//! Files that git calls unchanged although it would write other bytes: a filter or
//! the ends of lines stand between index and disk. What git took off the disk there,
//! it could not give back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Git, Layout, Listing, records};
use crate::keeper::bytes;
use crate::keeper::hitch::Result;
use crate::keeper::plan::Plan;

/// Attributes that make git write other bytes than it stores.
const CONVERTING: [&[u8]; 6] =
    [b"filter", b"text", b"crlf", b"eol", b"ident", b"working-tree-encoding"];

/// Kept by content outside of git's own store: what is unchanged for git-lfs can be
/// had from there, and asking for it would fetch it.
const LFS: &[u8] = b"lfs";

/// Files of the present overlays, relative to the checkout, whose bytes git would
/// not write again. There are none unless git [`may_convert`].
pub(in crate::keeper) fn converted(
    git: &Git,
    layout: &Layout,
    top: &Path,
    listing: &Listing,
    plan: &Plan,
) -> Result<Vec<PathBuf>> {
    if plan.present.is_empty() {
        return Ok(Vec::new());
    }
    let here = |path: &[u8]| {
        let relative = layout.in_checkout(path)?;
        let is_foreign = plan.present.around(relative).is_some();
        let is_file =
            is_foreign && top.join(relative).symlink_metadata().is_ok_and(|m| m.is_file());
        is_file.then(|| relative.to_path_buf())
    };
    let entries = listing.entries.iter().filter(|entry| !entry.submodule);
    let paths: Vec<(Vec<u8>, PathBuf)> =
        entries.filter_map(|entry| Some((entry.path.to_vec(), here(entry.path)?))).collect();
    let mut found = Vec::new();
    let candidates = with_conversion(git, &paths)?;
    let stored = stored(git, &candidates)?;
    for (path, relative) in candidates.into_iter().filter(|(path, _)| !stored.contains(*path)) {
        let disk = std::fs::read(top.join(relative));
        // Gone meanwhile: nothing to lose.
        if disk.is_ok_and(|disk| written(git, path).is_none_or(|gits| gits != disk)) {
            found.push(relative.clone());
        }
    }
    Ok(found)
}

/// Whether anything is said about conversions at all.
pub(in crate::keeper) fn may_convert(
    git: &Git,
    layout: &Layout,
    listing: &Listing,
) -> Result<bool> {
    let is_attributes =
        |path: &[u8]| path == b".gitattributes" || path.ends_with(b"/.gitattributes");
    if listing.entries.iter().any(|entry| is_attributes(entry.path))
        || layout.common_dir.join("info/attributes").exists()
    {
        return Ok(true);
    }
    let keys = r"^(core\.(autocrlf|attributesfile)|filter\..*)$";
    Ok(git.ask(&["config", "--name-only", "--get-regexp", keys])?.is_some())
}

/// Those of `paths` for which git may write other bytes than it stores.
fn with_conversion<'p>(
    git: &Git,
    paths: &'p [(Vec<u8>, PathBuf)],
) -> Result<Vec<(&'p [u8], &'p PathBuf)>> {
    let input = super::terminated(paths.iter().map(|(path, _)| bytes::path(path)));
    let output = git.feed(&["check-attr", "-z", "--all", "--stdin"], Some(&input))?;
    let mut fields = records(&output);
    let (mut converted, mut lfs) = (BTreeSet::new(), BTreeSet::new());
    while let (Some(path), Some(name), Some(value)) = (fields.next(), fields.next(), fields.next())
    {
        if name == b"filter" && value == LFS {
            lfs.insert(path);
        } else if CONVERTING.contains(&name) && value != b"unset" {
            converted.insert(path);
        }
    }
    let autocrlf = git.ask(&["config", "core.autocrlf"])?.unwrap_or_default();
    let everywhere = !matches!(autocrlf.trim_ascii(), b"" | b"false");
    Ok(paths
        .iter()
        .filter(|(path, _)| !lfs.contains(&path[..]))
        .filter(|(path, _)| everywhere || converted.contains(&path[..]))
        .map(|(path, relative)| (&path[..], relative))
        .collect())
}

/// Those of `candidates` whose bytes on the disk are, as they are, in the index.
fn stored(git: &Git, candidates: &[(&[u8], &PathBuf)]) -> Result<BTreeSet<Vec<u8>>> {
    // What cannot stand in a line is asked about one by one.
    let is_line = |path: &[u8]| !path.contains(&b'\n') && !path.starts_with(b"\"");
    let paths: Vec<&[u8]> =
        candidates.iter().map(|(path, _)| *path).filter(|path| is_line(path)).collect();
    if paths.is_empty() {
        return Ok(BTreeSet::new());
    }
    let input = paths.join(&b'\n');
    let words = ["hash-object", "--no-filters", "--stdin-paths"];
    // One that has just gone, or cannot be read, spoils the answer for all.
    let Ok(hashes) = git.feed(&words, Some(&input)) else { return Ok(BTreeSet::new()) };
    let index = git.run(&["ls-files", "--stage", "-z"])?;
    let objects: BTreeMap<&[u8], &[u8]> = records(&index)
        .filter_map(|record| {
            let tab = record.iter().position(|byte| *byte == b'\t')?;
            Some((&record[tab + 1..], record[..tab].split(|byte| *byte == b' ').nth(1)?))
        })
        .collect();
    let hashes = hashes.split(|byte| *byte == b'\n');
    let same = paths.iter().zip(hashes).filter(|(path, hash)| objects.get(*path) == Some(hash));
    Ok(same.map(|(path, _)| path.to_vec()).collect())
}

/// What git would write to the disk; `None` when it cannot say.
fn written(git: &Git, path: &[u8]) -> Option<Vec<u8>> {
    let mut object = std::ffi::OsString::from(":");
    object.push(bytes::path(path));
    git.run(&["cat-file".as_ref(), "--filters".as_ref(), object.as_os_str()]).ok()
}
