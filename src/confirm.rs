//! Asks the operator to type the environment's name.
//!
//! The dialogue is with the terminal itself. Standard input is never read: it may
//! hold manifests.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
    tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};
use unicode_normalization::UnicodeNormalization;

use crate::colour::Look;
use crate::env::Env;
use crate::policy::Policy;
use crate::signals::Bell;
use crate::text::shown;

/// The longest line that is read as an answer.
const MAX_ANSWER: usize = 1024;

/// The width of lines in the log of a script.
const TRANSCRIPT: usize = 160;

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;

/// What Ctrl-\ sends.
const QUIT: u8 = 0x1c;

/// Switches a special character off (`_POSIX_VDISABLE` on Linux).
const DISABLED: u8 = 0;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The name was given with `--confirm`.
    Given,
    /// The name was typed on the terminal.
    Typed,
    /// Something else was typed.
    Mistyped(String),
    /// Why it was not.
    Declined(String),
}

impl Answer {
    /// Why it is no yes, in a phrase.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        match self {
            Self::Given | Self::Typed => None,
            Self::Mistyped(typed) => Some(format!("{} was typed", shown(typed))),
            Self::Declined(why) => Some(why.clone()),
        }
    }
}

/// Compares a given name with the environment and the cluster: a name such as
/// `本番` cannot be typed on every keyboard. Input methods differ in how they compose
/// letters, so both are normalised (NFC).
#[must_use]
pub fn accepts(policy: &Policy, name: &str) -> bool {
    let typed: String = name.trim().nfc().collect();
    !typed.is_empty()
        && [&policy.environment.name, &policy.pin.name]
            .into_iter()
            .any(|expected| expected.trim().nfc().eq(typed.chars()))
}

/// Judges the name that was given, or asks for it after a line that says what for.
#[must_use]
pub fn confirm(policy: &Policy, env: &Env, line: &str, name: Option<&str>) -> Answer {
    if let Some(name) = name {
        return given(policy, name);
    }
    let Some(mut dialogue) = Dialogue::open(env) else { return nobody() };
    dialogue.show(&heading(policy, line));
    dialogue.ask(policy)
}

/// Where it would happen, and what.
#[must_use]
pub fn heading(policy: &Policy, line: &str) -> String {
    format!("envguard: {} ({})\n  {line}\n", shown(policy.display_name()), shown(&policy.pin.name))
}

/// Judges the name given with `--confirm`.
#[must_use]
pub fn given(policy: &Policy, name: &str) -> Answer {
    if accepts(policy, name) {
        Answer::Given
    } else {
        Answer::Declined(format!("--confirm {} is not this environment", shown(name)))
    }
}

/// There is nobody to ask.
#[must_use]
pub fn nobody() -> Answer {
    Answer::Declined("there is no terminal to ask on".to_owned())
}

/// Where it is shown what a command would change.
pub trait Screen: Send {
    /// What it can show now: it may have been resized.
    fn look(&self) -> Look;
    /// Prints `text`.
    fn show(&mut self, text: &str);
    /// Shows one line that the next one replaces; nothing clears it.
    fn progress(&mut self, line: &str);
    /// Whether somebody has had enough.
    fn is_interrupted(&mut self) -> bool;
}

/// Standard error, which may be a file: it shows what a script is about to do, where
/// nobody is asked.
#[derive(Debug)]
pub struct Transcript {
    unicode: bool,
}

impl Transcript {
    /// That of this process.
    #[must_use]
    pub fn new(env: &Env) -> Self {
        Self { unicode: env.speaks_utf8() }
    }
}

impl Screen for Transcript {
    fn look(&self) -> Look {
        Look { width: TRANSCRIPT, unicode: self.unicode, ..Look::PLAIN }
    }

    /// A closed standard error is no reason to fail.
    fn show(&mut self, text: &str) {
        std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }

    fn progress(&mut self, _: &str) {}

    fn is_interrupted(&mut self) -> bool {
        false
    }
}

/// A conversation on the controlling terminal. As long as it lasts, Ctrl-C is an
/// answer (no) and not the end of this process, which would leave the terminal in the
/// state of the conversation; and so is every signal that ends a program. Ctrl-Z works
/// as ever.
#[derive(Debug)]
pub struct Dialogue {
    terminal: File,
    before: Option<Termios>,
    unicode: bool,
    bell: Option<Bell>,
}

