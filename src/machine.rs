//! Which machine this is, for people: host name, instance id, how long it runs.

use sysinfo::System;

use crate::policy::instance_digits;

/// One line, such as `ip-10-0-0-7, i-0123456789abcdef0, up 3 h`.
#[must_use]
pub fn described() -> String {
    let mut parts: Vec<String> = System::host_name().into_iter().collect();
    parts.extend(instance_id());
    parts.extend(System::uptime().ok().map(|seconds| format!("up {}", lasting(seconds))));
    parts.join(", ")
}

/// EC2's id of this instance, as the firmware states it: no network.
fn instance_id() -> Option<String> {
    let tag = std::fs::read_to_string("/sys/class/dmi/id/board_asset_tag").ok()?;
    let tag = tag.trim();
    instance_digits(tag).map(|_| tag.to_owned())
}

fn lasting(seconds: u64) -> String {
    match seconds / 3_600 {
        0 => format!("{} min", seconds / 60),
        hours @ 1..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}
