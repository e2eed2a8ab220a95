//! Which machine this is, as EC2's metadata service says it: asked at most once per
//! boot and user, for at most 300 ms, and only by commands that change the cluster, by
//! the banner and by `status`.
//!
//! The address is the well-known one, or the configuration's: no variable leads
//! elsewhere. What was learned is kept as it was said; whether it fits is judged anew
//! each time.

mod cache;
mod http;
mod metadata;
mod traces;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use crate::env::Env;
use crate::judge::Machine;
use crate::policy::Policy;
pub use traces::traces;

/// Where EC2 answers, from inside an instance.
const EC2: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 80));

/// What is known of this machine, from this boot's record or by asking.
#[must_use]
pub fn machine(policy: &Policy, env: &Env) -> Machine {
    let Some(address) = address(policy.metadata.as_deref()) else { return elsewhere() };
    cache::read(env, address).unwrap_or_else(|| learn(address, env))
}

/// The same, asked anew.
#[must_use]
pub fn asked(policy: &Policy, env: &Env) -> Machine {
    asked_at(policy.metadata.as_deref(), env)
}

/// The same where there is no policy yet; `metadata` is the `ADDRESS:PORT` to ask
/// instead of EC2's own.
#[must_use]
pub fn asked_at(metadata: Option<&str>, env: &Env) -> Machine {
    address(metadata).map_or_else(elsewhere, |address| learn(address, env))
}

fn learn(address: SocketAddr, env: &Env) -> Machine {
    let machine = metadata::ask(address);
    cache::write(env, address, &machine);
    machine
}

/// Whom to ask: elsewhere than on EC2 nobody answers there, and waiting for nobody
/// takes long.
fn address(metadata: Option<&str>) -> Option<SocketAddr> {
    let configured = metadata.and_then(|address| address.parse().ok());
    configured.or_else(|| is_ec2(Path::new("/")).then_some(EC2))
}

fn elsewhere() -> Machine {
    Machine::Unknown("this is no EC2 instance".to_owned())
}

/// As the firmware says it (Nitro), or the hypervisor (Xen): amazon-ssm-agent 3.3,
/// `ec2detector`.
fn is_ec2(root: &Path) -> bool {
    let says = |file: &str, word: &str| {
        std::fs::read_to_string(root.join(file))
            .is_ok_and(|text| text.trim().to_ascii_lowercase().starts_with(word))
    };
    says("sys/class/dmi/id/sys_vendor", "amazon ec2") || says("sys/hypervisor/uuid", "ec2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_or_hypervisor_say_that_it_is_ec2() {
        for (file, text, expected) in [
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n", true),
            ("sys/class/dmi/id/sys_vendor", "QEMU\n", false),
            ("sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n", true),
            ("sys/hypervisor/uuid", "7caf-ec2\n", false),
        ] {
            let root = tempfile::tempdir().unwrap();
            assert!(!is_ec2(root.path()));
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
            assert_eq!(is_ec2(root.path()), expected, "{text}");
        }
    }
}
