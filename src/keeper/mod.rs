//! Keeps foreign overlays off the disk and loses nothing of the user's.
//!
//! [`Keeper::tidy`] tells the story for one checkout: look at disk and git, plan,
//! ask whether an allowed overlay needs what would go, put aside what is staged,
//! teach git, put aside what is left, and look again. Each step may be the last
//! one of a process that is killed: the next run begins by looking and finds less
//! to do.

mod bytes;
mod closure;
mod disk;
mod files;
mod git;
mod hitch;
mod locks;
mod moment;
pub mod patterns;
pub mod plan;
mod quarantine;
mod restore;
mod state;
mod transfer;
mod undo;
pub mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use hitch::{Hitch, Result};
pub use restore::{Listed, Restored, list, restore};
pub use state::{CheckoutState, Problem, State, states};
pub use undo::clone;

use crate::env::Env;
use crate::judge::{Checkout, Territory};
use crate::policy::{CheckoutRule, Policy};
use crate::text::{quoted, shown};
use git::sparse;
use git::{Git, Layout, Listing};
use locks::{Busy, IndexLock};
use plan::{Left, Plan, Seen};
use quarantine::{By, Item, Occasion};

/// How often the whole of it is begun anew because git worked in between.
const ROUNDS: usize = 8;

/// What is not urgent is looked at twice, this long apart, when nobody asked for it.
const SETTLE: Duration = Duration::from_millis(200);

/// What was done in one checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The checkout.
    pub top: PathBuf,
    /// Overlays that were on the disk and are not any more, or would be taken off.
    pub gone: Vec<PathBuf>,
    /// Things put aside: the id for `restore`, and the overlay.
    pub put_aside: Vec<(String, PathBuf)>,
    /// How many overlays git keeps away.
    pub excluded: usize,
    /// Foreign overlays that are still on the disk.
    pub present: Vec<PathBuf>,
    /// git is at work; later.
    pub waiting: Option<Hitch>,
    /// It is git's lock that is waited for: only a moment.
    pub locked: bool,
    /// What went wrong or was left alone.
    pub hitches: Vec<Hitch>,
    /// Nothing is done here since `tidy --undo`.
    pub suspended: bool,
    /// The directories in which a foreign overlay may appear.
    pub walked: Vec<PathBuf>,
    /// This working tree's git directory.
    pub git_dir: PathBuf,
}

impl Report {
    fn new(top: &Path) -> Self {
        // Whatever is found: something new may appear in the top directory.
        Self { top: top.to_path_buf(), walked: vec![PathBuf::new()], ..Self::default() }
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_tidy(&self) -> bool {
        self.present.is_empty() && self.waiting.is_none() && self.hitches.is_empty()
    }
}

/// The keeper of the checkouts of one configuration.
#[derive(Debug)]
pub struct Keeper<'k> {
    policy: &'k Policy,
    territory: &'k Territory,
    by: By,
}

