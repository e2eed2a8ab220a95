//! Hostile and broken trees: one message, at once, never a panic and never a pass.
//! Nothing here is timed; `timeout` only ends what would never end.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Instance, Output, config_map};

const KUSTOMIZATION: &str = "m/overlays/develop/kustomization.yaml";

/// The guard with a changing command, ended when it does not end itself.
fn apply(instance: &Instance, words: &[&str]) -> Output {
    let mut command = instance.command("/usr/bin/timeout".as_ref());
    command.arg("120").arg(crate::support::envguard()).arg("apply").args(words);
    let output = Output::of(&mut command);
    assert_ne!(output.code, Some(124), "it does not end: {words:?}");
    output
}

/// Refused as unreadable, in one message that says all of `texts`.
#[track_caller]
fn unreadable(instance: &Instance, words: &[&str], texts: &[&str]) {
    let output = apply(instance, words).refused("input-unreadable");
    assert_eq!(instance.recorded(), None, "kubectl was reached");
    let messages = output.stderr.matches("envguard: refused (").count();
    assert_eq!(messages, 1, "{output}");
    for text in texts {
        assert!(output.stderr.contains(text), "{text:?} is not in {output}");
    }
    assert!(output.stderr.len() < 10_000, "a message is not an essay");
}

const K: [&str; 2] = ["-k", "overlays/develop"];

/// Texts that cost much or hide something, and a word of what is said.
fn texts() -> Vec<(String, &'static str)> {
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))
    });
    let lists =
        format!("metadata: {{a: &x [{}]}}\ncrds: [{}]", "b,".repeat(2_000), "*x,".repeat(2_000));
    let stairs: String = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let utf16: String = "\u{feff}resources: []".into();
    vec![
        (format!("resources:\n{}", "- a.yaml\n".repeat(1_200_000)), "larger than"),
        ("[".repeat(100_000), "brackets"),
        ("{a: ".repeat(50_000), "brackets"),
        ("- ".repeat(100_000), "YAML"),
        ("? ".repeat(100_000), "YAML"),
        (stairs, "YAML"),
        (bomb, "YAML"),
        (lists, "nodes"),
        (format!("# {}", ":!".repeat(100_000)), "tag"),
        (format!("namePrefix: \"{}", "a\n ".repeat(100_000)), "YAML"),
        ("a: &a [*a]".to_owned(), "YAML"),
        ("resources: [!!binary Li4vcHJvZA==]".to_owned(), "tag"),
        ("resources: [a]\0".to_owned(), "zero byte"),
        (format!("resources: []\n{utf16}"), "byte order mark"),
        ("\u{1b}[2J".to_owned(), "YAML"),
    ]
}

#[test]
fn texts_that_cost_or_hide() {
    for (text, says) in texts() {
        let instance = Instance::new();
        instance.write(KUSTOMIZATION, &text);
        unreadable(&instance, &K, &["overlays/develop/kustomization.yaml", says]);
        // The same as the configuration of a plugin.
        let instance = Instance::new();
        instance.write(KUSTOMIZATION, "generators: [g.yaml]\n");
        instance.write("m/overlays/develop/g.yaml", &text);
        unreadable(&instance, &K, &["overlays/develop/g.yaml", says]);
    }
}

#[test]
fn bytes_that_are_no_text() {
    let utf16: Vec<u8> =
        "\u{feff}resources: []\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let program = std::fs::read("/bin/true").unwrap();
    for bytes in [utf16, program, b"resources: [\xff]".to_vec(), b"\xed\xa0\x80".to_vec()] {
        let instance = Instance::new();
        std::fs::write(instance.path(KUSTOMIZATION), &bytes).unwrap();
        unreadable(&instance, &K, &["kustomization.yaml"]);
    }
    // Data is judged by its place and never by its content.
    let instance = Instance::new();
    instance.write(
        KUSTOMIZATION,
        "configMapGenerator: [{name: x, files: [true]}]\n".replace("[true]", "['true']").as_str(),
    );
    std::fs::copy("/bin/true", instance.path("m/overlays/develop/true")).unwrap();
    apply(&instance, &K).exits(42);
}

fn fifo(path: &Path) {
    Output::of(Command::new("mkfifo").arg(path)).exits(0);
}

