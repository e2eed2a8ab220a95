//! Tarball, deb and rpm: made by `deploy/packages`, compared with the one list, installed
//! and removed by the systems' own tools.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::AGENT;
use super::debian::{debian, inside};
use super::root::{NEXT, Release, Root, VERSIONS, inventory, listed, machine, next_sources, stubs};
use crate::login::sources;
use crate::support::{Output, executable, lacks, read, write};

/// The programs of a release where `tests/run packages` has built them, and stubs elsewhere.
fn programs(scratch: &Path) -> PathBuf {
    if let Some(built) = std::env::var_os("ENVGUARD_PROGRAMS") {
        return built.into();
    }
    let programs = scratch.join("programs");
    stubs(&programs, "0.1.0");
    programs
}

struct Packages {
    tarball: PathBuf,
    deb: PathBuf,
    rpm: PathBuf,
}

fn make(programs: &Path, dir: &Path, version: &str) -> Packages {
    make_of(sources(), programs, dir, version)
}

/// The version before and the next one, whose files below /etc are others.
fn make_versions(scratch: &Path, dir: &Path) -> [Packages; 2] {
    let (programs, next) = (programs(scratch), next_sources(scratch));
    let [old, new] = VERSIONS;
    [make(&programs, dir, old), make_of(&next, &programs, dir, new)]
}

fn make_of(sources: &Path, programs: &Path, dir: &Path, version: &str) -> Packages {
    std::fs::create_dir_all(dir).unwrap();
    let mut make = Command::new("sh");
    make.arg(sources.join("deploy/packages")).arg(programs).arg(dir);
    Output::of(make.args([version, &machine()])).exits(0);
    let deb = if machine() == "x86_64" { "amd64" } else { "arm64" };
    Packages {
        tarball: dir.join(format!("kubectl-envguard-{version}-{}-linux.tar.gz", machine())),
        deb: dir.join(format!("kubectl-envguard_{version}_{deb}.deb")),
        rpm: dir.join(format!("kubectl-envguard-{version}-1.{}.rpm", machine())),
    }
}

pub(super) fn no_tools() -> bool {
    lacks("dpkg-deb", "makes the deb") || lacks("rpmbuild", "makes the rpm")
}

/// Mode and digest, or the target of a link, of each file.
pub(super) type Contents = BTreeMap<String, (u32, String)>;

pub(super) fn of_tree(top: &Path) -> Contents {
    let files = inventory(top).into_iter().filter(|(path, _)| {
        !path.starts_with("/DEBIAN") && !top.join(&path[1..]).symlink_metadata().unwrap().is_dir()
    });
    files.map(|(path, (mode, content))| (path.clone(), (mode, told(top, &path, content)))).collect()
}

fn told(top: &Path, path: &str, content: Vec<u8>) -> String {
    let file = top.join(&path[1..]);
    if file.is_symlink() {
        return String::from_utf8(content).unwrap();
    }
    let sum = Output::of(Command::new("sha256sum").arg(file)).exits(0).stdout;
    sum[..64].to_owned()
}

pub(super) fn of_rpm(rpm: &Path) -> Contents {
    let dump = Output::of(Command::new("rpm").args(["-qp", "--dump"]).arg(rpm)).exits(0).stdout;
    let mut contents = Contents::new();
    for line in dump.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [path, _, _, digest, mode, owner, group, _, _, _, target] = words[..] else {
            panic!("{line}")
        };
        assert_eq!((owner, group), ("root", "root"), "{line}");
        let mode = u32::from_str_radix(mode, 8).unwrap();
        match mode & 0o170_000 {
            0o040_000 => continue,
            0o120_000 => contents.insert(path.to_owned(), (mode, target.to_owned())),
            _ => contents.insert(path.to_owned(), (mode, digest.to_owned())),
        };
    }
    contents
}

