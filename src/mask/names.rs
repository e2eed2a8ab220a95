//! Which names make what they name a secret, and which looks.

/// Flags of kubectl whose value is a secret, or holds one.
pub(super) const SECRET_FLAGS: [&str; 4] = ["docker-password", "from-literal", "password", "token"];

/// Parts of a name that make its value a secret.
const SECRET_NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "api-key",
    "accesskey",
    "access-key",
    "private-key",
    "key-data",
    "authorization",
];

/// The same, where a word of a name ends so (`PGPASS`, `dbPwd`, `bindpw`).
const SECRET_ENDS: [&str; 3] = ["pass", "pwd", "pw"];

/// Fields of a patch below which anything may stand that a program is given.
const SECRET_FIELDS: [&str; 4] = ["env", "data", "stringdata", "binarydata"];

/// The name of a variable or property: what stands before a `=` that a person
/// wrote as an assignment, and not a selector or a JSON path.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}

/// The name of an environment variable, which no object has: objects have small letters.
pub(super) fn is_variable(word: &str) -> bool {
    let is_part = |letter: char| matches!(letter, 'A'..='Z' | '0'..='9' | '_');
    word.chars().all(is_part) && word.contains(|letter: char| letter.is_ascii_uppercase())
}

/// `Authorization: …`, `X-Api-Key: …`; not `secret/web:…`, which is a resource.
pub(super) fn is_secret_header(name: &str) -> bool {
    is_name(name) && is_secret_name(name) && !name.eq_ignore_ascii_case("secret")
}

/// Whether what is called `name` is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('_', "-");
    let mut words = name.split(|letter: char| !letter.is_alphanumeric());
    SECRET_NAMES.iter().any(|part| name.contains(part))
        || words.any(|word| {
            let ends = SECRET_ENDS.iter().any(|end| word.ends_with(end));
            ends && word != "bypass"
        })
}

pub(super) fn holds_secret(text: &str) -> bool {
    let text = text.to_lowercase().replace('_', "-");
    let mut words = text.split(|letter: char| !letter.is_alphanumeric());
    SECRET_NAMES.iter().any(|part| text.contains(part))
        || words.any(|word| SECRET_FIELDS.contains(&word))
}

/// JSON Web Tokens, and what HTTP clients are given as a header.
pub(super) fn is_bearer(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.starts_with("eyJ") && text.matches('.').count() >= 2
        || lower.contains("bearer ")
        || lower.contains("basic ")
}

/// kubectl's own flags that have such a word in their name and no secret in their
/// value.
pub(super) fn names_no_secret(flag: &str) -> bool {
    matches!(flag, "bound-object-kind" | "prune-allowlist" | "append-hash")
}
