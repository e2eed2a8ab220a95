//! What the kernel is going to be asked, decided from policy, facts and the lie of
//! the land, without touching anything.
//!
//! Landlock knows grants only: what lies below a granted directory can be read,
//! everything else cannot. So a directory that contains something closed is never
//! granted as a whole; its entries are granted one by one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::mounts::{View, views};
use super::{Ground, Missing};
use crate::judge::{Facts, Local, Nature, Place, Reached, Role, Whereabouts, place};
use crate::kubectl::{Class, Request};
use crate::path::is_within;
use crate::policy::{CheckoutRule, Policy, Standing};

/// The directory inside a git directory that holds what the keeper put aside.
const QUARANTINE: &str = "envguard";

/// What every program needs. A checkout that contains one of these cannot be
/// closed.
const SYSTEM: [&str; 11] = [
    "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib",
];

/// Directories that credential programs make in the home directory for
/// themselves. One that appears only when they are under way could be written,
/// but not read again.
const MADE_BY_CREDENTIALS: [(&str, &str); 2] =
    [("aws", ".aws/cli/cache"), ("gke-gcloud-auth-plugin", ".config/gcloud")];

/// Whether what was judged may be read. Break glass lifts more than the verdict
/// allows by itself.
pub type MayRead<'r> = &'r dyn Fn(&Place) -> bool;

/// Without break glass: everything that a passed verdict can contain.
#[must_use]
pub fn as_judged(place: &Place) -> bool {
    !matches!(place, Place::Foreign(_) | Place::Git)
}

/// What the plan says about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It is granted with everything below it.
    Whole,
    /// Something below it is closed: its entries are looked at one by one.
    Split,
    /// It is not granted.
    Closed,
}

/// Something inside a closed place that is opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opening {
    /// A directory with everything below it.
    Whole(PathBuf),
    /// One file.
    File(PathBuf),
    /// A directory, except overlay roots, of which the allowed and the shared
    /// children; and except quarantines.
    Below(PathBuf),
    /// What begins with a dot in a home directory that lies in a checkout.
    Dots(PathBuf),
}

impl Opening {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Whole(path) | Self::File(path) | Self::Below(path) | Self::Dots(path) => path,
        }
    }
}

/// A closed place under one of its names.
#[derive(Debug)]
struct Site<'p> {
    view: View,
    /// Top and rule of the checkout; `None` for a quarantine.
    checkout: Option<(PathBuf, &'p CheckoutRule)>,
}

/// What is granted to one invocation.
#[derive(Debug)]
pub struct Plan<'p> {
    sites: Vec<Site<'p>>,
    git_dirs: Vec<PathBuf>,
    /// Directories with a closed place somewhere below.
    splits: BTreeSet<PathBuf>,
    /// What is opened inside closed places.
    pub openings: Vec<Opening>,
    /// Paths outside closed places that the invocation or the environment names:
    /// the way to them is granted before anything else.
    pub wanted: BTreeSet<PathBuf>,
    /// Where temporary files would go.
    pub temp: PathBuf,
    /// Where they go instead, when that is closed.
    pub scratch: Option<PathBuf>,
    /// Directories that have to exist before the rules are made.
    pub premade: Vec<PathBuf>,
}

impl<'p> Plan<'p> {
    /// The plan for `requests`, the readings of one command line, and their
    /// `facts`.
    ///
    /// # Errors
    /// When these places cannot be closed without closing what every program
    /// needs.
    pub fn new(
        policy: &'p Policy,
        requests: &[Request],
        facts: &[Facts],
        ground: &Ground,
        may_read: MayRead<'_>,
    ) -> Result<Self, Missing> {
        let mut plan = Self::closed(policy, facts, ground);
        plan.spares_the_system(facts)?;
        for facts in facts {
            for reached in &facts.reached {
                plan.reach(policy, facts, reached, may_read);
            }
            if facts.plugin.is_some() {
                let tops = facts.territory.checkouts.iter().map(|checkout| &checkout.top);
                let open = tops.filter(|top| !plan.is_barred(top, Path::new("")));
                let open: Vec<Opening> = open.cloned().map(Opening::Below).collect();
                plan.openings.extend(open);
            }
        }
        for git_dir in &ground.git_dirs {
            if plan.is_inside(git_dir) {
                plan.openings.push(Opening::Below(git_dir.clone()));
            }
        }
        plan.needs(policy, ground);
        plan.house(requests, facts, ground);
        plan.move_scratch(ground)?;
        plan.tidy_openings();
        Ok(plan)
    }

