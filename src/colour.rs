//! Colours of levels. A colour never stands without the word that it underlines.

use owo_colors::Style;

use crate::level::Level;

/// What the output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns; never 0.
    pub width: usize,
    /// Escape sequences for colour.
    pub colour: bool,
    /// Characters beyond ASCII. Without it a name such as `本番` is written as
    /// escapes: its bytes would move the cursor of an 8-bit terminal.
    pub unicode: bool,
}

impl Look {
    /// For files and pipes.
    pub const PLAIN: Self = Self { width: 80, colour: false, unicode: false };

    /// `text` for this output.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let safe = crate::text::shown(text);
        if self.unicode || safe.is_ascii() {
            return safe;
        }
        let mut out = String::new();
        for letter in safe.chars() {
            if letter.is_ascii() {
                out.push(letter);
            } else {
                out.extend(letter.escape_default());
            }
        }
        out
    }

    /// `text` in the level's colour, on its own.
    #[must_use]
    pub fn level(&self, level: Level, text: &str) -> String {
        self.styled(foreground(level), text)
    }

    /// `text` so that nobody overlooks it.
    #[must_use]
    pub fn alarm(&self, text: &str) -> String {
        self.styled(block(Level::Critical), text)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { style.style(text).to_string() } else { text.to_owned() }
    }
}

/// The letters of a banner.
fn foreground(level: Level) -> Style {
    let style = Style::new().bold();
    match level {
        Level::Normal => style.green(),
        Level::Caution => style.yellow(),
        Level::Critical => style.red(),
    }
}

/// A coloured block, which also stands out where letters are thin.
fn block(level: Level) -> Style {
    match level {
        Level::Normal => Style::new().black().on_green(),
        Level::Caution => Style::new().black().on_yellow(),
        Level::Critical => Style::new().bold().white().on_red(),
    }
}

/// The escape sequences around a prompt segment of this level: begin, end.
#[must_use]
pub fn segment(level: Level) -> (String, String) {
    let style = match level {
        Level::Critical => block(level),
        Level::Normal | Level::Caution => foreground(level),
    };
    (style.prefix_formatter().to_string(), style.suffix_formatter().to_string())
}

/// The escape sequences around a word of alarm.
#[must_use]
pub fn alarm() -> (String, String) {
    let style = block(Level::Critical).underline();
    (style.prefix_formatter().to_string(), style.suffix_formatter().to_string())
}
