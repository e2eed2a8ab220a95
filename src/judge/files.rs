//! Rules about what kubectl would open or fetch.

use super::facts::{Facts, Local, Reached, Role, Stream, Whereabouts};
use super::place::{Place, place};
use super::reasons;
use super::verdict::Reason;
use crate::kubectl::{Class, Request};
use crate::level::Level;
use crate::policy::{Policy, Remote, Unacceptable};

pub(super) fn judge(policy: &Policy, request: &Request, facts: &Facts, found: &mut Vec<Reason>) {
    for trouble in &facts.troubles {
        found.push(reasons::unreadable(trouble, false));
    }
    for reached in &facts.reached {
        match &reached.whereabouts {
            Whereabouts::Local(local) | Whereabouts::Stream(Stream::At(local)) => {
                found.extend(local_reason(policy, request, facts, reached, local));
            }
            Whereabouts::Remote(remote) => {
                found.extend(remote_reason(policy, facts, reached, remote));
            }
            Whereabouts::Stream(Stream::Descriptor(_)) => {}
        }
        // For a foreign target that is reason enough, and -k would be no remedy.
        if let Role::Target { kustomization: Some(kustomization) } = &reached.role
            && !is_foreign(policy, facts, reached)
        {
            found.push(reasons::kustomize_as_files(request, reached, kustomization));
        }
    }
}

fn local_reason(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    reached: &Reached,
    local: &Local,
) -> Option<Reason> {
    let changes = request.class.is_none_or(Class::changes_cluster);
    let worst = worst_place(policy, facts, local);
    match (&reached.role, worst) {
        (Role::Reference { file, field }, Place::Foreign(overlay)) => {
            Some(reasons::reference_foreign(policy, facts, reached, file, field, &overlay))
        }
        (Role::Input { flag, below }, Place::Foreign(overlay)) => {
            Some(reasons::input_foreign(policy, request, reached, flag, *below, &overlay))
        }
        (Role::Output { flag }, Place::Foreign(overlay)) => {
            Some(reasons::output_foreign(policy, request, reached, flag, &overlay))
        }
        (_, Place::Foreign(overlay)) => {
            let below = stands_below(policy, facts, reached);
            Some(reasons::target_foreign(policy, request, reached, below, &overlay))
        }
        (_, Place::Git) => Some(reasons::in_git_directory(reached, local)),
        (Role::Reference { file, field }, Place::Outside) => {
            // Only what stands inside can lead out; a target that is outside
            // itself was judged as a target.
            let from = place(file, policy, &facts.territory);
            (from != Place::Outside)
                .then(|| reasons::reference_outside(facts, reached, file, field, local))
        }
        // A stream is judged by what is in it, as far as that can be known.
        (Role::Target { .. } | Role::Below { .. }, _)
            if matches!(reached.whereabouts, Whereabouts::Stream(_)) =>
        {
            None
        }
        (Role::Target { .. }, Place::Outside | Place::Unknown | Place::Shared)
        | (Role::Below { .. }, Place::Outside)
            if changes =>
        {
            Some(reasons::target_outside(policy, request, facts, reached, local))
        }
        _ => None,
    }
}

/// Whether what was named only contains what was reached.
fn stands_below(policy: &Policy, facts: &Facts, reached: &Reached) -> bool {
    match &reached.role {
        Role::PluginWord { below } => *below,
        Role::Below { target } => !facts.reached.iter().any(|named| {
            matches!(named.role, Role::Target { .. })
                && named.spelled == *target
                && is_foreign(policy, facts, named)
        }),
        _ => false,
    }
}

fn is_foreign(policy: &Policy, facts: &Facts, reached: &Reached) -> bool {
    matches!(&reached.whereabouts, Whereabouts::Local(local)
        if matches!(worst_place(policy, facts, local), Place::Foreign(_)))
}

/// The worst of all readings. A symbolic link on the way that *is* a child of an
/// overlay root counts by its name too, wherever it leads.
fn worst_place(policy: &Policy, facts: &Facts, local: &Local) -> Place {
    let readings = local.readings.iter().map(|path| place(path, policy, &facts.territory));
    let links = local
        .links
        .iter()
        .map(|link| place(link, policy, &facts.territory))
        .filter(|place| matches!(place, Place::Foreign(_)));
    readings.chain(links).max().unwrap_or(Place::Outside)
}

fn remote_reason(
    policy: &Policy,
    facts: &Facts,
    reached: &Reached,
    remote: &Result<Remote, Unacceptable>,
) -> Option<Reason> {
    match remote {
        Err(why) => Some(reasons::remote_unacceptable(reached, why)),
        Ok(remote) if !policy.remotes.iter().any(|prefix| prefix.covers(remote)) => {
            Some(reasons::remote_not_listed(policy, facts, reached))
        }
        Ok(remote)
            if policy.environment.level == Level::Critical
                && remote.is_repository()
                && !remote.is_immutable() =>
        {
            Some(reasons::remote_not_immutable(policy, reached))
        }
        Ok(_) => None,
    }
}
