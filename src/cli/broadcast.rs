//! `broadcast`: a word to everybody in a Session Manager session here. `wall` does not
//! reach them: their terminals stand in no list of logins.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::args::Broadcast;
use super::print;
use crate::config;
use crate::env::Env;
use crate::exit::Exit;
use crate::report::Reporter;
use crate::session;
use crate::text::{shown, with_sudo, wrapped};

/// Fits the narrowest terminal in use, with an indent.
const WIDTH: usize = 74;

/// More is no message.
const LONGEST: usize = 2_000;

/// Writes to every terminal, and says which ones.
pub(super) fn broadcast(
    arguments: &Broadcast,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let message = arguments.message.join(" ");
    if message.trim().is_empty() || message.len() > LONGEST {
        return super::usage("broadcast needs a message of at most 2,000 letters", reporter);
    }
    if !rustix::process::geteuid().is_root() {
        reporter.error(
            "only root may write to the terminals of others",
            &format!("{} broadcast MESSAGE", with_sudo("", "kubectl-envguard")),
        );
        return Exit::Failure;
    }
    let environment = config::load(env, named).map(|loaded| loaded.policy.display_name());
    let text = text(&message, environment.ok().as_deref());
    let mut failed = false;
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let sessions = session::terminals();
    for (terminal, session) in &sessions {
        match write(terminal, &text) {
            Ok(()) => told.entry(session.clone()).or_default().push(shown(terminal)),
            Err(error) => {
                failed = true;
                reporter.warning(&format!("{} was not told: {error}", shown(terminal)));
            }
        }
    }
    if sessions.is_empty() {
        reporter.warning("there is no Session Manager session on this instance");
    }
    let lines =
        told.iter().map(|(session, terminals)| format!("{session}  {}\n", terminals.join(" ")));
    let printed = print(&lines.collect::<String>());
    if failed { Exit::Failure } else { printed }
}

/// With the line ends of a terminal that is in any state, and a bell.
fn text(message: &str, environment: Option<&str>) -> String {
    let instance = environment.map(|name| format!(" to all on {}", shown(name)));
    let mut text =
        format!("\r\n\u{7}*** envguard: message{} ***\r\n", instance.unwrap_or_default());
    for line in message.lines().flat_map(|line| wrapped(&shown(line), WIDTH)) {
        text.push_str(&format!("    {line}\r\n"));
    }
    text
}

/// Never waits for a terminal that is stopped, and never becomes its owner.
fn write(terminal: &PathBuf, text: &str) -> std::io::Result<()> {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut file =
        File::options().write(true).custom_flags(flags.bits().cast_signed()).open(terminal)?;
    if !file.metadata()?.file_type().is_char_device() {
        return Err(std::io::Error::other("is no terminal"));
    }
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_moves_no_cursor() {
        let text = text("one\u{1b}[2J\u{7}\ntwo", Some("PRODUCTION"));
        assert_eq!(
            text,
            "\r\n\u{7}*** envguard: message to all on PRODUCTION ***\r\n    one\\u{1b}[2J\\u{7}\r\n    two\r\n"
        );
        let long = super::text(&"word ".repeat(100), None);
        assert!(long.lines().all(|line| line.trim_end().len() <= 80), "{long}");
    }
}
