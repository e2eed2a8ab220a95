//! A guarded command says what the keeper has to do.

use super::ground::Ground;

const LINE: &str = "on the disk; take it off: kubectl envguard tidy";

#[test]
fn a_command_that_names_files_says_what_is_on_the_disk() {
    let ground = Ground::new();
    std::fs::remove_dir_all(ground.top().join("overlays/staging")).unwrap();
    let apply = ["apply", "-k", "overlays/develop"];
    // 42 is what the recording kubectl ends with: it ran.
    let line = format!("the foreign overlay {}/overlays/prod is {LINE}", ground.top().display());
    ground.instance.kubectl(&apply).exits(42).says(&line);
    let refused = ground.instance.kubectl(&["apply", "-k", "overlays/prod"]);
    refused.refused("target-foreign").says(&line);
    ground.instance.check(&apply).exits(0).says(&line);
    // Commands that name no file do not look.
    let other = ground.instance.kubectl(&["get", "pods"]).exits(42);
    assert!(!other.stderr.contains("on the disk"), "{other}");
    ground.tidy().exits(0);
    let after = ground.instance.kubectl(&apply).exits(42);
    assert!(!after.stderr.contains("on the disk"), "{after}");
}