    /// Everything closed, nothing opened yet.
    fn closed(policy: &'p Policy, facts: &[Facts], ground: &Ground) -> Self {
        let mut sites = Vec::new();
        for checkout in facts.iter().take(1).flat_map(|facts| &facts.territory.checkouts) {
            let rule = &policy.checkouts[checkout.rule];
            for view in views(&checkout.top, &ground.mounts) {
                sites.push(Site { view, checkout: Some((checkout.top.clone(), rule)) });
            }
        }
        for git_dir in &ground.git_dirs {
            for view in views(&git_dir.join(QUARANTINE), &ground.mounts) {
                sites.push(Site { view, checkout: None });
            }
        }
        let splits = sites
            .iter()
            .flat_map(|site| site.view.at.ancestors().skip(1))
            .map(Path::to_path_buf)
            .collect();
        Self {
            sites,
            git_dirs: ground.git_dirs.clone(),
            splits,
            openings: Vec::new(),
            wanted: BTreeSet::new(),
            temp: ground.temp.clone(),
            scratch: None,
            premade: Vec::new(),
        }
    }

    fn spares_the_system(&self, facts: &[Facts]) -> Result<(), Missing> {
        let tops = facts.iter().flat_map(|facts| &facts.territory.checkouts);
        for checkout in tops {
            let needed = SYSTEM.iter().find(|dir| is_within(Path::new(dir), &checkout.top));
            if let Some(dir) = needed {
                return Err(Missing::HoldsSystem { top: checkout.top.clone(), dir });
            }
        }
        Ok(())
    }

    /// Opens what kubectl would read.
    fn reach(&mut self, policy: &Policy, facts: &Facts, reached: &Reached, may_read: MayRead<'_>) {
        let Whereabouts::Local(local) = &reached.whereabouts else { return };
        for reading in &local.readings {
            let judged = place(reading, policy, &facts.territory);
            if may_read(&judged) {
                self.open(reading, local, reads_below(&reached.role));
            }
        }
    }

    fn open(&mut self, reading: &Path, local: &Local, reads_below: bool) {
        if !self.is_inside(reading) {
            self.wanted.insert(reading.to_path_buf());
            return;
        }
        if self.is_barred_elsewhere(reading) {
            return;
        }
        let is_dir = local.nature == Nature::Directory;
        let dir = if is_dir { Some(reading) } else { reading.parent() };
        match dir {
            Some(dir) if self.is_inside(dir) && !self.is_divided(dir) => {
                self.openings.push(Opening::Whole(dir.to_path_buf()));
            }
            Some(dir) if is_dir && reads_below => {
                self.openings.push(Opening::Below(dir.to_path_buf()));
            }
            _ if local.nature == Nature::File => {
                self.openings.push(Opening::File(reading.to_path_buf()));
            }
            _ => {}
        }
    }

    /// What kubectl and its helpers cannot do without, wherever it lies.
    fn needs(&mut self, policy: &Policy, ground: &Ground) {
        self.wanted.extend(ground.named.iter().cloned());
        let files = ground.programs.iter().map(|program| &program.real);
        let files: Vec<PathBuf> = files.chain([&policy.pin.kubeconfig]).cloned().collect();
        for file in files {
            if !self.is_inside(&file) {
                self.wanted.insert(file);
            } else if !self.is_barred(&file, Path::new("")) {
                // Beside a kubeconfig stand the certificates it names.
                let local = Local { nature: Nature::File, ..Local::default() };
                self.open(&file, &local, false);
            }
        }
        for dir in &ground.path {
            if self.is_inside(dir) && !self.is_barred(dir, Path::new("")) && !self.is_divided(dir) {
                self.openings.push(Opening::Whole(dir.clone()));
            }
        }
    }

