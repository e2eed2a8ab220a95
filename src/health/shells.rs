//! Rows about shells and sudo: what plain `kubectl` means there.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::failed;
use super::{Finding, Situation, programs, shim_directory};
use crate::env::{Env, is_executable, this_program};
use crate::text::{listed, shown};

/// A shell, and the files of which one starts the hook in every interactive one.
struct Shell {
    name: &'static str,
    system: &'static [&'static str],
    own: &'static [&'static str],
}

/// `docs/login.md` names the places.
const SHELLS: [Shell; 3] = [
    Shell { name: "bash", system: &["/etc/bash.bashrc", "/etc/bashrc"], own: &[".bashrc"] },
    Shell {
        name: "zsh",
        system: &["/etc/zshrc", "/etc/zsh/zshrc", "/etc/zshenv", "/etc/zsh/zshenv"],
        own: &[".zshrc", ".zshenv"],
    },
    Shell {
        name: "fish",
        system: &["/etc/fish/conf.d/envguard.fish", "/etc/fish/config.fish"],
        own: &[".config/fish/config.fish", ".config/fish/conf.d/envguard.fish"],
    },
];

const PROFILE: &str = "/etc/profile.d/zz-envguard.sh";

/// Whether each installed shell starts the hook.
pub(super) fn hooks(situation: &Situation) -> Finding {
    let env = &situation.env;
    let missing: Vec<&Shell> =
        SHELLS.iter().filter(|shell| is_installed(shell, env) && !shell.is_hooked(env)).collect();
    if missing.is_empty() {
        return Finding::Fine;
    }
    let names: Vec<&str> = missing.iter().map(|shell| shell.name).collect();
    let verb = if names.len() == 1 { "starts" } else { "start" };
    let remedies: Vec<String> = missing.iter().map(|shell| shell.remedy()).collect();
    failed(format!("{} {verb} without envguard's hook", listed(&names)), remedies.join("; "))
}

fn is_installed(shell: &Shell, env: &Env) -> bool {
    let path = env.get("PATH").map(std::ffi::OsStr::to_os_string).unwrap_or_default();
    std::env::split_paths(&path).any(|dir| is_executable(&dir.join(shell.name)))
}

impl Shell {
    fn is_hooked(&self, env: &Env) -> bool {
        let base = match (self.name, env.get("ZDOTDIR"), env.home()) {
            ("zsh", Some(dir), _) => Some(PathBuf::from(dir)),
            (_, _, home) => home.map(Path::to_path_buf),
        };
        let own = base.iter().flat_map(|base| self.own.iter().map(|file| base.join(file)));
        self.system.iter().map(PathBuf::from).chain(own).any(|file| starts_hook(&file))
    }

    fn remedy(&self) -> String {
        match self.name {
            // Its directory need not be there.
            "fish" => "mkdir -p ~/.config/fish; echo 'kubectl-envguard hook fish | source' >> ~/.config/fish/config.fish".into(),
            name => format!("echo 'eval \"$(kubectl-envguard hook {name})\"' >> ~/.{name}rc"),
        }
    }
}

/// Whether a line of `file` that is no comment names the hook, or the directory in
/// which the hook's profile is (Amazon Linux, Fedora).
fn starts_hook(file: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    let reads_directory = |line: &str| line.contains("/etc/profile.d") && exists(PROFILE);
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with('#'))
        .any(|line| line.contains("envguard") || reads_directory(line))
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// What `sudo kubectl` runs.
pub(super) fn sudo(_: &Situation) -> Finding {
    match secure_path(Path::new("/etc")) {
        Ok(Some(path)) => below_sudo(&path),
        Ok(None) => Finding::Told("sudo keeps PATH".into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::Told("there is no sudo".into())
        }
        Err(error) => Finding::Unknown(format!("/etc/sudoers cannot be read: {error}")),
    }
}

fn below_sudo(path: &str) -> Finding {
    let found = programs::Programs::of(std::ffi::OsStr::new(path));
    let shims = this_program().ok().and_then(|exe| shim_directory(&exe));
    match (&found.first, shims) {
        (None, _) => Finding::Told("sudo finds no kubectl".into()),
        (Some(_), _) if found.first_is_ours => Finding::Fine,
        (Some(first), Some(shims)) => failed(
            format!("sudo kubectl is {}: it is not guarded", shown(first)),
            guarding_sudo(&shims, path),
        ),
        (Some(first), None) => failed(
            format!("sudo kubectl is {}: it is not guarded", shown(first)),
            "install envguard again: ./install.sh",
        ),
    }
}

/// Files that include more than this are a mistake (sudo stops at a depth of 128).
const MOST_INCLUDES: usize = 128;

/// What puts the guard into sudo's path. A demo's directory, or a person's own, never gets
/// there: sudo would run as root what somebody else can change.
fn guarding_sudo(shims: &Path, path: &str) -> String {
    if is_roots_alone(shims) {
        format!("sudo visudo    # Defaults secure_path=\"{}:{path}\"", shown(shims))
    } else {
        "sudo ./install.sh --sudoers    # for everybody: these programs are not root's alone".into()
    }
}

/// Whether everything above is root's, and nobody outside its group may write there.
fn is_roots_alone(directory: &Path) -> bool {
    directory.ancestors().all(|place| {
        place.metadata().is_ok_and(|found| found.uid() == 0 && found.mode() & 0o002 == 0)
    })
}

/// The last `secure_path` in sudoers and in the files that it includes.
fn secure_path(etc: &Path) -> std::io::Result<Option<String>> {
    let mut found = None;
    follow_sudoers(&etc.join("sudoers"), &mut 0, &mut found)?;
    Ok(found)
}

