//! Addresses that manifests may be fetched from, compared by scheme, host and
//! whole path segments.

use std::fmt;
use std::path::{Path, PathBuf};

/// A remote address after normalising: scheme and host in lower case, the port
/// only when it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    scheme: String,
    host: String,
    segments: Vec<String>,
    /// How many of them are the repository's, for kustomize.
    repository: usize,
    reference: Option<String>,
}

/// Why an address cannot be compared safely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unacceptable {
    /// Not `scheme://host/…`.
    NotAnAddress,
    /// `user@` before the host.
    UserInfo,
    /// `..` or an encoded character in the path.
    Disguised,
}

impl fmt::Display for Unacceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "it is not written as scheme://host/path",
            Self::UserInfo => "it names a user before the host",
            Self::Disguised => "its path contains `..`, `%` or another character that hides a path",
        })
    }
}

impl Remote {
    /// Reads an address that kubectl or kustomize would fetch. Git's short form
    /// `git@host:path` is read as `ssh://git@host/path`, and a leading `git::` is
    /// dropped, as kustomize does (api 0.21, `NewRepoSpecFromURL`).
    ///
    /// # Errors
    /// [`Unacceptable`] when the comparison could be deceived.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let text = strip_prefix_ignoring_case(text, "git::").unwrap_or(text);
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = if let Some((scheme, rest)) = address.split_once("://") {
            (scheme.to_ascii_lowercase(), rest.to_owned())
        } else if let Some((host, path)) = scp_form(address) {
            ("ssh".to_owned(), format!("{host}/{path}"))
        } else if let Some(at) = github_without_scheme(address) {
            ("https".to_owned(), format!("{}/{}", &address[..at], &address[at + 1..]))
        } else {
            return Err(Unacceptable::NotAnAddress);
        };
        let (authority, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let host = match authority.rsplit_once('@') {
            Some(("git", host)) if scheme == "ssh" => host,
            Some(_) => return Err(Unacceptable::UserInfo),
            None => authority,
        };
        if host.is_empty() && scheme != "file" {
            return Err(Unacceptable::NotAnAddress);
        }
        if host.contains('%') || path.contains(|c: char| "%\\#".contains(c) || c.is_control()) {
            return Err(Unacceptable::Disguised);
        }
        let segments: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if segments.iter().any(|part| part == ".." || part == ".") {
            return Err(Unacceptable::Disguised);
        }
        let default_port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => "",
        };
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(default_port).unwrap_or(&host).to_owned();
        let repository = repository(path, &segments);
        Ok(Self { scheme, host, segments, repository, reference: reference(query) })
    }

    /// The prefix that trusts its owner: host and first part of the path, which is the
    /// organisation where many share a host. A path of one part, or one on this
    /// machine, stands for itself.
    #[must_use]
    pub fn owner(&self) -> String {
        let Self { scheme, host, segments, .. } = self;
        match segments.as_slice() {
            [owner, _, ..] if scheme != "file" => format!("{scheme}://{host}/{owner}/"),
            all => format!("{scheme}://{host}/{}", all.join("/")),
        }
    }

    /// `file://PATH`; `None` when the path could not be told from another one.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        Self::parse(&format!("file://{}", path.to_str()?)).ok()
    }

    /// The path of an address on this disk, with what it names in the repository there.
    #[must_use]
    pub fn local_path(&self) -> Option<PathBuf> {
        let begin = PathBuf::from("/");
        (self.scheme == "file").then(|| begin.join(self.segments.iter().collect::<PathBuf>()))
    }

    /// The path that this address names in `repository`, when it names one in it: by the
    /// owner's and the repository's own name, whatever host shows them.
    #[must_use]
    pub fn path_in(&self, repository: &Self) -> Option<&[String]> {
        let owner = repository.segments.len().saturating_sub(2);
        let name = repository.segments.get(owner..).filter(|name| !name.is_empty())?;
        let is_name = |window: &[String]| {
            window
                .iter()
                .zip(name)
                .all(|(one, other)| plain(one).eq_ignore_ascii_case(plain(other)))
        };
        let at = self.segments.windows(name.len()).position(is_name)?;
        self.segments.get(at + name.len()..)
    }

    /// Whether git would fetch it. What ends like a manifest is fetched as a file.
    #[must_use]
    pub fn is_repository(&self) -> bool {
        !self.segments.last().is_some_and(|name| {
            [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
        })
    }

    /// Whether `?ref=` (or `?version=`) names a full commit hash, which cannot
    /// be moved afterwards as a branch or a tag can.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.reference.as_ref().is_some_and(|name| {
            matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

/// A repository is written with or without `.git`.
fn plain(segment: &str) -> &str {
    segment.strip_suffix(".git").unwrap_or(segment)
}

/// Where kustomize divides an address (api 0.21, `NewRepoSpecFromURL`): behind
/// `_git/NAME`, else before `//`, else behind `.git`, else after two parts.
fn repository(path: &str, segments: &[String]) -> usize {
    let count = |text: &str| text.split('/').filter(|part| !part.is_empty()).count();
    if let Some(at) = segments.iter().position(|segment| segment.ends_with("_git")) {
        at + 2
    } else if let Some((before, _)) = path.split_once("//") {
        count(before)
    } else if let Some(at) = segments.iter().position(|segment| segment.ends_with(".git")) {
        at + 1
    } else {
        2
    }
}

/// The last `ref=` or `version=` of the query, as kustomize takes it.
fn reference(query: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| *name == "ref" || *name == "version")
        .map(|(_, value)| value.to_owned())
        .next_back()
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn scp_form(address: &str) -> Option<(&str, &str)> {
    let (host, path) = address.split_once(':')?;
    (host.contains('@') && !host.contains('/')).then_some((host, path))
}

/// Where the host ends in `github.com/org/repo` or `github.com:org/repo`.
fn github_without_scheme(address: &str) -> Option<usize> {
    let rest = strip_prefix_ignoring_case(address, "github.com")?;
    rest.starts_with(['/', ':']).then_some(address.len() - rest.len())
}

/// A `policy.remotes` entry.
#[derive(Clone, PartialEq, Eq)]
pub struct RemotePrefix {
    source: String,
    remote: Remote,
}

impl RemotePrefix {
    /// Reads a prefix such as `https://github.com/org/`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn new(source: &str) -> Result<Self, String> {
        let remote = Remote::parse(source).map_err(|why| why.to_string())?;
        if remote.reference.is_some() || source.contains('?') {
            return Err("must not contain a query".into());
        }
        Ok(Self { source: source.to_owned(), remote })
    }

    /// Whether `remote` lies under this prefix. A repository may be written with
    /// or without `.git`; one that ends before the prefix does is another one.
    #[must_use]
    pub fn covers(&self, remote: &Remote) -> bool {
        let ends = self.remote.repository.min(self.remote.segments.len());
        remote.repository >= ends
            && self.remote.scheme == remote.scheme
            && self.remote.host == remote.host
            && self.remote.segments.len() <= remote.segments.len()
            && self
                .remote
                .segments
                .iter()
                .zip(&remote.segments)
                .all(|(prefix, segment)| plain(prefix) == plain(segment))
    }
}

