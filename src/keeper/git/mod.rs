//! What git knows of a checkout, and what it is told to do.

mod command;
pub(super) mod converted;
mod library;
pub(super) mod object;
pub(super) mod sparse;
pub(super) mod staged;
pub(super) mod stored;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub(super) use command::Git;

use super::bytes;
use super::hitch::{Hitch, Result};
use super::plan::Seen;
use crate::policy::CheckoutRule;
use crate::text::{quoted, shown};

/// Where a checkout's repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The working tree's top; the checkout may lie below it.
    pub(super) top: PathBuf,
    /// The checkout relative to `top`; empty nearly always.
    pub(super) prefix: PathBuf,
    /// What other checkouts of the configuration in this working tree have there.
    pub(super) neighbours: Vec<PathBuf>,
    /// This working tree's own git directory.
    pub(super) git_dir: PathBuf,
    /// The git directory that all working trees of the repository share.
    pub(super) common_dir: PathBuf,
}

/// One entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'l> {
    /// Relative to the working tree's top.
    pub(super) path: &'l [u8],
    /// git does not look for it on the disk.
    pub(super) skipped: bool,
    /// It is a submodule.
    pub(super) submodule: bool,
}

/// The index, in two pieces of memory however many entries it has: the watcher
/// lives long and must stay small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries {
    text: Vec<u8>,
    /// Where each path ends, skipped, submodule.
    ends: Vec<(u32, bool, bool)>,
}

impl Entries {
    fn push(&mut self, entry: Entry<'_>) {
        self.text.extend_from_slice(entry.path);
        // An index of more than 4 GB of names is beyond git.
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.ends.push((end, entry.skipped, entry.submodule));
    }

    /// In git's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |(end, skipped, submodule)| {
            let path = &self.text[start..*end as usize];
            start = *end as usize;
            Entry { path, skipped: *skipped, submodule: *submodule }
        })
    }
}

/// What git knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// HEAD's commit; `None` before the first.
    pub(super) head: Option<String>,
    /// The branch that is checked out.
    pub(super) branch: Option<String>,
    /// The upstream's tree, when it is not HEAD's.
    pub(super) upstream: Option<String>,
    /// The index.
    pub(super) entries: Entries,
    /// Directories of HEAD.
    pub(super) head_dirs: Vec<Vec<u8>>,
    /// Directories of the upstream's commit.
    pub(super) upstream_dirs: Vec<Vec<u8>>,
}

/// Finds the repository of `checkout`.
///
/// # Errors
/// When it is not in a git working tree, or git refuses to look.
pub(super) fn layout(checkout: &Path) -> Result<Layout> {
    let git = Git::new(checkout);
    let words = ["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"];
    let output = git.run(&words).map_err(|hitch| not_a_tree(checkout, hitch))?;
    let lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    let [top, git_dir, common_dir, ..] = lines[..] else {
        return Err(Hitch::new(
            format!("{} is not a git working tree", shown(checkout)),
            "correct `checkouts` in the configuration",
        ));
    };
    let real =
        |path: PathBuf| path.canonicalize().map_err(|error| Hitch::io("find", &path, &error));
    let top = real(bytes::path(top).to_path_buf())?;
    let prefix = checkout.strip_prefix(&top).unwrap_or(Path::new("")).to_path_buf();
    Ok(Layout {
        prefix,
        neighbours: Vec::new(),
        git_dir: real(bytes::path(git_dir).to_path_buf())?,
        common_dir: real(checkout.join(bytes::path(common_dir)))?,
        top,
    })
}

fn not_a_tree(checkout: &Path, hitch: Hitch) -> Hitch {
    if hitch.what.contains("dubious ownership") {
        return Hitch::new(
            format!("git refuses to look into {}: it belongs to somebody else", shown(checkout)),
            format!("git config --global --add safe.directory {}", quoted(checkout)),
        );
    }
    if hitch.what.contains("not a git repository")
        || hitch.what.contains("must be run in a work tree")
    {
        return Hitch::new(
            format!("{} is not a git working tree: nothing is done there", shown(checkout)),
            "correct `checkouts` in the configuration, or clone: kubectl envguard tidy --clone URL DIR",
        );
    }
    hitch
}

