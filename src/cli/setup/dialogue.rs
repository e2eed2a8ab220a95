//! Questions on the terminal. Each has an answer already; Enter takes it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use super::answer;
use crate::env::Env;
use crate::level::Level;
use crate::setup::{self, Draft, Entry, Known, Old, Places, Request, Result, Trouble};
use crate::text::shown;

/// The longest line that is read as an answer.
const MAX_ANSWER: u64 = 4096;

/// How often one question is asked.
const PATIENCE: usize = 5;

/// The terminal.
pub(super) struct Dialogue {
    out: File,
    input: BufReader<File>,
}

impl Dialogue {
    /// Opens the terminal.
    pub(super) fn open() -> Result<Self> {
        let open = || OpenOptions::new().read(true).write(true).open("/dev/tty");
        let no_terminal = |_| {
            Trouble::new(
                "there is no terminal to ask on",
                "kubectl-envguard setup --yes; or --dry-run to see what it would do",
            )
        };
        let out = open().map_err(no_terminal)?;
        let input = BufReader::new(open().map_err(no_terminal)?);
        let mut dialogue = Self { out, input };
        dialogue.say("Enter takes the answer in [brackets]. Nothing is written before you agree.");
        Ok(dialogue)
    }

    /// One line; `None` at the end of input.
    fn ask(&mut self, question: &str, default: &str) -> Result<String> {
        let shown_default =
            if default.is_empty() { String::new() } else { format!(" [{}]", shown(default)) };
        let failed = |error: std::io::Error| {
            Trouble::new(
                format!("the terminal does not answer: {error}"),
                "kubectl-envguard setup --yes",
            )
        };
        write!(self.out, "{question}{shown_default}: ")
            .and_then(|()| self.out.flush())
            .map_err(failed)?;
        let mut answer = String::new();
        let read = (&mut self.input).take(MAX_ANSWER).read_line(&mut answer).map_err(failed)?;
        if read == 0 {
            return Err(Trouble::new(
                "nothing was written: the answers ended",
                "kubectl-envguard setup",
            ));
        }
        let answer = answer.trim();
        Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
    }

    fn say(&mut self, text: &str) {
        // When the terminal is gone, the next question says so.
        drop(writeln!(self.out, "{text}"));
    }

