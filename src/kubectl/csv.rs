//! Values of pflag's `StringSlice`: one CSV record, as Go's `encoding/csv` reads
//! it.

/// A quote stands where none may stand, or is not closed. kubectl stops with a
/// usage error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedQuotes;

/// The fields of the first record of `value`. Only the first non-empty line
/// counts, unless quotes hold several lines together; nothing is trimmed.
///
/// # Errors
/// [`MalformedQuotes`] where Go reports `ErrBareQuote` or `ErrQuote`, and for a
/// value of empty lines only.
pub fn first_record(value: &[u8]) -> Result<Vec<Vec<u8>>, MalformedQuotes> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = Lines { rest: value };
    let first = loop {
        match lines.next() {
            None => return Err(MalformedQuotes),
            Some(line) if line == b"\n" || line.is_empty() => {}
            Some(line) => break line,
        }
    };
    record(first, &mut lines)
}

fn record(first: Vec<u8>, lines: &mut Lines<'_>) -> Result<Vec<Vec<u8>>, MalformedQuotes> {
    let mut fields = Vec::new();
    let mut line = first;
    let mut at = 0;
    loop {
        if line.get(at) == Some(&b'"') {
            let (field, end) = quoted(&mut line, at + 1, lines)?;
            fields.push(field);
            match line.get(end) {
                Some(b',') => at = end + 1,
                None | Some(b'\n') => return Ok(fields),
                Some(_) => return Err(MalformedQuotes),
            }
        } else {
            let tail = &line[at..];
            let end = tail.iter().position(|byte| *byte == b',' || *byte == b'\n');
            let field = &tail[..end.unwrap_or(tail.len())];
            if field.contains(&b'"') {
                return Err(MalformedQuotes);
            }
            fields.push(field.to_vec());
            match end {
                Some(end) if tail[end] == b',' => at += end + 1,
                _ => return Ok(fields),
            }
        }
    }
}

/// The field behind an opening quote, and where in `line` (which grows over
/// several lines) the closing quote's successor stands.
fn quoted(
    line: &mut Vec<u8>,
    from: usize,
    lines: &mut Lines<'_>,
) -> Result<(Vec<u8>, usize), MalformedQuotes> {
    let mut field = Vec::new();
    let mut at = from;
    loop {
        match line.get(at) {
            Some(b'"') if line.get(at + 1) == Some(&b'"') => {
                field.push(b'"');
                at += 2;
            }
            Some(b'"') => return Ok((field, at + 1)),
            Some(byte) => {
                field.push(*byte);
                at += 1;
            }
            None => line.extend(lines.next().ok_or(MalformedQuotes)?),
        }
    }
}

/// Lines with their `\n`; `\r\n` becomes `\n`, a last `\r` is dropped.
struct Lines<'v> {
    rest: &'v [u8],
}

impl Iterator for Lines<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
        self.rest = rest;
        let mut line = line.to_vec();
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            line.push(b'\n');
        } else if line.ends_with(b"\r") {
            line.pop();
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &str) -> Result<Vec<String>, MalformedQuotes> {
        let record = first_record(value.as_bytes())?;
        Ok(record.into_iter().map(|field| String::from_utf8(field).unwrap()).collect())
    }

    #[test]
    fn values_split_as_kubectl_splits_them() {
        for (value, expected) in [
            ("a.yaml", &["a.yaml"][..]),
            ("a,b", &["a", "b"]),
            ("\"a,b.yaml\"", &["a,b.yaml"]),
            ("\"a\"\"b\",c", &["a\"b", "c"]),
            ("a,", &["a", ""]),
            (",", &["", ""]),
            (" x", &[" x"]),
            ("a.yaml\nb.yaml", &["a.yaml"]),
            ("\n\na.yaml", &["a.yaml"]),
            ("a.yaml\r\n", &["a.yaml"]),
            ("\"a\nb\",c\nd", &["a\nb", "c"]),
            ("", &[]),
            ("a\rb", &["a\rb"]),
        ] {
            assert_eq!(fields(value).unwrap(), expected, "{value:?}");
        }
    }

    #[test]
    fn malformed_quotes_are_errors() {
        for value in ["a\"b", "\"a", "\"a\"b", "a,\"b", "\n", "a\"", "\"a\" ,b"] {
            assert_eq!(fields(value), Err(MalformedQuotes), "{value:?}");
        }
    }
}
