//! The installed kubectl, asked about itself: its release, and the help of commands
//! whose flags or subcommands the table lacks.
//!
//! Nothing here is on the way of a command line that the table understands. What
//! kubectl answers is kept on the disk, so that it is asked once.

mod ask;
mod cache;
pub mod server;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::kubectl::{Page, Release, Version};
use cache::Cache;

/// One installed kubectl, or the several ones that a vendor's dispatcher chooses
/// from.
#[derive(Debug)]
pub struct Installed {
    programs: Vec<Cache>,
}

impl Installed {
    /// Those of `program` that may be asked; nothing is run yet.
    ///
    /// A script is not asked: what it starts is unknown, and may contact a server.
    /// Nor is a dispatcher, recognised by the versions beside it (`kubectl.1.NN`):
    /// it contacts a server before it does anything else. Its versions are asked
    /// in its place, those that the table lacks, or else the newest.
    #[must_use]
    pub fn new(program: &Path, env: &Env) -> Self {
        let real = program.canonicalize().unwrap_or_else(|_| program.to_path_buf());
        let siblings = siblings(&real);
        let mut programs: Vec<PathBuf> = siblings
            .iter()
            .filter(|(minor, _)| Version::all().all(|version| version.minor() != *minor))
            .map(|(_, path)| path.clone())
            .collect();
        if programs.is_empty() {
            let newest = siblings.into_iter().max_by_key(|(minor, _)| *minor);
            programs.push(newest.map_or(real, |(_, path)| path));
        }
        programs.retain(|program| is_compiled(program));
        Self { programs: programs.iter().map(|program| Cache::open(program, env)).collect() }
    }

    /// The help of the command `path` (empty for kubectl itself). `path` comes
    /// from the table or from an earlier page, never from the command line.
    pub fn page(&mut self, path: &str) -> Option<Page> {
        let mut words: Vec<&str> = path.split(' ').filter(|word| !word.is_empty()).collect();
        words.push("--help");
        let mut found: Option<Page> = None;
        for program in &mut self.programs {
            let page =
                program.page(path, |file| Page::parse(&ask::ask(file, &words, ask::DEADLINE)?));
            match (&mut found, page) {
                (Some(found), Some(page)) => found.merge(page),
                (None, page) => found = page,
                (Some(_), None) => {}
            }
        }
        found
    }

    /// The newest of the releases.
    pub fn release(&mut self) -> Option<Release> {
        let ask =
            |file: &Path| Release::find(&ask::ask(file, &["version", "--client"], ask::DEADLINE)?);
        self.programs.iter_mut().filter_map(|program| program.release(ask)).max()
    }

    /// The newest of the releases as far as they are known: nothing is run.
    #[must_use]
    pub fn known_release(&self) -> Option<Release> {
        self.programs.iter().filter_map(Cache::known_release).max()
    }
}

/// The versions beside a dispatcher, with NN of their `NAME.1.NN`.
fn siblings(program: &Path) -> Vec<(u32, PathBuf)> {
    let (Some(dir), Some(name)) = (program.parent(), program.file_name()) else {
        return Vec::new();
    };
    let prefix = format!("{}.1.", name.to_string_lossy());
    let minor = |name: &std::ffi::OsStr| name.to_str()?.strip_prefix(&prefix)?.parse().ok();
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((minor(&entry.file_name())?, entry.path())))
        .collect()
}

/// Whether it is a program of its own (ELF) and no script.
fn is_compiled(program: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(program).and_then(|file| file.read_exact_at(&mut magic, 0));
    read.is_ok() && magic == *b"\x7fELF"
}
