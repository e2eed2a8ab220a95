//! The sandbox around kubectl: foreseen with the verdict, entered directly before
//! kubectl takes this process's place.

use std::ffi::OsString;

use crate::env::Env;
use crate::exec::Change;
use crate::exit::Exit;
use crate::judge::{self, Facts, Outcome, Reason, Verdict};
use crate::kubectl::Request;
use crate::policy::{Mode, Policy, SandboxRule};
use crate::report::Reporter;
use crate::sandbox::{self, Denied, Invocation, MayRead, Missing, Outlook, Unused};

/// Finds out whether the kernel can enforce the verdict. Where that is demanded
/// and impossible, the verdict becomes a refusal, which observe mode only says.
pub(super) fn foresee<'p>(
    policy: &'p Policy,
    requests: &[Request],
    facts: &[Facts],
    env: &Env,
    verdict: &mut Verdict,
) -> Outlook<'p> {
    if verdict.outcome == Outcome::Refuse {
        return Outlook::Unused(Unused::Refused);
    }
    let kubectl = super::real_kubectl(Some(policy), env).ok();
    let kubectl = kubectl.as_deref();
    // Break glass opens what was judged and lifted, and nothing besides.
    let may_read: MayRead<'_> =
        if verdict.lifted.is_empty() { &sandbox::as_judged } else { &|_| true };
    let invocation = Invocation { requests, facts, kubectl, may_read };
    let outlook = sandbox::foresee(policy, &invocation, env);
    if let Outlook::Missing(missing) = &outlook {
        if policy.sandbox == SandboxRule::Require {
            if demands(policy) {
                verdict.outcome = Outcome::Refuse;
            }
            verdict.reasons.push(reason(missing));
        } else if !missing.is_lasting() {
            verdict.warnings.push(warning(missing));
        }
    }
    outlook
}

/// Enters the sandbox, when there is one to enter; returns what has to change in
/// kubectl's environment.
pub(super) fn enter(
    outlook: Outlook<'_>,
    policy: Option<&Policy>,
    words: &[OsString],
    reporter: Reporter,
) -> Result<Vec<Change>, Exit> {
    let Outlook::Ready(ready) = outlook else { return Ok(Vec::new()) };
    let entered = match ready.enter() {
        Ok(entered) => entered,
        Err(missing) if policy.is_none_or(demands) => {
            return Err(refuse(reason(&missing), policy, reporter));
        }
        Err(missing) => {
            reporter.warning(&warning(&missing));
            return Ok(Vec::new());
        }
    };
    if let Some(reason) = denial(&entered.denied(), words) {
        return Err(refuse(reason, policy, reporter));
    }
    entered.leave_witness(words);
    Ok(entered.temp.map(|dir| Change::Set("TMPDIR".into(), dir.into())).into_iter().collect())
}

/// Whether nothing runs without a sandbox.
fn demands(policy: &Policy) -> bool {
    policy.sandbox == SandboxRule::Require && policy.mode == Mode::Enforce
}

/// What the kernel refuses, as one reason.
fn denial(denied: &[Denied], words: &[OsString]) -> Option<Reason> {
    let (first, others) = denied.split_first()?;
    Some(judge::sandbox_denied(words, &first.path, &first.leads_to, others.len()))
}

/// The witness's part: it stays behind when this process has become kubectl, and
/// speaks when the kernel kept something from it.
#[must_use]
pub fn witness(reporter: Reporter) -> Exit {
    let (words, denied) = sandbox::witness();
    if let Some(reason) = denial(&denied, &words) {
        reporter.kept_from_kubectl(&reason);
    }
    Exit::Success
}

fn refuse(reason: Reason, policy: Option<&Policy>, reporter: Reporter) -> Exit {
    reporter.verdict(&Verdict { reasons: vec![reason], ..Verdict::default() }, policy);
    Exit::Refused
}

fn reason(missing: &Missing) -> Reason {
    judge::sandbox_missing(&missing.to_string(), &missing.remedy())
}

fn warning(missing: &Missing) -> String {
    format!("not in the sandbox, only the verdict protects: {missing}; {}", missing.remedy())
}