#[test]
fn deb_and_rpm_have_what_the_list_says_and_always_the_same_bytes() {
    if no_tools() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let programs = programs(scratch.path());
    let made = make(&programs, &scratch.path().join("one"), "0.1.0");
    let again = make(&programs, &scratch.path().join("two/of/them"), "0.1.0");
    for (one, other) in
        [(&made.tarball, &again.tarball), (&made.deb, &again.deb), (&made.rpm, &again.rpm)]
    {
        assert!(std::fs::read(one).unwrap() == std::fs::read(other).unwrap(), "{}", one.display());
    }
    let tree = scratch.path().join("tree");
    Output::of(Command::new("dpkg-deb").arg("-x").arg(&made.deb).arg(&tree)).exits(0);
    let (deb, rpm) = (of_tree(&tree), of_rpm(&made.rpm));
    let debians = "/usr/share/zsh/vendor-completions";
    let others = "/usr/share/zsh/site-functions";
    assert_eq!(deb.keys().cloned().collect::<Vec<_>>(), listed(sources(), "/usr", debians));
    assert_eq!(rpm.keys().cloned().collect::<Vec<_>>(), listed(sources(), "/usr", others));
    for (path, what) in &deb {
        assert_eq!(Some(what), rpm.get(&path.replace(debians, others)), "{path}");
    }
    // They say of themselves what they are, and need what the programs need.
    let mut field = Command::new("dpkg-deb");
    let told = Output::of(field.arg("-f").arg(&made.deb)).exits(0);
    told.prints("Version: 0.1.0").prints("Depends: libc6 (>= 2.34), libgcc-s1");
    let mut requires = Command::new("rpm");
    let told = Output::of(requires.args(["-qp", "--requires"]).arg(&made.rpm)).exits(0);
    told.prints("glibc >= 2.34");
}

/// `deploy/krew RELEASE WORDS`.
fn krew(release: &Release, words: &[&str]) -> Output {
    let mut krew = Command::new("sh");
    krew.arg(sources().join("deploy/krew")).arg(&release.dir).args(words);
    Output::of(&mut krew)
}

const ADDRESS: &str = "https://example.invalid/envguard/releases/download/v0.1.0";

