//! Prints verdicts and errors for people, on standard error only: standard output
//! belongs to kubectl.

use std::io::{IsTerminal, Write};

use owo_colors::{OwoColorize, Style};

use crate::env::Env;
use crate::judge::{Outcome, Reason, Verdict};
use crate::policy::Policy;
use crate::text::{brief, shown, wrapped};

/// Lines are wrapped for the narrowest terminal in use.
const WIDTH: usize = 78;

/// The width of the column of labels.
const LABEL: usize = 10;

/// Writes to standard error.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    colour: bool,
}

impl Reporter {
    /// Colours only on a terminal, and never against `NO_COLOR` or `TERM=dumb`.
    #[must_use]
    pub fn new(env: &Env) -> Self {
        let wanted = env.get("NO_COLOR").is_none() && env.get("TERM").is_none_or(|t| t != "dumb");
        Self { colour: wanted && std::io::stderr().is_terminal() }
    }

    /// A reporter that never colours.
    #[must_use]
    pub const fn plain() -> Self {
        Self { colour: false }
    }

    /// Everything the operator should see about a verdict. What observe mode lets
    /// run is said in one line: people work with it for weeks.
    pub fn verdict(self, verdict: &Verdict, policy: Option<&Policy>) {
        let runs = verdict.outcome != Outcome::Refuse;
        match verdict.reasons.split_first() {
            Some((first, others)) if runs && verdict.lifted.is_empty() => {
                self.print(&(observed(first, others.len()) + &warnings(verdict)));
            }
            _ => self.print(&self.text(verdict, policy)),
        }
    }

    /// All of it as text, with every reason in full.
    #[must_use]
    pub fn text(self, verdict: &Verdict, policy: Option<&Policy>) -> String {
        let refused = verdict.outcome == Outcome::Refuse;
        let mut text = String::new();
        for (index, reason) in verdict.reasons.iter().enumerate() {
            let headline = match (refused, index) {
                (true, 0) => "refused",
                (true, _) => "refused also",
                (false, _) => "would be refused",
            };
            self.reason(&mut text, headline, reason);
        }
        for reason in &verdict.lifted {
            // Nobody who breaks the glass wants to be told what to do instead.
            self.headline(&mut text, "BREAK GLASS", reason);
        }
        if !verdict.reasons.is_empty() {
            let contact = policy.and_then(|policy| policy.contact.as_deref());
            self.footer(&mut text, &verdict.reasons, contact);
        }
        text + &warnings(verdict)
    }

    /// The kernel kept something from kubectl while it ran.
    pub fn kept_from_kubectl(self, reason: &Reason) {
        let mut text = String::new();
        self.reason(&mut text, "kernel", reason);
        self.footer(&mut text, std::slice::from_ref(reason), None);
        self.print(&text);
    }

    fn headline(self, text: &mut String, headline: &str, reason: &Reason) {
        let red = Style::new().red().bold();
        let marked =
            if self.colour { headline.style(red).to_string() } else { headline.to_owned() };
        let first = format!("envguard: {marked} ({}): {}", reason.code, brief(&reason.what));
        text.push_str(&first);
        text.push('\n');
    }

    fn reason(self, text: &mut String, headline: &str, reason: &Reason) {
        self.headline(text, headline, reason);
        if !reason.what.contains(&reason.offender) || reason.offender.starts_with('/') {
            let label = if reason.offender.starts_with('/') { "path" } else { "word" };
            text.push_str(&labelled(label, &brief(&reason.offender), false));
        }
        text.push_str(&labelled("rule", &brief(&reason.rule), true));
        text.push_str(&labelled("instead", &brief(&reason.remedy), false));
    }

    fn footer(self, text: &mut String, reasons: &[Reason], contact: Option<&str>) {
        let code = reasons.first().map(|reason| reason.code.name()).unwrap_or_default();
        text.push_str(&labelled("more", &format!("kubectl envguard why {code}"), false));
        if let Some(contact) = contact {
            text.push_str(&labelled("contact", &shown(contact), false));
        }
    }

    /// One line of warning.
    pub fn warning(self, line: &str) {
        self.print(&format!("envguard: {line}\n"));
    }

    /// An error of ours, with what would help.
    pub fn error(self, problem: &str, remedy: &str) {
        self.print(&format!(
            "envguard: error: {}\n{}",
            shown(problem),
            labelled("instead", remedy, false)
        ));
    }

    /// A closed standard error is no reason to fail or to panic.
    fn print(self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if stderr.write_all(text.as_bytes()).is_err() {
            return;
        }
        stderr.flush().unwrap_or_default();
    }
}

/// The line for what runs although a rule is against it.
fn observed(first: &Reason, others: usize) -> String {
    let more = match others {
        0 => String::new(),
        1 => " (and one reason more)".to_owned(),
        others => format!(" (and {others} reasons more)"),
    };
    format!("envguard: OBSERVE, would be refused ({}): {}{more}\n", first.code, brief(&first.what))
}

fn warnings(verdict: &Verdict) -> String {
    let lines = verdict.warnings.iter().map(|warning| format!("envguard: {}\n", shown(warning)));
    lines.collect()
}

/// A line with its label; prose is wrapped, what can be pasted is not.
fn labelled(label: &str, content: &str, prose: bool) -> String {
    let lines = if prose { wrapped(content, WIDTH - LABEL - 2) } else { vec![content.to_owned()] };
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        text.push_str(&format!("  {label:<LABEL$}{line}\n"));
    }
    text
}
