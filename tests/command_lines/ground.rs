//! Runs a line with the real kubectl, without the guard, and asks the guard what it
//! would be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kubectl_envguard::text::shown;

use super::alphabet;
use super::web::Web;
use crate::oracle::observe::{self, Seen};
use crate::oracle::rows::Given;
use crate::oracle::world::{Tree, World, host_of};
use crate::support::{Kubectl, Output, Server, read, write};

/// Seconds after which a line is stopped: most that take longer watch or serve
/// something and go on for ever.
const LIMIT: &str = "3";

/// Configurations for two questions. The instance's own: what is refused? And one
/// where nothing is foreign: what is reached?
const OWN: &str = "config.yaml";
const PERMISSIVE: &str = "permissive.yaml";

/// An instance in which lines are tried one after the other, each as if it were the
/// first.
pub(super) struct Ground<'w> {
    world: &'w World<'w>,
    kubectl: &'w Kubectl,
    web: &'w Web,
    /// The guard that is asked, by its name on `PATH`.
    guard: &'static str,
    given: Vec<Given>,
    server: Server,
    /// Put in front of each line.
    prefix: String,
}

/// One line: what it did and what the guard says.
pub(super) struct Tried {
    pub(super) seen: Seen,
    /// Requests that changed something in the instance's cluster.
    pub(super) changes: Vec<String>,
    pub(super) own: Answer,
    pub(super) permissive: Answer,
    /// `127.0.0.1:PORT` of the instance's cluster.
    pub(super) pinned: String,
    /// Files of the instance that kubectl opened, the pinned kubeconfig excepted.
    pub(super) files: Vec<PathBuf>,
    top: PathBuf,
    /// `127.0.0.1:PORT` of the web server.
    web: String,
    has_variables: bool,
}

/// What `check` says.
#[derive(Debug)]
pub(super) struct Answer {
    /// The reasons of a refusal, worst first: code and offending word or path.
    pub(super) reasons: Vec<(String, String)>,
    pub(super) class: Option<String>,
    reached: BTreeSet<String>,
    written: BTreeSet<String>,
}

impl<'w> Ground<'w> {
    pub(super) fn new(world: &'w World<'w>, kubectl: &'w Kubectl, web: &'w Web) -> Self {
        Self::with_guard(world, kubectl, web, "kubectl-envguard", Vec::new())
    }

    /// The same with another guard, and what it needs.
    pub(super) fn with_guard(
        world: &'w World<'w>,
        kubectl: &'w Kubectl,
        web: &'w Web,
        guard: &'static str,
        more: Vec<Given>,
    ) -> Self {
        let given = [alphabet::given(), more].concat();
        let server = world.with_new_cluster(Tree::Cloned, &kubectl.path, &given);
        let mut ground = Self { world, kubectl, web, guard, given, server, prefix: String::new() };
        ground.finish();
        ground
    }

    /// What the world does not make.
    fn finish(&mut self) {
        let text = read(&self.world.path(OWN));
        let text = text
            .replace("allow: [develop]", "allow: ['*']")
            .replace("alsoAllow: [", &format!("alsoAllow: [{}, ", self.world.top().display()));
        let remotes = format!("policy: {{remotes: ['{}/'], stdin: allow}}\n", self.web.url());
        write(&self.world.path(PERMISSIVE), &(text + &remotes));
        self.prefix = format!("PIN={} URL={}; ", self.server.url(), self.web.url());
    }

    /// Makes everything new that `tried` has changed.
    fn renew(&mut self, tried: &Tried) {
        let writes = |line: &String| {
            ["O_CREAT", "O_WRONLY", "O_RDWR"].iter().any(|flag| line.contains(flag))
        };
        let wrote = tried.files.iter().any(|file| writes(&tried.seen.trace.opened[file]));
        let (path, given) = (&self.kubectl.path, &self.given);
        if !tried.changes.is_empty() {
            self.server = self.world.with_new_cluster(Tree::Cloned, path, given);
        } else if wrote {
            self.world.again(Tree::Cloned, path, given, &self.server);
        } else {
            return;
        }
        self.finish();
    }

    pub(super) fn try_out(&mut self, line: &str) -> Tried {
        let own = self.ask(line, OWN);
        let permissive = self.ask(line, PERMISSIVE);
        // The guard takes variables away from kubectl, and gives no answer to some callbacks
        // of a completion: such a line is run with it.
        let has_variables = !line.starts_with("kubectl");
        let is_callback = own.class.as_deref() == Some("completion");
        let seen = self.run(line, (has_variables || is_callback) && own.runs());
        let pinned = self.world.path("kubeconfig");
        let files = seen
            .files(self.world)
            .into_iter()
            .filter(|file| **file != pinned)
            .map(Path::to_path_buf)
            .collect();
        let tried = Tried {
            files,
            has_variables,
            changes: self.server.changes(),
            own,
            permissive,
            pinned: host_of(&self.server.url()),
            top: self.world.top().to_path_buf(),
            web: self.web.host(),
            seen,
        };
        self.renew(&tried);
        tried
    }