#[test]
fn krew_manifest_fits_the_tarballs() {
    let root = Root::new();
    let release = Release::new(&root);
    let tarball = release.add(&root, "0.1.0");
    // A manifest for one kind of machine alone has to be asked for.
    let words = ["0.1.0", ADDRESS];
    let missing = krew(&release, &words).says("has no kubectl-envguard-0.1.0-").exits(1);
    assert_eq!(missing.stdout, "");
    let text = krew(&release, &[&words[..], &[&machine()]].concat()).exits(0).stdout;
    let manifest: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let platforms = manifest["spec"]["platforms"].as_sequence().unwrap();
    assert_eq!(platforms.len(), 1, "{text}");
    let name = tarball.file_name().unwrap().to_str().unwrap();
    assert_eq!(platforms[0]["uri"].as_str(), Some(format!("{ADDRESS}/{name}").as_str()));
    let sums = read(&release.dir.join("SHA256SUMS"));
    assert!(sums.contains(&format!("{}  {name}", platforms[0]["sha256"].as_str().unwrap())));
    // What krew is told to take out of the tarball is in it.
    let inside = Output::of(Command::new("tar").arg("-tzf").arg(&tarball)).exits(0).stdout;
    for file in platforms[0]["files"].as_sequence().unwrap() {
        let from = file["from"].as_str().unwrap();
        assert!(inside.lines().any(|line| line == from), "{from} in {inside}");
    }
    let shown = manifest["spec"]["shortDescription"].as_str().unwrap();
    assert!(shown.len() <= 50, "{shown}");
    // Both are there.
    for arch in ["x86_64", "aarch64"] {
        write(&release.dir.join(format!("kubectl-envguard-0.1.0-{arch}-linux.tar.gz")), arch);
    }
    release.sign(&root);
    let text = krew(&release, &words).exits(0).stdout;
    let manifest: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let platforms = manifest["spec"]["platforms"].as_sequence().unwrap();
    let kinds: Vec<&str> = platforms
        .iter()
        .map(|platform| platform["selector"]["matchLabels"]["arch"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["amd64", "arm64"]);
    let wrong = krew(&release, &["9.9.9", ADDRESS]).says("has no kubectl-envguard-9.9.9-").exits(1);
    assert_eq!(wrong.stdout, "");
    krew(&release, &["0.1.0", ADDRESS, "riscv64"]).says("no archives for riscv64").exits(64);
}

/// What `deploy/names WORDS` lists.
fn names(words: &[&str]) -> Vec<String> {
    let mut names = Command::new("sh");
    names.arg(sources().join("deploy/names")).args(words);
    Output::of(&mut names).exits(0).stdout.lines().map(str::to_owned).collect()
}

#[test]
fn only_a_whole_release_and_nothing_else_is_signed() {
    let root = Root::new();
    let release = Release::new(&root);
    let all = names(&["0.1.0"]);
    assert_eq!(all.len(), 8, "{all:?}");
    for name in &all {
        write(&release.dir.join(name), name);
    }
    let sign = || Output::of(release.signing(&root).arg("0.1.0"));
    let sums = release.dir.join("SHA256SUMS");
    for name in &all {
        std::fs::remove_file(release.dir.join(name)).unwrap();
        sign().says(&format!("missing in {}: {name}\n", release.dir.display())).exits(1);
        write(&release.dir.join(name), name);
    }
    for stranger in ["kubectl-envguard_0.0.9_amd64.deb", "below/x", "SHA256SUMS.old"] {
        write(&release.dir.join(stranger), "");
        sign().says("not of this release").says(stranger).exits(1);
        std::fs::remove_file(release.dir.join(stranger)).unwrap();
    }
    assert!(!sums.exists());
    sign().exits(0);
    let signed: Vec<String> =
        read(&sums).lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    let mut all = all;
    all.sort();
    assert_eq!(signed, all);
    // Again, over what was signed before.
    sign().exits(0);
    Output::of(release.signing(&root).arg("0.2.0")).says("missing in").exits(1);
    let mut verify = Command::new("openssl");
    verify.current_dir(&release.dir).args(["dgst", "-sha256", "-verify"]).arg(&release.key);
    verify.args(["-signature", "SHA256SUMS.sig", "SHA256SUMS"]);
    Output::of(&mut verify).prints("Verified OK").exits(0);
}

#[test]
fn packages_have_the_names_that_are_expected() {
    if no_tools() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let made = scratch.path().join("made");
    make(&programs(scratch.path()), &made, "0.1.0");
    let mut expected = names(&["0.1.0", &machine()]);
    expected.retain(|name| name != "envguard.yaml" && !name.ends_with(".json"));
    let found = std::fs::read_dir(made).unwrap();
    let mut found: Vec<String> =
        found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn programs_that_would_not_run_elsewhere_are_complained_about() {
    if lacks("readelf", "reads what a program needs") || lacks("git", "is such a program") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for name in ["kubectl-envguard", "envguard-shim"] {
        let git = Path::new("/usr/bin/git").canonicalize().unwrap();
        Output::of(Command::new("cp").arg(git).arg(scratch.path().join(name))).exits(0);
    }
    let inspect = || {
        let mut inspect = Command::new("sh");
        Output::of(inspect.arg(sources().join("deploy/inspect")).arg(scratch.path()))
    };
    inspect().says("kubectl-envguard: it needs libz.so.1").exits(1);
    // It tells nothing but its own name and the loader's.
    for name in ["kubectl-envguard", "envguard-shim"] {
        write(&scratch.path().join(name), "#!/bin/sh\n");
    }
    inspect().says("readelf cannot read it").exits(1);
    std::fs::remove_file(scratch.path().join("envguard-shim")).unwrap();
    inspect().says("it is not there").exits(1);
    // What this machine has built tells where.
    let own = crate::support::envguard();
    Output::of(Command::new("cp").arg(own).arg(scratch.path())).exits(0);
    inspect().says("it tells that it was built in").exits(1);
}

/// A Debian with a real kubectl, a configuration, a log and something that was put aside.
fn instance(debian: &Path, scratch: &Path) -> PathBuf {
    let root = scratch.join("root");
    Output::of(Command::new("cp").arg("-a").arg(debian).arg(&root)).exits(0);
    write(&root.join("usr/bin/kubectl"), "#!/bin/sh\necho \"real $*\"\n");
    executable(&root.join("usr/bin/kubectl"));
    for file in OPERATORS {
        write(&root.join(file), "the operator's\n");
    }
    root
}

/// What belongs to the operators, whatever a package does.
const OPERATORS: [&str; 3] =
    ["etc/envguard/config.yaml", "var/log/envguard/audit-0.jsonl", "var/lib/envguard/a/aside"];

/// What the package managers write for themselves.
fn is_theirs(path: &str) -> bool {
    ["/var/lib/dpkg", "/var/lib/rpm", "/usr/lib/sysimage", "/var/log/dpkg", "/var/cache"]
        .iter()
        .any(|dir| path.starts_with(dir))
}

/// How a package comes to a system and goes from it.
trait Manager {
    fn installs(&self, version: &str) -> Output;
    /// Takes it away, with all that is its own.
    fn removes(&self) -> Output;
    /// Where the next version's file stands beside one that was changed by hand.
    const BESIDE: &'static str;
    /// Where a file that was changed by hand stands when the package was removed.
    const SAVED: &'static str;
}

/// Installed, upgraded and removed: the login is guarded in between, the operators' files
/// stay, and nothing else does.
fn comes_and_goes(root: &Path, manager: &impl Manager) {
    let real = std::env::var_os("ENVGUARD_PROGRAMS").is_some();
    let before = inventory(root);
    let drop_in = root.join(&AGENT[1..]);
    for version in VERSIONS {
        manager.installs(version).exits(0);
        if version == VERSIONS[0] {
            let add = "/usr/lib/envguard/install.sh --agent --shell-rc --no-setup";
            inside(root, add).says("Added to the package.").exits(0);
        } else {
            assert!(read(&drop_in).ends_with(NEXT), "what was added is of this version, too");
        }
        for (shell, shim) in
            [("bash -lc", "/usr/lib/envguard/shims/kubectl"), ("sh -c", "/usr/local/bin/kubectl")]
        {
            if real || shell == "sh -c" {
                inside(root, &format!("{shell} 'command -v kubectl'")).prints(shim).exits(0);
            }
        }
        assert_eq!(root.join("var/log/envguard").metadata().unwrap().mode() & 0o7777, 0o1733);
        if real {
            inside(root, "kubectl-envguard --version").prints("kubectl envguard 0.1.0").exits(0);
            inside(root, "sh -c 'kubectl apply -f x'").says("refused (config-invalid)").exits(78);
        }
    }
    manager.removes().exits(0);
    inside(root, "kubectl get pods").prints("real get pods").exits(0);
    for file in OPERATORS {
        assert_eq!(read(&root.join(file)), "the operator's\n", "{file}");
    }
    let after = inventory(root);
    assert_eq!(after["/etc/bash.bashrc"], before["/etc/bash.bashrc"]);
    let mut more: Vec<&String> =
        after.keys().filter(|path| !before.contains_key(*path) && !is_theirs(path)).collect();
    more.retain(|path| *path != "/run/envguard");
    // Directories that were made are empty.
    more.retain(|path| !root.join(&path[1..]).is_dir());
    assert!(more.is_empty(), "{more:#?}");
    let gone: Vec<&String> =
        before.keys().filter(|path| !after.contains_key(*path) && !is_theirs(path)).collect();
    assert!(gone.is_empty(), "{gone:#?}");
}

/// Files below /etc that an administrator has reason to change.
const CHANGED: [&str; 2] = ["etc/logrotate.d/envguard", "etc/fish/conf.d/envguard.fish"];

/// One that nobody changes here.
const UNCHANGED: &str = "etc/profile.d/zz-envguard.sh";

/// What an administrator has changed stays: forwards, back, and when the package is gone.
fn changes_stay<M: Manager>(root: &Path, manager: &M) {
    let [old, new] = VERSIONS;
    let mine = |file: &str| read(&root.join(file)).contains("# the operator's\n");
    manager.installs(old).exits(0);
    let first = read(&root.join(UNCHANGED));
    for file in CHANGED {
        let text = read(&root.join(file));
        write(&root.join(file), &format!("{text}# the operator's\n"));
    }
    manager.installs(new).exits(0);
    assert_eq!(read(&root.join(UNCHANGED)), format!("{first}{NEXT}"));
    for file in CHANGED {
        assert!(mine(file), "{file}");
        assert!(read(&root.join(format!("{file}{}", M::BESIDE))).ends_with(NEXT), "{file}");
    }
    manager.installs(old).exits(0);
    assert_eq!(read(&root.join(UNCHANGED)), first);
    assert!(CHANGED.into_iter().all(mine));
    manager.removes().exits(0);
    for file in CHANGED {
        assert!(mine(&format!("{file}{}", M::SAVED)), "{file}");
    }
}

struct Dpkg<'a> {
    root: &'a Path,
    /// `--remove`, or `--purge`: the files below /etc, too.
    removal: &'static str,
}

impl Manager for Dpkg<'_> {
    const BESIDE: &'static str = ".dpkg-dist";
    const SAVED: &'static str = "";

    fn installs(&self, version: &str) -> Output {
        // As deploy/user-data.sh and install.sh do: nobody is asked.
        let options = "--force-depends --force-confdef --force-confold";
        let file = format!("/opt/kubectl-envguard_{version}_*.deb");
        inside(self.root, &format!("dpkg {options} --install {file}"))
    }

    fn removes(&self) -> Output {
        inside(self.root, &format!("dpkg {} kubectl-envguard", self.removal))
    }
}

