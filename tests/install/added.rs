//! What the installed copy adds to a package: asked for by name, and gone with it.

use std::path::Path;
use std::process::Command;

use super::root::{Root, same};
use super::{AGENT, KUBECTL};
use crate::login::sources;
use crate::support::{Output, executable, read, skip};

const SHIM: &str = "/usr/lib/envguard/shims/kubectl";

/// A root in which a package has placed everything.
fn packaged() -> Root {
    let root = Root::new();
    let mut stage = root.command(&["--prefix", "/usr", "--stage"]);
    Output::of(stage.arg(root.path(""))).exits(0);
    root
}

/// What the copy does that the package has placed.
fn does(root: &Root, words: &[&str]) -> Output {
    let copy = root.path("/usr/lib/envguard/install.sh");
    Output::of(root.installer(&copy).args(words))
}

#[test]
fn what_is_added_to_a_package_is_taken_away_again() {
    let root = packaged();
    root.write(KUBECTL, "#!/bin/sh\necho real\n");
    executable(&root.path(KUBECTL));
    let before = root.inventory();
    let all = ["--agent", "--shell-rc", "--adopt-kubectl"];
    does(&root, &[&all[..], &["--dry-run"]].concat()).says("Nothing was done").exits(0);
    same(&root.inventory(), &before, "in the root");
    does(&root, &all).exits(0);
    let added = root.inventory();
    assert!(read(&root.path(AGENT)).contains("ENV=/usr/lib/envguard/session.sh"));
    assert!(read(&root.path("/etc/zsh/zshrc")).ends_with("zz-envguard.sh # envguard\n"));
    assert_eq!(std::fs::read_link(root.path(KUBECTL)).unwrap(), Path::new(SHIM));
    // Again, asked and unasked, as the package's script does with each version.
    for words in [&all[..], &[]] {
        does(&root, words).exits(0);
        same(&root.inventory(), &added, "in the root");
    }
    does(&root, &["--uninstall"]).says("Removed what was added to the package").exits(0);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn the_package_itself_is_its_managers() {
    let root = packaged();
    let before = root.inventory();
    does(&root, &[]).says("instead   --agent, --sudoers, --shell-rc, --adopt-kubectl").exits(1);
    does(&root, &["--uninstall"]).says("nothing is installed").exits(1);
    does(&root, &["--prefix", "/opt/guard"]).says("there is nothing to install beside").exits(1);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn what_only_root_can_do_is_not_passed_over() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can install as somebody else");
    }
    let root = Root::new();
    let (home, script) = (root.beside("home"), sources().join("install.sh"));
    std::fs::create_dir_all(&home).unwrap();
    let before = super::hand_over(&root, &home);
    for asked in ["--agent", "--sudoers", "--adopt-kubectl"] {
        let said = super::as_somebody(&script, &home, &[asked]);
        said.says(&format!("only root can do what {asked} asks for")).says("sudo ").exits(64);
    }
    same(&super::inventory(&home), &before, "at home");
    // Of a package, too.
    let root = packaged();
    let mut open = Command::new("chmod");
    Output::of(open.args(["-R", "a+rX"]).arg(root.beside(""))).exits(0);
    let copy = root.path("/usr/lib/envguard/install.sh");
    super::as_somebody(&copy, &home, &["--shell-rc"]).says("only root adds to it").exits(1);
}
