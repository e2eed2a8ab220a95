//! Everyday git after `tidy`, as the first table of docs/keeper.md says: what
//! stays away by git's own doing, and what the next tidy (or the watcher) takes
//! off again.

use super::ground::Ground;

/// One row: the words, and what is on the disk afterwards.
struct Row {
    git: &'static [&'static str],
    /// Whether git itself keeps the foreign overlays away.
    stays_away: bool,
}

const fn stays(git: &'static [&'static str]) -> Row {
    Row { git, stays_away: true }
}

const fn returns(git: &'static [&'static str]) -> Row {
    Row { git, stays_away: false }
}

const ROWS: &[Row] = &[
    stays(&["commit", "--quiet", "--all", "--message=mine"]),
    stays(&["pull", "--quiet", "--rebase"]),
    stays(&["merge", "--quiet", "--no-edit", "other"]),
    stays(&["rebase", "--quiet", "other"]),
    stays(&["cherry-pick", "other"]),
    stays(&["switch", "--quiet", "other"]),
    stays(&["checkout", "--quiet", "--force", "main"]),
    stays(&["checkout", "--quiet", "other", "--", "base"]),
    stays(&["reset", "--quiet", "--hard"]),
    stays(&["restore", "."]),
    stays(&["stash", "push", "--quiet"]),
    stays(&["clean", "--quiet", "-fdx"]),
    stays(&["checkout", "HEAD", "--", "overlays/prod"]),
    stays(&["checkout-index", "--force", "--all"]),
    stays(&["sparse-checkout", "reapply"]),
    returns(&["sparse-checkout", "disable"]),
    returns(&["restore", "--ignore-skip-worktree-bits", "."]),
    returns(&["checkout", "--quiet", "--ignore-skip-worktree-bits", "HEAD", "--", "."]),
];

/// A branch `other` that changes foreign and own files, and a change of one's own.
fn prepared() -> Ground {
    let ground = Ground::new();
    ground.git(&["switch", "--quiet", "--create", "other"]);
    ground.write("overlays/prod/extra.yaml", "other: true\n");
    ground.write("overlays/qa/cm.yaml", "other: true\n");
    ground.write("base/other.yaml", "other: true\n");
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--message=other"]);
    ground.git(&["push", "--quiet", "origin", "other:main"]);
    ground.git(&["switch", "--quiet", "main"]);
    ground.git(&["fetch", "--quiet"]);
    ground.tidy().exits(0);
    ground.is_tidy();
    ground
}

#[test]
fn everyday_git_does_what_the_table_says() {
    for row in ROWS {
        let ground = prepared();
        let needs_change = ["commit", "stash"].iter().any(|command| row.git.contains(command));
        if needs_change {
            ground.write("base/cm.yaml", "changed: true\n");
        }
        let output = ground.try_git(row.git);
        let present = !ground.foreign().is_empty() || ground.top().join("overlays/qa").exists();
        assert_eq!(!present, row.stays_away, "{:?}: {output}", row.git);
        ground.tidy().exits(0);
        assert_eq!(ground.foreign(), [""; 0], "{:?}", row.git);
        assert!(!ground.top().join("overlays/qa").exists(), "{:?}", row.git);
        let own: Vec<&str> = vec!["base/other.yaml"];
        let status = ground.git(&["status", "--porcelain"]);
        let foreign = status.lines().filter(|line| !own.iter().any(|own| line.ends_with(own)));
        assert_eq!(foreign.count(), 0, "{:?}: {status}", row.git);
        no_deletions(&ground);
        assert_eq!(ground.ids().len(), 0, "nothing was the user's own: {:?}", row.git);
    }
}

fn no_deletions(ground: &Ground) {
    let words = ["log", "--all", "--diff-filter=D", "--name-only", "--format="];
    assert_eq!(ground.git(&words), "", "a deletion is in the history");
}

#[test]
fn stash_and_its_pop_bring_only_ones_own_changes() {
    let ground = prepared();
    ground.write("base/cm.yaml", "changed: true\n");
    ground.git(&["stash", "push", "--quiet"]);
    ground.git(&["stash", "pop", "--quiet"]);
    assert_eq!(ground.git(&["status", "--porcelain"]), " M base/cm.yaml\n");
    assert_eq!(ground.foreign(), [""; 0]);
}

#[test]
fn a_new_worktree_has_no_foreign_overlays_and_can_be_tidied() {
    let ground = prepared();
    let linked = ground.instance.path("linked");
    let linked_name = linked.to_str().unwrap();
    ground.git(&["worktree", "add", "--quiet", linked_name]);
    assert!(linked.join("overlays/develop").is_dir());
    assert!(!linked.join("overlays/prod").exists());
    // Configured, it is kept like any other; what is put aside survives its removal.
    let top = ground.top();
    ground.change_config("path: ", &format!("{}/[lm]*", top.parent().unwrap().display()));
    std::fs::create_dir_all(linked.join("overlays/prod")).unwrap();
    std::fs::write(linked.join("overlays/prod/mine.yaml"), "mine").unwrap();
    ground.tidy().exits(0);
    assert!(!linked.join("overlays/prod").exists());
    let ids = ground.ids();
    assert_eq!(ids.len(), 1);
    ground.git(&["worktree", "remove", "--force", linked_name]);
    assert_eq!(ground.ids(), ids);
}

