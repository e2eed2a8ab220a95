//! One line of the audit log.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use crate::judge::{Outcome, Verdict};
use crate::kubectl::Class;
use crate::mask;
use crate::policy::{Ask, Mode, Policy};

/// Words beyond this many are counted, not logged.
const MAX_WORDS: usize = 200;

/// Characters of one word beyond this many are counted, not logged.
const MAX_WORD: usize = 2_000;

/// What is written for one command, or for the answer to a question about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `envguard/v1alpha1`
    pub api_version: String,
    /// `AuditEvent`
    pub kind: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// `judged`; for the answer `confirmed`, `ticket`, `covered` (the same answer counts
    /// for it) or `declined`; `moved` when another commit was checked out since,
    /// `changed` when the files changed while somebody read what they would do.
    pub event: String,
    /// `run`, `ask` or `refuse`.
    pub verdict: String,
    /// Whether the verdict held; `false` in observe mode when something was wrong.
    pub enforced: bool,
    /// Every reason against running, also those that break glass lifted.
    pub reasons: Vec<EventReason>,
    /// What kind of command it is, as in the level's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The words after `kubectl`, without secrets.
    pub argv: Vec<String>,
    /// The working directory.
    pub cwd: String,
    /// Session Manager's session id, or `unknown`.
    pub session: String,
    /// The user id that ran it.
    pub uid: u32,
    /// The user's name, where the machine knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The process, which becomes kubectl.
    pub pid: u32,
    /// The instance's environment.
    pub environment: String,
    /// The instance's cluster.
    pub cluster: String,
    /// The release of the kubectl that would change the cluster, where `status` or the
    /// comparison with the server has asked for it; absent for commands that only read,
    /// which should not wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubectl: Option<String>,
    /// HEAD of the checkout that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether files that were read differ from that commit; absent where nobody
    /// wanted to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Files that were read and that git ignores, each as `sha256:HASH PATH`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// SHA-256 of the manifests that came from standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Why the rules were lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
}

/// A reason as it is logged: the sentence can be looked up with `why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReason {
    /// Stable code.
    pub code: String,
    /// Path, address or word.
    pub offender: String,
}

/// Who, where and when: what only the process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// RFC 3339, UTC.
    pub time: String,
    /// Working directory.
    pub cwd: String,
    /// Session Manager's session id.
    pub session: Option<String>,
    /// User id.
    pub uid: u32,
    /// User name.
    pub user: Option<String>,
    /// Terminal.
    pub tty: Option<String>,
    /// Process id.
    pub pid: u32,
}

impl Event {
    /// The line for a verdict.
    #[must_use]
    pub fn judged(
        policy: &Policy,
        words: &[OsString],
        class: Option<Class>,
        verdict: &Verdict,
        circumstances: Circumstances,
    ) -> Self {
        let refused = !verdict.reasons.is_empty();
        let outcome = match verdict.outcome {
            _ if refused => "refuse",
            Outcome::Refuse => "refuse",
            Outcome::Run { ask: Ask::Never } => "run",
            Outcome::Run { .. } => "ask",
        };
        Self {
            api_version: "envguard/v1alpha1".to_owned(),
            kind: "AuditEvent".to_owned(),
            time: circumstances.time,
            event: "judged".to_owned(),
            verdict: outcome.to_owned(),
            enforced: verdict.outcome == Outcome::Refuse || policy.mode == Mode::Enforce,
            reasons: logged_reasons(verdict).collect(),
            class: class.map(|class| class.name().to_owned()),
            argv: logged(words),
            cwd: circumstances.cwd,
            session: circumstances.session.unwrap_or_else(|| "unknown".to_owned()),
            uid: circumstances.uid,
            user: circumstances.user,
            tty: circumstances.tty,
            pid: circumstances.pid,
            environment: policy.environment.name.clone(),
            cluster: policy.pin.name.clone(),
            kubectl: None,
            commit: None,
            dirty: None,
            ignored: Vec::new(),
            stdin: None,
            break_glass: None,
        }
    }

    /// The same command after the operator's answer, such as `confirmed` or `declined`.
    #[must_use]
    pub fn answered(mut self, answer: &str, time: String) -> Self {
        answer.clone_into(&mut self.event);
        self.time = time;
        self
    }

    /// The same command, which does not run after all.
    #[must_use]
    pub fn refused_since(mut self, event: &str, verdict: &Verdict, time: String) -> Self {
        self.reasons.extend(logged_reasons(verdict));
        "refuse".clone_into(&mut self.verdict);
        self.answered(event, time)
    }

    /// Who it was. Without Run As everybody is `ssm-user` in Session Manager: there it is
    /// the name that the session's id begins with (`alice-0123456789abcdef0`).
    #[must_use]
    pub fn person(&self) -> String {
        let of_session = self.session.rsplit_once('-').filter(|(name, number)| {
            let is_number = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
            !name.is_empty() && number.len() >= 13 && is_number
        });
        match (of_session, &self.user) {
            (Some((name, _)), _) => name.to_owned(),
            (None, Some(user)) => user.clone(),
            (None, None) => self.uid.to_string(),
        }
    }

    /// Whether something was lifted and the name was typed for it.
    #[must_use]
    pub fn ran_by_break_glass(&self) -> bool {
        self.break_glass.is_some() && self.event == "confirmed" && !self.reasons.is_empty()
    }

    /// The line as it is appended, with its line break.
    ///
    /// # Errors
    /// Never for what [`Event::judged`] builds; serde asks for the possibility.
    pub fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

fn logged_reasons(verdict: &Verdict) -> impl Iterator<Item = EventReason> {
    let found = verdict.reasons.iter().chain(&verdict.lifted);
    found.map(|reason| EventReason {
        code: reason.code.name().to_owned(),
        offender: shortened(&mask::text(&reason.offender)),
    })
}

/// The words without secrets, and no more of them than a log can bear.
fn logged(words: &[OsString]) -> Vec<String> {
    let mut logged: Vec<String> = mask::logged(&words[..words.len().min(MAX_WORDS)])
        .iter()
        .map(|word| shortened(word))
        .collect();
    if words.len() > MAX_WORDS {
        logged.push(format!("… {} more words", words.len() - MAX_WORDS));
    }
    logged
}

fn shortened(word: &str) -> String {
    match word.char_indices().nth(MAX_WORD) {
        None => word.to_owned(),
        Some((end, _)) => {
            format!("{}… {} more bytes", &word[..end], word.len() - end)
        }
    }
}
