//! Command lines in one word, as `sh -c` takes them.

/// A word that is a command line itself (`sh -c 'mysql -pPASSWORD'`): its words as `masked`
/// has them, with the blanks between them. What is one text in quotes goes to `unquoted`.
pub(super) fn script(
    text: &str,
    unquoted: impl Fn(&str) -> String,
    masked: impl Fn(&[(&str, &str)]) -> Vec<String>,
) -> String {
    let mut pieces = pieces(text);
    if let [(whole, "")] = pieces[..] {
        for quote in ['"', '\''] {
            let inner = whole.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner {
                return format!("{quote}{}{quote}", unquoted(inner));
            }
        }
        // A quote that is never closed, or one that begins within the word, holds nothing
        // together.
        pieces = at_blanks(text);
    }
    let masked = masked(&pieces);
    masked.iter().zip(&pieces).flat_map(|(word, (_, blanks))| [word, *blanks]).collect()
}

/// The words of a text without regard to quotes, each with the blank behind it.
fn at_blanks(text: &str) -> Vec<(&str, &str)> {
    text.split_inclusive(char::is_whitespace)
        .map(|piece| piece.split_at(piece.trim_end().len()))
        .collect()
}

/// The words of a script, each with the blanks behind it; what quotes hold together stays
/// together.
fn pieces(text: &str) -> Vec<(&str, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut quote = None;
        let ends = |letter: char| {
            match quote {
                Some(open) if open == letter => quote = None,
                None if letter == '"' || letter == '\'' => quote = Some(letter),
                _ => {}
            }
            quote.is_none() && letter.is_whitespace()
        };
        let word = rest.find(ends).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(word);
        let next = behind.find(|letter: char| !letter.is_whitespace()).unwrap_or(behind.len());
        let (blanks, next) = behind.split_at(next);
        pieces.push((word, blanks));
        rest = next;
    }
    pieces
}
