//! What is known to be a secret: by the name of a flag, a variable or a field, or by its
//! look.
//!
//! Words are searched, not parsed: a command line that kubectl would reject, or
//! that belongs to a plugin, has secrets all the same.

use super::address;
use super::names::{
    holds_secret, is_bearer, is_name, is_secret_header, is_secret_name, is_variable,
    names_no_secret,
};
use super::script::script;
use crate::text::{MASK, without_keys};

/// Flags whose value is a word for another program, which may be a secret; those that are
/// called like one need no list.
const ARGUMENT_FLAGS: [&str; 2] = ["auth-provider-arg", "exec-arg"];

/// Flags whose value is `NAME=VALUE`, of which the value is a secret.
const PAIR_FLAGS: [&str; 4] = ["env", "exec-env", "set-string", "set"];

/// Flags whose value is a text that may contain anything.
const TEXT_FLAGS: [&str; 2] = ["overrides", "patch"];

/// The program that takes its password with `-a`.
const REDIS: &str = "redis-cli";

/// Programs whose `-p` is known to be no password, and that start no other program.
const WITHOUT_PASSWORD: [&str; 9] =
    ["cp", "ls", "lsof", "mkdir", "pg_isready", "ps", "psql", REDIS, "rmdir"];

/// Fields of roles and webhooks: names of resources, one of which may be `secrets`.
const NAMES_OF_RESOURCES: [&str; 2] = ["resources", "resourceNames"];

/// Of scripts in scripts.
const MAX_DEPTH: u8 = 8;

/// What the value of the flag before a word makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Secret,
    Pair,
    /// `--from-literal`: what is no pair is a secret written down wrongly.
    Literal,
    /// What should have stood behind a `=` in the word before.
    Slip,
    Text,
    /// `USER:PASSWORD`
    Credentials,
    /// `Name: value`, of an HTTP request.
    Header,
    Plain,
}

/// `words` with everything replaced that is known to be a secret.
pub(super) fn masked(words: &[String]) -> Vec<String> {
    in_context(&apart(words), Context::of(words))
}

/// One word that is no flag.
pub(super) fn word(word: &str) -> String {
    plain(word, Context::of(&[]))
}

/// A line of a text in an object, which may be a command line of some program.
pub(super) fn line_of_object(line: &str) -> String {
    let context = Context::of_object(line.contains(REDIS));
    if line.contains(char::is_whitespace) { plain(line, context) } else { one(line, context).0 }
}

/// The list in a `field` of an object, which may be the arguments of some program.
pub(super) fn list_of_object(words: &[String], field: &str) -> Vec<String> {
    let is_redis = words.iter().any(|word| word.contains(REDIS));
    let context = Context {
        names_value: !NAMES_OF_RESOURCES.contains(&field),
        program: if field == "command" { Program::Next } else { Program::Unknown },
        ..Context::of_object(is_redis)
    };
    in_context(&apart(words), context)
}

/// Words that no blanks follow.
fn apart(words: &[String]) -> Vec<(&str, &str)> {
    words.iter().map(|word| (word.as_str(), "")).collect()
}

/// Words, each with the blanks behind it.
fn in_context(words: &[(&str, &str)], mut context: Context) -> Vec<String> {
    let mut out = Vec::with_capacity(words.len());
    let mut expected = Value::Plain;
    for (word, blanks) in words {
        if expected == Value::Slip && word.starts_with('-') {
            expected = Value::Plain;
        }
        let (masked, next) = match expected {
            Value::Plain => one(word, context),
            _ => (value(word, expected, context), after_value(word, expected)),
        };
        let ends_words = *word == "--" && expected == Value::Plain;
        context.program = match context.program {
            Program::AfterDashes if ends_words => Program::Next,
            program => program.after(word, blanks),
        };
        context.foreign |= ends_words;
        out.push(masked);
        expected = if next == Value::Plain { after_name(word, context) } else { next };
    }
    out
}

/// What a flag's value makes of the next word: `--from-literal NAME VALUE`.
fn after_value(text: &str, kind: Value) -> Value {
    if kind == Value::Literal && !text.contains('=') { Value::Slip } else { Value::Plain }
}

