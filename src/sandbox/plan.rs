//! What the kernel is going to be asked, decided from policy, facts and the lie of
//! the land, without touching anything.
//!
//! Landlock knows grants only: what lies below a granted directory can be read,
//! everything else cannot. So a directory that contains something closed is never
//! granted as a whole; its entries are granted one by one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::sites::Sites;
use super::{Ground, Missing};
use crate::judge::{Facts, Nature, Place, Reached, Role, Stream, Whereabouts, place};
use crate::kubectl::{Class, Request};
use crate::path::is_within;
use crate::policy::Policy;

/// What every program needs. A checkout that contains one of these cannot be
/// closed.
const SYSTEM: [&str; 11] = [
    "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib",
];

/// What programs open in `/dev`, which is granted entry by entry where a checkout lies
/// in `/dev/shm`: without `/dev/null` kubectl cannot start a program at all, and says
/// that there is none.
const DEVICES: [&str; 7] =
    ["/dev/fd", "/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"];

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

/// What is granted to one invocation.
#[derive(Debug)]
pub struct Plan<'p> {
    /// What is closed.
    pub sites: Sites<'p>,
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
        let mut plan = Self {
            sites: Sites::new(policy, facts, &ground.mounts),
            openings: Vec::new(),
            wanted: BTreeSet::new(),
            temp: ground.temp.clone(),
            scratch: None,
            premade: Vec::new(),
        };
        plan.spares_the_system(facts)?;
        for facts in facts {
            for reached in &facts.reached {
                plan.reach(policy, facts, reached, may_read);
            }
            if facts.plugin.is_some() {
                let tops = facts.territory.checkouts.iter().map(|checkout| &checkout.top);
                let open = tops.filter(|top| !plan.sites.is_barred(top, Path::new("")));
                let open: Vec<Opening> = open.cloned().map(Opening::Below).collect();
                plan.openings.extend(open);
            }
        }
        for git_dir in plan.sites.git_dirs().clone() {
            if plan.sites.is_inside(&git_dir) {
                plan.openings.push(Opening::Below(git_dir));
            }
        }
        plan.needs(policy, ground);
        plan.house(requests, facts, ground);
        plan.move_scratch(ground)?;
        plan.tidy_openings();
        Ok(plan)
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
        let (local, nature) = match &reached.whereabouts {
            Whereabouts::Local(local) => (local, local.nature),
            Whereabouts::Stream(Stream::At(local)) => (local, Nature::File),
            Whereabouts::Stream(Stream::Descriptor(_)) | Whereabouts::Remote(_) => return,
        };
        for reading in &local.readings {
            let judged = place(reading, policy, &facts.territory);
            if may_read(&judged) {
                self.open(reading, nature, reads_below(&reached.role));
            }
        }
    }

    fn open(&mut self, reading: &Path, nature: Nature, reads_below: bool) {
        if !self.sites.is_inside(reading) {
            self.wanted.insert(reading.to_path_buf());
            return;
        }
        if nature == Nature::Missing || self.sites.is_barred_elsewhere(reading) {
            return;
        }
        let is_dir = nature == Nature::Directory;
        let dir = if is_dir { Some(reading) } else { reading.parent() };
        match dir {
            Some(dir) if self.sites.is_inside(dir) && !self.sites.is_divided(dir) => {
                self.openings.push(Opening::Whole(dir.to_path_buf()));
            }
            Some(dir) if is_dir && reads_below => {
                self.openings.push(Opening::Below(dir.to_path_buf()));
            }
            _ if nature == Nature::File => {
                self.openings.push(Opening::File(reading.to_path_buf()));
            }
            _ => {}
        }
    }

    /// What kubectl and its helpers cannot do without, wherever it lies.
    fn needs(&mut self, policy: &Policy, ground: &Ground) {
        // However crowded the directories are that they stand in.
        self.wanted.extend(SYSTEM.iter().chain(&DEVICES).map(PathBuf::from));
        self.wanted.extend(ground.named.iter().cloned());
        let files = ground.programs.iter().map(|program| &program.real);
        let files: Vec<PathBuf> = files.chain([&policy.pin.kubeconfig]).cloned().collect();
        for file in files {
            if !self.sites.is_inside(&file) {
                self.wanted.insert(file);
            } else if !self.sites.is_barred(&file, Path::new("")) {
                // Beside a kubeconfig stand the certificates it names.
                self.open(&file, Nature::File, false);
            }
        }
        for dir in &ground.path {
            if self.sites.is_inside(dir)
                && !self.sites.is_barred(dir, Path::new(""))
                && !self.sites.is_divided(dir)
            {
                self.openings.push(Opening::Whole(dir.clone()));
            }
        }
    }

    /// The home directory, when it cannot be granted as a whole.
    fn house(&mut self, requests: &[Request], facts: &[Facts], ground: &Ground) {
        let Some(home) = &ground.home else { return };
        let lies_in_checkout =
            self.sites.is_inside(home) && !self.sites.is_barred(home, Path::new(""));
        if lies_in_checkout {
            self.openings.push(Opening::Dots(home.clone()));
        } else if !self.sites.is_split(home) {
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
        let is_closed = |dir: &Path| self.sites.is_inside(dir) || self.sites.is_split(dir);
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
            .find(|dir| !self.sites.is_split(dir) && (!self.sites.is_inside(dir) || in_dots(dir)));
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
}

/// Whether everything below a directory is read that is named in this role. What
/// the other flags read is listed file by file.
fn reads_below(role: &Role) -> bool {
    match role {
        Role::Input { flag, .. } => matches!(*flag, "cp" | "--www"),
        Role::PluginWord { .. } => true,
        _ => false,
    }
}

/// The program that gets credentials for the pinned cluster.
pub(super) fn credential_command(facts: &Facts) -> Option<&str> {
    let resolved = facts.cluster.as_ref()?.pinned.as_ref().ok()?;
    resolved.credentials.as_ref().map(|credentials| credentials.command.as_str())
}
