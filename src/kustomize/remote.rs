//! Which entries kustomize fetches instead of opening them.

/// `http:` or `https:` in any case: a file entry that is fetched (kustomize 4+,
/// `loader.Load`). kustomize opens it as a local path when Go cannot parse it as
/// an address, and kubectl 1.20 always does.
#[must_use]
pub fn is_http_address(entry: &str) -> bool {
    strip_any(entry, &["http:", "https:"]).is_some()
}

/// A directory entry that is cloned, even when a directory of that name exists.
#[must_use]
pub fn is_git_address(entry: &str) -> bool {
    !entry.starts_with('/') && (is_address_of_5(entry) || is_address_of_2(entry))
}

/// kustomize 5 (`NewRepoSpecFromURL`): a scheme git knows, `user@`, or GitHub
/// without either; then a host; then a path to a repository.
fn is_address_of_5(entry: &str) -> bool {
    let entry = entry.split('?').next().unwrap_or_default();
    let entry = strip_any(entry, &["git::"]).unwrap_or(entry);
    if let Some(path) = strip_any(entry, &["file://"]) {
        return is_repository(path, 0);
    }
    let schemes = ["ssh://", "https://", "http://"];
    let (has_scheme, rest) = strip_any(entry, &schemes).map_or((false, entry), |rest| (true, rest));
    let user = user(rest);
    let host = &rest[user.len()..];
    let is_github = strip_any(host, &["github.com/", "github.com:"]).is_some();
    let short = !has_scheme && (!user.is_empty() || is_github);
    if !has_scheme && !short {
        return false;
    }
    let slash = host.find('/');
    let end = match host.find(':').filter(|_| short) {
        Some(colon) if slash.is_none_or(|slash| colon > 0 && colon < slash) => Some(colon),
        _ => slash,
    };
    end.is_some_and(|end| is_repository(&host[end + 1..], 2))
}

/// `[a-zA-Z][a-zA-Z0-9-]*@` at the beginning.
fn user(text: &str) -> &str {
    let Some(at) = text.find('@') else { return "" };
    let user = &text[..at];
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_user =
        user.starts_with(|letter: char| letter.is_ascii_alphabetic()) && user.chars().all(letters);
    if is_user { &text[..=at] } else { "" }
}

/// Whether `path` can be divided into a repository and a directory in it that
/// does not leave it. Without a mark of where the repository ends it has
/// `segments` segments; 0 is all of them.
fn is_repository(path: &str, segments: usize) -> bool {
    let (repository, directory) = if let Some((before, after)) = path.split_once("_git/") {
        let (name, directory) = after.split_once('/').unwrap_or((after, ""));
        (before.len() + "_git/".len() + name.len(), directory)
    } else if let Some((before, after)) = path.split_once("//") {
        (before.len(), after)
    } else if let Some((before, after)) = path.split_once(".git") {
        (before.len() + ".git".len(), after)
    } else if segments == 0 {
        (path.len(), "")
    } else {
        let mut ends = path.match_indices('/').map(|(at, _)| at);
        match (ends.nth(segments - 2), ends.next()) {
            (None, _) => return false,
            (Some(_), None) => (path.len(), ""),
            (Some(_), Some(end)) => (end, &path[end + 1..]),
        }
    };
    repository > 0 && !leaves(directory)
}

/// Whether a relative path leads above where it starts.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    // One leading slash is dropped, and an absolute path cannot leave.
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.starts_with('/') {
        return false;
    }
    path.split('/').any(|part| {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        depth < 0
    })
}

/// kustomize 2.0.3 in kubectl 1.20 (`NewRepoSpecFromUrl`): one of its prefixes,
/// and something like a repository behind the host.
fn is_address_of_2(entry: &str) -> bool {
    let mut rest = entry;
    let mut prefix = "";
    for known in
        ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"]
    {
        if let Some(after) = strip_any(rest, &[known]).filter(|after| !after.is_empty()) {
            (rest, prefix) = (after, known);
        }
    }
    if prefix.is_empty() {
        return false;
    }
    if ["git@", "ssh://", "https://", "http://"].contains(&prefix) {
        let end = rest.find('/').or_else(|| rest.find(':').filter(|_| prefix == "git@"));
        rest = end.map_or(rest, |end| &rest[end + 1..]);
    }
    match rest.find(".git") {
        Some(at) => at > 0,
        None => rest.find('/').is_some_and(|at| at > 0),
    }
}

/// `text` without the first of `prefixes` that it begins with, in any case.
fn strip_any<'t>(text: &'t str, prefixes: &[&str]) -> Option<&'t str> {
    prefixes.iter().find_map(|prefix| {
        let head = text.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
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
            ("https://host/org/repo", true),
            ("https://host/org", false), // too short for a repository
            ("https://host/org.git", true),
            ("https://host/a/_git/b/c", true),
            ("git::https://h/r/x", true),
            ("GIT::https://h/r/x", true),
            ("git@github.com:org/repo", true),
            ("git@host:repo.git", true),
            ("git@host:repo", false),
            ("prod@overlays:x/y", true),
            ("prod@overlays:x", false),
            ("prod@overlays/x/y", true),
            ("prod@overlays/x", false),
            ("a@b/c//d", true),
            ("a@b/c//../../overlays/prod", false), // leads out of the repository: a path
            ("a@b/c/d/e/../../..", false),
            ("github.com/org/repo", true),
            ("GitHub.com/org/repo", true),
            ("github.com:org/repo", true),
            ("github.com/org", false),
            ("file:///srv/repo", true),
            ("FILE://x", true),
            ("file://", false),
            ("ssh://git@h/r/x", true),
            ("gh:org/repo", true), // kubectl 1.20
            ("../prod", false),
            ("/srv/prod", false),
            ("/git@h:a/b", false),
            ("github.company/x/y", false),
            ("1user@host:x/y", false),
            ("user_x@host:x/y", false),
            ("team@prod", false),
            ("overlays/team@prod:x/y", false),
            ("foo_git/bar/baz", false),
            ("", false),
        ] {
            assert_eq!(is_git_address(entry), git, "{entry}");
        }
        assert!(is_http_address("HtTp://x/y.yaml"));
        assert!(is_http_address("https:x"));
        assert!(!is_http_address("httpx/y.yaml"));
    }
}
