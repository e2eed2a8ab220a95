//! `audit`: who ran what on this instance, newest last.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::args::{Audit, Format};
use super::print;
use crate::audit::{Event, Follow, Log, Selection, WouldRefuse, row, since};
use crate::config;
use crate::env::Env;
use crate::exit::Exit;
use crate::judge::Code;
use crate::report::Reporter;
use crate::text::shown;

/// How often `--follow` looks for news.
const PAUSE: Duration = Duration::from_millis(250);

/// Prints the selected events.
pub(super) fn show(arguments: &Audit, named: Option<&Path>, env: &Env, reporter: Reporter) -> Exit {
    let selection = match selection(arguments) {
        Ok(selection) => selection,
        Err(problem) => return super::usage(&problem, reporter),
    };
    let directory = match config::load(env, named) {
        Ok(loaded) => loaded.policy.audit,
        Err(unusable) => {
            reporter.error(
                &unusable.to_string(),
                "correct the configuration, or name one: --config FILE",
            );
            return Exit::Config;
        }
    };
    let uid = rustix::process::getuid().as_raw();
    // Before the first look, so that nothing comes unseen in between.
    let follow = arguments.follow.then(|| Follow::new(&directory, uid));
    let mut shown_already = Vec::new();
    let mut log = Log::open(&directory, uid);
    let newest = log.by_ref().take_while(|event| !selection.is_past(event));
    let printed = if arguments.would_refuse {
        would_refuse(newest.filter(|event| selection.wants(event)), arguments)
    } else {
        let mut events: Vec<Event> =
            newest.filter(|event| selection.wants(event)).take(arguments.lines).collect();
        events.reverse();
        let printed = print_events(&events, arguments.output);
        shown_already = events;
        printed
    };
    for trouble in &log.troubles {
        reporter.warning(&shown(trouble));
    }
    match follow {
        Some(follow) if printed == Exit::Success => {
            go_on(follow, &selection, arguments, &shown_already)
        }
        _ => printed,
    }
}

/// Prints what comes, as long as somebody reads it.
fn go_on(
    mut follow: Follow,
    selection: &Selection,
    arguments: &Audit,
    shown_already: &[Event],
) -> Exit {
    let mut known = shown_already;
    loop {
        for event in follow.news() {
            if !selection.wants(&event) || known.contains(&event) {
                continue;
            }
            let text = line(&event, arguments.output);
            let mut stdout = std::io::stdout().lock();
            if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                return Exit::Success;
            }
        }
        known = &[];
        std::thread::sleep(PAUSE);
    }
}

fn selection(arguments: &Audit) -> Result<Selection, String> {
    if let Some(code) = &arguments.code
        && Code::named(code).is_none()
    {
        return Err(format!(
            "there is no reason {}; all of them: kubectl envguard why",
            shown(code)
        ));
    }
    let since = arguments.since.as_ref().map(|text| since(text, Timestamp::now())).transpose()?;
    Ok(Selection {
        verdict: arguments.verdict.clone(),
        code: arguments.code.clone(),
        person: arguments.person.clone(),
        command: arguments.command.clone(),
        since,
        unenforced: arguments.would_refuse,
    })
}

fn print_events(events: &[Event], format: Format) -> Exit {
    print(&events.iter().map(|event| line(event, format)).collect::<String>())
}

fn line(event: &Event, format: Format) -> String {
    match format {
        Format::Text => row(event),
        Format::Json => {
            let line = event.line().unwrap_or_default();
            String::from_utf8_lossy(&line).into_owned()
        }
    }
}

fn would_refuse(events: impl Iterator<Item = Event>, arguments: &Audit) -> Exit {
    let mut counts = WouldRefuse::default();
    for event in events {
        counts.add(&event);
    }
    match arguments.output {
        Format::Text => print(&counts.table()),
        Format::Json => counts.json().map_or(Exit::Failure, |text| print(&text)),
    }
}
