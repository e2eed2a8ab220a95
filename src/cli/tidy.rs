//! `tidy`: foreign overlays off the disk, or back.

use std::path::Path;

use super::args::Tidy;
use super::{owners, print};
use crate::env::Env;
use crate::exit::Exit;
use crate::keeper::{self, Hitch, Keeper, Report};
use crate::report::Reporter;
use crate::run;
use crate::text::{command_line, shown};

/// Tidies every checkout of this user and says what it did.
pub(super) fn tidy(arguments: &Tidy, named: Option<&Path>, env: &Env, reporter: Reporter) -> Exit {
    let instance = match run::open(env, named) {
        Ok(instance) => instance,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    let policy = &instance.loaded.policy;
    if let Some([url, dir]) = arguments.clone.as_deref() {
        return match keeper::clone(&policy.checkouts, url, Path::new(dir)) {
            Ok((top, away)) => {
                match print(&format!("cloned {}; {} kept away\n", shown(dir), overlays(away))) {
                    Exit::Success => left_out(&top, named, env, reporter),
                    exit => exit,
                }
            }
            Err(hitch) => failed(&hitch, reporter),
        };
    }
    for pattern in &instance.territory.vanished {
        reporter.warning(&format!("there is no checkout at {}", shown(pattern)));
    }
    let keeper = Keeper::new(policy, &instance.territory, env, "tidy");
    let mut words = vec!["tidy"];
    words.extend(arguments.dry_run.then_some("--dry-run"));
    words.extend(arguments.undo.then_some("--undo"));
    let words = owners::words(named, &words);
    let mut exit = owners::run_as_each(&words, &instance.territory, env, reporter);
    let own = instance.territory.checkouts.iter().filter(|checkout| keeper::is_ours(&checkout.top));
    for checkout in own {
        let (report, text) = if arguments.undo {
            let report = keeper.undo(checkout);
            let text = undone(&report);
            (report, text)
        } else if arguments.dry_run {
            let report = keeper.dry_run(checkout);
            let text = planned(&report);
            (report, text)
        } else {
            let report = keeper.tidy(checkout, true);
            let text = done(&report);
            (report, text)
        };
        if print(&text) != Exit::Success {
            return Exit::Failure;
        }
        for hitch in report.hitches.iter().chain(&report.waiting) {
            exit = failed(hitch, reporter);
        }
    }
    exit
}

/// Says what the fresh clone at `top` needs of the overlays that were left out of it.
fn left_out(top: &Path, named: Option<&Path>, env: &Env, reporter: Reporter) -> Exit {
    // Read anew: now there is a checkout.
    let instance = match run::open(env, named) {
        Ok(instance) => instance,
        Err(unusable) => return super::unusable(&unusable, reporter),
    };
    let keeper = Keeper::new(&instance.loaded.policy, &instance.territory, env, "tidy");
    let mut exit = Exit::Success;
    for checkout in instance.territory.checkouts.iter().filter(|checkout| checkout.top == top) {
        match keeper.left_out(checkout) {
            Ok(hitches) => {
                for hitch in &hitches {
                    exit = failed(hitch, reporter);
                }
            }
            Err(hitch) => exit = failed(&hitch, reporter),
        }
    }
    exit
}

fn failed(hitch: &Hitch, reporter: Reporter) -> Exit {
    reporter.error(&hitch.what, &hitch.remedy);
    Exit::Failure
}

fn overlays(count: usize) -> String {
    if count == 1 { "1 foreign overlay".into() } else { format!("{count} foreign overlays") }
}

/// More than this many lines say less than a number.
const LINES: usize = 20;

fn listed(text: &mut String, paths: &[std::path::PathBuf]) {
    for path in paths.iter().take(LINES) {
        text.push_str(&format!("  {}\n", shown(path)));
    }
    if paths.len() > LINES {
        text.push_str(&format!("  and {} more\n", paths.len() - LINES));
    }
}

/// What `tidy` did.
pub(super) fn done(report: &Report) -> String {
    let top = shown(&report.top);
    let mut text = String::new();
    if report.gone.is_empty() && report.put_aside.is_empty() {
        if report.is_tidy() {
            text = format!("{top}: nothing to do; {} kept away\n", overlays(report.excluded));
        }
        return text;
    }
    text.push_str(&format!("{top}: {} taken off the disk\n", overlays(report.gone.len())));
    listed(&mut text, &report.gone);
    for (id, overlay) in report.put_aside.iter().take(LINES) {
        let line = command_line(&["envguard", "restore", id, "--to", "DIR"]);
        text.push_str(&format!("  your own files of {} are put aside: {line}\n", shown(overlay)));
    }
    if report.put_aside.len() > LINES {
        text.push_str("  and more: kubectl envguard restore --list\n");
    }
    text
}

fn planned(report: &Report) -> String {
    let top = shown(&report.top);
    let mut text = format!("{top}: git would keep {} away; ", overlays(report.excluded));
    if report.gone.is_empty() {
        text.push_str("none is on the disk\n");
    } else {
        text.push_str(&format!("{} would be taken off the disk\n", report.gone.len()));
        listed(&mut text, &report.gone);
    }
    if !report.own.is_empty() {
        let things = if report.own.len() == 1 { "file" } else { "files" };
        text.push_str(&format!(
            "  of these, {} {things} of your own would be put aside:\n",
            report.own.len()
        ));
        listed(&mut text, &report.own);
    }
    text
}

fn undone(report: &Report) -> String {
    if !report.suspended {
        return String::new();
    }
    let mut text = format!(
        "{}: {} on the disk again, until the next tidy\n",
        shown(&report.top),
        overlays(report.present.len())
    );
    listed(&mut text, &report.present);
    text
}
