//! Which entries kustomize fetches instead of opening them.

/// `http:` or `https:` in any case: a file entry that is fetched (kustomize 4+,
/// `loader.Load`).
#[must_use]
pub fn is_http_address(entry: &str) -> bool {
    starts_with_any(entry, &["http:", "https:"])
}

/// A directory entry that is cloned (kustomize 5, `NewRepoSpecFromURL`): with a
/// scheme git knows, `user@host:path`, or GitHub without a scheme. It is cloned
/// even when a directory of that name exists.
#[must_use]
pub fn is_git_address(entry: &str) -> bool {
    if entry.starts_with('/') {
        return false;
    }
    if starts_with_any(entry, &["git::", "ssh://", "https://", "http://", "file://"])
        || starts_with_any(entry, &["github.com/", "github.com:", "gh:"])
    {
        return true;
    }
    has_user(entry)
}

/// `[a-zA-Z][a-zA-Z0-9-]*@` at the beginning, and a host that ends.
fn has_user(entry: &str) -> bool {
    let Some((user, host)) = entry.split_once('@') else { return false };
    user.starts_with(|c: char| c.is_ascii_alphabetic())
        && user.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && host.contains([':', '/'])
}

fn starts_with_any(entry: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        entry.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for (entry, git) in [
            ("https://github.com/org/repo//x?ref=v1", true),
            ("HTTPS://github.com/org/repo", true),
            ("git::https://h/r", true),
            ("git@github.com:org/repo", true),
            ("prod@overlays:x/y", true),
            ("github.com/org/repo", true),
            ("GitHub.com/org/repo", true),
            ("file:///srv/repo", true),
            ("ssh://git@h/r", true),
            ("../prod", false),
            ("/srv/prod", false),
            ("github.company/x", false),
            ("1user@host:x", false),
            ("team@prod", false),
            ("overlays/team@prod:x", false),
        ] {
            assert_eq!(is_git_address(entry), git, "{entry}");
        }
        assert!(is_http_address("HtTp://x/y.yaml"));
        assert!(!is_http_address("httpx/y.yaml"));
    }
}
