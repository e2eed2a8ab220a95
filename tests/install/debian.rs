//! A whole Debian, where `tests/tools.sh` could make one.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::root::{inventory, machine, same};
use crate::login::sources;
use crate::support::{Output, executable, left_out, write};

/// The tree that `tests/tools.sh install` has made with debootstrap.
pub(super) fn debian() -> Option<PathBuf> {
    let tools = std::env::var_os("ENVGUARD_TEST_TOOLS")
        .map_or_else(|| sources().join("target/tools"), PathBuf::from);
    let found = tools.join("debian/etc/debian_version").exists();
    if !found || !rustix::process::geteuid().is_root() {
        left_out(
            "a Debian to install into needs root and debootstrap: ENVGUARD_DEBIAN=1 tests/run --install",
        );
        return None;
    }
    Some(tools.join("debian"))
}

pub(super) fn inside(root: &Path, script: &str) -> Output {
    let mut command = Command::new("chroot");
    command.arg(root).args(["/bin/sh", "-c", script]).env_clear();
    command
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root");
    Output::of(&mut command)
}

#[test]
fn installed_used_and_removed_from_a_debian_without_a_trace() {
    let Some(debian) = debian() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    Output::of(Command::new("cp").arg("-a").arg(&debian).arg(&root)).exits(0);
    write(&root.join("usr/bin/kubectl"), "#!/bin/sh\necho \"real $*\"\n");
    executable(&root.join("usr/bin/kubectl"));
    // The release that a person would unpack there, with the real programs.
    let programs = crate::support::envguard();
    let mut tarball = Command::new("sh");
    tarball
        .arg(sources().join("deploy/tarball"))
        .arg(programs.parent().unwrap())
        .arg(scratch.path());
    Output::of(tarball.args(["0.1.0", &machine()])).exits(0);
    let name = format!("kubectl-envguard-0.1.0-{}-linux", machine());
    let file = scratch.path().join(format!("{name}.tar.gz"));
    let place = root.join("opt");
    Output::of(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&place)).exits(0);
    let before = inventory(&root);
    inside(&root, &format!("/opt/{name}/install.sh --no-setup --shell-rc"))
        .says("Installed.")
        .exits(0);
    // A login shell finds the shim first, and no configuration means: reading only.
    inside(&root, "bash -lc 'command -v kubectl'")
        .prints("/usr/local/lib/envguard/shims/kubectl")
        .exits(0);
    inside(&root, "bash -lc 'kubectl get pods'")
        .prints("real get pods")
        .says("not guarded")
        .exits(0);
    inside(&root, "bash -lc 'kubectl apply -f x'").says("refused (config-missing)").exits(78);
    inside(&root, "/usr/local/bin/kubectl-envguard --version")
        .prints(env!("CARGO_PKG_VERSION"))
        .exits(0);
    inside(&root, "/usr/local/lib/envguard/install.sh --uninstall").says("Removed.").exits(0);
    inside(&root, "kubectl get pods").prints("real get pods").exits(0);
    let mut after = inventory(&root);
    // What the machine itself has written meanwhile.
    after.retain(|path, _| before.contains_key(path) || !path.starts_with("/run/envguard"));
    same(&after, &before, "in the Debian");
}
