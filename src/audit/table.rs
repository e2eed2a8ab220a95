//! Events as lines for people: when, who, what came of it, the command.

use unicode_width::UnicodeWidthStr;

use super::event::Event;
use crate::mask::line_of_masked;
use crate::text::{shown, wrapped};

/// A time as it stands in the first column, and the blanks behind it.
const TIME: usize = 21;

/// The columns, as wide as the events need that it has seen.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Of the terminal; a line that is longer goes on below.
    width: Option<usize>,
    who: usize,
    outcome: usize,
}

impl Table {
    /// For a terminal of that many columns; `None` for a program, which wants one line for
    /// each event.
    #[must_use]
    pub fn new(width: Option<usize>) -> Self {
        Self { width, ..Self::default() }
    }

    /// Makes room for an event.
    pub fn fit(&mut self, event: &Event) {
        self.who = self.who.max(who(event).width());
        let outcome = outcome(event).width();
        // A long one does not push everybody's command off the terminal.
        if self.width.is_none_or(|width| outcome <= width / 3) {
            self.outcome = self.outcome.max(outcome);
        }
    }

    /// The line of an event, in columns that have room for it.
    #[must_use]
    pub fn row(&self, event: &Event) -> String {
        let time = event.time.get(..19).unwrap_or(&event.time).replace('T', " ");
        let [who, outcome] =
            [(who(event), self.who), (outcome(event), self.outcome)].map(|(text, width)| {
                format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
            });
        let head = format!("{time}  {who}  {outcome}");
        let command = command(event);
        let line = format!("{head}  {command}");
        let Some(width) = self.width.filter(|width| line.width() > *width) else {
            return line + "\n";
        };
        let indent = "\n".to_owned() + &" ".repeat(TIME);
        let command = wrapped(&command, width.saturating_sub(TIME)).join(&indent);
        format!("{}{indent}{command}\n", head.trim_end())
    }
}

fn who(event: &Event) -> String {
    shown(event.person())
}

fn command(event: &Event) -> String {
    let command = line_of_masked(&event.argv);
    match &event.break_glass {
        Some(reason) => format!("BREAK GLASS ({})  {command}", shown(reason)),
        None => command,
    }
}

fn outcome(event: &Event) -> String {
    let codes: Vec<&str> = event.reasons.iter().map(|reason| reason.code.as_str()).collect();
    let outcome = match (event.event.as_str(), event.verdict.as_str(), event.enforced) {
        ("confirmed", ..) => "name typed, ran",
        ("ticket", ..) => "ran on a ticket",
        ("covered", ..) => "ran on the same answer",
        ("declined", ..) => "not confirmed",
        ("changed", "ask", _) => "files changed, asked again",
        (_, "refuse", true) => "refused",
        (_, "refuse", false) => "ran (observe)",
        (_, "ask", _) => "asked",
        _ => "ran",
    };
    if codes.is_empty() {
        outcome.to_owned()
    } else {
        format!("{outcome}: {}", shown(codes.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user: &str, verdict: &str, codes: &[&str], words: &[&str]) -> Event {
        let reasons: Vec<_> =
            codes.iter().map(|code| serde_json::json!({"code": code, "offender": "x"})).collect();
        let event = serde_json::json!({
            "apiVersion": "envguard/v1alpha1", "kind": "AuditEvent",
            "time": "2026-11-25T08:00:00.000Z", "event": "judged", "verdict": verdict,
            "enforced": true, "reasons": reasons, "argv": words, "cwd": "/",
            "session": "unknown", "uid": 7, "user": user, "pid": 1,
            "environment": "develop", "cluster": "d",
        });
        serde_json::from_value(event).unwrap()
    }

    fn events() -> Vec<Event> {
        vec![
            event("al", "run", &[], &["get", "pods"]),
            event("本番", "refuse", &["target-foreign"], &["apply", "-k", "overlays/prod"]),
            event(
                "alexandra.long-name",
                "refuse",
                &["reference-outside", "tree-uncommitted"],
                &["apply", "-k", "apps/payments/overlays/develop", "--namespace", "payments"],
            ),
        ]
    }

    fn table(width: Option<usize>) -> Vec<String> {
        let mut table = Table::new(width);
        events().iter().for_each(|event| table.fit(event));
        events().iter().map(|event| table.row(event)).collect()
    }

    #[test]
    fn a_person_is_who_opened_the_session() {
        for (session, user, person) in [
            ("alice@example.com-0123456789abcdef0", Some("ssm-user"), "alice@example.com"),
            ("mary-ann-abcdefghijklmnopqrstuvwxyz", Some("ssm-user"), "mary-ann"),
            ("unknown", Some("bob"), "bob"),
            ("mary-ann", Some("bob"), "bob"),
            ("-0123456789abcdef0", Some("bob"), "bob"),
            ("unknown", None, "7"),
        ] {
            let event = event("", "run", &[], &["get", "pods"]);
            let user = user.map(str::to_owned);
            let event = Event { session: session.to_owned(), user, ..event };
            assert_eq!(event.person(), person, "{session}");
        }
    }

    #[test]
    fn a_program_gets_one_line_each_and_the_same_columns() {
        let rows = table(None);
        let at = |row: &String, text: &str| row[..row.find(text).unwrap()].width();
        for row in &rows {
            assert_eq!(row.matches('\n').count(), 1, "{row}");
            assert_eq!(at(row, "kubectl "), at(&rows[0], "kubectl "), "{rows:?}");
        }
        assert_eq!(at(&rows[1], "refused"), at(&rows[0], "ran"), "{rows:?}");
    }

    #[test]
    fn on_a_terminal_nothing_stands_beyond_its_edge() {
        assert_eq!(table(Some(200)).concat().lines().count(), 3);
        assert_eq!(
            table(Some(80)).concat(),
            "2026-11-25 08:00:00  al                   ran\n\
             \x20                    kubectl get pods\n\
             2026-11-25 08:00:00  本番                 refused: target-foreign\n\
             \x20                    kubectl apply -k overlays/prod\n\
             2026-11-25 08:00:00  alexandra.long-name  refused: reference-outside, tree-uncommitted\n\
             \x20                    kubectl apply -k apps/payments/overlays/develop --namespace\n\
             \x20                    payments\n"
        );
    }
}
