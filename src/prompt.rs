//! The prompt segment: `[DEVELOP develop-eks]`.
//!
//! A shell puts it together from parts at every prompt, because some of its words
//! are known only there (`UNGUARDED`, the namespace). The parts are text that no
//! shell interprets further.

use crate::colour::{self, Look};
use crate::level::Level;

/// Which shell's notation to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// `\[…\]` around what takes no columns.
    Bash,
    /// `%{…%}`; `%` is doubled.
    Zsh,
    /// fish measures for itself.
    Fish,
    /// For other programs' prompts: no colour.
    Plain,
}

/// Something that the prompt says besides the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// kubeconfig or configuration no longer match the pin.
    Mismatch,
    /// This machine is a copy of another one.
    ClonedInstance,
    /// kubectl would not be envguard's.
    Unguarded,
    /// Refusals are said, not enforced.
    Observe,
}

impl Word {
    /// As it is shown.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Mismatch => "MISMATCH",
            Self::ClonedInstance => "CLONED INSTANCE",
            Self::Unguarded => "UNGUARDED",
            Self::Observe => "OBSERVE",
        }
    }
}

/// The parts of the segment: `head`, more words, `tail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// `[DEVELOP develop-eks` and the words that are known here.
    pub head: String,
    /// ` UNGUARDED`
    pub unguarded: String,
    /// `]` and a blank.
    pub tail: String,
}

/// Renders the segment for `label` (environment and cluster).
#[must_use]
pub fn parts(label: &str, level: Level, words: &[Word], shell: Shell, look: Look) -> Parts {
    let colour = look.colour && shell != Shell::Plain;
    let (begin, end) = if colour { colour::segment(level) } else { Default::default() };
    let (loud, calm) = if colour { colour::alarm() } else { Default::default() };
    let raw = |escapes: &str| invisible(escapes, shell);
    let alarm = |word: Word| {
        format!(
            " {}{}{}",
            raw(&format!("{end}{loud}")),
            word.text(),
            raw(&format!("{calm}{begin}"))
        )
    };
    let label = harmless(&look.shown(label));
    let mut head = format!("{}[{label}", raw(&begin));
    for word in words.iter().filter(|word| **word != Word::Unguarded) {
        head.push_str(&alarm(*word));
    }
    Parts { head, unguarded: alarm(Word::Unguarded), tail: format!("]{} ", raw(&end)) }
}

/// Escape sequences, marked as taking no columns: without the marks the shell
/// would miscount where the line wraps.
fn invisible(escapes: &str, shell: Shell) -> String {
    match shell {
        _ if escapes.is_empty() => String::new(),
        Shell::Bash => format!("\\[{escapes}\\]"),
        Shell::Zsh => format!("%{{{escapes}%}}"),
        Shell::Fish | Shell::Plain => escapes.to_owned(),
    }
}

/// Shells expand these in a prompt, depending on options: a name shows `_` for
/// each.
fn harmless(name: &str) -> String {
    name.chars().map(|letter| if "\\$`%!'\"".contains(letter) { '_' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: 80, colour: true, unicode: true };

    fn whole(label: &str, words: &[Word], shell: Shell, look: Look) -> String {
        let parts = parts(label, Level::Normal, words, shell, look);
        format!("{}{}{}", parts.head, parts.unguarded, parts.tail)
    }

    #[test]
    fn every_escape_is_marked_as_invisible() {
        let bash = whole("DEVELOP x", &[Word::Observe], Shell::Bash, LOOK);
        let zsh = whole("DEVELOP x", &[Word::Observe], Shell::Zsh, LOOK);
        for (text, open, close) in [(&bash, "\\[", "\\]"), (&zsh, "%{", "%}")] {
            let mut visible = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(open) {
                visible.push_str(before);
                rest = after.split_once(close).unwrap().1;
            }
            visible.push_str(rest);
            assert_eq!(visible, "[DEVELOP x OBSERVE UNGUARDED] ");
        }
    }

    #[test]
    fn without_colour_it_is_the_words_alone() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Plain] {
            assert_eq!(
                whole("本番 x", &[], shell, Look { colour: false, ..LOOK }),
                "[本番 x UNGUARDED] "
            );
        }
        assert_eq!(whole("x", &[], Shell::Plain, LOOK), "[x UNGUARDED] ");
    }

    #[test]
    fn names_are_expanded_by_no_shell() {
        let text = whole("$(id) `id` \\w %n !1 \u{1b}[2J", &[], Shell::Bash, Look::PLAIN);
        assert_eq!(text, "[_(id) _id_ _w _n _1 _u{1b}[2J UNGUARDED] ");
        let text = whole("本番", &[], Shell::Bash, Look::PLAIN);
        assert_eq!(text, "[_u{672c}_u{756a} UNGUARDED] ");
    }
}
