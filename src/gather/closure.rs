//! Everything a kustomization pulls in, breadth first, as kustomize resolves it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Gathering;
use super::regular::read_regular;
use super::resolve::End;
use crate::judge::{Nature, Role};
use crate::kubectl::Invocation;
use crate::kustomize::{self, Chart, FILE_NAMES, Kind, Kustomization, Reference, Unreadable};
use crate::path::{is_within, join_clean};

/// More kustomizations than this in one build are a mistake or an attack.
const MAX_ROOTS: usize = 10_000;

/// More entries than this in one build are a mistake or an attack.
const MAX_ENTRIES: usize = 200_000;

/// Kustomizations that include each other deeper than this are a cycle.
const MAX_DEPTH: usize = 100;

/// Kustomizations and plugin configurations are pages: ten thousand entries fit.
const MAX_FILE: usize = 1 << 20;

/// More YAML than this in one build takes too long to read.
const MAX_TOTAL: usize = 64 << 20;

/// What the flags of `kubectl kustomize` switch on; `-k` has none of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Switches {
    /// Charts are inflated.
    helm: bool,
    /// Plugins run that are not builtin.
    plugins: bool,
    /// Files may lie outside their root.
    unrestricted: bool,
}

impl Switches {
    /// Everything that some command could switch on.
    pub(super) const fn all() -> Self {
        Self { helm: true, plugins: true, unrestricted: true }
    }

    pub(super) fn of(invocation: &Invocation) -> Self {
        let plugins = invocation.is_set("enable-alpha-plugins");
        Self {
            // Plugins switch helm on as well (kubectl 1.36).
            helm: plugins || invocation.is_set("enable-helm"),
            plugins,
            unrestricted: invocation
                .last("load-restrictor")
                .is_some_and(|value| value == "LoadRestrictionsNone"),
        }
    }
}

/// A directory to be built.
struct Root {
    dir: PathBuf,
    /// When its files are plugin configurations: the root against which paths in
    /// them resolve.
    plugin_base: Option<PathBuf>,
    /// How many roots lead here.
    depth: usize,
}

/// Follows the kustomization in the real directory `dir`.
pub(super) fn follow(gathering: &mut Gathering<'_>, dir: PathBuf, switches: Switches) {
    follow_each(gathering, [dir], switches);
}

/// Follows the kustomizations in the real directories `dirs`. What one of them has
/// led to is not followed again for the next; each has the limits of a build of its
/// own.
pub(super) fn follow_each(
    gathering: &mut Gathering<'_>,
    dirs: impl IntoIterator<Item = PathBuf>,
    switches: Switches,
) {
    let mut followed = Followed::default();
    for dir in dirs {
        let mut closure = Closure {
            gathering,
            switches,
            followed: &mut followed,
            queue: VecDeque::from([Root { dir, plugin_base: None, depth: 0 }]),
            entries: 0,
            total: 0,
        };
        closure.follow();
    }
}

/// What need not be done again.
#[derive(Default)]
struct Followed {
    /// Directories, with the base against which plugin configurations resolve.
    roots: HashSet<(PathBuf, Option<PathBuf>)>,
    /// Kustomizations by their bytes: apps made from one template have the same.
    read: HashMap<Vec<u8>, Rc<Kustomization>>,
}

struct Closure<'c, 'p> {
    gathering: &'c mut Gathering<'p>,
    switches: Switches,
    followed: &'c mut Followed,
    queue: VecDeque<Root>,
    /// Entries that were followed.
    entries: usize,
    /// Bytes of YAML that were read.
    total: usize,
}

impl Closure<'_, '_> {
    fn follow(&mut self) {
        let before = self.followed.roots.len();
        while let Some(root) = self.queue.pop_front() {
            if !self.followed.roots.insert((root.dir.clone(), root.plugin_base.clone())) {
                continue;
            }
            if self.followed.roots.len() - before > MAX_ROOTS
                || self.entries > MAX_ENTRIES
                || self.total > MAX_TOTAL
                || root.depth > MAX_DEPTH
            {
                return self.too_much(&root.dir);
            }
            self.build(&root);
        }
    }

    fn too_much(&mut self, dir: &Path) {
        self.gathering.trouble(
            &dir.to_string_lossy(),
            format!(
                "pulls in too much: more than {MAX_ROOTS} kustomizations, {MAX_ENTRIES} entries, {} MiB or {MAX_DEPTH} levels",
                MAX_TOTAL >> 20
            ),
            "look for a kustomization that includes itself",
        );
    }

