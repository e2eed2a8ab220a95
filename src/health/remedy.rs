//! Lines to paste that mend something: each as the user who asks has to type it.

use std::path::Path;

use super::Situation;
use crate::config;
use crate::text::quoted;

/// `setup WORDS` for the configuration that is in force: root's for the whole
/// instance, else the one that this user has.
pub(super) fn setup(situation: &Situation, words: &str) -> String {
    let file = situation.loaded.as_ref().map(|loaded| loaded.file.as_path());
    let program = match file {
        Ok(file) if file != Path::new(config::SYSTEM) => {
            format!("kubectl-envguard --config {}", quoted(file))
        }
        _ => as_root("kubectl-envguard"),
    };
    format!("{program} setup {words}").trim_end().to_owned()
}

/// `program` run by root. sudo looks for it in its own directories only, where it
/// need not be.
pub(super) fn as_root(program: &str) -> String {
    if rustix::process::geteuid().is_root() {
        program.to_owned()
    } else {
        format!("sudo \"$(command -v {program})\"")
    }
}
