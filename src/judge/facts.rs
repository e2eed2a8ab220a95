//! Everything the disk and the kubeconfig have to say about one request, as plain
//! data: gathered first, judged afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::kubectl::Release;
use crate::policy::{Credentials, Fingerprint, Pin, Remote, Server, Unacceptable};
use crate::text::shown;

/// What was found out about one request.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The file the policy was read from, for remedies.
    pub config_file: PathBuf,
    /// Where the guarded trees are on this disk.
    pub territory: Territory,
    /// Every file, directory, stream and address kubectl would open, in the
    /// order in which it would be reached.
    pub reached: Vec<Reached>,
    /// What could not be read or understood.
    pub troubles: Vec<Trouble>,
    /// Streams, when the request takes manifests from any.
    pub stdin: Option<Stdin>,
    /// What the kubeconfig resolves to; `None` when nothing asks for it.
    pub cluster: Option<ClusterFacts>,
    /// The program behind a word that is not built in.
    pub plugin: Option<PathBuf>,
    /// The working trees whose files are read, when the request changes the cluster
    /// or opens a way into it.
    pub trees: Vec<Tree>,
    /// Which machine this is; `None` when nobody wants to know.
    pub machine: Option<Machine>,
    /// kubectl's and the server's versions; `None` when one of them is not known, or
    /// nobody wants to know.
    pub versions: Option<Versions>,
}

/// The versions of both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The kubectl that would run.
    pub kubectl: Release,
    /// The API server.
    pub server: Release,
    /// The same as the server wrote it.
    pub server_version: String,
    /// How long ago it said so.
    pub age: Duration,
}

/// Which machine this is, as EC2's metadata service says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// The value of the tag `envguard:environment`.
    Tagged(String),
    /// There is no such tag, or tags are not shown.
    Known {
        /// Account number.
        account: String,
        /// Instance id.
        id: String,
    },
    /// Why nothing could be learned, in a phrase.
    Unknown(String),
}

/// A working tree of which something is read, as git knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its checkout's entry in `Policy::checkouts`.
    pub rule: usize,
    /// Its checkout's top directory.
    pub top: PathBuf,
    /// Its git directory.
    pub git_dir: Option<PathBuf>,
    /// What is checked out.
    pub head: Head,
    /// Which of the files that are read differ from the commit; `None` when nobody
    /// wants to know.
    pub uncommitted: Option<Result<Uncommitted, Trouble>>,
    /// How long ago anything was fetched; `None` when nothing ever was, or nobody
    /// wants to know.
    pub fetched_ago: Option<Duration>,
}

/// What HEAD names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; `None` where there is none yet, or it could not be found out.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Branch,
}

/// Letters of a hash that people compare.
const SHORT: usize = 7;

/// `main 1a2b3c4`
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.branch {
            Branch::Named(name) => write!(f, "{} ", shown(name))?,
            Branch::Detached => f.write_str("(detached) ")?,
            Branch::Unknown => {}
        }
        f.write_str(
            self.commit.as_deref().map_or("(no commit)", |hash| &hash[..hash.len().min(SHORT)]),
        )
    }
}

/// The branch that is checked out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Branch {
    /// By its name, without `refs/heads/`.
    Named(String),
    /// A commit without a branch.
    Detached,
    /// Could not be found out.
    #[default]
    Unknown,
}

/// Files that are read and are not as the commit has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uncommitted {
    /// Modified, added, or unknown to git.
    pub files: BTreeSet<PathBuf>,
    /// Those of them that `git status` does not show, because git was told not to look
    /// at them.
    pub hidden: BTreeSet<PathBuf>,
    /// Kept out of git on purpose, with the SHA-256 of their content in hexadecimal
    /// digits where it can be read.
    pub ignored: BTreeMap<PathBuf, Option<String>>,
}

/// A file in an allowed overlay that is not committed and is, byte for byte, a file of
/// another environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copied {
    /// The file.
    pub file: PathBuf,
    /// The other environment's, on the disk or not.
    pub of: PathBuf,
    /// Where git knows that from: `HEAD`, `the index`, `upstream`.
    pub revision: &'static str,
}

/// The checkouts, places and overlay roots as they are on this disk. All paths
/// are real: absolute and free of symbolic links.
#[derive(Debug, Clone, Default)]
pub struct Territory {
    /// One entry per working tree that exists: the configured ones, and those that
    /// share their repository.
    pub checkouts: Vec<Checkout>,
    /// Git directories, wherever they lie.
    pub git_dirs: BTreeSet<PathBuf>,
    /// Configured checkouts that do not exist.
    pub vanished: Vec<String>,
    /// `alsoAllow` directories that exist.
    pub also_allow: Vec<PathBuf>,
    /// The overlay roots that lie on the way to something that was reached.
    pub roots: BTreeMap<PathBuf, Root>,
}

/// A working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its entry in `Policy::checkouts`.
    pub rule: usize,
    /// Its top directory.
    pub top: PathBuf,
    /// Its own git directory; a linked worktree's is below the common one.
    pub git_dir: Option<PathBuf>,
}

/// What an overlay root contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// Names of child directories (or links to directories) that `allow` matches.
    pub allowed: Vec<OsString>,
    /// Names of the other child directories.
    pub others: Vec<OsString>,
    /// Names of children that are plain files.
    pub files: BTreeSet<OsString>,
    /// It exists and cannot be listed: then its children count as if it had an
    /// allowed one.
    pub unreadable: bool,
}

