//! Bringing back what was put aside.

mod staged;

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::disk::{self, children, open_dir};
use super::files;
use super::git::{self, Layout};
use super::hitch::{Hitch, Result};
use super::quarantine::{self, Item};
use super::transfer::{self, Spot};
use crate::judge::{Place, Territory, place};
use crate::policy::Policy;
use crate::text::{quoted, shown};

/// One line of `restore --list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// For `restore ID`.
    pub id: String,
    /// RFC 3339, UTC.
    pub time: String,
    /// Where it came from.
    pub origin: PathBuf,
    /// How many files, and staged entries.
    pub files: usize,
    /// HEAD at that time.
    pub commit: Option<String>,
    /// Who ran the keeper: a name, else a number.
    pub by: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it is now.
    pub place: PathBuf,
    /// Staged entries that are staged again.
    pub staged: usize,
}

/// The repositories of the checkouts, each once.
fn layouts(territory: &Territory, hitches: &mut Vec<Hitch>) -> Vec<Layout> {
    let mut found: Vec<Layout> = Vec::new();
    for checkout in &territory.checkouts {
        match super::owner::owned_by_us(&checkout.top, "restore")
            .and_then(|()| git::layout(&checkout.top))
        {
            Ok(layout) if found.iter().any(|known| known.common_dir == layout.common_dir) => {}
            Ok(layout) => found.push(layout),
            Err(hitch) => hitches.push(hitch),
        }
    }
    found
}

/// Everything in the quarantines, and what could not be read.
#[must_use]
pub fn list(territory: &Territory) -> (Vec<Listed>, Vec<Hitch>) {
    let mut hitches = Vec::new();
    let mut listed = Vec::new();
    for layout in layouts(territory, &mut hitches) {
        match quarantine::items(&layout) {
            Ok(items) => listed.extend(items.iter().map(line)),
            Err(hitch) => hitches.push(hitch),
        }
    }
    (listed, hitches)
}

/// What the quarantines hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Overlays put aside.
    pub items: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

/// How much is in the quarantines, and what could not be read.
#[must_use]
pub fn weigh(territory: &Territory) -> (Weight, Vec<Hitch>) {
    let mut hitches = Vec::new();
    let mut weight = Weight::default();
    for layout in layouts(territory, &mut hitches) {
        match quarantine::items(&layout) {
            Ok(items) => {
                weight.items += items.len();
                weight.bytes += items.iter().map(Item::bytes).sum::<u64>();
            }
            Err(hitch) => hitches.push(hitch),
        }
    }
    (weight, hitches)
}

fn line(item: &Item) -> Listed {
    let record = &item.record;
    Listed {
        id: item.id.clone(),
        time: record.time.clone(),
        origin: record.checkout().join(record.overlay()),
        files: item.files(),
        commit: record.commit.clone(),
        by: record.by.name.clone().unwrap_or_else(|| format!("user {}", record.by.uid)),
    }
}

/// Brings the item `id` back: to where it was, or below `to`.
///
/// # Errors
/// When there is no such item, it is still foreign, something is in its place, or
/// the kernel refuses. Nothing is overwritten; what did not come back is still in
/// quarantine.
pub fn restore(
    policy: &Policy,
    territory: &Territory,
    id: &str,
    to: Option<&Path>,
) -> Result<Restored> {
    let mut hitches = Vec::new();
    let mut found = Vec::new();
    for layout in layouts(territory, &mut hitches) {
        let items = quarantine::items(&layout)?.into_iter().filter(|item| item.id == id);
        found.extend(items.map(|item| (layout.clone(), item)));
    }
    // A checkout that was copied has brought its quarantine with it.
    let at_home = |(layout, item): &(Layout, Item)| is_at_home(layout, item);
    if found.len() > 1
        && let Some(position) = found.iter().position(at_home)
    {
        found.swap(0, position);
    }
    let Some((layout, item)) = found.into_iter().next() else {
        return Err(hitches.into_iter().next().unwrap_or_else(|| {
            Hitch::new(
                format!("nothing put aside is called {}", shown(id)),
                "kubectl envguard restore --list",
            )
        }));
    };
    let _keeper = super::locks::become_keeper(&layout)?;
    match to {
        Some(dir) => to_directory(territory, &item, dir),
        None => in_place(policy, territory, &layout, &item),
    }
}

/// Whether the working tree that `item` comes from still belongs to its repository.
fn is_at_home(layout: &Layout, item: &Item) -> bool {
    git::layout(&item.record.checkout()).is_ok_and(|home| home.common_dir == layout.common_dir)
}

