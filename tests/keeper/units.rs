//! The units in deploy/systemd, read by systemd itself.

use std::path::Path;
use std::process::Command;

use crate::support::{Output, envguard, lacks};

#[test]
fn systemd_understands_them() {
    if lacks("systemd-analyze", "reads the units") {
        return;
    }
    let units = tempfile::tempdir().unwrap();
    let program = envguard();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd");
    for unit in std::fs::read_dir(from).unwrap().flatten() {
        let text = std::fs::read_to_string(unit.path()).unwrap();
        let here = text.replace("/usr/bin/kubectl-envguard", program.to_str().unwrap());
        // The checkout may lie at home, and what is renamed must stay on its file system.
        for hidden in ["ProtectHome=yes", "ProtectHome=tmpfs", "PrivateTmp=yes"] {
            assert!(!text.contains(hidden), "{hidden} in {:?}", unit.file_name());
        }
        std::fs::write(units.path().join(unit.file_name()), here).unwrap();
    }
    for unit in [
        "envguard-watch@root.service",
        "envguard-tidy@root.service",
        "envguard-tidy@root.timer",
        "envguard-fetch@root.service",
        "envguard-fetch@root.timer",
    ] {
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", unit]);
        verify.env("SYSTEMD_UNIT_PATH", format!("{}:", units.path().display()));
        let output = Output::of(&mut verify).exits(0);
        let ours = output.stderr.lines().filter(|line| line.contains("envguard"));
        assert_eq!(ours.count(), 0, "{output}");
    }
    // Of 10, for a program that may do anything; what it must be able to do costs 1.5.
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=yes", "--threshold=25"]);
    Output::of(security.arg(units.path().join("envguard-watch@.service"))).exits(0);
}
