//! Both kinds of machine: what is made for each says so, and `install.sh` takes the right one.

use std::path::Path;
use std::process::Command;

use super::packages::{no_tools, of_rpm, of_tree};
use super::root::{Release, Root, machine, stubs};
use crate::login::sources;
use crate::support::{Output, executable, lacks, read, write};

/// As `uname -m` says it, as Debian does, and as `rpm` does.
const KINDS: [[&str; 3]; 2] = [["x86_64", "amd64", "x86_64"], ["aarch64", "arm64", "aarch64"]];

#[test]
fn packages_of_either_kind_say_so_and_contain_the_same() {
    if no_tools() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (programs, out) = (scratch.path().join("programs"), scratch.path().join("out"));
    stubs(&programs, "0.1.0");
    std::fs::create_dir(&out).unwrap();
    let contents = KINDS.map(|[kind, debian, rpms]| {
        let mut make = Command::new("sh");
        make.arg(sources().join("deploy/packages")).arg(&programs).arg(&out);
        Output::of(make.args(["0.1.0", kind])).exits(0);
        let deb = out.join(format!("kubectl-envguard_0.1.0_{debian}.deb"));
        let rpm = out.join(format!("kubectl-envguard-0.1.0-1.{rpms}.rpm"));
        let told = Output::of(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Architecture"));
        assert_eq!(told.exits(0).stdout.trim(), debian);
        let mut query = Command::new("rpm");
        let told = Output::of(query.args(["-qp", "--qf", "%{ARCH} %{OS}"]).arg(&rpm)).exits(0);
        assert_eq!(told.stdout, format!("{rpms} linux"));
        let tarball = out.join(format!("kubectl-envguard-0.1.0-{kind}-linux.tar.gz"));
        let inside = Output::of(Command::new("tar").arg("-tzf").arg(tarball)).exits(0).stdout;
        let tree = scratch.path().join(kind);
        Output::of(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&tree)).exits(0);
        (inside.replace(kind, "KIND"), of_tree(&tree), of_rpm(&rpm))
    });
    assert!(contents[0] == contents[1], "{contents:#?}");
}

/// A `uname` that tells of another machine.
fn machine_is(kind: &str, dir: &Path) -> String {
    let uname = dir.join("uname");
    write(&uname, &format!("#!/bin/sh\necho {kind}\n"));
    executable(&uname);
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", dir.display())
}

#[test]
fn the_installer_takes_the_archive_for_its_machine() {
    let root = Root::new();
    let release = Release::new(&root);
    for [kind, ..] in KINDS {
        // The stand-ins for the programs of this kind say which they are.
        let programs = root.beside(kind);
        stubs(&programs, &format!("0.1.0 for {kind}"));
        let mut tarball = Command::new("sh");
        tarball.arg(sources().join("deploy/tarball")).arg(&programs).arg(&release.dir);
        Output::of(tarball.args(["0.1.0", kind])).exits(0);
    }
    release.sign(&root);
    let [releases, key] = [&release.dir, &release.key].map(|path| path.to_str().unwrap());
    let words = ["--version", "0.1.0", "--releases", releases, "--key", key];
    let takes = |kind: &str| {
        let path = machine_is(kind, &root.beside(&format!("bin-{kind}")));
        let mut installer = root.installer(&sources().join("install.sh"));
        Output::of(installer.args(words).env("PATH", path))
    };
    for [kind, ..] in KINDS {
        takes(kind).exits(0);
        let program = read(&root.path("/usr/local/bin/kubectl-envguard"));
        assert!(program.contains(&format!("0.1.0 for {kind}")), "{program}");
    }
    // No release has one for any other.
    takes("riscv64").says("kubectl-envguard-0.1.0-riscv64-linux.tar.gz is not there").exits(1);
}

/// A program that asks for a symbol of `glibc`, which no machine needs to have.
fn program_that_needs(glibc: &str, dir: &Path) {
    write(&dir.join("version"), &format!("{glibc} {{ new; }};\n"));
    write(&dir.join("libc.c"), "void new(void) {}\n");
    write(&dir.join("main.c"), "void new(void);\nvoid _start(void) { new(); }\n");
    let compile = |words: &[&str]| {
        let mut cc = Command::new("cc");
        Output::of(cc.current_dir(dir).arg("-nostdlib").args(words)).exits(0);
    };
    let script = "-Wl,-soname,libc.so.6,--version-script=version";
    compile(&["-shared", "-fPIC", script, "-o", "libc.so.6", "libc.c"]);
    for program in ["kubectl-envguard", "envguard-shim"] {
        compile(&["-o", program, "main.c", "./libc.so.6"]);
    }
}

#[test]
fn programs_for_another_machine_or_a_newer_glibc_are_complained_about() {
    if lacks("readelf", "reads what a program needs") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let inspect = |kind: &str| {
        let mut inspect = Command::new("sh");
        inspect.arg(sources().join("deploy/inspect")).arg(scratch.path()).arg(kind);
        // Of binutils, readelf alone reads every kind of program.
        write(&scratch.path().join("objdump"), "#!/bin/sh\nexit 1\n");
        executable(&scratch.path().join("objdump"));
        let path = format!("{}:/usr/bin:/bin", scratch.path().display());
        Output::of(inspect.env("PATH", path))
    };
    program_that_needs("GLIBC_2.34", scratch.path());
    inspect(&machine()).prints("kubectl-envguard: GLIBC_2.34; libc.so.6").exits(0);
    let other = KINDS.map(|[kind, ..]| kind).into_iter().find(|kind| *kind != machine()).unwrap();
    inspect(other).says(&format!("envguard-shim: it is not for {other}")).exits(1);
    for newer in ["GLIBC_2.35", "GLIBC_2.100", "GLIBC_ABI_DT_RELR"] {
        program_that_needs(newer, scratch.path());
        inspect(&machine()).says(&format!("it needs {newer}; Amazon Linux 2023")).exits(1);
    }
}
