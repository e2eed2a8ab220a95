//! From an unknown repository and a kubeconfig to the configuration of an instance:
//! what is there is looked at, a proposal is made of it, and the judge proves it
//! before anything is written.

mod branches;
mod checkouts;
mod children;
mod chores;
mod classify;
mod document;
mod known;
mod layout;
mod machine;
mod masked;
mod minify;
mod misnamed;
mod places;
mod proof;
mod proposal;
mod removal;
mod source;
mod survey;
mod tree;
mod trouble;
mod words;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config;
use crate::env::Env;
use crate::installed;
use crate::judge::{Resolved, drift};
use crate::policy::{Pin, Policy};
use crate::server;
use crate::text::{listed, quoted, shown};
pub use checkouts::found;
pub use chores::Chore;
pub use known::Known;
pub use machine::tagged;
pub use masked::masked;
pub use minify::Minified;
pub use misnamed::misnamed;
pub use places::{Old, Places, migrate};
pub use proof::{Finding, Proof};
pub use proposal::{API_VERSION, Wishes};
pub use source::{choices, context, guess};
pub use survey::{Entry, Removal, Survey};
pub use trouble::{Result, Trouble};
pub use write::Change;
use write::config_mode;

/// What was asked for; the rest is found out.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What stands at the top level of the configuration.
    pub wishes: Wishes,
    /// The kubeconfig to take the context from.
    pub from: Option<PathBuf>,
    /// The context, when there are several.
    pub context: Option<String>,
    /// Directories or patterns; none: they are looked for.
    pub checkouts: Vec<String>,
    /// What is stated for each of them.
    pub entry: Entry,
    /// What is stated for one of them instead, by its path.
    pub entries: BTreeMap<String, Entry>,
    /// Whether the server is asked who it is.
    pub ask_server: bool,
    /// Another cluster than the pinned one is meant.
    pub repin: bool,
    /// `http://ADDRESS:PORT` of the metadata service, when it is not EC2's own.
    pub metadata: Option<String>,
}

/// Readable to operators only where it holds nothing that is worth stealing.
fn kubeconfig_mode(minified: &Minified) -> u32 {
    match (rustix::process::geteuid().is_root(), minified.secrets.is_empty()) {
        (true, true) => 0o444,
        (true, false) => 0o640,
        (false, _) => 0o600,
    }
}

/// What would be written, and why it may be.
#[derive(Debug)]
pub struct Draft {
    /// The kubeconfig, before the configuration: it is useless without, and harmless.
    pub changes: Vec<Change>,
    /// What else is to be done.
    pub chores: Vec<Chore>,
    /// What was found in each checkout.
    pub surveys: Vec<Survey>,
    /// What the judge says.
    pub proof: Proof,
    /// What an operator should know.
    pub notes: Vec<String>,
    /// What the new configuration means.
    pub policy: Policy,
    /// What the old one pins.
    pub old_pin: Option<Pin>,
    /// What the server said.
    pub server: Option<server::Server>,
}

impl Draft {
    /// Whether everything is as it is to be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.changes.iter().all(|change| !change.is_one()) && self.chores.is_empty()
    }

    /// Keeps what the server said of its version: kubectl is compared with it.
    pub fn remember_version(&self, env: &Env) {
        if let Some(server) = &self.server {
            installed::server::keep(&self.policy.pin.server, &server.version, env);
        }
    }
}

/// Finds out everything, and proves it.
///
/// # Errors
/// When something that is needed cannot be found out.
pub fn draft(
    request: &Request,
    places: &Places,
    old: Option<&Old>,
    minified: &Minified,
    env: &Env,
    known: &Known,
) -> Result<Draft> {
    let mut notes = minified.notes.clone();
    let kubeconfig = kubeconfig_place(places, old, env);
    // The proof, and the question to the server, want the kubeconfig as a file.
    let scratch = tempfile::Builder::new()
        .prefix("envguard-setup-")
        .tempdir()
        .map_err(|error| Trouble::io("make a directory in", &std::env::temp_dir(), &error))?;
    let copy = scratch.path().join("kubeconfig");
    write_private(&copy, &minified.text)?;
    let server = ask(request, &copy, env, known, &mut notes);
    let uid = server.as_ref().and_then(|server| server.uid.as_ref().ok()).map(String::as_str);
    let cluster = proposal::cluster(
        old.and_then(|old| old.section("cluster")),
        request.wishes.cluster.as_deref(),
        minified,
        &kubeconfig.to_string_lossy(),
        // Another cluster has another UID, also when it could not be asked.
        uid.or(recorded(old).filter(|_| !request.repin)),
    );
    is_the_pinned(request, old, minified, uid)?;
    let machine = machine::machine(request, old, env, known, &mut notes)?;
    let base = proposal::document(None, &request.wishes, cluster.clone(), None, &[]);
    let mut surveys = checkouts::surveys(request, places, old, env, &base, known)?;
    let wanted = proposal::document(
        old.map(|old| &old.mapping),
        &request.wishes,
        cluster,
        machine,
        &surveys,
    );
    let mut text = document::merged(old.map(|old| old.text.as_str()), &wanted);
    let policy = parsed(&text, places, env)?;
    if let Some(old) = old.filter(|old| old.policy == policy) {
        text.clone_from(&old.text); // other words for the same
    }
    // One that is still to be cloned has none.
    let tops = surveys.iter().map(|survey| survey.top.clone());
    let tops: Vec<PathBuf> = tops.filter(|top| !top.as_os_str().is_empty()).collect();
    config::outside_checkouts(&places.config, tops.iter().map(PathBuf::as_path)).map_err(
        |unusable| Trouble::new(unusable.to_string(), "--config FILE, outside every checkout"),
    )?;
    removal::foresee(&mut surveys, &policy, env);
    let proof = proof::prove(policy.clone(), &places.config, &copy, &surveys, env);
    notes.extend(surveys.iter().flat_map(|survey| survey.notes.clone()));
    notes.extend(chores::left_to_root(&tops));
    note_secrets(minified, &kubeconfig, &mut notes);
    let changes = vec![
        Change::new(&kubeconfig, minified.text.clone(), kubeconfig_mode(minified))?,
        Change::new(&places.config, text, config_mode())?,
    ];
    let chores = chores::chores(&policy, &tops, env);
    let old_pin = old.map(|old| old.policy.pin.clone());
    Ok(Draft { changes, chores, surveys, proof, notes, policy, old_pin, server })
}

