//! What the plan has to know of this machine.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::mounts::{self, Mount};
use super::plan::credential_command;
use super::{Invocation, Missing};
use crate::env::{Env, this_program};
use crate::path::join_clean;
use crate::policy::Policy;
use crate::runtime;

/// How this machine lies. All paths are real unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// What is mounted where.
    pub mounts: Vec<Mount>,
    /// What could not be found out, and so cannot be closed.
    pub gap: Option<&'static str>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Where kubectl puts temporary files.
    pub temp: PathBuf,
    /// Other places where it could, the best first.
    pub scratch: Vec<PathBuf>,
    /// The programs that have to run.
    pub programs: Vec<Program>,
    /// The directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// Absolute paths that variables hold, as they are written.
    pub named: Vec<PathBuf>,
}

/// A program that has to run inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name as it is called.
    pub called: PathBuf,
    /// The file behind it.
    pub real: PathBuf,
    /// Whether it runs as another user or group than the one who calls it.
    pub changes_user: bool,
}

impl Ground {
    /// Looks at the machine.
    #[must_use]
    pub(super) fn survey(policy: &Policy, invocation: &Invocation<'_>, env: &Env) -> Self {
        let table = std::fs::read("/proc/self/mountinfo");
        let home = env.home().map(real).filter(|home| home.is_absolute());
        Self {
            gap: table.is_err().then_some(
                "/proc/self/mountinfo cannot be read: a checkout that is mounted twice is open under its other name",
            ),
            mounts: mounts::parse(&table.unwrap_or_default()),
            temp: real(env.get("TMPDIR").map_or(Path::new("/tmp"), Path::new)),
            scratch: scratch(env, home.as_deref()),
            programs: programs(policy, invocation, env),
            path: path(env).map(|dir| real(&dir)).collect(),
            named: named(env),
            home,
        }
    }

    /// Landlock wants `no_new_privs`: a setuid program keeps its caller's user,
    /// and a sandboxed program can mount nothing, as snap has to.
    pub(super) fn can_be_restricted(&self) -> Result<(), Missing> {
        for program in &self.programs {
            if is_snap(&program.real) || is_snap(&program.called) {
                return Err(Missing::Snap(program.called.clone()));
            }
            if program.changes_user {
                return Err(Missing::Setuid(program.real.clone()));
            }
        }
        Ok(())
    }
}

fn is_snap(program: &Path) -> bool {
    ["/snap", "/var/lib/snapd", "/usr/bin/snap"].iter().any(|place| program.starts_with(place))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn path(env: &Env) -> impl Iterator<Item = PathBuf> {
    let dirs = env.get("PATH").into_iter().flat_map(std::env::split_paths);
    dirs.filter(|dir| dir.is_absolute())
}

/// Every absolute path in a variable; lists of paths have colons.
fn named(env: &Env) -> Vec<PathBuf> {
    env.iter()
        .flat_map(|(_, value)| value.as_bytes().split(|byte| *byte == b':'))
        .filter(|part| part.first() == Some(&b'/'))
        .map(|part| join_clean(Path::new("/"), Path::new(std::ffi::OsStr::from_bytes(part))))
        .collect()
}

/// kubectl, what it becomes, what it asks for credentials, and the witness.
fn programs(policy: &Policy, invocation: &Invocation<'_>, env: &Env) -> Vec<Program> {
    let mut called: Vec<PathBuf> = invocation.kubectl.map(Path::to_path_buf).into_iter().collect();
    called.extend(this_program().ok());
    for facts in invocation.facts {
        called.extend(facts.plugin.clone());
        let command = credential_command(facts);
        called.extend(command.and_then(|command| credential_program(policy, command, env)));
    }
    let mut programs: Vec<Program> = called.into_iter().filter_map(program).collect();
    programs.dedup();
    programs
}

/// A name is looked for on `PATH`, a path is relative to the kubeconfig
/// (client-go 0.20–0.36).
fn credential_program(policy: &Policy, command: &str, env: &Env) -> Option<PathBuf> {
    if command.contains('/') {
        let dir = policy.pin.kubeconfig.parent()?;
        return Some(join_clean(dir, Path::new(command)));
    }
    env.programs(command).next()
}

fn program(called: PathBuf) -> Option<Program> {
    let real = called.canonicalize().ok()?;
    let changes_user = real.metadata().ok()?.mode() & 0o6000 != 0;
    Some(Program { called, real, changes_user })
}

/// Private directories for temporary files. What `kubectl edit` could not send is
/// left there for its author, so the first choice outlives the session.
fn scratch(env: &Env, home: Option<&Path>) -> Vec<PathBuf> {
    let cache = env
        .get("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(home?.join(".cache")));
    let candidates = cache.map(|dir| dir.join("envguard")).into_iter();
    candidates
        .chain([runtime::directory(env)])
        .map(|dir| dir.join("tmp"))
        .filter_map(|dir| can_be_made(&dir))
        .collect()
}

/// The real path of a directory that exists or could be made.
fn can_be_made(dir: &Path) -> Option<PathBuf> {
    let existing = dir.ancestors().find(|dir| dir.symlink_metadata().is_ok())?;
    let real = existing.canonicalize().ok()?;
    let writable = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    let usable = real.is_dir() && rustix::fs::access(&real, writable).is_ok();
    usable.then(|| join_clean(&real, dir.strip_prefix(existing).unwrap_or(Path::new(""))))
}
