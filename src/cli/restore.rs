//! `restore`: back from the quarantine.

use std::path::Path;

use super::args::Restore;
use super::print;
use crate::env::Env;
use crate::exit::Exit;
use crate::keeper::{self, Listed};
use crate::report::Reporter;
use crate::run;
use crate::text::shown;

/// Lists what was put aside, or brings one thing back.
pub(super) fn restore(
    arguments: &Restore,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let instance = match run::open(env, named) {
        Ok(instance) => instance,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    let Some(id) = &arguments.id else {
        let (items, hitches) = keeper::list(&instance.territory);
        // Where something could not be looked at, "nothing" would say too much.
        let is_known = !items.is_empty() || hitches.is_empty();
        let printed = if is_known { print(&table(&items)) } else { Exit::Failure };
        for hitch in &hitches {
            reporter.error(&hitch.what, &hitch.remedy);
        }
        return if hitches.is_empty() { printed } else { Exit::Failure };
    };
    let policy = &instance.loaded.policy;
    match keeper::restore(policy, &instance.territory, id, arguments.to.as_deref()) {
        Ok(restored) => {
            let staged = match restored.staged {
                0 => String::new(),
                count => format!("; staged again: {count}"),
            };
            print(&format!("restored {}{staged}\n", shown(&restored.place)))
        }
        Err(hitch) => {
            reporter.error(&hitch.what, &hitch.remedy);
            Exit::Failure
        }
    }
}

fn table(items: &[Listed]) -> String {
    if items.is_empty() {
        return "nothing is put aside\n".into();
    }
    let mut text = String::new();
    for item in items {
        let commit = item.commit.as_deref().map_or("-", |commit| &commit[..commit.len().min(9)]);
        text.push_str(&format!(
            "{}  {}\n  {} {}, put aside {} at {commit} by {}\n",
            item.id,
            shown(&item.origin),
            item.files,
            if item.files == 1 { "file" } else { "files" },
            item.time,
            shown(&item.by),
        ));
    }
    text
}
