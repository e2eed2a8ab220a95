//! One HTTP request to the metadata service, within a time that is fixed for all of
//! them together. Plain HTTP/1.1 without anything that the service does not use.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// The identity document has less than a thousand bytes.
const MOST: usize = 64 << 10;

/// Status and body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Whom to ask, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    pub(super) address: SocketAddr,
    pub(super) end: Instant,
    /// What `end` was made from, for messages.
    pub(super) limit: Duration,
}

impl Service {
    /// Asks; `header` is one line.
    ///
    /// # Errors
    /// Why there is no answer, in a phrase.
    pub(super) fn ask(&self, method: &str, path: &str, header: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.address, self.left()?)
            .map_err(|error| self.described(error))?;
        stream.set_write_timeout(Some(self.left()?)).map_err(|error| self.described(error))?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).map_err(|error| self.described(error))?;
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = parsed(&bytes, false) {
                return answer;
            }
            stream.set_read_timeout(Some(self.left()?)).map_err(|error| self.described(error))?;
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk) {
                Ok(0) => return parsed(&bytes, true).unwrap_or_else(|| Err(anyhow!(NONSENSE))),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.described(error)),
            }
            if bytes.len() > MOST {
                bail!(NONSENSE);
            }
        }
    }

    /// The time that is left.
    fn left(&self) -> Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        // A timeout of zero would wait for ever.
        if left.is_zero() { Err(self.late()) } else { Ok(left) }
    }

    fn late(&self) -> anyhow::Error {
        anyhow!("the metadata service did not answer within {} ms", self.limit.as_millis())
    }

    fn described(&self, error: std::io::Error) -> anyhow::Error {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => self.late(),
            _ => anyhow::Error::new(error).context("the metadata service cannot be reached"),
        }
    }
}

const NONSENSE: &str = "the metadata service does not speak HTTP";

/// The answer when all of it is there: `None` when more must come.
fn parsed(bytes: &[u8], ended: bool) -> Option<Result<Answer>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let body = &bytes[end + 4..];
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| {
        let mut words = line.split(' ');
        words.next().filter(|word| word.starts_with("HTTP/1."))?;
        words.next()?.parse().ok()
    });
    let Some(status) = status else { return Some(Err(anyhow!(NONSENSE))) };
    let field = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    if field("Transfer-Encoding").is_some() {
        return Some(Err(anyhow!(NONSENSE)));
    }
    let whole = match field("Content-Length").map(|length| length.parse::<usize>()) {
        Some(Ok(length)) if body.len() >= length => &body[..length],
        None if ended => body,
        Some(Err(_)) => return Some(Err(anyhow!(NONSENSE))),
        Some(Ok(_)) | None => return None,
    };
    let body = String::from_utf8(whole.to_vec());
    Some(body.map(|body| Answer { status, body }).context(NONSENSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_or_nonsense_or_still_coming() {
        let answer = |status, body: &str| Some(Ok(Answer { status, body: body.to_owned() }));
        let nonsense = || Some(Err(NONSENSE.to_owned()));
        for (bytes, ended, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, answer(200, "abc")),
            ("HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n", false, answer(404, "")),
            ("HTTP/1.1 200 OK\r\n\r\nabc", true, answer(200, "abc")),
            ("HTTP/1.1 200 OK\r\n\r\nabc", false, None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", true, None),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, nonsense()),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, nonsense()),
            ("SSH-2.0-OpenSSH\r\n\r\n", false, nonsense()),
            ("HTTP/1.1 200", true, None),
            ("", true, None),
        ] {
            let found = parsed(bytes.as_bytes(), ended);
            let found = found.map(|answer| answer.map_err(|error| error.to_string()));
            assert_eq!(found, expected, "{bytes:?}");
        }
    }
}
