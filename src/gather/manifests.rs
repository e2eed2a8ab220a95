//! What `-f PATH` reads: a file, what a pattern matches, or a directory's
//! manifests (kubectl 1.20–1.36, `resource.Builder`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::resolve::{End, Resolution};
use super::{Gathering, Here};
use crate::judge::{Nature, Role};
use crate::kustomize::FILE_NAMES;
use crate::path::join_clean;
use crate::pattern::{Pattern, has_meta};

/// More files than this below one `-f` are a mistake of the path.
const MAX_FILES: usize = 100_000;

/// Directories nested deeper than this are a mistake or an attack.
const MAX_DEPTH: usize = 100;

/// What kubectl takes for a manifest in a directory; the case counts.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

impl Gathering<'_> {
    /// One element of a `-f` value.
    pub(super) fn manifests(&mut self, path: &OsStr, recursive: bool, here: &Here) {
        if path.is_empty() {
            return self.trouble("-f", "names an empty path", "name a file");
        }
        let found = self.resolver.resolve(&here.physical.join(path));
        if found.end == End::Place(Nature::Missing) && has_meta(path.as_bytes()) {
            // kubectl ≥ 1.24 expands the pattern itself.
            let matches = expand(path);
            for name in &matches {
                let found = self.resolver.resolve(&here.physical.join(name));
                self.named(name, found, recursive, here);
            }
            if !matches.is_empty() {
                return;
            }
        }
        self.named(path, found, recursive, here);
    }

    fn named(&mut self, path: &OsStr, found: Resolution, recursive: bool, here: &Here) {
        match found.end {
            End::Stream if found.real.starts_with("/proc") || found.real.starts_with("/dev") => {
                self.stream(path, Role::Target { kustomization: None });
            }
            End::Place(Nature::Directory) => self.directory(path, found, recursive, here),
            End::Place(Nature::File) => {
                let is_kustomization = |file: &Path| {
                    file.file_name()
                        .is_some_and(|name| FILE_NAMES.iter().any(|known| name == *known))
                };
                let kustomization = (is_kustomization(Path::new(path))
                    || is_kustomization(&found.real))
                .then(|| found.real.clone());
                self.local(path, Role::Target { kustomization }, vec![found]);
            }
            _ => self.local(path, Role::Target { kustomization: None }, vec![found]),
        }
    }

    /// The names come from the directory the kernel finds; the contents from the
    /// path that Go cleans first (`filepath.Join`). Both count where they differ.
    fn directory(&mut self, path: &OsStr, found: Resolution, recursive: bool, here: &Here) {
        let cleaned = join_clean(&here.physical, Path::new(path));
        let lexical = self.resolver.resolve(&cleaned);
        let top = found.real.clone();
        let mut listing = Listing { files: Vec::new(), kustomization: None, problems: Vec::new() };
        listing.walk(&top, Path::new(""), recursive, 0);
        let kustomization = listing.kustomization.take().map(|relative| top.join(relative));
        let twice = lexical.real != top;
        self.local(path, Role::Target { kustomization }, vec![found, lexical]);
        for (dir, problem) in listing.problems {
            let subject = dir.to_string_lossy().into_owned();
            self.trouble(&subject, problem, "name the files one by one with -f");
        }
        for relative in listing.files {
            let role = Role::Below { target: path.to_os_string() };
            let mut readings = vec![self.resolver.resolve(&top.join(&relative))];
            if twice {
                readings.push(self.resolver.resolve(&cleaned.join(&relative)));
            }
            let spelled = Path::new(path).join(&relative);
            self.local(spelled.as_os_str(), role, readings);
        }
    }
}

/// The manifests of a directory, as paths relative to it.
struct Listing {
    files: Vec<PathBuf>,
    kustomization: Option<PathBuf>,
    problems: Vec<(PathBuf, String)>,
}

impl Listing {
    fn walk(&mut self, top: &Path, relative: &Path, recursive: bool, depth: usize) {
        let dir = top.join(relative);
        if depth > MAX_DEPTH {
            return self.problems.push((dir, format!("is nested deeper than {MAX_DEPTH}")));
        }
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push((dir, format!("cannot be read: {error}"))),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.problems.push((dir.clone(), format!("cannot be read: {error}")));
                    continue;
                }
            };
            let name = entry.file_name();
            let path = relative.join(&name);
            // Go's Walk asks about the entry itself: a link to a directory is not
            // entered.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if recursive {
                    self.walk(top, &path, recursive, depth + 1);
                }
                continue;
            }
            if FILE_NAMES.iter().any(|known| name == *known) && self.kustomization.is_none() {
                self.kustomization = Some(path.clone());
            }
            if has_extension(&name) {
                if self.files.len() == MAX_FILES {
                    let problem = format!("holds more than {MAX_FILES} manifests");
                    return self.problems.push((top.to_path_buf(), problem));
                }
                self.files.push(path);
            }
        }
    }
}

fn has_extension(name: &OsStr) -> bool {
    // Go's filepath.Ext: from the last dot, also of `.yaml`.
    let bytes = name.as_bytes();
    bytes
        .iter()
        .rposition(|byte| *byte == b'.')
        .is_some_and(|dot| EXTENSIONS.iter().any(|known| bytes[dot + 1..] == *known.as_bytes()))
}

/// Go's `filepath.Glob`: each component is a pattern, dot files match too, `**`
/// is `*`. A malformed pattern matches nothing.
fn expand(pattern: &OsStr) -> Vec<OsString> {
    let bytes = pattern.as_bytes();
    let mut found: Vec<Vec<u8>> =
        vec![if bytes.starts_with(b"/") { b"/".to_vec() } else { Vec::new() }];
    for name in bytes.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let Ok(compiled) = Pattern::new(name) else { return Vec::new() };
        let mut next = Vec::new();
        for dir in &found {
            if has_meta(name) {
                next.extend(matching_children(dir, &compiled));
            } else {
                let path = joined(dir, name);
                if Path::new(OsStr::from_bytes(&path)).symlink_metadata().is_ok() {
                    next.push(path);
                }
            }
        }
        found = next;
    }
    found.into_iter().map(|path| OsStr::from_bytes(&path).to_os_string()).collect()
}

fn matching_children(dir: &[u8], pattern: &Pattern) -> Vec<Vec<u8>> {
    let listed = if dir.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(dir)) };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
        .iter()
        .filter(|name| pattern.matches(name.as_bytes()))
        .map(|name| joined(dir, name.as_bytes()))
        .collect()
}

fn joined(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if dir.is_empty() || dir.ends_with(b"/") { b"" } else { b"/" };
    [dir, slash, name].concat()
}
