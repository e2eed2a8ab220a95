//! The system's own log, for a line that has no other place.

use std::os::unix::net::UnixDatagram;

/// Where the system's log takes messages (RFC 3164; journald and rsyslog).
const SOCKET: &str = "/dev/log";

/// Facility `authpriv`, severity `notice`.
const PRIORITY: u8 = 10 * 8 + 5;

/// Hands one line to the system's log.
///
/// # Errors
/// When there is none, or it does not take the line.
pub fn to_system_log(line: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    let message = format!("<{PRIORITY}>kubectl-envguard: {line}");
    // A log that nobody empties must not stop anybody at night.
    socket.set_nonblocking(true)?;
    socket.send_to(message.as_bytes(), SOCKET)?;
    Ok(())
}