/// Where the pinned kubeconfig goes: where it is, unless that is a file which other
/// tools write to.
fn kubeconfig_place(places: &Places, old: Option<&Old>, env: &Env) -> PathBuf {
    let usual = env.home().map(|home| home.join(".kube/config"));
    match old.map(|old| &old.policy.pin.kubeconfig) {
        Some(pinned) if Some(pinned) != usual.as_ref() => pinned.clone(),
        _ => places.kubeconfig.clone(),
    }
}

/// Whether it is the pinned cluster. A program that is named with its directory in one
/// place and without in the other is the same program.
fn is_pinned(pin: &Pin, resolved: &Resolved) -> bool {
    let mut resolved = resolved.clone();
    if let (Some(pinned), Some(found)) = (&pin.credentials, &mut resolved.credentials)
        && pinned.command.contains('/') != found.command.contains('/')
        && Path::new(&pinned.command).file_name() == Path::new(&found.command).file_name()
    {
        found.command.clone_from(&pinned.command);
    }
    drift(pin, &resolved).is_empty()
}

fn recorded(old: Option<&Old>) -> Option<&str> {
    old?.policy.pin.uid.as_deref()
}

/// Another cluster than the pinned one, or one that answers at the same address, with
/// the same CA, and was built anew, is recorded only with `--repin`.
fn is_the_pinned(
    request: &Request,
    old: Option<&Old>,
    minified: &Minified,
    uid: Option<&str>,
) -> Result<()> {
    let Some(pin) = old.map(|old| &old.policy.pin).filter(|_| !request.repin) else {
        return Ok(());
    };
    let difference = drift(pin, &minified.resolved).into_iter().next();
    let problem = match (difference, recorded(old), uid) {
        (Some(difference), ..) if !is_pinned(pin, &minified.resolved) => format!(
            "the context {} is another cluster than the pinned one: {difference}",
            shown(&minified.resolved.context)
        ),
        (_, Some(before), Some(now)) if before != now => {
            format!("the cluster was rebuilt: kube-system had the UID {before}, and has {now}")
        }
        _ => return Ok(()),
    };
    Err(Trouble::new(
        problem,
        "name the right one: --from FILE, --context NAME; if the cluster was rebuilt: kubectl-envguard setup --repin",
    ))
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Trouble::io("write", path, &error))
}

fn ask(
    request: &Request,
    kubeconfig: &Path,
    env: &Env,
    known: &Known,
    notes: &mut Vec<String>,
) -> Option<server::Server> {
    if !request.ask_server {
        return None;
    }
    // The copy that was asked with is gone when the note is read.
    let copy = shown(kubeconfig);
    let said = |error: &server::Error| error.to_string().replace(&copy, "the kubeconfig");
    match known.server(|| server::ask(kubeconfig, env, server::TIMEOUT)) {
        Ok(server) => {
            if let Err(error) = &server.uid {
                notes.push(format!("who the cluster is was not recorded: {}", said(error)));
            }
            Some(server.clone())
        }
        Err(error) => {
            notes.push(format!("the server was not asked who it is: {}", said(error)));
            None
        }
    }
}

fn note_secrets(minified: &Minified, kubeconfig: &Path, notes: &mut Vec<String>) {
    if rustix::process::geteuid().is_root() && !minified.secrets.is_empty() {
        notes.push(format!(
            "the kubeconfig holds or names {}: only root and the file's group read it; afterwards: chgrp GROUP {}    # the group of all operators",
            listed(&minified.secrets),
            quoted(kubeconfig)
        ));
    }
}

/// What `text` means as the configuration.
fn parsed(text: &str, places: &Places, env: &Env) -> Result<Policy> {
    config::from_text(text, &places.config, env).map_err(|unusable| {
        Trouble::new(
            format!("the proposal would not be valid: {unusable}"),
            "kubectl-envguard setup --help",
        )
    })
}
