//! Everything a kustomization pulls in, breadth first, as kustomize resolves it.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Gathering;
use super::resolve::End;
use crate::judge::{Nature, Reached, Role, Whereabouts};
use crate::kustomize::{self, FILE_NAMES, Kind, MAX_BYTES, Reference};
use crate::path::join_clean;
use crate::policy::Remote;

/// More kustomizations than this in one build are a mistake or an attack.
const MAX_ROOTS: usize = 10_000;

/// More files than this in one build are a mistake or an attack.
const MAX_FILES: usize = 200_000;

/// A directory to be built.
struct Root {
    dir: PathBuf,
    /// When its files are plugin configurations: the root against which paths in
    /// them resolve.
    plugin_base: Option<PathBuf>,
    /// The roots on the way here, for cycles.
    depth: usize,
}

/// Kustomizations that include each other deeper than this are a cycle.
const MAX_DEPTH: usize = 100;

/// Follows the kustomization in the real directory `dir`.
pub(super) fn follow(gathering: &mut Gathering<'_>, dir: PathBuf) {
    let mut seen = HashSet::new();
    let mut files = 0;
    let mut queue = VecDeque::from([Root { dir, plugin_base: None, depth: 0 }]);
    while let Some(root) = queue.pop_front() {
        if !seen.insert((root.dir.clone(), root.plugin_base.clone())) {
            continue;
        }
        if seen.len() > MAX_ROOTS || files > MAX_FILES || root.depth > MAX_DEPTH {
            let subject = root.dir.to_string_lossy().into_owned();
            gathering.trouble(
                &subject,
                format!(
                    "pulls in too much: more than {MAX_ROOTS} kustomizations, {MAX_FILES} files or {MAX_DEPTH} levels"
                ),
                "look for a kustomization that includes itself",
            );
            return;
        }
        files += build(gathering, &root, &mut queue);
    }
}

/// Reads one kustomization and reaches what it refers to; returns how many
/// entries it had.
fn build(gathering: &mut Gathering<'_>, root: &Root, queue: &mut VecDeque<Root>) -> usize {
    let Some(file) = kustomization_file(gathering, &root.dir) else { return 0 };
    let Some(bytes) = read(gathering, &file) else { return 0 };
    let references = match kustomize::references(&bytes) {
        Ok(references) => references,
        Err(problem) => {
            trouble(gathering, &file, &problem.to_string());
            return 0;
        }
    };
    for reference in &references {
        reach(gathering, root, &file, reference, queue);
    }
    references.len()
}

/// The one kustomization file of `dir`. Several of them are an error for
/// kustomize too.
fn kustomization_file(gathering: &mut Gathering<'_>, dir: &Path) -> Option<PathBuf> {
    let mut found = Vec::new();
    for name in FILE_NAMES {
        let path = dir.join(name);
        let resolution = gathering.resolver.resolve(&path);
        match resolution.end {
            End::Place(Nature::Missing | Nature::Directory) => continue,
            End::Place(Nature::File) => {}
            End::Stream => {
                trouble(gathering, &path, "is not a regular file");
                return None;
            }
            End::Unreadable(ref problem) => {
                let problem = problem.clone();
                trouble(gathering, &path, &problem);
                return None;
            }
        }
        let role = Role::Reference { file: dir.to_path_buf(), field: "kustomization".to_owned() };
        gathering.local(OsStr::new(name), role, vec![resolution]);
        found.push(path);
    }
    if let [_, second, ..] = found.as_slice() {
        let second = second.clone();
        trouble(gathering, &second, "stands beside another kustomization file");
        return None;
    }
    found.pop()
}

fn read(gathering: &mut Gathering<'_>, file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    match std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => Some(bytes),
        Err(error) => {
            trouble(gathering, file, &format!("cannot be read: {error}"));
            None
        }
    }
}

fn trouble(gathering: &mut Gathering<'_>, file: &Path, problem: &str) {
    let subject = file.to_string_lossy().into_owned();
    let remedy = format!("correct the file: ${{EDITOR:-vi}} {}", crate::text::quoted(file));
    gathering.trouble(&subject, problem, &remedy);
}

/// One entry: fetched, a file, or a directory to be built in turn.
fn reach(
    gathering: &mut Gathering<'_>,
    root: &Root,
    file: &Path,
    reference: &Reference,
    queue: &mut VecDeque<Root>,
) {
    let entry = reference.entry.as_str();
    let role = Role::Reference { file: file.to_path_buf(), field: reference.field.clone() };
    let takes_directory = reference.kind != Kind::File;
    if kustomize::is_http_address(entry) {
        return remote(gathering, entry, role);
    }
    let resolution = gathering.resolver.resolve(&join_clean(&root.dir, Path::new(entry)));
    let is_file = resolution.end == End::Place(Nature::File);
    // A file is tried first, then a git address, then a directory.
    if takes_directory
        && kustomize::is_git_address(entry)
        && !(is_file && reference.kind != Kind::Directory)
    {
        return remote(gathering, entry, role);
    }
    let real = resolution.real.clone();
    let is_dir = resolution.end == End::Place(Nature::Directory);
    gathering.local(OsStr::new(entry), role, vec![resolution]);
    let plugin_base = match reference.kind {
        Kind::PluginConfig => Some(root.plugin_base.as_ref().unwrap_or(&root.dir).clone()),
        _ => root.plugin_base.clone(),
    };
    if is_dir && takes_directory && !gathering.is_closed(&real) {
        queue.push_back(Root { dir: real, plugin_base, depth: root.depth + 1 });
    } else if is_file
        && let Some(base) = plugin_base
        && matches!(reference.kind, Kind::PluginConfig | Kind::FileOrDirectory)
    {
        plugin_config(gathering, &real, base, root.depth, queue);
    }
}

/// A file with the configuration of a generator, transformer or validator: its
/// paths resolve against the kustomization that uses it.
fn plugin_config(
    gathering: &mut Gathering<'_>,
    file: &Path,
    base: PathBuf,
    depth: usize,
    queue: &mut VecDeque<Root>,
) {
    let Some(bytes) = read(gathering, file) else { return };
    match kustomize::plugin_references(&bytes, "plugin") {
        Ok(references) => {
            let root = Root { dir: base, plugin_base: None, depth };
            for reference in &references {
                reach(gathering, &root, file, reference, queue);
            }
        }
        Err(problem) => trouble(gathering, file, &problem.to_string()),
    }
}

fn remote(gathering: &mut Gathering<'_>, entry: &str, role: Role) {
    gathering.reach(Reached {
        spelled: entry.into(),
        role,
        whereabouts: Whereabouts::Remote(Remote::parse(entry)),
    });
}
