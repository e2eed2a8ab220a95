//! A preview as lines for a terminal.

use similar::TextDiff;
use unicode_width::UnicodeWidthStr;

use super::change::{Change, Difference, Fate, Field};
use super::look::Preview;
use crate::colour::Look;
use crate::text::brief;

/// Objects that get a line; the others are counted.
const MOST: usize = 20;

/// Before a line of an object.
const INDENT: &str = "    ";

/// Everything, each line with its line break. `full` shows all objects, and the text
/// of each.
#[must_use]
pub fn rendered(preview: &Preview, look: Look, full: bool) -> String {
    let mut text = String::new();
    let mut line = |content: &str| {
        text.push_str(content);
        text.push('\n');
    };
    let changes = sorted(&preview.changes);
    let count = changes.len() + preview.lines.len();
    if count > 0 {
        line(&format!("  {}:", summary(&changes, preview.lines.len())));
    } else if preview.troubles.is_empty() && !preview.is_plain {
        line("  nothing would change");
    }
    let most = if full { count } else { MOST };
    let kubectls =
        preview.lines.iter().map(|said| (format!("{INDENT}{}", fitting(said, look)), None));
    let objects = changes.iter().map(|change| (object(change, look), Some(*change)));
    for (content, change) in kubectls.chain(objects).take(most) {
        line(&content);
        if let Some(change) = change.filter(|_| full) {
            for changed in unified(change, look) {
                line(&changed);
            }
        }
    }
    if count > most {
        line(
            &format!("{INDENT}and {} more; all of them: kubectl envguard --full …", count - most)
                .replace('…', if look.unicode { "…" } else { "..." }),
        );
    }
    for revert in reverts(&changes, look) {
        line(&revert);
    }
    for trouble in &preview.troubles {
        line(&format!("  cannot be shown: {}", look.shown(&brief(trouble))));
    }
    text
}

/// What goes stands first, so that no count hides it.
fn sorted(changes: &[Change]) -> Vec<&Change> {
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by_key(|change| match change.fate {
        Fate::Goes => 0,
        Fate::Other(_) => 1,
        Fate::Changes => 2,
        Fate::New => 3,
    });
    changes
}

/// `would change 2 objects, 1 is new, 3 go`
fn summary(changes: &[&Change], lines: usize) -> String {
    let count =
        |wanted: fn(&Fate) -> bool| changes.iter().filter(|change| wanted(&change.fate)).count();
    let goes = count(|fate| *fate == Fate::Goes);
    let new = count(|fate| *fate == Fate::New);
    let other = count(|fate| matches!(fate, Fate::Other(_))) + lines;
    let changed = count(|fate| *fate == Fate::Changes);
    let objects = |count: usize| if count == 1 { "object" } else { "objects" };
    let mut parts = Vec::new();
    if goes > 0 {
        parts.push(format!("{goes} {} would go", objects(goes)));
    }
    if other > 0 {
        parts.push(format!(
            "{other} {} concerned",
            if other == 1 { "object is" } else { "objects are" }
        ));
    }
    if changed > 0 {
        parts.push(format!("{changed} {} would change", objects(changed)));
    }
    if new > 0 {
        parts.push(format!("{new} {} would be new", objects(new)));
    }
    parts.join(", ")
}

/// `apps/Deployment web/api  image v41→v42, replicas 3→6`
fn object(change: &Change, look: Look) -> String {
    let mut line = format!("{INDENT}{}  ", look.shown(&brief(&change.identity.to_string())));
    match &change.fate {
        Fate::Goes => line.push_str("goes"),
        Fate::New => line.push_str("is new"),
        Fate::Other(what) => line.push_str(what),
        Fate::Changes => fields(&mut line, &change.fields, look),
    }
    line
}

/// As many fields as the line has room for, one at least.
fn fields(line: &mut String, fields: &[Field], look: Look) {
    for (index, one) in fields.iter().enumerate() {
        let text = look.shown(&field(one, look));
        let text = if look.unicode { text } else { text.replace("\\u{2192}", "->") };
        let more = fields.len() - index;
        let and_more = if more > 1 { format!(", and {} more", more - 1).len() } else { 0 };
        if index > 0 && line.width() + 2 + text.width() + and_more > look.width {
            line.push_str(&format!(", and {more} more"));
            return;
        }
        if index > 0 {
            line.push_str(", ");
        }
        line.push_str(&text);
    }
}

fn field(Field { label, difference }: &Field, look: Look) -> String {
    let arrow = if look.unicode { "\u{2192}" } else { "->" };
    match difference {
        Difference::Values(one, other) => format!("{label} {one}{arrow}{other}"),
        Difference::Somehow => format!("{label} changed"),
        Difference::Added(Some(value)) => format!("+{label} {value}"),
        Difference::Added(None) => format!("+{label}"),
        Difference::Removed => format!("-{label}"),
    }
}

fn fitting(text: &str, look: Look) -> String {
    brief(&look.shown(text))
}

