//! From a request's target to what it is about. Only the shape of the path is
//! looked at here; whether the object exists is another module's question.

use crate::kinds::{self, Kind};
use crate::reply::{Answer, Failure};

/// A target, taken apart and decoded.
#[derive(Debug, Default)]
pub(crate) struct Target {
    pub(crate) path: Vec<String>,
    query: Vec<(String, String)>,
}

impl Target {
    pub(crate) fn parse(target: &str) -> Answer<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, false))
            .collect::<Answer<Vec<_>>>()?;
        if path.iter().any(|segment| segment.contains('/') || segment.contains('\0')) {
            return Err(Failure::bad_request("a path segment holds a slash or a NUL"));
        }
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name, true)?, decode(value, true)?))
            })
            .collect::<Answer<Vec<_>>>()?;
        Ok(Self { path, query })
    }

    /// A query parameter; an empty one counts as absent, as in Kubernetes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(given, _)| given == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1"))
    }
}

fn decode(text: &str, plus_is_space: bool) -> Answer<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| {
                    digit.and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(u32::MAX)
                });
                match digits {
                    [high @ 0..16, low @ 0..16] => (high * 16 + low) as u8,
                    _ => return Err(Failure::bad_request("malformed percent encoding")),
                }
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Failure::bad_request("the target is not UTF-8"))
}

/// What stored objects a path is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: &'static Kind,
    /// Empty for kinds without namespaces and for all namespaces.
    pub(crate) namespace: String,
    /// `None` for the whole collection.
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Resource {
    /// Understands `/api/v1/…` and `/apis/GROUP/VERSION/…`.
    pub(crate) fn parse(path: &[String]) -> Option<Self> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (group, version, rest) = match path[..] {
            ["api", version, ref rest @ ..] => ("", version, rest),
            ["apis", group, version, ref rest @ ..] => (group, version, rest),
            _ => return None,
        };
        let find = |plural| kinds::find(group, version, plural);
        // `namespaces/NAME/status` is a subresource, `namespaces/NAME/pods` is not.
        let (kind, namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if find(plural).is_some() => {
                (find(plural)?, *namespace, rest)
            }
            [plural, rest @ ..] => (find(plural)?, "", rest),
            [] => return None,
        };
        let (name, subresource) = match *rest {
            [] => (None, None),
            [name] => (Some(name.to_owned()), None),
            [name, subresource] => (Some(name.to_owned()), Some(subresource.to_owned())),
            _ => return None,
        };
        let everywhere = namespace.is_empty();
        let addressable = match (kind.namespaced(), &name) {
            (true, Some(_)) => !everywhere,
            (true, None) => true,
            (false, _) => everywhere,
        };
        addressable.then(|| Self { kind, namespace: namespace.to_owned(), name, subresource })
    }
}
