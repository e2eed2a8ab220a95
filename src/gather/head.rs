//! The commit that is checked out, as the files of the git directory say it. Asking
//! git would cost every command some milliseconds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::time::Duration;

use super::regular::read_regular;
use super::repository::common_dir;
use crate::git;
use crate::judge::{Branch, Facts, Head, Tree, Whereabouts};
use crate::path::is_within;

/// What git may take to read one reference.
const LIMIT: Duration = Duration::from_secs(5);

/// What HEAD names where references are not files (the reftable format).
const ELSEWHERE: &[u8] = b"refs/heads/.invalid";

/// Branch and commit of the working tree of `git_dir` at `top`. Git is asked only where
/// its files do not tell.
pub(super) fn of(git_dir: &Path, top: &Path) -> Head {
    let Some(line) = line(&git_dir.join("HEAD")) else { return Head::default() };
    let Some(name) = line.strip_prefix(b"ref:") else {
        return Head { commit: object(&line), branch: Branch::Detached };
    };
    let name = name.trim_ascii();
    if name == ELSEWHERE {
        return asked(top);
    }
    let branch = match name.strip_prefix(b"refs/heads/") {
        Some(name) => Branch::Named(String::from_utf8_lossy(name).into_owned()),
        None => Branch::Unknown,
    };
    Head { commit: head(git_dir), branch }
}

fn asked(top: &Path) -> Head {
    let ask = |words: &[&str]| {
        let answer = git::answer(git::command(top).args(words), LIMIT).ok()?;
        Some(String::from_utf8_lossy(&answer).trim_end().to_owned())
    };
    let commit = ask(&["rev-parse", "--verify", "--quiet", "HEAD"]);
    let branch = match ask(&["rev-parse", "--symbolic-full-name", "HEAD"]) {
        Some(name) if name == "HEAD" => Branch::Detached,
        Some(name) => match name.strip_prefix("refs/heads/") {
            Some(name) => Branch::Named(name.to_owned()),
            None => Branch::Unknown,
        },
        None => Branch::Unknown,
    };
    Head { commit, branch }
}

/// The first of the trees that is at another commit now, and at which.
#[must_use]
pub fn moved(facts: &[Facts]) -> Option<(&Tree, Head)> {
    facts.iter().flat_map(|facts| &facts.trees).find_map(|tree| {
        let now = of(tree.git_dir.as_deref()?, &tree.top);
        (now.commit != tree.head.commit).then_some((tree, now))
    })
}

/// HEAD and a reference hold one line.
const MAX_LINE: usize = 4 << 10;

/// All references that git has packed into one file; more are not searched.
const MAX_PACKED: usize = 4 << 20;

/// HEAD of the checkout whose files the command reads; `None` when it reads none, or
/// when the files do not tell (the reftable format keeps references elsewhere).
#[must_use]
pub fn commit_read(facts: &[Facts]) -> Option<String> {
    facts.iter().find_map(|facts| {
        let mut local = facts.reached.iter().filter_map(|reached| match &reached.whereabouts {
            Whereabouts::Local(local) => Some(local),
            _ => None,
        });
        local.find_map(|local| {
            let checkouts = &facts.territory.checkouts;
            let read = |top: &Path| local.readings.iter().any(|path| is_within(path, top));
            let checkout = checkouts.iter().find(|checkout| read(&checkout.top))?;
            head(checkout.git_dir.as_deref()?)
        })
    })
}

/// The commit that HEAD of `git_dir` names, in hexadecimal digits.
fn head(git_dir: &Path) -> Option<String> {
    let line = line(&git_dir.join("HEAD"))?;
    let Some(name) = line.strip_prefix(b"ref:") else { return object(&line) };
    let name = Path::new(OsStr::from_bytes(name.trim_ascii()));
    // A name that leads elsewhere is none of git's.
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || !name.starts_with("refs") {
        return None;
    }
    let common = common_dir(git_dir);
    [git_dir, &common]
        .into_iter()
        .find_map(|dir| object(&self::line(&dir.join(name))?))
        .or_else(|| packed(&common.join("packed-refs"), name))
}

/// `NUMBER NAME` in the file of packed references.
fn packed(file: &Path, name: &Path) -> Option<String> {
    let text = read_regular(file, MAX_PACKED).ok().filter(|text| text.len() <= MAX_PACKED)?;
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let at = line.iter().position(|byte| *byte == b' ')?;
        (line[at + 1..] == *name.as_os_str().as_bytes()).then(|| object(&line[..at]))?
    })
}

fn line(file: &Path) -> Option<Vec<u8>> {
    let text = read_regular(file, MAX_LINE).ok()?;
    Some(text.trim_ascii().to_vec())
}

/// SHA-1 has 40 digits, SHA-256 has 64.
fn object(text: &[u8]) -> Option<String> {
    let is_object = matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
    is_object.then(|| String::from_utf8_lossy(text).into_owned())
}
