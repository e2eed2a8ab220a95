//! A program on a real terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Nothing that a test waits for takes so long, on the busiest machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the prompt of a shell under test ends with.
pub(crate) const PROMPT: &str = "user> ";

/// A terminal with a program as the leader of its session.
pub(crate) struct Terminal {
    keyboard: File,
    output: Receiver<Vec<u8>>,
    child: Child,
    /// Everything the program wrote, as it came.
    pub(crate) raw: Vec<u8>,
    size: (u16, u16),
}

impl Terminal {
    /// Starts `command` on a terminal of 80 columns and 24 rows.
    pub(crate) fn start(command: &Command) -> Self {
        Self::sized(command, 80, 24)
    }

    /// Starts `command` on a terminal of another size.
    pub(crate) fn sized(command: &Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || File::options().read(true).write(true).open(&name).unwrap();
        // A new session with this terminal as its own, as a login has it.
        let mut session = Command::new("setsid");
        session.args(["--ctty"]).arg(command.get_program()).args(command.get_args());
        session.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                session.env(name, value);
            }
        }
        if let Some(dir) = command.get_current_dir() {
            session.current_dir(dir);
        }
        let terminal = [(); 3].map(|()| open());
        let [stdin, stdout, stderr] = terminal.map(Stdio::from);
        let child = session.stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap();
        drop(session);
        let keyboard = File::from(master);
        Self {
            output: reader(keyboard.try_clone().unwrap().into()),
            keyboard,
            child,
            raw: Vec::new(),
            size: (columns, rows),
        }
    }

    /// Types `text` as it is.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Types a line and waits for the next prompt; what was shown in between, with
    /// the echo of the line.
    #[track_caller]
    pub(crate) fn run(&mut self, line: &str) -> Shown {
        let mark = self.raw.len();
        self.types(&format!("{line}\n"));
        self.until(mark, &format!("the prompt after {line:?}"), |text| {
            text.contains('\n') && at_prompt(text)
        })
    }

    /// Waits for the first prompt.
    #[track_caller]
    pub(crate) fn first_prompt(&mut self) -> Shown {
        self.until(0, "the first prompt", at_prompt)
    }

    /// Waits until what was shown so far contains `text`.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> Shown {
        self.until(0, text, |shown| shown.contains(text))
    }

    /// Waits until what came after `mark` is as wanted.
    #[track_caller]
    pub(crate) fn until(
        &mut self,
        mark: usize,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Shown {
        let end = Instant::now() + DEADLINE;
        loop {
            let shown = Shown(without_escapes(&self.raw[mark..]));
            if wanted(&shown.0) {
                return shown;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.raw.extend(bytes),
                Err(RecvTimeoutError::Timeout) => panic!("{what} did not come:\n{}", shown.0),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the end before {what}:\n{}", shown.0)
                }
            }
        }
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn until_screen(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !wanted(&self.screen()) {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.raw.extend(bytes),
                Err(_) => panic!("{what:?} does not stand last on the screen:\n{}", self.screen()),
            }
        }
    }

    /// Waits for the program's end: everything it wrote, and its exit code.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Shown, Option<i32>) {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.raw.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.screen()),
            }
        }
        let code = self.child.wait().unwrap().code();
        (Shown(without_escapes(&self.raw)), code)
    }

    /// The screen as a terminal shows it now.
    pub(crate) fn screen(&self) -> String {
        let [rows, columns] = [self.size.1, self.size.0]
            .map(|size| NonZero::new(size).unwrap_or(NonZero::<u16>::MIN));
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(&self.raw);
        let rows: Vec<String> =
            parser.screen().rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Whether a prompt stands last. fish returns to the line's start before it moves
/// the cursor to where it belongs.
pub(crate) fn at_prompt(text: &str) -> bool {
    text.trim_end_matches('\r').ends_with(PROMPT)
}

/// Text from a terminal, without escape sequences.
#[derive(Debug, Clone)]
pub(crate) struct Shown(pub(crate) String);

impl Shown {
    /// The prompt that stands last, up to the user's own part.
    pub(crate) fn prompt(&self) -> &str {
        let line = self.0.rsplit('\n').next().unwrap_or_default();
        line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().trim_end_matches(PROMPT)
    }

    /// How often `text` stands in it.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.0.matches(text).count()
    }

    #[track_caller]
    pub(crate) fn contains(&self, text: &str) -> &Self {
        assert!(self.0.contains(text), "{text:?} is not in:\n{}", self.0);
        self
    }

    #[track_caller]
    pub(crate) fn lacks(&self, text: &str) -> &Self {
        assert!(!self.0.contains(text), "{text:?} is in:\n{}", self.0);
        self
    }
}

/// The program's side of the terminal is closed when reading fails.
fn reader(master: OwnedFd) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut master = File::from(master);
        let mut chunk = [0; 4096];
        while let Ok(count) = master.read(&mut chunk)
            && count > 0
            && sender.send(chunk[..count].to_vec()).is_ok()
        {}
    });
    receiver
}

/// Removes CSI and OSC sequences and other escapes of two characters.
fn without_escapes(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != 0x1b {
            out.push(*byte);
            continue;
        }
        let end = match after.first() {
            Some(b'[') => {
                after[1..].iter().position(|b| (0x40..=0x7e).contains(b)).map(|at| at + 2)
            }
            Some(b']') => after.iter().position(|b| *b == 7 || *b == b'\\').map(|at| at + 1),
            Some(b'(' | b')') => Some(2),
            Some(_) => Some(1),
            None => None,
        };
        rest = &after[end.unwrap_or(after.len())..];
    }
    String::from_utf8_lossy(&out).into_owned()
}
