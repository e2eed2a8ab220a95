//! The list of health checks that banner, prompt and status share.
//!
//! [`Situation::look`] finds out what the rows of prompt and banner ask about: files
//! and variables only, nothing over the network, and directories only for a bounded
//! time, because all of it stands between an operator and a prompt. Rows for which
//! there is no time there look for themselves. [`ROWS`] is the list; a new check is
//! one more row.

mod finding;
mod machine;
mod overlays;
mod places;
mod programs;
mod remedy;
mod repositories;
mod rows;
mod server;
mod shells;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use finding::Finding;
pub(crate) use programs::shim_directory;
pub use rows::ROWS;

use crate::audit::{self, Event};
use crate::config::{self, Loaded};
use crate::env::Env;
use crate::gather;
use crate::identity;
use crate::judge::{self, Machine, Resolved, Territory, Trouble};
use crate::kubeconfig::{Kubeconfig, Selection};
use crate::policy::{Policy, Unusable};
use crate::prompt::Word;
use crate::text::shown;

/// How long a banner may walk through directories to count overlays.
const WALK: Duration = Duration::from_millis(6);

/// How long `status` may.
const LONG_WALK: Duration = Duration::from_secs(5);

/// One row of the list.
#[derive(Debug)]
pub struct Row {
    /// Its name; part of the interface of `status -o json`.
    pub name: &'static str,
    /// What the prompt says while it fails.
    pub word: Option<Word>,
    /// What it costs, and so who can afford it.
    pub cost: Cost,
    /// Whether it looks at the environment of the shell that asks. What speaks to
    /// everybody, as the message of the day does, has none.
    pub of_shell: bool,
    /// What is so while it is fine.
    pub fine: &'static str,
    /// The check.
    pub check: fn(&Situation) -> Finding,
}

/// What a check costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Next to nothing: a few files. The prompt's hook can afford it.
    Little,
    /// A walk through directories for a bounded time: cheap enough for the banner.
    Walk,
    /// Processes and walks to the end: for `status` alone.
    Much,
}

/// A row's result.
#[derive(Debug)]
pub struct Check {
    /// The row's name.
    pub name: &'static str,
    /// What is so while it is fine.
    pub fine: &'static str,
    /// What the prompt says while it fails.
    pub word: Option<Word>,
    /// What it found.
    pub finding: Finding,
}

/// What the rows look at.
#[derive(Debug)]
pub struct Situation {
    /// The configuration, or why there is none.
    pub loaded: Result<Loaded, Unusable>,
    /// What the pinned kubeconfig selects, and how it differs from the pin.
    pinned: Option<Result<Resolved, Trouble>>,
    /// Contexts of the pinned kubeconfig besides the selected one.
    other_contexts: Vec<String>,
    /// `KUBECONFIG`, when it is more than the pinned file, and what it selects.
    exported: Option<(std::ffi::OsString, Result<Resolved, Trouble>)>,
    /// The kubectls of `PATH`.
    programs: programs::Programs,
    /// Files with kubectl preferences.
    preferences: Vec<PathBuf>,
    /// Why nothing can be written to the audit log.
    unrecorded: Option<String>,
    /// Commands of the last day that ran by break glass, newest first, as far as
    /// this user may read the logs.
    lifted: Vec<Event>,
    /// Foreign overlays; `None` when nobody looked.
    overlays: Option<overlays::Count>,
    /// Which machine this is; `None` when nobody asked.
    machine: Option<Machine>,
    /// What the server said: nobody asked, there was reason not to, or its answer.
    server: Option<Option<Result<crate::server::Server, crate::server::Error>>>,
    /// Where the checkouts are.
    pub territory: Territory,
    /// The environment, for rows that look for themselves.
    env: Env,
}

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only what the prompt shows.
    Prompt,
    /// What a banner shows, but nothing about the shell that asks.
    Machine,
    /// What a banner shows.
    Login,
    /// All rows.
    Everything,
}

