//! YAML in many hands: the same document in flow and block style, quoted in every
//! way, with anchors, comments and odd line ends.

use super::dice::Dice;

/// A document before it is written down.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// Written as it stands, in flow style.
    Raw(String),
}

impl Yaml {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn map<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Writes `fields` as a whole file.
pub(super) fn file(dice: &mut Dice, fields: &[(String, Yaml)]) -> String {
    if dice.once_in(12) {
        return flow(dice, &Yaml::Map(fields.to_vec()), true) + "\n";
    }
    let mut text = String::new();
    if dice.once_in(10) {
        text.push_str(dice.one_of(&["---\n", "--- # first\n", "# a\n---\n", "%YAML 1.1\n---\n"]));
    }
    for (name, value) in fields {
        if dice.once_in(10) {
            text.push_str(dice.one_of(&["# note\n", "\n", "#\u{2028}# x\n", "   # indented\n"]));
        }
        text.push_str(&key(dice, name));
        block(dice, value, 0, &mut text);
    }
    if dice.once_in(8) {
        text.push_str(dice.one_of(&[
            "---\nresources: [never.yaml]\n",
            "...\n",
            "---\n",
            "...\n---\nresources: [",
        ]));
    }
    match dice.roll(30) {
        0 => text.replace('\n', "\r\n"),
        1 => format!("\u{feff}{text}"),
        2 => text.trim_end().to_owned(),
        _ => text,
    }
}

fn key(dice: &mut Dice, name: &str) -> String {
    let plain = name.chars().all(char::is_alphanumeric);
    match dice.roll(12) {
        0 => format!("\"{}\":", name.replace('s', "\\x73")),
        1 => format!("'{name}':"),
        2 if plain => format!("? {name}\n:"),
        3 => format!("!!str {name}:"),
        _ => format!("{name}:"),
    }
}

/// The value behind a key at `indent`, to the end of its line.
fn block(dice: &mut Dice, value: &Yaml, indent: usize, text: &mut String) {
    let step = 2 + 2 * dice.roll(2);
    match value {
        Yaml::List(items) if !items.is_empty() && !dice.once_in(3) => {
            // A list may stand at the column of its key.
            let column = if dice.once_in(2) { indent } else { indent + step };
            text.push('\n');
            for item in items {
                text.push_str(&" ".repeat(column));
                text.push('-');
                item_in_block(dice, item, column, text);
            }
        }
        Yaml::Map(fields) if !fields.is_empty() && !dice.once_in(3) => {
            text.push('\n');
            for (name, value) in fields {
                text.push_str(&" ".repeat(indent + step));
                text.push_str(&format!("{name}:"));
                block(dice, value, indent + step, text);
            }
        }
        Yaml::Text(content) if dice.once_in(8) && can_be_block(content) => {
            let style = dice.one_of(&["|-", ">-", "|2-"]);
            let lines = content.replace('\n', if style == ">-" { "\n\n" } else { "\n" });
            let column = if style == "|2-" { indent + 2 } else { indent + step };
            let pad = " ".repeat(column);
            text.push_str(&format!(
                " {style}\n{pad}{}\n",
                lines.replace('\n', &format!("\n{pad}"))
            ));
        }
        value => {
            text.push(' ');
            text.push_str(&flow(dice, value, false));
            text.push('\n');
        }
    }
}

fn item_in_block(dice: &mut Dice, item: &Yaml, column: usize, text: &mut String) {
    match item {
        Yaml::Map(fields) if !fields.is_empty() && !dice.once_in(3) => {
            for (index, (name, value)) in fields.iter().enumerate() {
                text.push_str(&if index == 0 { " ".to_owned() } else { " ".repeat(column + 2) });
                text.push_str(&format!("{name}:"));
                block(dice, value, column + 2, text);
            }
        }
        item => block(dice, item, column, text),
    }
}

fn can_be_block(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with([' ', '\n'])
        && !text.ends_with(['\n', ' '])
        && !text.contains("\n\n")
        && !text.contains("\n ")
        && text.chars().all(|letter| letter == '\n' || !letter.is_control())
}

/// Everything in one line, or as JSON.
fn flow(dice: &mut Dice, value: &Yaml, json: bool) -> String {
    match value {
        Yaml::Text(text) => scalar(dice, text, json),
        Yaml::Raw(text) => text.clone(),
        Yaml::List(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(dice, item, json)).collect();
            format!("[{}]", items.join(", "))
        }
        Yaml::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let value = flow(dice, value, json);
                    if json { format!("{name:?}: {value}") } else { format!("{name}: {value}") }
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn scalar(dice: &mut Dice, text: &str, json: bool) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "./_-=".contains(letter))
        && !text.starts_with(['-', '=']);
    match dice.roll(8) {
        _ if json => double_quoted(text, false),
        0 => double_quoted(text, true),
        1 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
        _ if plain => text.to_owned(),
        _ => double_quoted(text, false),
    }
}

fn double_quoted(text: &str, escaped: bool) -> String {
    let letters: String = text
        .chars()
        .map(|letter| match letter {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            '.' if escaped => "\\x2e".to_owned(),
            '/' if escaped => "\\u002f".to_owned(),
            letter => letter.to_string(),
        })
        .collect();
    format!("\"{letters}\"")
}

/// What could stand anywhere in a file.
const BITS: [&str; 44] = [
    "resources: ",
    "path: ",
    ": ",
    ":",
    "- ",
    "\n",
    "\n  ",
    "  ",
    " ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "&x ",
    "*x",
    "<<: *x",
    "<<",
    "#",
    " #",
    "!",
    "!!str ",
    "!!binary ",
    "!t ",
    "\t",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "? ",
    "---\n",
    "...\n",
    "%TAG ! x:\n",
    "\\",
    "\\x2e",
    "~",
    "../",
    "é",
    "\u{1}",
    "0777",
];

/// `text` with a few slips of the keyboard.
pub(super) fn mangled(dice: &mut Dice, text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.roll(2) {
        let places: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = dice.one_of(&places);
        let end = places.iter().copied().find(|end| *end > at).unwrap_or(at);
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        match dice.roll(4) {
            0 => text.replace_range(at..end, ""),
            1 if !lines.is_empty() => text.insert_str(at, &lines[dice.roll(lines.len())]),
            _ => text.insert_str(at, dice.one_of(&BITS)),
        }
    }
    text
}