impl Dialogue {
    /// `None` where there is no terminal.
    #[must_use]
    pub fn open(env: &Env) -> Option<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        let bell = Bell::hung();
        let before = tcgetattr(&terminal).ok();
        let dialogue = Self { terminal, before, unicode: env.speaks_utf8(), bell };
        if let Some(before) = &dialogue.before {
            // A program that died may have left the terminal in any state.
            let mut during = before.clone();
            during.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            during.input_modes |= InputModes::ICRNL;
            during.special_codes[SpecialCodeIndex::VINTR] = DISABLED;
            during.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
            during.special_codes[SpecialCodeIndex::VQUIT] = DISABLED;
            during.special_codes[SpecialCodeIndex::VEOL2] = QUIT;
            tcsetattr(&dialogue.terminal, OptionalActions::Now, &during).unwrap_or_default();
        }
        Some(dialogue)
    }

    fn has_input(&self) -> bool {
        let mut waiting = [PollFd::new(&self.terminal, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut waiting, Some(&at_once)).is_ok_and(|ready| ready > 0)
            && waiting[0].revents().contains(PollFlags::IN)
    }

    /// Asks for the name. What was typed before the question stood there is no
    /// answer to it.
    pub fn ask(&mut self, policy: &Policy) -> Answer {
        let name = shown(&policy.environment.name);
        let question = format!("  type the environment's name to run it [{name}]: ");
        tcflush(&self.terminal, QueueSelector::IFlush).unwrap_or_default();
        if self.terminal.write_all(question.as_bytes()).is_err() {
            return nobody();
        }
        let Ok(line) = self.line() else { return nobody() };
        if is_interrupted(&line) {
            self.show("\n");
            return Answer::Declined("it was interrupted".to_owned());
        }
        if !line.ends_with(b"\n") {
            self.show("\n");
        }
        let typed = String::from_utf8_lossy(&line);
        let typed = typed.trim();
        if accepts(policy, typed) {
            Answer::Typed
        } else if typed.is_empty() {
            Answer::Declined("nothing was typed".to_owned())
        } else {
            Answer::Mistyped(typed.to_owned())
        }
    }

    /// Up to the end of the line, the end of input, Ctrl-C, or too much.
    fn line(&mut self) -> std::io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut typed = [0; MAX_ANSWER];
        while line.len() < MAX_ANSWER {
            if self.rings_first()? {
                line.push(INTERRUPT);
                break;
            }
            let count = self.terminal.read(&mut typed)?;
            line.extend_from_slice(&typed[..count]);
            if count == 0 || line.ends_with(b"\n") || is_interrupted(&line) {
                break;
            }
        }
        Ok(line)
    }

    /// Waits until something is typed, or a signal comes: whether it was the signal.
    fn rings_first(&self) -> std::io::Result<bool> {
        let Some(bell) = &self.bell else { return Ok(false) };
        // From the background, reading stops the process until it is brought back.
        let is_behind = tcgetpgrp(&self.terminal).is_ok_and(|group| group != getpgrp());
        let mut waiting =
            [PollFd::new(&self.terminal, PollFlags::IN), PollFd::new(bell, PollFlags::IN)];
        if !is_behind
            && let Err(error) = poll(&mut waiting, None)
            && error != rustix::io::Errno::INTR
        {
            return Err(error.into());
        }
        Ok(bell.has_rung())
    }
}

/// Whether Ctrl-C or Ctrl-\ is among what was typed.
fn is_interrupted(typed: &[u8]) -> bool {
    typed.iter().any(|byte| [INTERRUPT, QUIT].contains(byte))
}

impl Screen for Dialogue {
    fn look(&self) -> Look {
        let width = tcgetwinsize(&self.terminal).map_or(0, |size| usize::from(size.ws_col));
        // Session Manager's terminal has the size 0x0 until the client reports its own.
        let width = if width == 0 { Look::PLAIN.width } else { width };
        Look { width, colour: false, unicode: self.unicode }
    }

    /// A terminal that is gone cannot be asked either.
    fn show(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap_or_default();
    }

    fn progress(&mut self, line: &str) {
        let width = self.look().width.min(MAX_ANSWER).saturating_sub(1);
        let line: String = line.chars().take(width).collect();
        let blank = " ".repeat(width);
        self.show(&format!("\r{blank}\r{line}"));
    }

    /// What else was typed than Ctrl-C is dropped.
    fn is_interrupted(&mut self) -> bool {
        if self.bell.as_ref().is_some_and(Bell::has_rung) {
            return true;
        }
        let mut typed = [0; MAX_ANSWER];
        while self.has_input() {
            match self.terminal.read(&mut typed) {
                Ok(count) if count > 0 => {
                    if is_interrupted(&typed[..count]) {
                        return true;
                    }
                }
                _ => return false,
            }
        }
        false
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            tcsetattr(&self.terminal, OptionalActions::Now, before).unwrap_or_default();
        }
    }
}