/// Something kubectl would open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// As it stands on the command line or in the file.
    pub spelled: OsString,
    /// Why kubectl opens it.
    pub role: Role,
    /// Where it is.
    pub whereabouts: Whereabouts,
}

impl Reached {
    /// The stream, when manifests come from one.
    #[must_use]
    pub fn manifest_stream(&self) -> Option<&Stream> {
        match (&self.role, &self.whereabouts) {
            (Role::Target { .. } | Role::Below { .. }, Whereabouts::Stream(stream)) => Some(stream),
            _ => None,
        }
    }
}

/// Why kubectl opens something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Named by `-f`, `-k` or `kubectl kustomize`.
    Target {
        /// The kustomization file that makes `-f` the wrong flag for it.
        kustomization: Option<PathBuf>,
    },
    /// A file below a directory that `-f` names.
    Below {
        /// The directory as it stands on the command line.
        target: OsString,
    },
    /// Pulled in by a file.
    Reference {
        /// The file that refers to it.
        file: PathBuf,
        /// The field, e.g. `resources`.
        field: String,
    },
    /// Read besides the targets: data, a template, a certificate.
    Input {
        /// The flag or word that names it.
        flag: &'static str,
        /// It was not named itself, but stands below what was named.
        below: bool,
    },
    /// Written.
    Output {
        /// The flag or word that names it.
        flag: &'static str,
    },
    /// A word of a plugin's command line that exists as a path.
    PluginWord {
        /// It was not named itself, but stands below what was named.
        below: bool,
    },
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// On this disk.
    Local(Local),
    /// Fetched from elsewhere.
    Remote(Result<Remote, Unacceptable>),
    /// Content that can be read once, or never ends.
    Stream(Stream),
}

/// A pipe, socket, terminal or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// A descriptor that kubectl inherits: standard input, a process
    /// substitution. Its content has no place.
    Descriptor(u32),
    /// A FIFO or device in the file tree, or another process's descriptor.
    At(Local),
}

/// A path on this disk, resolved in each way kubectl might.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Local {
    /// The real path of each reading; one nearly always.
    pub readings: Vec<PathBuf>,
    /// The symbolic links on the way, by the real path of the link itself, and what
    /// the path was called before each was followed.
    pub links: Vec<PathBuf>,
    /// What is there.
    pub nature: Nature,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nature {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Nothing.
    #[default]
    Missing,
}

/// Something that could not be read or understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file, or the word of the command line.
    pub subject: String,
    /// What is wrong with it, in a phrase.
    pub problem: String,
    /// What would help.
    pub remedy: String,
}

/// What is known of manifests that come from streams, before kubectl reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stdin {
    /// Foreign overlays that are on the disk.
    pub foreign_on_disk: Vec<PathBuf>,
    /// A checkout that could not be searched for them.
    pub unsearched: Option<Trouble>,
    /// What was read, by descriptor.
    pub contents: BTreeMap<u32, Content>,
    /// Whether a stream is left that was not read: what comes in is still to be
    /// compared.
    pub unread: bool,
}

/// The content of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Its SHA-256, in hex, when all of it was read.
    pub sha256: Option<String>,
    /// The objects that a foreign overlay holds in the same words and nothing else
    /// does.
    pub equal: Vec<Equal>,
    /// Why it could not be read or compared.
    pub incomparable: Option<Trouble>,
}

/// An object that a foreign overlay holds too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Equal {
    /// `ConfigMap web`
    pub object: String,
    /// The foreign file.
    pub path: PathBuf,
    /// Where git has it: `HEAD`, `the index`, `upstream`.
    pub revision: &'static str,
}

/// What the kubeconfigs resolve to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// The pinned kubeconfig without any flag.
    pub pinned: Result<Resolved, Trouble>,
    /// The pinned kubeconfig, or the one that `--kubeconfig` names, with the
    /// flags of the command line. `None` when no flag bears on it.
    pub with_flags: Option<Result<Resolved, Trouble>>,
    /// Whether `--kubeconfig` names a file that is not the pinned one.
    pub other_file: bool,
    /// What `$KUBECONFIG` resolves to when it does not name just the pinned file.
    pub exported: Option<(OsString, Result<Resolved, Trouble>)>,
}

/// The parts of a selected context that decide where requests go and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// The context's name.
    pub context: String,
    /// The API server.
    pub server: Option<Server>,
    /// SHA-256 of each CA certificate.
    pub authorities: BTreeSet<Fingerprint>,
    /// `insecure-skip-tls-verify`.
    pub insecure: bool,
    /// `proxy-url`.
    pub proxy_url: Option<String>,
    /// `tls-server-name`.
    pub tls_server_name: Option<String>,
    /// The program that gets credentials.
    pub credentials: Option<Credentials>,
    /// Whom the context's user pretends to be.
    pub impersonates: Option<String>,
}

impl Resolved {
    /// What a kubeconfig resolves to that is known to be as `pin` says. The name of its
    /// context is not known.
    #[must_use]
    pub fn as_pinned(pin: &Pin) -> Self {
        Self {
            server: Some(pin.server.clone()),
            authorities: pin.authorities.clone(),
            proxy_url: pin.proxy_url.clone(),
            tls_server_name: pin.tls_server_name.clone(),
            credentials: pin.credentials.clone(),
            ..Self::default()
        }
    }
}
