//! Repositories as they are: after `setup --yes` every allowed overlay passes its own
//! `check`, every other is refused, and kubectl renders the same bytes.

use super::ground::Ground;
use crate::support::read;

/// Everything that every layout has to hold.
#[track_caller]
fn holds(ground: &Ground, allowed: &[&str], foreign: &[&str]) {
    let output = ground.setup(&["--yes"]).exits(0);
    for dir in allowed {
        ground.passes(dir);
        ground.renders_alike(dir);
    }
    for dir in foreign {
        ground.refuses(dir, "target-foreign");
    }
    let count = format!("{} of {} allowed may be applied", allowed.len(), allowed.len());
    assert!(output.stdout.contains(&count), "{output}");
    let count = format!("{} of {} foreign are refused", foreign.len(), foreign.len());
    assert!(output.stdout.contains(&count), "{output}");
    // A second run finds everything as it is to be.
    let before = read(&ground.config());
    let again = ground.setup(&["--yes"]).exits(0);
    assert!(again.stdout.contains("nothing to change"), "{again}");
    assert_eq!(read(&ground.config()), before);
    // Also when tidy has taken the foreign overlays off the disk.
    for dir in foreign {
        std::fs::remove_dir_all(ground.path("m").join(dir)).unwrap();
    }
    let again = ground.setup(&["--yes"]).exits(0);
    assert!(again.stdout.contains("nothing to change"), "{again}");
}

#[test]
fn the_article_s_base_and_overlays() {
    let ground = Ground::new();
    ground.kustomization("base", &[]);
    for overlay in ["develop", "prod"] {
        ground.kustomization(&format!("overlays/{overlay}"), &["../../base"]);
    }
    ground.commit();
    holds(&ground, &["overlays/develop"], &["overlays/prod"]);
    assert_eq!(ground.list("overlayRoots"), ["overlays"]);
    assert_eq!(ground.list("allow"), ["develop"]);
    assert_eq!(ground.list("foreign"), ["prod"]);
    assert_eq!(ground.written()["environment"], "develop");
}

#[test]
fn components_with_their_base_beside_the_environments() {
    let ground = Ground::new();
    for component in ["web", "db", "cache"] {
        ground.kustomization(&format!("components/{component}/base"), &[]);
        ground.kustomization(&format!("components/{component}/rbac"), &[]);
        for environment in ["development", "staging", "production"] {
            ground.kustomization(
                &format!("components/{component}/{environment}"),
                &["../base", "../rbac"],
            );
        }
    }
    // This one exists in production only.
    ground.kustomization("components/billing/base", &[]);
    ground.kustomization("components/billing/production", &["../base"]);
    ground.commit();
    holds(
        &ground,
        &[
            "components/web/development",
            "components/db/development",
            "components/cache/development",
        ],
        &[
            "components/web/staging",
            "components/web/production",
            "components/db/staging",
            "components/db/production",
            "components/cache/staging",
            "components/cache/production",
            "components/billing/production",
        ],
    );
    assert_eq!(ground.list("overlayRoots"), ["components/*"]);
    assert_eq!(ground.list("shared"), ["base", "rbac"]);
    ground.refuses("components/web/base", "target-outside");
}

#[test]
fn one_application_per_directory() {
    let ground = Ground::new();
    ground.instance.git(&["remote", "add", "origin", "https://git.example.test/x"]);
    for application in ["web", "db"] {
        ground.kustomization(&format!("apps/{application}/base"), &[]);
        ground.kustomization(&format!("apps/{application}/overlays/dev/eu"), &["../../../base"]);
        ground.kustomization(&format!("apps/{application}/overlays/dev/us"), &["../../../base"]);
        ground.kustomization(&format!("apps/{application}/overlays/prd"), &["../../base"]);
    }
    ground.kustomization("apps/new/overlays/prd", &[]);
    ground.commit();
    holds(
        &ground,
        &[
            "apps/web/overlays/dev/eu",
            "apps/web/overlays/dev/us",
            "apps/db/overlays/dev/eu",
            "apps/db/overlays/dev/us",
        ],
        &["apps/web/overlays/prd", "apps/db/overlays/prd", "apps/new/overlays/prd"],
    );
    assert_eq!(ground.list("overlayRoots"), ["apps/*/overlays"]);
    assert_eq!(ground.list("allow"), ["dev"]);
}

