//! The rules as the kernel takes them: the only file that names the landlock
//! crate.
//!
//! Exactly two rights are handled. `READ_FILE` is the purpose. `REFER` (moving and
//! linking between directories) is denied by every ruleset that does not name it,
//! which would make each cross-directory rename fail with EXDEV; it is granted
//! everywhere. It opens nothing: the kernel refuses a move that would give a file
//! more rights than it had.
//!
//! Before ABI 2 (Linux 5.19) the kernel does not know `REFER` and denies such
//! moves. Reading is closed just as tightly there, so that is no lesser sandbox,
//! only a less comfortable one: `docs/sandbox.md` says so.

use std::os::fd::{BorrowedFd, OwnedFd};

use landlock::{
    AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
};

use super::Missing;

/// Rules that are being made.
#[derive(Debug)]
pub(super) struct Rules(RulesetCreated);

impl Rules {
    /// No grants yet.
    pub(super) fn new() -> Result<Self, Missing> {
        let created = ruleset().and_then(Ruleset::create).map_err(|error| failed(&error))?;
        let copy = created.try_clone().map_err(|error| Missing::Failed(error.to_string()))?;
        if Option::<OwnedFd>::from(copy).is_none() {
            return Err(absent(created));
        }
        Ok(Self(created))
    }

    /// Everything at or below `place` can be read.
    pub(super) fn grant(&mut self, place: BorrowedFd<'_>) -> Result<(), Missing> {
        self.add(place, AccessFs::ReadFile)
    }

    /// Files can be moved between directories below `top`.
    pub(super) fn let_move(&mut self, top: BorrowedFd<'_>) -> Result<(), Missing> {
        self.add(top, AccessFs::Refer)
    }

    fn add(&mut self, place: BorrowedFd<'_>, right: AccessFs) -> Result<(), Missing> {
        let rules = &mut self.0;
        rules.add_rule(PathBeneath::new(place, right)).map_err(|error| failed(&error))?;
        Ok(())
    }

    /// The version of the kernel's Landlock that these rules would use. It is told only
    /// to who enters: a thread does, and ends.
    pub(super) fn abi(self) -> Option<String> {
        let thread = std::thread::spawn(move || self.0.restrict_self().ok());
        match thread.join().ok()??.landlock {
            LandlockStatus::Available { kernel_abi: Some(newer), .. } => Some(newer.to_string()),
            LandlockStatus::Available { effective_abi, .. } => {
                Some((effective_abi as i32).to_string())
            }
            LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => None,
        }
    }

    /// From here on this process, what it becomes and what that starts can read
    /// nothing that is not granted. There is no way back.
    pub(super) fn enforce(self) -> Result<(), Missing> {
        let status = self.0.restrict_self().map_err(|error| failed(&error))?;
        match status {
            RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. } => {
                Err(Missing::Failed("the kernel did not take the rules".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn ruleset() -> Result<Ruleset, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::ReadFile)?
        .handle_access(AccessFs::Refer)
}

fn failed(error: &RulesetError) -> Missing {
    Missing::Failed(error.to_string())
}

/// Why the kernel made no ruleset. Asking does not restrict anything: there is
/// none.
fn absent(dummy: RulesetCreated) -> Missing {
    let status = dummy.no_new_privs(false).restrict_self();
    match status.map(|status| status.landlock) {
        Ok(LandlockStatus::NotEnabled) => Missing::SwitchedOff,
        Ok(_) => Missing::NoLandlock,
        Err(error) => failed(&error),
    }
}
