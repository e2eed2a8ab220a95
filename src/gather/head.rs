//! The commit that is checked out, as the files of the git directory say it. Asking
//! git would cost every command some milliseconds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use super::regular::read_regular;
use super::repository::common_dir;
use crate::judge::{Facts, Whereabouts};
use crate::path::is_within;

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
