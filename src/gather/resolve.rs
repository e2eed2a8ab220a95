//! Where a path leads, link by link.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::known::{Entry, Known};
use crate::judge::Nature;
use crate::path::join_clean;

/// The kernel's own limit (`ELOOP`).
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// The path without links; what does not exist is appended as it stands.
    pub(crate) real: PathBuf,
    /// The links that were followed, by their own real path.
    pub(crate) links: Vec<PathBuf>,
    /// What the path was called before each link was followed, lexically clean:
    /// behind a link `overlays` it is still somebody's `overlays/prod`.
    pub(crate) aliases: Vec<PathBuf>,
    /// What is there.
    pub(crate) end: End,
}

/// What a path ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Something with a place.
    Place(Nature),
    /// A pipe, socket, terminal, device or deleted file.
    Stream,
    /// The kernel refuses to say.
    Unreadable(String),
}

/// Resolves paths as the kernel does, and remembers the directories on the way:
/// a closure of thousands of files lies in few of them.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    known: Known,
}

impl Resolver {
    /// Follows the absolute `path`; `..` means the real parent, as for the
    /// kernel.
    pub(crate) fn resolve(&mut self, path: &Path) -> Resolution {
        if let Some(found) = self.at_once(path) {
            return found;
        }
        let mut todo: VecDeque<OsString> = names(path);
        let mut resolution = Resolution {
            real: PathBuf::from("/"),
            links: Vec::new(),
            aliases: Vec::new(),
            end: End::Place(Nature::Directory),
        };
        while let Some(name) = todo.pop_front() {
            if name == "." {
                continue;
            }
            if name == ".." {
                resolution.real.pop();
                continue;
            }
            resolution.real.push(&name);
            match self.known.entry(&resolution.real) {
                Entry::Directory => resolution.end = End::Place(Nature::Directory),
                Entry::File if todo.is_empty() => resolution.end = End::Place(Nature::File),
                Entry::Stream if todo.is_empty() => resolution.end = End::Stream,
                // What another process has open is a place that we cannot see.
                Entry::Stream if resolution.real.starts_with("/proc") => {
                    resolution.end = End::Unreadable(format!(
                        "leads through {}, and what that process sees is unknown",
                        resolution.real.display()
                    ));
                    resolution.real.extend(todo.iter());
                    return resolution;
                }
                // A component below a file, or nothing at all.
                Entry::File | Entry::Stream | Entry::Missing => {
                    return missing(resolution, todo);
                }
                Entry::Unreadable(problem) => {
                    resolution.real.extend(todo.iter().filter(|name| *name != "."));
                    resolution.end = End::Unreadable(problem);
                    return resolution;
                }
                Entry::Link(to) => {
                    if resolution.links.len() >= MAX_LINKS {
                        resolution.end =
                            End::Unreadable("leads through too many symbolic links".into());
                        return resolution;
                    }
                    let link = resolution.real.clone();
                    let rest: PathBuf = todo.iter().collect();
                    resolution.aliases.push(join_clean(&link, &rest));
                    resolution.real.pop();
                    resolution.links.push(link);
                    if to.is_absolute() {
                        resolution.real = PathBuf::from("/");
                    }
                    resolution.end = End::Place(Nature::Directory);
                    for name in names(&to).into_iter().rev() {
                        todo.push_front(name);
                    }
                }
            }
        }
        resolution
    }

    /// The directories that were come through: what is known of them is not asked for
    /// again.
    pub(super) fn known(&mut self) -> &mut Known {
        &mut self.known
    }

    /// What `path` is when it lies in a directory that is known to be real and is no
    /// link: nearly always.
    fn at_once(&mut self, path: &Path) -> Option<Resolution> {
        let bytes = path.as_os_str().as_bytes();
        if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
            return None;
        }
        let (parent, name) = (path.parent()?, path.file_name()?);
        let end = match self.known.in_real(parent, name)? {
            Entry::Directory => End::Place(Nature::Directory),
            Entry::File => End::Place(Nature::File),
            Entry::Missing => End::Place(Nature::Missing),
            Entry::Link(_) | Entry::Stream | Entry::Unreadable(_) => return None,
        };
        // Not `path` itself, which may have `/./` or `//` before its name.
        Some(Resolution { real: parent.join(name), links: Vec::new(), aliases: Vec::new(), end })
    }
}

fn missing(mut resolution: Resolution, todo: VecDeque<OsString>) -> Resolution {
    for name in todo {
        if name == ".." {
            resolution.real.pop();
        } else if name != "." {
            resolution.real.push(name);
        }
    }
    resolution.end = End::Place(Nature::Missing);
    resolution
}

