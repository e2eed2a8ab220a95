//! What `-f PATH` reads: a file, what a pattern matches, or a directory's
//! manifests (kubectl 1.20–1.36, `resource.Builder`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::resolve::{End, Resolution};
use super::{Gathering, Here, glob};
use crate::judge::{Nature, Role};
use crate::kustomize::FILE_NAMES;
use crate::path::{join_clean, joined};
use crate::pattern::has_meta;

/// More files than this below one `-f` are a mistake of the path.
const MAX_FILES: usize = 100_000;

/// Directories nested deeper than this are a mistake or an attack.
const MAX_DEPTH: usize = 100;

/// What kubectl takes for a manifest in a directory; the case counts.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// kubectl reads standard input in the place of a file that is called so
/// (cli-runtime, `constSTDINstr`).
const STANDARD_INPUT: &str = "STDIN";

impl Gathering<'_> {
    /// One element of a `-f` value.
    pub(super) fn manifests(&mut self, path: &OsStr, recursive: bool, here: &Here) {
        if path.is_empty() {
            return self.trouble("-f", "names an empty path", "name a file");
        }
        let found = self.resolver.resolve(&here.physical.join(path));
        if found.end == End::Place(Nature::Missing) && has_meta(path.as_bytes()) {
            // A pattern that is not valid is an error for kubectl.
            let matches = glob::expand(path, &here.physical).unwrap_or_default();
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
            End::Place(Nature::File | Nature::Directory) if path == STANDARD_INPUT => {
                self.standard_input(path);
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
        let lexical = self.resolver.resolve(&join_clean(&here.physical, Path::new(path)));
        let mut listing = Listing::new(&here.physical, recursive);
        // A link without a slash behind it is a file for kubectl, and an error.
        if here.physical.join(path).symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            listing.walk(path, 0);
        }
        let kustomization = listing.kustomization.map(|name| here.physical.join(name));
        self.local(path, Role::Target { kustomization }, vec![found, lexical]);
        for (dir, problem) in listing.problems {
            let subject = dir.to_string_lossy().into_owned();
            self.trouble(&subject, problem, "name the files one by one with -f");
        }
        for name in listing.files {
            let role = Role::Below { target: path.to_os_string() };
            let reading = self.resolver.resolve(&here.physical.join(&name));
            self.local(&name, role, vec![reading]);
        }
    }
}

/// The manifests of a directory, in Go's spelling: relative to the working
/// directory, unless the directory was named by an absolute path.
struct Listing<'h> {
    here: &'h Path,
    recursive: bool,
    files: Vec<OsString>,
    kustomization: Option<PathBuf>,
    problems: Vec<(PathBuf, String)>,
}

impl<'h> Listing<'h> {
    fn new(here: &'h Path, recursive: bool) -> Self {
        let (files, problems) = (Vec::new(), Vec::new());
        Self { here, recursive, files, kustomization: None, problems }
    }

    /// Go's `filepath.Walk`: it asks about each entry itself, so a link to a
    /// directory is not entered.
    fn walk(&mut self, dir: &OsStr, depth: usize) {
        if depth > MAX_DEPTH {
            return self.problem(dir, format!("is nested deeper than {MAX_DEPTH}"));
        }
        let entries = match std::fs::read_dir(self.here.join(dir)) {
            Ok(entries) => entries,
            Err(error) => return self.problem(dir, format!("cannot be read: {error}")),
        };
        // Behind a `..` the cleaned path may be another than the one that was listed.
        let moves = Path::new(dir).components().any(|part| part == Component::ParentDir);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.problem(dir, format!("cannot be read: {error}"));
                    continue;
                }
            };
            let name = entry.file_name();
            let path = joined(dir, &name);
            let kind = if moves {
                self.here.join(&path).symlink_metadata().map(|metadata| metadata.file_type())
            } else {
                entry.file_type()
            };
            if kind.is_ok_and(|kind| kind.is_dir()) {
                if self.recursive {
                    self.walk(&path, depth + 1);
                }
                continue;
            }
            if FILE_NAMES.iter().any(|known| name == *known) && self.kustomization.is_none() {
                self.kustomization = Some(PathBuf::from(&path));
            }
            if has_extension(&name) {
                if self.files.len() == MAX_FILES {
                    return self.problem(dir, format!("is beyond the first {MAX_FILES} manifests"));
                }
                self.files.push(path);
            }
        }
    }

    fn problem(&mut self, dir: &OsStr, problem: String) {
        // One message is enough for a tree that goes on and on.
        if self.problems.is_empty() {
            self.problems.push((self.here.join(dir), problem));
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
