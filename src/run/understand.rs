//! The readings of a command line, with what the installed kubectl's own help has
//! to say where the table lacks something.

use std::ffi::OsString;

use crate::env::Env;
use crate::exec;
use crate::installed::{Installed, server};
use crate::judge::Versions;
use crate::kubectl::{self, Invocation, Learned, Misfit};
use crate::policy::{Care, Policy};

/// All readings. A command line that the table understands costs nothing more.
///
/// # Errors
/// What no kubectl accepts, as far as is known.
pub(super) fn readings(
    words: &[OsString],
    policy: &Policy,
    env: &Env,
) -> Result<Vec<Invocation>, Misfit> {
    let mut learned = Learned::default();
    let mut kubectl = None;
    loop {
        let found = kubectl::readings_with(words, &learned);
        let Some(path) = kubectl::unexplained(words, &found, &learned) else { return found };
        let kubectl = kubectl.get_or_insert_with(|| installed(policy, env));
        // A page is added even when it cannot be had: this ends.
        let page = kubectl.as_mut().and_then(|kubectl| kubectl.page(path));
        learned.add(path, page.as_ref());
    }
}

/// What an operator should know about the installed kubectl besides any verdict.
pub(super) fn remarks(policy: &Policy, env: &Env) -> Vec<String> {
    let release = installed(policy, env).and_then(|mut kubectl| kubectl.release());
    release.and_then(kubectl::Release::remark).into_iter().collect()
}

/// Both ends' versions, where the policy cares and the server's is on record: only then
/// kubectl is asked for its own, once.
pub(super) fn versions(policy: &Policy, env: &Env) -> Option<Versions> {
    if policy.skew == Care::Allow {
        return None;
    }
    let server = server::known(&policy.pin.server, env)?;
    let kubectl = installed(policy, env)?.release()?;
    Some(Versions {
        kubectl,
        server: server.release,
        server_version: server.version,
        age: server.age,
    })
}

/// The release of the kubectl that would run, if it was asked before: what is only
/// recorded does not start a program, and least of all for a command that is refused.
pub(super) fn known_release(policy: &Policy, env: &Env) -> Option<kubectl::Release> {
    installed(policy, env)?.known_release()
}

fn installed(policy: &Policy, env: &Env) -> Option<Installed> {
    let program = exec::find(Some(policy), env, super::ourselves()).ok()?;
    Some(Installed::new(&program, env))
}