    /// The home directory, when it cannot be granted as a whole.
    fn house(&mut self, requests: &[Request], facts: &[Facts], ground: &Ground) {
        let Some(home) = &ground.home else { return };
        let lies_in_checkout = self.is_inside(home) && !self.is_barred(home, Path::new(""));
        if lies_in_checkout {
            self.openings.push(Opening::Dots(home.clone()));
        } else if !self.splits.contains(home) {
            return;
        }
        if requests.iter().any(|request| request.class.is_some_and(Class::contacts_cluster)) {
            // kubectl would make it on the way to the server.
            self.premade.push(home.join(".kube/cache"));
        }
        let commands = facts.iter().filter_map(credential_command);
        for command in commands {
            let name = Path::new(command).file_name();
            let made =
                MADE_BY_CREDENTIALS.iter().find(|(known, _)| name == Some(OsStr::new(known)));
            self.premade.extend(made.map(|(_, dir)| home.join(dir)));
        }
        self.premade.dedup();
    }

    /// kubectl writes temporary files and reads them again (`diff`, `edit`,
    /// `replace --force`). Where the usual place cannot be granted as a whole,
    /// they go elsewhere.
    fn move_scratch(&mut self, ground: &Ground) -> Result<(), Missing> {
        let is_closed = |dir: &Path| self.is_inside(dir) || self.splits.contains(dir);
        if !is_closed(&ground.temp) {
            self.wanted.insert(ground.temp.clone());
            return Ok(());
        }
        let in_dots = |dir: &Path| {
            self.openings.iter().any(|opening| {
                matches!(opening, Opening::Dots(home) if dir.strip_prefix(home)
                    .is_ok_and(|below| below.as_os_str().as_bytes().starts_with(b".")))
            })
        };
        let other = ground
            .scratch
            .iter()
            .find(|dir| !self.splits.contains(*dir) && (!self.is_inside(dir) || in_dots(dir)));
        let Some(dir) = other.cloned() else {
            return Err(Missing::Scratch { temp: ground.temp.clone() });
        };
        self.wanted.insert(dir.clone());
        self.scratch = Some(dir);
        Ok(())
    }

    /// One rule for a directory covers everything below it.
    fn tidy_openings(&mut self) {
        self.openings.sort();
        self.openings.dedup();
        let whole: BTreeSet<PathBuf> = self
            .openings
            .iter()
            .filter_map(|opening| match opening {
                Opening::Whole(dir) => Some(dir.clone()),
                _ => None,
            })
            .collect();
        self.openings.retain(|opening| {
            let above = match opening {
                Opening::Whole(dir) => dir.parent(),
                other => Some(other.path()),
            };
            above.is_none_or(|above| !above.ancestors().any(|dir| whole.contains(dir)))
        });
    }

    /// Directories outside closed places that contain one, the nearest to the
    /// root first.
    pub fn splits_beside(&self) -> impl Iterator<Item = &Path> {
        self.splits.iter().map(PathBuf::as_path).filter(|dir| !self.is_inside(dir))
    }

    /// Everything that must not be granted as a whole, whatever it is called.
    pub fn never_whole(&self) -> impl Iterator<Item = &Path> {
        let places = self.sites.iter().map(|site| site.view.at.as_path());
        self.splits.iter().map(PathBuf::as_path).chain(places)
    }

    /// What is granted outside the checkouts.
    #[must_use]
    pub fn beside(&self, path: &Path) -> Stance {
        if self.is_inside(path) {
            Stance::Closed
        } else if self.splits.contains(path) {
            Stance::Split
        } else {
            Stance::Whole
        }
    }

    /// What is granted of a path below `top`, an [`Opening::Below`].
    #[must_use]
    pub fn below(&self, path: &Path, top: &Path) -> Stance {
        if self.is_barred(path, top) {
            Stance::Closed
        } else if self.is_divided(path) {
            Stance::Split
        } else {
            Stance::Whole
        }
    }

    /// What is granted of an entry of a home directory in a checkout.
    #[must_use]
    pub fn dots(&self, path: &Path, home: &Path) -> Stance {
        let first = path.strip_prefix(home).ok().and_then(|below| below.components().next());
        let Some(Component::Normal(name)) = first else { return Stance::Split };
        if name.as_bytes().starts_with(b".") && name != ".git" {
            self.below(path, Path::new(""))
        } else {
            Stance::Closed
        }
    }