#[test]
fn environments_that_build_on_each_other() {
    let ground = Ground::new();
    ground.kustomization("envs/development", &[]);
    ground.kustomization("envs/staging", &["../development"]);
    ground.kustomization("envs/production", &["../staging"]);
    ground.commit();
    let output = ground.setup(&["--yes", "--environment", "staging"]).exits(0);
    assert_eq!(ground.list("shared"), ["development"]);
    assert_eq!(ground.list("foreign"), ["production"]);
    assert!(output.stdout.contains("built on development"), "{output}");
    ground.passes("envs/staging");
    ground.renders_alike("envs/staging");
    ground.refuses("envs/production", "target-foreign");
    // What is shared may be referenced, not applied.
    ground.refuses("envs/development", "target-outside");
}

#[test]
fn one_environment_per_branch() {
    let ground = Ground::new();
    ground.kustomization("web", &[]);
    ground.kustomization(".", &["web"]);
    ground.commit();
    for branch in ["develop", "production"] {
        ground.instance.git(&["branch", branch]);
    }
    ground.instance.git(&["checkout", "--quiet", "develop"]);
    ground.setup(&["--yes"]).exits(0);
    assert_eq!(ground.list("branches"), ["develop"]);
    for dir in ["web", "."] {
        ground.passes(dir);
        ground.renders_alike(dir);
    }
    ground.instance.git(&["checkout", "--quiet", "production"]);
    for dir in ["web", "."] {
        ground.refuses(dir, "tree-branch");
    }
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("nothing to change"), "{output}");
    assert!(output.stdout.contains("git -C"), "{output}");
}

/// Two thousand roots, made here; a few of them are tried out one by one, and the
/// judge has tried all of them before anything was written.
#[test]
fn a_monorepo_with_two_thousand_roots() {
    let ground = Ground::new();
    for number in 0..2_000 {
        let application = format!("team-{}/app-{number}", number % 40);
        ground.kustomization(&format!("{application}/base"), &[]);
        for overlay in ["develop", "prod"] {
            ground.kustomization(&format!("{application}/overlays/{overlay}"), &["../../base"]);
        }
    }
    ground.commit();
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("2000 of 2000 allowed may be applied"), "{output}");
    assert!(output.stdout.contains("2000 of 2000 foreign are refused"), "{output}");
    for number in [0, 1_234, 1_999] {
        let application = format!("team-{}/app-{number}", number % 40);
        ground.passes(&format!("{application}/overlays/develop"));
        ground.refuses(&format!("{application}/overlays/prod"), "target-foreign");
        ground.renders_alike(&format!("{application}/overlays/develop"));
    }
    assert_eq!(ground.list("overlayRoots"), ["*/*/overlays"]);
}

#[test]
fn plain_manifests_without_any_kustomization() {
    let ground = Ground::new();
    for environment in ["dev", "prod"] {
        for application in ["db", "web"] {
            let file = format!("m/environments/{environment}/{application}/deployment.yaml");
            ground.instance.write(&file, &crate::support::config_map(application));
        }
    }
    ground.commit();
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("2 of 2 allowed may be applied"), "{output}");
    assert!(output.stdout.contains("2 of 2 foreign are refused"), "{output}");
    for application in ["db", "web"] {
        ground.check("-f", &format!("environments/dev/{application}")).exits(0);
        ground.check("-f", &format!("environments/prod/{application}")).exits(77);
    }
}

#[test]
fn remotes_are_what_the_overlays_fetch() {
    let ground = Ground::new();
    ground.kustomization("base", &["https://github.com/org/repo//deploy?ref=v1"]);
    ground.kustomization(
        "overlays/develop",
        &["../../base", "https://raw.githubusercontent.com/else/x/v1/crd.yaml"],
    );
    ground.kustomization("overlays/prod", &["https://github.com/other/repo?ref=v1"]);
    ground.commit();
    ground.setup(&["--yes"]).exits(0);
    let remotes = ground.written()["policy"]["remotes"].clone();
    let expected = ["https://github.com/org/", "https://raw.githubusercontent.com/else/"];
    assert_eq!(remotes, serde_yaml::to_value(expected).unwrap());
    ground.passes("overlays/develop");
}

