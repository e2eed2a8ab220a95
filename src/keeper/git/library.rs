//! libgit2: reading without a process per question. It is not asked to write.

use std::collections::HashSet;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Tree};

use super::Listing;
use crate::keeper::bytes;
use crate::policy::CheckoutRule;

/// What the keeper asks about HEAD and its upstream, or why libgit2 cannot say
/// (SHA-256, reftable, unknown extensions).
pub(super) fn read(
    top: &Path,
    prefix: &Path,
    rule: &CheckoutRule,
    before: Option<&Listing>,
) -> Result<Listing, git2::Error> {
    let repository = Repository::open(top)?;
    let mut listing = Listing::default();
    let head = match repository.head() {
        Ok(head) => Some(head),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(error) => return Err(error),
    };
    let Some(head) = head else { return Ok(listing) };
    let commit = head.peel_to_commit()?;
    listing.head = Some(commit.id().to_string());
    listing.branch = head.is_branch().then(|| head.shorthand().unwrap_or_default().to_owned());
    let walk = Walk { repository: &repository, rule, prefix };
    match before.filter(|before| before.head == listing.head) {
        Some(before) => listing.head_dirs.clone_from(&before.head_dirs),
        None => walk.descend(&commit.tree()?, Path::new(""), &mut listing.head_dirs)?,
    }
    let upstream = head
        .is_branch()
        .then(|| git2::Branch::wrap(head).upstream())
        .and_then(Result::ok)
        .and_then(|upstream| upstream.get().peel_to_tree().ok());
    if let Some(upstream) = upstream
        && upstream.id() != commit.tree_id()
    {
        listing.upstream = Some(upstream.id().to_string());
        match before.filter(|before| before.upstream == listing.upstream) {
            Some(before) => listing.upstream_dirs.clone_from(&before.upstream_dirs),
            None => walk.descend(&upstream, Path::new(""), &mut listing.upstream_dirs)?,
        }
    }
    Ok(listing)
}

/// Those of `objects` that the repository has.
pub(super) fn stored<'o>(
    top: &Path,
    objects: impl Iterator<Item = &'o [u8]>,
) -> Result<HashSet<&'o [u8]>, git2::Error> {
    let repository = Repository::open(top)?;
    let store = repository.odb()?;
    let mut stored = HashSet::new();
    for object in objects {
        let name = Oid::from_str(&String::from_utf8_lossy(object))?;
        if store.exists(name) {
            stored.insert(object);
        }
    }
    Ok(stored)
}

/// SHA-1 of `content` as a blob, in hexadecimal.
pub(super) fn sha1(content: &[u8]) -> Option<String> {
    Oid::hash_object(ObjectType::Blob, content).ok().map(|object| object.to_string())
}

/// The same for a file, which is not read as a whole.
pub(super) fn sha1_of_file(file: &Path) -> Option<String> {
    Oid::hash_file(ObjectType::Blob, file).ok().map(|object| object.to_string())
}

struct Walk<'r> {
    repository: &'r Repository,
    rule: &'r CheckoutRule,
    prefix: &'r Path,
}

impl Walk<'_> {
    /// Lists directories, and goes on only where an overlay root may be.
    fn descend(
        &self,
        tree: &Tree<'_>,
        dir: &Path,
        found: &mut Vec<Vec<u8>>,
    ) -> Result<(), git2::Error> {
        for entry in tree {
            if entry.kind() != Some(ObjectType::Tree) {
                continue;
            }
            let path = dir.join(bytes::path(entry.name_bytes()));
            found.push(path.as_os_str().as_encoded_bytes().to_vec());
            if self.leads_on(&path) {
                let below: Oid = entry.id();
                self.descend(&self.repository.find_tree(below)?, &path, found)?;
            }
        }
        Ok(())
    }

    fn leads_on(&self, path: &Path) -> bool {
        match path.strip_prefix(self.prefix) {
            Ok(relative) => self.rule.leads_below(relative) || self.rule.is_root(relative),
            Err(_) => self.prefix.starts_with(path),
        }
    }
}
