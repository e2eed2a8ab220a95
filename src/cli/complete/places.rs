//! The places that may stand behind `-k` and `-f`: only those with which the
//! command would pass, and the directories that lead to them.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::{is_hidden, with_slash};
use crate::env::Env;
use crate::gather::Reads;
use crate::judge::Outcome;
use crate::kubectl::{self, FileSource, Request, Target};
use crate::kustomize;
use crate::run::{self, Instance, Rules};

/// What no file is called.
const PLACEHOLDER: &str = "\u{1}envguard\u{1}";

/// How many places are judged for one answer. What is beyond is offered: the guard
/// judges again when it is named.
const PATIENCE: usize = 300;

/// What kubectl reads from a directory of manifests.
const MANIFESTS: [&str; 3] = ["json", "yaml", "yml"];

/// What the last word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kustomization,
    Manifests,
}

/// The candidates for the last of `words`, as they are written behind `=`; `None`
/// when it names no target.
pub(super) fn that_pass(
    words: &[OsString],
    config: Option<&Path>,
    rules: Rules,
    env: &Env,
) -> Option<Vec<OsString>> {
    let (typed, before) = words.split_last()?;
    let (kind, fixed) = named(before, typed)?;
    let Ok(instance) = run::open(env, config) else { return Some(Vec::new()) };
    let mut search = Search { before, fixed, kind, instance, rules, env, patience: PATIENCE };
    let mut found = search.candidates(OsStr::from_bytes(&typed.as_bytes()[fixed.len()..]));
    found.sort();
    let kept = match fixed.iter().position(|byte| *byte == b'=') {
        Some(at) if fixed.starts_with(b"-") => &fixed[at + 1..],
        _ => fixed,
    };
    let whole = |place: OsString| OsString::from_vec([kept, place.as_bytes()].concat());
    Some(found.into_iter().map(whole).collect())
}

/// What the unfinished word names, and what of it stands before the name. kubectl's
/// grammar is asked with a name put in.
fn named<'w>(before: &[OsString], typed: &'w OsStr) -> Option<(Kind, &'w [u8])> {
    let bytes = typed.as_bytes();
    let behind = |byte: u8| bytes.iter().rposition(|b| *b == byte).map(|at| at + 1);
    let is_flag = bytes.starts_with(b"-");
    let starts = if is_flag {
        [
            behind(b','),
            bytes.iter().position(|b| *b == b'=').map(|at| at + 1),
            (bytes.len() >= 2).then_some(2),
        ]
    } else {
        [behind(b','), Some(0), None]
    };
    starts.into_iter().flatten().find_map(|start| {
        let fixed = &bytes[..start];
        let word = OsString::from_vec([fixed, PLACEHOLDER.as_bytes()].concat());
        let line = [before, &[word]].concat();
        let readings = kubectl::readings(&line).ok()?;
        let mut requests = readings.into_iter().map(|reading| Request::new(&line, reading));
        let kind = requests.find_map(|request| request.targets.iter().find_map(kind_of))?;
        Some((kind, fixed))
    })
}

fn kind_of(target: &Target) -> Option<Kind> {
    match target {
        Target::Kustomization(dir) if dir == PLACEHOLDER => Some(Kind::Kustomization),
        Target::Manifests(FileSource::Path(path)) if path == PLACEHOLDER => Some(Kind::Manifests),
        _ => None,
    }
}

/// One question, and how much may still be done for it.
struct Search<'s> {
    before: &'s [OsString],
    fixed: &'s [u8],
    kind: Kind,
    instance: Instance,
    rules: Rules,
    env: &'s Env,
    patience: usize,
}

