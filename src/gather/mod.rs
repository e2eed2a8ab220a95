//! Finds out what kubectl would open, fetch and contact for one request. It is
//! the only builder of [`Facts`], and it never decides anything.

mod closure;
mod cluster;
mod committed;
mod copies;
mod digest;
mod fetched;
mod foreign;
mod glob;
mod head;
mod hidden;
mod inputs;
mod known;
mod manifests;
mod overlay;
mod regular;
mod repository;
mod resolve;
mod stdin;
mod territory;
mod trees;
mod words;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::env::{Env, is_executable};
use crate::judge::{
    self, Facts, Local, Nature, Place, Reached, Role, Stream, Territory, Trouble, Whereabouts,
    place,
};
use crate::kubectl::{Class, FileSource, Request, Target};
use crate::path::join_clean;
use crate::policy::{CheckoutRule, Policy, StdinRule};
pub use cluster::exported;
pub use copies::copies;
pub use digest::digest;
use fetched::Origin;
pub use head::{commit_read, moved};
pub use overlay::ListedRoot;
use resolve::{End, Resolution, Resolver};
pub use stdin::{Capture, Captured, Reads};
pub use territory::{survey, tops};

/// Whose kustomizations are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Those of other environments are not: that they are reached is enough.
    Allowed,
    /// All of them, because they may be about to run.
    Everything,
}

/// Builds the facts about `request`; `territory` comes from [`survey`], and streams
/// are read into `captured` as far as that permits.
#[must_use]
pub fn gather(
    policy: &Policy,
    request: &Request,
    env: &Env,
    config_file: &Path,
    territory: Territory,
    captured: &mut Captured,
    follow: Follow,
) -> Facts {
    let mut gathering = Gathering {
        policy,
        follow,
        facts: Facts { config_file: config_file.to_path_buf(), territory, ..Facts::default() },
        resolver: Resolver::default(),
        searched: HashSet::new(),
        visited: HashSet::new(),
        lists: false,
        origins: None,
    };
    if !request.targets.is_empty() {
        territory::visit_literal_roots(&mut gathering.facts.territory, policy);
    }
    gathering.files(request, env);
    gathering.streams(request, captured);
    if let Some(words) = request.plugin_words() {
        gathering.facts.plugin = find_plugin(words, env);
        gathering.words(request.words.iter().skip(1), env);
    }
    gathering.words(request.unlisted.iter(), env);
    if request.class != Some(Class::PassThrough) || !request.overrides.is_empty() {
        gathering.facts.cluster = Some(cluster::facts(policy, request, env));
    }
    if judge::looks_at_trees(policy, request) {
        let changes = judge::changes(policy, request);
        gathering.facts.trees = trees::trees(policy, &gathering.facts, changes);
    }
    gathering.facts
}

/// `territory` with the overlay roots on the way to `path`, which decide where it
/// stands.
#[must_use]
pub fn surroundings(policy: &Policy, mut territory: Territory, path: &Path) -> Territory {
    territory::visit(&mut territory, policy, path);
    territory
}

/// What the kustomizations in `dirs` pull in.
#[must_use]
pub fn references(policy: &Policy, territory: Territory, dirs: &[PathBuf]) -> Facts {
    let mut gathering = Gathering::of_many(policy, territory);
    closure::follow_each(&mut gathering, dirs.iter().cloned(), closure::Switches::all());
    gathering.facts
}

/// What the kustomizations and symbolic links in the allowed overlays of `roots` lead
/// to, which are `rule`'s: what the keeper asks before anything goes.
#[must_use]
pub fn overlay_references(
    policy: &Policy,
    territory: Territory,
    rule: &CheckoutRule,
    roots: &[ListedRoot],
) -> Facts {
    let mut gathering = Gathering::of_many(policy, territory);
    let found = overlay::search(&mut gathering, rule, roots);
    for link in found.links {
        let role = Role::Reference { file: link.clone(), field: "symbolic link".to_owned() };
        let resolution = gathering.resolver.resolve(&link);
        // A link to a pipe or device, or out of reach, leads to no overlay.
        if matches!(resolution.end, End::Place(_)) {
            gathering.local(link.as_os_str(), role, vec![resolution]);
        }
    }
    closure::follow_each(&mut gathering, found.kustomizations, closure::Switches::all());
    gathering.facts
}

/// The facts as they grow.
struct Gathering<'p> {
    policy: &'p Policy,
    follow: Follow,
    facts: Facts,
    resolver: Resolver,
    /// Directories that have been asked whether they are git directories.
    searched: HashSet<OsString>,
    /// Directories whose overlay roots, and those on the way, have been looked at.
    visited: HashSet<OsString>,
    /// Each directory is asked so much that it is better listed.
    lists: bool,
    /// The checkouts with the addresses of their repositories, once somebody asked.
    origins: Option<Vec<Origin>>,
}

