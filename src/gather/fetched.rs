//! What is fetched, and whether it is what a checkout on this disk has, too.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::{Gathering, repository};
use crate::judge::{Checkout, Local, Nature, Place, Reached, Role, Whereabouts, place};
use crate::path::join_clean;
use crate::policy::Remote;

/// An address under which git gives what is in a checkout.
#[derive(Clone)]
pub(super) struct Origin {
    top: PathBuf,
    address: Remote,
    /// It is the checkout itself, or its git directory: nothing but `file://` leads there.
    is_place: bool,
}

impl Gathering<'_> {
    /// Something that is fetched. The address of a checkout's own repository names the
    /// same overlays as the checkout does.
    pub(super) fn fetched(&mut self, spelled: &OsStr, role: Role) {
        let remote = Remote::parse(&spelled.to_string_lossy());
        let own = remote.as_ref().ok().and_then(|remote| self.foreign_path(remote));
        self.reach(Reached {
            spelled: spelled.to_os_string(),
            role: role.clone(),
            whereabouts: Whereabouts::Remote(remote),
        });
        if let Some(path) = own {
            let (readings, links) = (vec![path], Vec::new());
            let local = Local { readings, links, nature: Nature::Missing };
            let whereabouts = Whereabouts::Local(local);
            self.reach(Reached { spelled: spelled.to_os_string(), role, whereabouts });
        }
    }

    /// Where what `remote` names would be in a checkout of the same repository, when that
    /// is another environment's. Before the path there may be a revision: `raw/main/…`. The
    /// links on the way stand in the repository as they do here.
    fn foreign_path(&mut self, remote: &Remote) -> Option<PathBuf> {
        let on_disk = remote.local_path().map(|path| self.resolver.resolve(&path).real);
        let real = on_disk.as_ref().and_then(|path| Remote::of_path(path));
        let remote = real.as_ref().unwrap_or(remote);
        for Origin { top, address, is_place } in self.origins() {
            let may_be_meant = on_disk.is_some() || !is_place;
            let Some(parts) = remote.path_in(&address).filter(|_| may_be_meant) else { continue };
            for start in 0..parts.len() {
                let path = join_clean(&top, &parts[start..].iter().collect::<PathBuf>());
                let leads_to = self.resolver.resolve(&path).real;
                for path in [path, leads_to] {
                    self.visit_roots(&path);
                    let place = place(&path, self.policy, &self.facts.territory);
                    if matches!(place, Place::Foreign(_)) {
                        return Some(path);
                    }
                }
            }
        }
        None
    }

    /// The checkouts, with the addresses of their repositories.
    fn origins(&mut self) -> Vec<Origin> {
        let checkouts = &self.facts.territory.checkouts;
        let of = |checkout: &Checkout| {
            let origin =
                |is_place| move |address| Origin { top: checkout.top.clone(), address, is_place };
            let git_dir = checkout.git_dir.as_deref();
            let urls = git_dir.map(repository::remotes).unwrap_or_default();
            let remotes = urls.iter().filter_map(|url| Remote::parse(url).ok());
            let shared = git_dir.map(repository::common_dir);
            let places = [Some(checkout.top.clone()), shared].into_iter().flatten();
            let places = places.filter_map(|place| Remote::of_path(&place)).map(origin(true));
            remotes.map(origin(false)).chain(places).collect::<Vec<_>>()
        };
        self.origins.get_or_insert_with(|| checkouts.iter().flat_map(of).collect()).clone()
    }
}
