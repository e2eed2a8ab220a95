//! What was found out about a checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a checkout's entry in the configuration says; what is empty or absent is
/// found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// `path`: a pattern for one or several tops.
    pub path: String,
    /// `overlayRoots`
    pub roots: Vec<String>,
    /// `allow`
    pub allow: Vec<String>,
    /// `shared`
    pub shared: Vec<String>,
    /// `foreign`
    pub foreign: Option<Vec<String>>,
    /// `branches`
    pub branches: Option<Vec<String>>,
    /// It stands in a configuration already: a list that is missing there is missing
    /// on purpose.
    pub configured: bool,
    /// `roots` was asked for: nothing is added to it.
    pub exact_roots: bool,
    /// `shared` was asked for: nothing is added to it.
    pub exact_shared: bool,
    /// `foreign` was asked for: nothing is added to it.
    pub exact_foreign: bool,
}

/// A checkout as it was found.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The working tree's top.
    pub top: PathBuf,
    /// What to write.
    pub entry: Entry,
    /// What the children with manifests of its overlay roots are called.
    pub overlays: BTreeSet<String>,
    /// Prefixes of what the allowed overlays fetch.
    pub remotes: BTreeSet<String>,
    /// Overlays that `tidy` would take off the disk, by root.
    pub removals: BTreeMap<PathBuf, Removal>,
    /// What may be applied.
    pub allowed: Vec<Target>,
    /// What must not.
    pub foreign: Vec<Target>,
    /// Each branch is an environment: another one must not be applied from.
    pub by_branch: bool,
    /// The top itself may be applied.
    pub top_is_target: bool,
    /// What an operator should know.
    pub notes: Vec<String>,
}

/// What a kubectl command names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// `-k` or `-f`
    pub flag: &'static str,
    /// The directory.
    pub dir: PathBuf,
}

/// What `tidy` would take off the disk in one overlay root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Names of overlays.
    pub overlays: Vec<String>,
    /// Files in them that git cannot give back: new, changed, or ignored. They would be
    /// put aside.
    pub own: usize,
}