#[test]
fn pipes_sockets_and_devices_where_files_are_expected() {
    // As the kustomization.
    for kind in ["fifo", "socket", "device", "loop"] {
        let instance = Instance::new();
        let path = instance.path(KUSTOMIZATION);
        std::fs::remove_file(&path).unwrap();
        let mut _listener = None;
        match kind {
            "fifo" => fifo(&path),
            "socket" => {
                // The name of a socket is short: 107 bytes.
                let socket = instance.path("s");
                _listener = Some(std::os::unix::net::UnixListener::bind(&socket).unwrap());
                std::fs::rename(socket, &path).unwrap();
            }
            "device" => instance.link("/dev/zero", KUSTOMIZATION),
            _ => instance.link("kustomization.yaml", KUSTOMIZATION),
        }
        unreadable(&instance, &K, &["kustomization.yaml"]);
    }
    // As what a kustomization refers to.
    for field in [
        "resources: [pipe]",
        "generators: [pipe]",
        "patches: [{path: pipe}]",
        "crds: [pipe]",
        "configMapGenerator: [{name: x, files: [pipe]}]",
        "configMapGenerator: [{name: x, envs: [pipe]}]",
    ] {
        let instance = Instance::new();
        instance.write(KUSTOMIZATION, field);
        fifo(&instance.path("m/overlays/develop/pipe"));
        unreadable(&instance, &K, &["refers to pipe", "no regular file"]);
    }
}

#[test]
fn names_that_are_long_or_odd() {
    let long = "x".repeat(4_000);
    let deep = "x/".repeat(2_000);
    let instance = Instance::new();
    unreadable(&instance, &["-k", &long], &["too long"]);
    unreadable(&instance, &["-f", &long], &["too long"]);
    for entry in [&long, &format!("../../{long}/y")] {
        instance.write(KUSTOMIZATION, &format!("resources: [{entry}]\n"));
        unreadable(&instance, &K, &["too long"]);
    }
    // Nothing is there, and kubectl may say so.
    instance.write(KUSTOMIZATION, &format!("resources: [{deep}]\n"));
    apply(&instance, &K).exits(42);
    // Names that would move the cursor are shown without doing so.
    for name in ["a\nb", "a\u{1b}[2Jb", "a\u{202e}b", "a\tb", "a\u{7f}b"] {
        let instance = Instance::new();
        let dir = format!("m/overlays/prod/{name}");
        instance.write(&format!("{dir}/kustomization.yaml"), "resources: []\n");
        let entry = format!("../prod/{name}")
            .replace('\n', "\\n")
            .replace('\u{1b}', "\\e")
            .replace('\u{7f}', "\\x7f");
        instance.write(KUSTOMIZATION, &format!("resources: [\"{entry}\"]\n"));
        let output = apply(&instance, &K).refused("reference-foreign");
        assert!(!output.stderr.contains(name), "{output}");
        // A kustomization in a directory of such a name.
        let instance = Instance::new();
        instance.write(&format!("m/overlays/develop/{name}/kustomization.yaml"), "resources: x");
        let dir = format!("overlays/develop/{name}");
        let output = apply(&instance, &["-k", &dir]).refused("input-unreadable");
        assert!(!output.stderr.contains(name), "{output}");
    }
}

#[test]
fn names_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let instance = Instance::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    let dir = instance.path("m/overlays/develop").join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("kustomization.yaml"), "resources: [../../prod]\n").unwrap();
    let mut command = instance.command(&crate::support::envguard());
    command.args(["apply", "-k"]).arg(Path::new("overlays/develop").join(name));
    Output::of(&mut command).refused("reference-foreign").says("caf\\xe9");
}

/// Runs the guard as somebody for whom permissions count: root is nobody here.
fn as_ordinary_user(instance: &Instance, words: &[&str]) -> Output {
    if !rustix::process::geteuid().is_root() {
        return apply(instance, words);
    }
    permit(instance, "", 0o755);
    let mut command = instance.command("/usr/bin/setpriv".as_ref());
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/timeout", "120"]);
    command.arg(public(instance)).arg("apply").args(words);
    Output::of(&mut command)
}

/// The guard where everybody may run it.
fn public(instance: &Instance) -> std::path::PathBuf {
    let program = instance.path("bin/envguard");
    Output::of(Command::new("cp").arg(crate::support::envguard()).arg(&program)).exits(0);
    permit(instance, "bin/envguard", 0o755);
    program
}

