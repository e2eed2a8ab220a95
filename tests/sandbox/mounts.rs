//! The same files under another name: bind mounts.

use super::{APPLY, assert_readable, in_own_mounts, inside_command, may_mount, reader};
use crate::support::{Instance, Output, config_map};

/// Runs `kubectl apply -k overlays/develop` after `mount` has been done in a mount
/// namespace of its own, and asserts what can be read.
fn with_mounts(instance: &Instance, mount: &str, rows: &[(&str, bool)]) {
    let command = inside_command(instance, APPLY, &reader(instance, rows));
    let script = format!("{mount}\nexec \"$@\"");
    let output = Output::of(&mut in_own_mounts(&command, &script)).exits(0);
    assert_readable(&output, rows);
}

fn instance() -> Instance {
    let instance = Instance::new();
    for dir in ["elsewhere/a", "elsewhere/b", "m/mounted"] {
        std::fs::create_dir_all(instance.path(dir)).unwrap();
    }
    instance
}

#[test]
fn a_foreign_overlay_mounted_elsewhere_is_closed_there_too() {
    if !may_mount() {
        return;
    }
    let instance = instance();
    let (from, to) = (instance.path("m/overlays/prod"), instance.path("elsewhere/a"));
    let elsewhere = to.join("extra.yaml").display().to_string();
    instance.write("elsewhere/b/x.yaml", &config_map("x"));
    with_mounts(
        &instance,
        &format!("mount --bind {} {}", from.display(), to.display()),
        &[
            ("overlays/develop/extra.yaml", true),
            ("overlays/prod/extra.yaml", false),
            (&elsewhere, false),
            ("../elsewhere/b/x.yaml", true),
        ],
    );
}

#[test]
fn an_ancestor_mounted_elsewhere_does_not_open_the_checkout() {
    if !may_mount() {
        return;
    }
    let instance = instance();
    let (from, to) = (instance.path("m"), instance.path("elsewhere/a"));
    let foreign = to.join("overlays/prod/extra.yaml").display().to_string();
    let own = to.join("overlays/develop/extra.yaml").display().to_string();
    with_mounts(
        &instance,
        &format!("mount --bind {} {}", from.display(), to.display()),
        &[
            ("overlays/develop/extra.yaml", true),
            (&own, true), // the same inodes
            ("overlays/prod/extra.yaml", false),
            (&foreign, false),
        ],
    );
}

#[test]
fn a_foreign_overlay_mounted_over_something_allowed_is_closed() {
    if !may_mount() {
        return;
    }
    let instance = instance();
    instance.write("m/overlays/develop/sub/x.yaml", &config_map("x"));
    let (from, to) = (instance.path("m/overlays/prod"), instance.path("m/overlays/develop/sub"));
    with_mounts(
        &instance,
        &format!("mount --bind {} {}", from.display(), to.display()),
        &[
            ("overlays/develop/kustomization.yaml", true),
            ("overlays/develop/sub/extra.yaml", false),
            ("overlays/prod/extra.yaml", false),
        ],
    );
}

#[test]
fn overlays_on_a_file_system_of_their_own_are_closed() {
    if !may_mount() {
        return;
    }
    let instance = instance();
    let (root, other) = (instance.path("m/overlays"), instance.path("elsewhere/a"));
    let mount = format!(
        "cp -R {0} {1}.copy && mount -t tmpfs none {0} && cp -R {1}.copy/. {0} && \
         mount --bind {0}/prod {1}",
        root.display(),
        other.display()
    );
    let elsewhere = other.join("extra.yaml").display().to_string();
    with_mounts(
        &instance,
        &mount,
        &[
            ("overlays/develop/extra.yaml", true),
            ("overlays/prod/extra.yaml", false),
            (&elsewhere, false),
        ],
    );
}

#[test]
fn a_target_that_is_a_foreign_overlay_under_another_name_is_not_opened() {
    if !may_mount() {
        return;
    }
    let instance = instance();
    let (from, to) = (instance.path("m/overlays/prod"), instance.path("elsewhere/a"));
    let elsewhere = to.join("kustomization.yaml").display().to_string();
    let rows: &[(&str, bool)] = &[(&elsewhere, false)];
    let words = &["kustomize", "../elsewhere/a"];
    let command = inside_command(&instance, words, &reader(&instance, rows));
    let script = format!("mount --bind {} {}\nexec \"$@\"", from.display(), to.display());
    // For the verdict it is a directory outside; the kernel knows the inode.
    let output = Output::of(&mut in_own_mounts(&command, &script));
    super::denied_by_the_kernel(&output);
}
