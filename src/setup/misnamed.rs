//! Names of `allow` that no overlay is called by: mistyped, or not there yet. No I/O.

use std::collections::BTreeSet;

use super::survey::Survey;
use super::trouble::Trouble;
use super::words;
use crate::pattern::Pattern;
use crate::text::{listed, quoted, shown};

/// Entries of `allow` that none of `names` fits, each with those that are there.
pub(super) fn notes<'n>(
    allow: &'n [String],
    names: &'n BTreeSet<&str>,
) -> impl Iterator<Item = String> + 'n {
    allow.iter().filter(|entry| !is_one(entry, names)).map(|entry| {
        let nearest = words::nearest(entry, names.iter().copied());
        let meant: Vec<&str> = nearest.into_iter().collect();
        format!("no overlay is called {}: {}", shown(entry), there(names, &meant))
    })
}

/// Why a configuration that allows what was asked for is not to be written: there are
/// overlays, and none of them, in whichever checkout, is called so. It would let nothing
/// through, and would list this environment's own overlay as foreign.
#[must_use]
pub fn misnamed(asked: &[String], surveys: &[Survey]) -> Option<Trouble> {
    let names = surveys.iter().flat_map(|survey| &survey.overlays).map(String::as_str);
    let names: BTreeSet<&str> = names.collect();
    if asked.is_empty() || names.is_empty() || asked.iter().any(|entry| is_one(entry, &names)) {
        return None;
    }
    let nearest = asked.iter().filter_map(|entry| words::nearest(entry, names.iter().copied()));
    let meant: Vec<&str> = nearest.collect::<BTreeSet<&str>>().into_iter().collect();
    let called: Vec<String> = asked.iter().map(shown).collect();
    let what = format!(
        "nothing was written: --allow must name an overlay that exists, and none is called {}: {}",
        called.join(" or "),
        there(&names, &meant)
    );
    let name = meant.first().map_or_else(|| "NAME".to_owned(), quoted);
    let remedy = format!("name one that is there: --allow {name}; or create the overlay first");
    Some(Trouble::new(what, remedy))
}

fn is_one(entry: &str, names: &BTreeSet<&str>) -> bool {
    Pattern::new(entry.as_bytes())
        .is_ok_and(|pattern| names.iter().any(|name| pattern.matches(name.as_bytes())))
}

/// What there is, and which of it was probably meant.
fn there(names: &BTreeSet<&str>, meant: &[&str]) -> String {
    let found: Vec<String> = names.iter().take(20).map(shown).collect();
    let is = if found.len() == 1 { "is" } else { "are" };
    let meant: Vec<String> = meant.iter().map(shown).collect();
    let question = match meant.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", listed(&meant)),
    };
    format!("there {is} {}{question}", listed(&found))
}
