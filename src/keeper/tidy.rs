//! `tidy`, told for one checkout: look at disk and git, plan, ask whether an
//! allowed overlay needs what would go, put aside what is staged, teach git, put
//! aside what is left, and look again. Each step may be the last one of a process
//! that is killed: the next run begins by looking and finds less to do.

mod rest;
mod take_away;
mod teach;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::aside::Aside;
use super::closure::Purpose;
use super::found::{Found, Pace, Work, joined, look};
use super::git::staged::Differences;
use super::git::{self, Git, Layout, Listing, Mark, sparse};
use super::hitch::{Hitch, Result};
use super::locks::{self, Busy};
use super::overlays::Overlays;
use super::quarantine::{self, Item, Occasion};
use super::{Keeper, Report, suspension};
use crate::judge::Checkout;
use crate::policy::CheckoutRule;

/// How often the whole of it is begun anew because git worked in between.
const ROUNDS: usize = 8;

/// What is not urgent is looked at twice, this long apart, when nobody asked for it.
const SETTLE: Duration = Duration::from_millis(200);

/// A checkout or merge writes the index first and HEAD afterwards: in between,
/// everything looks staged, and git leaves no lock or other sign that could be waited for.
fn let_it_settle() {
    std::thread::sleep(SETTLE);
}

impl Keeper<'_> {
    /// Takes the foreign overlays of `checkout` off the disk. `asked` by a person,
    /// it lifts an earlier `tidy --undo`.
    #[must_use]
    pub fn tidy(&self, checkout: &Checkout, asked: bool) -> Report {
        let mut report = Report::new(&checkout.top);
        if let Err(hitch) = self.try_tidy(checkout, asked, &mut report) {
            report.hitches.push(hitch);
        }
        report.sort();
        report
    }

    fn try_tidy(&self, checkout: &Checkout, asked: bool, report: &mut Report) -> Result<()> {
        let (layout, rule) = self.work_place(checkout, "tidy")?;
        report.git_dir.clone_from(&layout.git_dir);
        let suspended = suspension(&layout);
        if suspended.exists() {
            if !asked {
                report.suspended = true;
                // It may end at any time: what is to be watched stays so.
                let found = look(&layout, &checkout.top, rule, Pace::default())?;
                report.describe(&found);
                report.hitches.clear();
                return Ok(());
            }
            std::fs::remove_file(&suspended)
                .map_err(|error| Hitch::io("remove", &suspended, &error))?;
        }
        let mut tidying = Tidying {
            keeper: self,
            git: Git::new(&layout.top),
            layout,
            checkout,
            rule,
            asked,
            alone: None,
            settled: false,
            refreshed: false,
            apart: false,
            unverified: false,
            unobjected: None,
            items: BTreeMap::new(),
            failures: Vec::new(),
        };
        let ended = tidying.run(report);
        report.put_aside = tidying
            .items
            .iter()
            .map(|(overlay, item)| (item.id.clone(), overlay.clone()))
            .collect();
        ended
    }
}

/// One checkout being tidied.
struct Tidying<'t> {
    keeper: &'t Keeper<'t>,
    git: Git,
    layout: Layout,
    checkout: &'t Checkout,
    rule: &'t CheckoutRule,
    /// A person waits for it.
    asked: bool,
    /// We are the only keeper here.
    alone: Option<locks::Keeper>,
    /// What was found has been found twice.
    settled: bool,
    /// git has compared contents where only times differ.
    refreshed: bool,
    /// The git directory is on another file system: nothing can be renamed into it.
    apart: bool,
    /// The index was reset, perhaps to a HEAD that is HEAD no more: a checkout may
    /// have come in between.
    unverified: bool,
    /// No allowed overlay needs these: the walk again does not ask again.
    unobjected: Option<(Overlays, Overlays)>,
    /// What was put aside last, by overlay.
    items: BTreeMap<PathBuf, Item>,
    /// What could not be moved in the last round.
    failures: Vec<Hitch>,
}

/// What git says before anything is done.
struct Answers {
    /// What is staged in foreign overlays.
    staged: Differences,
    /// git may write other bytes than it stores.
    converts: bool,
}

impl Answers {
    fn of(git: &Git, layout: &Layout, found: &Found) -> Result<Self> {
        let has_head = found.listing.head.is_some();
        Ok(Self {
            staged: git::staged::differences(git, layout, &found.plan, has_head)?,
            converts: git::converted::may_convert(git, layout, &found.listing)?,
        })
    }
}

/// How a round ended.
enum Round {
    /// Nothing is left, as the walk after it has shown.
    Done(Box<Found>),
    /// Look again.
    Again,
    /// What is left cannot be moved.
    Stuck,
}

