//! The recorded identity of the one cluster this instance serves.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// The pin: what a kubeconfig must resolve to before kubectl may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The cluster's name, for people.
    pub name: String,
    /// The kubeconfig that kubectl is given.
    pub kubeconfig: PathBuf,
    /// Where the API server is.
    pub server: Server,
    /// SHA-256 of each CA certificate (DER). Empty only for `http://` servers.
    pub authorities: BTreeSet<Fingerprint>,
    /// The command that gets credentials; without one, no command may.
    pub credentials: Option<Credentials>,
    /// Recorded `proxy-url`.
    pub proxy_url: Option<String>,
    /// Recorded `tls-server-name`.
    pub tls_server_name: Option<String>,
    /// UID of the namespace `kube-system`, where it was recorded: a rebuilt cluster
    /// has another one.
    pub uid: Option<String>,
    /// What [`Pin::seal_for`] gave when `setup` had proved the kubeconfig.
    pub seal: Option<Fingerprint>,
}

/// Part of every seal. Another number makes all of them void: whoever changes what a
/// kubeconfig must be for this pin has to change it.
const SEAL: &str = "kubeconfig seal 1";

impl Pin {
    /// SHA-256 over this pin and `kubeconfig`, the text of a file that resolves to it and
    /// names no other file with certificates.
    ///
    /// The same text resolves to the same cluster: while neither it nor the pin has
    /// changed, it need not be parsed before each command.
    #[must_use]
    pub fn seal_for(&self, kubeconfig: &[u8]) -> Fingerprint {
        let Self { server, authorities, credentials, proxy_url, tls_server_name, .. } = self;
        let mut seal = Sealing(Sha256::new());
        seal.texts([SEAL, &server.to_string()]);
        seal.texts(authorities.iter().map(ToString::to_string));
        seal.texts(proxy_url);
        seal.texts(tls_server_name);
        seal.texts(credentials.iter().map(|program| &program.command));
        seal.texts(credentials.iter().flat_map(|program| &program.args));
        let variables = credentials.iter().flat_map(|program| &program.env);
        seal.texts(variables.flat_map(|(name, value)| [name, value]));
        seal.texts([kubeconfig]);
        Fingerprint(seal.0.finalize().into())
    }

    /// Whether `kubeconfig` is the text that was proved against this very pin.
    #[must_use]
    pub fn is_sealed(&self, kubeconfig: &[u8]) -> bool {
        self.seal.is_some_and(|seal| seal == self.seal_for(kubeconfig))
    }
}

/// Takes in lists so that no two different ones look alike: each with its number of
/// items, each item with its length.
struct Sealing(Sha256);

impl Sealing {
    fn texts<T: AsRef<[u8]>>(&mut self, list: impl IntoIterator<Item = T>) {
        let list: Vec<T> = list.into_iter().collect();
        self.0.update(list.len().to_le_bytes());
        for item in list {
            let item = item.as_ref();
            self.0.update(item.len().to_le_bytes());
            self.0.update(item);
        }
    }
}

/// A server address, normalised for comparison: scheme and host in lower case,
/// the port always present, no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether TLS protects the connection.
    pub tls: bool,
    /// Host name or address in lower case, IPv6 in brackets.
    pub host: String,
    /// Port, the scheme's own when none is written.
    pub port: u16,
    /// Path prefix without trailing slash; usually empty.
    pub path: String,
}

