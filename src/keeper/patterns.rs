//! The lines of git's sparse-checkout file: the user's own, then one exclusion for
//! each foreign overlay, by name. Never a re-inclusion: it would bring back what
//! the user has excluded.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A line of the file, without its end.
pub type Line = Vec<u8>;

/// The line that keeps what is in `overlay` (relative to the checkout) away.
///
/// It is not `!/overlay/`: that excludes the directory, and a line of the user's such
/// as `*.yaml` still includes its files; and git looks at the disk for every line that
/// ends so and every file that it keeps away (thousands of each: minutes for one
/// `git reset --hard`).
#[must_use]
pub fn exclusion(overlay: &Path) -> Line {
    let mut line = b"!/".to_vec();
    for byte in overlay.as_os_str().as_bytes() {
        match byte {
            // A pattern has one line: a class that holds nothing else a name
            // would contain stands for the line's end (git's wildmatch).
            b'\n' => line.extend(b"[[:cntrl:]]"),
            b'\r' => line.extend(b"[[:cntrl:]]"),
            b'*' | b'?' | b'[' | b'\\' => line.extend([b'\\', *byte]),
            _ => line.push(*byte),
        }
    }
    line.extend(b"/**");
    line
}

/// What the file must contain, given what it contains now, which of those lines
/// are ours, and which of ours it is to have. `None` stands for no file.
#[must_use]
pub fn wanted(
    current: Option<&[Line]>,
    ours: &BTreeSet<Line>,
    new: impl IntoIterator<Item = Line>,
) -> Vec<Line> {
    let mut lines = users(current, ours);
    lines.extend(new);
    lines
}

/// The user's own lines. Everything is included where there are none.
#[must_use]
pub fn users(current: Option<&[Line]>, ours: &BTreeSet<Line>) -> Vec<Line> {
    let everything = || vec![b"/*".to_vec()];
    let Some(current) = current else { return everything() };
    current.iter().filter(|line| !ours.contains(*line)).cloned().collect()
}

/// The patterns in the text of the file: comments and empty lines are none.
#[must_use]
pub fn lines(text: &[u8]) -> Vec<Line> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(<[u8]>::to_vec)
        .collect()
}

/// The text for `lines`.
#[must_use]
pub fn text(lines: &[Line]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_name_is_taken_literally() {
        for (name, line) in [
            (&b"overlays/prod"[..], &b"!/overlays/prod/**"[..]),
            (b"o/pr*d", b"!/o/pr\\*d/**"),
            (b"o/[a]", b"!/o/\\[a]/**"),
            (b"o/a\\b", b"!/o/a\\\\b/**"),
            (b"o/a\nb", b"!/o/a[[:cntrl:]]b/**"),
            (b"o/end ", b"!/o/end /**"),
            (b"o/\xff", b"!/o/\xff/**"),
        ] {
            assert_eq!(exclusion(Path::new(OsStr::from_bytes(name))), line);
        }
    }

    #[test]
    fn exclusions_follow_the_users_own_lines() {
        let line = |text: &str| text.as_bytes().to_vec();
        let new = || [exclusion(Path::new("o/prod"))];
        assert_eq!(wanted(None, &BTreeSet::new(), new()), [line("/*"), line("!/o/prod/**")]);
        let ours = BTreeSet::from([line("!/o/prod/"), line("!/o/gone/")]);
        let current = [line("/apps/a/"), line("!/o/prod/"), line("!/o/gone/"), line("/apps/b/")];
        assert_eq!(
            wanted(Some(&current), &ours, new()),
            [line("/apps/a/"), line("/apps/b/"), line("!/o/prod/**")]
        );
    }

    #[test]
    fn comments_are_no_patterns() {
        assert_eq!(lines(b"# mine\n/a/\n\n/b/\n"), [b"/a/".to_vec(), b"/b/".to_vec()]);
        assert_eq!(text(&[b"/a/".to_vec()]), b"/a/\n");
    }
}