impl<'k> Keeper<'k> {
    /// For the checkouts in `territory`; `command` is what the records say.
    #[must_use]
    pub fn new(policy: &'k Policy, territory: &'k Territory, env: &Env, command: &str) -> Self {
        let name = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| env.get(name));
        let by = By {
            uid: rustix::process::getuid().as_raw(),
            name: name.map(|name| name.to_string_lossy().into_owned()),
            command: command.to_owned(),
        };
        Self { policy, territory, by }
    }

    fn rule(&self, checkout: &Checkout) -> &'k CheckoutRule {
        &self.policy.checkouts[checkout.rule]
    }

    /// What `tidy` would do.
    #[must_use]
    pub fn dry_run(&self, checkout: &Checkout) -> Report {
        let mut report = Report::new(&checkout.top);
        let looked = self.work_place(checkout).and_then(|(layout, rule)| {
            let found = look(&layout, &checkout.top, rule)?;
            if let Some(busy) = locks::busy(&layout) {
                report.waiting = Some(busy.hitch(&layout.top, &layout.git_dir));
            }
            Ok((layout, rule, found))
        });
        match looked {
            Ok((_, rule, found)) => {
                found.describe(&mut report);
                report.gone = found.plan.present.iter().cloned().collect();
                if !found.plan.excluded.is_empty() || !found.plan.present.is_empty() {
                    report.hitches.extend(self.objections(checkout, rule, &found));
                }
            }
            Err(hitch) => report.hitches.push(hitch),
        }
        report
    }

    fn objections(&self, checkout: &Checkout, rule: &CheckoutRule, found: &Found) -> Vec<Hitch> {
        closure::objections(
            self.policy,
            self.territory,
            &checkout.top,
            rule,
            &found.seen,
            &found.plan,
        )
    }

    fn work_place(&self, checkout: &Checkout) -> Result<(Layout, &'k CheckoutRule)> {
        owned_by_us(&checkout.top)?;
        Ok((git::layout(&checkout.top)?, self.rule(checkout)))
    }

    /// Takes the foreign overlays of `checkout` off the disk. `again` lifts an
    /// earlier `tidy --undo`.
    #[must_use]
    pub fn tidy(&self, checkout: &Checkout, again: bool) -> Report {
        let mut report = Report::new(&checkout.top);
        if let Err(hitch) = self.try_tidy(checkout, again, &mut report) {
            report.hitches.push(hitch);
        }
        report.hitches.sort();
        report.hitches.dedup();
        report
    }

    fn try_tidy(&self, checkout: &Checkout, again: bool, report: &mut Report) -> Result<()> {
        let (layout, rule) = self.work_place(checkout)?;
        report.git_dir.clone_from(&layout.git_dir);
        let suspended = suspension(&layout);
        if suspended.exists() {
            if !again {
                report.suspended = true;
                return Ok(());
            }
            std::fs::remove_file(&suspended)
                .map_err(|error| Hitch::io("remove", &suspended, &error))?;
        }
        // Without work nothing is written: not even a lock, in a checkout that is
        // just being removed.
        let mut keeper = None;
        if locks::is_unfinished(&layout) {
            keeper = Some(begin(&layout)?);
        }
        let mut settled = false;
        let mut objected = None;
        let mut failures = Vec::new();
        let mut items = BTreeMap::new();
        for round in 0..ROUNDS {
            let before = git::mark(&layout)?;
            let found = look(&layout, &checkout.top, rule)?;
            found.describe(report);
            if let Some(busy) = locks::busy(&layout) {
                let mut hitch = busy.hitch(&layout.top, &layout.git_dir);
                conflicts(&layout, &found, &busy, &mut hitch);
                report.waiting = Some(hitch);
                report.locked = busy == Busy::Locked;
                return Ok(());
            }
            let work = self.work(&layout, &found)?;
            if work.is_nothing() {
                keeper.iter().for_each(locks::Keeper::end);
                return Ok(());
            }
            // A checkout that is just being removed looks as if git had forgotten
            // what it was taught; nothing new may be put into it.
            if !again && !work.present && !settled {
                std::thread::sleep(SETTLE);
                settled = true;
                continue;
            }
            // Once per set of overlays: the walk again does not ask again.
            let overlays = (found.plan.excluded.clone(), found.plan.present.clone());
            if objected.as_ref() != Some(&overlays) {
                let objections = self.objections(checkout, rule, &found);
                if !objections.is_empty() {
                    report.hitches.extend(objections);
                    return Ok(());
                }
                objected = Some(overlays);
            }
            let Some(keeper) = &keeper else {
                keeper = Some(begin(&layout)?);
                continue;
            };
            keeper.begin()?;
            report.gone.extend(found.plan.present.iter().cloned());
            failures.clear();
            let step = Step {
                layout: &layout,
                checkout,
                found: &found,
                work: &work,
                before: &before,
                patient: round < ROUNDS / 2,
            };
            let ended = self.round(&step, &mut items, &mut failures);
            report.put_aside = items
                .iter()
                .map(|(overlay, item): (&PathBuf, &Item)| (item.id.clone(), overlay.clone()))
                .collect();
            if ended? == Round::Stuck {
                break;
            }
        }
        keeper.iter().for_each(locks::Keeper::end);
        let found = look(&layout, &checkout.top, rule)?;
        found.describe(report);
        report.hitches.append(&mut failures);
        report.gone.retain(|overlay| !found.plan.present.contains(overlay));
        report.gone.sort();
        report.gone.dedup();
        Ok(())
    }

    fn work(&self, layout: &Layout, found: &Found) -> Result<Work> {
        let git = Git::new(&layout.top);
        let state = sparse::state(&git, layout)?;
        let lines = sparse::wanted(&state, layout, &found.plan.excluded)?;
        let visible = found.expects_foreign(layout);
        Ok(Work { state, lines, visible, present: !found.plan.present.is_empty() })
    }

    /// One pass over everything that is to be done.
    fn round(
        &self,
        step: &Step<'_>,
        items: &mut BTreeMap<PathBuf, Item>,
        failures: &mut Vec<Hitch>,
    ) -> Result<Round> {
        let Step { layout, checkout, found, work, before, patient } = *step;
        let git = Git::new(&layout.top);
        let occasion = Occasion {
            checkout: checkout.top.clone(),
            commit: found.listing.head.clone(),
            branch: found.listing.branch.clone(),
            by: self.by.clone(),
        };
        let has_head = found.listing.head.is_some();
        let differences = git::staged::differences(&git, layout, &found.plan, has_head)?;
        if !differences.is_empty() {
            // A checkout or merge writes the index first and HEAD afterwards: in
            // between, everything looks staged.
            std::thread::sleep(SETTLE);
            if git::mark(layout)? != *before {
                return Ok(Round::Again);
            }
            for (overlay, staged) in &differences.by_overlay {
                let item = quarantine::open(layout, &git, &occasion, overlay, staged)?;
                items.insert(overlay.clone(), item);
            }
            differences.reset(&git)?;
        }
        match &work.lines {
            Some(lines) => sparse::teach(&git, layout, &work.state, lines)?,
            None => sparse::reapply(&git)?,
        }
        let taught = look(layout, &checkout.top, self.rule(checkout))?;
        // Untaught in between: what git can give back must not be put aside.
        let state = sparse::state(&git, layout)?;
        let untaught = sparse::wanted(&state, layout, &taught.plan.excluded)?.is_some();
        if untaught || taught.plan.present.is_empty() {
            return Ok(Round::Again);
        }
        let goes = what_goes(&git, layout, &checkout.top, &taught.plan)?;
        sparse::skip(&git, goes.iter().map(|path| bytes::path(path)))?;
        let marked = git::mark(layout)?;
        // Looked at after the mark: whatever git brings from here on is noticed.
        if patient && brought_since(&git, layout, &checkout.top, &taught.plan)? {
            return Ok(Round::Again);
        }
        let Some(lock) = IndexLock::take(layout)? else { return Ok(Round::Again) };
        if git::mark(layout)? != marked {
            return Ok(Round::Again);
        }
        let mut moved = false;
        for overlay in &taught.plan.present {
            if checkout.top.join(overlay).symlink_metadata().is_err() {
                // git took it off itself before we had the lock.
                moved = true;
                continue;
            }
            match put_aside(layout, &git, &occasion, checkout, overlay, items, failures) {
                Ok(any) => moved |= any,
                Err(hitch) => failures.push(hitch),
            }
        }
        drop(lock);
        Ok(if moved { Round::Again } else { Round::Stuck })
    }
}