/// `config set users.admin.token VALUE`, `set env deploy/x PASSWORD VALUE`
fn after_name(word: &str, context: Context) -> Value {
    let sets = context.sets_environment && !context.foreign && is_variable(word);
    let names = context.names_value && is_name(word);
    let is_secret = is_secret_name(word) && !word.contains('=');
    if is_secret && (context.is_config_set || sets || names) { Value::Slip } else { Value::Plain }
}

/// The program that words belong to, as far as its `-p` is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    /// `exec POD -- PROGRAM`
    AfterDashes,
    /// The next word is its name.
    Next,
    /// One of [`WITHOUT_PASSWORD`].
    WithoutPassword,
    /// Any other: its `-p` may be a password.
    Unknown,
}

impl Program {
    /// What it is behind a word of a command line or a script.
    fn after(self, word: &str, blanks: &str) -> Self {
        let holds_another = |letter: char| ";&|()`".contains(letter);
        if blanks.contains('\n') || word.ends_with([';', '&', '|']) {
            return Self::Next;
        }
        match self {
            Self::AfterDashes => self,
            _ if word.contains(holds_another) => Self::Unknown,
            Self::Next => {
                let name = word.rsplit('/').next().unwrap_or_default();
                let is_known = WITHOUT_PASSWORD.contains(&name);
                if is_known { Self::WithoutPassword } else { Self::Unknown }
            }
            Self::WithoutPassword | Self::Unknown => self,
        }
    }
}

/// What the whole command line says about its words.
#[derive(Clone, Copy)]
struct Context {
    /// `set env`, `run`: `NAME=VALUE` words are environment variables.
    sets_environment: bool,
    /// `config set PROPERTY VALUE`
    is_config_set: bool,
    /// A Secret is named: an inline patch of it is a secret.
    names_secret: bool,
    /// The words after `--` belong to a program in a container.
    foreign: bool,
    /// That program takes its password with `-a`.
    is_redis: bool,
    /// They stand in an object, not on a command line.
    of_object: bool,
    /// `requirepass VALUE`, as two words.
    names_value: bool,
    /// The program that they belong to.
    program: Program,
    /// How many scripts are around the words.
    depth: u8,
}

impl Context {
    /// The same in a script; `None` deeper than anybody writes them.
    fn within(self) -> Option<Self> {
        let within = Self { depth: self.depth + 1, program: Program::Next, ..self };
        (self.depth < MAX_DEPTH).then_some(within)
    }

    fn of(words: &[String]) -> Self {
        let has = |one: &str| words.iter().any(|word| word == one);
        let is_secret = |word: &String| {
            let kind = word.split(['/', ',', '.']).next().unwrap_or_default();
            kind.eq_ignore_ascii_case("secret") || kind.eq_ignore_ascii_case("secrets")
        };
        Self {
            sets_environment: has("env") || has("exec") || has("run") || has("debug"),
            is_config_set: has("config") && has("set"),
            names_secret: words.iter().any(is_secret),
            foreign: false,
            of_object: false,
            names_value: false,
            program: match words.first() {
                Some(first) if first == "exec" => Program::AfterDashes,
                _ => Program::Unknown,
            },
            depth: 0,
            is_redis: words.iter().any(|word| word.contains(REDIS)),
        }
    }

    /// Of words in an object: those of a program in a container.
    fn of_object(is_redis: bool) -> Self {
        Self { foreign: true, of_object: true, is_redis, ..Self::of(&[]) }
    }
}

/// One word that is no flag's separate value, and what it makes of the next one.
fn one(word: &str, context: Context) -> (String, Value) {
    if let Some(long) = word.strip_prefix("--") {
        let (name, attached) = match long.split_once('=') {
            Some((name, text)) => (name, Some(text)),
            None => (long, None),
        };
        let kind = kind_of(&name.replace('_', "-"), context);
        return match attached {
            Some(text) => {
                (format!("--{name}={}", value(text, kind, context)), after_value(text, kind))
            }
            None => (word.to_owned(), kind),
        };
    }
    if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
        return short(word, letters, context);
    }
    (value(word, Value::Plain, context), Value::Plain)
}