    /// Reads one kustomization and reaches what it refers to.
    fn build(&mut self, root: &Root) {
        self.gathering.list(&root.dir);
        let Some(file) = self.kustomization_file(&root.dir) else { return };
        let Some(bytes) = self.read(&file) else { return };
        let found = match self.understood(bytes) {
            Ok(found) => found,
            Err(problem) => return self.trouble(&file, &problem.to_string()),
        };
        if let (Some(_), Some(field)) = (&root.plugin_base, &found.changes) {
            let problem = format!(
                "configures plugins and changes them on the way ({field}): what they would read cannot be told"
            );
            return self.trouble(&file, &problem);
        }
        for reference in &found.references {
            self.reach(root, &file, reference);
        }
        for chart in &found.charts {
            self.chart(root, &file, chart);
        }
        self.words(&root.dir, &found.words);
    }

    fn understood(&mut self, bytes: Vec<u8>) -> Result<Rc<Kustomization>, Unreadable> {
        if let Some(known) = self.followed.read.get(&bytes) {
            return Ok(known.clone());
        }
        let found = Rc::new(kustomize::references(&bytes)?);
        self.followed.read.insert(bytes, found.clone());
        Ok(found)
    }

    /// The one kustomization file of `dir`, by its real path. Several of them are
    /// an error for kustomize too; a link that leaves the directory counts as
    /// absent.
    fn kustomization_file(&mut self, dir: &Path) -> Option<PathBuf> {
        let mut found = Vec::new();
        let mut leaving = None;
        for name in FILE_NAMES {
            if self.gathering.resolver.known().is_absent(dir, OsStr::new(name)) {
                continue;
            }
            let path = dir.join(name);
            let resolution = self.gathering.resolver.resolve(&path);
            match resolution.end {
                End::Place(Nature::Missing | Nature::Directory) => {}
                End::Place(Nature::File)
                    if !self.switches.unrestricted && !is_within(&resolution.real, dir) =>
                {
                    leaving = Some(path);
                }
                End::Place(Nature::File) => found.push((path, resolution)),
                End::Stream => {
                    self.trouble(&path, "is not a regular file");
                    return None;
                }
                End::Unreadable(ref problem) => {
                    let problem = problem.clone();
                    self.trouble(&path, &problem);
                    return None;
                }
            }
        }
        if let [_, (second, _), ..] = found.as_slice() {
            let second = second.clone();
            self.trouble(&second, "stands beside another kustomization file");
            return None;
        }
        if let (true, Some(path)) = (found.is_empty(), leaving) {
            self.trouble(&path, "is a link out of its directory, which kustomize does not follow");
        }
        let (path, resolution) = found.pop()?;
        let real = resolution.real.clone();
        let role = Role::Reference { file: dir.to_path_buf(), field: "kustomization".to_owned() };
        let name = path.file_name().unwrap_or_default();
        self.gathering.local(name, role, vec![resolution]);
        Some(real)
    }

    fn read(&mut self, file: &Path) -> Option<Vec<u8>> {
        match read_regular(file, MAX_FILE) {
            Ok(bytes) if bytes.len() > MAX_FILE => {
                self.trouble(file, &format!("is larger than {} MiB", MAX_FILE >> 20));
                None
            }
            Ok(bytes) => {
                self.total += bytes.len();
                Some(bytes)
            }
            Err(problem) => {
                self.trouble(file, &problem);
                None
            }
        }
    }

    fn trouble(&mut self, file: &Path, problem: &str) {
        let remedy = format!("correct the file: ${{EDITOR:-vi}} {}", crate::text::quoted(file));
        self.gathering.trouble(&file.to_string_lossy(), problem, &remedy);
    }

    /// One entry: fetched, a file, or a directory to be built in turn.
    fn reach(&mut self, root: &Root, file: &Path, reference: &Reference) {
        let entry = reference.entry.as_str();
        self.entries += 1;
        let role = Role::Reference { file: file.to_path_buf(), field: reference.field.clone() };
        let takes_directory = !matches!(reference.kind, Kind::File | Kind::ForHelm);
        let resolution = self.gathering.resolver.resolve(&join_clean(&root.dir, Path::new(entry)));
        let exists =
            matches!(resolution.end, End::Place(Nature::File | Nature::Directory) | End::Stream);
        let is_address = kustomize::is_http_address(entry)
            || (takes_directory && kustomize::is_git_address(entry));
        let is_text = reference.may_be_text && !exists && !is_address;
        if is_text || self.is_idle(reference, &resolution.real) {
            return;
        }
        if is_address {
            self.gathering.fetched(OsStr::new(entry), role.clone());
            // Versions of kustomize differ in what they fetch: where there is such
            // a path, it may be opened as well.
            if !exists {
                return;
            }
        }
        let real = resolution.real.clone();
        let end = resolution.end.clone();
        self.gathering.local(OsStr::new(entry), role, vec![resolution]);
        let plugin_base = match reference.kind {
            Kind::PluginConfig => Some(root.plugin_base.as_ref().unwrap_or(&root.dir).clone()),
            _ => root.plugin_base.clone(),
        };
        match (end, plugin_base) {
            (End::Place(Nature::Directory), plugin_base)
                if takes_directory && !self.gathering.is_closed(&real) =>
            {
                self.queue.push_back(Root { dir: real, plugin_base, depth: root.depth + 1 });
            }
            (End::Place(Nature::File), Some(base))
                if matches!(reference.kind, Kind::PluginConfig | Kind::FileOrDirectory)
                    && !self.gathering.is_closed(&real) =>
            {
                self.plugin_config(&real, base, root.depth);
            }
            _ => {}
        }
    }

