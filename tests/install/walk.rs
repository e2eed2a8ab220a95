//! The whole way of a person: install, log in, work, leave, uninstall.

use std::path::Path;

use super::root::{Inventory, Root, inventory, paths, same};
use super::{PROGRAM, SHIM, installed};
use crate::login::Login;
use crate::support::{Instance, Output, Server, Terminal, kubectls, write};

/// The checkout as it lies on the disk, without git's own files.
fn working_tree(top: &Path) -> Inventory {
    let mut tree = inventory(top);
    tree.retain(|path, _| !path.starts_with("/.git/") && path != "/.git");
    tree
}

/// A login shell that reads what the installer has put below `/etc`.
fn logs_in(place: &Login, root: &Root) -> Terminal {
    let hook = root.path("/etc/profile.d/zz-envguard.sh");
    place.home(".bash_profile", &format!("PS1='user> '\n. {}\n", hook.display()));
    let mut login = place.command("/usr/bin/bash", &["-l"]);
    login.env("ENVGUARD_PROGRAM", root.path(PROGRAM));
    Terminal::start(&login)
}

#[test]
fn install_log_in_work_uninstall_and_the_list_of_files_is_what_it_was() {
    let Some(kubectl) = kubectls().pop() else { return };
    let server = Server::start("develop-eks");
    let instance = Instance::with_server(&server, &kubectl);
    instance.commit();
    let config = instance.path("xdg/envguard/config.yaml");
    write(&config, &instance.config_text());
    instance.mode("xdg/envguard/config.yaml", 0o600);
    let root = Root::new();
    let (files, tree) = (root.inventory(), working_tree(&instance.checkout()));
    installed(&instance, &root);
    let place = Login::of(instance);

    let mut terminal = logs_in(&place, &root);
    terminal.first_prompt().contains(crate::login::SENTENCE);
    terminal.run("command -v kubectl").contains(SHIM);
    terminal.run("kubectl envguard tidy; echo code=$?").contains("code=0");
    terminal.run("ls overlays").contains("develop").lacks("prod");
    terminal.run("git status --porcelain; echo end").lacks("overlays").contains("end");
    terminal.run("kubectl apply -k overlays/develop; echo code=$?").contains("code=0");
    terminal.run("kubectl apply -k overlays/prod; echo code=$?").contains("code=77");
    let sent = server.requests();
    assert!(sent.iter().any(|request| !request.starts_with("GET ")), "{sent:?}");
    terminal.types("exit\n");
    assert_eq!(terminal.ends().1, Some(0));

    let mut uninstall = root.command(&["--uninstall", "--undo"]);
    uninstall.env("XDG_CONFIG_HOME", place.path("xdg"));
    Output::of(&mut uninstall).says("Removed.").exits(0);
    assert_eq!(paths(&root.inventory()), paths(&files));
    same(&root.inventory(), &files, "in the root");
    same(&working_tree(&place.instance.checkout()), &tree, "in the checkout");
    assert_eq!(place.instance.git(&["status", "--porcelain"]), "");
}
