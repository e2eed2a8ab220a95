//! The parameters of addresses: which may be seen.

use super::names::is_secret_name;
use crate::text::without_keys_but;

/// What the API server takes behind `?`.
#[rustfmt::skip]
const REQUEST_PARAMETERS: [&str; 25] = [
    "allowWatchBookmarks", "container", "continue", "dryRun", "fieldManager", "fieldSelector",
    "fieldValidation", "follow", "force", "gracePeriodSeconds", "labelSelector", "limit",
    "limitBytes", "pretty", "previous", "propagationPolicy", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "sinceSeconds", "sinceTime", "tailLines",
    "timeoutSeconds", "timestamps", "watch",
];

/// Words that make a parameter a key, besides those that make anything a secret.
const KEYS: [&str; 8] = ["auth", "code", "hmac", "key", "sas", "sig", "sign", "signature"];

/// Letters of the longest value that is no key. Those that machines make are longer.
const MOST: usize = 16;

/// `--raw /api/v1/pods?limit=5`: what the API server itself does not take is masked, because
/// behind `/proxy/` the request is somebody else's.
pub(super) fn of_request(text: &str) -> String {
    let is_open = |name: &str, _: &str| REQUEST_PARAMETERS.contains(&name);
    without_keys_but(text, is_open)
}

/// An address in an object: a parameter can be seen whose name says nothing of a key, and
/// whose value is too short for one.
pub(super) fn of_object(text: &str) -> String {
    without_keys_but(text, |name, value| {
        let name = name.to_lowercase();
        let mut words = name.split(|letter: char| !letter.is_alphanumeric());
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-._%/,#:\"')".contains(letter);
        let is_short = value.len() <= MOST && value.chars().all(is_plain);
        is_short && !is_secret_name(&name) && !words.any(|word| KEYS.contains(&word))
    })
}