impl fmt::Display for RemotePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for RemotePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(prefix: &str, address: &str) -> bool {
        let prefix = RemotePrefix::new(prefix).unwrap();
        Remote::parse(address).is_ok_and(|remote| prefix.covers(&remote))
    }

    #[test]
    fn prefixes_compare_whole_segments() {
        for (prefix, address, expected) in [
            ("https://github.com/org/", "https://github.com/org/repo//x?ref=v1", true),
            ("https://github.com/org", "https://GitHub.com:443/org/repo", true),
            ("https://github.com/org", "github.com/org/repo", true),
            ("https://github.com/org", "git::https://github.com/org/repo", true),
            ("https://github.com/org/repo", "https://github.com/org/repo.git", true),
            ("ssh://git@github.com/org", "git@github.com:org/repo", true),
            ("https://github.com/org", "https://github.com/organ/repo", false),
            ("https://github.com/org", "https://github.com.evil.example/org/x", false),
            ("https://github.com/org", "http://github.com/org/repo", false),
            ("https://github.com/org", "https://github.com/org/../evil/x", false),
            ("https://github.com/org", "https://github.com/org/%2e%2e/evil", false),
            ("https://github.com/org", "https://github.com@evil.example/org/x", false),
            ("https://github.com/org", "https://evil.example/?https://github.com/org", false),
            ("https://github.com/org", "https://github.com:8443/org/repo", false),
            // What is cloned ends where kustomize divides the address.
            ("https://host/team/infra", "https://host/team//infra", false),
            ("https://host/team/infra", "https://host/team.git/infra", false),
            ("https://host/a/b/c.git", "https://host/a/b/c", false),
            ("https://host/a/b/c.git", "https://host/a/b/c.git//x", true),
            ("https://host/a/b/c", "https://host/a/b/c.git", true),
            ("https://host/team/infra/base", "https://host/team/infra//base", true),
            ("https://host/p/_git/r", "https://host/p/_git/r//x", true),
            ("https://host/", "https://host/a//b", true),
        ] {
            assert_eq!(covers(prefix, address), expected, "{prefix} ~ {address}");
        }
    }

    #[test]
    fn an_owner_covers_what_it_was_made_of() {
        for (address, owner) in [
            ("https://github.com/org/repo//x?ref=v1", "https://github.com/org/"),
            ("git@github.com:org/repo", "ssh://github.com/org/"),
            ("github.com/org/repo", "https://github.com/org/"),
            (
                "https://raw.githubusercontent.com/org/repo/a.yaml",
                "https://raw.githubusercontent.com/org/",
            ),
            ("https://example.com/a.yaml", "https://example.com/a.yaml"),
            ("https://example.com:8443/a/b.yaml", "https://example.com:8443/a/"),
            ("file:///srv/git/base", "file:///srv/git/base"),
        ] {
            assert_eq!(Remote::parse(address).unwrap().owner(), owner);
            assert!(covers(owner, address), "{owner} covers {address}");
        }
    }

    #[test]
    fn only_a_commit_hash_is_immutable() {
        let immutable = |address: &str| Remote::parse(address).unwrap().is_immutable();
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert!(immutable(&format!("https://h/o/r?ref={hash}")));
        assert!(immutable(&format!("https://h/o/r?submodules=false&ref={hash}")));
        assert!(!immutable("https://h/o/r?ref=main"));
        assert!(!immutable("https://h/o/r?ref=v1.2.3"));
        assert!(!immutable("https://h/o/r"));
        assert!(!immutable(&format!("https://h/o/r?ref={hash}&ref=main")));
    }
}
