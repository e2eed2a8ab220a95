//! Finds the one configuration of this instance and turns it into a [`Policy`].
//!
//! `/etc/envguard/config.yaml` is the only one read when it exists: no variable,
//! flag or file in a checkout changes what an instance is.

mod lines;
mod schema;
mod values;

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::env::{Env, sudo_for};
use crate::policy::{Policy, Unusable};
use crate::text::quoted;

/// The configuration of an instance.
pub const SYSTEM: &str = "/etc/envguard/config.yaml";

/// A configuration is a page of text; a larger file is a mistake.
const MAX_BYTES: u64 = 1 << 20;

/// A policy and the file it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The validated configuration.
    pub policy: Policy,
    /// Where it was read from.
    pub file: PathBuf,
}

/// Reads the configuration; `named` is the argument of `--config`.
///
/// # Errors
/// [`Unusable`] with everything a message needs.
pub fn load(env: &Env, named: Option<&Path>) -> Result<Loaded, Unusable> {
    let candidates = candidates(env, named);
    let Some(file) = candidates.iter().find(|path| exists(path)) else {
        return Err(Unusable::Missing { looked_for: candidates });
    };
    let text = read(file)?;
    Ok(Loaded { policy: from_text(&text, file, env)?, file: file.clone() })
}

/// The policy that `text`, the content of `file`, describes.
///
/// # Errors
/// [`Unusable::Invalid`] with line and field.
pub fn from_text(text: &str, file: &Path, env: &Env) -> Result<Policy, Unusable> {
    schema::parse(text, file, env).map_err(|(line, problem)| Unusable::Invalid {
        file: file.into(),
        line,
        problem,
        remedy: edit(file),
    })
}

/// The file that this user's configuration is, or would be, when there is none for
/// the whole instance.
#[must_use]
pub fn own_place(env: &Env, named: Option<&Path>) -> Option<PathBuf> {
    candidates(env, named).into_iter().nth(1)
}

/// Whether there is a configuration for the whole instance.
#[must_use]
pub fn is_system_wide() -> bool {
    exists(Path::new(SYSTEM))
}

/// Whether `named`, the argument of `--config`, is not read because there is a
/// configuration for the whole instance.
#[must_use]
pub fn passes_over(named: &Path) -> bool {
    is_system_wide() && named.canonicalize().ok() != Path::new(SYSTEM).canonicalize().ok()
}

/// The places in order. A place that was *named* ends the search, so that a
/// mistyped name is an error and not silently another instance.
fn candidates(env: &Env, named: Option<&Path>) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(SYSTEM)];
    if let Some(named) = named {
        places.push(named.to_path_buf());
    } else if let Some(named) = env.get("ENVGUARD_CONFIG") {
        places.push(named.into());
    } else if let Some(base) = absolute(env.get("XDG_CONFIG_HOME")) {
        places.push(base.join("envguard/config.yaml"));
    } else if let Some(home) = env.home() {
        places.push(home.join(".config/envguard/config.yaml"));
    }
    places
}

/// The XDG base directory specification has relative values ignored: they would
/// name another file in every directory.
fn absolute(value: Option<&OsStr>) -> Option<&Path> {
    value.map(Path::new).filter(|path| path.is_absolute())
}

/// Whether there is something at `path`; an unreadable directory counts as
/// something, because what cannot be seen must not be passed over.
fn exists(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
        ),
    }
}

fn read(file: &Path) -> Result<String, Unusable> {
    let invalid = |problem: String, remedy: String| Unusable::Invalid {
        file: file.into(),
        line: None,
        problem,
        remedy,
    };
    let look = || format!("ls -ld {}", quoted(file));
    let unreadable = |error| invalid(format!("cannot be read: {error}"), look());
    // Ask before opening: a FIFO would block for ever.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(invalid("is not a regular file".into(), look()));
    }
    if metadata.mode() & 0o022 != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(invalid(
            format!("can be written by its group or by everybody (mode {mode:04o})"),
            format!("{}chmod go-w {}", sudo_for(file), quoted(file)),
        ));
    }
    if metadata.len() > MAX_BYTES {
        return Err(invalid(format!("is larger than {MAX_BYTES} bytes"), edit(file)));
    }
    // One byte more than announced: the end is found without asking again.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    std::fs::File::open(file)
        .and_then(|opened| opened.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| invalid("is not UTF-8 text".into(), edit(file)))
}

fn edit(file: &Path) -> String {
    format!("{}${{EDITOR:-vi}} {}    # correct it", sudo_for(file), quoted(file))
}

/// Refuses a configuration that lies inside a checkout it guards: whoever may
/// change manifests could change what the instance is.
///
/// # Errors
/// [`Unusable::Invalid`] naming the checkout.
pub fn outside_checkouts<'t>(
    file: &Path,
    mut tops: impl Iterator<Item = &'t Path>,
) -> Result<(), Unusable> {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    match tops.find(|top| crate::path::is_within(&real, top)) {
        None => Ok(()),
        Some(top) => Err(Unusable::Invalid {
            file: file.into(),
            line: None,
            problem: format!("lies inside the checkout {} that it guards", top.display()),
            remedy: format!("mv {} {}", quoted(file), quoted(SYSTEM)),
        }),
    }
}

/// A length of time as the configuration writes it: `90s`, `5m`, `1h30m`, `7d`.
///
/// # Errors
/// A phrase that shows what is accepted.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    values::FromText::from_text(text)
}