impl Server {
    /// Reads an address as it stands in a kubeconfig or after `--server`.
    ///
    /// # Errors
    /// A phrase that says what is wrong. Anything unusual (user info, queries,
    /// percent signs) is an error: what is not understood is not the pin.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("has no scheme (https:// or http://)")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("has the scheme {scheme:?}; only https and http are known")),
        };
        if rest.contains(|c: char| "@?#%\\".contains(c) || c.is_whitespace() || c.is_control()) {
            return Err("contains one of @ ? # % \\ or white space".into());
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority, if tls { 443 } else { 80 })?;
        let path = path.trim_end_matches('/');
        if path.split('/').any(|segment| segment == ".." || segment == ".") {
            return Err("has `.` or `..` in its path".into());
        }
        Ok(Self { tls, host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), String> {
    let after_host = match authority.strip_prefix('[') {
        Some(inner) => inner.find(']').ok_or("has an unclosed [")? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    if host.is_empty() {
        return Err("has no host".into());
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, default)),
        // Digits alone: `parse` would take a sign too, which Go's URLs do not.
        Some(digits) => match digits.parse() {
            Ok(number) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok((host, number)),
            _ => Err(format!("has the port {digits:?}")),
        },
        None => Err("has something after its host".into()),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.tls { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

/// SHA-256 of a DER certificate, written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads `sha256:…`; the digits may be upper-case and separated by colons, as
    /// other tools print them.
    ///
    /// # Errors
    /// A phrase that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("sha256:").ok_or("must begin with `sha256:`")?;
        let digits: String = digits.chars().filter(|digit| *digit != ':').collect();
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(format!("must have 64 hex digits, found {}", digits.chars().count()));
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16)
                .map_err(|_| "has a character that is not a hex digit")?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The `exec` block of a kubeconfig user: the program that gets credentials.
/// Another role or profile in it is another identity, perhaps another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Program as written.
    pub command: String,
    /// Its arguments in order.
    pub args: Vec<String>,
    /// Additional environment, sorted by name. Secrets stand in it as their SHA-256:
    /// the pin is read by everybody, and it is shown in messages.
    pub env: Vec<(String, String)>,
}

impl Credentials {
    /// As a kubeconfig says it.
    #[must_use]
    pub fn of_kubeconfig(
        command: String,
        args: Vec<String>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let veil = |(name, value): (String, String)| {
            let value = if is_secret(&name) { digest(&value) } else { value };
            (name, value)
        };
        let mut env: Vec<(String, String)> = env.into_iter().map(veil).collect();
        env.sort();
        Self { command, args, env }
    }

    /// As the configuration says it, where a secret may stand as its SHA-256.
    #[must_use]
    pub fn of_configuration(
        command: String,
        args: Vec<String>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let veil = |(name, value): (String, String)| {
            let is_open = is_secret(&name) && Fingerprint::parse(&value).is_err();
            let value = if is_open { digest(&value) } else { value };
            (name, value)
        };
        let mut env: Vec<(String, String)> = env.into_iter().map(veil).collect();
        env.sort();
        Self { command, args, env }
    }
}

fn digest(secret: &str) -> String {
    Fingerprint(Sha256::digest(secret).into()).to_string()
}

/// Whether the value of a variable with this name is a secret: `AWS_PROFILE` is none.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE"]
        .iter()
        .any(|word| name.contains(word))
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(&self.command)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;

    #[test]
    fn secrets_are_pinned_by_their_digest() {
        let env = |value: &str| {
            [("B_TOKEN", value), ("AWS_PROFILE", "develop")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let of = |value: &str| Credentials::of_kubeconfig("aws".into(), Vec::new(), env(value));
        let configured =
            |value: &str| Credentials::of_configuration("aws".into(), Vec::new(), env(value));
        let kept = of("hunter2");
        // printf hunter2 | sha256sum
        let expected = "sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7";
        assert_eq!(kept.to_string(), format!("AWS_PROFILE=develop B_TOKEN={expected} aws"));
        assert_eq!(configured(expected), kept);
        assert_eq!(configured("hunter2"), kept, "written by hand");
        assert_ne!(of("hunter3"), kept);
        assert_ne!(of(expected), kept, "the digest is not the secret");
    }

    #[test]
    fn equal_servers_compare_equal() {
        for (one, other) in [
            ("https://ABC.gr7.eks.amazonaws.com", "https://abc.gr7.eks.amazonaws.com:443/"),
            ("HTTPS://abc", "https://abc"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://[::1]:6443", "https://[::1]:6443/"),
            ("https://abc/k8s/", "https://abc/k8s"),
        ] {
            assert_eq!(Server::parse(one), Server::parse(other), "{one} = {other}");
        }
        for (one, other) in [
            ("https://abc", "http://abc"),
            ("https://abc", "https://abd"),
            ("https://abc", "https://abc:6443"),
            ("https://abc", "https://abc/k8s"),
        ] {
            assert_ne!(Server::parse(one), Server::parse(other), "{one} ≠ {other}");
        }
    }

    #[test]
    fn unusual_servers_are_errors() {
        for text in [
            "",
            "abc",
            "abc:6443",
            "ftp://abc",
            "https://",
            "https://user@abc",
            "https://abc?x",
            "https://abc#x",
            "https://a%62c",
            "https://abc:99999",
            "https://abc:",
            "https://abc:+443",
            "https://[::1",
            "https://[::1]x",
            "https://abc/../def",
            "https://a b",
            "https://abc\n",
        ] {
            assert!(Server::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fingerprints_read_what_they_print() {
        let text = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(Fingerprint::parse(&text).unwrap().to_string(), text);
        let colons = format!("sha256:{}", vec!["0A"; 32].join(":"));
        assert_eq!(Fingerprint::parse(&colons).unwrap().to_string(), text);
        for bad in ["", "sha256:", "sha1:00", "sha256:zz", &format!("sha256:{}", "é".repeat(32))] {
            assert!(Fingerprint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_seal_is_for_one_pin_and_one_text() {
        let exec = |env: &[(&str, &str)], args: &[&str]| {
            let owned = |text: &&str| (*text).to_owned();
            let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let args = args.iter().map(owned).collect();
            Some(Credentials::of_configuration("aws".to_owned(), args, env))
        };
        let pin =
            Pin { credentials: exec(&[("A", "b")], &["x"]), ..samples::policy("develop").pin };
        let seal = pin.seal_for(b"text");
        let sealed = Pin { seal: Some(seal), ..pin.clone() };
        assert!(sealed.is_sealed(b"text") && !sealed.is_sealed(b"text "));
        assert!(!pin.is_sealed(b"text"), "nothing was recorded");
        let server = |text| Server::parse(text).unwrap();
        let one = Fingerprint([1; 32]);
        for other in [
            Pin { server: server("https://other.eks.amazonaws.com"), ..sealed.clone() },
            Pin { server: server("http://abcdef.eks.amazonaws.com:443"), ..sealed.clone() },
            Pin { authorities: [one].into(), ..sealed.clone() },
            Pin { authorities: [one, Fingerprint([2; 32])].into(), ..sealed.clone() },
            Pin { authorities: BTreeSet::new(), ..sealed.clone() },
            Pin { proxy_url: Some("http://p".to_owned()), ..sealed.clone() },
            Pin { tls_server_name: Some("http://p".to_owned()), ..sealed.clone() },
            Pin { credentials: None, ..sealed.clone() },
            Pin { credentials: exec(&[("A", "c")], &["x"]), ..sealed.clone() },
            Pin { credentials: exec(&[], &["x", "A", "b"]), ..sealed.clone() },
            Pin { credentials: exec(&[("A", "b")], &["x", ""]), ..sealed.clone() },
        ] {
            assert!(!other.is_sealed(b"text"), "{other:?}");
            let own = Pin { seal: Some(other.seal_for(b"text")), ..other };
            assert!(own.is_sealed(b"text"), "{own:?}");
        }
        // What people call the cluster is no part of it.
        assert!(Pin { name: "other".to_owned(), ..sealed }.is_sealed(b"text"));
    }
}
