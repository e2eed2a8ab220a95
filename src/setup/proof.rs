//! The proof of a proposal: the judge itself says what it would do with every
//! overlay that was found.

use std::ffi::OsString;
use std::path::Path;

use super::survey::{Survey, Target};
use crate::config::Loaded;
use crate::env::Env;
use crate::gather::Reads;
use crate::judge::{Code, Machine, Outcome, Reason};
use crate::policy::{Care, Policy};
use crate::run::{self, Instance, Rules};
use crate::text::command_line;

/// What the judge says about a proposal.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// How many targets would run.
    pub passed: usize,
    /// Allowed overlays that the proposal would refuse: it is wrong.
    pub refused: Vec<Finding>,
    /// Allowed overlays that are refused for a reason of their own: kubectl could not
    /// build them, or a rule wants them changed.
    pub amiss: Vec<Finding>,
    /// How many foreign overlays would be refused.
    pub kept_out: usize,
    /// Foreign overlays that would run: the proposal is wrong.
    pub let_in: Vec<Target>,
}

impl Proof {
    /// Whether the proposal may be written.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.refused.is_empty() && self.let_in.is_empty()
    }
}

/// A line that would be refused, and why.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The kubectl command.
    pub line: String,
    /// The first reason.
    pub reason: Reason,
}

/// Judges `apply` of every target. `kubeconfig` is what the pinned one will be.
#[must_use]
pub(super) fn prove(
    mut policy: Policy,
    config: &Path,
    kubeconfig: &Path,
    surveys: &[Survey],
    env: &Env,
) -> Proof {
    policy.pin.kubeconfig = kubeconfig.to_path_buf();
    // The seal is what this proof is to allow.
    policy.pin.seal = None;
    // How the tree stands at this moment is not what is proved.
    policy.uncommitted = Care::Allow;
    policy.fetch_age = None;
    policy.instance = None;
    let machine = Machine::Unknown("not what is proved".to_owned());
    let instance = Instance::on(Loaded { policy, file: config.to_path_buf() }, machine);
    // What this terminal has exported is not the proposal's fault.
    let variables = env.iter().filter(|(name, _)| *name != "KUBECONFIG");
    let env = Env::from_pairs(variables);
    let mut proof = Proof::default();
    for target in surveys.iter().flat_map(|survey| &survey.allowed) {
        match refusal(target, &instance, &env) {
            None => proof.passed += 1,
            Some(finding) if is_of_the_overlay(finding.reason.code) => proof.amiss.push(finding),
            Some(finding) => proof.refused.push(finding),
        }
    }
    for target in surveys.iter().flat_map(|survey| &survey.foreign) {
        match refusal(target, &instance, &env) {
            Some(_) => proof.kept_out += 1,
            None => proof.let_in.push(target.clone()),
        }
    }
    proof
}

fn refusal(target: &Target, instance: &Instance, env: &Env) -> Option<Finding> {
    let words: Vec<OsString> =
        ["apply".into(), target.flag.into(), target.dir.clone().into()].into();
    let judged = run::judge_words(&words, instance, env, Reads::Nothing, Rules::InForce);
    let verdict = judged.verdict;
    if verdict.outcome != Outcome::Refuse && verdict.reasons.is_empty() {
        return None;
    }
    let reason = verdict.reasons.into_iter().next()?;
    Some(Finding { line: command_line(&words), reason })
}

/// Whether it is the overlay, or the moment, and not the proposal.
fn is_of_the_overlay(code: Code) -> bool {
    !matches!(
        code,
        Code::TargetForeign
            | Code::TargetOutside
            | Code::ReferenceForeign
            | Code::ReferenceOutside
            | Code::ClusterDrift
            | Code::ClusterOverride
            | Code::ConfigInvalid
            | Code::ConfigMissing
    )
}
