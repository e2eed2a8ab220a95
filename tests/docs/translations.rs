//! The Japanese pages say what the English ones say: the same sections, the same
//! commands, the same tables. Their words are their own.

use std::collections::BTreeSet;

use super::{links::links, page};

const TRANSLATED: [(&str, &str); 2] =
    [("README.md", "README.ja.md"), ("docs/operators.md", "docs/operators.ja.md")];

/// A piece of a page, as far as it must be the same in every language.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    Heading(usize),
    Code(String),
    /// Columns, and what is code or a link in them.
    Row(usize, BTreeSet<String>),
    Item(BTreeSet<String>),
    Paragraph(BTreeSet<String>),
}

/// What stands in backquotes, and where links lead to.
fn marks(text: &str) -> BTreeSet<String> {
    let code = text.split('`').skip(1).step_by(2).map(str::to_owned);
    code.chain(links(text).into_iter().map(|link| link.replace(".ja.md", ".md"))).collect()
}

fn blocks(text: &str) -> Vec<(usize, Block)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
    while let Some((at, line)) = lines.next() {
        let block = if line.starts_with("```") {
            let code: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| !line.starts_with("```"))
                .collect();
            Block::Code(format!("{line}\n{}", code.join("\n")))
        } else if line.starts_with('#') {
            Block::Heading(line.chars().take_while(|c| *c == '#').count())
        } else if line.starts_with('|') {
            Block::Row(line.replace("\\|", "").matches('|').count() - 1, marks(line))
        } else if line.is_empty() {
            continue;
        } else {
            // What belongs to it follows at once, and begins nothing of its own.
            let mut whole = line.to_owned();
            while let Some((_, next)) = lines.next_if(|(_, next)| {
                !(next.is_empty() || next.starts_with(['#', '|', '`']) || is_item(next))
                    || (next.starts_with('`') && !next.starts_with("```"))
            }) {
                whole = format!("{whole}\n{next}");
            }
            if is_item(line) { Block::Item(marks(&whole)) } else { Block::Paragraph(marks(&whole)) }
        };
        found.push((at, block));
    }
    found
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ")
        || line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
}

#[test]
fn the_japanese_pages_are_in_step() {
    for (english, japanese) in TRANSLATED {
        let [theirs, ours] = [english, japanese].map(|name| blocks(&page(name)));
        for ((at, one), (there, other)) in theirs.iter().zip(&ours) {
            assert_eq!(one, other, "line {at} of {english}, line {there} of {japanese}");
        }
        assert_eq!(theirs.len(), ours.len(), "{japanese} is not as long as {english}");
    }
}

#[test]
fn what_is_missing_or_changed_is_seen() {
    let text = "# A\n\nUse `x`, see [b](b.md)\nand more.\n\n- one `y`\n  more\n- two\n\n| a | b |\n|---|---|\n| `c` | \\| |\n\n```sh\nrun\n```\n";
    let all = blocks(text);
    assert_eq!(all.len(), 8, "{all:#?}");
    for (from, to) in [
        ("# A", "## A"),
        ("`x`", "`z`"),
        ("b.md", "c.md"),
        ("- two\n", ""),
        ("`c`", "c"),
        ("run", "walk"),
        ("| a | b |", "| a | b | c |"),
    ] {
        let changed: Vec<Block> =
            blocks(&text.replacen(from, to, 1)).into_iter().map(|(_, block)| block).collect();
        assert!(changed.iter().ne(all.iter().map(|(_, block)| block)), "{from} → {to}");
    }
    let translated = text.replace("Use", "使う").replace("(b.md)", "(b.ja.md)");
    assert_eq!(blocks(&translated), all);
}