#[test]
fn names_that_are_no_words_for_environments_are_told_apart() {
    let ground = Ground::new();
    ground.kustomization("base", &[]);
    ground.kustomization("overlays/docs", &[]);
    for overlay in ["blue", "green"] {
        ground.kustomization(&format!("overlays/{overlay}"), &["../../base"]);
    }
    ground.commit();
    ground.setup(&["--yes", "--environment", "blue"]).exits(0);
    // Built of the same parts; what is not is left alone.
    assert_eq!(ground.list("foreign"), ["green"]);
    ground.passes("overlays/blue");
    ground.refuses("overlays/green", "target-foreign");
}

#[test]
fn a_broken_overlay_is_named_and_does_not_stand_in_the_way() {
    let ground = Ground::new();
    for overlay in ["apps/a/overlays/develop", "apps/b/overlays/develop", "apps/b/overlays/prod"] {
        ground.kustomization(overlay, &[]);
    }
    ground.instance.write("m/apps/b/overlays/develop/kustomization.yaml", "resources: [own.yaml\n");
    ground.commit();
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("1 of 2 allowed may be applied"), "{output}");
    assert!(output.stdout.contains("(input-unreadable)"), "{output}");
    ground.passes("apps/a/overlays/develop");
}

#[test]
fn a_proposal_that_would_refuse_its_own_overlays_is_not_written() {
    let ground = Ground::new();
    ground.kustomization("overlays/develop", &["../../../elsewhere/base"]);
    ground.kustomization("overlays/prod", &[]);
    ground.instance.write("elsewhere/base/kustomization.yaml", "resources: []\n");
    ground.commit();
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stdout.contains("(reference-outside)"), "{output}");
    assert!(output.stdout.contains("  refused    kubectl apply -k /"), "{output}");
    assert!(output.stderr.contains("nothing was written"), "{output}");
    assert!(!ground.config().exists());
}

#[test]
fn what_is_not_found_is_asked_for() {
    let ground = Ground::new();
    ground.kustomization("web/base", &[]);
    ground.commit();
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("--overlay-root DIR --allow NAME"), "{output}");
    ground.kustomization("overlays/stg", &[]);
    ground.kustomization("overlays/prod", &[]);
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("prod and stg"), "{output}");
    assert!(output.stderr.contains("--allow NAME"), "{output}");
    ground.setup(&["--yes", "--allow", "stg"]).exits(0);
    ground.passes("overlays/stg");
    ground.refuses("overlays/prod", "target-foreign");
}

fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It would list the overlay that was meant as foreign, where the corrected command
/// could not take it from.
#[test]
fn a_mistyped_name_is_refused_with_those_that_are_there() {
    let ground = Ground::new().usual();
    for words in [["--yes", "--allow", "devleop"], ["--dry-run", "--allow", "devleop"]] {
        let output = ground.setup(&words).exits(1);
        let said = unwrapped(&output.stderr);
        for part in [
            "nothing was written: --allow must name an overlay that exists",
            "none is called devleop: there are develop and prod; did you mean develop?",
            "--allow develop; or create the overlay first",
        ] {
            assert!(said.contains(part), "{part}: {output}");
        }
        assert!(!ground.path("etc").exists(), "{output}");
    }
    let output = ground.setup(&["--yes", "--allow", "qa", "--allow", "x*"]).exits(1);
    let said = unwrapped(&output.stderr);
    assert!(said.contains("none is called qa or x*: there are develop and prod"), "{output}");
    assert!(said.contains("--allow NAME") && !said.contains("did you mean"), "{output}");
    // The corrected command needs nothing else.
    ground.setup(&["--yes", "--allow", "develop"]).exits(0);
    ground.passes("overlays/develop");
    ground.refuses("overlays/prod", "target-foreign");
    // One that is set up already stays as it is.
    let before = read(&ground.config());
    ground.setup(&["--yes", "--allow", "devleop"]).exits(1);
    assert_eq!(read(&ground.config()), before);
}

