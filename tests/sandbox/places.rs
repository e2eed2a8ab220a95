//! Which places are open for a command that names files.

use super::{APPLY, can_read, foreseen, inside};
use crate::support::{Instance, config_map};

/// A tree with everything the rules distinguish.
fn instance() -> Instance {
    let instance = Instance::new();
    instance.write("m/apps/web/deploy.yaml", &config_map("web"));
    instance.write("m/overlays/base/x.yaml", &config_map("x"));
    instance.write("m/.git/envguard/quarantine/1/overlays/prod/x.yaml", "secret");
    instance.link("prod", "m/overlays/link");
    instance.link("../overlays/prod/extra.yaml", "m/base/link.yaml");
    instance.write("elsewhere/values.yaml", "beside: the checkout\n");
    instance
}

#[test]
fn the_directories_of_the_closure_are_open_and_their_siblings_are_not() {
    let instance = instance();
    can_read(
        &instance,
        APPLY,
        &[
            ("overlays/develop/kustomization.yaml", true),
            ("overlays/develop/extra.yaml", true),
            ("base/cm.yaml", true),
            ("overlays/prod/extra.yaml", false),
            ("overlays/base/x.yaml", false),
            ("apps/web/deploy.yaml", false),
            (".git/HEAD", true),
            (".git/envguard/quarantine/1/overlays/prod/x.yaml", false),
            // by other ways
            ("overlays/link/extra.yaml", false),
            ("base/link.yaml", false),
            ("overlays/develop/../prod/extra.yaml", false),
            ("/proc/self/cwd/overlays/prod/extra.yaml", false),
            // beside the checkout
            ("../elsewhere/values.yaml", true),
            ("../kubeconfig", true),
            ("/etc/passwd", true),
            ("/proc/self/stat", true),
            ("/dev/null", true),
        ],
    );
    let root = format!("/proc/self/root{}", instance.path("m/overlays/prod/extra.yaml").display());
    can_read(&instance, APPLY, &[(root.as_str(), false)]);
    assert_eq!(foreseen(&instance, APPLY), ("full".to_owned(), String::new()));
}

#[test]
fn without_a_sandbox_all_of_it_can_be_read() {
    // The same rows, sandbox off: proof that the test above sees the kernel.
    let instance = instance().rules("policy: {sandbox: off}");
    can_read(
        &instance,
        APPLY,
        &[
            ("overlays/prod/extra.yaml", true),
            ("overlays/link/extra.yaml", true),
            (".git/envguard/quarantine/1/overlays/prod/x.yaml", true),
        ],
    );
}

#[test]
fn names_can_be_listed_and_asked_for() {
    let instance = instance();
    let output = inside(&instance, APPLY, "ls overlays/prod; stat -c %F overlays/prod/extra.yaml");
    output.exits(0).prints("extra.yaml\nkustomization.yaml").prints("regular file");
}

#[test]
fn inside_a_foreign_directory_nothing_more_can_be_read() {
    let instance = instance();
    let output = inside(&instance, APPLY, "cd overlays/prod && cat extra.yaml ./extra.yaml; true");
    let output = output.says("Permission denied").exits(0);
    assert_eq!(output.stdout, "");
}

#[test]
fn an_overlay_that_appears_later_is_closed() {
    let instance = instance().overlay_roots("[overlays, \"apps/*/overlays\", later]");
    instance.write("m/apps/web/kustomization.yaml", "resources: [deploy.yaml]\n");
    instance.write("m/overlays/develop/kustomization.yaml", "resources: [../../apps/web]\n");
    let script = "
        for dir in overlays/new apps/web/overlays/prod later/prod other overlays/develop/new; do
          mkdir -p $dir; echo content > $dir/file
          if cat $dir/file >/dev/null 2>&1; then echo open $dir; else echo closed $dir; fi
        done";
    let output = inside(&instance, APPLY, script).exits(0);
    assert_eq!(
        output.stdout,
        "closed overlays/new\n\
         closed apps/web/overlays/prod\n\
         closed later/prod\n\
         closed other\n\
         open overlays/develop/new\n"
    );
}

#[test]
fn a_directory_that_may_hold_an_overlay_root_is_opened_file_by_file() {
    let instance = Instance::new().overlay_roots("[overlays, \"**/environments\"]");
    instance.write("m/base/environments/prod/x.yaml", &config_map("x"));
    instance.write("m/base/note.txt", "beside");
    can_read(
        &instance,
        APPLY,
        &[
            ("base/cm.yaml", true),
            ("base/kustomization.yaml", true),
            ("base/note.txt", false),
            ("base/environments/prod/x.yaml", false),
            ("overlays/develop/kustomization.yaml", true),
        ],
    );
    // At the top of the checkout it is the same: overlays are below.
    instance.write("m/kustomization.yaml", "resources: [overlays/develop]\n");
    can_read(
        &instance,
        &["diff", "-k", "."],
        &[
            ("kustomization.yaml", true),
            ("overlays/develop/kustomization.yaml", true),
            ("overlays/prod/extra.yaml", false),
        ],
    );
}

