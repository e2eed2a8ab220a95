//! What every test needs: an instance in a scratch directory, the real kubectls,
//! and the API server stand-in.

mod field;
mod files;
mod instance;
mod kubectls;
mod output;
mod real_server;
mod server;
mod terminal;

pub(crate) use field::{Field, Findings, Thing, Tree, unescaped};
pub(crate) use files::{executable, read, scratch_in_memory, write};
pub(crate) use instance::{Instance, certificate, config_map, kubeconfig};
pub(crate) use kubectls::{Kubectl, kubectls, neighbour, tools};
pub(crate) use output::Output;
pub(crate) use real_server::{RealServer, pem};
pub(crate) use server::Server;
pub(crate) use terminal::{PROMPT, Shown, Terminal, at_prompt};

use std::path::PathBuf;

/// The whole program.
pub(crate) fn envguard() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_kubectl-envguard"))
}

/// The shim.
pub(crate) fn shim() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_envguard-shim"))
}

/// Waits until `condition` holds; what does not happen in a minute never does.
#[track_caller]
pub(crate) fn awaited(what: &str, condition: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Says that a test cannot do its work here, and why. `tests/run` counts these
/// lines; where everything must run, the test fails instead.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "nothing may be skipped here: {why}");
    left_out(why);
}

/// The same for what is run by choice only: it is counted, everywhere.
pub(crate) fn left_out(why: &str) {
    eprintln!("SKIPPED {why}");
    if let Some(file) = std::env::var_os("ENVGUARD_TEST_SKIPS") {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "{why}").unwrap();
    }
}

/// Whether a program that tests start as `/usr/bin/NAME` cannot be had; the test is
/// skipped then.
pub(crate) fn lacks(name: &str, why: &str) -> bool {
    let program = PathBuf::from("/usr/bin").join(name);
    let lacking = rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_err();
    if lacking {
        skip(&format!("{name} {why}: tests/run --install"));
    }
    lacking
}

/// Prints a report, also when the test succeeds.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}