#[test]
fn the_deb_comes_and_goes_in_a_debian() {
    let Some(debian) = debian() else { return };
    if no_tools() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = instance(&debian, scratch.path());
    make_versions(scratch.path(), &root.join("opt"));
    let purged = Dpkg { root: &root, removal: "--purge" };
    comes_and_goes(&root, &purged);
    changes_stay(&root, &Dpkg { root: &root, removal: "--remove" });
    // The hooks that stay say nothing of a program that was removed.
    let hook = root.join(UNCHANGED);
    assert!(hook.exists());
    let login = inside(&root, &format!("bash -i -c '. /{UNCHANGED}; command -v kubectl'"));
    let login = login.prints("/usr/bin/kubectl").exits(0);
    assert!(!login.stderr.contains("envguard"), "{login}");
    // An install from the tarball names what is in its way, and the line that clears it.
    let unpacked = format!("/opt/kubectl-envguard-{}-{}-linux", VERSIONS[0], machine());
    inside(&root, &format!("tar -xzf {unpacked}.tar.gz -C /opt")).exits(0);
    let install = format!("{unpacked}/install.sh --no-setup");
    let said = inside(&root, &install).says("was removed, and has left in the way: /etc/").exits(1);
    let [error, remedy] = said.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(error.contains(&format!("/{UNCHANGED}")), "{error}");
    inside(&root, remedy.strip_prefix("  instead   ").unwrap()).exits(0);
    assert!(!hook.exists());
    inside(&root, &install).exits(0);
    inside(&root, "/usr/local/lib/envguard/install.sh --uninstall").exits(0);
    // The installer names the package that it will not touch.
    purged.installs(VERSIONS[0]).exits(0);
    let uninstall = "/usr/lib/envguard/install.sh --uninstall";
    inside(&root, uninstall).says("belongs to a package").exits(1);
    inside(&root, &install).says("the package kubectl-envguard is installed").exits(1);
    // A package is followed by a package.
    for name in ["SHA256SUMS", "SHA256SUMS.sig"] {
        write(&root.join("opt").join(name), "");
    }
    inside(&root, "/usr/lib/envguard/install.sh --version 9.9.9 --releases /opt")
        .says("/opt/kubectl-envguard_9.9.9_")
        .says(".deb is not there")
        .exits(1);
    purged.removes().exits(0);
    // Beside the installer's own there is no room for a package.
    write(&root.join("usr/local/lib/envguard/manifest"), "");
    purged.installs(VERSIONS[0]).says("/usr/local/lib/envguard/install.sh --uninstall").exits(1);
}

