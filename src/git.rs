//! The git command, kept to its task: no hooks, no prompts, no pager, no other
//! repository than the one that was asked for, and nothing fetched or locked.
//!
//! git's own check of who owns a repository stays: what it refuses to read is not
//! read, and `safe.directory` in a gitconfig is the way to allow it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Variables that would lead git to another repository or make it wait.
const REMOVED: [&str; 15] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_REPLACE_REF_BASE",
];

/// git in the directory `top`; its output is piped, its input empty.
#[must_use]
pub fn command(top: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.quotePath=false", "-c", "advice.updateSparsePath=false"])
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        // With less than that, git takes a file for unchanged that has the size and
        // second of its index entry.
        .args(["-c", "core.checkStat=default", "-c", "core.trustctime=true"])
        .current_dir(top)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in REMOVED {
        command.env_remove(name);
    }
    command
}