impl Search<'_> {
    fn candidates(&mut self, typed: &OsStr) -> Vec<OsString> {
        let bytes = typed.as_bytes();
        let cut = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let (dir, start) = (&bytes[..cut], &bytes[cut..]);
        let dir = Path::new(OsStr::from_bytes(dir));
        let mut found = Vec::new();
        for name in entries(dir) {
            let matches = name.as_bytes().starts_with(start);
            if !matches || (is_hidden(&name) && start.is_empty()) {
                continue;
            }
            found.extend(self.candidate(&dir.join(&name)));
        }
        found
    }

    /// How `path` is offered, if at all.
    fn candidate(&mut self, path: &Path) -> Option<OsString> {
        if !path.is_dir() {
            return self.file_passes(path).then(|| path.as_os_str().to_os_string());
        }
        let leads_on = self.leads_on(path);
        let passes = self.directory_passes(path);
        if leads_on {
            Some(with_slash(path))
        } else {
            passes.then(|| path.as_os_str().to_os_string())
        }
    }

    fn file_passes(&mut self, path: &Path) -> bool {
        let extension = path.extension().and_then(OsStr::to_str);
        let is_manifest = extension.is_some_and(|extension| MANIFESTS.contains(&extension));
        self.kind == Kind::Manifests && is_manifest && path.is_file() && self.passes(path)
    }

    fn directory_passes(&mut self, path: &Path) -> bool {
        let holds = |name: &str| path.join(name).is_file();
        match self.kind {
            Kind::Kustomization => {
                kustomize::FILE_NAMES.iter().any(|name| holds(name)) && self.passes(path)
            }
            Kind::Manifests => {
                let is_manifest = |name: &OsString| {
                    let extension = Path::new(name).extension().and_then(OsStr::to_str);
                    extension.is_some_and(|extension| MANIFESTS.contains(&extension))
                };
                entries(path).iter().any(is_manifest) && self.passes(path)
            }
        }
    }

    /// Whether something below `dir` would pass. Links are not followed: they may
    /// lead round in circles.
    fn leads_on(&mut self, dir: &Path) -> bool {
        let mut rest: VecDeque<PathBuf> = VecDeque::from([dir.to_path_buf()]);
        while let Some(dir) = rest.pop_front() {
            for name in entries(&dir).into_iter().filter(|name| !is_hidden(name)) {
                if self.patience == 0 {
                    return true;
                }
                let path = dir.join(name);
                let is_link = path.is_symlink();
                if path.is_dir() && !is_link {
                    if self.directory_passes(&path) {
                        return true;
                    }
                    rest.push_back(path);
                } else if !is_link && self.file_passes(&path) {
                    return true;
                }
            }
        }
        false
    }

    /// What the judge says to the command with this place.
    fn passes(&mut self, path: &Path) -> bool {
        let Some(left) = self.patience.checked_sub(1) else { return true };
        self.patience = left;
        let word = OsString::from_vec([self.fixed, path.as_os_str().as_bytes()].concat());
        let line = [self.before, &[word]].concat();
        let judged = run::judge_words(&line, &self.instance, self.env, Reads::Nothing, self.rules);
        let verdict = &judged.verdict;
        matches!(verdict.outcome, Outcome::Run { .. }) && verdict.reasons.is_empty()
    }
}

/// The names in a directory; the empty path is the working directory.
fn entries(dir: &Path) -> Vec<OsString> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_says_what_the_last_word_names() {
        use Kind::{Kustomization, Manifests};
        for (line, expected) in [
            ("apply -k |ov", Some(Kustomization)),
            ("apply -k|ov", Some(Kustomization)),
            ("apply -k=|ov", Some(Kustomization)),
            ("apply --kustomize |ov", Some(Kustomization)),
            ("apply --kustomize=|ov", Some(Kustomization)),
            ("-n web diff -k |", Some(Kustomization)),
            ("kustomize |", Some(Kustomization)),
            ("apply -f |ov", Some(Manifests)),
            ("apply -f a.yaml,|ov", Some(Manifests)),
            ("apply --filename=a.yaml,|ov", Some(Manifests)),
            ("delete -R -f|ov", Some(Manifests)),
            ("get po", None),
            ("logs -f we", None),
            ("apply -n de", None),
            ("apply -", None),
            ("create secret tls web --cert we", None),
        ] {
            let whole = line.replace('|', "");
            let words: Vec<OsString> = whole.split(' ').map(OsString::from).collect();
            let (typed, before) = words.split_last().unwrap();
            let fixed = line.rsplit(' ').next().unwrap().split_once('|').map(|(fixed, _)| fixed);
            let found = named(before, typed);
            let expected = expected.map(|kind| (kind, fixed.unwrap().as_bytes()));
            assert_eq!(found, expected, "{line}");
        }
    }
}