#[test]
fn undo_brings_everything_back_in_a_linked_worktree_too() {
    // Whether the keeper has worked in it or not, git has copied its lines.
    for tidied in [true, false] {
        let ground = prepared();
        let linked = ground.instance.path("linked");
        ground.git(&["worktree", "add", "--quiet", linked.to_str().unwrap()]);
        let parent = linked.parent().unwrap().display().to_string();
        ground.change_config("path: ", &format!("{parent}/[lm]*"));
        if tidied {
            ground.tidy().exits(0);
        }
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.foreign().len(), 3, "{tidied}");
        for overlay in ["overlays/prod", "overlays/staging", "apps/web/overlays/prod"] {
            assert!(linked.join(overlay).is_dir(), "{overlay}, tidied: {tidied}");
        }
        ground.tidy().exits(0);
        assert!(!linked.join("overlays/prod").exists(), "{tidied}");
    }
}

#[test]
fn a_deletion_in_the_working_tree_is_not_committed() {
    let ground = Ground::new();
    std::fs::remove_dir_all(ground.top().join("overlays/prod")).unwrap();
    ground.tidy().exits(0);
    ground.is_tidy();
    ground.write("base/cm.yaml", "changed: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
    no_deletions(&ground);
}

#[test]
fn a_modified_file_that_was_put_aside_is_no_deletion() {
    let ground = Ground::new();
    ground.write("overlays/prod/extra.yaml", "mine: true\n");
    ground.tidy().exits(0);
    ground.write("base/cm.yaml", "changed: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
    no_deletions(&ground);
    ground.is_tidy();
}

#[test]
fn while_a_merge_is_under_way_nothing_is_touched() {
    let ground = Ground::new();
    ground.git(&["switch", "--quiet", "--create", "other"]);
    ground.write("overlays/prod/extra.yaml", "other: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=other"]);
    ground.git(&["switch", "--quiet", "main"]);
    ground.write("overlays/prod/extra.yaml", "mine: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
    ground.tidy().exits(0);
    let merge = ground.try_git(&["merge", "other"]);
    assert_eq!(merge.code, Some(1), "{merge}");
    assert_eq!(ground.foreign(), ["overlays/prod"]);
    let conflict = std::fs::read(ground.top().join("overlays/prod/extra.yaml")).unwrap();
    let output = ground.tidy().exits(1).says("a merge is under way").says("overlays/prod");
    assert_eq!(std::fs::read(ground.top().join("overlays/prod/extra.yaml")).unwrap(), conflict);
    // The remedy is a line that works.
    let remedy =
        output.stderr.lines().find_map(|line| line.trim().strip_prefix("instead")).unwrap();
    let line = remedy.trim().split(", or").next().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).env("GIT_EDITOR", "true").env("HOME", ground.instance.path("home"));
    crate::support::Output::of(&mut shell).exits(0);
    ground.tidy().exits(0);
    ground.is_tidy();
    no_deletions(&ground);
    assert!(ground.git(&["show", "HEAD:overlays/prod/extra.yaml"]).contains("other"));
}

#[test]
fn conflicts_without_a_merge_are_put_aside_with_all_their_sides() {
    let ground = Ground::new();
    ground.write("overlays/prod/extra.yaml", "stashed: true\n");
    ground.git(&["stash", "push", "--quiet"]);
    ground.write("overlays/prod/extra.yaml", "committed: true\n");
    ground.git(&["commit", "--quiet", "--all", "--message=mine"]);
    ground.tidy().exits(0);
    let pop = ground.try_git(&["stash", "pop"]);
    assert_eq!(pop.code, Some(1), "{pop}");
    ground.tidy().exits(0);
    ground.is_tidy();
    let to = ground.instance.path("back");
    for id in ground.ids() {
        let words = ["restore", &id, "--to", to.to_str().unwrap()];
        ground.instance.envguard(&words).exits(0);
    }
    let read = |name: &str| std::fs::read_to_string(to.join(name)).unwrap_or_default();
    assert!(read("overlays/prod/extra.yaml").contains("<<<<<<<"));
    assert_eq!(read("overlays/prod.stage2/extra.yaml"), "committed: true\n");
    assert_eq!(read("overlays/prod.stage3/extra.yaml"), "stashed: true\n");
}

#[test]
fn a_checkout_just_after_git_was_asked_what_is_staged_leaves_nothing_staged() {
    let ground = prepared();
    ground.git(&["switch", "--quiet", "other"]);
    ground.tidy().exits(0);
    ground.write("overlays/prod/extra.yaml", "staged: true\n");
    ground.git(&["add", "--sparse", "overlays/prod/extra.yaml"]);
    // A git that is overtaken once, by a checkout of somebody else's.
    let script = "#!/bin/sh
case \"$*\" in *'diff-index --cached'*)
    /usr/bin/git \"$@\" || exit
    mkdir \"$0.overtaken\" 2>/dev/null && /usr/bin/git checkout -q -f main </dev/null >&2
    exit 0 ;;
esac
exec /usr/bin/git \"$@\"
";
    ground.instance.write("bin/git", script);
    ground.instance.executable("bin/git");
    ground.tidy().exits(0);
    assert!(ground.instance.path("bin/git.overtaken").is_dir(), "it was not overtaken");
    assert_eq!(ground.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "main\n");
    ground.is_clean();
    assert_eq!(ground.foreign(), [""; 0]);
}
