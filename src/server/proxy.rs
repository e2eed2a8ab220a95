//! Through which proxy the server is reached: kubectl's rules (client-go 0.36,
//! `golang.org/x/net/http/httpproxy`).

use std::net::IpAddr;

use crate::env::Env;
use crate::policy::Server;

/// `proxy-url` of the kubeconfig, else what the environment says for this server.
/// The environment's proxies are for `https` servers only: the guard keeps them
/// from others.
pub(super) fn chosen(stated: Option<&str>, server: &Server, env: &Env) -> Option<String> {
    if let Some(stated) = stated {
        return Some(stated.to_owned());
    }
    let variable = |upper: &str, lower: &str| {
        let value = env.get(upper).or_else(|| env.get(lower))?.to_str()?;
        Some(value.to_owned())
    };
    let proxy = variable("HTTPS_PROXY", "https_proxy").filter(|_| server.tls)?;
    let exceptions = variable("NO_PROXY", "no_proxy").unwrap_or_default();
    if is_excepted(server, &exceptions) {
        return None;
    }
    // Go takes a proxy without a scheme for an http one.
    Some(if proxy.contains("://") { proxy } else { format!("http://{proxy}") })
}

fn is_excepted(server: &Server, exceptions: &str) -> bool {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    exceptions.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some(network) = address.and_then(|address| in_network(address, &entry)) {
            return network;
        }
        let (name, port) = with_port(&entry);
        if name.is_empty() || port.is_some_and(|port| port != server.port) {
            return false;
        }
        match address {
            Some(address) => name.parse() == Ok(address),
            None => is_domain(host, name),
        }
    })
}

/// Whether `entry` is a network, and `address` in it.
fn in_network(address: IpAddr, entry: &str) -> Option<bool> {
    let (base, length) = entry.split_once('/')?;
    let (base, length): (IpAddr, u32) = (base.parse().ok()?, length.parse().ok()?);
    let (one, other, bits) = match (address, base) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return Some(false),
    };
    let rest = u32::checked_sub(bits, length)?;
    Some((one ^ other).checked_shr(rest).unwrap_or(0) == 0)
}

/// The parts of `name:port`, `[v6]:port`, or what has no port.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(inner) = entry.strip_prefix('[') {
        let (name, rest) = inner.split_once(']').unwrap_or((inner, ""));
        return (name, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// `example.com` is the domain and everything below it, `.example.com` and
/// `*.example.com` only what is below.
fn is_domain(host: &str, name: &str) -> bool {
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => host.strip_suffix(domain).is_some_and(|left| left.ends_with('.')),
        None => host == name || host.strip_suffix(name).is_some_and(|left| left.ends_with('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_go() {
        for (url, exceptions, excepted) in [
            ("https://x.eks.amazonaws.com", "", false),
            ("https://x.eks.amazonaws.com", "*", true),
            ("https://x.eks.amazonaws.com", ".eks.amazonaws.com", true),
            ("https://x.eks.amazonaws.com", "eks.amazonaws.com", true),
            ("https://x.eks.amazonaws.com", "*.amazonaws.com", true),
            ("https://x.eks.amazonaws.com", "a.test, amazonaws.com ,", true),
            ("https://x.eks.amazonaws.com", "X.EKS.amazonaws.com:443", true),
            ("https://x.eks.amazonaws.com", "x.eks.amazonaws.com:6443", false),
            ("https://x.eks.amazonaws.com", "s.com", false),
            ("https://amazonaws.com", ".amazonaws.com", false),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://10.1.2.3", "10.2.0.0/16", false),
            ("https://10.1.2.3", "0.0.0.0/0", true),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3", "10.1.2.30", false),
            ("https://[fd00::7]", "fd00::/8", true),
            ("https://[fd00::7]", "fe00::/8", false),
            ("https://[fd00::7]:6443", "[fd00::7]:6443", true),
            ("https://127.0.0.1:6443", "", true),
            ("https://localhost", "", true),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!(is_excepted(&server, exceptions), excepted, "{url} by {exceptions:?}");
        }
    }

    #[test]
    fn the_kubeconfig_comes_before_the_environment() {
        let env = Env::from_pairs([("https_proxy", "proxy.test:3128"), ("no_proxy", "b.test")]);
        for (stated, url, expected) in [
            (None, "https://a.test", Some("http://proxy.test:3128")),
            (None, "https://b.test", None),
            (None, "http://a.test", None),
            (Some("http://other.test"), "https://b.test", Some("http://other.test")),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!(chosen(stated, &server, &env).as_deref(), expected, "{url}");
        }
    }
}