/// Becomes the only keeper and finishes what one that died has begun.
fn begin(layout: &Layout) -> Result<locks::Keeper> {
    let keeper = locks::become_keeper(layout)?;
    quarantine::recover(layout)?;
    Ok(keeper)
}

/// What one pass works on.
struct Step<'s> {
    layout: &'s Layout,
    checkout: &'s Checkout,
    found: &'s Found,
    work: &'s Work,
    before: &'s git::Mark,
    /// What git should have removed may still be removed by git.
    patient: bool,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Look again.
    Again,
    /// What is left cannot be moved.
    Stuck,
}

/// What has to be done besides looking.
struct Work {
    state: sparse::State,
    /// The lines git must be taught.
    lines: Option<Vec<patterns::Line>>,
    /// git expects files of a foreign overlay on the disk.
    visible: bool,
    /// A foreign overlay is on the disk.
    present: bool,
}

impl Work {
    fn is_nothing(&self) -> bool {
        self.lines.is_none() && !self.visible && !self.present
    }
}

/// What was found in a checkout.
struct Found {
    seen: Seen,
    listing: Listing,
    plan: Plan,
    walked: Vec<PathBuf>,
}

fn look(layout: &Layout, top: &Path, rule: &CheckoutRule) -> Result<Found> {
    let mut seen = Seen::default();
    let walked = disk::scan(top, rule, &mut seen)?;
    let listing = git::listing(layout, rule)?;
    listing.show(layout, rule, &mut seen);
    let plan = plan::plan(rule, &seen);
    Ok(Found { seen, listing, plan, walked })
}