/// `-e NAME=VALUE` (set env) and `-p PATCH` (patch, run), and what other programs take;
/// attached too.
fn short(word: &str, letters: &str, context: Context) -> (String, Value) {
    let mut rest = letters.chars();
    // `-token X`, `-password X`: flags of Go, Java and TLS tools have one dash.
    let is_long = context.foreign && letters.len() > 1 && is_secret_name(letters);
    let next = if is_long && is_name(letters) { Value::Secret } else { Value::Plain };
    let kind = match rest.next() {
        Some('e') if context.sets_environment => Value::Pair,
        Some('p') if context.program == Program::WithoutPassword => Value::Plain,
        // mysql takes `-pPASSWORD`, sshpass `-p PASSWORD`; what another takes nobody knows.
        Some('p') if context.foreign => Value::Secret,
        Some('p') => Value::Text,
        Some('a') if context.foreign && context.is_redis => Value::Secret,
        Some('u') if context.foreign => Value::Credentials,
        Some('H') if context.foreign => Value::Header,
        _ => return (value(word, Value::Plain, context), next),
    };
    let text = rest.as_str();
    if text.is_empty() {
        return (word.to_owned(), kind);
    }
    let (equals, text) = text.strip_prefix('=').map_or(("", text), |text| ("=", text));
    (format!("-{}{equals}{}", &letters[..1], value(text, kind, context)), next)
}

fn kind_of(flag: &str, context: Context) -> Value {
    if ARGUMENT_FLAGS.contains(&flag) || is_secret_name(flag) && !names_no_secret(flag) {
        Value::Secret
    } else if flag == "from-literal" {
        Value::Literal
    } else if context.foreign && (flag == "user" || flag == "proxy-user") {
        Value::Credentials
    } else if context.foreign && flag == "header" {
        Value::Header
    } else if PAIR_FLAGS.contains(&flag) {
        Value::Pair
    } else if TEXT_FLAGS.contains(&flag) {
        Value::Text
    } else {
        Value::Plain
    }
}

fn value(text: &str, kind: Value, context: Context) -> String {
    match kind {
        Value::Secret | Value::Slip => MASK.to_owned(),
        // `sh -e`, `psql -e`: not everybody's `-e` is a variable.
        Value::Pair if context.foreign && !text.contains('=') => plain(text, context),
        Value::Pair => pair(text),
        Value::Literal if !text.contains('=') => MASK.to_owned(),
        Value::Literal => pair(text),
        Value::Credentials | Value::Header => match text.split_once(':') {
            Some((name, _)) if !is_secret_header(name) => format!("{name}:{MASK}"),
            Some(_) => MASK.to_owned(),
            None => plain(text, context),
        },
        Value::Text if context.names_secret || holds_secret(text) => MASK.to_owned(),
        Value::Text => text.to_owned(),
        Value::Plain => plain(text, context),
    }
}

/// `NAME=***`; without `=` nothing is given away (`NAME-` removes a variable).
fn pair(text: &str) -> String {
    match text.split_once('=') {
        Some((name, _)) => format!("{name}={MASK}"),
        None => text.to_owned(),
    }
}

fn plain(text: &str, context: Context) -> String {
    if let Some((name, _)) = text.split_once('=')
        && is_name(name)
        && (context.sets_environment || is_secret_name(name))
    {
        return format!("{name}={MASK}");
    }
    if is_bearer(text) || text.split_once(':').is_some_and(|(name, _)| is_secret_header(name)) {
        return MASK.to_owned();
    }
    if context.foreign && text.contains(char::is_whitespace) {
        // It may hold another one in quotes. Deeper than anybody writes, nothing is shown.
        let Some(within) = context.within() else { return MASK.to_owned() };
        let unquoted = |inner: &str| value(inner, Value::Plain, within);
        return script(text, unquoted, |words| in_context(words, within));
    }
    if context.of_object && text.contains("://") {
        return address::of_object(text);
    }
    without_keys(&without_secret_parameters(text))
}

/// `/api?access_token=***`, of an address that begins at its path.
fn without_secret_parameters(text: &str) -> String {
    let Some((path, query)) = text.split_once('?').filter(|(path, _)| path.starts_with('/')) else {
        return text.to_owned();
    };
    let parameters = query.split('&').map(|one| match one.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
        _ => one.to_owned(),
    });
    format!("{path}?{}", parameters.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests;
