//! Where in the text a field stands, for problems that are found only after the
//! text was parsed. It looks at the block style that people write; in a mapping
//! written with braces it names the line of the mapping.

/// The line (from 1) of a dotted field such as `checkouts[1].allow`, or of the
/// nearest field above it that is there.
pub(super) fn of_field(text: &str, field: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = None;
    let mut from = 0;
    for segment in field.split('.') {
        let (key, index) = match segment.split_once('[') {
            Some((key, index)) => (key, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (segment, None),
        };
        let Some(at) = (from..lines.len()).find(|at| column(lines[*at], key).is_some()) else {
            return found;
        };
        found = Some(at + 1);
        from = at + 1;
        if let Some(index) = index {
            let Some(item) = items(&lines, at + 1).nth(index) else { return found };
            found = Some(item + 1);
            from = item;
        }
    }
    found
}

/// The line on which `key` stands for the second time in the mapping that begins
/// at `line` and `column` (both from 1).
pub(super) fn of_duplicate(text: &str, line: usize, at: usize, key: &str) -> Option<usize> {
    text.lines()
        .zip(1..)
        .filter(|(content, number)| *number >= line && column(content, key) == Some(at - 1))
        .map(|(_, number)| number)
        .nth(1)
}

/// The line on which the second document begins.
pub(super) fn of_second_document(text: &str) -> Option<usize> {
    let is_content = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%']);
    let mut lines = text.lines().zip(1..).filter(|(line, _)| is_content(line));
    // The first line of content may itself be the `---` of the first document.
    lines.next()?;
    lines.find(|(line, _)| line.starts_with("---")).map(|(_, number)| number)
}

/// The column (from 0) at which `line` has `key` as a key, perhaps behind the
/// dash of a list.
fn column(line: &str, key: &str) -> Option<usize> {
    let rest = line.trim_start_matches([' ', '-']);
    let after = rest.strip_prefix(key)?.trim_start();
    after.starts_with(':').then_some(line.len() - rest.len())
}

/// The lines of the items of the list that begins at or after `from`.
fn items<'l>(lines: &'l [&'l str], from: usize) -> impl Iterator<Item = usize> + 'l {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_item = |line: &str| line.trim_start().starts_with('-');
    let says_something =
        |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let first = lines[from..].iter().find(|line| says_something(line));
    let depth = first.filter(|line| is_item(line)).map(|line| indent(line));
    (from..lines.len())
        .filter(move |at| says_something(&lines[*at]))
        .take_while(move |at| {
            depth.is_some_and(|depth| {
                let line = lines[*at];
                indent(line) > depth || (indent(line) == depth && is_item(line))
            })
        })
        .filter(move |at| depth == Some(indent(lines[*at])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
cluster:
  name: a
checkouts:
  # two of them
  - path: /a
    allow: [x]

  - overlayRoots: [o]
    path: /b
    allow:
      - y
      - z
alsoAllow:
- /p
- /q
banner: {contact: c}
";

    #[test]
    fn fields_are_found_in_their_own_item() {
        for (field, line) in [
            ("cluster", 1),
            ("cluster.name", 2),
            ("cluster.caCertHash", 1), // not there: the mapping that lacks it
            ("checkouts", 3),
            ("checkouts[0].allow", 6),
            ("checkouts[1]", 8),
            ("checkouts[1].overlayRoots", 8),
            ("checkouts[1].allow", 10),
            ("checkouts[1].allow[1]", 12),
            ("alsoAllow[1]", 15),
            ("banner.contact", 16),
        ] {
            assert_eq!(of_field(TEXT, field), Some(line), "{field}");
        }
        assert_eq!(of_field(TEXT, "nothing"), None);
    }

    #[test]
    fn duplicates_are_found_in_their_own_mapping() {
        let text = "list:\n- path: a\n  name: x\n- path: b\n  name: y\n  path: c\n";
        assert_eq!(of_duplicate(text, 4, 3, "path"), Some(6));
        assert_eq!(of_duplicate(text, 1, 1, "list"), None);
    }

    #[test]
    fn the_second_document_begins_at_its_marker() {
        assert_eq!(of_second_document("a: 1\n---\nb: 2\n"), Some(2));
        assert_eq!(of_second_document("# c\n---\na: 1\n--- \nb: 2\n"), Some(4));
        assert_eq!(of_second_document("a: 1\n"), None);
    }
}
