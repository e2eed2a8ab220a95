//! What must hold for every input, however odd: never a panic, and the properties below.
//!
//! `cargo fuzz run NAME` looks for inputs for which one does not hold; the corpus that it has
//! found is replayed by the crate's own tests (`tests/corpus.rs`), which include this file.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use kubectl_envguard::audit::{Event, Table};
use kubectl_envguard::kubeconfig::{Kubeconfig, Selection};
use kubectl_envguard::kubectl::{FileSource, Request, Target, Version};
use kubectl_envguard::policy::Policy;
use kubectl_envguard::{
    config, env, judge, kubectl, kustomize, manifest, mask, path, pattern, text,
};

/// The words of a command line are separated by NUL bytes, as the kernel does it.
fn words(bytes: &[u8]) -> Vec<OsString> {
    bytes.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// Nothing in it moves the cursor, ends the line or turns the direction of reading.
#[track_caller]
fn is_one_line(text: &str) {
    let odd = |letter: char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
    assert!(!text.contains(odd), "{text:?}");
}

/// The reading of each kubectl version is among those that are judged, unless it would only
/// say that there is no such subcommand; and no target comes out of nothing.
pub fn command_line(bytes: &[u8]) {
    let words = words(bytes);
    is_one_line(&text::command_line(&words));
    let _ = kubectl::completion_words(&words);
    let judged = kubectl::readings(&words);
    let some = Version::all().any(|version| kubectl::reading(&words, version).is_ok());
    assert!(judged.is_ok() || !some, "a version reads what is not judged");
    for reading in judged.into_iter().flatten() {
        let request = Request::new(&words, reading);
        for target in &request.targets {
            stands_in(&words, target);
        }
    }
}

/// A path is a piece of a word, as it stands: only the quotes of CSV change it.
fn stands_in(words: &[OsString], target: &Target) {
    let path = match target {
        Target::Kustomization(directory) => directory.as_bytes(),
        Target::Manifests(FileSource::Path(file)) => file.as_bytes(),
        Target::Manifests(_) => return,
    };
    let holds = |word: &OsString| {
        word.as_bytes().windows(path.len().max(1)).any(|piece| piece == path)
            || word.as_bytes().contains(&b'"')
    };
    let here = matches!(target, Target::Kustomization(directory) if directory == ".");
    assert!(path.is_empty() || here || words.iter().any(holds), "{target:?} of {words:?}");
}

/// kustomize reads the first document only; and a manifest that holds an object may hold it.
pub fn kustomization(bytes: &[u8]) {
    let found = kustomize::references(bytes);
    if let Ok(found) = &found
        && !found.references.is_empty()
        && bytes.ends_with(b"\n")
    {
        let more = [bytes, b"---\nresources: [elsewhere]\n"].concat();
        if let Ok(again) = kustomize::references(&more) {
            assert_eq!(found.references, again.references, "a second document counts");
        }
    }
    for used_by in ["generators", "transformers", "validators"] {
        let _ = kustomize::plugin_references(bytes, used_by);
    }
    let _ = kustomize::manifests(bytes);
    for title in manifest::titles(bytes) {
        is_one_line(&text::shown(title));
    }
    for object in manifest::objects(bytes).into_iter().flatten() {
        if let Some(token) = object.token() {
            assert!(manifest::may_hold(bytes, &[token].into()), "{token} is not seen");
        }
    }
}

/// What can be resolved has a server, and only where it says so; what cannot says why.
pub fn kubeconfig(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let file = dir.path().join("config");
    std::fs::write(&file, bytes).expect("a file for a test");
    match Kubeconfig::of_file(&file) {
        Err(trouble) => assert!(!trouble.problem.is_empty() && !trouble.remedy.is_empty()),
        Ok(config) => {
            let contexts: Vec<String> = config.contexts().map(str::to_owned).collect();
            for context in contexts.into_iter().map(Some).chain([None]) {
                let selection = Selection { context, ..Selection::default() };
                let _ = config.resolve(&selection);
                let _ = config.authorities(&selection);
            }
        }
    }
}

const PLACE: &str = "/etc/envguard/config.yaml";

/// A configuration is one as a whole: a field that nobody knows spoils every one.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let nothing = env::Env::from_pairs([("HOME", "/root")]);
    match config::from_text(text, Path::new(PLACE), &nothing) {
        Err(unusable) => assert!(!text::shown(unusable.to_string()).is_empty()),
        Ok(policy) => {
            assert!(!policy.environment.name.is_empty(), "an environment without a name");
            let more = format!("{text}\nnobodyKnowsThis: 1\n");
            let spoiled = config::from_text(&more, Path::new(PLACE), &nothing);
            assert!(spoiled.is_err(), "an unknown field is read over");
        }
    }
}

