//! Command lines in one word, as `sh -c` takes them.

use super::known::{Context, Value, in_context, value};
use crate::text::MASK;

/// A word that is a command line itself (`sh -c 'mysql -pPASSWORD'`), which may hold another
/// one in quotes. Deeper than anybody writes, nothing of it is shown.
pub(super) fn script(text: &str, context: Context) -> String {
    let Some(context) = context.within() else { return MASK.to_owned() };
    let mut pieces = pieces(text);
    if let [(whole, "")] = pieces[..] {
        for quote in ['"', '\''] {
            let inner = whole.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner {
                return format!("{quote}{}{quote}", value(inner, Value::Plain, context));
            }
        }
        // A quote that is never closed, or one that begins within the word, holds nothing
        // together.
        pieces = at_blanks(text);
    }
    let words: Vec<String> = pieces.iter().map(|(word, _)| (*word).to_owned()).collect();
    let masked = in_context(&words, context);
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
