//! How deep the brackets of a YAML text nest, found without building anything.
//!
//! Counting all brackets would refuse honest texts: scripts and regular expressions
//! inside block scalars and quotes have brackets that are never closed. So texts are
//! told from collections as libyaml's scanner tells them, by column. Where this
//! reading and libyaml's part, libyaml stops with an error.

/// The deepest nesting of flow collections (`[…]`, `{…}`).
pub(super) fn deepest_flow(text: &str) -> usize {
    const BREAKS: [char; 4] = ['\r', '\u{85}', '\u{2028}', '\u{2029}'];
    if text.contains(BREAKS) {
        return deepest_flow(&text.replace(BREAKS, "\n"));
    }
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
        depth: 0,
        deepest: 0,
        now: Now::Begins,
        parent: None,
        column: 0,
    };
    while scan.at < scan.bytes.len() {
        scan.line();
    }
    scan.deepest
}

/// What the next byte is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Now {
    /// It begins a token.
    Begins,
    /// It goes on with a plain text.
    Plain,
    /// Nothing may begin here: a quoted text or a collection has just ended.
    Ended,
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    deepest: usize,
    now: Now,
    /// The column of the key or dash that what comes belongs to; none at the top.
    parent: Option<usize>,
    /// The column of what may turn out to be a key.
    column: usize,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(b'\n')
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b' ' | b'\t' | b'\n')
    }

    /// One line, or more where a quoted text or a block scalar holds them together.
    fn line(&mut self) {
        let begin = self.at;
        if self.bytes[begin..].starts_with(b"---") && self.is_blank(3) && self.depth == 0 {
            self.at += 3;
            (self.now, self.parent) = (Now::Begins, None);
        }
        let indent = self.bytes[begin..].iter().take_while(|byte| **byte == b' ').count();
        let goes_on = self.now == Now::Plain && is_deeper(indent, self.parent);
        if self.depth == 0 && !goes_on {
            self.now = Now::Begins;
        }
        while self.peek(0) != b'\n' {
            match self.peek(0) {
                b' ' | b'\t' => self.at += 1,
                b'#' if self.at == begin || matches!(self.bytes[self.at - 1], b' ' | b'\t') => {
                    self.skip_line();
                    if self.now == Now::Plain {
                        self.now = Now::Ended;
                    }
                }
                b'-' | b'?' if self.depth == 0 && self.now == Now::Begins && self.is_blank(1) => {
                    self.parent = Some(self.at - begin);
                    self.at += 1;
                }
                b'|' | b'>' if self.depth == 0 && self.now == Now::Begins => {
                    return self.skip_block_scalar();
                }
                b'&' | b'!' if self.now == Now::Begins => {
                    self.column = self.at - begin;
                    self.skip_property();
                }
                byte => {
                    if self.now == Now::Begins {
                        self.column = self.at - begin;
                    }
                    self.token(byte);
                }
            }
        }
        self.at += 1;
    }

    fn token(&mut self, byte: u8) {
        match byte {
            b'"' | b'\'' if self.now == Now::Begins => return self.skip_quoted(byte),
            b'[' | b'{' if self.now == Now::Begins || self.depth > 0 => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
                self.now = Now::Begins;
            }
            b']' | b'}' if self.depth > 0 => {
                self.depth -= 1;
                self.now = Now::Ended;
            }
            b',' if self.depth > 0 => self.now = Now::Begins,
            b':' if self.is_colon() => {
                if self.depth == 0 {
                    self.parent = Some(self.column);
                }
                self.now = Now::Begins;
            }
            _ => self.now = Now::Plain,
        }
        self.at += 1;
    }

    /// A `:` that ends a key. Behind a quoted key in brackets nothing need follow.
    fn is_colon(&self) -> bool {
        self.is_blank(1)
            || (self.depth > 0 && self.now != Now::Plain)
            || (self.depth > 0 && b",:?[]{}".contains(&self.peek(1)))
    }

    fn skip_line(&mut self) {
        while self.peek(0) != b'\n' {
            self.at += 1;
        }
    }

    /// An anchor or a tag, as far as both end at the latest.
    fn skip_property(&mut self) {
        self.at += 1;
        while self.peek(0).is_ascii_alphanumeric() || b"-_!:./".contains(&self.peek(0)) {
            self.at += 1;
        }
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        self.now = Now::Ended;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match *byte {
                b'\\' if quote == b'"' => self.at += 1,
                b'\'' if quote == b'\'' && self.peek(0) == b'\'' => self.at += 1,
                byte if byte == quote => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// The lines behind `|` or `>`: as deep as a digit says, else as the first of
    /// them, where blank ones before it count with their blanks.
    fn skip_block_scalar(&mut self) {
        let header = self.at;
        self.skip_line();
        let digit = self.bytes[header..self.at].iter().take(3).find(|byte| byte.is_ascii_digit());
        let least = self.parent.map_or(0, |parent| parent + 1);
        let mut content = digit.map(|digit| self.parent.unwrap_or(0) + usize::from(digit - b'0'));
        let mut blanks = least;
        self.at += 1;
        self.now = Now::Ended;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let indent = line.iter().take_while(|byte| **byte == b' ').count();
            if indent == line.len() {
                blanks = blanks.max(indent);
            } else if indent < *content.get_or_insert(blanks.max(indent)) {
                return;
            }
            self.at += line.len() + 1;
        }
    }
}

fn is_deeper(indent: usize, parent: Option<usize>) -> bool {
    parent.is_none_or(|parent| indent > parent)
}