/// `@include FILE` and `@includedir DIRECTORY`, also with `#` as older releases write
/// it; relative ones stand beside the file that names them (sudoers(5)). What is not
/// there is passed over, as sudo does with a directory.
fn follow_sudoers(
    file: &Path,
    read: &mut usize,
    found: &mut Option<String>,
) -> std::io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    for line in text.lines().map(str::trim) {
        if let Some(path) = stated_path(line) {
            *found = Some(path.to_owned());
        }
        let Some((is_directory, named)) = included(line) else { continue };
        let place = file.parent().unwrap_or(Path::new("/")).join(named);
        let files = if is_directory { read_in(&place)? } else { vec![place] };
        for file in files {
            *read += 1;
            if *read > MOST_INCLUDES {
                break;
            }
            match follow_sudoers(&file, read, found) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a directory is included, and which name stands there; `%h` is the machine's
/// name without its domain.
fn included(line: &str) -> Option<(bool, String)> {
    let rest = line.strip_prefix(['@', '#'])?.strip_prefix("include")?;
    let (is_directory, rest) =
        rest.strip_prefix("dir").map_or((false, rest), |after| (true, after));
    let name = rest.strip_prefix([' ', '\t'])?.trim().trim_matches('"').replace("\\ ", " ");
    let host = || {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        name.split('.').next().unwrap_or_default().to_owned()
    };
    Some((is_directory, if name.contains("%h") { name.replace("%h", &host()) } else { name }))
}

/// The files of a directory that sudo reads, in its order: those without a dot in their
/// name that do not end in `~`.
fn read_in(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        !name.contains('.') && !name.ends_with('~') && file.is_file()
    });
    files.sort();
    Ok(files)
}

/// The value in `Defaults secure_path="…"`.
fn stated_path(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("Defaults")?;
    let (_, value) = rest.split_once("secure_path")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split([',', ' ', '\t']).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn sudo_is_never_to_run_what_others_can_change() {
        let installed = guarding_sudo(Path::new("/usr/bin"), "/bin");
        assert_eq!(installed, "sudo visudo    # Defaults secure_path=\"/usr/bin:/bin\"");
        // As a demo's is, below a directory for temporary files.
        let shared = tempfile::tempdir().unwrap();
        std::fs::set_permissions(shared.path(), PermissionsExt::from_mode(0o1777)).unwrap();
        let demo = shared.path().join("envguard-try/shims");
        std::fs::create_dir_all(&demo).unwrap();
        for place in [demo.as_path(), Path::new("/not/there")] {
            let remedy = guarding_sudo(place, "/bin");
            assert!(remedy.starts_with("sudo ./install.sh --sudoers "), "{remedy}");
            assert!(!remedy.contains("secure_path"), "{remedy}");
        }
    }

    #[test]
    fn the_last_secure_path_counts() {
        let etc = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(etc.path().join(name), text).unwrap();
        assert_eq!(secure_path(etc.path()).unwrap_err().kind(), ErrorKind::NotFound);
        write("sudoers", "Defaults env_reset\n#Defaults secure_path=\"/x\"\n");
        assert_eq!(secure_path(etc.path()).unwrap(), None);
        write("sudoers", "Defaults\tsecure_path=\"/a:/b\"\nDefaults !secure_path\n");
        assert_eq!(secure_path(etc.path()).unwrap().as_deref(), Some("/a:/b"));
        std::fs::create_dir(etc.path().join("sudoers.d")).unwrap();
        write("sudoers.d/ours", "Defaults:alice secure_path = /c:/d, env_reset\n");
        write("sudoers.d/ours.rpmsave", "Defaults secure_path=/e\n");
        write("sudoers.d/zz~", "Defaults secure_path=/f\n");
        let now = || secure_path(etc.path()).unwrap();
        assert_eq!(now().as_deref(), Some("/a:/b"), "nothing includes the directory");
        for include in
            ["@includedir sudoers.d", "#includedir sudoers.d", "@includedir\t/ETC/sudoers.d"]
        {
            let include = include.replace("/ETC", etc.path().to_str().unwrap());
            write("sudoers", &format!("Defaults secure_path=/a\n{include}\n"));
            assert_eq!(now().as_deref(), Some("/c:/d"), "{include}");
            write("sudoers", &format!("{include}\nDefaults secure_path=/a\n"));
            assert_eq!(now().as_deref(), Some("/a"), "the last one counts: {include}");
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host = host.split('.').next().unwrap();
        write(&format!("sudoers.{host}"), "Defaults secure_path=/h\n@include more\n");
        write("more", "@include more\n@include more\nDefaults secure_path=/m\n");
        write("sudoers", "@include sudoers.%h\n@include not-there\n#included is a comment\n");
        assert_eq!(now().as_deref(), Some("/m"), "also in a circle");
    }

    #[test]
    fn another_kubectl_in_it_is_a_failure_with_a_line_to_paste() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display().to_string();
        assert_eq!(below_sudo(&path), Finding::Told("sudo finds no kubectl".into()));
        let kubectl = dir.path().join("kubectl");
        std::os::unix::fs::symlink("/bin/true", &kubectl).unwrap();
        let Finding::Failed { what, .. } = below_sudo(&path) else { panic!("it is not ours") };
        assert_eq!(what, format!("sudo kubectl is {}: it is not guarded", kubectl.display()));
        std::fs::remove_file(&kubectl).unwrap();
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &kubectl).unwrap();
        assert_eq!(below_sudo(&path), Finding::Fine);
    }
}