#[test]
fn a_name_that_is_not_there_is_said_beside_one_that_is() {
    let ground = Ground::new().usual();
    let output = ground.setup(&["--yes", "--allow", "dev*", "--allow", "qa"]).exits(0);
    let shown = unwrapped(&output.stdout);
    assert!(shown.contains("no overlay is called qa: there are develop and prod"), "{output}");
    assert!(!shown.contains("did you mean") && !shown.contains("called dev*"), "{output}");
    ground.passes("overlays/develop");
}

/// Where nothing is to be mistaken for it, the overlay may come later.
#[test]
fn a_name_is_taken_where_there_is_no_overlay_yet() {
    let ground = Ground::new();
    ground.kustomization("base", &[]);
    ground.commit();
    ground.setup(&["--yes", "--overlay-root", "overlays", "--allow", "develop"]).exits(0);
    assert_eq!(ground.list("allow"), ["develop"]);
}

#[test]
fn a_name_that_no_list_can_hold_is_said() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::new().usual();
    let name = std::ffi::OsStr::from_bytes(b"prod\xff");
    let dir = ground.path("m/overlays").join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("kustomization.yaml"), "resources: [../../base]\n").unwrap();
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("overlays/prod\\xff stays on the disk"), "{output}");
    assert_eq!(ground.list("foreign"), ["prod"]);
    let mut check = ground.command(&crate::support::envguard());
    check.env("ENVGUARD_CONFIG", ground.config()).args(["check", "--", "apply", "-k"]);
    crate::support::Output::of(check.arg(dir)).exits(77);
}

/// What `tidy` took off the disk is still in git: setup says so when it cannot see it.
#[test]
fn a_tree_is_looked_at_once() {
    let ground = Ground::new().usual();
    let log = ground.path("git.log");
    let script = format!("#!/bin/sh\necho \"$*\" >>{}\nexec /usr/bin/git \"$@\"\n", log.display());
    ground.instance.program("bin/git", &script);
    ground.setup(&["--yes"]).exits(0);
    let asked = read(&log);
    assert_eq!(asked.matches("ls-tree -r --name-only").count(), 1, "{asked}");
}

/// What `tidy` would put aside is said before anybody agrees.
#[test]
fn files_that_git_does_not_have_are_counted_by_root() {
    let ground = Ground::new();
    for application in ["db", "web"] {
        ground.kustomization(&format!("apps/{application}/base"), &[]);
        for overlay in ["develop", "prod", "stg"] {
            let dir = format!("apps/{application}/overlays/{overlay}");
            ground.kustomization(&dir, &["../../base"]);
        }
    }
    ground.instance.write("m/.gitignore", "*.env\n");
    ground.commit();
    let output = ground.setup(&["--dry-run"]).exits(0);
    assert!(output.stdout.contains("tidy       would take 4 overlays off the disk:\n"), "{output}");
    ground.instance.write("m/apps/db/overlays/prod/new.yaml", "untracked");
    ground.instance.write("m/apps/db/overlays/stg/own.yaml", "modified");
    ground.instance.write("m/apps/db/overlays/prod/secret.env", "ignored");
    ground.instance.write("m/apps/db/overlays/develop/new.yaml", "it stays");
    let output = ground.setup(&["--yes"]).exits(0);
    let text = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = "would take 4 overlays off the disk, and put 3 files of your own aside that git does not have: apps/db/overlays: prod stg (3 files of your own) apps/web/overlays: prod stg proof";
    assert!(text.contains(all), "{output}");
    // That is what happens.
    let mut tidy = ground.command(&crate::support::envguard());
    tidy.env("ENVGUARD_CONFIG", ground.config()).args(["tidy", "--dry-run"]);
    let planned = crate::support::Output::of(&mut tidy).exits(0);
    assert!(planned.stdout.contains("3 files of your own would be put aside"), "{planned}");
}

#[test]
fn what_git_does_not_list_is_said() {
    let ground = Ground::new().usual();
    let output = ground.setup(&["--yes", "--dry-run"]).exits(0);
    assert!(!output.stdout.contains("were not seen"), "{output}");
    ground.instance.write("m/.git/HEAD", "ref: refs/heads/nothing\n");
    let output = ground.setup(&["--yes", "--dry-run"]).exits(0);
    assert!(output.stdout.contains("in git and not on the disk were not seen"), "{output}");
    assert!(output.stdout.contains("ls-tree HEAD"), "{output}");
}
