//! Where else on this machine a place can be seen: the same file system may be
//! mounted several times (bind mounts), and Landlock's rules sit on inodes, so a
//! grant for one view is a grant for all of them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::path::is_within;

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor` of the file system.
    pub device: Vec<u8>,
    /// The directory of the file system that is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
}

/// A place under one of its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct View {
    /// The name.
    pub(super) at: PathBuf,
    /// What is seen there, by the name that the rules know.
    pub(super) of: PathBuf,
}

/// Reads the text of `/proc/self/mountinfo` (proc(5)); what cannot be understood
/// is left out.
#[must_use]
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let device = fields.next()?.to_vec();
    let root = unescaped(fields.next()?);
    let point = unescaped(fields.next()?);
    point.is_absolute().then_some(Mount { device, root, point })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| {
            *byte == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
        });
        if let Some(digits) = octal {
            bytes.push(
                digits
                    .iter()
                    .fold(0, |value: u8, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')),
            );
            rest = &after[3..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// Every name under which `place`, or a part of it, can be reached; its own name
/// comes first.
#[must_use]
pub(super) fn views(place: &Path, mounts: &[Mount]) -> Vec<View> {
    let mut found = vec![View { at: place.to_path_buf(), of: place.to_path_buf() }];
    let parts = parts(place, mounts);
    for part in &parts {
        // What shows another part again is a second name of that one, not the other
        // way round.
        let is_shown_again = parts.iter().any(|other| {
            other.of != part.of
                && other.device == part.device
                && is_within(&part.inside, &other.inside)
        });
        if is_shown_again {
            continue;
        }
        for mount in mounts.iter().filter(|mount| mount.device == part.device) {
            let view = if let Ok(below) = part.inside.strip_prefix(&mount.root) {
                View { at: mount.point.join(below), of: part.of.clone() }
            } else if let Ok(below) = mount.root.strip_prefix(&part.inside) {
                View { at: mount.point.clone(), of: part.of.join(below) }
            } else {
                continue;
            };
            // `join("")` appends a slash, which components() ignores.
            let view =
                View { at: view.at.components().collect(), of: view.of.components().collect() };
            if view.at != view.of && !found.contains(&view) {
                found.push(view);
            }
        }
    }
    found
}

/// A piece of a place that lies in one file system.
struct Part<'m> {
    device: &'m [u8],
    /// Where in the file system.
    inside: PathBuf,
    /// Its name in the place.
    of: PathBuf,
}

/// The place itself, and what is mounted below it.
fn parts<'m>(place: &Path, mounts: &'m [Mount]) -> Vec<Part<'m>> {
    // The longest mount point counts, and of equal ones the last: it hides the
    // others.
    let own = mounts
        .iter()
        .filter(|mount| is_within(place, &mount.point))
        .max_by_key(|mount| mount.point.components().count())
        .and_then(|mount| {
            let below = place.strip_prefix(&mount.point).ok()?;
            let inside = mount.root.join(below);
            Some(Part { device: &mount.device, inside, of: place.to_path_buf() })
        });
    let below = mounts
        .iter()
        .filter(|mount| mount.point != place && is_within(&mount.point, place))
        .map(|mount| Part {
            device: &mount.device,
            inside: mount.root.clone(),
            of: mount.point.clone(),
        });
    own.into_iter().chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: &str, table: &str) -> Vec<(String, String)> {
        views(Path::new(place), &parse(table.as_bytes()))
            .into_iter()
            .skip(1)
            .map(|view| (view.at.display().to_string(), view.of.display().to_string()))
            .collect()
    }

    const DISK: &str = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                        23 22 0:20 / /proc rw - proc proc rw\n";

    fn with(lines: &str) -> String {
        format!("{DISK}{lines}")
    }

    fn pair(at: &str, of: &str) -> (String, String) {
        (at.to_owned(), of.to_owned())
    }

    #[test]
    fn without_other_mounts_a_place_has_one_name() {
        assert_eq!(seen("/srv/m", DISK), []);
    }

    #[test]
    fn a_mount_of_an_ancestor_shows_the_place_again() {
        let table = with("30 22 254:0 /srv /mnt/copy rw - ext4 /dev/vda rw\n");
        assert_eq!(seen("/srv/m", &table), [pair("/mnt/copy/m", "/srv/m")]);
    }

    #[test]
    fn a_mount_of_something_inside_shows_that_part() {
        let table = with("30 22 254:0 /srv/m/overlays/prod /mnt/p rw - ext4 /dev/vda rw\n");
        assert_eq!(seen("/srv/m", &table), [pair("/mnt/p", "/srv/m/overlays/prod")]);
    }

    #[test]
    fn a_part_mounted_back_into_the_place_has_two_names() {
        let table = with("30 22 254:0 /srv/m/overlays/prod /srv/m/base rw - ext4 /dev/vda rw\n");
        assert_eq!(seen("/srv/m", &table), [pair("/srv/m/base", "/srv/m/overlays/prod")]);
    }

    #[test]
    fn what_is_mounted_below_the_place_belongs_to_it() {
        let table = with(
            "30 22 8:1 / /srv/m/overlays rw - ext4 /dev/sda rw\n\
                          31 22 8:1 /prod /mnt/p rw - ext4 /dev/sda rw\n",
        );
        assert_eq!(seen("/srv/m", &table), [pair("/mnt/p", "/srv/m/overlays/prod")]);
    }

    #[test]
    fn another_file_system_shows_nothing() {
        let table = with("30 22 8:1 /srv /mnt/copy rw - ext4 /dev/sda rw\n");
        assert_eq!(seen("/srv/m", &table), []);
    }

    #[test]
    fn a_place_that_is_itself_a_mount_is_found_by_its_root() {
        let table = with("30 22 254:0 /data/repo /srv/m rw - ext4 /dev/vda rw\n");
        assert_eq!(seen("/srv/m", &table), [pair("/data/repo", "/srv/m")]);
    }

    #[test]
    fn escaped_names_are_read() {
        let mounts = parse(b"1 0 8:1 /a\\040b /c\\134d\\012e rw - ext4 /dev/sda rw\ngarbage\n");
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].root, Path::new("/a b"));
        assert_eq!(mounts[0].point, Path::new("/c\\d\ne"));
    }
}