    /// Whether `path` lies in a closed place.
    #[must_use]
    pub fn is_inside(&self, path: &Path) -> bool {
        self.sites.iter().any(|site| is_within(path, &site.view.at))
    }

    /// Whether something below `path` is, or may become, closed.
    fn is_divided(&self, path: &Path) -> bool {
        self.splits.contains(path)
            || (!self.is_in_git_dir(path)
                && self
                    .standings(path)
                    .any(|(rule, relative)| rule.is_root(&relative) || rule.leads_below(&relative)))
    }

    /// Whether `path` is, under any of its names, in a quarantine or in a child
    /// of an overlay root that is neither allowed nor shared. Roots above `top`
    /// do not count.
    fn is_barred(&self, path: &Path, top: &Path) -> bool {
        let quarantined =
            |site: &Site<'_>| site.checkout.is_none() && is_within(path, &site.view.at);
        if self.sites.iter().any(quarantined) {
            return true;
        }
        if self.is_in_git_dir(path) {
            return false;
        }
        let judged = top.components().count();
        self.standings(path).any(|(rule, relative)| {
            // The last components of both are the same ones.
            let skipped = match judged {
                0 => 0,
                _ => (judged + relative.components().count())
                    .saturating_sub(path.components().count()),
            };
            bars(rule, &relative, skipped)
        })
    }

    /// Whether another name of `reading` is barred: what it is called here was
    /// judged, what else it is called was not.
    fn is_barred_elsewhere(&self, reading: &Path) -> bool {
        self.sites.iter().any(|site| {
            let Ok(below) = reading.strip_prefix(&site.view.at) else { return false };
            let Some((checkout, rule)) = &site.checkout else { return true };
            let name = site.view.of.join(below);
            name != reading
                && name.strip_prefix(checkout).is_ok_and(|relative| bars(rule, relative, 0))
        })
    }

    fn is_in_git_dir(&self, path: &Path) -> bool {
        self.git_dirs.iter().any(|dir| is_within(path, dir))
            && !self.sites.iter().any(|site| {
                // A worktree may lie inside a bare repository's directory.
                site.checkout.is_some()
                    && is_within(path, &site.view.at)
                    && self.git_dirs.iter().any(|dir| {
                        is_within(path, dir)
                            && *dir != site.view.at
                            && is_within(&site.view.at, dir)
                    })
            })
    }

    /// The rules that apply to `path`, with its name relative to each checkout.
    fn standings(&self, path: &Path) -> impl Iterator<Item = (&'p CheckoutRule, PathBuf)> {
        self.sites.iter().filter_map(move |site| {
            let (checkout, rule) = site.checkout.as_ref()?;
            let below = path.strip_prefix(&site.view.at).ok()?;
            let name = site.view.of.join(below);
            Some((*rule, name.strip_prefix(checkout).ok()?.to_path_buf()))
        })
    }
}

/// Whether an overlay root on the way to `relative`, at least `skipped`
/// components deep, has a child there that is neither allowed nor shared.
fn bars(rule: &CheckoutRule, relative: &Path, skipped: usize) -> bool {
    let mut walked = PathBuf::new();
    for (depth, part) in relative.components().enumerate() {
        let Component::Normal(name) = part else { continue };
        if depth >= skipped && rule.is_root(&walked) {
            let standing = rule.standing(name, true);
            if !matches!(standing, Standing::Allowed | Standing::Shared) {
                return true;
            }
        }
        walked.push(name);
    }
    false
}

/// Whether kubectl reads everything below a directory that is named in this
/// role. What `-f` and `-k` read is listed file by file.
fn reads_below(role: &Role) -> bool {
    !matches!(role, Role::Target { .. } | Role::Below { .. } | Role::Reference { .. })
}

/// The program that gets credentials for the pinned cluster.
pub(super) fn credential_command(facts: &Facts) -> Option<&str> {
    let resolved = facts.cluster.as_ref()?.pinned.as_ref().ok()?;
    resolved.credentials.as_ref().map(|credentials| credentials.command.as_str())
}