impl Found {
    /// Whether git expects a file of a foreign overlay on the disk.
    fn expects_foreign(&self, layout: &Layout) -> bool {
        let mut last: &[u8] = b"\0";
        self.listing.entries.iter().filter(|entry| !entry.skipped && !entry.submodule).any(
            |entry| {
                // The index is sorted: neighbours share their directory.
                let dir = git::parent(entry.path);
                let is_new = dir != last;
                last = dir;
                is_new
                    && layout
                        .in_checkout(dir)
                        .is_some_and(|dir| self.plan.overlay_of(dir).is_some())
            },
        )
    }

    fn describe(&self, report: &mut Report) {
        report.excluded = self.plan.excluded.len();
        report.present = self.plan.present.iter().cloned().collect();
        report.walked.clone_from(&self.walked);
        report.hitches.clear();
        let top = &report.top;
        for (path, left) in &self.plan.left {
            report.hitches.push(left_alone(top, path, *left));
        }
        for root in &self.seen.linked_roots {
            report.hitches.push(Hitch::new(
                format!("{} is a symbolic link: nothing is done behind it", shown(top.join(root))),
                "name the directory it leads to in `overlayRoots`, or replace the link",
            ));
        }
        for (dir, problem) in &self.seen.unreadable {
            let dir = top.join(dir);
            report.hitches.push(Hitch::new(
                format!("could not look into {}: {problem}", shown(&dir)),
                format!("correct its permissions: ls -ld {}", quoted(&dir)),
            ));
        }
        if !self.plan.has_allowed && !self.plan.without_allowed.is_empty() {
            let root = self.plan.without_allowed.iter().next().map(|root| top.join(root));
            report.hitches.push(Hitch::new(
                format!(
                    "no overlay root of {} has an allowed overlay (such as {}): nothing is removed",
                    shown(top),
                    shown(root.unwrap_or_default())
                ),
                "correct `allow` in the configuration, or list what goes under `foreign`",
            ));
        }
    }
}

fn left_alone(top: &Path, path: &Path, left: Left) -> Hitch {
    let whole = top.join(path);
    let (what, remedy) = match left {
        Left::MountPoint => ("is a mount point", format!("umount {}", quoted(&whole))),
        Left::Submodule => (
            "is a submodule",
            format!("cd {} && git submodule deinit {}", quoted(top), quoted(path)),
        ),
        Left::Link => ("is a symbolic link", format!("rm {}", quoted(&whole))),
        Left::NotADirectory => {
            ("is not a directory", format!("look at it: ls -l {}", quoted(&whole)))
        }
    };
    Hitch::new(format!("{} {what}: left alone", shown(&whole)), remedy)
}

