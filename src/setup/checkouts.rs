//! The checkouts of an instance: the named ones, the configured ones, or those that
//! are found.

use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use super::classify::survey;
use super::survey::{Entry, Survey};
use super::trouble::{Result, Trouble};
use super::{Known, Old, Places, Request, branches, document, layout, parsed, proposal, tree};
use crate::env::Env;
use crate::gather;
use crate::pattern::has_meta;
use crate::policy::Policy;
use crate::text::shown;

/// Looks at every checkout: the named ones, else the configured ones, else what is
/// found.
pub(super) fn surveys(
    request: &Request,
    places: &Places,
    old: Option<&Old>,
    env: &Env,
    base: &Mapping,
    known: &Known,
) -> Result<Vec<Survey>> {
    let environment = &request.wishes.environment;
    let configured: Vec<Entry> = old
        .and_then(|old| old.mapping.get("checkouts").and_then(Value::as_sequence))
        .into_iter()
        .flatten()
        .map(proposal::entry)
        .collect();
    let paths: Vec<String> = if !request.checkouts.is_empty() {
        request.checkouts.iter().map(|path| absolute(path)).collect()
    } else if !configured.is_empty() {
        configured.iter().map(|entry| entry.path.clone()).collect()
    } else {
        found(environment, env, known)?
    };
    let policy = |entry: &Entry| {
        let survey = Survey { entry: entry.clone(), ..Survey::default() };
        let mut document = base.clone();
        document.insert("checkouts".into(), proposal::entries(&[survey]));
        parsed(&document::merged(None, &document), places, env)
    };
    let mut surveys = Vec::new();
    for path in paths {
        let old = configured.iter().find(|entry| entry.path == path).cloned();
        let asked = request.entries.get(&path).unwrap_or(&request.entry);
        let mut entry = stated(asked, old.unwrap_or_default());
        entry.path.clone_from(&path);
        let found = of_entry(environment, entry, env, &policy, known);
        surveys.extend(found.map_err(|trouble| trouble.of_entry(&path))?);
    }
    Ok(surveys)
}

/// The surveys of all working trees of one entry, which they share.
fn of_entry(
    environment: &str,
    mut entry: Entry,
    env: &Env,
    policy: &dyn Fn(&Entry) -> Result<Policy>,
    known: &Known,
) -> Result<Vec<Survey>> {
    let pattern = match (entry.path.strip_prefix('~'), env.home()) {
        (Some(below), Some(home)) => format!("{}{below}", home.display()),
        _ => entry.path.clone(),
    };
    let tops = gather::tops(&pattern);
    if tops.is_empty() {
        let is_stated = !entry.roots.is_empty() && !entry.allow.is_empty();
        if !is_stated {
            // Without a pattern in it, it is where the checkout is to be.
            let remedy = match has_meta(entry.path.as_bytes()) {
                true => "clone it first; or state what it will hold: --overlay-root DIR --allow NAME --foreign NAME".to_owned(),
                false => crate::keeper::line_to_clone(&pattern),
            };
            return Err(Trouble::unnamed(
                format!("there is no checkout at {}", shown(&entry.path)),
                remedy,
            ));
        }
        let notes =
            vec![format!("{} is not there yet: nothing of it is proved", shown(&entry.path))];
        return Ok(vec![Survey { entry, notes, ..Survey::default() }]);
    }
    let mut surveys = Vec::new();
    for top in tops {
        let survey = survey(&top, &known.tree(&top), environment, &entry, policy)?;
        // A list that was found for the first tree is completed by the others.
        entry = survey.entry.clone();
        surveys.push(survey);
    }
    for survey in &mut surveys {
        survey.entry = entry.clone();
    }
    Ok(surveys)
}

/// What is asked for goes before what is configured.
fn stated(asked: &Entry, known: Entry) -> Entry {
    let list = |asked: &Vec<String>, known: Vec<String>| {
        if asked.is_empty() { known } else { asked.clone() }
    };
    Entry {
        path: known.path,
        roots: list(&asked.roots, known.roots),
        allow: list(&asked.allow, known.allow),
        shared: if asked.exact_shared { asked.shared.clone() } else { known.shared },
        foreign: asked.foreign.clone().or(known.foreign),
        branches: asked.branches.clone().or(known.branches),
        configured: known.configured,
        exact_roots: !asked.roots.is_empty(),
        exact_shared: asked.exact_shared,
        exact_foreign: asked.foreign.is_some(),
    }
}

/// A path as a pattern that matches only it; what is a pattern already stays one.
fn absolute(path: &str) -> String {
    let full = std::path::absolute(path)
        .map_or_else(|_| path.to_owned(), |full| full.to_string_lossy().into_owned());
    if has_meta(path.as_bytes()) && Path::new(path).symlink_metadata().is_err() {
        return full;
    }
    let real =
        Path::new(&full).canonicalize().map_or(full, |real| real.to_string_lossy().into_owned());
    layout::escaped(&real)
}

/// The checkout around the working directory, else those in the usual places that
/// hold several environments; as patterns.
///
/// # Errors
/// When there is none.
pub fn found(environment: &str, env: &Env, known: &Known) -> Result<Vec<String>> {
    let here = env.working_directory().ok().and_then(|here| tree::top_of(&here));
    let as_pattern = |top: &PathBuf| layout::escaped(&top.to_string_lossy());
    let holds = |top: &PathBuf| !known.tree(top).roots(environment).is_empty();
    if let Some(here) = &here
        && (holds(here) || branches::are_environments(here, environment))
    {
        return Ok(vec![as_pattern(here)]);
    }
    let tops = tree::candidates(env.home());
    let found: Vec<String> = tops.iter().filter(|top| holds(top)).map(as_pattern).collect();
    // What is wrong with the one around us is worth more than that there is none.
    let found = if found.is_empty() { here.iter().map(as_pattern).collect() } else { found };
    if found.is_empty() {
        return Err(Trouble::new(
            "no checkout with overlays was found in /srv, /opt, /data or a home directory",
            "name it: --checkout DIR",
        ));
    }
    Ok(found)
}