impl Situation {
    /// Looks.
    #[must_use]
    pub fn look(env: &Env, named: Option<&Path>, depth: Depth) -> Self {
        let mut situation = Self {
            loaded: config::load(env, named),
            pinned: None,
            other_contexts: Vec::new(),
            exported: None,
            programs: programs::Programs::of_path(env),
            preferences: preferences(env),
            unrecorded: None,
            lifted: Vec::new(),
            overlays: None,
            machine: None,
            server: None,
            territory: Territory::default(),
            env: if depth == Depth::Everything { env.clone() } else { Env::default() },
        };
        let Ok(Loaded { policy, file }) = &situation.loaded else { return situation };
        situation.territory = gather::survey(policy);
        let tops = situation.territory.checkouts.iter().map(|checkout| checkout.top.as_path());
        if let Err(unusable) = config::outside_checkouts(file, tops) {
            situation.loaded = Err(unusable);
            return situation;
        }
        let kubeconfig = Kubeconfig::of_file(&policy.pin.kubeconfig);
        let pinned = match &kubeconfig {
            Ok(kubeconfig) => kubeconfig.resolve(&Selection::default()),
            Err(trouble) => Err(trouble.clone()),
        };
        if let (Ok(kubeconfig), Ok(selected)) = (&kubeconfig, &pinned) {
            let others = kubeconfig.contexts().filter(|name| *name != selected.context);
            situation.other_contexts = others.map(str::to_owned).collect();
        }
        situation.pinned = Some(pinned);
        situation.exported = gather::exported(policy, env);
        situation.machine = match depth {
            Depth::Prompt => None,
            Depth::Machine | Depth::Login => Some(identity::machine(policy, env)),
            Depth::Everything => Some(identity::asked(policy, env)),
        };
        if depth != Depth::Prompt {
            situation.unrecorded = unrecorded(&policy.audit);
            situation.lifted = audit::lifted(&policy.audit);
            let limit = if depth == Depth::Everything { LONG_WALK } else { WALK };
            situation.overlays = Some(overlays::count(policy, &situation.territory, limit));
        }
        situation
    }

    /// The configuration, if it can be used.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.loaded.as_ref().ok().map(|loaded| &loaded.policy)
    }

    /// Runs the rows.
    #[must_use]
    pub fn checks(&self, depth: Depth) -> Vec<Check> {
        ROWS.iter()
            .filter(|row| match depth {
                Depth::Prompt => row.word.is_some() && row.cost == Cost::Little,
                Depth::Machine => !row.of_shell && row.cost < Cost::Much,
                Depth::Login => row.cost < Cost::Much,
                Depth::Everything => true,
            })
            .map(|row| Check {
                name: row.name,
                fine: row.fine,
                word: row.word,
                finding: (row.check)(self),
            })
            .collect()
    }

    /// The words of failed checks, each once, in the order of their weight.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        let failed = |check: &Check| matches!(check.finding, Finding::Failed { .. });
        let mut words: Vec<Word> = self
            .checks(Depth::Prompt)
            .iter()
            .filter(|c| failed(c))
            .filter_map(|c| c.word)
            .collect();
        words.sort();
        words.dedup();
        words
    }

    fn drift(&self, resolved: &Result<Resolved, Trouble>) -> Vec<String> {
        match (resolved, self.policy()) {
            (Err(trouble), _) => vec![format!("{} {}", trouble.subject, trouble.problem)],
            (Ok(resolved), Some(policy)) => judge::drift(&policy.pin, resolved),
            (Ok(_), None) => Vec::new(),
        }
    }
}

/// Why this user could not append to the audit log in `directory`. Below a home
/// directory the log makes its own directory.
fn unrecorded(directory: &Path) -> Option<String> {
    use rustix::fs::{Access, access};
    let uid = rustix::process::geteuid().as_raw();
    let file = crate::audit::file_of(directory, uid);
    let below_home = !directory.starts_with("/var");
    let found = std::iter::once(file.as_path())
        .chain(directory.ancestors().take(if below_home { usize::MAX } else { 1 }))
        .find(|place| place.symlink_metadata().is_ok());
    let Some(place) = found else { return Some(format!("there is no {}", shown(directory))) };
    if place != file && !place.is_dir() {
        return Some(format!("{}: is not a directory", shown(place)));
    }
    let wanted = if place == file { Access::WRITE_OK } else { Access::WRITE_OK | Access::EXEC_OK };
    let error = access(place, wanted).err()?;
    Some(format!("{}: {}", shown(place), std::io::Error::from(error)))
}

/// Where kubectl would read preferences from (kubectl 1.34: `KUBERC`, else the
/// file in the home directory).
fn preferences(env: &Env) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        env.home().map(|home| home.join(".kube/kuberc")).into_iter().collect();
    for name in ["KUBERC", "KUBECTL_KUBERC"] {
        let named =
            env.get(name).filter(|value| *value != "off" && *value != "true" && *value != "false");
        places.extend(named.map(PathBuf::from));
    }
    places.retain(|place| place.exists());
    places
}
