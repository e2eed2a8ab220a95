//! Runs a kubectl that is only asked something: for a bounded time, with a bounded
//! answer, while somebody looks on who may lose patience.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::look::Answer;

/// More than this nobody reads, in bytes.
const MOST: usize = 64 << 20;

/// How often who looks on is asked.
const TICK: Duration = Duration::from_millis(100);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// It could not be run.
    NotRun(String),
    /// The time is over.
    Late(Duration),
    /// It says too much.
    TooMuch,
    /// Whoever looked on has had enough.
    Interrupted,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(error) => write!(f, "kubectl cannot be run: {error}"),
            Self::Late(limit) => {
                write!(f, "the server did not answer within {} s", limit.as_secs())
            }
            Self::TooMuch => write!(f, "it is more than {} MiB", MOST >> 20),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// What `command` says until it ends, at most for `limit`, counted from `start`.
/// `goes_on` is asked ten times in a second; the command is killed when it says no.
///
/// # Errors
/// [`Silence`].
pub fn answer(
    command: &mut Command,
    start: Instant,
    limit: Duration,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Answer, Silence> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Silence::NotRun(error.to_string()))?;
    let heard = listen(&mut child, start, limit, goes_on);
    if heard.is_err() {
        child.kill().unwrap_or_default();
    }
    let status = child.wait().map_err(|error| Silence::NotRun(error.to_string()))?;
    let (out, err) = heard?;
    Ok(Answer { code: status.code(), out, err })
}

fn listen(
    child: &mut Child,
    start: Instant,
    limit: Duration,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<(Vec<u8>, Vec<u8>), Silence> {
    let out = child.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
    let err = child.stderr.take().map(|pipe| File::from(OwnedFd::from(pipe)));
    let mut pipes = [(out, Vec::new()), (err, Vec::new())];
    let mut has_ended = false;
    while pipes.iter().any(|(pipe, _)| pipe.is_some()) {
        if !goes_on() {
            return Err(Silence::Interrupted);
        }
        if start.elapsed() >= limit {
            return Err(Silence::Late(limit));
        }
        let heard = hear(&mut pipes)?;
        if pipes.iter().any(|(_, said)| said.len() > MOST) {
            return Err(Silence::TooMuch);
        }
        // Something it has started may hold the pipes open and say nothing.
        if heard == 0 && has_ended {
            break;
        }
        has_ended = child.try_wait().is_ok_and(|status| status.is_some());
    }
    let [(_, out), (_, err)] = pipes;
    Ok((out, err))
}

/// Reads what is there, or comes within a tick; how many pipes had something to say,
/// be it that they are closed.
fn hear(pipes: &mut [(Option<File>, Vec<u8>); 2]) -> Result<usize, Silence> {
    let failed = |error: String| Silence::NotRun(error);
    let tick = Timespec::try_from(TICK).map_err(|error| failed(error.to_string()))?;
    let open = pipes.iter().filter_map(|(pipe, _)| pipe.as_ref());
    let mut waiting: Vec<PollFd<'_>> = open.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
    match poll(&mut waiting, Some(&tick)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(0),
        Ok(_) => {}
        Err(error) => return Err(failed(error.to_string())),
    }
    let ready: Vec<bool> = waiting.iter().map(|one| !one.revents().is_empty()).collect();
    let mut is_ready = ready.iter();
    let mut chunk = [0; 64 << 10];
    for (pipe, said) in pipes {
        let Some(file) = pipe else { continue };
        if is_ready.next() == Some(&true) {
            match file.read(&mut chunk) {
                Ok(0) | Err(_) => *pipe = None,
                Ok(count) => said.extend_from_slice(&chunk[..count]),
            }
        }
    }
    Ok(ready.into_iter().filter(|ready| *ready).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    fn ask(
        script: &str,
        limit: Duration,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Answer, Silence> {
        answer(&mut shell(script), Instant::now(), limit, goes_on)
    }

    #[test]
    fn it_says_everything_and_how_it_ended() {
        let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3";
        let said = ask(script, LONG, &mut || true).unwrap();
        assert_eq!((said.code, said.out.len(), said.err.len()), (Some(3), 300_000, 300_000));
    }

    #[test]
    fn it_is_not_waited_for_longer_than_anybody_wants() {
        let brief = Duration::from_millis(1);
        assert_eq!(ask("exec sleep 600", brief, &mut || true), Err(Silence::Late(brief)));
        let mut asked = 0;
        let mut twice = || {
            asked += 1;
            asked <= 2
        };
        assert_eq!(ask("exec sleep 600", LONG, &mut twice), Err(Silence::Interrupted));
        assert_eq!(ask("exec yes", LONG, &mut || true), Err(Silence::TooMuch));
        let missing = answer(&mut Command::new("/nowhere"), Instant::now(), LONG, &mut || true);
        assert!(matches!(missing, Err(Silence::NotRun(_))));
    }

    #[test]
    fn who_stays_behind_with_the_pipes_is_not_waited_for() {
        let said = ask("sleep 600 & echo $!", LONG, &mut || true).unwrap();
        // It is still there; and nothing outlives a test.
        let stays = String::from_utf8(said.out).unwrap();
        assert!(shell(&format!("kill {stays}")).status().unwrap().success());
    }
}
