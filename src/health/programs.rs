//! Which kubectl the shell would start.

use std::path::{Path, PathBuf};

use crate::env::{Env, is_executable};
use crate::exec::Own;

/// The kubectls that `PATH` leads to.
#[derive(Debug, Clone, Default)]
pub(super) struct Programs {
    /// The first one.
    pub(super) first: Option<PathBuf>,
    /// Whether that is the shim.
    pub(super) first_is_ours: bool,
    /// Whether the shim stands further behind.
    pub(super) shim: Option<PathBuf>,
    /// Whether there is a real one.
    pub(super) real: Option<PathBuf>,
}

impl Programs {
    pub(super) fn of_path(env: &Env) -> Self {
        let own = Own::of_process();
        let mut found = Self::default();
        let path = env.get("PATH").map(std::ffi::OsStr::to_os_string).unwrap_or_default();
        for program in std::env::split_paths(&path).map(|dir| dir.join("kubectl")) {
            if !is_executable(&program) {
                continue;
            }
            let ours = own.has(&program);
            if found.first.is_none() {
                found.first = Some(program.clone());
                found.first_is_ours = ours;
            }
            let place = if ours { &mut found.shim } else { &mut found.real };
            place.get_or_insert(program);
        }
        found
    }
}

/// The directory with the shim called `kubectl`: beside the program in a build or
/// demo, `PREFIX/lib/envguard/shims` when it is installed.
#[must_use]
pub(crate) fn shim_directory(exe: &Path) -> Option<PathBuf> {
    let dir = exe.parent()?;
    ["shims", "../lib/envguard/shims"]
        .iter()
        .map(|place| crate::path::join_clean(dir, Path::new(place)))
        .find(|place| is_executable(&place.join("kubectl")))
}
