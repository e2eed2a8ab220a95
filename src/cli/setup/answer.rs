//! Lists of names as a person types them: separated by blanks, and in quotes when there
//! is a blank in one.

/// `names` on one line, as [`split`] takes them back.
pub(super) fn joined(names: &[String]) -> String {
    names.iter().map(|name| in_quotes(name)).collect::<Vec<_>>().join(" ")
}

fn in_quotes(name: &str) -> String {
    let is_plain = !name.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"');
    if is_plain && !name.is_empty() && name != NONE {
        return name.to_owned();
    }
    if name.contains('\'') && !name.contains('"') {
        return format!("\"{name}\"");
    }
    format!("'{}'", name.replace('\'', "'\"'\"'"))
}

/// The answer that empties a list.
pub(super) const NONE: &str = "-";

/// The names in `answer`; `None` when a quote is not closed. A backslash is a letter:
/// these are patterns.
pub(super) fn split(answer: &str) -> Option<Vec<String>> {
    if answer.trim() == NONE {
        return Some(Vec::new());
    }
    let mut names = Vec::new();
    let mut name: Option<String> = None;
    let mut quote = None;
    for letter in answer.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => name.get_or_insert_default().push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                name.get_or_insert_default();
            }
            None if letter.is_whitespace() => names.extend(name.take()),
            None => name.get_or_insert_default().push(letter),
        }
    }
    names.extend(name);
    quote.is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_blanks_and_quotes_keep_them_together() {
        for (answer, names) in [
            ("", &[][..]),
            (" - ", &[]),
            ("a  b\tc", &["a", "b", "c"]),
            ("'a b' \"c d\"e", &["a b", "c de"]),
            ("it's' x", &["its", "x"]),
            ("'' '-'", &["", "-"]),
            (r"dev\[1] a\ b", &[r"dev\[1]", r"a\", "b"]),
            ("本番　検証", &["本番", "検証"]),
        ] {
            assert_eq!(split(answer).unwrap(), names, "{answer}");
        }
        assert_eq!(split("a 'b"), None);
        assert_eq!(split("a \"b' c"), None);
    }

    #[test]
    fn what_is_offered_is_taken_back() {
        for names in [
            &["overlays", "apps/*/overlays"][..],
            &["a b", "it's", "say \"x\"", "both ' and \"", "", "-", r"dev\[1]", "本 番"],
            &["-"],
            &[],
        ] {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(split(&joined(&names)), Some(names.clone()), "{}", joined(&names));
        }
        assert_eq!(
            joined(&["overlays".into(), "apps/*/overlays".into()]),
            "overlays apps/*/overlays"
        );
    }
}
