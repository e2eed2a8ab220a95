//! `audit`: who ran what on this instance, newest last.

use std::path::Path;

use jiff::Timestamp;

use super::args::{Audit, Format};
use super::print;
use crate::audit::{Event, Log, Selection, WouldRefuse, row, since};
use crate::config;
use crate::env::Env;
use crate::exit::Exit;
use crate::judge::Code;
use crate::report::Reporter;
use crate::text::shown;

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
    let mut log = Log::open(&directory, rustix::process::getuid().as_raw());
    let newest = log.by_ref().take_while(|event| !selection.is_past(event));
    let printed = if arguments.would_refuse {
        would_refuse(newest.filter(|event| selection.wants(event)), arguments)
    } else {
        let mut events: Vec<Event> =
            newest.filter(|event| selection.wants(event)).take(arguments.lines).collect();
        events.reverse();
        print_events(&events, arguments.output)
    };
    for trouble in &log.troubles {
        reporter.warning(&shown(trouble));
    }
    printed
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
    let text: String = events
        .iter()
        .map(|event| match format {
            Format::Text => row(event),
            Format::Json => {
                let line = event.line().unwrap_or_default();
                String::from_utf8_lossy(&line).into_owned()
            }
        })
        .collect();
    print(&text)
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
