//! Has git take foreign overlays off the disk itself, after what it could not give back
//! was put aside: what is staged, and what it stores as other bytes.

use std::path::PathBuf;

use super::{Answers, Tidying, let_it_settle};
use crate::keeper::found::{Found, Work};
use crate::keeper::git::staged::Differences;
use crate::keeper::git::{self, Git, Mark, sparse};
use crate::keeper::hitch::Result;
use crate::keeper::locks::IndexLock;
use crate::keeper::quarantine::{self, Occasion};

impl Tidying<'_> {
    /// Has git take off what it can give back; false when git works here.
    pub(super) fn teach(
        &mut self,
        mark: &Mark,
        found: &Found,
        work: &Work,
        answers: &Answers,
        occasion: &Occasion,
    ) -> Result<bool> {
        if !self.put_staged_aside(mark, &answers.staged, occasion)? {
            return Ok(false);
        }
        if work.for_git && answers.converts && !self.put_converted_aside(found, occasion)? {
            return Ok(false);
        }
        match &work.lines {
            Some(lines) => sparse::teach(&self.git, &self.layout, &found.state, lines)?,
            None if work.for_git => sparse::reapply(&self.git)?,
            // Nothing there is git's: its lock is left to the user.
            None => {}
        }
        Ok(true)
    }

    /// Takes what is staged in foreign overlays out of the index; false when git
    /// works on it.
    fn put_staged_aside(
        &mut self,
        mark: &Mark,
        differences: &Differences,
        occasion: &Occasion,
    ) -> Result<bool> {
        if differences.is_empty() && !self.unverified {
            return Ok(true);
        }
        let_it_settle();
        if git::mark(&self.layout)? != *mark {
            return Ok(false);
        }
        self.unverified = !differences.is_empty();
        if !self.unverified {
            return Ok(true);
        }
        let git = self.git.clone();
        self.unstage(&git, differences, occasion)?;
        Ok(true)
    }

    /// Puts aside what git would take off and could not give back; false when git
    /// works here.
    fn put_converted_aside(&mut self, found: &Found, occasion: &Occasion) -> Result<bool> {
        let (git, layout, top) = (&self.git, &self.layout, &self.checkout.top);
        let paths = git::converted::converted(git, layout, top, &found.listing, &found.plan)?;
        if paths.is_empty() {
            return Ok(true);
        }
        let in_tree: Vec<PathBuf> = paths.iter().map(|path| layout.in_tree(path)).collect();
        sparse::skip(git, in_tree.iter().map(PathBuf::as_path))?;
        let Some(lock) = IndexLock::take(layout)? else { return Ok(false) };
        let mut aside = self.aside(occasion);
        for overlay in found.plan.present.iter() {
            let pieces: Vec<PathBuf> = paths
                .iter()
                .filter_map(|path| path.strip_prefix(overlay).ok().map(PathBuf::from))
                .collect();
            if !pieces.is_empty() {
                aside.pieces(overlay, &pieces)?;
            }
        }
        drop(lock);
        Ok(true)
    }

    /// Puts aside what is staged in foreign overlays, and takes it out of the index.
    pub(super) fn unstage(
        &mut self,
        git: &Git,
        differences: &Differences,
        occasion: &Occasion,
    ) -> Result<()> {
        for (overlay, staged) in &differences.by_overlay {
            let item = quarantine::open(&self.layout, git, occasion, overlay, staged)?;
            self.items.insert(overlay.clone(), item);
        }
        if differences.is_empty() { Ok(()) } else { differences.reset(git) }
    }
}
