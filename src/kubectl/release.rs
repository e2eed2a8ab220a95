//! Which kubectl it is, and what the table knows of it.

use std::fmt;

use super::grammar::Version;

/// A kubectl release, without its patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// 1
    pub major: u32,
    /// NN of 1.NN
    pub minor: u32,
}

impl Release {
    /// The newest release in the table.
    #[must_use]
    pub fn newest_known() -> Self {
        Version::all()
            .map(|version| Self { major: 1, minor: version.minor() })
            .max()
            .unwrap_or(Self { major: 1, minor: 0 })
    }

    /// Finds the release in what `kubectl version --client` prints, in any format
    /// (`Client Version: v1.36.4`, `GitVersion:"v1.20.2"`, `v1.29.0-eks-5e0fdde`).
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split('v').skip(1).find_map(|after| {
            let mut numbers = after.splitn(3, '.');
            let major = numbers.next()?.parse().ok()?;
            let minor = numbers.next()?.parse().ok()?;
            let patch = numbers.next()?;
            patch.starts_with(|first: char| first.is_ascii_digit()).then_some(Self { major, minor })
        })
    }

    /// Whether the table was made before this release: flags and commands that it
    /// lacks are then looked up in kubectl's own help.
    #[must_use]
    pub fn is_newer_than_the_table(self) -> bool {
        self > Self::newest_known()
    }

    /// The sentence for `check` and `status` about a kubectl that is newer than
    /// the table.
    #[must_use]
    pub fn remark(self) -> Option<String> {
        self.is_newer_than_the_table().then(|| {
            format!(
                "kubectl {self} is newer than envguard's table of commands and flags (up to {}); what the table lacks is looked up in kubectl's own help",
                Self::newest_known()
            )
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(minor: u32) -> Release {
        Release { major: 1, minor }
    }

    #[test]
    fn the_release_is_found_in_every_format() {
        for (text, expected) in [
            ("Client Version: v1.36.4\nKustomize Version: v5.8.1\n", Some(release(36))),
            (
                "Client Version: version.Info{Major:\"1\", GitVersion:\"v1.20.2\"}",
                Some(release(20)),
            ),
            ("{\"clientVersion\": {\"gitVersion\": \"v1.29.0-eks-5e0fdde\"}}", Some(release(29))),
            ("Client Version: v1.32.4-dispatcher", Some(release(32))),
            ("v1.40.0+k3s1", Some(release(40))),
            ("version v1", None),
            ("v1.x.3", None),
            ("", None),
        ] {
            assert_eq!(Release::find(text), expected, "{text}");
        }
    }

    #[test]
    fn newer_than_the_table_is_said_with_both_versions() {
        let newest = Release::newest_known();
        assert!(!newest.is_newer_than_the_table());
        assert_eq!(newest.remark(), None);
        assert_eq!(release(20).remark(), None);
        let next = release(newest.minor + 1);
        let remark = next.remark().unwrap();
        assert!(remark.contains(&next.to_string()) && remark.contains(&newest.to_string()));
        assert!(Release { major: 2, minor: 0 }.is_newer_than_the_table());
    }
}
