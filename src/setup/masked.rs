//! What may be shown of a file. No I/O.

use serde_yaml::{Mapping, Value};

use crate::policy::is_secret;

/// A kubeconfig without its secrets: those are nobody's business, and certificates are
/// long. The configuration has none.
#[must_use]
pub fn masked(text: &str) -> String {
    let Ok(Value::Mapping(mut kubeconfig)) = serde_yaml::from_str(text) else {
        return text.to_owned();
    };
    if !kubeconfig.contains_key("users") {
        return text.to_owned();
    }
    mask(&mut kubeconfig);
    serde_yaml::to_string(&kubeconfig).unwrap_or_default()
}

fn mask(mapping: &mut Mapping) {
    // A variable of the program that gets the credentials.
    let variable = mapping.get("name").and_then(Value::as_str).is_some_and(is_secret);
    for (key, value) in mapping.iter_mut() {
        let key = key.as_str().unwrap_or_default();
        let is_long = key.ends_with("-data");
        let is_secret = is_secret(key) && key != "tokenFile";
        match value {
            Value::String(text) if is_long || is_secret || (variable && key == "value") => {
                *text = format!("({} characters)", text.chars().count());
            }
            Value::Mapping(inner) => mask(inner),
            Value::Sequence(items) => {
                items.iter_mut().filter_map(Value::as_mapping_mut).for_each(mask);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shown_by_their_length_wherever_they_stand() {
        let kubeconfig = "
clusters: [{name: c, cluster: {server: https://s, certificate-authority-data: QUJD}}]
users:
- name: u
  user:
    token: |
      top
      most
    tokenFile: /run/token
    auth-provider: {config: {client-secret: hidden, idp: x}}
    exec:
      args: [get-token]
      env: [{value: veiled, name: A_TOKEN}, {name: AWS_PROFILE, value: shown}]
";
        let text = masked(kubeconfig);
        for secret in ["QUJD", "top", "most", "hidden", "veiled"] {
            assert!(!text.contains(secret), "{text}");
        }
        for kept in ["https://s", "/run/token", "get-token", "shown", "token: (9 characters)"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        for other in ["# ours\nenvironment: token\n", "not: [yaml", ""] {
            assert_eq!(masked(other), other);
        }
    }
}
