//! Go's `filepath.Glob`: kubectl 1.24 and later expand a `-f` argument that does
//! not exist, also where the shell was told not to.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::path::joined;
use crate::pattern::{BadPattern, Pattern, has_meta};

/// The paths that `pattern` matches, as Go spells them: relative to `here` unless
/// the pattern is absolute, and cleaned, so that `link/../*.yaml` takes the names
/// from where the kernel leads and gives paths that lead elsewhere.
///
/// # Errors
/// [`BadPattern`] where kubectl says that the pattern is not valid.
pub(super) fn expand(pattern: &OsStr, here: &Path) -> Result<Vec<OsString>, BadPattern> {
    Pattern::new(pattern.as_bytes())?;
    if !has_meta(pattern.as_bytes()) {
        let exists = here.join(pattern).symlink_metadata().is_ok();
        return Ok(exists.then(|| pattern.to_os_string()).into_iter().collect());
    }
    let (dir, name) = split(pattern.as_bytes());
    let name = Pattern::new(name)?;
    let dirs = if has_meta(dir) {
        expand(OsStr::from_bytes(dir), here)?
    } else {
        vec![OsStr::from_bytes(dir).to_os_string()]
    };
    Ok(dirs.iter().flat_map(|dir| children(dir, &name, here)).collect())
}

/// The directory without its last slash, and the last component.
fn split(pattern: &[u8]) -> (&[u8], &[u8]) {
    match pattern.iter().rposition(|byte| *byte == b'/') {
        None => (b".", pattern),
        Some(0) => (b"/", &pattern[1..]),
        Some(at) => (&pattern[..at], &pattern[at + 1..]),
    }
}

fn children(dir: &OsStr, pattern: &Pattern, here: &Path) -> Vec<OsString> {
    let Ok(entries) = std::fs::read_dir(here.join(dir)) else { return Vec::new() };
    let mut names: Vec<OsString> = entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| pattern.matches(name.as_bytes()))
        .collect();
    names.sort();
    names.iter().map(|name| joined(dir, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_expand_as_go_expands_them() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path();
        for path in ["a/x.yaml", "a/y.yaml", "b/x.yaml", "b/.z.yaml", "real/up/w.yaml", "[c]/v"] {
            std::fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            std::fs::write(top.join(path), "").unwrap();
        }
        std::os::unix::fs::symlink("real/up", top.join("link")).unwrap();
        for (pattern, expected) in [
            ("a/*.yaml", &["a/x.yaml", "a/y.yaml"][..]),
            ("*/x.yaml", &["a/x.yaml", "b/x.yaml"]),
            ("**/x.yaml", &["a/x.yaml", "b/x.yaml"]),
            ("?/*.yaml", &["a/x.yaml", "a/y.yaml", "b/.z.yaml", "b/x.yaml"]),
            ("[^a]/*.yaml", &["b/.z.yaml", "b/x.yaml"]),
            ("[!a]/*.yaml", &["a/x.yaml", "a/y.yaml"]), // `!` is a member
            ("\\a/x.yaml", &["a/x.yaml"]),
            ("\\[c]/v", &["[c]/v"]),
            ("./a//x.*", &["a/x.yaml"]),
            ("link/*", &["link/w.yaml"]),
            // The names come from real, the paths lead from the top.
            ("link/../*", &["up"]),
            ("a/*/", &[]),
            ("*/", &[]),
            ("{a,b}/x.yaml", &[]),
            ("a/[x-y].yaml", &["a/x.yaml", "a/y.yaml"]),
            ("missing/*", &[]),
            ("a/x.yaml/*", &[]),
        ] {
            let found = expand(OsStr::new(pattern), top).unwrap();
            assert_eq!(found, expected, "{pattern}");
        }
        let absolute = format!("{}/a/x*", top.display());
        let found = expand(OsStr::new(&absolute), Path::new("/")).unwrap();
        assert_eq!(found, [top.join("a/x.yaml").into_os_string()]);
        for pattern in ["a/[", "[/x", "a[/]b", "x\\", "*/[]a]", "missing/*/[a-"] {
            assert_eq!(expand(OsStr::new(pattern), top), Err(BadPattern), "{pattern}");
        }
    }
}
