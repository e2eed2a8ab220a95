//! Paths as kubectl computes them, without looking at a disk.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Go's `filepath.Join(base, path)` for an absolute `base`: an absolute `path`
/// replaces it, then `.` and `..` are removed *lexically*.
///
/// kustomize resolves every reference and kubectl every `-k` in this way before
/// it follows a single symbolic link (kubectl 1.20–1.36, `filepath.Abs`), so
/// `link/../prod` means `prod` beside `link`, not beside what `link` points to.
#[must_use]
pub fn join_clean(base: &Path, path: &Path) -> PathBuf {
    PathBuf::from(cleaned(base.join(path).as_os_str()))
}

/// Go's `filepath.Clean`: the shortest path that is lexically the same. What is
/// empty is `.`, and a relative path may begin with `..`.
#[must_use]
pub fn cleaned(path: &OsStr) -> OsString {
    let bytes = path.as_bytes();
    let rooted = bytes.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    OsString::from_vec(match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    })
}

/// Go's `filepath.Join(dir, name)` for a `dir` that may be relative.
#[must_use]
pub fn joined(dir: &OsStr, name: &OsStr) -> OsString {
    if dir.is_empty() {
        return cleaned(name);
    }
    let mut path = dir.to_os_string();
    path.push("/");
    path.push(name);
    cleaned(&path)
}

