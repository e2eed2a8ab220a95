//! Time stamps and identifiers, the two things a server makes up by itself.

use std::fs::File;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as Kubernetes writes it: RFC 3339, whole seconds, UTC.
pub(crate) fn now() -> String {
    let seconds = seconds();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How long ago a time stamp was, as `kubectl get` shows it.
pub(crate) fn age(stamp: &str) -> String {
    let numbers: Vec<u64> = stamp
        .split(|byte: char| !byte.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { return "<unknown>".into() };
    let today = seconds() / 86_400;
    // Objects live as long as this process: looking back a month is plenty.
    let days = (today.saturating_sub(31)..=today).find(|days| civil(*days) == (year, month, day));
    let Some(days) = days else { return "<unknown>".into() };
    let then = days * 86_400 + hour * 3600 + minute * 60 + second;
    match seconds().saturating_sub(then) {
        age @ 0..120 => format!("{age}s"),
        age @ 120..7200 => format!("{}m", age / 60),
        age => format!("{}h", age / 3600),
    }
}

/// Days since 1970 as a date of the Gregorian calendar, counted in years that
/// begin in March, so that the leap day is the last day of a year.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A new random identifier in the shape of a UUID.
pub(crate) fn new_uid() -> String {
    uuid(&random_hex(16).unwrap_or_else(|_| format!("{:032x}", 0)))
}

/// Always the same identifier for the same text. The uid of `kube-system` is
/// how programs recognise a cluster again, so it has to survive a restart and
/// to differ between two stand-ins of different names.
pub(crate) fn fixed_uid(text: &str) -> String {
    let fnv = |seed: u64| {
        text.bytes()
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    uuid(&format!("{:016x}{:016x}", fnv(0xcbf2_9ce4_8422_2325), fnv(0x8422_2325_cbf2_9ce4)))
}

/// 32 hexadecimal digits with version 4 and dashes in the right places.
fn uuid(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Random bytes from the kernel, as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