/// Reads HEAD and upstream: with libgit2, and where that cannot, with git. `before`
/// is what was read for the same rule. The index is left to [`index`].
///
/// # Errors
/// When git cannot read the repository either.
pub(super) fn commits(
    layout: &Layout,
    rule: &CheckoutRule,
    before: Option<&Listing>,
) -> Result<Listing> {
    match library::read(&layout.top, &layout.prefix, rule, before) {
        Ok(listing) => Ok(listing),
        Err(_) => by_command(&Git::new(&layout.top)),
    }
}

fn by_command(git: &Git) -> Result<Listing> {
    let mut listing = Listing::default();
    let text = |output: Vec<u8>| String::from_utf8_lossy(&output).trim().to_owned();
    listing.head = git.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.map(text);
    // While a clone is under way HEAD may name nothing yet.
    let branch = git.ask(&["symbolic-ref", "--short", "--quiet", "HEAD"]);
    listing.branch = branch.ok().flatten().map(text);
    if listing.head.is_none() {
        return Ok(listing);
    }
    listing.head_dirs = directories(git, "HEAD")?;
    // No upstream, or one that was never fetched: 128 from rev-parse.
    if let Ok(Some(upstream)) = git.ask(&["rev-parse", "--verify", "--quiet", "@{upstream}^{tree}"])
    {
        listing.upstream_dirs = directories(git, &text(upstream))?;
    }
    Ok(listing)
}

fn directories(git: &Git, tree: &str) -> Result<Vec<Vec<u8>>> {
    let output = git.run(&["ls-tree", "-r", "-d", "-z", "--full-tree", tree])?;
    Ok(records(&output)
        .filter_map(|record| {
            let tab = record.iter().position(|byte| *byte == b'\t')?;
            record[..tab]
                .split(|byte| *byte == b' ')
                .any(|word| word == b"tree")
                .then(|| record[tab + 1..].to_vec())
        })
        .collect())
}

/// Has git take the index as it stands, without a look at each skipped file.
pub(super) const AS_IT_STANDS: [&str; 2] = ["-c", "sparse.expectFilesOutsideOfPatterns=true"];

/// The words that list the index.
const LIST: [&str; 5] = ["ls-files", "--cached", "--stage", "-t", "-z"];

/// The index as it stands. git reads it in a fourth of the time that libgit2 needs,
/// which computes its checksum, and leaves no memory behind.
pub(super) fn index(git: &Git) -> Result<Entries> {
    Ok(entries_of(&git.run(&[&AS_IT_STANDS[..], &LIST].concat())?))
}

/// The index as git sees it: a skipped file that is on the disk counts as not
/// skipped.
pub(super) fn entries(git: &Git) -> Result<Entries> {
    Ok(entries_of(&git.run(&LIST)?))
}

/// Reads records such as `S 100644 OBJECT STAGE\tPATH`.
fn entries_of(output: &[u8]) -> Entries {
    let mut entries = Entries::default();
    for record in records(output) {
        let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { continue };
        entries.push(Entry {
            path: &record[tab + 1..],
            skipped: record.starts_with(b"S "),
            submodule: record[..tab].get(2..).is_some_and(|rest| rest.starts_with(b"160000 ")),
        });
    }
    entries
}

/// What git status says of each path that is not as HEAD has it, ignored ones too.
pub(super) fn changed(git: &Git) -> Result<Vec<Vec<u8>>> {
    let words = ["status", "--porcelain=v1", "-z", "-uall", "--ignored", "--no-renames"];
    let output = git.run(&words)?;
    Ok(records(&output).filter_map(|record| Some(record.get(3..)?.to_vec())).collect())
}

/// Records that end with NUL.
pub(super) fn records(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|byte| *byte == 0).filter(|record| !record.is_empty())
}

