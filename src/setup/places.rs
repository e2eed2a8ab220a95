//! Where the files of an instance are, and what is in them already.

use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use super::document;
use super::proposal::API_VERSION;
use super::trouble::{Result, Trouble};
use super::write::{Change, config_mode};
use crate::config;
use crate::env::Env;
use crate::policy::Policy;
use crate::text::{quoted, shown};

/// Where the files of an instance are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration.
    pub config: PathBuf,
    /// The kubeconfig that is written beside it, unless the configuration names
    /// another.
    pub kubeconfig: PathBuf,
}

impl Places {
    /// For this user: root sets up the instance, everybody else themselves.
    ///
    /// # Errors
    /// When there is a configuration for the whole instance, which only root changes.
    pub fn of(env: &Env, named: Option<&Path>) -> Result<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let system = config::is_system_wide();
        if system && !is_root {
            return Err(Trouble::new(
                format!("this instance has its configuration already: {}", config::SYSTEM),
                "as root: sudo \"$(command -v kubectl-envguard)\" setup",
            ));
        }
        if let Some(named) = named.filter(|named| config::passes_over(named)) {
            return Err(Trouble::new(
                format!(
                    "{} would never be read: this instance has {}",
                    shown(named),
                    config::SYSTEM
                ),
                "kubectl-envguard setup   # without --config",
            ));
        }
        let config = match named {
            Some(named) if !system => std::path::absolute(named).ok(),
            None if !system && !is_root => config::own_place(env, None),
            _ => Some(PathBuf::from(config::SYSTEM)),
        };
        let config = config.ok_or_else(|| {
            Trouble::new(
                "there is no home directory to write to",
                "export HOME=…, or --config FILE",
            )
        })?;
        let kubeconfig = config.with_file_name("kubeconfig");
        Ok(Self { config, kubeconfig })
    }
}

/// The configuration that is there.
#[derive(Debug, Clone)]
pub struct Old {
    pub(super) text: String,
    pub(super) mapping: Mapping,
    /// What it means.
    pub policy: Policy,
}

impl Old {
    /// Reads it, when there is one.
    ///
    /// # Errors
    /// When it cannot be used: what an operator wrote is not thrown away.
    pub fn read(places: &Places, env: &Env) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(&places.config) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Trouble::io("read", &places.config, &error)),
            Ok(text) => text,
        };
        let mapping = document::mapping(&text).unwrap_or_default();
        migration_is_needed(&mapping, &places.config)?;
        let policy = config::from_text(&text, &places.config, env).map_err(|unusable| {
            let mut aside = places.config.clone().into_os_string();
            aside.push(".broken");
            let away = format!("mv {} {}", quoted(&places.config), quoted(aside));
            Trouble::new(unusable.to_string(), format!("correct it, or start anew: {away}"))
        })?;
        Ok(Some(Self { text, mapping, policy }))
    }

    pub(super) fn section(&self, key: &str) -> Option<&Mapping> {
        self.mapping.get(key).and_then(Value::as_mapping)
    }
}

/// How older schemas become this one: from which, and what changes. There are none
/// yet: `v1alpha1` is the first.
const STEPS: [Step; 0] = [];

/// The schema that it is for, and what it changes.
type Step = (&'static str, fn(&mut Mapping));

/// Refuses what another version of envguard wrote.
fn migration_is_needed(mapping: &Mapping, file: &Path) -> Result<()> {
    let Some(version) = mapping.get("apiVersion").and_then(Value::as_str) else { return Ok(()) };
    if version == API_VERSION {
        return Ok(());
    }
    if STEPS.iter().any(|(from, _)| *from == version) {
        let problem = format!("{} is written for {version}", shown(file));
        return Err(Trouble::new(problem, "kubectl-envguard setup --migrate"));
    }
    Err(unknown_schema(version, file))
}

fn unknown_schema(version: &str, file: &Path) -> Trouble {
    Trouble::new(
        format!(
            "{} is written for {}, which this version does not know; it knows {API_VERSION}",
            shown(file),
            shown(version)
        ),
        "if a newer envguard wrote it, install that one; else correct `apiVersion`",
    )
}

/// The file in the schema of this version; `None` when it is that already.
///
/// # Errors
/// When it cannot be read, or is written for a schema that is not known.
pub fn migrate(places: &Places) -> Result<Option<Change>> {
    let text = std::fs::read_to_string(&places.config)
        .map_err(|error| Trouble::io("read", &places.config, &error))?;
    let Some(mut mapping) = document::mapping(&text) else {
        return Err(Trouble::new(
            format!("{} is no YAML mapping", shown(&places.config)),
            "correct it, or start anew: kubectl-envguard setup",
        ));
    };
    let version = |mapping: &Mapping| {
        mapping.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let before = version(&mapping);
    while let Some((_, step)) = STEPS.iter().find(|(from, _)| *from == version(&mapping)) {
        step(&mut mapping);
    }
    if version(&mapping) != API_VERSION {
        return Err(unknown_schema(&before, &places.config));
    }
    if before == API_VERSION {
        return Ok(None);
    }
    let text = document::merged(Some(&text), &mapping);
    Change::new(&places.config, text, config_mode()).map(Some)
}
