//! Every local path besides the targets: data, templates, certificates, what `cp`
//! and `proxy` take, and what is written.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::resolve::{End, Resolution};
use super::{Gathering, Here, foreign, glob};
use crate::env::Env;
use crate::judge::{Local, Nature, Place, Reached, Role, Whereabouts, place};
use crate::kubectl::{Access, Class, Reach, Request};
use crate::path::{cleaned, is_within, join_clean};

/// More entries than this below one served directory cannot be looked through.
const MAX_SERVED: usize = 200_000;

impl Gathering<'_> {
    /// What the flags and words name, and what the environment adds.
    pub(super) fn accesses(&mut self, request: &Request, env: &Env, here: &Here) {
        for access in &request.accesses {
            self.access(access, here);
        }
        let contacts = request.class.is_none_or(Class::contacts_cluster);
        if let Some(dir) = env.get("KUBECACHEDIR").filter(|_| contacts) {
            let role = Role::Output { flag: "KUBECACHEDIR" };
            self.written(dir, role, here);
        }
        if request.invocation.command() == "diff"
            && let Some(program) = env.get("KUBECTL_EXTERNAL_DIFF")
        {
            self.external_diff(program, here);
        }
        if request.takes_data {
            self.redirected();
        }
        if request.edits {
            self.editor(env, here);
        }
        if request.invocation.command() == "kustomize"
            && request.invocation.is_set("enable-alpha-plugins")
        {
            self.plugin_homes(env, here);
        }
    }

    fn access(&mut self, access: &Access, here: &Here) {
        let Access { flag, path, reach } = access;
        let input = Role::Input { flag, below: false };
        match reach {
            Reach::File => {
                let found = self.resolver.resolve(&here.physical.join(path));
                self.local(path, input, vec![found]);
            }
            Reach::FileOrItsFiles => self.file_or_its_files(path, input, here),
            Reach::Archived => {
                // kubectl asks the kernel whether it exists, then cleans and
                // expands the words.
                let cleaned = cleaned(path);
                // A pattern that is not valid is an error for kubectl.
                let names = glob::expand(&cleaned, &here.physical);
                for name in names.unwrap_or_default() {
                    let found = self.resolver.resolve(&here.physical.join(&name));
                    self.tree(path, input.clone(), found);
                }
                let found = self.resolver.resolve(&here.physical.join(path));
                self.tree(path, input, found);
            }
            Reach::Served => self.served(path, &input, here),
            Reach::Written => self.written(path, Role::Output { flag }, here),
        }
    }

    /// As for `-f DIR`, the names come from the directory the kernel finds, the
    /// contents from the cleaned path. Links in it are skipped, and nothing is
    /// below its directories.
    fn file_or_its_files(&mut self, path: &OsStr, role: Role, here: &Here) {
        let found = self.resolver.resolve(&here.physical.join(path));
        if found.end != End::Place(Nature::Directory) {
            return self.local(path, role, vec![found]);
        }
        let cleaned = join_clean(&here.physical, Path::new(path));
        let lexical = self.resolver.resolve(&cleaned);
        let twice = lexical.real != found.real;
        let entries = match std::fs::read_dir(&found.real) {
            Ok(entries) => entries,
            Err(error) => {
                let subject = found.real.to_string_lossy().into_owned();
                let problem = format!("cannot be read: {error}");
                return self.trouble(&subject, problem, "check its permissions: ls -ld");
            }
        };
        let top = found.real.clone();
        self.local(path, role.clone(), vec![found, lexical]);
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let name = entry.file_name();
            let mut readings = vec![self.resolver.resolve(&top.join(&name))];
            if twice {
                readings.push(self.resolver.resolve(&cleaned.join(&name)));
            }
            self.local(Path::new(path).join(&name).as_os_str(), role.clone(), readings);
        }
    }

    /// Both readings: a directory that is written into is cleaned first, a file is
    /// not.
    fn written(&mut self, path: &OsStr, role: Role, here: &Here) {
        let physical = self.resolver.resolve(&here.physical.join(path));
        let lexical = self.resolver.resolve(&join_clean(&here.physical, Path::new(path)));
        self.local(path, role, vec![physical, lexical]);
    }

    /// A path and everything below it: what would be refused by itself is named.
    pub(super) fn tree(&mut self, spelled: &OsStr, role: Role, top: Resolution) {
        let dir = top.real.clone();
        let is_dir = top.end == End::Place(Nature::Directory);
        self.local(spelled, role.clone(), vec![top]);
        if is_dir && !self.is_closed(&dir) {
            self.contents(spelled, &below(role), &dir);
        }
    }

    /// The foreign overlays and git directories below `dir`.
    fn contents(&mut self, spelled: &OsStr, role: &Role, dir: &Path) {
        let found = foreign::below(dir, self.policy, &self.facts.territory);
        let git_dirs = self.facts.territory.git_dirs.iter().filter(|git| is_within(git, dir));
        let closed: Vec<PathBuf> = found.overlays.iter().chain(git_dirs).cloned().collect();
        for path in closed {
            super::territory::visit(&mut self.facts.territory, self.policy, &path);
            self.reach(Reached {
                spelled: spelled.to_os_string(),
                role: role.clone(),
                whereabouts: Whereabouts::Local(Local {
                    readings: vec![path],
                    links: Vec::new(),
                    nature: Nature::Directory,
                }),
            });
        }
        if let Some(top) = found.unsearched {
            self.too_large(&top);
        }
    }

    fn too_large(&mut self, dir: &Path) {
        let subject = dir.to_string_lossy().into_owned();
        self.trouble(&subject, "is too large to be searched", "name a directory further down");
    }

    /// `proxy --www DIR`: links are followed, wherever below they stand.
    fn served(&mut self, path: &OsStr, role: &Role, here: &Here) {
        let mut readings = vec![
            self.resolver.resolve(&here.physical.join(path)),
            self.resolver.resolve(&join_clean(&here.physical, Path::new(path))),
        ];
        let mut seen = HashSet::new();
        let mut left = MAX_SERVED;
        while let Some(top) = readings.pop() {
            if !seen.insert(top.real.clone()) {
                continue;
            }
            let dir = top.real.clone();
            let is_dir = top.end == End::Place(Nature::Directory);
            self.tree(path, role.clone(), top);
            if is_dir && !self.is_closed(&dir) {
                let links = links_below(&dir, &mut left);
                readings.extend(links.iter().map(|link| self.resolver.resolve(link)));
            }
            if left == 0 {
                return self.too_large(&dir);
            }
        }
    }

    /// kubectl splits the value at single blanks; the first word is the program,
    /// and of the others only those without a path's letters are kept.
    fn external_diff(&mut self, value: &OsStr, here: &Here) {
        let text = value.to_string_lossy();
        let kept = |word: &str| {
            word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-=".contains(&byte))
        };
        for (index, word) in text.split(' ').enumerate() {
            // A program without `/` comes from PATH.
            let is_path = if index == 0 { word.contains('/') } else { kept(word) };
            let found = self.resolver.resolve(&here.physical.join(word));
            if is_path && !word.is_empty() && found.end != End::Place(Nature::Missing) {
                let role = Role::Input { flag: "KUBECTL_EXTERNAL_DIFF", below: false };
                self.local(OsStr::new(word), role, vec![found]);
            }
        }
    }
}

