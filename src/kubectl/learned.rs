//! What was read in the installed kubectl's own help, as the grammar needs it.

use super::entry::{Arity, Command, Flag, Versions};
use super::help::Page;

/// Pages of help that have been read, or asked for in vain.
///
/// Names live as long as the process, like those of the table: a lookup happens
/// a few times in the life of a process that then becomes kubectl.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    pages: Vec<Lesson>,
}

#[derive(Debug, Clone)]
struct Lesson {
    path: String,
    subcommands: Vec<&'static Command>,
    if_word: &'static [Flag],
    if_alone: &'static [Flag],
}

/// What is assumed of a flag whose page does not tell whether it takes the next
/// word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assumption {
    /// It does.
    TakesWord,
    /// It stands alone, or has its value attached.
    StandsAlone,
}

impl Learned {
    /// Adds the page of the command `path`; `None` when it could not be had, so
    /// that it is not asked for again.
    pub fn add(&mut self, path: &str, page: Option<&Page>) {
        let nothing = Page::default();
        let page = page.unwrap_or(&nothing);
        let subcommands = page.subcommands.iter().map(|name| {
            let path = format!("{path} {name}").trim_start().to_owned();
            let command =
                Command { path: path.leak(), aliases: &[], versions: Versions::NONE, flags: &[] };
            &*Box::leak(Box::new(command))
        });
        self.pages.push(Lesson {
            path: path.to_owned(),
            subcommands: subcommands.collect(),
            if_word: flags(page, Assumption::TakesWord).leak(),
            if_alone: flags(page, Assumption::StandsAlone).leak(),
        });
    }

    /// Whether the page of `path` has been asked for.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.lesson(path).is_some()
    }

    /// Whether kubectl lists `name` among its own commands.
    pub(super) fn has_command(&self, name: &str) -> bool {
        self.subcommand("", name).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    pub(super) fn subcommand(&self, parent: &str, path: &str) -> Option<&'static Command> {
        let lesson = self.lesson(parent)?;
        lesson.subcommands.iter().find(|command| command.path == path).copied()
    }

    pub(super) fn flags(&self, path: &str, assumption: Assumption) -> &'static [Flag] {
        self.lesson(path).map_or(&[], |lesson| match assumption {
            Assumption::TakesWord => lesson.if_word,
            Assumption::StandsAlone => lesson.if_alone,
        })
    }

    fn lesson(&self, path: &str) -> Option<&Lesson> {
        self.pages.iter().find(|lesson| lesson.path == path)
    }
}

/// The page's flags. Where several kubectls list one differently, the listing that
/// fits the assumption counts.
fn flags(page: &Page, assumption: Assumption) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for listed in &page.flags {
        let arity = match (listed.boolean, assumption) {
            (true, _) => Arity::Bool,
            (false, Assumption::TakesWord) => Arity::Required,
            (false, Assumption::StandsAlone) => Arity::Optional,
        };
        let wanted = listed.boolean == (assumption == Assumption::StandsAlone);
        match flags.iter_mut().find(|flag| flag.long == listed.long) {
            Some(flag) if wanted => flag.arity = arity,
            Some(_) => {}
            None => flags.push(Flag {
                long: listed.long.clone().leak(),
                short: listed.short,
                arity,
                versions: Versions::NONE,
            }),
        }
    }
    flags
}
