//! `admission-policy`: prints, for the cluster, the policy that refuses what is labelled
//! for another environment.

use std::path::Path;

use super::args::{AdmissionPolicy, WhenUnlabelled};
use super::print;
use crate::admission::{self, Key, Unlabelled, Wish};
use crate::config;
use crate::env::Env;
use crate::exit::Exit;
use crate::policy::Policy;
use crate::report::Reporter;
use crate::text::shown;

/// Prints the policy, or what stamps an overlay.
pub(super) fn policy(
    arguments: &AdmissionPolicy,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let policy = match config::load(env, named) {
        Ok(loaded) => loaded.policy,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    match wish(arguments, &policy) {
        Ok(wish) if arguments.label => print(&admission::stamp(&wish)),
        Ok(wish) => print(&admission::policy(&wish)),
        Err(problem) => super::usage(&problem, reporter),
    }
}

fn wish(arguments: &AdmissionPolicy, policy: &Policy) -> Result<Wish, String> {
    let key = match arguments.key.as_deref() {
        None => Key::usual(),
        Some(key) => Key::read(key)
            .ok_or_else(|| format!("--key {} can be the key of no label", shown(key)))?,
    };
    if let Some(name) =
        arguments.exempt_namespaces.iter().find(|name| !admission::is_namespace(name))
    {
        return Err(format!("--exempt-namespace {} can be the name of none", shown(name)));
    }
    let unlabelled = match arguments.unlabelled {
        WhenUnlabelled::Allow => Unlabelled::Allowed,
        WhenUnlabelled::Warn => Unlabelled::Warned,
        WhenUnlabelled::Refuse if arguments.enforce => Unlabelled::Refused,
        WhenUnlabelled::Refuse => {
            return Err("--unlabelled refuse goes with --enforce; see the warnings first: \
                        --unlabelled warn"
                .to_owned());
        }
    };
    let environment = policy.environment.name.clone();
    let mut values = arguments.values.clone();
    if !values.contains(&environment) {
        values.push(environment.clone());
    }
    Ok(Wish {
        environment,
        cluster: policy.pin.name.clone(),
        key,
        values,
        enforce: arguments.enforce,
        unlabelled,
        namespaces: arguments.exempt_namespaces.clone(),
        users: arguments.exempt_users.clone(),
    })
}