#[test]
fn moving_and_linking_open_nothing() {
    let instance = instance();
    let script = "
        mv base/cm.yaml overlays/develop/moved.yaml && cat overlays/develop/moved.yaml >/dev/null && echo moved
        ln overlays/prod/extra.yaml overlays/develop/linked.yaml 2>/dev/null && echo linked
        mv overlays/prod overlays/develop/prod 2>/dev/null
        mv overlays/prod overlays/renamed && cat overlays/renamed/extra.yaml
        cp overlays/renamed/extra.yaml overlays/develop/copy.yaml
        ln -s ../renamed/extra.yaml overlays/develop/soft.yaml && cat overlays/develop/soft.yaml
        find overlays/develop -name extra.yaml -exec cat {} \\; -o -name copy.yaml -exec cat {} \\;";
    let output = inside(&instance, APPLY, script);
    // What belongs to develop is all that was read.
    assert!(output.stdout.starts_with("moved\n"), "{output}");
    assert!(!output.stdout.contains("linked"), "{output}");
    assert!(!output.stdout.contains("prod-extra"), "{output}");
}

#[test]
fn several_checkouts_are_closed_alike() {
    let instance = Instance::new();
    let other = instance.path("other");
    instance.write("other/overlays/develop/x.yaml", &config_map("x"));
    instance.write("other/overlays/prod/x.yaml", &config_map("x"));
    instance.write("m/nested/overlays/prod/x.yaml", &config_map("x"));
    instance.write("m/nested/overlays/develop/kustomization.yaml", "namePrefix: x-\n");
    let nested = instance.path("m/nested");
    let instance = instance.more_checkouts(&[&other, &nested]);
    let rows: &[(&str, bool)] = &[
        ("overlays/develop/kustomization.yaml", true),
        ("../other/overlays/develop/x.yaml", false),
        ("../other/overlays/prod/x.yaml", false),
        ("nested/overlays/prod/x.yaml", false),
    ];
    can_read(&instance, APPLY, rows);
    can_read(
        &instance,
        &["apply", "-f", "../other/overlays/develop/x.yaml"],
        &[
            ("../other/overlays/develop/x.yaml", true),
            ("../other/overlays/prod/x.yaml", false),
            ("overlays/develop/extra.yaml", false),
        ],
    );
    can_read(
        &instance,
        &["apply", "-k", "nested/overlays/develop"],
        &[
            ("nested/overlays/develop/kustomization.yaml", true),
            ("nested/overlays/prod/x.yaml", false),
            ("overlays/prod/extra.yaml", false),
        ],
    );
}

#[test]
fn a_linked_worktree_keeps_the_quarantine_of_its_repository_closed() {
    let instance = instance();
    instance.git(&["add", "-A"]);
    instance.git(&["commit", "--quiet", "-m", "all"]);
    instance.git(&["worktree", "add", "--quiet", "../tree"]);
    let instance = instance.only_checkout("tree");
    let git = instance.path("m/.git");
    let file = |name: &str| git.join(name).display().to_string();
    let (head, kept) = (file("HEAD"), file("envguard/quarantine/1/overlays/prod/x.yaml"));
    let own = file("worktrees/tree/HEAD");
    can_read(
        &instance,
        &["apply", "-k", "../tree/overlays/develop"],
        &[
            ("../tree/overlays/develop/extra.yaml", true),
            ("../tree/overlays/prod/extra.yaml", false),
            (&head, true),
            (&own, true),
            (&kept, false),
        ],
    );
}

#[test]
fn what_may_be_a_target_besides_is_open_when_it_is_one() {
    let instance = Instance::new();
    instance.write("m/addons/x.yaml", &config_map("x"));
    instance.write("m/addons/sub/y.yaml", &config_map("y"));
    let addons = instance.path("m/addons").display().to_string();
    let instance = instance.rules(&format!("alsoAllow: [{addons}]"));
    can_read(
        &instance,
        &["apply", "-f", "addons/x.yaml"],
        &[("addons/x.yaml", true), ("overlays/develop/extra.yaml", false)],
    );
    can_read(
        &instance,
        &["apply", "-R", "-f", "addons"],
        &[("addons/x.yaml", true), ("addons/sub/y.yaml", true)],
    );
}

#[test]
fn a_checkout_reached_through_a_link_is_the_same_checkout() {
    let instance = instance();
    instance.link("m", "alias");
    can_read(
        &instance,
        &["apply", "-k", "../alias/overlays/develop"],
        &[
            ("../alias/overlays/develop/extra.yaml", true),
            ("../alias/overlays/prod/extra.yaml", false),
            ("overlays/prod/extra.yaml", false),
        ],
    );
}

#[test]
fn a_hard_link_made_outside_is_not_seen_through() {
    // Rules sit on directories: this is a limit, and docs/sandbox.md says so.
    let instance = instance();
    std::fs::hard_link(
        instance.path("m/overlays/prod/extra.yaml"),
        instance.path("m/overlays/develop/hard.yaml"),
    )
    .unwrap();
    can_read(
        &instance,
        APPLY,
        &[("overlays/develop/hard.yaml", true), ("overlays/prod/extra.yaml", false)],
    );
}

#[test]
fn descriptors_that_are_already_open_cannot_be_opened_again() {
    let instance = instance();
    let command = super::inside_command(
        &instance,
        APPLY,
        "cat <&7 >/dev/null && echo open; cat /dev/fd/7 /proc/self/fd/7 2>/dev/null; true",
    );
    let mut command = super::wrapped(
        &command,
        "sh",
        &["-c", "exec 7<overlays/prod/extra.yaml; exec \"$@\"", "sh"],
    );
    // What a program inherits it has; the guard judges what kubectl is told to
    // read.
    let output = crate::support::Output::of(&mut command).exits(0);
    assert_eq!(output.stdout, "open\n", "{output}");
}
