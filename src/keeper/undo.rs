//! `tidy --undo` and `tidy --clone`: the two other ways between a checkout with
//! everything and one without foreign overlays.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::found::{Pace, look};
use super::git::{self, Git, sparse};
use super::hitch::{Hitch, Result};
use super::plan::{self, Seen};
use super::{Keeper, Report, files, locks, suspension};
use crate::judge::Checkout;
use crate::policy::CheckoutRule;
use crate::text::shown;

impl Keeper<'_> {
    /// Brings every foreign overlay back and leaves the checkout alone until the
    /// next `tidy`.
    #[must_use]
    pub fn undo(&self, checkout: &Checkout) -> Report {
        let mut report = Report::new(&checkout.top);
        if let Err(hitch) = self.try_undo(checkout, &mut report) {
            report.hitches.push(hitch);
        }
        report
    }

    fn try_undo(&self, checkout: &Checkout, report: &mut Report) -> Result<()> {
        let (layout, rule) = self.work_place(checkout, "tidy --undo")?;
        let keeper = locks::become_keeper(&layout)?;
        if let Some(busy) = locks::busy(&layout) {
            report.wait_for(busy, &layout, &look(&layout, &checkout.top, rule, Pace::default())?);
            return Ok(());
        }
        self.recover(&Git::new(&layout.top), &layout)?;
        // First, so that no watcher takes away again what comes back.
        files::replace(&suspension(&layout), b"since tidy --undo\n")?;
        keeper.begin()?;
        sparse::forget(&Git::new(&layout.top), &layout)?;
        keeper.end();
        let found = look(&layout, &checkout.top, rule, Pace::default())?;
        report.present = found.plan.present.iter().map(Path::to_path_buf).collect();
        report.suspended = true;
        Ok(())
    }
}

/// Clones `url` into `dir`; foreign overlays are never written. Returns the real place
/// of the clone and how many were left out.
///
/// # Errors
/// When `dir` exists, is in no configured checkout, or git fails. Then there is
/// nothing at `dir`.
pub fn clone(
    rules: &[CheckoutRule],
    url: &std::ffi::OsStr,
    dir: &Path,
) -> Result<(PathBuf, usize)> {
    let dir = absolute(dir)?;
    let Some(rule) = rules.iter().find(|rule| names(rule, &dir)) else {
        let known: Vec<&str> = rules.iter().map(|rule| rule.path.as_str()).collect();
        return Err(Hitch::new(
            format!("{} is no configured checkout: what is foreign there is unknown", shown(&dir)),
            format!("clone to {}, or add it to `checkouts`", known.join(" or ")),
        ));
    };
    if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some())
        || dir.symlink_metadata().is_ok_and(|meta| !meta.is_dir())
    {
        return Err(Hitch::new(
            format!("{} exists and is not empty", shown(&dir)),
            "kubectl envguard tidy, if it is a checkout already",
        ));
    }
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(Hitch::new("the root directory is no place to clone to", "name another DIR"));
    };
    files::make_dir(parent)?;
    let mut new = std::ffi::OsString::from(".");
    new.push(name);
    new.push(".envguard-clone");
    let new = parent.join(new);
    // Left by a clone that was killed: nobody has worked in it.
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Hitch::io("remove", &new, &error));
        }
        _ => {}
    }
    let excluded = fill(rule, url, parent, &new).inspect_err(|_| {
        // Of no use; if it stays, the next clone removes it.
        fs::remove_dir_all(&new).unwrap_or_default();
    })?;
    match fs::remove_dir(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Hitch::io("replace", &dir, &error));
        }
        _ => {}
    }
    fs::rename(&new, &dir).map_err(|error| Hitch::io("rename the clone to", &dir, &error))?;
    Ok((dir, excluded))
}

fn fill(rule: &CheckoutRule, url: &std::ffi::OsStr, parent: &Path, new: &Path) -> Result<usize> {
    let words = ["clone", "--quiet", "--no-checkout", "--"].map(std::ffi::OsStr::new);
    let words: Vec<&std::ffi::OsStr> = words.into_iter().chain([url, new.as_os_str()]).collect();
    Git::new(parent).run(&words)?;
    let git = Git::new(new);
    let layout = git::layout(new)?;
    let listing = git::commits(&layout, rule, None)?;
    if listing.head.is_none() {
        return Ok(0);
    }
    let mut seen = Seen::default();
    listing.show(&layout, rule, &mut seen);
    let excluded = plan::plan(rule, &seen).excluded;
    sparse::start(&git, &layout, &excluded)?;
    // The index is empty: everything but what is excluded is written now.
    git.run(&["read-tree", "-m", "-u", "HEAD"])?;
    Ok(excluded.len())
}

/// The place that `dir` means, which need not exist.
pub(super) fn absolute(dir: &Path) -> Result<PathBuf> {
    let here = std::env::current_dir()
        .map_err(|error| Hitch::io("find the working directory for", dir, &error))?;
    let joined = crate::path::join_clean(&here, dir);
    // A link on the way leads to the place the configuration means.
    let mut missing = Vec::new();
    for existing in joined.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            return Ok(missing.iter().rev().fold(real, |path, name| path.join(name)));
        }
        missing.extend(existing.file_name().map(std::ffi::OsStr::to_os_string));
    }
    Ok(joined)
}

/// Whether the rule's path, a pattern in each part, names `dir`.
fn names(rule: &CheckoutRule, dir: &Path) -> bool {
    let patterns = rule.path.split('/').filter(|name| !name.is_empty());
    let mut parts = dir.components().filter_map(|part| match part {
        std::path::Component::Normal(name) => Some(name),
        _ => None,
    });
    for pattern in patterns {
        let matches = parts.next().is_some_and(|name| {
            crate::pattern::Pattern::new(pattern.as_bytes())
                .is_ok_and(|pattern| pattern.matches(name.as_bytes()))
        });
        if !matches {
            return false;
        }
    }
    parts.next().is_none()
}
