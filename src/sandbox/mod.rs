//! The kernel keeps foreign manifests from kubectl and from everything it starts
//! (Landlock), also when a file changes between the verdict and the reading.
//!
//! [`Plan`] decides what is granted, as plain data; [`ground`] reads what it has
//! to know; [`walk`] turns it into grants; [`apply`] hands them to the kernel.

mod apply;
pub mod effects;
mod ground;
mod mounts;
mod plan;
mod scratch;
mod sites;
#[cfg(test)]
mod tests;
mod walk;
mod witness;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::judge::{Facts, Reached, Role, Stream, Whereabouts};
use crate::kubectl::Request;
use crate::policy::{Mode, Policy, SandboxRule};
use crate::text::quoted;
use apply::Rules;
pub use ground::{Ground, Program};
pub use plan::{MayRead, Opening, Plan, as_judged};
pub use sites::{Sites, Stance};
pub use witness::{Denied, WITNESS, witness};

/// What can be said about the sandbox of one invocation before it runs.
#[derive(Debug)]
pub enum Outlook<'p> {
    /// It runs in the sandbox.
    Ready(Box<Ready<'p>>),
    /// It needs none, or is to have none.
    Unused(Unused),
    /// It should have one and cannot.
    Missing(Missing),
}

/// A sandbox that can be entered.
#[derive(Debug)]
pub struct Ready<'p> {
    plan: Plan<'p>,
    rules: Rules,
    /// What kubectl is about to open, by every name that is known.
    paths: Vec<PathBuf>,
    gap: Option<&'static str>,
}

/// Why there is none, although there could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// Nothing would run.
    Refused,
    /// `policy.sandbox: off`
    Off,
    /// In observe mode nothing is enforced, by the kernel neither.
    Observing,
    /// The command names no local file and is no plugin.
    NoFiles,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "nothing runs",
            Self::Off => "policy.sandbox is `off`",
            Self::Observing => "policy.mode is `observe`",
            Self::NoFiles => "the command names no local file",
        })
    }
}

/// Why there can be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The kernel was built without Landlock (before Linux 5.13, or without the
    /// option).
    NoLandlock,
    /// The kernel has it, and was started without it.
    SwitchedOff,
    /// A checkout contains what every program needs.
    HoldsSystem {
        /// Its top.
        top: PathBuf,
        /// The directory that would be closed.
        dir: &'static str,
    },
    /// Temporary files would go where they cannot be read again, and there is no
    /// other place for them.
    Scratch {
        /// The temporary directory.
        temp: PathBuf,
    },
    /// A program from snap mounts file systems, which no sandboxed program may.
    Snap(PathBuf),
    /// A program that changes its user cannot do so inside.
    Setuid(PathBuf),
    /// There is more to grant than is reasonable.
    TooMany(PathBuf),
    /// The kernel refused.
    Failed(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLandlock => f.write_str("this kernel has no Landlock"),
            Self::SwitchedOff => f.write_str("Landlock is switched off on this kernel"),
            Self::HoldsSystem { top, dir } => {
                write!(f, "the checkout {} contains {dir}", quoted(top))
            }
            Self::Scratch { temp } => write!(
                f,
                "the temporary directory {} contains a checkout or lies in one, and there is no other",
                quoted(temp)
            ),
            Self::Snap(program) => write!(f, "{} comes from snap", quoted(program)),
            Self::Setuid(program) => {
                write!(f, "{} changes its user (setuid)", quoted(program))
            }
            Self::TooMany(dir) => write!(f, "{} has too many entries", quoted(dir)),
            Self::Failed(problem) => write!(f, "the kernel refused it: {problem}"),
        }
    }
}

impl Missing {
    /// What would help.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoLandlock => "use a kernel with Landlock (Linux 5.13 or later)".to_owned(),
            Self::SwitchedOff => {
                "add landlock to the kernel parameter lsm=, then restart: cat /sys/kernel/security/lsm"
                    .to_owned()
            }
            Self::HoldsSystem { .. } => {
                "keep the manifests in a directory of their own".to_owned()
            }
            Self::Scratch { .. } => "export TMPDIR=/var/tmp".to_owned(),
            Self::Snap(_) => {
                "install the plain program; for kubectl name it in the configuration: kubectl: /usr/bin/kubectl"
                    .to_owned()
            }
            Self::Setuid(program) => format!("chmod u-s,g-s {}", quoted(program)),
            Self::TooMany(_) => {
                "state the overlay roots without `**` in the configuration".to_owned()
            }
            Self::Failed(_) => "sandbox: auto   # under policy, in the configuration".to_owned(),
        }
    }

    /// Whether it is a property of the machine, which `status` shows, and not of
    /// this one command line: then it is not said each time.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::NoLandlock | Self::SwitchedOff | Self::Snap(_) | Self::Setuid(_))
    }
}

/// How much the kernel keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything of the plan.
    Full,
    /// With a gap that could not be closed.
    Partial,
    /// Nothing.
    None,
}

