//! `setup`: looks, asks, shows, and only then writes.

mod answer;
mod dialogue;
mod repin;
mod show;

use std::collections::BTreeMap;
use std::path::Path;

use super::args::Setup;
use super::print;
use crate::env::Env;
use crate::exit::Exit;
use crate::report::Reporter;
use crate::setup::{
    self, Change, Draft, Entry, Known, Old, Places, Request, Result, Trouble, Wishes,
};
use crate::text::shown;
use dialogue::Dialogue;

/// What the whole program was given besides `setup`'s own words.
#[derive(Clone, Copy)]
struct Given<'g> {
    arguments: &'g Setup,
    /// `--confirm`
    confirm: Option<&'g str>,
    env: &'g Env,
    reporter: Reporter,
}

/// Sets up this instance.
pub(super) fn setup(
    arguments: &Setup,
    confirm: Option<&str>,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let given = Given { arguments, confirm, env, reporter };
    let done = Places::of(env, named).and_then(|places| {
        if arguments.migrate { migrate(given, &places) } else { run(given, &places) }
    });
    done.unwrap_or_else(|trouble| failed(&trouble, reporter))
}

fn failed(trouble: &Trouble, reporter: Reporter) -> Exit {
    reporter.error(&trouble.what, &trouble.remedy);
    Exit::Failure
}

fn migrate(given: Given<'_>, places: &Places) -> Result<Exit> {
    match setup::migrate(places)? {
        None => Ok(print(&format!(
            "{}: nothing to change, it is {} already\n",
            shown(&places.config),
            setup::API_VERSION
        ))),
        Some(change) => {
            let mut text = String::new();
            show::change(&mut text, &change);
            print(&text);
            settle(given, &[change], &[])
        }
    }
}

fn run(given: Given<'_>, places: &Places) -> Result<Exit> {
    let Given { arguments, env, .. } = given;
    let old = Old::read(places, env)?;
    if arguments.repin && old.is_none() {
        return Err(Trouble::new(
            format!("{} is not there: nothing is pinned yet", shown(&places.config)),
            "kubectl-envguard setup",
        ));
    }
    let mut request = request(arguments, old.as_ref());
    let known = Known::default();
    let mut dialogue = match arguments.yes || arguments.dry_run || arguments.repin {
        true => None,
        false => Some(Dialogue::open()?),
    };
    if let Some(dialogue) = &mut dialogue {
        dialogue.context(&mut request, places, old.as_ref(), env)?;
    }
    let minified = setup::context(&request, places, old.as_ref(), env)?;
    if request.wishes.environment.is_empty() {
        request.wishes.environment = setup::tagged(&request, old.as_ref(), env, &known)
            .or_else(|| setup::guess(&minified))
            .unwrap_or_default();
    }
    if let Some(dialogue) = &mut dialogue {
        dialogue.environment(&mut request, old.as_ref())?;
        dialogue.checkouts(&mut request, old.as_ref(), env, &known)?;
    }
    if request.wishes.environment.is_empty() {
        return Err(Trouble::new(
            format!(
                "the context {} does not say which environment this is",
                shown(&minified.resolved.context)
            ),
            "kubectl-envguard setup --environment NAME",
        ));
    }
    let draft =
        |request: &Request| setup::draft(request, places, old.as_ref(), &minified, env, &known);
    let mut drafted = match &mut dialogue {
        Some(dialogue) => dialogue.until_found(&mut request, &draft)?,
        None => draft(&request)?,
    };
    if let Some(dialogue) = &mut dialogue
        && dialogue.details(&mut request, &drafted)?
    {
        drafted = draft(&request)?;
    }
    finish(given, &request, &drafted, dialogue)
}

/// Shows the draft; writes it when it holds and is agreed to.
fn finish(
    given: Given<'_>,
    request: &Request,
    draft: &Draft,
    dialogue: Option<Dialogue>,
) -> Result<Exit> {
    print(&show::findings(draft));
    // Whoever is asked has just read it, and can say no.
    if dialogue.is_none()
        && let Some(trouble) = setup::misnamed(&request.entry.allow, &draft.surveys)
    {
        return Err(trouble);
    }
    if !draft.proof.holds() {
        return Err(Trouble::new(
            "nothing was written: under this configuration overlays of this environment would be refused, or others let in",
            "state what belongs where: --allow, --shared, --foreign, --overlay-root, --checkout",
        ));
    }
    if draft.is_done() {
        draft.remember_version(given.env);
        return Ok(print("nothing to change\n"));
    }
    let mut text = String::new();
    draft.changes.iter().for_each(|change| show::change(&mut text, change));
    show::chores(&mut text, &draft.chores);
    print(&text);
    if given.arguments.dry_run {
        return Ok(print("nothing was written (--dry-run)\n"));
    }
    if given.arguments.repin {
        repin::agreed(given, draft)?;
    } else if let Some(mut dialogue) = dialogue
        && !dialogue.yes("Write this?")?
    {
        print("nothing was written\n");
        return Ok(Exit::Failure);
    }
    let exit = settle(given, &draft.changes, &draft.chores)?;
    draft.remember_version(given.env);
    print("Next: kubectl envguard status\n");
    Ok(exit)
}

/// Writes, and says where the old files are.
fn settle(given: Given<'_>, changes: &[Change], chores: &[setup::Chore]) -> Result<Exit> {
    if given.arguments.dry_run {
        return Ok(print("nothing was written (--dry-run)\n"));
    }
    for change in changes.iter().filter(|change| change.is_one()) {
        let backup = change.write()?;
        let kept = backup.map(|file| format!(" (before: {})", shown(&file))).unwrap_or_default();
        print(&format!("wrote {}{kept}\n", shown(&change.path)));
    }
    let mut exit = Exit::Success;
    for chore in chores {
        // The instance is guarded without it: say it and go on.
        if let Err(trouble) = chore.run() {
            exit = failed(&trouble, given.reporter);
        }
    }
    Ok(exit)
}

fn request(arguments: &Setup, old: Option<&Old>) -> Request {
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let known = old.map(|old| old.policy.environment.name.clone());
    Request {
        wishes: Wishes {
            environment: arguments.environment.clone().or(known).unwrap_or_default(),
            level: arguments.level.clone(),
            cluster: arguments.cluster.clone(),
            mode: arguments.mode.clone(),
            contact: arguments.contact.clone(),
            remotes: arguments.remotes.clone(),
        },
        from: arguments.from.clone(),
        context: arguments.context.clone(),
        checkouts: arguments.checkouts.clone(),
        entry: Entry {
            roots: arguments.overlay_roots.clone(),
            allow: arguments.allow.clone(),
            shared: arguments.shared.clone(),
            foreign: some(&arguments.foreign),
            branches: some(&arguments.branches),
            exact_shared: !arguments.shared.is_empty(),
            ..Entry::default()
        },
        entries: BTreeMap::new(),
        ask_server: !arguments.offline,
        repin: arguments.repin,
        metadata: arguments.metadata.clone(),
    }
}