struct Rpm<'a> {
    root: &'a Path,
    made: [Packages; 2],
}

impl Rpm<'_> {
    fn runs(&self, words: &[&str]) -> Output {
        let mut rpm = Command::new("rpm");
        // The requirements are met by no rpm there, but by Debian's libraries.
        rpm.arg("--root").arg(self.root).args(["--dbpath", "/var/lib/rpm", "--nodeps"]);
        Output::of(rpm.args(words))
    }
}

impl Manager for Rpm<'_> {
    const BESIDE: &'static str = ".rpmnew";
    const SAVED: &'static str = ".rpmsave";

    fn installs(&self, version: &str) -> Output {
        let made = &self.made[VERSIONS.iter().position(|known| *known == version).unwrap()];
        self.runs(&["--upgrade", "--oldpackage", made.rpm.to_str().unwrap()])
    }

    fn removes(&self) -> Output {
        self.runs(&["--erase", "kubectl-envguard"])
    }
}

#[test]
fn the_rpm_comes_and_goes_in_a_root_of_its_own() {
    let Some(debian) = debian() else { return };
    if no_tools() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = instance(&debian, scratch.path());
    let made = make_versions(scratch.path(), &scratch.path().join("made"));
    let rpm = Rpm { root: &root, made };
    comes_and_goes(&root, &rpm);
    changes_stay(&root, &rpm);
}
