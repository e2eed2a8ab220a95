//! What may stand as a key or a value, and how it stands in a manifest.

/// The key of a label or an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// What is used where nothing else is asked for.
    #[must_use]
    pub fn usual() -> Self {
        Self("envguard/environment".to_owned())
    }

    /// `text`, if an API server takes it for the key of a label.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (prefix, name) = match text.split_once('/') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, text),
        };
        let fits = prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name);
        fits.then(|| Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an API server takes `text` for the value of a label.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let ends_well = |end: Option<char>| end.is_none_or(|letter| letter.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(is_inner)
        && ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
}

/// Whether a namespace can have this name.
#[must_use]
pub fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_dns_label(text)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_dns_label(text: &str) -> bool {
    let is_end = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.chars().all(|letter| is_end(letter) || letter == '-')
        && text.starts_with(is_end)
        && text.ends_with(is_end)
}

/// `text` between double quotes, in YAML and in CEL alike: both read these escapes.
/// What moves a cursor or breaks a line becomes a space.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            _ if letter.is_alphanumeric() || " ._-:/()@#+*".contains(letter) => out.push(letter),
            _ if letter.is_control() || letter.is_whitespace() => out.push(' '),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(letter))),
        }
    }
    out
}

/// A list of strings, in YAML and in CEL alike.
pub(super) fn list<'t>(items: impl Iterator<Item = &'t str>) -> String {
    format!("[{}]", joined(items, ", "))
}

/// Strings, each on a line of its own in the block of an expression.
pub(super) fn lines<'t>(items: impl Iterator<Item = &'t str>) -> String {
    joined(items, ",\n      ")
}

fn joined<'t>(items: impl Iterator<Item = &'t str>, between: &str) -> String {
    let items: Vec<String> = items.map(|item| format!("\"{}\"", escaped(item))).collect();
    items.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_an_api_server_takes() {
        let long = "x".repeat(64);
        for key in ["env", "envguard/environment", "a.b-c.example/Env_1.x", "0/0"] {
            assert!(Key::read(key).is_some(), "{key}");
        }
        for key in ["", "/env", "env/", "a/b/c", "-env", "env-", "A.example/env", "a..b/env", "e v"]
        {
            assert!(Key::read(key).is_none(), "{key}");
        }
        assert!(Key::read(&long).is_none() && Key::read(&format!("x/{long}")).is_none());
        assert!(Key::read(Key::usual().as_str()).is_some());
        assert!(is_label_value("") && is_label_value("a.B_c-1") && !is_label_value("本番"));
        assert!(is_namespace("kube-system") && !is_namespace("a.b") && !is_namespace(""));
    }

    #[test]
    fn no_text_ends_its_quotes() {
        assert_eq!(escaped("本番 (a/b)"), "本番 (a/b)");
        assert_eq!(
            escaped("\"\\{key}\n\u{85}\u{2028}"),
            r"\U00000022\U0000005C\U0000007Bkey\U0000007D   "
        );
        assert_eq!(escaped("\u{1f680}"), r"\U0001F680");
        assert_eq!(list(["a", "b\"c"].into_iter()), r#"["a", "b\U00000022c"]"#);
    }
}