    /// A question with yes or no; yes unless it is said otherwise.
    pub(super) fn yes(&mut self, question: &str) -> Result<bool> {
        for _ in 0..PATIENCE {
            match self.ask(&format!("{question} (yes/no)"), "yes")?.to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("yes or no"),
            }
        }
        Ok(false)
    }

    /// Which context, when there are several.
    pub(super) fn context(
        &mut self,
        request: &mut Request,
        places: &Places,
        old: Option<&Old>,
        env: &Env,
    ) -> Result<()> {
        if request.context.is_some() || setup::context(request, places, old, env).is_ok() {
            return Ok(());
        }
        let (names, current) = setup::choices(request, places, old, env)?;
        if names.len() < 2 {
            return Ok(()); // whatever is wrong with it is said later
        }
        self.say("Contexts of the kubeconfig:");
        for (index, name) in names.iter().enumerate() {
            self.say(&format!("  {} {}", index + 1, shown(name)));
        }
        let default = current.unwrap_or_default();
        for _ in 0..PATIENCE {
            let answer = self.ask("The one of this instance, by number or name", &default)?;
            let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let by_number = number.and_then(|number| names.get(number));
            if let Some(name) = names.iter().find(|name| **name == answer).or(by_number) {
                request.context = Some(name.clone());
                return Ok(());
            }
            self.say("none of them");
        }
        Err(Trouble::new("no context was chosen", "kubectl-envguard setup --context NAME"))
    }

    /// What the instance is for, and how strict that makes it.
    pub(super) fn environment(&mut self, request: &mut Request, old: Option<&Old>) -> Result<()> {
        for _ in 0..PATIENCE {
            let answer = self.ask("Environment of this instance", &request.wishes.environment)?;
            if !answer.is_empty() {
                request.wishes.environment = answer;
                return self.level(request, old);
            }
        }
        Ok(())
    }

    fn level(&mut self, request: &mut Request, old: Option<&Old>) -> Result<()> {
        if request.wishes.level.is_some() {
            return Ok(());
        }
        let environment = &request.wishes.environment;
        let known = old.map(|old| &old.policy.environment).filter(|old| old.name == *environment);
        let usual = known.map_or_else(|| Level::of_name(environment), |old| old.level);
        for _ in 0..PATIENCE {
            let answer = self.ask("Level (normal, caution or critical)", usual.name())?;
            if answer == usual.name() {
                return Ok(());
            }
            if Level::ALL.iter().any(|level| level.name() == answer) {
                request.wishes.level = Some(answer);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Names, of which `default` are the answer already.
    fn names(&mut self, question: &str, default: &[String]) -> Result<Vec<String>> {
        for _ in 0..PATIENCE {
            match answer::split(&self.ask(question, &answer::joined(default))?) {
                Some(names) => return Ok(names),
                None => self.say("a quote is not closed"),
            }
        }
        Ok(default.to_vec())
    }

    /// Where the manifests are, when that is not known.
    pub(super) fn checkouts(
        &mut self,
        request: &mut Request,
        old: Option<&Old>,
        env: &Env,
        known: &Known,
    ) -> Result<()> {
        if old.is_some() || !request.checkouts.is_empty() {
            return Ok(());
        }
        let found = setup::found(&request.wishes.environment, env, known).unwrap_or_default();
        request.checkouts = self.names("Checkouts of manifests, separated by spaces", &found)?;
        Ok(())
    }

    /// Drafts until the overlays of this environment are known in every checkout.
    pub(super) fn until_found(
        &mut self,
        request: &mut Request,
        draft: &dyn Fn(&Request) -> Result<Draft>,
    ) -> Result<Draft> {
        let most = PATIENCE * request.checkouts.len().max(1);
        for _ in 0..most {
            let trouble = match draft(request) {
                Err(trouble) if trouble.names_are_missing => trouble,
                other => return other,
            };
            self.say(&trouble.what);
            let path = trouble.entry.unwrap_or_default();
            let mut entry = request.entries.get(&path).unwrap_or(&request.entry).clone();
            entry.roots = self.names(ROOTS, &entry.roots)?;
            entry.allow = self.names(ALLOW, &entry.allow)?;
            request.entries.insert(path, entry);
        }
        draft(request)
    }

    /// What was found, to be corrected; whether it was.
    pub(super) fn details(&mut self, request: &mut Request, draft: &Draft) -> Result<bool> {
        // The working trees of one pattern share an entry.
        let entries: BTreeMap<&str, &Entry> = draft
            .surveys
            .iter()
            .map(|survey| (survey.entry.path.as_str(), &survey.entry))
            .collect();
        let entries: Vec<&Entry> = entries.into_values().collect();
        let corrected = match entries.as_slice() {
            [entry] => self.lists(entry)?.into_iter().collect(),
            entries => self.some_lists(entries)?,
        };
        let changed = !corrected.is_empty();
        request.entries.extend(corrected.into_iter().map(|entry| (entry.path.clone(), entry)));
        let contact = draft.policy.contact.clone().unwrap_or_default();
        let answer = self.ask("Whom to ask, shown in every refusal (empty: nobody)", &contact)?;
        if answer == contact {
            return Ok(changed);
        }
        request.wishes.contact = Some(answer);
        Ok(true)
    }

    /// Several checkouts: those that are named are asked about. What was corrected.
    fn some_lists(&mut self, entries: &[&Entry]) -> Result<Vec<Entry>> {
        let mut now: Vec<Entry> = entries.iter().copied().cloned().collect();
        loop {
            self.say("Checkouts:");
            for (index, entry) in now.iter().enumerate() {
                self.say(&format!("  {} {}", index + 1, shown(&entry.path)));
                let [roots, allow] =
                    [&entry.roots, &entry.allow].map(|list| shown(answer::joined(list)));
                self.say(&format!("    of {roots}, {allow} may be applied"));
            }
            let answer = self.ask("One to correct, by number (empty: none)", "")?;
            if answer.is_empty() {
                now.retain(|entry| !entries.contains(&entry));
                return Ok(now);
            }
            let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match number.and_then(|number| now.get_mut(number)) {
                Some(entry) => *entry = self.lists(entry)?.unwrap_or_else(|| entry.clone()),
                None => self.say("none of them"),
            }
        }
    }

    /// The lists of one entry; nothing when they are right.
    fn lists(&mut self, entry: &Entry) -> Result<Option<Entry>> {
        let roots = self.names(ROOTS, &entry.roots)?;
        let allow = self.names(ALLOW, &entry.allow)?;
        let foreign = entry.foreign.clone().unwrap_or_default();
        let foreign = self.names("Overlays of other environments", &foreign)?;
        // A list that is missing on purpose stays so.
        let foreign = Some(foreign).filter(|list| entry.foreign.is_some() || !list.is_empty());
        let shared = self.names("Directories that overlays may refer to", &entry.shared)?;
        let now = Entry { roots, allow, shared, foreign, ..entry.clone() };
        Ok((now != *entry).then_some(Entry { exact_shared: true, ..now }))
    }
}

const ROOTS: &str = "Directories whose children are environments";

const ALLOW: &str = "Overlays that may be applied here";
