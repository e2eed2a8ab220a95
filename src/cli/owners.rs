//! Checkouts belong to people: root works on each as its owner, and nobody works on
//! somebody else's.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::env::{Env, this_program};
use crate::exit::Exit;
use crate::judge::Territory;
use crate::keeper;
use crate::report::Reporter;
use crate::text::{shown, with_sudo};

/// Set for a keeper that root has started as the owner of a checkout.
const AS_OWNER: &str = "ENVGUARD_AS_OWNER";

/// A line of the user database.
struct Account {
    name: String,
    gid: u32,
    home: String,
}

/// Runs `words` again as each other owner of a checkout, when we are root.
pub(super) fn run_as_each(
    words: &[OsString],
    territory: &Territory,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let owners: BTreeSet<u32> = territory
        .checkouts
        .iter()
        .filter_map(|checkout| keeper::owner(&checkout.top).ok())
        .collect();
    let own = rustix::process::geteuid().as_raw();
    let mut exit = Exit::Success;
    if own != 0 {
        if !owners.is_empty() && !owners.contains(&own) {
            for checkout in &territory.checkouts {
                let Ok(owner) = keeper::owner(&checkout.top) else { continue };
                reporter.error(
                    &format!("{} belongs to user {owner}: left alone", shown(&checkout.top)),
                    &format!("{} tidy", with_sudo(&format!("-u '#{owner}'"), "kubectl-envguard")),
                );
            }
            exit = Exit::Failure;
        }
        return exit;
    }
    if let Some(owner) = env.get(AS_OWNER) {
        // Started for that, and root all the same: it would start itself for ever.
        reporter.error(
            &format!("this should run as user {}, and runs as root", shown(owner)),
            "unset ENVGUARD_AS_OWNER, if you have set it; else report this",
        );
        return Exit::Failure;
    }
    for owner in owners.into_iter().filter(|owner| *owner != 0) {
        if let Err(problem) = run_as(owner, words) {
            reporter.error(
                &format!("the checkouts of user {owner} are left alone: {problem:#}"),
                &format!("{} tidy", with_sudo(&format!("-u '#{owner}'"), "kubectl-envguard")),
            );
            exit = Exit::Failure;
        }
    }
    exit
}

/// `Ok` when it ended well, or has said itself what is wrong.
fn run_as(uid: u32, words: &[OsString]) -> Result<()> {
    let account = account(uid).context("there is no such user")?;
    let program = this_program()?;
    let mut command = Command::new(program);
    command
        .args(words)
        .uid(uid)
        .gid(account.gid)
        .env("HOME", &account.home)
        .env("USER", &account.name)
        .env("LOGNAME", &account.name)
        .env(AS_OWNER, uid.to_string())
        .current_dir("/");
    for name in
        ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "STATE_DIRECTORY", "NOTIFY_SOCKET"]
    {
        command.env_remove(name);
    }
    let status = command.status()?;
    ensure!(status.success(), "the keeper ended with {status}");
    Ok(())
}

/// As the system knows the user, wherever it keeps its users.
fn account(uid: u32) -> Option<Account> {
    let output = Command::new("getent").args(["passwd", &uid.to_string()]).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    let [name, _, _, gid, _, home, ..] = fields[..] else { return None };
    Some(Account { name: name.to_owned(), gid: gid.parse().ok()?, home: home.to_owned() })
}

/// The words of a call with its configuration, for another process elsewhere.
pub(super) fn words(named: Option<&Path>, words: &[&str]) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    if let Some(file) = named {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        all.extend(["--config".into(), file.into_os_string()]);
    }
    all.extend(words.iter().map(|word| OsStr::new(word).to_os_string()));
    all
}