impl Extent {
    /// The word for messages and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

impl Outlook<'_> {
    /// How much the kernel would keep.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match self {
            Self::Ready(ready) if ready.gap.is_none() => Extent::Full,
            Self::Ready(_) => Extent::Partial,
            Self::Unused(_) | Self::Missing(_) => Extent::None,
        }
    }

    /// Why it is not full.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Ready(ready) => ready.gap.map(str::to_owned),
            Self::Unused(why) => Some(why.to_string()),
            Self::Missing(why) => Some(why.to_string()),
        }
    }
}

/// Everything the outlook depends on.
#[derive(Clone, Copy)]
pub struct Invocation<'i> {
    /// The readings of the command line.
    pub requests: &'i [Request],
    /// What was found out, one for each reading.
    pub facts: &'i [Facts],
    /// The kubectl that would run, when there is one.
    pub kubectl: Option<&'i Path>,
    /// What may be read of what was judged.
    pub may_read: MayRead<'i>,
}

/// Finds out whether `invocation` can run in the sandbox. Nothing is changed.
#[must_use]
pub fn foresee<'p>(policy: &'p Policy, invocation: &Invocation<'_>, env: &Env) -> Outlook<'p> {
    if policy.sandbox == SandboxRule::Off {
        return Outlook::Unused(Unused::Off);
    }
    let observing = policy.mode == Mode::Observe;
    // What enforcing would miss is said before anybody enforces.
    if observing && policy.sandbox != SandboxRule::Require {
        return Outlook::Unused(Unused::Observing);
    }
    if !concerns(invocation.facts) {
        return Outlook::Unused(Unused::NoFiles);
    }
    match ready(policy, invocation, env) {
        Ok(_) if observing => Outlook::Unused(Unused::Observing),
        Ok(ready) => Outlook::Ready(Box::new(ready)),
        Err(missing) => Outlook::Missing(missing),
    }
}

/// The version of the kernel's Landlock, as its documentation counts them.
#[must_use]
pub fn abi() -> Option<String> {
    Rules::new().ok()?.abi()
}

/// What the sandbox is worth on this machine, whatever the command: nothing is
/// wrong, or there is a gap.
///
/// # Errors
/// [`Missing`] when there can be none.
pub fn ability(
    policy: &Policy,
    kubectl: Option<&Path>,
    env: &Env,
) -> Result<Option<&'static str>, Missing> {
    Rules::new()?;
    let nothing = Invocation { requests: &[], facts: &[], kubectl, may_read: &as_judged };
    let ground = Ground::survey(policy, &nothing, env);
    ground.can_be_restricted()?;
    Ok(ground.gap)
}

fn ready<'p>(
    policy: &'p Policy,
    invocation: &Invocation<'_>,
    env: &Env,
) -> Result<Ready<'p>, Missing> {
    let rules = Rules::new()?;
    let ground = Ground::survey(policy, invocation, env);
    ground.can_be_restricted()?;
    let Invocation { requests, facts, may_read, .. } = *invocation;
    let plan = Plan::new(policy, requests, facts, &ground, may_read)?;
    Ok(Ready { plan, rules, paths: witness::paths(facts), gap: ground.gap })
}

/// Whether kubectl would touch a file that has a place, or a plugin might.
fn concerns(facts: &[Facts]) -> bool {
    facts.iter().any(|facts| facts.plugin.is_some() || facts.reached.iter().any(has_place))
}

/// Where the cache goes is a property of the environment, not of the command.
fn has_place(reached: &Reached) -> bool {
    let placed =
        matches!(reached.whereabouts, Whereabouts::Local(_) | Whereabouts::Stream(Stream::At(_)));
    placed
        && !matches!(reached.role, Role::PluginWord { .. } | Role::Output { flag: "KUBECACHEDIR" })
}

impl Ready<'_> {
    /// Enters the sandbox: this process can read only what the plan grants from
    /// here on, and so can what it becomes. There is no way back.
    ///
    /// # Errors
    /// [`Missing`]; then nothing is restricted.
    pub fn enter(mut self) -> Result<Entered, Missing> {
        scratch::prepare(&self.plan)?;
        walk::grant(&self.plan, &mut self.rules)?;
        self.rules.enforce()?;
        Ok(Entered { paths: self.paths, temp: self.plan.scratch })
    }
}

/// This process is in the sandbox.
#[derive(Debug)]
pub struct Entered {
    paths: Vec<PathBuf>,
    /// Where temporary files have to go from now on.
    pub temp: Option<PathBuf>,
}

impl Entered {
    /// The files of the invocation that the kernel refuses: something has
    /// changed since they were judged.
    #[must_use]
    pub fn denied(&self) -> Vec<Denied> {
        witness::denied(&self.paths)
    }

    /// Leaves somebody behind who says it when the kernel stopped kubectl.
    pub fn leave_witness(&self, words: &[OsString]) {
        witness::leave(words, &self.paths);
    }
}