/// Where relative paths start: as Go reports it and as the kernel sees it.
struct Here {
    logical: PathBuf,
    physical: PathBuf,
}

impl<'p> Gathering<'p> {
    /// For the kustomizations of a whole checkout.
    fn of_many(policy: &'p Policy, territory: Territory) -> Self {
        Self {
            policy,
            follow: Follow::Allowed,
            facts: Facts { territory, ..Facts::default() },
            resolver: Resolver::default(),
            searched: HashSet::new(),
            visited: HashSet::new(),
            lists: true,
            // What is fetched leads into no overlay on this disk.
            origins: Some(Vec::new()),
        }
    }
}

impl Gathering<'_> {
    /// Everything the command line names.
    fn files(&mut self, request: &Request, env: &Env) {
        let here = match (env.working_directory(), std::env::current_dir()) {
            (Ok(logical), Ok(physical)) => Here { logical, physical },
            (Err(error), _) | (_, Err(error)) => {
                if !request.targets.is_empty() || !request.accesses.is_empty() {
                    self.trouble(
                        "the working directory",
                        format!("cannot be read: {error}"),
                        "cd to a directory that exists",
                    );
                }
                return;
            }
        };
        self.targets(request, &here);
        self.accesses(request, env, &here);
    }

    fn targets(&mut self, request: &Request, here: &Here) {
        for target in &request.targets {
            match target {
                Target::Manifests(FileSource::Stdin) => self.standard_input(OsStr::new("-")),
                Target::Manifests(FileSource::Url(url)) => {
                    self.fetched(OsStr::new(url), Role::Target { kustomization: None });
                }
                Target::Manifests(FileSource::Path(path)) => {
                    self.manifests(path, request.recursive, here);
                }
                Target::Kustomization(dir) => {
                    let switches = closure::Switches::of(&request.invocation);
                    self.kustomization(dir, here, switches);
                }
            }
        }
    }

    /// Manifests without a place, when it matters what they are.
    fn streams(&mut self, request: &Request, captured: &mut Captured) {
        let changes = request.class.is_none_or(Class::changes_cluster);
        let streams: Vec<&Stream> =
            self.facts.reached.iter().filter_map(Reached::manifest_stream).collect();
        if streams.is_empty() || !changes || self.policy.stdin != StdinRule::Judge {
            return;
        }
        let descriptors = streams.iter().filter_map(|stream| match stream {
            // Standard output and error are kubectl's to write to.
            Stream::Descriptor(1 | 2) | Stream::At(_) => None,
            Stream::Descriptor(descriptor) => Some(*descriptor),
        });
        let descriptors = descriptors.collect();
        let territory = &self.facts.territory;
        self.facts.stdin = Some(stdin::facts(&descriptors, self.policy, territory, captured));
    }

    /// `-k DIR`: kustomize cleans the path before it follows links; where the
    /// kernel would come out elsewhere, both places count.
    fn kustomization(&mut self, dir: &OsStr, here: &Here, switches: closure::Switches) {
        let role = Role::Target { kustomization: None };
        let lexical = self.resolver.resolve(&join_clean(&here.logical, Path::new(dir)));
        let physical = self.resolver.resolve(&here.physical.join(dir));
        let text = dir.to_string_lossy();
        if crate::kustomize::is_git_address(&text) {
            self.fetched(dir, role.clone());
            // Versions of kustomize differ in what they clone: where there is such a
            // directory, it may be meant.
            if lexical.end == End::Place(Nature::Missing) {
                return;
            }
        }
        let root =
            matches!(lexical.end, End::Place(Nature::Directory)).then(|| lexical.real.clone());
        self.local(dir, role, vec![lexical, physical]);
        if let Some(root) = root.filter(|root| !self.is_closed(root)) {
            closure::follow(self, root, switches);
        }
    }

    /// Whether nothing in `dir` may be used anyway: one reason is enough, and
    /// what another environment's files refer to is not our business.
    fn is_closed(&mut self, dir: &Path) -> bool {
        self.visit_roots(dir);
        self.follow == Follow::Allowed
            && matches!(
                place(dir, self.policy, &self.facts.territory),
                Place::Foreign(_) | Place::Git
            )
    }

    /// Something on this disk, in one or more readings.
    fn local(&mut self, spelled: &OsStr, role: Role, resolutions: Vec<Resolution>) {
        let mut local = Local::default();
        for (index, resolution) in resolutions.into_iter().enumerate() {
            self.visit(&resolution);
            let nature = match resolution.end {
                End::Place(nature) => nature,
                End::Stream => {
                    self.stream(spelled, role.clone(), stdin::stream(resolution));
                    continue;
                }
                End::Unreadable(problem) => {
                    let subject = resolution.real.to_string_lossy().into_owned();
                    self.trouble(&subject, problem, "check its permissions: ls -ld");
                    // That is reason enough, unless it is another environment's.
                    if !self.is_closed(&resolution.real) {
                        continue;
                    }
                    Nature::Missing
                }
            };
            if index == 0 {
                local.nature = nature;
            }
            // A second reading that leads nowhere is not one.
            if local.readings.contains(&resolution.real) || (index > 0 && nature == Nature::Missing)
            {
                continue;
            }
            local.links.extend(resolution.links);
            local.links.extend(resolution.aliases);
            local.readings.push(resolution.real);
        }
        if !local.readings.is_empty() {
            self.reach(Reached {
                spelled: spelled.to_os_string(),
                role,
                whereabouts: Whereabouts::Local(local),
            });
        }
    }

    /// Looks at the overlay roots and git directories on the way.
    fn visit(&mut self, resolution: &Resolution) {
        if resolution.end == End::Place(Nature::Directory) {
            self.list(&resolution.real);
        }
        let is_file = resolution.end == End::Place(Nature::File);
        // A file is no root, and in a root that was visited it is nothing new.
        let dir = if is_file { resolution.real.parent() } else { None };
        self.visit_roots(dir.unwrap_or(&resolution.real));
        for link in resolution.links.iter().chain(&resolution.aliases) {
            self.visit_roots(link);
        }
        for dir in resolution.real.ancestors().skip(usize::from(is_file)) {
            if self.searched.contains(dir.as_os_str()) {
                break; // and so were the ones above it
            }
            self.searched.insert(dir.as_os_str().to_os_string());
            let has_no_head = self.resolver.known().is_absent(dir, OsStr::new("HEAD"));
            if !has_no_head && repository::is_git_dir(dir) {
                self.facts.territory.git_dirs.insert(dir.to_path_buf());
            }
        }
    }

    fn visit_roots(&mut self, dir: &Path) {
        for dir in dir.ancestors() {
            if self.visited.contains(dir.as_os_str()) {
                break; // and so were the ones above it
            }
            self.visited.insert(dir.as_os_str().to_os_string());
            territory::visit_one(&mut self.facts.territory, self.policy, dir);
        }
    }

    /// Lists a directory that is going to be asked a lot. One that cannot be listed is
    /// asked name by name.
    fn list(&mut self, dir: &Path) {
        if self.lists && !self.resolver.known().is_listed(dir) {
            self.resolver.known().list(dir).map(drop).unwrap_or_default();
        }
    }

    fn reach(&mut self, reached: Reached) {
        self.facts.reached.push(reached);
    }

    fn stream(&mut self, spelled: &OsStr, role: Role, stream: Stream) {
        if let Role::Reference { file, .. } = &role {
            let subject = file.to_string_lossy().into_owned();
            let problem = format!("refers to {}, which is no regular file", spelled.display());
            return self.trouble(&subject, problem, "refer to a file");
        }
        self.reach(Reached {
            spelled: spelled.to_os_string(),
            role,
            whereabouts: Whereabouts::Stream(stream),
        });
    }

    /// Standard input: a file that was redirected has a place like any other.
    fn standard_input(&mut self, spelled: &OsStr) {
        let resolution = self.resolver.resolve(Path::new("/proc/self/fd/0"));
        let role = Role::Target { kustomization: None };
        match resolution.end {
            End::Place(Nature::File) => {
                let resolution = Resolution { links: Vec::new(), ..resolution };
                self.local(spelled, role, vec![resolution]);
            }
            _ => self.stream(spelled, role, Stream::Descriptor(0)),
        }
    }

    fn trouble(&mut self, subject: &str, problem: impl Into<String>, remedy: &str) {
        self.facts.troubles.push(Trouble {
            subject: subject.to_owned(),
            problem: problem.into(),
            remedy: remedy.to_owned(),
        });
    }
}

/// The program kubectl would run for words it does not know: the longest run of
/// leading words, joined by `-`, that is a `kubectl-…` on `PATH` (kubectl
/// 1.20–1.36, `HandlePluginCommand`). For `create NAME` it is never
/// `kubectl-create`.
fn find_plugin(words: &[OsString], env: &Env) -> Option<PathBuf> {
    let names: Vec<String> =
        words.iter().map(|word| word.to_string_lossy().replace('-', "_")).collect();
    let fewest = if names.first().is_some_and(|name| name == "create") { 2 } else { 1 };
    (fewest..=names.len()).rev().find_map(|count| {
        let program = format!("kubectl-{}", names[..count].join("-"));
        if program.contains('/') {
            // With a slash in it Go takes it for a path from here: `kubectl a/b`
            // runs `./kubectl-a/b`.
            return Some(PathBuf::from(program)).filter(|file| is_executable(file));
        }
        // Go refuses programs from relative PATH entries.
        std::env::split_paths(env.get("PATH")?)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(&program))
            .find(|file| is_executable(file))
    })
}
