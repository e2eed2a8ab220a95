//! Why the server could not be asked: at which step, and what to look at.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::AuthError;

use crate::judge::{Resolved, Trouble};
use crate::policy;
use crate::text::{brief, quoted, shown};

/// What a question is about.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) kubeconfig: PathBuf,
    pub(super) server: policy::Server,
    pub(super) resolved: Resolved,
    /// CA certificates (DER).
    pub(super) authorities: Vec<Vec<u8>>,
}

impl Asked {
    /// The program that gets the credentials.
    fn program(&self) -> String {
        let command = self.resolved.credentials.as_ref().map(|exec| shown(&exec.command));
        command.unwrap_or_else(|| "the credentials".to_owned())
    }

    /// The same question, asked by kubectl.
    fn by_kubectl(&self) -> String {
        format!("kubectl --kubeconfig {} get --raw /version", quoted(&self.kubeconfig))
    }
}

/// The step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The kubeconfig cannot be read or understood.
    Kubeconfig,
    /// The credentials cannot be had.
    Credentials,
    /// Nothing that is this server answers: network, proxy, certificate, time.
    Unreachable,
    /// The server answers, and says no.
    Refused,
    /// What answers is no API server, or an unknown one.
    Strange,
    /// Something on this machine.
    Here,
}

/// Why the server could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The step that failed.
    pub cause: Cause,
    /// One sentence.
    pub message: String,
    /// A command, or what to look at.
    pub remedy: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The error that all others were about.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    brief(&shown(inner.to_string()))
}

impl Error {
    fn new(cause: Cause, message: String, remedy: String) -> Self {
        Self { cause, message, remedy }
    }

    pub(super) fn kubeconfig(trouble: &Trouble) -> Self {
        let message = format!("{} {}", trouble.subject, trouble.problem);
        Self::new(Cause::Kubeconfig, message, trouble.remedy.clone())
    }

    pub(super) fn unreadable(kubeconfig: &Path, problem: &str) -> Self {
        let look = format!("kubectl --kubeconfig {} config view", quoted(kubeconfig));
        let message = format!("{} {problem}", shown(kubeconfig));
        Self::new(Cause::Kubeconfig, message, look)
    }

    pub(super) fn here(asked: &Asked, problem: String) -> Self {
        Self::new(Cause::Here, problem, asked.by_kubectl())
    }

    pub(super) fn interactive(asked: &Asked) -> Self {
        let message = format!("{} wants to ask for the credentials on a terminal", asked.program());
        Self::new(Cause::Credentials, message, asked.by_kubectl())
    }

    pub(super) fn strange(asked: &Asked, problem: &str) -> Self {
        let message = format!("{} answers, but {problem}", asked.server);
        Self::new(Cause::Strange, message, asked.by_kubectl())
    }

    /// Nothing came in time; perhaps a `program` was still running for the
    /// credentials.
    pub(super) fn late(asked: &Asked, timeout: Duration, program: bool) -> Self {
        let seconds = timeout.as_secs_f32();
        if !program {
            let message = format!("{} did not answer within {seconds} s", asked.server);
            return Self::new(Cause::Unreachable, message, reach(asked));
        }
        let message = format!("{} gave no credentials within {seconds} s", asked.program());
        Self::new(Cause::Credentials, message, run_alone(asked))
    }

    pub(super) fn of(asked: &Asked, error: &kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => Self::credentials(asked, error),
            kube::Error::Api(status) => Self::refused(asked, status.code, &status.message),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                Self::strange(asked, "not as an API server does")
            }
            kube::Error::Service(_) | kube::Error::HyperError(_) => Self::service(asked, error),
            other => {
                let message = format!("{}: {}", asked.server, innermost(other));
                Self::new(Cause::Unreachable, message, asked.by_kubectl())
            }
        }
    }

    /// A failure below HTTP; a program whose token has to be renewed can fail here.
    fn service(asked: &Asked, error: &kube::Error) -> Self {
        let mut source = error.source();
        while let Some(inner) = source {
            if let Some(auth) = inner.downcast_ref::<AuthError>() {
                return Self::credentials(asked, auth);
            }
            source = inner.source();
        }
        let problem = innermost(error);
        let message = if problem.contains("certificate") {
            format!(
                "{} is not trusted: {problem}; the CA in {} did not sign its certificate",
                asked.server,
                shown(&asked.kubeconfig)
            )
        } else {
            format!("{} cannot be reached: {problem}", asked.server)
        };
        Self::new(Cause::Unreachable, message, reach(asked))
    }

    fn credentials(asked: &Asked, error: &AuthError) -> Self {
        let program = asked.program();
        let message = match error {
            AuthError::AuthExecStart(error) => {
                format!("{program}, which gets the credentials, cannot be run: {error}")
            }
            AuthError::AuthExecRun { out, .. } => {
                let said = String::from_utf8_lossy(&out.stderr);
                let said = said.trim().lines().last().unwrap_or("nothing").to_owned();
                let status = out.status;
                format!("{program} gave no credentials ({status}): {}", brief(&shown(said)))
            }
            AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
                format!("{program} wrote something that is no credential")
            }
            other => format!("{program} cannot be used: {}", innermost(other)),
        };
        Self::new(Cause::Credentials, message, run_alone(asked))
    }

    fn refused(asked: &Asked, code: u16, said: &str) -> Self {
        let server = &asked.server;
        let said = brief(&shown(said));
        let (message, remedy) = match code {
            401 => (format!("{server} does not accept the credentials (401)"), run_alone(asked)),
            403 => (format!("{server} does not permit it (403): {said}"), {
                let kubeconfig = quoted(&asked.kubeconfig);
                format!("kubectl --kubeconfig {kubeconfig} auth can-i get ns/kube-system")
            }),
            _ => (format!("{server} answers {code}: {said}"), asked.by_kubectl()),
        };
        Self::new(Cause::Refused, message, remedy)
    }
}

/// How to see whether the way to the server is open.
fn reach(asked: &Asked) -> String {
    format!("curl -kv --max-time 5 {}/version", asked.server)
}

/// The credential program by itself, as it stands in the kubeconfig.
fn run_alone(asked: &Asked) -> String {
    match &asked.resolved.credentials {
        None => asked.by_kubectl(),
        Some(exec) => {
            let env = exec.env.iter().map(|(name, value)| format!("{name}={} ", quoted(value)));
            let args = exec.args.iter().map(|arg| format!(" {}", quoted(arg)));
            format!(
                "{}{}{}",
                env.collect::<String>(),
                quoted(&exec.command),
                args.collect::<String>()
            )
        }
    }
}
