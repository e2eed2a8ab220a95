//! The context that the instance is to have, and where it is taken from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::minify::{self, Minified};
use super::trouble::{Result, Trouble};
use super::{Old, Places, Request, words};
use crate::env::Env;
use crate::judge::drift;
use crate::kubeconfig::{Kubeconfig, Selection};
use crate::text::{listed, quoted, shown};

/// The context that the instance is to have.
///
/// # Errors
/// When there are several and none is chosen, or it lacks something.
pub fn context(
    request: &Request,
    places: &Places,
    old: Option<&Old>,
    env: &Env,
) -> Result<Minified> {
    let files = source(request, places, old, env)?;
    let (names, _) = minify::contexts(&files)?;
    let name = match (&request.context, names.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [name]) => name.clone(),
        (None, names) => pinned_context(&files, names, old).ok_or_else(|| {
            let files: Vec<String> = files.iter().map(shown).collect();
            Trouble::new(
                format!("{} has {} contexts: {}", listed(&files), names.len(), listed(names)),
                "choose the one of this instance: --context NAME",
            )
        })?,
    };
    minify::minify(&files, &name, env)
}

/// The contexts to choose from.
///
/// # Errors
/// When there is none.
pub fn choices(
    request: &Request,
    places: &Places,
    old: Option<&Old>,
    env: &Env,
) -> Result<(Vec<String>, Option<String>)> {
    minify::contexts(&source(request, places, old, env)?)
}

/// The one context that leads to the pinned cluster.
fn pinned_context(files: &[PathBuf], names: &[String], old: Option<&Old>) -> Option<String> {
    let pin = &old?.policy.pin;
    let read = Kubeconfig::of_list(files.iter().map(PathBuf::as_path)).ok()?;
    let mut fitting = names.iter().filter(|name| {
        let selection = Selection { context: Some((*name).clone()), ..Selection::default() };
        read.resolve(&selection).is_ok_and(|resolved| super::is_pinned(pin, &resolved))
    });
    let one = fitting.next()?.clone();
    fitting.next().is_none().then_some(one)
}

/// The files to take the context from: the named one; the pinned one while it is
/// what was pinned, or when it is what changed; else those that kubectl would read.
fn source(
    request: &Request,
    places: &Places,
    old: Option<&Old>,
    env: &Env,
) -> Result<Vec<PathBuf>> {
    if let Some(file) = &request.from {
        return Ok(vec![std::path::absolute(file).unwrap_or_else(|_| file.clone())]);
    }
    let usual = || {
        let mut files = minify::usual_files(env);
        files.retain(|file| *file != places.kubeconfig);
        if files.is_empty() {
            files.extend(env.home().map(|home| home.join(".kube/config")));
        }
        files
    };
    let Some(old) = old else { return Ok(usual()) };
    let pinned = &old.policy.pin.kubeconfig;
    let resolved = Kubeconfig::of_file(pinned).and_then(|read| read.resolve(&Selection::default()));
    let Ok(resolved) = resolved else { return Ok(usual()) };
    let drifted = drift(&old.policy.pin, &resolved);
    match (drifted.first(), request.repin) {
        (None, false) => Ok(vec![pinned.clone()]),
        // Rebuilt at the same address; or the new one stands where kubectl would look.
        (None, true) => {
            let usual = usual();
            Ok(if minify::contexts(&usual).is_ok() { usual } else { vec![pinned.clone()] })
        }
        (Some(_), true) => Ok(vec![pinned.clone()]),
        (Some(difference), false) => {
            let usual = usual();
            let leads_there = |file: &&PathBuf| {
                let file = std::slice::from_ref(*file);
                minify::contexts(file)
                    .is_ok_and(|(names, _)| pinned_context(file, &names, Some(old)).is_some())
            };
            let remedy = match usual.iter().find(leads_there) {
                Some(file) => format!("kubectl-envguard setup --from {}", quoted(file)),
                None => "kubectl-envguard setup --repin    # shows both clusters, and asks".into(),
            };
            let pinned = shown(pinned);
            let what = format!("{pinned} no longer leads to the pinned cluster: {difference}");
            Err(Trouble::new(what, remedy))
        }
    }
}

/// The environment that the names of the context and of its cluster speak of.
#[must_use]
pub fn guess(minified: &Minified) -> Option<String> {
    let names = [&minified.resolved.context, &minified.cluster];
    let found: BTreeSet<&str> = names.iter().flat_map(|name| words::environments(name)).collect();
    if found.len() != 1 {
        return None;
    }
    // As it is written there: `dev` rather than `develop`.
    let written = names.iter().flat_map(|name| crate::level::words(name));
    written.into_iter().find(|word| words::is_plain(word))
}
