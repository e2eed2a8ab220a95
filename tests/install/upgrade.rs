//! Over an older version, and back to it: what somebody has changed stays.

use super::*;

#[test]
fn an_upgrade_and_the_way_back() {
    let root = Root::new();
    let release = Release::new(&root);
    let old = release.add(&root, "0.1.0");
    release.add(&root, "0.2.0");
    let key = release.key.to_str().unwrap();
    let before = root.inventory();
    root.takes(&["--from", old.to_str().unwrap(), "--key", key]).exits(0);
    let first = root.inventory();
    let says = |version: &str| {
        Output::of(&mut Command::new(root.path(PROGRAM))).prints(version).exits(0);
        Output::of(&mut Command::new(root.path(SHIM))).prints(version).exits(0);
    };
    says("0.1.0");
    // What a person has changed below /etc is kept, and so is the configuration.
    root.write("/etc/envguard/config.yaml", "mine\n");
    let profile = "/etc/fish/conf.d/envguard.fish";
    write(&root.path(profile), "# mine\n");
    let releases = release.dir.to_str().unwrap();
    let to =
        |version: &str| root.takes(&["--version", version, "--releases", releases, "--key", key]);
    to("0.2.0").says("kept").exits(0);
    says("0.2.0");
    assert_eq!(read(&root.path(profile)), "# mine\n");
    to("v0.1.0").exits(0);
    says("0.1.0");
    assert_eq!(read(&root.path("/etc/envguard/config.yaml")), "mine\n");
    std::fs::remove_file(root.path(profile)).unwrap();
    to("0.1.0").exits(0);
    std::fs::remove_dir_all(root.path("/etc/envguard")).unwrap();
    same(&root.inventory(), &first, "in the root");
    to("0.3.0").says("0.3.0").exits(1);
    same(&root.inventory(), &first, "in the root");
    root.uninstall(&[]).exits(0);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn the_installed_copy_goes_back_with_the_key_that_was_trusted_once() {
    let root = Root::new();
    let release = Release::new(&root);
    let old = release.add(&root, VERSIONS[0]);
    release.add(&root, VERSIONS[1]);
    let before = root.inventory();
    let [releases, key] = [&release.dir, &release.key].map(|path| path.to_str().unwrap());
    root.takes(&["--from", old.to_str().unwrap(), "--key", key]).exits(0);
    for version in [VERSIONS[1], VERSIONS[0]] {
        root.copy_does(&["--version", version, "--releases", releases]).exits(0);
        Output::of(&mut Command::new(root.path(PROGRAM))).prints(version).exits(0);
    }
    // Without a release there is no new key, and the one that is there stays.
    root.install(&[]).exits(0);
    root.copy_does(&["--version", VERSIONS[1], "--releases", releases]).exits(0);
    root.copy_does(&["--uninstall"]).exits(0);
    same(&root.inventory(), &before, "in the root");
}

#[test]
fn the_key_that_a_release_brings_is_the_next_ones() {
    let root = Root::new();
    let release = Release::new(&root);
    let next = next_sources(&root.beside(""));
    let elsewhere = Root::new();
    let other = Release::new(&elsewhere);
    assert_ne!(read(&other.key), read(&release.key));
    Output::of(Command::new("cp").arg(&other.key).arg(next.join("deploy/release-key.pem")))
        .exits(0);
    let file = release.add_of(&next, &root, VERSIONS[1]);
    let key = release.key.to_str().unwrap();
    root.takes(&["--from", file.to_str().unwrap(), "--key", key]).exits(0);
    let placed = root.path("/usr/local/lib/envguard/release-key.pem");
    assert_eq!(read(&placed), read(&other.key));
    root.copy_does(&["--from", file.to_str().unwrap()])
        .says(&format!("is not by {}", placed.display()))
        .exits(1);
}

#[test]
fn below_etc_the_next_version_replaces_what_nobody_has_changed_and_keeps_the_rest() {
    // It comes with sudo, and is not on everybody's PATH.
    if !Path::new("/usr/sbin/visudo").exists() && lacks("visudo", "checks the sudoers line") {
        return;
    }
    let root = Root::new();
    let release = Release::new(&root);
    release.add(&root, VERSIONS[0]);
    release.add_of(&next_sources(&root.beside("")), &root, VERSIONS[1]);
    let [releases, key] = [&release.dir, &release.key].map(|path| path.to_str().unwrap());
    let to = |version: &str, more: &[&str]| {
        let words = ["--version", version, "--releases", releases, "--key", key];
        root.takes(&[&words, more].concat())
    };
    to(VERSIONS[0], &["--agent", "--sudoers"]).exits(0);
    let ours: Vec<String> = read(&root.path("/usr/local/lib/envguard/manifest"))
        .lines()
        .filter_map(|line| line.split_once(" /etc/").map(|(_, path)| format!("/etc/{path}")))
        .filter(|path| !root.path(path).is_dir())
        .collect();
    assert_eq!(ours.len(), 5, "{ours:?}");
    let before: Vec<String> = ours.iter().map(|path| read(&root.path(path))).collect();
    // Nobody has changed anything.
    let said = to(VERSIONS[1], &[]).exits(0).stderr;
    assert!(!said.contains("changed by hand"), "{said}");
    let news: Vec<&String> =
        ours.iter().filter(|path| read(&root.path(path)).ends_with(NEXT)).collect();
    assert_eq!(news.len(), 4, "{news:?} of {ours:?}");
    to(VERSIONS[0], &[]).exits(0);
    for (path, text) in ours.iter().zip(&before) {
        assert_eq!(read(&root.path(path)), *text, "{path}");
    }
    // Somebody has changed all of them: they stay, forwards, back, and when it is removed.
    let mine = |text: &str| format!("{text}# mine\n");
    for (path, text) in ours.iter().zip(&before) {
        write(&root.path(path), &mine(text));
    }
    for version in [VERSIONS[1], VERSIONS[0]] {
        let mut said = to(version, &[]).exits(0);
        for (path, text) in ours.iter().zip(&before) {
            said = said.says(&format!("kept     {} (changed by hand)", root.path(path).display()));
            assert_eq!(read(&root.path(path)), mine(text), "{path} in {version}");
        }
    }
    let mut said = root.uninstall(&[]).exits(0);
    for (path, text) in ours.iter().zip(&before) {
        said = said.says(&format!("kept     {} (changed since", root.path(path).display()));
        assert_eq!(read(&root.path(path)), mine(text), "{path}");
    }
}

#[test]
fn a_file_that_a_later_version_lacks_is_removed() {
    let root = Root::new();
    root.install(&[]).exits(0);
    // As if the version before had placed one more.
    let outdated = "/usr/local/share/doc/kubectl-envguard/outdated.md";
    root.write(outdated, "old\n");
    let manifest = root.path("/usr/local/lib/envguard/manifest");
    let sum = Output::of(Command::new("sha256sum").arg(root.path(outdated))).exits(0).stdout;
    let sum = &sum[..64];
    write(&manifest, &format!("{}file {sum} {outdated}\n", read(&manifest)));
    root.install(&[]).says(outdated).exits(0);
    assert!(!root.path(outdated).exists());
}

#[test]
fn an_upgrade_leaves_a_configuration_of_another_version_alone_and_says_what_to_do() {
    if lacks("setpriv", "runs a test as another user") {
        return;
    }
    let (root, instance) = (Root::new(), Instance::new());
    let release = Release::new(&root);
    release.add(&root, "0.1.0");
    let home = root.beside("home");
    let config = home.join(".config/envguard/config.yaml");
    let older = instance.config_text().replace("envguard/v1alpha1", "envguard/v0alpha1");
    write(&config, &older);
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
    // The installer of the old version, and that of this one with the real programs.
    let unpacked = root.beside("unpacked");
    std::fs::create_dir_all(&unpacked).unwrap();
    let old = root.beside("programs-0.1.0");
    for name in ["kubectl-envguard", "envguard-shim"] {
        let real = crate::support::envguard().with_file_name(name);
        Output::of(Command::new("cp").arg(real).arg(&unpacked)).exits(0);
    }
    hand_over(&root, &home);
    let script = sources().join("install.sh");
    let install =
        |programs: &Path| as_somebody(&script, &home, &["--programs", programs.to_str().unwrap()]);
    install(&old).exits(0);
    install(&unpacked)
        .says(&format!("{} is not one of this version: ", config.display()))
        .says("setup --migrate")
        .exits(0);
    assert_eq!(read(&config), older);
    // Until then it keeps the cluster safe: reading only.
    let shim = home.join(".local/lib/envguard/shims/kubectl");
    let run = |words: &[&str]| {
        let mut command = instance.command(&shim);
        Output::of(command.args(words).env("ENVGUARD_CONFIG", &config))
    };
    run(&["apply", "-k", "overlays/develop"]).says("refused (config-invalid)").exits(78);
    // The way back is there, too.
    install(&old).exits(0);
    assert_eq!(read(&config), older);
}