/// While a merge or the like is under way: which of its conflicts are foreign.
fn conflicts(layout: &Layout, found: &Found, busy: &Busy, hitch: &mut Hitch) {
    let Busy::UnderWay(what) = busy else { return };
    let Some(overlay) = found.plan.present.iter().find(|overlay| {
        found.listing.entries.iter().any(|entry| {
            !entry.skipped
                && layout.in_checkout(entry.path).is_some_and(|path| path.starts_with(overlay))
        })
    }) else {
        return;
    };
    let path = quoted(layout.in_tree(overlay));
    hitch.what.push_str(&format!("; it concerns the foreign overlay {}", shown(overlay)));
    hitch.remedy = format!(
        "cd {} && git checkout --theirs -- {path} && git add --sparse {path} && git {what} --continue, or git {what} --abort",
        quoted(&layout.top)
    );
}

/// The index entries whose file is about to go, because it is in a piece that can
/// be moved: git must not miss them.
fn what_goes(git: &Git, layout: &Layout, top: &Path, plan: &Plan) -> Result<Vec<Vec<u8>>> {
    let mut fixed = BTreeSet::new();
    for overlay in &plan.present {
        // What cannot be looked into is reported when it is to be moved.
        if let Ok(pieces) = disk::pieces(top, overlay) {
            fixed.extend(pieces.fixed.iter().map(|piece| overlay.join(piece)));
        }
    }
    let entries = git::entries(git)?;
    let goes = entries.iter().filter(|entry| {
        let path = layout.in_checkout(entry.path);
        !entry.skipped
            && !entry.submodule
            && path.is_some_and(|path| {
                plan.overlay_of(path).is_some() && !path.ancestors().any(|dir| fixed.contains(dir))
            })
    });
    Ok(goes.map(|entry| entry.path.to_vec()).collect())
}

/// Whether git has brought something since it was told to take it off: that is
/// for git to take off again, not to be put aside. (A skipped file that is on the
/// disk counts as not skipped for git.)
fn brought_since(git: &Git, layout: &Layout, top: &Path, plan: &Plan) -> Result<bool> {
    let changed = git.run(&["diff-files", "--name-only", "-z"])?;
    let changed: BTreeSet<&[u8]> = git::records(&changed).collect();
    let there = what_goes(git, layout, top, plan)?;
    Ok(there.iter().any(|path| !changed.contains(&path[..])))
}

/// Puts what is left of one overlay aside; says whether anything moved.
fn put_aside(
    layout: &Layout,
    git: &Git,
    occasion: &Occasion,
    checkout: &Checkout,
    overlay: &Path,
    items: &mut BTreeMap<PathBuf, Item>,
    failures: &mut Vec<Hitch>,
) -> Result<bool> {
    let pieces = disk::pieces(&checkout.top, overlay)?;
    for piece in &pieces.fixed {
        let whole = checkout.top.join(overlay).join(piece);
        failures.push(Hitch::new(
            format!("{} is a repository or mount point of its own: left alone", shown(&whole)),
            format!("move it out of the overlay, or: git submodule deinit {}", quoted(&whole)),
        ));
    }
    if pieces.movable.is_empty() {
        return Ok(false);
    }
    // What is staged of it waits there already, unless that item has its tree.
    let item = match items.remove(overlay).filter(|item| item.tree().is_none()) {
        Some(item) => item,
        None => quarantine::open(layout, git, occasion, overlay, &[])?,
    };
    for piece in &pieces.movable {
        if let Err(hitch) = item.take(&checkout.top, overlay, piece) {
            if item.record.staged.is_empty() {
                // Empty, it would only be noise in the list.
                item.close()?;
            }
            return Err(hitch);
        }
    }
    items.insert(overlay.to_path_buf(), item);
    Ok(true)
}

/// The file that says `tidy --undo` was the last word.
fn suspension(layout: &Layout) -> PathBuf {
    layout.git_dir.join("envguard/undone")
}

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

/// The keeper never works on somebody else's files.
fn owned_by_us(top: &Path) -> Result<()> {
    let owner = owner(top)?;
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Hitch::new(
        format!("{} belongs to user {owner}: left alone", shown(top)),
        format!("sudo -u '#{owner}' kubectl-envguard tidy"),
    ))
}
