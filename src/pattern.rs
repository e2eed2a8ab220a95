//! Name patterns with the grammar of Go's `path.Match`: `*`, `?`, `[a-z]`,
//! `[^x]` and `\` escapes.
//!
//! kubectl expands a `-f` argument that does not exist with exactly this grammar
//! (kubectl ≥ 1.24, `filepath.Glob`), and the configuration uses it too, so that
//! an operator has one kind of pattern to learn. A name never contains `/`.
//!
//! Go compares bytes, and `*` goes on by bytes; only `?` and `[…]` take a rune. So `?` can
//! take what is left of a letter of which the pattern names the first byte (kubectl 1.36,
//! strace).

use std::fmt;

/// A compiled pattern for one file or directory name.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    source: Vec<u8>,
    tokens: Vec<Token>,
    quick: Quick,
}

/// How a name may be compared without looking at its runes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quick {
    /// It is the name itself.
    Same,
    /// `*`.
    Any,
    /// Not at all.
    No,
}

#[derive(Clone, PartialEq, Eq)]
enum Token {
    Literal(u8),
    AnyOne,
    AnyRun,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// The pattern has an unclosed `[`, an empty range, a byte in `[…]` that is no text, or a
/// trailing `\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern;

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid pattern (`*`, `?`, `[a-z]`, `[^x]`, `\\x`)")
    }
}

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// [`BadPattern`] where Go's `path.Match` would report `ErrBadPattern`.
    pub fn new(source: &[u8]) -> Result<Self, BadPattern> {
        let mut tokens = Vec::new();
        let mut rest = source;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            tokens.push(match byte {
                b'*' => Token::AnyRun,
                b'?' => Token::AnyOne,
                b'[' => class(&mut rest)?,
                b'\\' => {
                    let (&escaped, after) = rest.split_first().ok_or(BadPattern)?;
                    rest = after;
                    Token::Literal(escaped)
                }
                literal => Token::Literal(literal),
            });
        }
        let quick = match tokens.as_slice() {
            [Token::AnyRun] => Quick::Any,
            _ if !has_meta(source) => Quick::Same,
            _ => Quick::No,
        };
        Ok(Self { source: source.to_vec(), tokens, quick })
    }

    /// Whether the whole of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.quick {
            Quick::Same => return self.source == name,
            Quick::Any => return true,
            Quick::No => {}
        }
        // Two cursors and the last star: every mismatch moves the star's end one
        // byte further, so the work is bounded by |pattern| × |name|.
        let (mut token, mut rest) = (0, name);
        let mut star: Option<(usize, &[u8])> = None;
        loop {
            match self.tokens.get(token) {
                None if rest.is_empty() => return true,
                Some(Token::AnyRun) => {
                    star = Some((token + 1, rest));
                    token += 1;
                    continue;
                }
                Some(one) => {
                    if let Some(after) = one.taken_from(rest) {
                        token += 1;
                        rest = after;
                        continue;
                    }
                }
                None => {}
            }
            let Some((resume, [_, after @ ..])) = star else { return false };
            star = Some((resume, after));
            (token, rest) = (resume, after);
        }
    }

    /// The name this pattern stands for when it has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let literal = |token: &Token| match token {
            Token::Literal(byte) => Some(*byte),
            _ => None,
        };
        String::from_utf8(self.tokens.iter().map(literal).collect::<Option<_>>()?).ok()
    }
}

impl Token {
    /// What is left of `name` behind what this takes from its beginning.
    fn taken_from<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        match self {
            Self::Literal(expected) => name.strip_prefix(&[*expected]),
            Self::AnyOne => next_rune(name).map(|(_, after)| after),
            Self::AnyRun => None,
            Self::Class { negated, ranges } => {
                let (rune, after) = next_rune(name)?;
                let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&rune));
                (inside != *negated).then_some(after)
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.source))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// Whether Go's `filepath.Glob` would look for matches instead of the name itself.
#[must_use]
pub fn has_meta(name: &[u8]) -> bool {
    name.iter().any(|byte| b"*?[\\".contains(byte))
}

