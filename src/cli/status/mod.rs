//! `status`: every health check, with its remedy.

mod live;
mod render;

use std::io::IsTerminal;
use std::path::Path;

use serde::Serialize;

use super::args::{Format, Status};
use super::{login, print, usage};
use crate::env::Env;
use crate::exit::Exit;
use crate::health::{Check, Depth, Finding, Situation};
use crate::policy::Mode;
use crate::report::Reporter;

/// Looks once, or until it is interrupted.
pub(super) fn status(
    arguments: &Status,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    if arguments.watch && arguments.output == Format::Json {
        return usage("status --watch draws text; for programs: status -o json", reporter);
    }
    if arguments.watch && arguments.online {
        return usage("status --watch asks no server; for that: status --online", reporter);
    }
    if arguments.watch {
        return live::watch(arguments, named, env);
    }
    let mut situation = Situation::look(env, named, Depth::Everything);
    if arguments.online {
        situation.ask_server(env);
    }
    let checks = situation.checks(Depth::Everything);
    let printed = match arguments.output {
        Format::Text => {
            let look = login::look(env, std::io::stdout().is_terminal());
            let mut text = render::text(&situation, &checks, look, arguments.effects);
            // The next prompt needs a row, too.
            if live::rows().is_some_and(|rows| render::rows(&text, look) >= rows)
                && !arguments.effects
            {
                text = render::compact(&situation, &checks, look);
            }
            print(&text)
        }
        Format::Json => print(&json(&situation, &checks)),
    };
    match printed {
        Exit::Success if failures(&checks) > 0 => Exit::Failure,
        printed => printed,
    }
}

fn failures(checks: &[Check]) -> usize {
    checks.iter().filter(|check| matches!(check.finding, Finding::Failed { .. })).count()
}

/// The shape of `status -o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    api_version: &'static str,
    kind: &'static str,
    environment: Option<&'d str>,
    level: Option<&'static str>,
    cluster: Option<&'d str>,
    enforced: Option<bool>,
    failed: usize,
    checks: Vec<CheckDocument<'d>>,
}

#[derive(Serialize)]
struct CheckDocument<'d> {
    name: &'static str,
    state: &'static str,
    what: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'d str>,
}

fn json(situation: &Situation, checks: &[Check]) -> String {
    let policy = situation.policy();
    let document = Document {
        api_version: "envguard/v1alpha1",
        kind: "Status",
        environment: policy.map(|policy| policy.environment.name.as_str()),
        level: policy.map(|policy| policy.environment.level.name()),
        cluster: policy.and_then(login::cluster_name),
        enforced: policy.map(|policy| policy.mode == Mode::Enforce),
        failed: failures(checks),
        checks: checks.iter().map(check_document).collect(),
    };
    // Serializing plain strings cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn check_document(check: &Check) -> CheckDocument<'_> {
    let (what, remedy) = told(check);
    CheckDocument { name: check.name, state: state(&check.finding), what, remedy }
}

/// The word for a finding, in text and JSON.
const fn state(finding: &Finding) -> &'static str {
    match finding {
        Finding::Fine | Finding::Told(_) => "fine",
        Finding::Failed { .. } => "failed",
        Finding::Unknown(_) => "unknown",
    }
}

/// What is said of a check, and what to do about it.
fn told(check: &Check) -> (&str, Option<&str>) {
    match &check.finding {
        Finding::Fine => (check.fine, None),
        Finding::Told(what) | Finding::Unknown(what) => (what, None),
        Finding::Failed { what, remedy } => (what, Some(remedy)),
    }
}
