//! The API server's version, as it told whoever spoke to it last (`setup`, `status
//! --online`). No kubectl waits for a server because of this: the record is one small
//! file, and when it is too old it is none.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cache;
use crate::env::Env;
use crate::kubectl::Release;
use crate::policy::Server;

const NAME: &str = "server";

/// First line of the file.
const FORMAT: &str = "envguard-server 1";

/// Clusters are upgraded every few months; what is older may be wrong.
const GOOD_FOR: Duration = Duration::from_secs(30 * 86_400);

/// What is known of the server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// As the server writes it: `v1.33.5-eks-113cf36`.
    pub version: String,
    /// The same, as kubectl's releases count.
    pub release: Release,
    /// How long ago it said so.
    pub age: Duration,
}

/// What `server` said, if it was not too long ago.
#[must_use]
pub fn known(server: &Server, env: &Env) -> Option<ServerVersion> {
    let places = cache::places(env);
    let found = places.iter().filter_map(|place| cache::read(place, NAME));
    // Another user may have asked later.
    found.filter_map(|text| restored(&text, server, SystemTime::now())).min_by_key(|one| one.age)
}

/// Keeps what `server` has just said. Where nothing can be written, nothing is known
/// the next time either.
pub fn keep(server: &Server, version: &str, env: &Env) {
    if Release::find(version).is_none() || version.contains('\n') {
        return;
    }
    let Some(place) = cache::places(env).into_iter().next() else { return };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let text = format!("{FORMAT}\n{server}\n{version}\n{seconds}\nend\n");
    cache::write(&place, NAME, &text).unwrap_or_default();
}

fn restored(text: &str, server: &Server, now: SystemTime) -> Option<ServerVersion> {
    let lines: Vec<&str> = text.lines().collect();
    let [FORMAT, address, version, seconds, "end"] = lines[..] else { return None };
    if address != server.to_string() {
        return None;
    }
    let said = UNIX_EPOCH + Duration::from_secs(seconds.parse().ok()?);
    let age = now.duration_since(said).ok().filter(|age| *age <= GOOD_FOR)?;
    Some(ServerVersion { version: version.to_owned(), release: Release::find(version)?, age })
}

/// The `kubectl-1.NN` (or `kubectl.1.NN`) of a directory that is nearest to `wanted`,
/// the newer one of two; without a wish the newest.
#[must_use]
pub fn nearest(
    found: impl IntoIterator<Item = (u32, PathBuf)>,
    wanted: Option<u32>,
) -> Option<PathBuf> {
    let distance = |minor: u32| wanted.map_or(0, |wanted| wanted.abs_diff(minor));
    let best = found.into_iter().min_by_key(|(minor, _)| (distance(*minor), u32::MAX - *minor));
    best.map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Server {
        Server::parse(&format!("https://{name}.example.test")).unwrap()
    }

    #[test]
    fn it_holds_for_this_server_and_thirty_days() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let text = format!("{FORMAT}\n{}\nv1.33.5-eks-1\n1000\nend\n", server("a"));
        let found = restored(&text, &server("a"), at(1_060)).unwrap();
        assert_eq!((found.release.minor, found.age), (33, Duration::from_secs(60)));
        assert_eq!(found.version, "v1.33.5-eks-1");
        let month = 30 * 86_400;
        assert!(restored(&text, &server("a"), at(1_000 + month)).is_some());
        assert_eq!(restored(&text, &server("a"), at(1_001 + month)), None, "too old");
        assert_eq!(restored(&text, &server("a"), at(999)), None, "from the future");
        assert_eq!(restored(&text, &server("b"), at(1_060)), None, "another server");
        assert_eq!(restored(&text[..text.len() - 4], &server("a"), at(1_060)), None, "cut");
    }

    #[test]
    fn the_nearest_is_taken_and_of_two_the_newer_one() {
        let all = || [27, 29, 31, 36].map(|minor| (minor, format!("/k/{minor}").into()));
        for (wanted, expected) in [
            (None, 36),
            (Some(29), 29),
            (Some(30), 31),
            (Some(33), 31),
            (Some(34), 36),
            (Some(20), 27),
        ] {
            let expected = format!("/k/{expected}").into();
            assert_eq!(nearest(all(), wanted), Some(expected), "{wanted:?}");
        }
        assert_eq!(nearest([], Some(3)), None);
    }
}
