//! Files that git calls unchanged although it would write other bytes: a filter or
//! the ends of lines stand between index and disk. What git took off the disk there,
//! it could not give back.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::{Git, Layout, Listing, object, records};
use crate::keeper::bytes;
use crate::keeper::hitch::Result;
use crate::keeper::plan::Plan;

/// Attributes that make git write other bytes than it stores.
const CONVERTING: [&[u8]; 6] =
    [b"filter", b"text", b"crlf", b"eol", b"ident", b"working-tree-encoding"];

/// The filter of git-lfs, which keeps contents in a store of its own. It is not run:
/// it would fetch.
const LFS: &[u8] = b"lfs";

/// Longer than any pointer of git-lfs.
const MAX_POINTER: usize = 1024;

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
    let conversions = Conversions::of(git, layout, paths.iter().map(|(path, _)| &path[..]))?;
    let candidates: Vec<(&[u8], &PathBuf)> = paths
        .iter()
        .filter(|(path, _)| conversions.concern(path))
        .map(|(path, relative)| (&path[..], relative))
        .collect();
    let stored = stored(git, &candidates)?;
    let lost = candidates.iter().filter(|(path, relative)| {
        let file = top.join(relative);
        let is_stored = stored.contains(*path);
        // Gone meanwhile: nothing to lose.
        !conversions.can_give_back(git, path, &file, is_stored) && file.symlink_metadata().is_ok()
    });
    Ok(lost.map(|(_, relative)| PathBuf::clone(relative)).collect())
}

/// For which files git may write other bytes than it stores.
#[derive(Debug, Default)]
pub(in crate::keeper) struct Conversions {
    converted: HashSet<Vec<u8>>,
    /// Those of git-lfs.
    lfs: HashSet<Vec<u8>>,
    /// All of them.
    everywhere: bool,
    /// Where git-lfs keeps contents.
    store: PathBuf,
}

impl Conversions {
    /// What git says of `paths`.
    pub(in crate::keeper) fn of<'p>(
        git: &Git,
        layout: &Layout,
        paths: impl Iterator<Item = &'p [u8]>,
    ) -> Result<Self> {
        let input = super::terminated(paths.map(bytes::path));
        let output = git.feed(&["check-attr", "-z", "--all", "--stdin"], Some(&input))?;
        let mut found = Self::default();
        let mut fields = records(&output);
        while let (Some(path), Some(name), Some(value)) =
            (fields.next(), fields.next(), fields.next())
        {
            if name == b"filter" && value == LFS {
                found.lfs.insert(path.to_vec());
            } else if CONVERTING.contains(&name) && value != b"unset" {
                found.converted.insert(path.to_vec());
            }
        }
        let autocrlf = git.ask(&["config", "core.autocrlf"])?.unwrap_or_default();
        found.everywhere = !matches!(autocrlf.trim_ascii(), b"" | b"false");
        if !found.lfs.is_empty() {
            let configured = git.ask(&["config", "--type=path", "lfs.storage"])?;
            let configured =
                configured.as_deref().map_or(&b"lfs"[..], |path| path.trim_ascii_end());
            found.store = layout.common_dir.join(bytes::path(configured));
        }
        Ok(found)
    }

    /// Whether git may write other bytes to `path` than it stores.
    pub(in crate::keeper) fn concern(&self, path: &[u8]) -> bool {
        self.everywhere || self.lfs.contains(path) || self.converted.contains(path)
    }

    /// Whether the bytes of `file`, which is or was at `path`, can be had from git:
    /// it stores them as they are, or would write them.
    pub(in crate::keeper) fn can_give_back(
        &self,
        git: &Git,
        path: &[u8],
        file: &Path,
        is_stored: bool,
    ) -> bool {
        if self.lfs.contains(path) {
            return self.is_in_store(git, path, file, is_stored);
        }
        let would_write = || {
            let disk = std::fs::read(file);
            disk.is_ok_and(|disk| written(git, path).is_some_and(|gits| gits == disk))
        };
        is_stored || self.concern(path) && would_write()
    }

    /// Whether git-lfs has the content here: a pointer alone brings nothing back.
    fn is_in_store(&self, git: &Git, path: &[u8], file: &Path, is_stored: bool) -> bool {
        let Ok(blob) = git.run(&["cat-file".as_ref(), "blob".as_ref(), in_index(path).as_os_str()])
        else {
            return false;
        };
        let Some((name, size)) = pointer(&blob) else { return is_stored };
        let shards = [&name[..2], &name[2..4], name];
        let kept = shards.iter().fold(self.store.join("objects"), |dir, part| dir.join(part));
        let is_kept = kept.metadata().is_ok_and(|found| found.is_file() && found.len() == size);
        let has_content = || object::sha256(file).is_ok_and(|digest| digest == name);
        is_kept && (is_stored || has_content())
    }
}

/// The object and the size that a pointer of git-lfs names.
fn pointer(blob: &[u8]) -> Option<(&str, u64)> {
    let text = std::str::from_utf8(blob.get(..MAX_POINTER.min(blob.len()))?).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    field("version ")?;
    let object = field("oid sha256:")?;
    let is_digest = object.len() == 64 && object.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((object, field("size ")?.parse().ok()?)).filter(|_| is_digest)
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
    git.run(&["cat-file".as_ref(), "--filters".as_ref(), in_index(path).as_os_str()]).ok()
}

/// git's name for what the index has at `path`.
fn in_index(path: &[u8]) -> std::ffi::OsString {
    // With its stage: a path may begin with a digit and a colon.
    let mut object = std::ffi::OsString::from(":0:");
    object.push(bytes::path(path));
    object
}
