//! Names of files are bytes; JSON has only text. Here they go there and back.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// `bytes` as text: `%` and what is not printable UTF-8 as `%XX`.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            text.push_str(&format!("%{byte:02X}"));
        }
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '%' || letter.is_control() {
                escape(&mut text, letter.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(letter);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// `bytes` as two digits each, as git writes the names of objects.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The bytes that [`to_text`] was given.
pub(super) fn from_text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// A path as text.
pub(super) fn path_to_text(path: &Path) -> String {
    to_text(path.as_os_str().as_bytes())
}

/// The path that [`path_to_text`] was given.
pub(super) fn path_from_text(text: &str) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(from_text(text)))
}

/// A path of git's output.
pub(super) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive() {
        for name in
            [&b"overlays/prod"[..], b"50%", b"a\nb", b"\xff\xfe", "本番".as_bytes(), b"%41 "]
        {
            assert_eq!(from_text(&to_text(name)), name);
        }
        assert_eq!(to_text("本番".as_bytes()), "本番");
        assert_eq!(to_text(b"a\n\xff%"), "a%0A%FF%25");
    }
}
