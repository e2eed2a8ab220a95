//! The banner: text that nobody overlooks, from facts that others gathered.

mod letters;

use unicode_width::UnicodeWidthStr;

use crate::colour::Look;
use crate::level::Level;

/// What an instance is, as far as its configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Who {
    /// The environment as it is shown, e.g. `DEVELOP`, and its level.
    Known(String, Level),
    /// The configuration cannot be used.
    Broken,
    /// There is no configuration.
    #[default]
    Unconfigured,
}

/// What a banner says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What this instance is.
    pub who: Who,
    /// Words that must not be overlooked, such as `OBSERVE`.
    pub loud: Vec<String>,
    /// The team's own lines.
    pub lines: Vec<String>,
    /// Label and value: cluster, server, instance, session, checkouts, contact.
    pub facts: Vec<(&'static str, String)>,
    /// Failed checks: name, finding, remedy.
    pub failed: Vec<(String, String, String)>,
}

/// The column of values.
const LABEL: usize = 11;

/// Below this width a label stands directly before its value.
const NARROW: usize = 40;

/// Longer lines are hard to read, however wide the terminal is.
const WIDEST: usize = 100;

/// Renders the banner.
#[must_use]
pub fn render(facts: &Facts, look: Look) -> String {
    let mut out = vec![String::new()];
    let (name, level) = match &facts.who {
        Who::Known(name, level) => (look.shown(name), *level),
        Who::Broken => ("BROKEN CONFIGURATION".to_owned(), Level::Critical),
        Who::Unconfigured => ("NO CONFIGURATION".to_owned(), Level::Critical),
    };
    out.extend(sign(&name, look).iter().map(|row| look.level(level, row)));
    out.push(String::new());
    out.extend(sentence(facts, &name, level, look));
    out.extend(facts.loud.iter().map(|word| look.alarm(&format!("*** {word} ***"))));
    if !facts.lines.is_empty() {
        out.push(String::new());
        out.extend(facts.lines.iter().map(|line| look.shown(line)));
    }
    out.push(String::new());
    for (label, value) in &facts.facts {
        out.push(labelled(label, &look.shown(value), look));
    }
    for (name, what, remedy) in &facts.failed {
        out.push(String::new());
        let mut lines = wrapped(&look.shown(&format!("! {name}: {what}")), look).into_iter();
        out.extend(lines.next().map(|line| look.level(Level::Critical, &line)));
        out.extend(lines);
        out.push(labelled("instead", &look.shown(remedy), look));
    }
    out.push(String::new());
    let mut text = out.join("\n");
    text.push('\n');
    text
}

/// The name in big letters, else in a box, else alone.
fn sign(name: &str, look: Look) -> Vec<String> {
    let ink = if look.unicode { '█' } else { '#' };
    if let Some(rows) = letters::big(name, look.width, ink) {
        return rows;
    }
    let inside = name.width() + 4;
    if inside + 2 > look.width {
        return vec![name.to_owned()];
    }
    let [corners, across, side] =
        if look.unicode { ["╔╗╚╝", "═", "║"] } else { ["++++", "-", "|"] };
    let corner: Vec<char> = corners.chars().collect();
    let rule = across.repeat(inside);
    vec![
        format!("{}{rule}{}", corner[0], corner[1]),
        format!("{side}  {name}  {side}"),
        format!("{}{rule}{}", corner[2], corner[3]),
    ]
}

/// What instance this is, in words: colour and letters are only its ornaments.
fn sentence(facts: &Facts, name: &str, level: Level, look: Look) -> Vec<String> {
    let unknown = "envguard does not know this instance's cluster.";
    match facts.who {
        Who::Known(..) => {}
        Who::Broken => return vec![format!("The configuration cannot be used: {unknown}")],
        Who::Unconfigured => return vec![format!("There is no configuration: {unknown}")],
    }
    let sentence = format!("This is  {}  kubectl instance.", look.level(level, name));
    if level < Level::Critical {
        return vec![sentence];
    }
    let warning = look.level(level, "!!! WARNING !!!");
    vec![warning.clone(), sentence, warning]
}

fn labelled(label: &str, value: &str, look: Look) -> String {
    if look.width < NARROW {
        return format!("{label}: {value}");
    }
    let line = format!("  {label:<LABEL$}{value}");
    // An address of EKS is as long as many terminals are wide: broken into two, it
    // could not be copied.
    match look.width.checked_sub(value.width()) {
        Some(room) if line.width() > look.width && !value.contains(' ') => {
            format!("  {label}\n{:indent$}{value}", "", indent = room.min(4))
        }
        _ => line,
    }
}

fn wrapped(text: &str, look: Look) -> Vec<String> {
    crate::text::wrapped(text, look.width.min(WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, level: Level, look: Look) -> String {
        let facts = Facts {
            who: Who::Known(name.to_owned(), level),
            facts: vec![("cluster", "develop-eks".to_owned())],
            ..Facts::default()
        };
        render(&facts, look)
    }

    const WIDE: Look = Look { width: 80, colour: false, unicode: true };

    #[test]
    fn the_sentence_stands_word_for_word() {
        let text = of("DEVELOP", Level::Normal, WIDE);
        assert!(text.contains("\nThis is  DEVELOP  kubectl instance.\n"), "{text}");
        assert!(!text.contains("WARNING"), "{text}");
        let text = of("PRODUCTION", Level::Critical, WIDE);
        let expected =
            "\n!!! WARNING !!!\nThis is  PRODUCTION  kubectl instance.\n!!! WARNING !!!\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn an_address_that_fits_into_a_line_is_not_broken() {
        let server = format!("https://{}.gr7.ap-northeast-1.eks.amazonaws.com", "0".repeat(32));
        let facts = Facts { facts: vec![("server", server.clone())], ..Facts::default() };
        for width in [77, 80, 88] {
            let text = render(&facts, Look { width, ..WIDE });
            let line = text.lines().find(|line| line.contains(&server)).unwrap();
            assert!(line.width() <= width && line.trim() == server, "{text}");
            assert!(text.contains("\n  server\n"), "{text}");
        }
        let text = render(&facts, Look { width: 100, ..WIDE });
        assert!(text.contains(&format!("\n  server     {server}\n")), "{text}");
    }

    #[test]
    fn names_beyond_ascii_stand_in_a_box_of_their_width() {
        let text = of("本番", Level::Critical, WIDE);
        assert!(text.contains("╔════════╗\n║  本番  ║\n╚════════╝\n"), "{text}");
        let text = of("本番", Level::Critical, Look { unicode: false, ..WIDE });
        assert!(text.is_ascii() && text.contains("|  \\u{672c}\\u{756a}  |"), "{text}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal_but_what_must_not_be_cut() {
        for width in [1, 20, 40, 80, 300] {
            for name in ["DEVELOP", "STAGING-EU-WEST-1-BLUE", "本番"] {
                let look = Look { width, ..WIDE };
                for line in sign(name, look) {
                    assert!(line.width() <= width || line == name, "{width} {line}");
                }
            }
        }
    }

    #[test]
    fn hostile_names_move_no_cursor() {
        let text = of("A\u{1b}[2J\u{7}\nB\u{202e}", Level::Normal, WIDE);
        let controls = text.chars().filter(|letter| letter.is_control() && *letter != '\n');
        assert_eq!(controls.count(), 0, "{text:?}");
        assert!(!text.contains('\u{202e}'));
    }
}