    fn run(&self, line: &str, guarded: bool) -> Seen {
        let line = format!("{}{line}", self.prefix);
        observe::run_for(LIMIT, self.world, &self.server, &self.kubectl.path, guarded, &line)
    }

    fn ask(&self, line: &str, config: &str) -> Answer {
        let config = self.world.path(config);
        let (config, guard) = (config.display(), self.guard);
        let check = format!("ENVGUARD_CONFIG={config} {guard} check -o json -- ");
        let line = format!("{}{}", self.prefix, line.replacen("kubectl ", &check, 1));
        let output = Output::of(&mut self.world.shell(&["env"], false, &line));
        let json: serde_json::Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {line}: {output}"));
        Answer::from(&json)
    }
}

impl Answer {
    fn from(check: &serde_json::Value) -> Self {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let list = |name: &str| check[name].as_array().unwrap().iter().map(text).collect();
        let reasons: Vec<(String, String)> = check["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| (text(&reason["code"]), text(&reason["offender"])))
            .collect();
        assert_eq!(check["verdict"] == "run", reasons.is_empty(), "{check}");
        Self {
            reasons,
            class: check["class"].as_str().map(str::to_owned),
            reached: list("reached"),
            written: list("written"),
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whether the guard has understood the line, whatever it thinks of it. What
    /// kubectl's own preferences would change is not looked into: no line gets past
    /// that names a file of them.
    fn understands(&self) -> bool {
        const LOST: [&str; 3] = ["flag-unknown", "command-unknown", "input-unreadable"];
        let is_lost = |(code, offender): &(String, String)| {
            LOST.contains(&code.as_str()) || offender.contains("--kuberc")
        };
        !self.reasons.iter().any(is_lost)
    }

    /// Whether it said that `file` would be opened. What is archived or written
    /// below a directory is not listed one by one.
    fn lists(&self, file: &Path, below: bool) -> bool {
        let written = |path: &Path| self.written.contains(&shown(path));
        // `config` locks what it writes, under the name that it was given.
        let locked = file.to_str().and_then(|file| file.strip_suffix(".lock")).map(Path::new);
        let locked = locked.map(|file| file.canonicalize().unwrap_or_else(|_| file.to_path_buf()));
        self.reached.contains(&shown(file))
            || file.ancestors().any(written)
            || locked.is_some_and(|file| written(&file))
            || (below && file.ancestors().any(|dir| self.reached.contains(&shown(dir))))
    }
}

impl Tried {
    pub(super) fn succeeded(&self) -> bool {
        self.seen.output.code == Some(0)
    }

    /// Whether the kubeconfig of the instance was locked, for writing.
    pub(super) fn edits_pin(&self) -> bool {
        self.seen.trace.opened.contains_key(&self.top.join("kubeconfig.lock"))
    }

    /// Files of other environments that kubectl opened. Whether a directory has to be
    /// skipped Go finds out after it has read its names.
    pub(super) fn foreign(&self) -> Vec<&PathBuf> {
        const FOREIGN: [&str; 3] =
            ["m/overlays/prod", "m/overlays/staging", "m/apps/api/overlays/prod"];
        let foreign = FOREIGN.map(|place| self.top.join(place));
        self.files
            .iter()
            .filter(|file| !file.is_dir() && foreign.iter().any(|dir| file.starts_with(dir)))
            .collect()
    }

    /// Whom kubectl called besides the instance's cluster.
    pub(super) fn others(&self) -> Vec<&String> {
        self.seen.trace.contacted.keys().filter(|peer| **peer != self.pinned).collect()
    }

    /// Files that kubectl opened and that `answer` does not list.
    pub(super) fn unlisted(&self, answer: &Answer, below: bool) -> Vec<&PathBuf> {
        // The words of a plugin are searched for what is foreign, and not parsed.
        let is_plugin = answer.class.as_deref() == Some("plugin");
        if is_plugin || !answer.understands() || (self.has_variables && !self.own.runs()) {
            return Vec::new();
        }
        let lock = self.top.join("kubeconfig.lock");
        let listed = |file: &Path| file.is_dir() || *file == lock || answer.lists(file, below);
        self.files.iter().filter(|file| !listed(file)).collect()
    }

    /// Addresses that kubectl fetched something from and that the guard lists no
    /// URL of.
    pub(super) fn unlisted_fetches(&self) -> bool {
        let listed = self.permissive.reached.iter().any(|path| path.contains(&self.web));
        self.permissive.understands()
            && self.seen.trace.contacted.contains_key(&self.web)
            && !listed
    }
}
