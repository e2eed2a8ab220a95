//! Paths as kubectl computes them, without looking at a disk.

use std::path::{Component, Path, PathBuf};

/// Go's `filepath.Join(base, path)` for an absolute `base`: an absolute `path`
/// replaces it, then `.` and `..` are removed *lexically*.
///
/// kustomize resolves every reference and kubectl every `-k` in this way before
/// it follows a single symbolic link (kubectl 1.20–1.36, `filepath.Abs`), so
/// `link/../prod` means `prod` beside `link`, not beside what `link` points to.
#[must_use]
pub fn join_clean(base: &Path, path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in base.join(path).components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    cleaned
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
    use super::*;

    fn joined(base: &str, path: &str) -> String {
        join_clean(Path::new(base), Path::new(path)).display().to_string()
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
        ] {
            assert_eq!(joined(base, path), expected, "{base} + {path}");
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
}
