//! `tidy --undo`.

use crate::keeper::ground::{Ground, inventory};

#[test]
fn undo_brings_everything_back() {
    let ground = Ground::new();
    let before = ground.git(&["ls-files", "--stage", "-t"]);
    let files = inventory(&ground.top()).into_keys().collect::<Vec<_>>();
    ground.tidy().exits(0);
    ground
        .instance
        .envguard(&["tidy", "--undo"])
        .exits(0)
        .prints("3 foreign overlays on the disk again");
    assert_eq!(inventory(&ground.top()).into_keys().collect::<Vec<_>>(), files);
    assert_eq!(ground.git(&["ls-files", "--stage", "-t"]), before);
    ground.is_clean();
    ground.tidy().exits(0);
    ground.is_tidy();
}

#[test]
fn undo_leaves_no_file_of_gits_that_the_user_did_not_have() {
    let files = |ground: &Ground| {
        let of_git = ["info/sparse-checkout", "config.worktree"];
        of_git.map(|name| std::fs::read_to_string(ground.top().join(".git").join(name)).ok())
    };
    let undone = |prepare: &dyn Fn(&Ground), meanwhile: &dyn Fn(&Ground)| {
        let ground = Ground::new();
        prepare(&ground);
        let before = files(&ground);
        ground.tidy().exits(0);
        ground.is_tidy();
        meanwhile(&ground);
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        assert_eq!(ground.foreign().len(), 3);
        ground.is_clean();
        (before, files(&ground))
    };
    let nothing = |_: &Ground| {};
    assert_eq!(undone(&nothing, &nothing).1, [None, None]);
    // Twice is as good as once.
    let twice = |ground: &Ground| {
        ground.instance.envguard(&["tidy", "--undo"]).exits(0);
        ground.tidy().exits(0);
    };
    assert_eq!(undone(&nothing, &twice).1, [None, None]);
    // Where the user once had a sparse checkout, both files stay.
    let once = |ground: &Ground| {
        ground.git(&["sparse-checkout", "set", "--no-cone", "/base/"]);
        ground.git(&["sparse-checkout", "disable"]);
    };
    let (before, after) = undone(&once, &nothing);
    assert!(before.iter().chain(&after).all(Option::is_some), "{before:?} {after:?}");
    // And so does a file in which the user has written since.
    let own = |ground: &Ground| drop(ground.git(&["config", "--worktree", "user.name", "me"]));
    let [lines, config] = undone(&nothing, &own).1;
    assert_eq!(lines, None);
    assert!(config.unwrap().contains("name = me"));
    let comment = |ground: &Ground| {
        let file = ground.top().join(".git/info/sparse-checkout");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("# why\n{text}")).unwrap();
    };
    let [lines, config] = undone(&nothing, &comment).1;
    assert!(lines.unwrap().starts_with("# why\n"));
    assert_eq!(config, None);
}