fn permit(instance: &Instance, path: &str, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(instance.path(path), mode).unwrap();
}

#[test]
fn directories_that_may_not_be_entered() {
    let instance = Instance::new();
    instance.write(KUSTOMIZATION, "resources: [sub]\n");
    instance.write("m/overlays/develop/sub/kustomization.yaml", "resources: [../../prod]\n");
    permit(&instance, "m/overlays/develop/sub", 0o000);
    let output = as_ordinary_user(&instance, &K);
    output.refused("input-unreadable").says("Permission denied").says("overlays/develop/sub");
    as_ordinary_user(&instance, &["-f", "overlays/develop/sub"])
        .refused("input-unreadable")
        .says("Permission denied");
    instance.write("m/overlays/develop/more/sub/a.yaml", &config_map("a"));
    permit(&instance, "m/overlays/develop/more/sub", 0o000);
    as_ordinary_user(&instance, &["-R", "-f", "overlays/develop/more"])
        .refused("input-unreadable")
        .says("Permission denied");
    permit(&instance, "m/overlays/develop/more/sub", 0o755);
    // Entered but not listed: a named file in it can be read.
    permit(&instance, "m/overlays/develop/sub", 0o711);
    as_ordinary_user(&instance, &["-f", "overlays/develop/sub"]).refused("input-unreadable");
    as_ordinary_user(&instance, &["-k", "overlays/develop/sub"]).refused("reference-foreign");
    permit(&instance, "m/overlays/develop/sub", 0o755);
    // A chart that cannot be read.
    instance.write(KUSTOMIZATION, "helmCharts: [{name: web}]\n");
    instance.write("m/overlays/develop/charts/web/Chart.yaml", "name: web\n");
    permit(&instance, "m/overlays/develop/charts/web", 0o000);
    let program = public(&instance);
    let mut command = instance.command("/usr/bin/setpriv".as_ref());
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    let output = Output::of(command.args(["kustomize", "--enable-helm", "overlays/develop"]));
    if rustix::process::geteuid().is_root() {
        output.refused("input-unreadable").says("Permission denied");
    }
    permit(&instance, "m/overlays/develop/charts/web", 0o755);
}

#[test]
fn trees_without_end() {
    // Ten thousand kustomizations are enough.
    let instance = Instance::new();
    let names: Vec<String> = (0..10_001).map(|n| format!("d{n}")).collect();
    for name in &names {
        instance.write(&format!("m/overlays/develop/{name}/kustomization.yaml"), "");
    }
    instance.write(KUSTOMIZATION, &format!("resources: [{}]\n", names.join(", ")));
    unreadable(&instance, &K, &["pulls in too much", "10000"]);
    // Directories below directories.
    let instance = Instance::new();
    let deep = format!("m/overlays/develop/{}", "n/".repeat(150));
    instance.write(&format!("{deep}a.yaml"), &config_map("a"));
    std::fs::remove_file(instance.path(KUSTOMIZATION)).unwrap();
    unreadable(&instance, &["-R", "-f", "overlays/develop"], &["deeper than"]);
}

/// Somebody changes the tree all the time. Whatever is seen in the middle of that,
/// the guard ends, and speaks.
#[test]
fn trees_that_change_meanwhile() {
    let instance = Instance::new();
    let dir = instance.path("m/overlays/develop");
    let file = instance.path(KUSTOMIZATION);
    std::fs::write(dir.join("good"), "resources: [extra.yaml]\n").unwrap();
    fifo(&dir.join("fifo"));
    std::os::unix::fs::symlink("../prod/kustomization.yaml", dir.join("link")).unwrap();
    std::fs::create_dir(dir.join("dir")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0_usize.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let _absent = std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file));
                let _placed = match round % 4 {
                    0 => std::fs::hard_link(dir.join("good"), &file),
                    1 => std::fs::hard_link(dir.join("fifo"), &file),
                    2 => std::os::unix::fs::symlink("../prod/kustomization.yaml", &file),
                    _ => std::fs::create_dir(&file),
                };
            }
        });
        for _ in 0..60 {
            let output = apply(&instance, &K);
            let calm = matches!(output.code, Some(42 | 77));
            if !calm {
                done.store(true, Ordering::Relaxed);
            }
            assert!(calm, "{output}");
        }
        done.store(true, Ordering::Relaxed);
    });
}