/// Paths, patterns, remotes and the fields of a CSV value.
pub fn paths(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let one = parts.next().unwrap_or_default();
    let two = parts.next().unwrap_or_default();
    clean_paths(one, two);
    if let Ok(pattern) = pattern::Pattern::new(one) {
        let matches = pattern.matches(two);
        // Without special characters a pattern is a name.
        assert!(pattern::has_meta(one) || matches == (one == two), "{one:?} and {two:?}");
    }
    csv_fields(one, two);
}

fn clean_paths(one: &[u8], two: &[u8]) {
    let base = [b"/", one].concat();
    let joined =
        path::join_clean(Path::new(OsStr::from_bytes(&base)), Path::new(OsStr::from_bytes(two)));
    assert!(joined.is_absolute(), "{joined:?}");
    assert_eq!(path::cleaned(joined.as_os_str()), joined.as_os_str(), "clean is clean");
    let steps = joined.as_os_str().as_bytes().split(|byte| *byte == b'/');
    assert!(steps.clone().all(|step| step != b"." && step != b".."), "{joined:?}");
    assert!(path::is_within(&joined, Path::new("/")) && path::is_within(&joined, &joined));
    let once = path::cleaned(OsStr::from_bytes(two));
    assert_eq!(path::cleaned(&once), once, "clean is clean");
}

/// What is quoted as CSV wants it comes back as it was.
fn csv_fields(one: &[u8], two: &[u8]) {
    let _ = kubectl::csv::first_record(one);
    // Go reads a carriage return before a line break as none.
    if one.contains(&b'\r') || two.contains(&b'\r') {
        return;
    }
    let quoted = |field: &[u8]| {
        let doubled: Vec<u8> = field
            .iter()
            .flat_map(|byte| std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }))
            .collect();
        [b"\"", doubled.as_slice(), b"\""].concat()
    };
    let line = [quoted(one), quoted(two)].join(&b',');
    let fields = kubectl::csv::first_record(&line).expect("quotes are closed");
    assert_eq!(fields, [one, two], "{line:?}");
}

/// Stands where a secret would stand.
const SECRET: &str = "Hunter2-0123456789";

/// Ways in which a command line carries a secret; `SECRET` stands for it.
const CARRIERS: [&[&str]; 15] = [
    &["--token=SECRET"],
    &["--password", "SECRET"],
    &["--docker-password=SECRET"],
    &["--docker_password", "SECRET"],
    &["--from-literal=key=SECRET"],
    &["--from-literal", "key=SECRET"],
    &["--set=db.password=SECRET"],
    &["--header", "Authorization: Bearer SECRET"],
    &["https://user:SECRET@host/path"],
    &["API_TOKEN=SECRET"],
    &["--auth-provider-arg=refresh-token=SECRET"],
    &["--client-key-data=SECRET"],
    &["--novel=SECRET"],
    &["--novel", "SECRET"],
    &["--exec-arg=SECRET"],
];

/// The line of the log is one line, can be read back, shows nothing that moves the cursor,
/// and has no secret in it, whatever stands around.
pub fn audit(bytes: &[u8]) {
    let (which, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let carrier = CARRIERS[usize::from(*which) % CARRIERS.len()];
    // A flag in front could take the carrier for its own value.
    let mut all: Vec<OsString> = words(rest)
        .into_iter()
        .filter(|word| !word.as_bytes().starts_with(b"-"))
        .take(20)
        .collect();
    let at = all.len() / 2;
    all.splice(at..at, carrier.iter().map(|word| word.replace("SECRET", SECRET).into()));
    assert_eq!(mask::logged(&all).len(), all.len(), "a word for a word");

    let verdict = judge::Verdict::default();
    let circumstances = kubectl_envguard::audit::Circumstances::default();
    let event = Event::judged(&policy(), &all, None, &verdict, circumstances);
    let line = event.line().expect("an event can be written");
    let end = line.iter().position(|byte| *byte == b'\n');
    assert_eq!(end, Some(line.len() - 1), "one line");
    let back: Event = serde_json::from_slice(&line).expect("what was written can be read");
    assert_eq!(back, event, "what was written is what is read");
    let mut table = Table::new(None);
    table.fit(&event);
    is_one_line(table.row(&event).trim_end_matches('\n'));
    let line = String::from_utf8_lossy(&line);
    assert!(!line.contains(SECRET), "{line}");
}

fn policy() -> Policy {
    let text = include_str!("../../tests/manual/example.yaml");
    let nothing = env::Env::from_pairs([("HOME", "/root")]);
    config::from_text(text, Path::new(PLACE), &nothing).expect("the example is a configuration")
}
