//! Where tickets are kept: a directory that ends with the login or the boot, and
//! that nobody else can write to.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::env::Env;
use crate::runtime;

/// A ticket is a few hundred bytes.
const MAX_BYTES: usize = 4 << 10;

/// A private directory.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
    uid: u32,
}

impl Place {
    /// The operator's runtime directory. `None` where it cannot be had, or somebody
    /// else could write to it.
    #[must_use]
    pub fn of_process(env: &Env) -> Option<Self> {
        let directory = runtime::prepared(env).ok()?;
        Some(Self { directory, uid: rustix::process::geteuid().as_raw() })
    }

    /// What `name` holds; `None` when it is not there, or not ours, or not
    /// understood.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(self.directory.join(name))
            .ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file() || found.uid() != self.uid || found.mode() & 0o077 != 0 {
            return None;
        }
        let mut text = vec![0; MAX_BYTES];
        let length = file.read(&mut text).ok()?;
        serde_json::from_slice(&text[..length]).ok()
    }

    /// Puts `content` in the place of what `name` held, at once or not at all.
    pub(super) fn write<T: Serialize>(&self, name: &str, content: &T) -> Result<()> {
        let text = serde_json::to_vec(content)?;
        let new = self.directory.join(format!(".{name}.{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| std::fs::rename(&new, self.directory.join(name)));
        if written.is_err() {
            std::fs::remove_file(&new).unwrap_or_default();
        }
        written.with_context(|| self.directory.display().to_string())
    }

    /// Removes `name`; whether it was there.
    pub(super) fn remove(&self, name: &str) -> Result<bool> {
        let path = self.directory.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }
}