/// The parts of a path. A `.` or nothing behind the last slash stays, because it
/// makes a file no place.
fn names(path: &Path) -> VecDeque<OsString> {
    let mut parts: Vec<&[u8]> = path.as_os_str().as_bytes().split(|byte| *byte == b'/').collect();
    let last = parts.pop().unwrap_or_default();
    let last = if last.is_empty() { b".".as_slice() } else { last };
    parts
        .into_iter()
        .filter(|part| !part.is_empty() && *part != b".")
        .chain([last])
        .map(|part| OsStr::from_bytes(part).to_os_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(top.join("a/b/f"), "").unwrap();
        symlink("a/b", top.join("link")).unwrap();
        symlink(top.join("a"), top.join("absolute")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        symlink("nowhere/x", top.join("dangling")).unwrap();
        (dir, top)
    }

    #[test]
    fn a_directory_that_is_known_gives_the_same_path_in_every_spelling() {
        let (_dir, top) = scratch();
        let mut resolver = Resolver::default();
        let plain = top.join("a/b/f");
        for spelling in ["a/b/f", "a/b/./f", "a/b//f", "a/b/././/f"] {
            let found = resolver.resolve(&PathBuf::from(format!("{}/{spelling}", top.display())));
            // By bytes: two paths that differ in `/./` are equal.
            assert_eq!(found.real.as_os_str(), plain.as_os_str(), "{spelling}");
            assert_eq!(found.end, End::Place(Nature::File), "{spelling}");
        }
    }

    #[test]
    fn paths_lead_where_the_kernel_leads() {
        let (_dir, top) = scratch();
        for (path, real, nature) in [
            ("a/b/f", "a/b/f", Nature::File),
            ("link/f", "a/b/f", Nature::File),
            ("link/..", "a", Nature::Directory),
            ("link/../b", "a/b", Nature::Directory),
            ("absolute/b", "a/b", Nature::Directory),
            ("missing/x", "missing/x", Nature::Missing),
            ("missing/../a", "a", Nature::Missing),
            ("a/b/f/x", "a/b/f/x", Nature::Missing),
            ("a/b/f/", "a/b/f", Nature::Missing),
            ("a/b/f/.", "a/b/f", Nature::Missing),
            ("link/", "a/b", Nature::Directory),
            ("dangling", "nowhere/x", Nature::Missing),
            ("", "", Nature::Directory),
        ] {
            let found = Resolver::default().resolve(&top.join(path));
            assert_eq!(found.real, top.join(real), "{path}");
            assert_eq!(found.end, End::Place(nature), "{path}");
        }
    }

    #[test]
    fn links_on_the_way_are_reported() {
        let (_dir, top) = scratch();
        let found = Resolver::default().resolve(&top.join("link/f"));
        assert_eq!(found.links, [top.join("link")]);
        assert_eq!(found.aliases, [top.join("link/f")]);
    }

    #[test]
    fn loops_and_streams_end() {
        let (_dir, top) = scratch();
        let found = Resolver::default().resolve(&top.join("loop"));
        assert!(matches!(found.end, End::Unreadable(_)), "{found:?}");
        for path in ["/dev/null", "/dev/tty"] {
            assert_eq!(Resolver::default().resolve(Path::new(path)).end, End::Stream, "{path}");
        }
        let (reader, _writer) = io::pipe().unwrap();
        use std::os::fd::AsRawFd;
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert_eq!(Resolver::default().resolve(Path::new(&path)).end, End::Stream);
    }

    #[test]
    fn a_descriptor_of_a_file_leads_to_the_file() {
        use std::os::fd::AsRawFd;
        let (_dir, top) = scratch();
        let file = std::fs::File::open(top.join("a/b/f")).unwrap();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        assert_eq!(Resolver::default().resolve(Path::new(&path)).real, top.join("a/b/f"));
        std::fs::remove_file(top.join("a/b/f")).unwrap();
        assert_eq!(Resolver::default().resolve(Path::new(&path)).end, End::Stream);
    }

    /// What stands at a place of a random forest.
    #[derive(Debug, Clone)]
    enum Plant {
        File,
        Directory,
        Link(String),
    }

    /// Few names, so that links and paths meet.
    fn path() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["a", "b", "c", "d", "..", "."]);
        prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
    }

    fn forest() -> impl Strategy<Value = Vec<(String, Plant)>> {
        let plant = prop_oneof![
            Just(Plant::File),
            Just(Plant::Directory),
            path().prop_map(Plant::Link),
            path().prop_map(|to| Plant::Link(format!("TOP/{to}"))),
        ];
        prop::collection::vec((path(), plant), 1..24)
    }

    fn grow(top: &Path, forest: &[(String, Plant)]) {
        for (path, plant) in forest {
            let path = top.join(path);
            // What cannot stand there does not: the forest is what has grown.
            let _parent = std::fs::create_dir_all(path.parent().unwrap());
            let _grown = match plant {
                Plant::File => std::fs::File::create_new(&path).map(drop),
                Plant::Directory => std::fs::create_dir(&path),
                Plant::Link(to) => symlink(to.replace("TOP", top.to_str().unwrap()), &path),
            };
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// The kernel says where a path leads, and so do we.
        #[test]
        fn resolution_is_the_kernels(forest in forest(), paths in prop::collection::vec(path(), 1..8)) {
            let dir = tempfile::tempdir().unwrap();
            // Deep enough for every `..` to stay in the scratch directory.
            let top = dir.path().canonicalize().unwrap().join("1/2/3/4/5/6/7/8");
            std::fs::create_dir_all(&top).unwrap();
            grow(&top, &forest);
            let mut resolver = Resolver::default();
            for path in paths {
                let found = resolver.resolve(&top.join(&path));
                match std::fs::canonicalize(top.join(&path)) {
                    Ok(real) => {
                        prop_assert_eq!(&found.real, &real, "{}", path);
                        let nature =
                            if real.is_dir() { Nature::Directory } else { Nature::File };
                        prop_assert_eq!(found.end, End::Place(nature), "{}", path);
                    }
                    Err(error) if super::super::known::is_missing(&error) => {
                        prop_assert_eq!(found.end, End::Place(Nature::Missing), "{}", path);
                    }
                    Err(error) => {
                        let unreadable = matches!(found.end, End::Unreadable(_));
                        prop_assert!(unreadable, "{}: {} {:?}", path, error, found);
                    }
                }
            }
        }
    }
}
