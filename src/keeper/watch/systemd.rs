//! What a service manager wants to hear: ready, alive (sd_notify(3)).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::env::Env;

/// The service manager, if there is one.
#[derive(Debug)]
pub(super) struct Manager {
    address: Option<SocketAddr>,
    /// How often it wants a sign of life.
    pub(super) watchdog: Option<Duration>,
}

impl Manager {
    /// As the environment tells.
    pub(super) fn of_env(env: &Env) -> Self {
        let address =
            env.get("NOTIFY_SOCKET").and_then(|name| match name.as_bytes().split_first() {
                Some((b'@', name)) => SocketAddr::from_abstract_name(name).ok(),
                _ => SocketAddr::from_pathname(name).ok(),
            });
        let number = |name: &str| env.get(name)?.to_str()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        // Half of it, as sd_watchdog_enabled(3) advises.
        let watchdog = number("WATCHDOG_USEC")
            .filter(|usec| for_us && *usec > 0)
            .map(|usec| Duration::from_micros(usec / 2));
        Self { watchdog: watchdog.filter(|_| address.is_some()), address }
    }

    /// Sends `text`. A manager that cannot be reached is no reason to stop.
    pub(super) fn tell(&self, text: &str) {
        let Some(address) = &self.address else { return };
        if let Ok(socket) = UnixDatagram::unbound() {
            socket.send_to_addr(text.as_bytes(), address).unwrap_or_default();
        }
    }
}
