//! The systemd journal, for a copy of each line that whoever wrote it cannot change.
//!
//! journald stamps a message with the user and the process that the kernel names
//! (`_UID`, `_PID`), and keeps it in files of its own.

use std::os::unix::net::UnixDatagram;

use anyhow::{Context, Result};

use super::event::Event;

/// Where journald takes fields, one `NAME=VALUE` a line (systemd, "Native Journal
/// Protocol").
const SOCKET: &str = "/run/systemd/journal/socket";

/// Sends one event to the journal: `journalctl -t kubectl-envguard`. Its message is the
/// line of the log, priority `notice`, facility `authpriv`.
///
/// # Errors
/// A phrase for the operator (`{:#}`): there is no journal, or it does not take the line.
pub fn to_journal(event: &Event) -> Result<()> {
    let line = event.line()?;
    let line = String::from_utf8(line)?;
    let message = format!(
        "SYSLOG_IDENTIFIER=kubectl-envguard\nSYSLOG_FACILITY=10\nPRIORITY=5\nMESSAGE={}\n",
        line.trim_end()
    );
    let send = || {
        let socket = UnixDatagram::unbound()?;
        // A journal that is overloaded must not stop anybody at night.
        socket.set_nonblocking(true)?;
        socket.send_to(message.as_bytes(), SOCKET)
    };
    send().map(drop).context(SOCKET)
}
