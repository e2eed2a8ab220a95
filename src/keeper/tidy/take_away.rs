//! Takes foreign overlays off the disk by renaming them, and lets git know afterwards:
//! git itself would look at each file and remove it a moment later.

use std::path::Path;

use super::{Answers, Tidying, let_it_settle};
use crate::keeper::found::{Found, Work, joined};
use crate::keeper::git::{self, Mark, sparse};
use crate::keeper::hitch::Result;
use crate::keeper::interruption::Undisturbed;
use crate::keeper::leaving::Leaving;
use crate::keeper::locks::IndexChange;
use crate::keeper::quarantine::{self, Occasion};

impl Tidying<'_> {
    /// Takes the overlays away, has git know, and removes what it can give back: git
    /// itself looks at a file and removes it a moment later, whatever somebody has
    /// written to it meanwhile. False when git works here, or they cannot be renamed.
    pub(super) fn take_away(
        &mut self,
        mark: &Mark,
        found: &Found,
        work: &Work,
        answers: &Answers,
        occasion: &Occasion,
    ) -> Result<bool> {
        if !answers.staged.is_empty() || self.unverified {
            let_it_settle();
        }
        let _undisturbed = Undisturbed::begin();
        let Some(change) = IndexChange::begin(&self.layout)? else { return Ok(false) };
        if git::mark(&self.layout)? != *mark {
            return Ok(false);
        }
        let leaving = Leaving::prepare(&self.layout, &self.checkout.top, &found.plan.present)?;
        // The index is read beside git's work on a new one: nothing but what is expected
        // on the disk changes in it, unless something is staged.
        let ahead = self.asked && answers.staged.is_empty();
        let git = self.git.clone();
        let (told, listed) = std::thread::scope(|scope| {
            let listed = ahead.then(|| scope.spawn(|| git::staged::listed(&git)));
            let told = match leaving.depart() {
                Ok(true) => self.tell(&change, found, work, answers, occasion).map(|()| true),
                Ok(false) => {
                    self.apart = true;
                    Ok(false)
                }
                Err(hitch) => Err(hitch),
            };
            (told, listed.map(joined))
        });
        if told == Ok(true) {
            self.unverified = false;
            // git may work again: it does not miss what has left.
            drop(change);
            let listed = listed.unwrap_or_else(|| git::staged::listed(&self.git))?;
            leaving.sweep(&self.git, &self.layout, &listed, answers.converts, self.asked)?;
            leaving.unsee(&self.git, &self.layout)?;
        } else {
            leaving.put_back()?;
            drop(change);
        }
        let open =
            |overlay: &Path| quarantine::open(&self.layout, &self.git, occasion, overlay, &[]);
        leaving.keep(&mut self.items, open)?;
        leaving.finish()?;
        told
    }

    /// Makes a new index in which nothing is staged in foreign overlays, and nothing
    /// of them is expected on the disk.
    fn tell(
        &mut self,
        change: &IndexChange,
        found: &Found,
        work: &Work,
        answers: &Answers,
        occasion: &Occasion,
    ) -> Result<()> {
        let git = change.git(&self.git);
        self.unstage(&git, &answers.staged, occasion)?;
        match &work.lines {
            Some(lines) => sparse::teach(&git, &self.layout, &found.state, lines)?,
            None => sparse::reapply(&git)?,
        }
        change.finish()
    }
}
