//! From bytes to the texts of documents.

use std::borrow::Cow;

/// The text of `bytes`: UTF-16 with a byte order mark, else UTF-8 with or without
/// one; what is not valid becomes U+FFFD (kubectl, `unicode.BOMOverride`).
#[must_use]
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let pairs = bytes[2..].chunks(2);
        let units = pairs.map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or_default()]));
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect())
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// The documents: a line that begins with `---` and has nothing but blanks or a
/// comment behind it parts them. kubectl 1.20 does not know the comment; where it
/// sees one document, there are two here.
pub(super) fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            if is_separator(line) && end > 0 {
                let (document, after) = rest.split_at(end);
                rest = &after[line.len()..];
                return Some(document);
            }
            end += line.len();
        }
        Some(std::mem::take(&mut rest))
    })
    .filter(|document| !document.trim().is_empty())
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| {
        let rest = rest.trim();
        rest.is_empty() || rest.starts_with('#')
    })
}
