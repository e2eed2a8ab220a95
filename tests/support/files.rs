//! Files and programs that tests make.

use std::path::Path;
use std::process::Command;

use super::Output;

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Makes a file a program. Another process copies it: a file that this one has
/// ever had open for writing may still be open in a child that another test is
/// just starting, and then it cannot be executed (ETXTBSY).
pub(crate) fn executable(path: &Path) {
    let copy = path.with_extension("new");
    let mut install = Command::new("install");
    Output::of(install.args(["-m", "755"]).arg(path).arg(&copy)).exits(0);
    std::fs::rename(copy, path).unwrap();
}

/// A directory in memory where programs can be executed there: making the same files
/// again and again is most of the time otherwise. If not, below the target directory.
pub(crate) fn scratch_in_memory() -> tempfile::TempDir {
    let executes = |dir: &tempfile::TempDir| {
        let script = dir.path().join("script");
        write(&script, "#!/bin/sh\n");
        executable(&script);
        Command::new(script).status().is_ok_and(|status| status.success())
    };
    tempfile::tempdir_in("/dev/shm")
        .ok()
        .filter(executes)
        .unwrap_or_else(|| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
}