/// Both versions as `diff -u` shows them.
fn unified(change: &Change, look: Look) -> Vec<String> {
    let (live, next) = &change.texts;
    let diff = TextDiff::from_lines(live, next);
    let text = diff.unified_diff().context_radius(3).to_string();
    text.lines().map(|line| format!("{INDENT}  {}", look.shown(line))).collect()
}

/// One line for each controller that puts things back.
fn reverts(changes: &[&Change], look: Look) -> Vec<String> {
    const NAMED: usize = 2;
    let mut lines = Vec::new();
    let controllers = changes.iter().flat_map(|change| &change.controllers);
    let mut programs: Vec<&str> = controllers.map(|controller| controller.program).collect();
    programs.sort_unstable();
    programs.dedup();
    for program in programs {
        let theirs: Vec<String> = changes
            .iter()
            .filter_map(|change| {
                let controller = change.controllers.iter().find(|one| one.program == program)?;
                Some(look.shown(&brief(&format!("{} ({})", change.identity, controller.set))))
            })
            .collect();
        let mut line = format!(
            "  {program} will revert this: {}",
            theirs[..theirs.len().min(NAMED)].join(", ")
        );
        if theirs.len() > NAMED {
            line.push_str(&format!(", and {} more", theirs.len() - NAMED));
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview::{Controller, Identity};

    const WIDE: Look = Look { width: 80, colour: false, unicode: true };

    fn change(name: &str, fate: Fate, fields: &[(&str, &str, &str)]) -> Change {
        let identity = Identity {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "web".into(),
            name: name.into(),
        };
        let fields = fields
            .iter()
            .map(|(label, one, other)| Field {
                label: (*label).into(),
                difference: Difference::Values((*one).into(), (*other).into()),
            })
            .collect();
        Change {
            identity,
            fate,
            fields,
            controllers: Vec::new(),
            texts: (String::new(), String::new()),
        }
    }

    #[test]
    fn one_line_for_each_object() {
        let mut api =
            change("api", Fate::Changes, &[("image", "v41", "v42"), ("replicas", "3", "6")]);
        api.controllers = vec![
            Controller { program: "Argo CD", set: "shop".into() },
            Controller { program: "Flux", set: "apps".into() },
        ];
        let gone = change("old", Fate::Goes, &[]);
        let preview = Preview { changes: vec![api, gone], ..Preview::default() };
        assert_eq!(
            rendered(&preview, WIDE, false),
            "  1 object would go, 1 object would change:\n    apps/Deployment web/old  goes\n    apps/Deployment web/api  image v41→v42, replicas 3→6\n  Argo CD will revert this: apps/Deployment web/api (shop)\n  Flux will revert this: apps/Deployment web/api (apps)\n"
        );
        let ascii = rendered(&preview, Look::PLAIN, false);
        assert!(ascii.is_ascii() && ascii.contains("image v41->v42, replicas 3->6"), "{ascii}");
    }

    #[test]
    fn what_goes_is_not_lost_in_a_thousand_objects() {
        let mut changes: Vec<Change> =
            (0..1_000).map(|n| change(&format!("n{n}"), Fate::New, &[])).collect();
        changes.push(change("gone", Fate::Goes, &[]));
        let preview = Preview { changes, ..Preview::default() };
        let text = rendered(&preview, WIDE, false);
        assert_eq!(text.lines().count(), 1 + MOST + 1);
        assert!(text.contains("web/gone  goes") && text.contains("and 981 more"), "{text}");
        assert_eq!(rendered(&preview, WIDE, true).lines().count(), 1 + 1_001);
    }

    #[test]
    fn no_name_moves_the_cursor_and_no_line_is_endless() {
        let evil = "a\u{1b}[2J\r\n\u{202e}x".to_owned() + &"y".repeat(10_000);
        let many: Vec<(&str, &str, &str)> = (0..100).map(|_| ("field", "old", "new")).collect();
        let changes = vec![change(&evil, Fate::Goes, &[]), change("b", Fate::Changes, &many)];
        let preview = Preview {
            changes,
            lines: vec![evil.clone()],
            troubles: vec![evil],
            ..Preview::default()
        };
        let text = rendered(&preview, WIDE, true);
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
        let line = text.lines().find(|line| line.contains("web/b ")).unwrap();
        assert!(line.width() <= 80 && line.contains("more"), "{line}");
        assert!(text.len() < 10_000);
    }

    #[test]
    fn the_text_shows_what_differs() {
        let mut one = change("api", Fate::Changes, &[("a", "1", "2")]);
        one.texts = ("a: 1\nb: 1\n".into(), "a: 2\nb: 1\n".into());
        let preview = Preview { changes: vec![one], ..Preview::default() };
        let text = rendered(&preview, WIDE, true);
        assert!(text.contains("      -a: 1\n      +a: 2\n       b: 1\n"), "{text}");
        assert!(!rendered(&preview, WIDE, false).contains("+a"));
    }
}