/// Whether `path` is `dir` or lies below it. Both must be absolute and clean;
/// whole components are compared, so `/srv/manifests2` is not within
/// `/srv/manifests`.
#[must_use]
pub fn is_within(path: &Path, dir: &Path) -> bool {
    path.starts_with(dir)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(path: impl AsRef<OsStr>) -> String {
        path.as_ref().to_str().unwrap().to_owned()
    }

    #[test]
    fn joining_cleans_lexically_as_go_does() {
        for (base, path, expected) in [
            ("/srv/m", "overlays/prod", "/srv/m/overlays/prod"),
            ("/srv/m", "./overlays//prod/", "/srv/m/overlays/prod"),
            ("/srv/m/link", "../prod", "/srv/m/prod"),
            ("/srv/m", "/etc/x", "/etc/x"),
            ("/srv/m", "../../../..", "/"),
            ("/srv/m", "", "/srv/m"),
            ("/srv/m", ".", "/srv/m"),
            ("/srv/m", "a/../../m/b", "/srv/m/b"),
            // $PWD may be anything that names the directory.
            ("/srv/x/../m", "../b", "/srv/b"),
        ] {
            let joined = join_clean(Path::new(base), Path::new(path));
            assert_eq!(text(joined), expected, "{base} + {path}");
        }
    }

    /// The rows of Go's own test of `filepath.Clean` (path/filepath), as far as
    /// Unix is concerned.
    #[test]
    fn cleaning_is_gos() {
        for (path, expected) in [
            ("abc", "abc"),
            ("abc/def", "abc/def"),
            ("a/b/c", "a/b/c"),
            (".", "."),
            ("..", ".."),
            ("../..", "../.."),
            ("../../abc", "../../abc"),
            ("/abc", "/abc"),
            ("/", "/"),
            ("", "."),
            ("abc/", "abc"),
            ("a/b/c/", "a/b/c"),
            ("./", "."),
            ("../", ".."),
            ("/abc/", "/abc"),
            ("abc//def//ghi", "abc/def/ghi"),
            ("//abc", "/abc"),
            ("///abc", "/abc"),
            ("abc/./def", "abc/def"),
            ("/./abc/def", "/abc/def"),
            ("abc/.", "abc"),
            ("abc/def/ghi/../jkl", "abc/def/jkl"),
            ("abc/def/../ghi/../jkl", "abc/jkl"),
            ("abc/def/..", "abc"),
            ("abc/def/../..", "."),
            ("/abc/def/../..", "/"),
            ("abc/def/../../..", ".."),
            ("/abc/def/../../..", "/"),
            ("abc/def/../../../ghi/jkl/../../../mno", "../../mno"),
            ("/../abc", "/abc"),
            ("abc/./../def", "def"),
            ("abc//./../def", "def"),
            ("abc/../../././../def", "../../def"),
            ("...", "..."),
            (".a/..b", ".a/..b"),
        ] {
            assert_eq!(text(cleaned(OsStr::new(path))), expected, "{path}");
        }
    }

    #[test]
    fn joining_relative_paths_cleans_too() {
        for (dir, name, expected) in [
            ("", "a", "a"),
            (".", "a", "a"),
            ("/", "a", "/a"),
            ("a/..", "b", "b"),
            ("up/../foo", "x.yaml", "foo/x.yaml"),
            ("../up", "x", "../up/x"),
        ] {
            assert_eq!(text(joined(OsStr::new(dir), OsStr::new(name))), expected, "{dir} + {name}");
        }
    }

    #[test]
    fn containment_compares_whole_names() {
        let within = |path: &str, dir: &str| is_within(Path::new(path), Path::new(dir));
        assert!(within("/srv/m", "/srv/m"));
        assert!(within("/srv/m/x", "/srv/m"));
        assert!(!within("/srv/m2", "/srv/m"));
        assert!(!within("/srv", "/srv/m"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// Cleaned once is cleaned, and what is clean has no `.`, no `..` behind a
        /// name and no second slash.
        #[test]
        fn cleaned_paths_are_clean(path in "[ab./]{0,20}") {
            let once = cleaned(OsStr::new(&path));
            prop_assert_eq!(cleaned(&once), once.clone());
            let once = text(once);
            prop_assert_eq!(once.starts_with('/'), path.starts_with('/'));
            prop_assert!(!once.contains("//"));
            prop_assert!(once == "/" || !once.ends_with('/'));
            let parts: Vec<&str> = once.trim_start_matches('/').split('/').collect();
            prop_assert!(once == "." || parts.iter().all(|part| *part != "."));
            let names = parts.iter().skip_while(|part| **part == "..");
            prop_assert!(names.clone().all(|part| *part != ".."));
        }

        /// Without links, cleaning leads where the kernel leads.
        #[test]
        fn cleaning_is_the_kernels_where_there_are_no_links(path in "([ab.]|\\.\\.|a/b)(/([ab.]|\\.\\.)){0,6}") {
            let dir = tempfile::tempdir().unwrap();
            let top = dir.path().canonicalize().unwrap().join("1/2/3/4/5/6/7/8");
            for place in ["a/a/a/a", "a/b/a/b", "b/a/b/a", "b/b/b/b"] {
                std::fs::create_dir_all(top.join(place)).unwrap();
            }
            if let Ok(real) = top.join(&path).canonicalize() {
                prop_assert_eq!(join_clean(&top, Path::new(&path)), real);
            }
        }

        /// A path without `..` stays where it starts, and no other directory of a
        /// longer name contains it.
        #[test]
        fn containment_is_that_of_components(base in "(/[ab]{1,3}){1,4}", path in "[ab]{1,3}(/[ab.]{1,3}){0,3}") {
            let inside = join_clean(Path::new(&base), Path::new(&path));
            let longer = PathBuf::from(base.clone() + "x");
            let leaves = path.split('/').any(|part| part == "..");
            prop_assert!(leaves || is_within(&inside, Path::new(&base)));
            prop_assert!(!is_within(Path::new(&base), &longer));
            prop_assert!(!is_within(&longer, Path::new(&base)));
            let parts = |path: &Path| text(path).split('/').map(str::to_owned).collect::<Vec<_>>();
            let (inside_parts, base_parts) = (parts(&inside), parts(Path::new(&base)));
            prop_assert_eq!(is_within(&inside, Path::new(&base)), inside_parts.starts_with(&base_parts));
        }
    }
}
