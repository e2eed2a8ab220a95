//! Keeps foreign overlays off the disk and loses nothing of the user's.
//!
//! [`Keeper::tidy`] takes them off, [`Keeper::undo`] brings them back,
//! [`restore()`] what was put aside, and [`watch`] repeats the first whenever
//! something has changed. What goes is decided by [`plan`] alone.

mod aside;
mod attributes;
mod bytes;
mod closure;
mod disk;
mod fetch;
mod files;
mod found;
mod git;
mod hitch;
mod interruption;
mod leaving;
mod locks;
mod moment;
pub mod overlays;
mod owner;
pub mod patterns;
pub mod plan;
mod quarantine;
mod report;
mod restore;
mod state;
mod sweep;
mod tidy;
mod transfer;
mod undo;
pub mod watch;

use std::path::{Path, PathBuf};

pub use fetch::{fetch, line_to_clone};
pub use hitch::{Hitch, Result};
pub use owner::{is_ours, owner};
pub use report::Report;
pub use restore::{Listed, Restored, Weight, list, restore, weigh};
pub use state::{CheckoutState, Problem, State, states};
pub use undo::clone;

use crate::env::Env;
use crate::judge::{Checkout, Territory};
use crate::policy::{CheckoutRule, Policy};
use closure::Purpose;
use found::{Found, Pace, look};
use git::{Git, Layout, Listing};
use quarantine::{By, Occasion};

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

    /// What `tidy` would do.
    #[must_use]
    pub fn dry_run(&self, checkout: &Checkout) -> Report {
        let mut report = Report::new(&checkout.top);
        if let Err(hitch) = self.try_dry_run(checkout, &mut report) {
            report.hitches.push(hitch);
        }
        report
    }

    fn try_dry_run(&self, checkout: &Checkout, report: &mut Report) -> Result<()> {
        let (layout, rule) = self.work_place(checkout, "tidy --dry-run")?;
        let found = look(&layout, &checkout.top, rule, Pace { hurried: true, before: None })?;
        report.describe(&found);
        if let Some(busy) = locks::busy(&layout) {
            report.wait_for(busy, &layout, &found);
        }
        report.gone = found.plan.present.iter().map(Path::to_path_buf).collect();
        report.own = own(&Git::new(&layout.top), &layout, checkout, &found)?;
        if !found.plan.excluded.is_empty() || !found.plan.present.is_empty() {
            let purpose = Purpose::Removal;
            report.hitches.extend(self.objections(checkout, &layout, &found, purpose, true));
        }
        Ok(())
    }

    /// What the allowed overlays of a fresh clone need of what was left out of it.
    ///
    /// # Errors
    /// When disk or git cannot be read.
    pub fn left_out(&self, checkout: &Checkout) -> Result<Vec<Hitch>> {
        let (layout, rule) = self.work_place(checkout, "tidy")?;
        let found = look(&layout, &checkout.top, rule, Pace { hurried: true, before: None })?;
        Ok(self.objections(checkout, &layout, &found, Purpose::Clone, true))
    }

    /// Why what was found cannot go; on two processors when somebody waits.
    fn objections(
        &self,
        checkout: &Checkout,
        layout: &Layout,
        found: &Found,
        purpose: Purpose,
        hurried: bool,
    ) -> Vec<Hitch> {
        if let Some(hitch) = found.same_but_for_case(layout, &checkout.top) {
            return vec![hitch];
        }
        closure::Question {
            policy: self.policy,
            territory: self.territory,
            top: &checkout.top,
            rule: &self.policy.checkouts[checkout.rule],
            seen: &found.seen,
            plan: &found.plan,
            purpose,
            hurried,
        }
        .objections()
    }

    fn occasion(&self, checkout: &Checkout, listing: &Listing) -> Occasion {
        Occasion {
            checkout: checkout.top.clone(),
            commit: listing.head.clone(),
            branch: listing.branch.clone(),
            by: self.by.clone(),
        }
    }

    /// Brings back what a keeper that died had taken away and not looked at.
    fn recover(&self, git: &Git, layout: &Layout) -> Result<()> {
        leaving::recover(git, layout, |checkout, overlay| {
            let occasion = Occasion {
                checkout: checkout.to_path_buf(),
                commit: None,
                branch: None,
                by: self.by.clone(),
            };
            quarantine::open(layout, git, &occasion, overlay, &[])
        })
    }

    /// Where the repository is; `words` are what its owner would run.
    fn work_place(&self, checkout: &Checkout, words: &str) -> Result<(Layout, &'k CheckoutRule)> {
        owner::owned_by_us(&checkout.top, words)?;
        let mut layout = git::layout(&checkout.top)?;
        let others = self.territory.checkouts.iter().map(|other| &other.top);
        layout.neighbours = others
            .filter(|other| **other != checkout.top)
            .filter_map(|other| other.strip_prefix(&layout.top).ok().map(Path::to_path_buf))
            .collect();
        Ok((layout, &self.policy.checkouts[checkout.rule]))
    }
}

/// What is the user's own in foreign overlays: git cannot give it back.
fn own(git: &Git, layout: &Layout, checkout: &Checkout, found: &Found) -> Result<Vec<PathBuf>> {
    let mut own = Vec::new();
    if git::converted::may_convert(git, layout, &found.listing)? {
        own = git::converted::converted(git, layout, &checkout.top, &found.listing, &found.plan)?;
    }
    for path in git::changed(git)? {
        let Some(path) = layout.in_checkout(&path) else { continue };
        let is_there = checkout.top.join(path).symlink_metadata().is_ok();
        if is_there && found.plan.overlay_of(path).is_some() {
            own.push(path.to_path_buf());
        }
    }
    own.sort();
    own.dedup();
    Ok(own)
}

/// Whether git reads the checkout at `top`.
///
/// # Errors
/// When there is no git, no working tree, or one of somebody else's.
pub fn readable(top: &Path) -> Result<()> {
    git::layout(top).map(drop)
}

/// The file that says `tidy --undo` was the last word.
fn suspension(layout: &Layout) -> PathBuf {
    layout.git_dir.join("envguard/undone")
}