impl Layout {
    /// A path of git's relative to the checkout; `None` outside it.
    pub(super) fn in_checkout<'p>(&self, path: &'p [u8]) -> Option<&'p Path> {
        if self.prefix.as_os_str().is_empty() {
            return Some(bytes::path(path));
        }
        bytes::path(path).strip_prefix(&self.prefix).ok()
    }

    /// The same the other way round.
    pub(super) fn in_tree(&self, relative: &Path) -> PathBuf {
        self.prefix.join(relative)
    }
}

impl Listing {
    /// Adds the children of overlay roots that git knows.
    pub(super) fn show(&self, layout: &Layout, rule: &CheckoutRule, seen: &mut Seen) {
        let mut last: &[u8] = b"\0";
        for entry in self.entries.iter() {
            let dir = parent(entry.path);
            if entry.submodule
                && let Some(path) = layout.in_checkout(entry.path)
                && let (Some(root), Some(name)) = (path.parent(), path.file_name())
                && rule.is_root(root)
            {
                seen.child(root, name).submodule = true;
            }
            // The index is sorted: neighbours share their directory.
            if dir != last {
                note(layout, rule, dir, last, seen, |child| child.tracked = true);
                last = dir;
            }
        }
        let mut last: &[u8] = b"\0";
        for dir in &self.head_dirs {
            note(layout, rule, dir, last, seen, |child| child.tracked = true);
            last = dir;
        }
        let mut last: &[u8] = b"\0";
        for dir in &self.upstream_dirs {
            note(layout, rule, dir, last, seen, |child| child.upstream = true);
            last = dir;
        }
    }
}

/// The directory of a path of git's.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |at| &path[..at])
}

/// Marks `dir` and what it lies in as children of their overlay roots. Those it has
/// in common with the directory `before` are marked already.
fn note(
    layout: &Layout,
    rule: &CheckoutRule,
    dir: &[u8],
    before: &[u8],
    seen: &mut Seen,
    mark: impl Fn(&mut super::plan::Child),
) {
    let is_end = |text: &[u8], at: usize| text.get(at).is_none_or(|byte| *byte == b'/');
    let same = dir.iter().zip(before).take_while(|(one, other)| one == other).count();
    let common = (0..=same).rev().find(|at| is_end(dir, *at) && is_end(before, *at)).unwrap_or(0);
    for end in (common + 1..=dir.len()).filter(|end| is_end(dir, *end)) {
        let Some(path) = layout.in_checkout(&dir[..end]) else { continue };
        if let (Some(root), Some(name)) = (path.parent(), path.file_name())
            && rule.is_root(root)
        {
            mark(seen.child(root, name));
        }
    }
}

/// What identifies the state of index and HEAD: when it has not changed, nobody
/// has worked in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark(Vec<Vec<u8>>);

/// Takes the mark.
///
/// # Errors
/// When the index exists and cannot be read.
pub(super) fn mark(layout: &Layout) -> Result<Mark> {
    let head_file = layout.git_dir.join("HEAD");
    let head = std::fs::read(&head_file).map_err(|error| Hitch::io("read", &head_file, &error))?;
    let mut parts = vec![about(&layout.git_dir.join("index"))?];
    if let Some(name) = head.strip_prefix(b"ref: ") {
        // What is not there as a file is in one of the other two.
        let branch = layout.common_dir.join(bytes::path(name.trim_ascii()));
        parts.push(std::fs::read(branch).unwrap_or_default());
        parts.push(about(&layout.common_dir.join("packed-refs"))?);
        parts.push(about(&layout.common_dir.join("reftable/tables.list"))?);
    }
    parts.push(head);
    Ok(Mark(parts))
}

/// What changes with every new version of a file that is replaced.
fn about(file: &Path) -> Result<Vec<u8>> {
    use std::os::unix::fs::MetadataExt;
    match file.symlink_metadata() {
        Ok(meta) => {
            let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
            Ok(format!("{} {} {times:?}", meta.ino(), meta.len()).into_bytes())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Hitch::io("examine", file, &error)),
    }
}

/// `path` with NUL at its end, for git's `-z --stdin`.
pub(super) fn terminated<'p>(paths: impl Iterator<Item = &'p Path>) -> Vec<u8> {
    paths.flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([0])).collect()
}
