//! What can be known of standard input before kubectl reads it.

use std::path::Path;

use super::foreign;
use super::resolve::Resolution;
use crate::judge::{Local, Nature, Stdin, Stream, Territory};
use crate::policy::Policy;

/// Which stream a path ends in: `/dev/stdin`, `/dev/fd/63` and `/proc/self/fd/0`
/// are descriptors that kubectl inherits; everything else stays where it is.
pub(super) fn stream(resolution: Resolution) -> Stream {
    let through = resolution
        .links
        .iter()
        // A descriptor counts when it is the end of the path, not on the way.
        .filter(|link| link.read_link().is_ok_and(|to| to == resolution.real))
        .find_map(|link| own_descriptor(link));
    match own_descriptor(&resolution.real).or(through) {
        Some(descriptor) => Stream::Descriptor(descriptor),
        None => Stream::At(Local {
            readings: vec![resolution.real],
            links: resolution.links,
            nature: Nature::File,
        }),
    }
}

/// `N` of `/proc/OWN/fd/N` or `/proc/OWN/task/THREAD/fd/N`.
fn own_descriptor(path: &Path) -> Option<u32> {
    let names: Vec<_> = path.iter().map(|name| name.to_str().unwrap_or_default()).collect();
    let own = std::process::id().to_string();
    match names.as_slice() {
        ["/", "proc", process, "fd", number] | ["/", "proc", process, "task", _, "fd", number]
            if *process == own =>
        {
            number.parse().ok()
        }
        _ => None,
    }
}

/// Foreign overlays on the disk. Their documents could be what is piped in.
pub(super) fn facts(policy: &Policy, territory: &Territory) -> Stdin {
    let found = foreign::below(Path::new("/"), policy, territory);
    Stdin {
        foreign_on_disk: found.overlays,
        incomparable: found
            .unsearched
            .map(|top| format!("{} is too large to be searched", top.display())),
        ..Stdin::default()
    }
}