fn class(rest: &mut &[u8]) -> Result<Token, BadPattern> {
    let negated = rest.first() == Some(&b'^');
    if negated {
        *rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    loop {
        if rest.first() == Some(&b']') && !ranges.is_empty() {
            *rest = &rest[1..];
            return Ok(Token::Class { negated, ranges });
        }
        let low = class_rune(rest)?;
        let mut high = low;
        if rest.first() == Some(&b'-') {
            *rest = &rest[1..];
            high = class_rune(rest)?;
        }
        ranges.push((low, high));
    }
}

fn class_rune(rest: &mut &[u8]) -> Result<char, BadPattern> {
    if matches!(rest.first(), None | Some(b'-' | b']')) {
        return Err(BadPattern);
    }
    if rest.first() == Some(&b'\\') {
        *rest = &rest[1..];
    }
    let (rune, after) = next_rune(rest).ok_or(BadPattern)?;
    if rune == char::REPLACEMENT_CHARACTER && rest.len() - after.len() == 1 {
        return Err(BadPattern);
    }
    *rest = after;
    Ok(rune)
}

/// The next rune as Go's `utf8.DecodeRune` sees it: an invalid byte is U+FFFD
/// of width one.
fn next_rune(bytes: &[u8]) -> Option<(char, &[u8])> {
    let first = *bytes.first()?;
    let width = match first {
        0x00..=0x7f => return Some((char::from(first), &bytes[1..])),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let rune = bytes
        .get(..width)
        .and_then(|sequence| std::str::from_utf8(sequence).ok())
        .and_then(|text| text.chars().next());
    Some(match rune {
        Some(rune) => (rune, &bytes[width..]),
        None => (char::REPLACEMENT_CHARACTER, &bytes[1..]),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern.as_bytes()).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn patterns_match_as_go_matches() {
        for (pattern, name, expected) in [
            ("develop", "develop", true),
            ("develop", "Develop", false),
            ("dev*", "develop", true),
            ("*", "", true),
            ("*", ".hidden", true),
            ("*prod*", "nonprod-eu", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "é", true),
            ("??", "é", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[!a]x", "bx", false), // `!` is a member, not a negation
            ("[!a]x", "!x", true),
            ("\\prod", "prod", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("本*", "本番", true),
            ("[a-]", "a", false),
        ] {
            if pattern == "[a-]" {
                assert_eq!(Pattern::new(pattern.as_bytes()), Err(BadPattern));
                continue;
            }
            assert_eq!(matches(pattern, name), expected, "{pattern} ~ {name}");
        }
    }

    #[test]
    fn malformed_patterns_are_errors() {
        for pattern in ["[", "[a", "[]", "[]a]", "[-a]", "[a-", "\\", "[^]", "x[\\"] {
            assert_eq!(Pattern::new(pattern.as_bytes()), Err(BadPattern), "{pattern}");
        }
    }

    #[test]
    fn many_stars_stay_quick() {
        let pattern = Pattern::new("*a".repeat(200).as_bytes()).unwrap();
        assert!(!pattern.matches("a".repeat(199).as_bytes()));
        assert!(pattern.matches("a".repeat(4000).as_bytes()));
    }

    #[test]
    fn bytes_are_compared_and_only_some_signs_take_a_rune() {
        for (pattern, name, expected) in [
            (&b"?"[..], &b"\xff"[..], true),
            (b"?", b"\xff\xff", false),
            (b"\xd4\xfd", b"\xff\xc3", false),
            (b"\xd4*", b"\xff", false),
            (b"\xc3?", "é".as_bytes(), true),
            (b"*\xa9", "é".as_bytes(), true),
            ("*[\u{fffd}]".as_bytes(), "é".as_bytes(), true),
            ("[\u{fffd}]".as_bytes(), b"\xff", true),
            ("\u{fffd}".as_bytes(), b"\xff", false),
            ("\\é".as_bytes(), "é".as_bytes(), true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name), expected, "{pattern:?}");
        }
        assert_eq!(Pattern::new(b"[\xff]"), Err(BadPattern));
    }

    /// Go's grammar as simply as it can be said: every way is tried.
    fn reference(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
        let Some((first, rest)) = pattern.split_first() else { return Ok(name.is_empty()) };
        let rune = next_rune(name);
        // What follows must be well-formed although it is not needed any more.
        let then = |rest: &[u8], left: Option<&[u8]>| match left {
            Some(name) => reference(rest, name),
            None => reference(rest, &[]).map(|_| false),
        };
        match first {
            b'*' => {
                let mut found = false;
                for skipped in 0..=name.len() {
                    found |= reference(rest, &name[skipped..])?;
                }
                Ok(found)
            }
            b'?' => then(rest, rune.map(|(_, after)| after)),
            b'\\' => {
                let (escaped, rest) = rest.split_first().ok_or(BadPattern)?;
                then(rest, name.strip_prefix(&[*escaped]))
            }
            b'[' => {
                let negated = rest.first() == Some(&b'^');
                let mut rest = if negated { &rest[1..] } else { rest };
                let (mut ranges, mut inside) = (0, false);
                let member = |rest: &mut &[u8]| -> Result<char, BadPattern> {
                    let (mut letter, mut after) = next_rune(rest).ok_or(BadPattern)?;
                    if letter == '-' || letter == ']' {
                        return Err(BadPattern);
                    }
                    if letter == '\\' {
                        *rest = after;
                        (letter, after) = next_rune(rest).ok_or(BadPattern)?;
                    }
                    if std::str::from_utf8(&rest[..rest.len() - after.len()]).is_err() {
                        return Err(BadPattern);
                    }
                    *rest = after;
                    Ok(letter)
                };
                while ranges == 0 || rest.first() != Some(&b']') {
                    let low = member(&mut rest)?;
                    let mut high = low;
                    if rest.first() == Some(&b'-') {
                        rest = &rest[1..];
                        high = member(&mut rest)?;
                    }
                    inside |= rune.is_some_and(|(letter, _)| (low..=high).contains(&letter));
                    ranges += 1;
                }
                let left = rune.filter(|_| inside != negated).map(|(_, after)| after);
                then(&rest[1..], left)
            }
            literal => then(rest, name.strip_prefix(&[*literal])),
        }
    }

    /// Pieces of letters, and what the grammar gives a meaning to.
    fn bytes(alphabet: &'static [u8], most: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(alphabet), 0..=most)
    }

    proptest! {
        #[test]
        fn matching_is_the_references(
            pattern in bytes("ab本é\u{fffd}*?[]^!\\-".as_bytes(), 9),
            name in bytes("ab本é\u{fffd}!]^-".as_bytes(), 6),
        ) {
            let found = Pattern::new(&pattern).map(|it| it.matches(&name));
            prop_assert_eq!(found, reference(&pattern, &name));
        }
    }
}