impl Tidying<'_> {
    /// Where things are put aside from in this checkout.
    fn aside<'a>(&'a mut self, occasion: &'a Occasion) -> Aside<'a> {
        Aside {
            layout: &self.layout,
            git: &self.git,
            occasion,
            top: &self.checkout.top,
            items: &mut self.items,
            failures: &mut self.failures,
        }
    }

    fn run(&mut self, report: &mut Report) -> Result<()> {
        // Without work nothing is written: not even a lock, in a checkout that is
        // just being removed.
        if locks::is_unfinished(&self.layout) {
            self.become_the_only_one()?;
            self.unverified = true;
        }
        for round in 0..ROUNDS {
            let mark = git::mark(&self.layout)?;
            let found = self.look(None)?;
            report.describe(&found);
            if self.alone.is_none() && locks::is_a_keepers(&self.layout) {
                self.become_the_only_one()?;
                continue;
            }
            if let Some(busy) = locks::busy(&self.layout) {
                report.wait_for(busy, &self.layout, &found);
                return Ok(());
            }
            let work = Work::of(&self.layout, &self.checkout.top, &found)?;
            if work.is_nothing() && !self.unverified {
                self.end();
                return Ok(());
            }
            if self.would_rather_look_twice(&work) {
                continue;
            }
            let (objections, answers) = self.questions(&found);
            if !objections.is_empty() {
                report.hitches.extend(objections);
                return Ok(());
            }
            if self.alone.is_none() {
                self.become_the_only_one()?;
                // Another keeper may have been at it until now.
                if git::mark(&self.layout)? != mark {
                    continue;
                }
            }
            report.gone.extend(found.plan.present.iter().map(Path::to_path_buf));
            // What git should have taken off may still be taken off by git.
            let patient = round < ROUNDS / 2;
            match answers.and_then(|answers| self.round(&mark, &found, &work, &answers, patient)) {
                Ok(Round::Done(proof)) => {
                    report.describe(&proof);
                    self.end();
                    return Ok(());
                }
                Ok(Round::Again) => {}
                Ok(Round::Stuck) => {
                    self.end();
                    break;
                }
                // git has begun to work just now.
                Err(hitch) if locks::is_held(&hitch) => {}
                Err(hitch) => return Err(hitch),
            }
        }
        self.conclude(report)
    }

    fn look(&self, before: Option<&Listing>) -> Result<Found> {
        let pace = Pace { hurried: self.asked, before };
        look(&self.layout, &self.checkout.top, self.rule, pace)
    }

    /// Waits for other keepers, and finishes what one that died has begun.
    fn become_the_only_one(&mut self) -> Result<()> {
        let keeper = locks::become_keeper(&self.layout)?;
        quarantine::recover(&self.layout)?;
        self.keeper.recover(&self.git, &self.layout)?;
        keeper.begin()?;
        self.alone = Some(keeper);
        Ok(())
    }

    fn end(&self) {
        self.alone.iter().for_each(locks::Keeper::end);
    }

    /// A checkout that is just being removed looks as if git had forgotten what it
    /// was taught; nothing new may be put into it. `rm -r` leaves no sign, either.
    fn would_rather_look_twice(&mut self, work: &Work) -> bool {
        if self.asked || work.present || self.settled {
            return false;
        }
        let_it_settle();
        self.settled = true;
        true
    }

    /// Whether an allowed overlay needs what would go, and what git has to say first.
    fn questions(&mut self, found: &Found) -> (Vec<Hitch>, Result<Answers>) {
        if !self.asked {
            return (self.objections(found), Answers::of(&self.git, &self.layout, found));
        }
        let (git, layout) = (self.git.clone(), self.layout.clone());
        std::thread::scope(|scope| {
            let answers = scope.spawn(|| Answers::of(&git, &layout, found));
            (self.objections(found), joined(answers))
        })
    }

    fn objections(&mut self, found: &Found) -> Vec<Hitch> {
        let overlays = (found.plan.excluded.clone(), found.plan.present.clone());
        if self.unobjected.as_ref() == Some(&overlays) {
            return Vec::new();
        }
        let objections = self.keeper.objections(
            self.checkout,
            &self.layout,
            found,
            Purpose::Removal,
            self.asked,
        );
        if objections.is_empty() {
            self.unobjected = Some(overlays);
        }
        objections
    }

    /// One pass over everything that is to be done.
    fn round(
        &mut self,
        mark: &Mark,
        found: &Found,
        work: &Work,
        answers: &Answers,
        patient: bool,
    ) -> Result<Round> {
        self.failures.clear();
        // What git has answered may be out of date.
        if git::mark(&self.layout)? != *mark {
            return Ok(Round::Again);
        }
        let occasion = self.keeper.occasion(self.checkout, &found.listing);
        if work.for_git && work.present && !self.apart {
            if !self.take_away(mark, found, work, answers, &occasion)? {
                return Ok(Round::Again);
            }
        } else if !self.teach(mark, found, work, answers, &occasion)? {
            return Ok(Round::Again);
        }
        let taught = self.look(Some(&found.listing))?;
        // Untaught in between: what git can give back must not be put aside.
        let state = match taught.plan.present.is_empty() {
            true => taught.state.clone(),
            false => sparse::state(&self.git, &self.layout)?,
        };
        let untaught = sparse::wanted(&state, &self.layout, &taught.plan.excluded)?.is_some();
        if untaught {
            return Ok(Round::Again);
        }
        if taught.plan.present.is_empty() {
            let hidden = self.hide_what_is_not_there(&taught)?;
            let is_done = !hidden && !taught.expects_foreign(&self.layout) && !self.unverified;
            return Ok(if is_done { Round::Done(Box::new(taught)) } else { Round::Again });
        }
        self.put_rest_aside(&taught, &occasion, patient)
    }

    /// Where something else stands in an overlay's place git cannot look at its files,
    /// and goes on expecting them: as deleted, which a commit would record. Says whether
    /// there were any.
    fn hide_what_is_not_there(&self, taught: &Found) -> Result<bool> {
        let missing = taught.missing_behind_others(&self.layout);
        sparse::skip(&self.git, missing.iter().map(|path| super::bytes::path(path)))?;
        Ok(!missing.is_empty())
    }

    /// The walk again, when the last round has not found that all is well.
    fn conclude(&mut self, report: &mut Report) -> Result<()> {
        let found = self.look(None)?;
        report.describe(&found);
        let work = Work::of(&self.layout, &self.checkout.top, &found)?;
        if self.failures.is_empty() && (self.unverified || !work.is_nothing()) {
            // git worked in between each time, or died with its lock: soon again.
            report.wait_for(Busy::Locked, &self.layout, &found);
        }
        report.hitches.append(&mut self.failures);
        Ok(())
    }
}
