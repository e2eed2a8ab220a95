//! What the keeper last saw, for status, banner and prompt: a small file, replaced
//! as a whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Report;
use super::bytes;
use super::files;
use super::hitch::Result;
use super::moment;
use crate::env::Env;

/// Where the state of root's keeper is, and those of the units, each in a
/// directory with its owner's name.
const SYSTEM: &str = "/var/lib/envguard";
const FILE: &str = "keeper.json";

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    api_version: String,
    kind: String,
    /// When this was written: RFC 3339, UTC.
    pub time: String,
    /// The process that wrote it.
    pub pid: u32,
    /// `inotify`, `polling`, or `once`.
    pub mode: String,
    /// One for each checkout of this owner.
    pub checkouts: Vec<CheckoutState>,
}

/// One checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutState {
    /// Names that are not UTF-8 are written with `%XX`.
    pub path: String,
    /// How many overlays git keeps away.
    pub kept_away: usize,
    /// Foreign overlays on the disk.
    pub present: Vec<String>,
    /// Why the keeper waits.
    pub waiting: Option<String>,
    /// What it could not do, and the remedy of each.
    pub problems: Vec<Problem>,
    /// `tidy --undo` was the last word.
    pub suspended: bool,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it is.
    pub what: String,
    /// What helps.
    pub remedy: String,
}

impl CheckoutState {
    /// Whether it is the checkout at `top`.
    #[must_use]
    pub fn is_of(&self, top: &Path) -> bool {
        self.path == bytes::path_to_text(top)
    }
}

impl State {
    /// How long ago it was written; a watcher writes only what has changed.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let written: jiff::Timestamp = self.time.parse().ok()?;
        Duration::try_from(moment::now().duration_since(written)).ok()
    }

    /// Whether one that looks once and ends wrote it.
    #[must_use]
    pub fn is_of_a_timer(&self) -> bool {
        self.mode == "once"
    }

    /// Whether the process that wrote it is still an envguard's.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // The kernel keeps 15 bytes of a program's name.
        std::fs::read_to_string(format!("/proc/{}/comm", self.pid))
            .is_ok_and(|name| "kubectl-envguard".starts_with(name.trim_end()) && name.len() > 8)
    }

    /// What `reports` say.
    pub(super) fn of(mode: &str, reports: &[Report]) -> Self {
        let checkouts = reports.iter().map(|report| CheckoutState {
            path: bytes::path_to_text(&report.top),
            kept_away: report.excluded,
            present: report.present.iter().map(|path| bytes::path_to_text(path)).collect(),
            waiting: report.waiting.as_ref().map(|hitch| hitch.what.clone()),
            problems: report
                .hitches
                .iter()
                .map(|hitch| Problem { what: hitch.what.clone(), remedy: hitch.remedy.clone() })
                .collect(),
            suspended: report.suspended,
        });
        Self {
            api_version: "envguard/v1alpha1".into(),
            kind: "KeeperState".into(),
            time: moment::rfc3339(moment::now()),
            pid: std::process::id(),
            mode: mode.to_owned(),
            checkouts: checkouts.collect(),
        }
    }

    /// Whether `other` says the same, whenever that was.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let timeless = |state: &Self| Self { time: String::new(), ..state.clone() };
        timeless(self) == timeless(other)
    }

    /// Writes the file.
    pub(super) fn write(&self, env: &Env) -> Result<()> {
        // Plain strings and lists always become JSON.
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        files::replace(&directory(env).join(FILE), &text)
    }
}

/// The service manager's choice, else `/var/lib/envguard` for root where the package
/// has made it, and the user's own state directory everywhere else.
fn directory(env: &Env) -> PathBuf {
    if let Some(dir) = env.get("STATE_DIRECTORY") {
        return PathBuf::from(dir);
    }
    if rustix::process::geteuid().is_root() && Path::new(SYSTEM).is_dir() {
        return PathBuf::from(SYSTEM);
    }
    match (env.get("XDG_STATE_HOME"), env.home()) {
        (Some(base), _) => Path::new(base).join("envguard"),
        (None, Some(home)) => home.join(".local/state/envguard"),
        (None, None) => PathBuf::from(SYSTEM),
    }
}

/// The states that this process can read: of its own keeper, of root's, and of the
/// units.
#[must_use]
pub fn states(env: &Env) -> Vec<State> {
    let mut dirs = vec![directory(env), PathBuf::from(SYSTEM)];
    let units = std::fs::read_dir(SYSTEM).into_iter().flatten().flatten();
    dirs.extend(units.map(|entry| entry.path()));
    dirs.sort();
    dirs.dedup();
    dirs.iter()
        .filter_map(|dir| std::fs::read(dir.join(FILE)).ok())
        .filter_map(|text| serde_json::from_slice(&text).ok())
        .collect()
}
