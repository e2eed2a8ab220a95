//! `audit`: who ran what on this instance, newest last.

use std::io::{IsTerminal, Write};
use std::path::Path;

use jiff::Timestamp;

use super::args::{Audit, Format};
use super::print;
use crate::audit::{Allowing, Arrivals, Event, Follow, Log, Selection, Table, WouldRefuse, since};
use crate::config;
use crate::env::Env;
use crate::exit::Exit;
use crate::gather::{surroundings, survey};
use crate::judge::Code;
use crate::policy::Policy;
use crate::report::Reporter;
use crate::text::shown;

/// Prints the selected events.
pub(super) fn show(arguments: &Audit, named: Option<&Path>, env: &Env, reporter: Reporter) -> Exit {
    let selection = match selection(arguments) {
        Ok(selection) => selection,
        Err(problem) => return super::usage(&problem, reporter),
    };
    let policy = match config::load(env, named) {
        Ok(loaded) => loaded.policy,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    let uid = rustix::process::getuid().as_raw();
    // Before the first look, so that nothing comes unseen in between.
    let follow = arguments.follow.then(|| Follow::new(&policy.audit, uid));
    let mut shown_already = Vec::new();
    let mut table = Table::new(columns());
    let mut log = Log::open(&policy.audit, uid);
    let newest = log.by_ref().take_while(|event| !selection.is_past(event));
    let printed = if arguments.would_refuse {
        would_refuse(newest.filter(|event| selection.wants(event)), &policy, arguments)
    } else {
        let mut events: Vec<Event> =
            newest.filter(|event| selection.wants(event)).take(arguments.lines).collect();
        events.reverse();
        let printed = print_events(&events, &mut table, arguments.output);
        shown_already = events;
        printed
    };
    for trouble in log.troubles() {
        reporter.warning(&shown(trouble));
    }
    match follow {
        Some(follow) if printed == Exit::Success => {
            let arrivals = Arrivals::new(&policy.audit, uid);
            // What came between the two openings of the log is in both.
            let wanted = |event: &Event| selection.wants(event) && !shown_already.contains(event);
            go_on(follow, &arrivals, table, arguments.output, wanted)
        }
        _ => printed,
    }
}

/// Of the terminal, as far as it knows them: Session Manager begins with none.
fn columns() -> Option<usize> {
    let stdout = std::io::stdout();
    let size =
        stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Prints what comes, as long as somebody reads it.
fn go_on(
    mut follow: Follow,
    arrivals: &Arrivals,
    mut table: Table,
    format: Format,
    wanted: impl Fn(&Event) -> bool,
) -> Exit {
    loop {
        let is_told = arrivals.watch();
        for event in follow.news().iter().filter(|event| wanted(event)) {
            table.fit(event);
            let text = line(event, &table, format);
            let mut stdout = std::io::stdout().lock();
            if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                return Exit::Success;
            }
        }
        if !arrivals.wait(is_told, std::io::stdout()) {
            return Exit::Success;
        }
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

fn print_events(events: &[Event], table: &mut Table, format: Format) -> Exit {
    events.iter().for_each(|event| table.fit(event));
    print(&events.iter().map(|event| line(event, table, format)).collect::<String>())
}

fn line(event: &Event, table: &Table, format: Format) -> String {
    match format {
        Format::Text => table.row(event),
        Format::Json => {
            let line = event.line().unwrap_or_default();
            String::from_utf8_lossy(&line).into_owned()
        }
    }
}

fn would_refuse(events: impl Iterator<Item = Event>, policy: &Policy, arguments: &Audit) -> Exit {
    let mut counts = WouldRefuse::default();
    for event in events {
        counts.add(&event);
    }
    let paths = counts.offenders().map(Path::new).filter(|path| path.is_absolute());
    let territory =
        paths.fold(survey(policy), |territory, path| surroundings(policy, territory, path));
    let allowing = Allowing { policy, territory: &territory };
    match arguments.output {
        Format::Text => print(&counts.table(allowing)),
        Format::Json => counts.json(allowing).map_or(Exit::Failure, |text| print(&text)),
    }
}
