//! Moves aside what git has left on the disk.

use super::{Round, Tidying};
use crate::keeper::aside;
use crate::keeper::bytes;
use crate::keeper::found::Found;
use crate::keeper::git::{self, sparse};
use crate::keeper::hitch::Result;
use crate::keeper::locks::IndexLock;
use crate::keeper::quarantine::Occasion;

impl Tidying<'_> {
    /// Moves what git has left to quarantine, while it cannot work itself.
    pub(super) fn put_rest_aside(
        &mut self,
        taught: &Found,
        occasion: &Occasion,
        patient: bool,
    ) -> Result<Round> {
        let (git, layout, top) = (&self.git, &self.layout, &self.checkout.top);
        let goes = aside::what_goes(git, layout, top, &taught.plan)?;
        if !goes.is_empty() && !self.refreshed {
            // A copied checkout has other times than its index says: git takes
            // nothing for unchanged before it has compared the contents.
            self.refreshed = true;
            sparse::refresh(git)?;
            return Ok(Round::Again);
        }
        let has_head = taught.listing.head.is_some();
        if !goes.is_empty()
            && !git::staged::differences(git, layout, &taught.plan, has_head)?.is_empty()
        {
            // Staged since the round began: that is kept first.
            return Ok(Round::Again);
        }
        sparse::skip(git, goes.iter().map(|path| bytes::path(path)))?;
        let marked = git::mark(layout)?;
        // Looked at after the mark: whatever git brings from here on is noticed.
        if patient && aside::brought_since(git, layout, top, &taught.plan)? {
            return Ok(Round::Again);
        }
        let Some(lock) = IndexLock::take(layout)? else { return Ok(Round::Again) };
        if git::mark(layout)? != marked {
            return Ok(Round::Again);
        }
        let mut aside = self.aside(occasion);
        let mut moved = false;
        for overlay in taught.plan.present.iter() {
            if aside.top.join(overlay).symlink_metadata().is_err() {
                // git took it off itself before we had the lock.
                moved = true;
                continue;
            }
            match aside.overlay(overlay) {
                Ok(any) => moved |= any,
                Err(hitch) => aside.failures.push(hitch),
            }
        }
        drop(lock);
        Ok(if moved { Round::Again } else { Round::Stuck })
    }
}
