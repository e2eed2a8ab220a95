//! What an answer is about: verb, kind and namespace, so that it can cover the same
//! for other names.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::kubectl::Request;

/// Flags that choose objects by something else than their names: what they would
/// choose next is not what was shown.
const CHOOSING: [&str; 8] = [
    "all",
    "all-namespaces",
    "field-selector",
    "filename",
    "kustomize",
    "prune",
    "raw",
    "selector",
];

/// Verb, kinds and flags in one line; `None` when the objects are not named.
pub(super) fn subject(request: &Request, namespace: Option<&OsStr>) -> Option<String> {
    let invocation = &request.invocation;
    if invocation.command().is_empty()
        || !request.targets.is_empty()
        || invocation.flags.iter().any(|given| CHOOSING.contains(&given.flag.long))
    {
        return None;
    }
    let kinds = match invocation.command() {
        // They take names, and no kind.
        "cordon" | "drain" | "uncordon" => "node".to_owned(),
        _ => kinds(&invocation.positionals)?,
    };
    let mut parts = vec![invocation.command().to_owned(), kinds];
    parts.extend(namespace.map(|flag| flag.to_string_lossy().into_owned()));
    let flags = invocation.flags.iter().map(|given| {
        let value = given.value.as_deref().unwrap_or_default();
        format!("--{}={}", given.flag.long, value.to_string_lossy())
    });
    parts.extend(flags);
    Some(parts.join(" "))
}

/// `pod/a pod/b` or `pod a b`: the kinds.
fn kinds(words: &[std::ffi::OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    let (first, names) = words.split_first()?;
    if words.iter().all(|word| word.contains('/')) {
        let kinds: BTreeSet<&str> =
            words.iter().filter_map(|word| Some(word.split_once('/')?.0)).collect();
        return Some(kinds.into_iter().collect::<Vec<_>>().join(","));
    }
    let named = !names.is_empty() && words.iter().all(|word| !word.contains('/'));
    named.then(|| (*first).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl;

    #[test]
    fn names_differ_and_the_subject_does_not() {
        let subject = |line: &str| {
            let words: Vec<std::ffi::OsString> = line.split(' ').map(Into::into).collect();
            let reading = kubectl::readings(&words).unwrap().remove(0);
            super::subject(&Request::new(&words, reading), None)
        };
        assert_eq!(subject("delete pod a").as_deref(), Some("delete pod"));
        assert_eq!(subject("delete pod/a"), subject("delete pod/b pod/c"));
        assert_eq!(subject("delete pod a -n web").as_deref(), Some("delete pod --namespace=web"));
        assert_ne!(subject("delete pod a -n web"), subject("delete pod a -n shop"));
        assert_ne!(subject("delete pod a --force"), subject("delete pod a"));
        assert_ne!(subject("delete pod/a"), subject("delete node/a"));
        assert_eq!(subject("drain a b").as_deref(), Some("drain node"));
        assert_eq!(subject("drain a"), subject("drain b c"));
        assert_eq!(subject("drain -l a=b"), None);
        for line in
            ["delete -f x", "delete pod --all", "delete pod -l a=b", "delete pod", "delete -k ."]
        {
            assert_eq!(subject(line), None, "{line}");
        }
    }
}
