//! The fields of the configuration as `src/config/schema.rs` has them, with what
//! stands above each.

use crate::support::read;

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// `cluster.caCertHash`, `checkouts[].path`
    pub(super) name: String,
    /// What may stand there.
    pub(super) values: String,
    /// Whether it must stand there.
    pub(super) needed: bool,
    /// What it means.
    pub(super) text: String,
}

/// Every field of a configuration, in the order of the schema.
pub(super) fn fields() -> Vec<Field> {
    let source = read(&crate::login::sources().join("src/config/schema.rs"));
    of_struct(&source, "File", "", false)
}

/// The fields of one structure of the source, and of what is inside.
fn of_struct(source: &str, name: &str, prefix: &str, optional: bool) -> Vec<Field> {
    let (before, body) = source
        .split_once(&format!("\nstruct {name} {{\n"))
        .unwrap_or_else(|| panic!("there is no struct {name}"));
    let attributes = before.rsplit_once("\n\n").map_or("", |(_, attributes)| attributes);
    let optional = optional
        || attributes.lines().any(|line| line.trim_end_matches(',').trim() == "default")
        || attributes.contains(", default,");
    let body = body.split_once("\n}\n").unwrap().0;
    let mut fields = Vec::new();
    let (mut text, mut default) = (Vec::new(), false);
    for line in body.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            text.push(words.trim());
        } else if line.starts_with("#[") {
            default |= line == "#[serde(default)]";
        } else {
            let (field, kind) = line.trim_end_matches(',').split_once(": ").unwrap();
            assert!(!text.is_empty(), "{name}.{field} says nothing about itself");
            let name = format!("{prefix}{}", camel(field));
            let (kind, may_lack) = within(kind, "Option<");
            let (kind, is_list) = within(kind, "Vec<");
            let (kind, _) = within(kind, "Text<");
            let needed = !may_lack && !default && !optional;
            let inner = match (structure(kind), is_list) {
                (true, true) => of_struct(source, kind, &format!("{name}[]."), false),
                (true, false) => of_struct(source, kind, &format!("{name}."), false),
                (false, _) => Vec::new(),
            };
            let values = values(source, kind, is_list);
            fields.push(Field { name, values, needed, text: text.join(" ") });
            fields.extend(inner);
            (text, default) = (Vec::new(), false);
        }
    }
    fields
}

fn within<'k>(kind: &'k str, outer: &str) -> (&'k str, bool) {
    match kind.strip_prefix(outer) {
        Some(inner) => (inner.strip_suffix('>').unwrap(), true),
        None => (kind, false),
    }
}

fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

fn structure(kind: &str) -> bool {
    matches!(
        kind,
        "Cluster" | "Instance" | "Exec" | "Checkout" | "Banner" | "Rules" | "Plugins" | "Confirm"
    )
}

/// What may stand there, in words. A type that is not known here must be added.
fn values(source: &str, kind: &str, is_list: bool) -> String {
    let one = match kind {
        _ if structure(kind) => "fields",
        "ApiVersion" | "Kind" => "a fixed word",
        "Name" | "String" => "text",
        "AbsolutePath" | "HomePath" => "a path",
        "RootPattern" | "Pattern" | "Branch" => "a pattern",
        "Server" | "Endpoint" | "RemotePrefix" => "an address",
        "Fingerprint" => "a fingerprint",
        "Fingerprints" => "a fingerprint, or a list of them",
        "Pairs" => "names and values",
        "Uid" | "Account" | "InstanceId" => "an id",
        "Duration" => "a time",
        "bool" => "true or false",
        _ if kind.ends_with("Name") => return words(source, kind),
        _ => panic!("what is a {kind}?"),
    };
    if !is_list {
        return one.to_owned();
    }
    let many = one.strip_prefix("a ").or_else(|| one.strip_prefix("an ")).map_or_else(
        || one.to_owned(),
        |word| format!("{word}{}", if word.ends_with('s') { "es" } else { "s" }),
    );
    format!("a list of {many}")
}

/// The words of an enumeration.
fn words(source: &str, kind: &str) -> String {
    let list = source
        .split_once(&format!("names!({kind} => "))
        .map(|(_, rest)| rest)
        .or_else(|| source.split_once(&format!("enum {kind} {{")).map(|(_, rest)| rest))
        .unwrap_or_else(|| panic!("there is no enum {kind}"));
    let list = list.split_once('}').unwrap().0;
    let list = list.split_once('{').map_or(list, |(_, list)| list);
    let words: Vec<String> = list
        .split(',')
        .map(|word| word.trim().to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(", ")
}
