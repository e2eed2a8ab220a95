//! Name patterns with the grammar of Go's `path.Match`: `*`, `?`, `[a-z]`,
//! `[^x]` and `\` escapes.
//!
//! kubectl expands a `-f` argument that does not exist with exactly this grammar
//! (kubectl ≥ 1.24, `filepath.Glob`), and the configuration uses it too, so that
//! an operator has one kind of pattern to learn. A name never contains `/`.

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
    Literal(char),
    AnyOne,
    AnyRun,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// The pattern has an unclosed `[`, an empty range or a trailing `\`.
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
        while let Some((rune, after)) = next_rune(rest) {
            rest = after;
            tokens.push(match rune {
                '*' => Token::AnyRun,
                '?' => Token::AnyOne,
                '[' => class(&mut rest)?,
                '\\' => {
                    let (escaped, after) = next_rune(rest).ok_or(BadPattern)?;
                    rest = after;
                    Token::Literal(escaped)
                }
                literal => Token::Literal(literal),
            });
        }
        let quick = match tokens.as_slice() {
            [Token::AnyRun] => Quick::Any,
            // U+FFFD stands for any byte that is no text.
            _ if !has_meta(source) && !tokens.contains(&Token::Literal('\u{fffd}')) => Quick::Same,
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
        // rune further, so the work is bounded by |pattern| × |name|.
        let (mut token, mut rest) = (0, name);
        let mut star: Option<(usize, &[u8])> = None;
        loop {
            match (self.tokens.get(token), next_rune(rest)) {
                (None, None) => return true,
                (Some(Token::AnyRun), _) => {
                    star = Some((token + 1, rest));
                    token += 1;
                    continue;
                }
                (Some(one), Some((rune, after))) if one.accepts(rune) => {
                    token += 1;
                    rest = after;
                    continue;
                }
                _ => {}
            }
            let Some((resume, from)) = star else { return false };
            let Some((_, after)) = next_rune(from) else { return false };
            star = Some((resume, after));
            (token, rest) = (resume, after);
        }
    }

    /// The name this pattern stands for when it has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        self.tokens
            .iter()
            .map(|token| if let Token::Literal(rune) = token { Some(*rune) } else { None })
            .collect()
    }
}

impl Token {
    fn accepts(&self, rune: char) -> bool {
        match self {
            Self::Literal(expected) => *expected == rune,
            Self::AnyOne => true,
            Self::AnyRun => false,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&rune)) != *negated
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
    fn invalid_utf8_is_one_rune_per_byte() {
        assert!(Pattern::new(b"?").unwrap().matches(b"\xff"));
        assert!(!Pattern::new(b"?").unwrap().matches(b"\xff\xff"));
    }

    /// Go's grammar as simply as it can be said: every way is tried.
    fn reference(pattern: &[char], name: &[char]) -> Result<bool, BadPattern> {
        let Some((first, rest)) = pattern.split_first() else { return Ok(name.is_empty()) };
        let one = |accepts: bool, rest: &[char]| {
            // What follows must be well-formed although it is not needed any more.
            match name.split_first() {
                Some((_, name)) if accepts => reference(rest, name),
                _ => reference(rest, &[]).map(|_| false),
            }
        };
        let letter = name.first().copied();
        match first {
            '*' => {
                let mut found = false;
                for skipped in 0..=name.len() {
                    found |= reference(rest, &name[skipped..])?;
                }
                Ok(found)
            }
            '?' => one(true, rest),
            '\\' => {
                let (escaped, rest) = rest.split_first().ok_or(BadPattern)?;
                one(letter == Some(*escaped), rest)
            }
            '[' => {
                let negated = rest.first() == Some(&'^');
                let mut rest = if negated { &rest[1..] } else { rest };
                let (mut ranges, mut inside) = (0, false);
                let member = |rest: &mut &[char]| -> Result<char, BadPattern> {
                    let (mut letter, mut after) = rest.split_first().ok_or(BadPattern)?;
                    if *letter == '-' || *letter == ']' {
                        return Err(BadPattern);
                    }
                    if *letter == '\\' {
                        (letter, after) = after.split_first().ok_or(BadPattern)?;
                    }
                    *rest = after;
                    Ok(*letter)
                };
                while ranges == 0 || rest.first() != Some(&']') {
                    let low = member(&mut rest)?;
                    let mut high = low;
                    if rest.first() == Some(&'-') {
                        rest = &rest[1..];
                        high = member(&mut rest)?;
                    }
                    inside |= letter.is_some_and(|letter| (low..=high).contains(&letter));
                    ranges += 1;
                }
                one(inside != negated, &rest[1..])
            }
            literal => one(letter == Some(*literal), rest),
        }
    }

    proptest! {
        #[test]
        fn matching_is_the_references(pattern in "[ab本*?\\[\\]^!\\\\-]{0,9}", name in "[ab本!\\]^-]{0,6}") {
            let letters = |text: &str| text.chars().collect::<Vec<char>>();
            let expected = reference(&letters(&pattern), &letters(&name));
            let found = Pattern::new(pattern.as_bytes()).map(|it| it.matches(name.as_bytes()));
            prop_assert_eq!(found, expected);
        }
    }
}
