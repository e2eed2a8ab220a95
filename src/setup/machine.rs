//! Which machine it is, as EC2 says it.

use serde_yaml::Mapping;

use super::trouble::{Result, Trouble};
use super::{Known, Old, Request, proposal};
use crate::env::Env;
use crate::identity;
use crate::judge::Machine;
use crate::text::shown;

/// The machine's section. A tag that names another environment speaks against all of
/// it: somebody is logged in to the wrong instance.
pub(super) fn machine(
    request: &Request,
    old: Option<&Old>,
    env: &Env,
    known: &Known,
    notes: &mut Vec<String>,
) -> Result<Option<Mapping>> {
    let environment = &request.wishes.environment;
    match known.machine(|| asked_machine(request, old, env)) {
        Machine::Tagged(tag) if tag.trim() != environment.as_str() => Err(Trouble::new(
            format!(
                "the tag envguard:environment of this instance says {}, not {}",
                shown(tag),
                shown(environment)
            ),
            "kubectl-envguard setup --environment NAME; or correct the tag",
        )),
        Machine::Tagged(_) => Ok(proposal::machine(old, None, request.metadata.as_deref())),
        Machine::Known { account, id } => {
            let known = Some((account.as_str(), id.as_str()));
            Ok(proposal::machine(old, known, request.metadata.as_deref()))
        }
        Machine::Unknown(why) => {
            notes.push(format!("which machine this is was not recorded: {why}"));
            Ok(proposal::machine(old, None, request.metadata.as_deref()))
        }
    }
}

/// What the metadata service says now.
fn asked_machine(request: &Request, old: Option<&Old>, env: &Env) -> Machine {
    let configured = old.and_then(|old| old.policy.metadata.as_deref());
    let asked = request.metadata.as_deref().map(|url| url.trim_start_matches("http://"));
    identity::asked_at(asked.or(configured), env)
}

/// The environment that the instance's tag names.
#[must_use]
pub fn tagged(request: &Request, old: Option<&Old>, env: &Env, known: &Known) -> Option<String> {
    match known.machine(|| asked_machine(request, old, env)) {
        Machine::Tagged(tag) => Some(tag.trim().to_owned()),
        _ => None,
    }
}
