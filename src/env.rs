//! What the process was given: environment variables and working directory, taken
//! once, so that nothing below reads them behind the caller's back.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The process's environment variables.
#[derive(Debug, Clone, Default)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// An environment made of `pairs`.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self {
            variables: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }

    /// A variable that is set and not empty; kubectl and client-go treat an empty
    /// one as unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .filter(|value| !value.is_empty())
            .map(OsString::as_os_str)
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// `$HOME`, as client-go takes it.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.get("HOME").map(Path::new)
    }

    /// The working directory as Go's `os.Getwd` reports it: `$PWD` when it is
    /// absolute and names the same directory as `.`, else the kernel's answer.
    /// kubectl joins relative `-k` arguments to it, so a `$PWD` that leads
    /// through a symbolic link changes what `..` means.
    ///
    /// # Errors
    /// When the working directory no longer exists or cannot be read.
    pub fn working_directory(&self) -> std::io::Result<PathBuf> {
        if let Some(pwd) = self.get("PWD").map(Path::new)
            && pwd.is_absolute()
            && let (Ok(named), Ok(here)) = (std::fs::metadata(pwd), std::fs::metadata("."))
            && (named.dev(), named.ino()) == (here.dev(), here.ino())
        {
            return Ok(pwd.to_path_buf());
        }
        std::env::current_dir()
    }

    /// Whether the locale's text is UTF-8.
    #[must_use]
    pub fn speaks_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.get(name));
        locale.is_some_and(|locale| {
            let locale = locale.to_string_lossy().to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    /// The programs called `name` on `PATH`, the first one first. A relative directory
    /// on it is another one for everybody, and left out.
    pub fn programs(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let dirs = self.get("PATH").into_iter().flat_map(std::env::split_paths);
        let places = dirs.filter(|dir| dir.is_absolute()).map(move |dir| dir.join(name));
        places.filter(|place| is_executable(place))
    }
}

/// The file of this program. Where `/proc` is not mounted (a chroot, an image under
/// construction) it is the one that the kernel was told to run.
///
/// # Errors
/// When that cannot be found either.
pub fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe().or_else(|_| {
        let called = rustix::param::linux_execfn().to_bytes();
        std::fs::canonicalize(OsStr::from_bytes(called))
    })
}

/// Whether this process may execute the file behind `path`.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// What goes before a command that only the owner of `path` may run.
#[must_use]
pub fn sudo_for(path: &Path) -> &'static str {
    let me = rustix::process::geteuid();
    let is_ours = path.metadata().is_ok_and(|found| found.uid() == me.as_raw());
    if me.is_root() || is_ours { "" } else { "sudo " }
}
