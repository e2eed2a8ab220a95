//! Scalars of the configuration: text that is validated while it is read, so that
//! an error carries its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::pattern::Pattern;
use crate::policy::{Fingerprint, RemotePrefix, RootPattern, Server, instance_digits};
use crate::text::shown;

/// A value that is written as text in the configuration.
pub(super) trait FromText: Sized {
    /// Reads `text`, or says in a phrase what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// Deserializes through [`FromText`].
#[derive(Debug, Clone)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The visitor itself reports what is wrong: only then does the parser add
        // line and field. And the parser decides what is text: asked for a string
        // it would hand over numbers and booleans as well.
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> de::Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text; quote what looks like a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::from_text(text)
            .map(Text)
            .map_err(|problem| E::custom(format_args!("{text:?} {problem}")))
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

/// What the environment or the cluster is called. It is shown, compared and typed
/// by people, so it is neither empty nor has anything that cannot be seen.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.is_empty() || shown(name) != name {
            return Err("must be a name without control or invisible characters".into());
        }
        Ok(Self(name.to_owned()))
    }
}

/// What Kubernetes calls an object for as long as it lives; a UUID, but only the
/// server decides that.
#[derive(Debug)]
pub(super) struct Uid(pub(super) String);

impl FromText for Uid {
    fn from_text(text: &str) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || !text.bytes().all(plain) {
            return Err("must be the UID of the namespace kube-system".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A branch: its name contains `/`, which a name of a directory does not.
#[derive(Debug)]
pub(super) struct Branch(pub(super) Pattern);

impl FromText for Branch {
    fn from_text(text: &str) -> Result<Self, String> {
        Pattern::new(text.as_bytes()).map(Self).map_err(|bad| format!("is {bad}"))
    }
}

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('/') {
            return Err("must be the name of a directory, without `/`".into());
        }
        Self::new(text.as_bytes()).map_err(|bad| format!("is {bad}"))
    }
}

impl FromText for RootPattern {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl FromText for Server {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl FromText for Fingerprint {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl FromText for RemotePrefix {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

/// An AWS account.
#[derive(Debug)]
pub(super) struct Account(pub(super) String);

impl FromText for Account {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("must be an account number: 12 digits, in quotes".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// An EC2 instance.
#[derive(Debug)]
pub(super) struct InstanceId(pub(super) String);

impl FromText for InstanceId {
    fn from_text(text: &str) -> Result<Self, String> {
        if instance_digits(text).is_none() {
            return Err("must be an instance id: i- and hexadecimal digits".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// `http://ADDRESS[:PORT]`; no name, because to look one up takes longer than there is
/// time.
#[derive(Debug)]
pub(super) struct Endpoint(pub(super) SocketAddr);

impl FromText for Endpoint {
    fn from_text(text: &str) -> Result<Self, String> {
        let address = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let found = address.and_then(|address| {
            let with_port = || address.parse().ok();
            let bare = address.trim_start_matches('[').trim_end_matches(']');
            with_port().or_else(|| Some(SocketAddr::new(bare.parse().ok()?, 80)))
        });
        found.map(Self).ok_or_else(|| "must be an address: http://169.254.169.254".into())
    }
}

/// A path that may begin with `~`; it is expanded when the home directory is
/// known.
#[derive(Debug, Clone)]
pub(super) struct HomePath(pub(super) String);

impl FromText for HomePath {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.split('/').any(|name| name == "..") {
            return Err("must not contain `..`".into());
        }
        if text.starts_with('/') || text == "~" || text.starts_with("~/") {
            return Ok(Self(text.to_owned()));
        }
        Err("must be an absolute path".into())
    }
}

/// An absolute path.
#[derive(Debug, Clone)]
pub(super) struct AbsolutePath(pub(super) PathBuf);

impl FromText for AbsolutePath {
    fn from_text(text: &str) -> Result<Self, String> {
        match HomePath::from_text(text)? {
            HomePath(path) if path.starts_with('/') => Ok(Self(path.into())),
            HomePath(_) => Err("must be an absolute path".into()),
        }
    }
}

impl FromText for Duration {
    /// `90s`, `5m`, `24h`, `7d`, or several of them: `1h30m`.
    fn from_text(text: &str) -> Result<Self, String> {
        const SHAPE: &str = "is not a duration such as 30s, 5m, 24h or 7d";
        let mut total = Self::ZERO;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(SHAPE)?;
            let count: u64 = rest[..digits].parse().map_err(|_| SHAPE)?;
            let mut letters = rest[digits..].chars();
            let seconds = match letters.next() {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3_600,
                Some('d') => 86_400,
                _ => return Err(SHAPE.into()),
            };
            let part = count.checked_mul(seconds).ok_or("is too long")?;
            total = total.checked_add(Self::from_secs(part)).ok_or("is too long")?;
            rest = letters.as_str();
        }
        if total.is_zero() { Err(SHAPE.into()) } else { Ok(total) }
    }
}

/// One fingerprint, or a list: a CA bundle has several certificates, most have
/// one.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(pub(super) BTreeSet<Fingerprint>);

impl<'de> Deserialize<'de> for Fingerprints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Fingerprints;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`sha256:` and 64 hex digits, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let Text(one) = Text::deserialize(de::value::StrDeserializer::new(text))?;
                Ok(Fingerprints([one].into()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<Self::Value, A::Error> {
                let mut all = BTreeSet::new();
                while let Some(Text(one)) = list.next_element()? {
                    all.insert(one);
                }
                Ok(Fingerprints(all))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// A mapping of names to text in which a name stands once; serde's own maps let
/// the last one win.
#[derive(Debug, Default)]
pub(super) struct Pairs(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;
        impl<'de> de::Visitor<'de> for Unique {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of names to text")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = BTreeMap::new();
                while let Some((name, Text(value))) = map.next_entry::<String, Text<String>>()? {
                    if pairs.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("duplicate name {name:?}")));
                    }
                    pairs.insert(name, value);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("24h", 86_400), ("1h30m", 5_400), ("7d", 604_800)]
        {
            assert_eq!(Duration::from_text(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "5", "m", "5 m", "-5m", "0s", "5M", "99999999999999999999h", "5mm"] {
            assert!(Duration::from_text(bad).is_err(), "{bad}");
        }
    }
}
