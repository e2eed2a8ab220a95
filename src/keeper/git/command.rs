//! The git command: everything that writes, and reading where libgit2 cannot.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::super::hitch::{Hitch, Result};

/// git in one working tree.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    pub(crate) top: PathBuf,
    /// It may fetch what a partial clone has left out.
    fetches: bool,
    /// It works on this index instead of the tree's.
    index: Option<PathBuf>,
}

impl Git {
    /// git in the working tree `top`.
    pub(crate) fn new(top: &Path) -> Self {
        Self { top: top.to_path_buf(), fetches: false, index: None }
    }

    /// For what brings files to the disk: a partial clone may have to fetch them.
    pub(crate) fn fetching(&self) -> Self {
        Self { fetches: true, ..self.clone() }
    }

    /// For work on another index.
    pub(crate) fn on_index(&self, index: &Path) -> Self {
        Self { index: Some(index.to_path_buf()), ..self.clone() }
    }

    /// Runs git and returns its output, or `None` when it ends with 1, git's "no".
    pub(crate) fn ask<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Option<Vec<u8>>> {
        let output = self.finish(words, None)?;
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout)),
            Some(1) => Ok(None),
            _ => Err(self.failed(words, &output)),
        }
    }

    /// Runs git and returns its output.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Vec<u8>> {
        self.feed(words, None)
    }

    /// The same with something on its standard input.
    pub(crate) fn feed<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        input: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let output = self.finish(words, input)?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failed(words, &output)) }
    }

    fn finish<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        input: Option<&[u8]>,
    ) -> Result<std::process::Output> {
        let not_run = |error: std::io::Error| {
            Hitch::new(format!("could not run git: {error}"), "install git 2.39 or newer")
        };
        let mut command = crate::git::command(&self.top);
        command.args(words);
        if self.fetches {
            command.env_remove("GIT_NO_LAZY_FETCH");
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        let Some(input) = input else { return command.output().map_err(not_run) };
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(not_run)?;
        let mut stdin = child.stdin.take();
        std::thread::scope(|scope| {
            // git may answer before it has read everything.
            scope.spawn(move || {
                if let Some(stdin) = &mut stdin {
                    // A git that ends early says so itself.
                    stdin.write_all(input).unwrap_or_default();
                }
            });
            child.wait_with_output().map_err(not_run)
        })
    }

    fn failed<S: AsRef<OsStr>>(&self, words: &[S], output: &std::process::Output) -> Hitch {
        let line = crate::text::command_line(words).replacen("kubectl", "git", 1);
        let said = String::from_utf8_lossy(&output.stderr);
        // Warnings come first; the last word is why it failed.
        let is_last_word = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
        let said =
            said.lines().find(is_last_word).or_else(|| said.lines().find(|line| !line.is_empty()));
        let said = match output.status.code() {
            Some(_) => said.unwrap_or("no message"),
            None => "it was killed",
        };
        Hitch::new(
            format!(
                "`{line}` failed in {}: {said} ({})",
                crate::text::shown(&self.top),
                output.status
            ),
            format!("cd {} && {line}", crate::text::quoted(&self.top)),
        )
    }
}