/// What the environment and the shell add.
impl Gathering<'_> {
    /// Data that a redirection leads in: the shell has opened the file, and the file
    /// has a place.
    fn redirected(&mut self) {
        let found = self.resolver.resolve(Path::new("/proc/self/fd/0"));
        if found.end == End::Place(Nature::File) {
            let spelled = found.real.clone().into_os_string();
            let found = Resolution { links: Vec::new(), ..found };
            self.if_closed(&spelled, Role::Input { flag: "<", below: false }, found);
        }
    }

    /// kubectl has a shell run the editor: its words are searched for paths, as those
    /// of a plugin.
    fn editor(&mut self, env: &Env, here: &Here) {
        let names = ["KUBE_EDITOR", "EDITOR"];
        let Some((flag, value)) = names.into_iter().find_map(|name| Some((name, env.get(name)?)))
        else {
            return;
        };
        let text = value.to_string_lossy();
        // A shell takes the backslashes out: `pr\od` is `prod`.
        let unescaped = text.replace('\\', "");
        let separates = |letter: char| letter.is_whitespace() || "\"'=;|&<>()`".contains(letter);
        let mut words: Vec<&str> =
            text.split(separates).chain(unescaped.split(separates)).collect();
        words.sort_unstable();
        words.dedup();
        for word in words.into_iter().filter(|word| !word.is_empty()) {
            let found = self.resolver.resolve(&here.physical.join(word));
            self.if_closed(OsStr::new(word), Role::Input { flag, below: false }, found);
        }
    }

    /// Where kustomize looks for plugins that are not builtin (kubectl 1.27–1.36,
    /// `DefaultAbsPluginHome`): the first of these directories that exists.
    fn plugin_homes(&mut self, env: &Env, here: &Here) {
        let below = |name: &str, path: &str| Some(Path::new(env.get(name)?).join(path));
        let homes = [
            below("KUSTOMIZE_PLUGIN_HOME", ""),
            below("XDG_CONFIG_HOME", "kustomize/plugin"),
            below("HOME", ".config/kustomize/plugin"),
            below("HOME", "kustomize/plugin"),
        ];
        let role = Role::Input { flag: "--enable-alpha-plugins", below: false };
        for home in homes.into_iter().flatten().filter(|home| home.is_dir()) {
            self.served(home.as_os_str(), &role, here);
        }
    }

    /// Only what belongs to another environment, or to git: nothing is to be opened for
    /// the rest.
    fn if_closed(&mut self, spelled: &OsStr, role: Role, found: Resolution) {
        self.visit(&found);
        let is_closed = |path: &PathBuf| {
            matches!(
                place(path, self.policy, &self.facts.territory),
                Place::Foreign(_) | Place::Git
            )
        };
        let exists = found.end != End::Place(Nature::Missing);
        if exists && std::iter::once(&found.real).chain(&found.links).any(is_closed) {
            self.local(spelled, role, vec![found]);
        }
    }
}

/// The role of something that stands below what has `role`.
fn below(role: Role) -> Role {
    match role {
        Role::Input { flag, .. } => Role::Input { flag, below: true },
        other => other,
    }
}

/// Symbolic links anywhere below `dir`; `left` counts down with every entry.
fn links_below(dir: &Path, left: &mut usize) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        // What this user cannot list, kubectl cannot serve.
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            if *left == 0 {
                return links;
            }
            *left -= 1;
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => links.push(entry.path()),
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                _ => {}
            }
        }
    }
    links
}
