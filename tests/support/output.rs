//! What a process printed and how it ended.

use std::fmt;

/// Everything a test can ask of a finished process.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Runs `command` to its end.
    #[must_use = "assert something about it"]
    pub(crate) fn of(command: &mut std::process::Command) -> Self {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let found = Self::from(output);
        found.assert_no_panic();
        found
    }

    fn assert_no_panic(&self) {
        assert!(!self.stderr.contains("panicked at"), "the program panicked: {self}");
        assert_ne!(self.code, Some(101), "{self}");
        assert_ne!(self.code, Some(134), "{self}");
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Refused with this code first.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) -> Self {
        let first = self.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("envguard: refused ({code}): ")), "{code}: {self}");
        self.exits(77)
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self}");
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{text:?} is not in {self}");
        self
    }
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[exit {:?}]\n--- stdout\n{}--- stderr\n{}---",
            self.code, self.stdout, self.stderr
        )
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