fn in_place(
    policy: &Policy,
    territory: &Territory,
    repository: &Layout,
    item: &Item,
) -> Result<Restored> {
    let checkout = item.record.checkout();
    let origin = checkout.join(item.record.overlay());
    // The roots on the way decide; they are looked at by the guard's own code.
    let territory = crate::gather::surroundings(policy, territory.clone(), &origin);
    if let Place::Foreign(_) = place(&origin, policy, &territory) {
        return Err(Hitch::new(
            format!("{} is still foreign here", shown(&origin)),
            format!(
                "kubectl envguard restore {} --to DIR, with a DIR outside every checkout",
                item.id
            ),
        ));
    }
    if !is_at_home(repository, item) {
        return Err(Hitch::new(
            format!("{} is not a checkout of this repository any more", shown(&checkout)),
            format!("kubectl envguard restore {} --to DIR", item.id),
        ));
    }
    let layout = git::layout(&checkout)?;
    let relative = item.record.overlay();
    let parent = relative.parent().unwrap_or(Path::new(""));
    let again = staged::Again::new(&layout, item)?;
    let top = disk::open_top(&checkout)?;
    disk::make_below(top.as_fd(), &checkout, parent)?;
    put_back(item, &checkout.join(parent), relative.file_name().unwrap_or_default())?;
    let staged = again.stage(&layout, item)?;
    remove_kept(item)?;
    Ok(Restored { place: origin, staged })
}

fn to_directory(territory: &Territory, item: &Item, dir: &Path) -> Result<Restored> {
    let dir = super::undo::absolute(dir)?;
    let inside = territory.checkouts.iter().find(|checkout| {
        let separate = checkout.git_dir.as_deref();
        dir.starts_with(&checkout.top) || separate.is_some_and(|git_dir| dir.starts_with(git_dir))
    });
    let inside = inside.map(|checkout| &checkout.top);
    let git_dir = territory.git_dirs.iter().find(|git_dir| dir.starts_with(git_dir));
    if let Some(checkout) = inside.or(git_dir) {
        return Err(Hitch::new(
            format!("{} lies in the checkout {}", shown(&dir), shown(checkout)),
            "name a DIR outside every checkout",
        ));
    }
    let relative = item.record.overlay();
    let parent = dir.join(relative.parent().unwrap_or(Path::new("")));
    let name = relative.file_name().unwrap_or_default();
    let beside = staged::Beside::new(item, &parent)?;
    files::make_dir(&parent)?;
    put_back(item, &parent, name)?;
    beside.write(item)?;
    remove_kept(item)?;
    Ok(Restored { place: parent.join(name), staged: 0 })
}

pub(super) fn in_the_way(path: &Path) -> Hitch {
    Hitch::new(
        format!("{} exists: nothing is overwritten", shown(path)),
        "restore --to another DIR, and compare: diff -r",
    )
}

/// Moves the item's tree to `parent`/`name`, into what is there if need be. First
/// everything that would be in the way is looked for.
fn put_back(item: &Item, parent: &Path, name: &OsStr) -> Result<()> {
    let Some(tree) = item.tree() else { return Ok(()) };
    let whole = parent.join(name);
    let failed = |error: io::Error| Hitch::io("bring back", &whole, &error);
    let source = disk::open_top(&item.dir)?;
    let target = disk::open_top(parent)?;
    let from = Spot { dir: source.as_fd(), name: tree.file_name().unwrap_or_default() };
    let to = Spot { dir: target.as_fd(), name };
    if let Some(path) = collision(from, to, Path::new(name)).map_err(failed)? {
        return Err(in_the_way(&parent.join(path)));
    }
    merge(from, to).map_err(failed)
}

fn kind(spot: Spot<'_>) -> io::Result<Option<FileType>> {
    match rustix::fs::statat(spot.dir, spot.name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The first thing that is in the way: not a directory on both sides, not equal.
fn collision(from: Spot<'_>, to: Spot<'_>, path: &Path) -> io::Result<Option<PathBuf>> {
    let Some(there) = kind(to)? else { return Ok(None) };
    if there != FileType::Directory || kind(from)? != Some(FileType::Directory) {
        return Ok(if transfer::alike(from, to)? { None } else { Some(path.to_path_buf()) });
    }
    let (source, target) = (open_dir(from.dir, from.name)?, open_dir(to.dir, to.name)?);
    for (name, _) in children(source.as_fd())? {
        let from = Spot { dir: source.as_fd(), name: &name };
        let to = Spot { dir: target.as_fd(), name: &name };
        if let Some(found) = collision(from, to, &path.join(&name))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn merge(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    let Some(there) = kind(to)? else { return transfer::move_to(from, to) };
    if there != FileType::Directory {
        // git's own copy of the same bytes, or an earlier restore ended here.
        transfer::copy_times(from, to)?;
        return transfer::remove_copied(from, to);
    }
    {
        let (source, target) = (open_dir(from.dir, from.name)?, open_dir(to.dir, to.name)?);
        for (name, _) in children(source.as_fd())? {
            let from = Spot { dir: source.as_fd(), name: &name };
            if transfer::finish_leaving(from, target.as_fd())? {
                continue;
            }
            merge(from, Spot { dir: target.as_fd(), name: &name })?;
        }
        transfer::copy_attributes(source.as_fd(), target.as_fd())?;
    }
    Ok(rustix::fs::unlinkat(from.dir, from.name, rustix::fs::AtFlags::REMOVEDIR)?)
}

/// The item has given everything back.
fn remove_kept(item: &Item) -> Result<()> {
    item.close().map_err(|hitch| Hitch::new(hitch.what, format!("ls -lR {}", quoted(&item.dir))))
}