    /// Whether something only helm would read: without helm that is nothing to speak
    /// of, unless it leads to another environment as soon as helm is switched on.
    fn is_idle(&mut self, reference: &Reference, real: &Path) -> bool {
        reference.kind == Kind::ForHelm && !self.switches.helm && !self.gathering.is_closed(real)
    }

    /// A file with the configuration of a generator, transformer or validator: its
    /// paths resolve against the kustomization that uses it.
    fn plugin_config(&mut self, file: &Path, base: PathBuf, depth: usize) {
        let Some(bytes) = self.read(file) else { return };
        let found = match kustomize::plugin_references(&bytes, "plugin") {
            Ok(found) => found,
            Err(problem) => return self.trouble(file, &problem.to_string()),
        };
        let root = Root { dir: base, plugin_base: None, depth };
        for reference in &found.references {
            self.reach(&root, file, reference);
        }
        for chart in &found.charts {
            self.chart(&root, file, chart);
        }
        self.words(&root.dir, &found.words);
    }

    /// A chart: helm reads the whole directory, and follows the links in it. With an
    /// address and a version it is fetched where one of its two places is empty: before
    /// 1.31 kubectl looks only for the one, since then only for the other.
    fn chart(&mut self, root: &Root, file: &Path, chart: &Chart) {
        if !self.switches.helm {
            return;
        }
        let Chart { field, home, name, version, repo } = chart;
        let role = Role::Reference { file: file.to_path_buf(), field: field.clone() };
        let home_dir = join_clean(&root.dir, Path::new(home));
        let mut found = 0;
        for name in [name.clone(), format!("{name}-{version}/{name}")] {
            let dir = join_clean(&home_dir, Path::new(name.trim_start_matches('/')));
            let place = self.gathering.resolver.resolve(&dir);
            let is_dir = place.end == End::Place(Nature::Directory);
            let real = place.real.clone();
            self.gathering.local(OsStr::new(&name), role.clone(), vec![place]);
            found += usize::from(is_dir);
            if is_dir && !self.gathering.is_closed(&real) {
                self.everything_below(real, &role);
            }
        }
        let wanted = if version.is_empty() { 1 } else { 2 };
        if found < wanted && !repo.is_empty() {
            self.gathering.fetched(OsStr::new(repo), role);
        }
    }

    fn everything_below(&mut self, dir: PathBuf, role: &Role) {
        let mut seen = HashSet::from([dir.clone()]);
        let mut queue = VecDeque::from([dir]);
        while let Some(dir) = queue.pop_front() {
            let entries = match std::fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) => return self.trouble(&dir, &format!("cannot be read: {error}")),
            };
            for name in entries.flatten().map(|entry| entry.file_name()) {
                self.entries += 1;
                if self.entries > MAX_ENTRIES {
                    return self.too_much(&dir);
                }
                let place = self.gathering.resolver.resolve(&dir.join(&name));
                let real = place.real.clone();
                if place.end != End::Place(Nature::Directory) {
                    self.gathering.local(&name, role.clone(), vec![place]);
                } else if seen.insert(real.clone()) {
                    self.gathering.local(&name, role.clone(), vec![place]);
                    if !self.gathering.is_closed(&real) {
                        queue.push_back(real);
                    }
                }
            }
        }
    }

    /// Words of plugins that are not builtin, where they exist as a path.
    fn words(&mut self, base: &Path, words: &[String]) {
        if !self.switches.plugins {
            return;
        }
        for word in words {
            let place = self.gathering.resolver.resolve(&join_clean(base, Path::new(word)));
            if matches!(place.end, End::Place(Nature::File | Nature::Directory)) {
                self.gathering.local(
                    OsStr::new(word),
                    Role::PluginWord { below: false },
                    vec![place],
                );
            }
        }
    }
}
