//! HTTP/1.1, as much as Go's client speaks: keep-alive, bodies with a length
//! or in chunks, `Expect: 100-continue`. What is not understood is refused
//! with a reason and ends the connection, because the next request's beginning
//! cannot be known any more.

use std::io::{self, BufRead, BufReader, Read, Write};

/// Far above what kubectl sends, and low enough to stay harmless.
const MAX_LINE: u64 = 16 * 1024;
const MAX_HEADERS: usize = 128;
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// One request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they were sent; printable ASCII only, so that it can
    /// go into the log as it is.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header; its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The connection ended or timed out; there is nobody to answer to.
    Gone,
    /// Answered with this code and reason, then hung up.
    Malformed(u16, &'static str),
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

const fn malformed(reason: &'static str) -> Unreadable {
    Unreadable::Malformed(400, reason)
}

/// Reads the next request of a connection; `None` when the client is done.
pub(crate) fn read<S: Read + Write>(
    stream: &mut BufReader<S>,
) -> Result<Option<Request>, Unreadable> {
    let Some(first) = line(stream)? else { return Ok(None) };
    let (method, target, version) = request_line(&first)?;
    let headers = headers(stream)?;
    let mut request = Request { method, target, body: Vec::new(), keep_alive: true, headers };
    let wants_close =
        request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    // A response to HEAD would have no body; ours has one, so nothing may follow.
    request.keep_alive = version == "HTTP/1.1" && !wants_close && request.method != "HEAD";

    let length = body_length(&request)?;
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.get_mut().flush()?;
    }
    request.body = match length {
        Length::Known(length) => exactly(stream, length)?,
        Length::Chunked => chunks(stream)?,
    };
    Ok(Some(request))
}

fn request_line(line: &str) -> Result<(String, String, String), Unreadable> {
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(malformed("request line is not METHOD TARGET VERSION"));
    };
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed("method is not a word in capital letters"));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("target is not a path"));
    }
    if !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
        return Err(Unreadable::Malformed(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"));
    }
    Ok((method.into(), target.into(), version.into()))
}

fn headers(stream: &mut impl BufRead) -> Result<Vec<(String, String)>, Unreadable> {
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?.ok_or(Unreadable::Gone)?;
        if line.is_empty() {
            return Ok(headers);
        }
        if headers.len() == MAX_HEADERS {
            return Err(Unreadable::Malformed(431, "too many header fields"));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(malformed("header field without a colon"));
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("header field with a malformed name"));
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

enum Length {
    Known(u64),
    Chunked,
}

/// Two statements about the length are one too many: requests that are read
/// differently by two parties are how requests are smuggled.
fn body_length(request: &Request) -> Result<Length, Unreadable> {
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(malformed("more than one Content-Length"));
    }
    match (request.header("transfer-encoding"), length) {
        (None, None) => Ok(Length::Known(0)),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
        (None, Some((_, digits))) => match digits.parse() {
            Ok(length) if length > MAX_BODY => Err(Unreadable::Malformed(413, "body is too large")),
            Ok(length) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Length::Known(length))
            }
            _ => Err(malformed("Content-Length is not a number")),
        },
        (Some(_), _) => Err(malformed("unknown or contradictory Transfer-Encoding")),
    }
}

fn exactly(stream: &mut impl Read, length: u64) -> Result<Vec<u8>, Unreadable> {
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length { Ok(body) } else { Err(Unreadable::Gone) }
}

fn chunks(stream: &mut impl BufRead) -> Result<Vec<u8>, Unreadable> {
    let mut body = Vec::new();
    loop {
        let head = line(stream)?.ok_or(Unreadable::Gone)?;
        let size = head.split(';').next().unwrap_or_default().trim();
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed("chunk size is not a number"));
        }
        let size = u64::from_str_radix(size, 16).unwrap_or(u64::MAX);
        if size > MAX_BODY - body.len() as u64 {
            return Err(Unreadable::Malformed(413, "body is too large"));
        }
        if size == 0 {
            headers(stream)?; // trailers, of no interest
            return Ok(body);
        }
        body.append(&mut exactly(stream, size)?);
        if line(stream)?.is_none_or(|end| !end.is_empty()) {
            return Err(malformed("chunk is longer than its size"));
        }
    }
}

/// One line without its end; `None` when the stream is at its end.
fn line(stream: &mut impl BufRead) -> Result<Option<String>, Unreadable> {
    let mut bytes = Vec::new();
    stream.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return match bytes.len() as u64 + 1 {
            MAX_LINE => Err(Unreadable::Malformed(431, "line is too long")),
            _ => Err(Unreadable::Gone),
        };
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map(Some).map_err(|_| malformed("line is not UTF-8"))
}

/// Writes a whole response with its length.
pub(crate) fn respond(
    stream: &mut impl Write,
    code: u16,
    content_type: &str,
    body: &[u8],
    keep_alive: bool,
) -> io::Result<()> {
    let mut bytes = head(code, content_type, keep_alive).into_bytes();
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    stream.flush()
}

/// Begins a response whose length nobody knows yet: a watch.
pub(crate) fn begin_chunks(stream: &mut impl Write, content_type: &str) -> io::Result<()> {
    let head = head(200, content_type, true) + "Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    stream.flush()
}

/// Writes one chunk; an empty one ends the response.
pub(crate) fn chunk(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    stream.write_all(&framed)?;
    stream.flush()
}

fn head(code: u16, content_type: &str, keep_alive: bool) -> String {
    let connection = if keep_alive { "keep-alive" } else { "close" };
    format!(
        "HTTP/1.1 {code} {}\r\nContent-Type: {content_type}\r\nCache-Control: no-cache, private\r\nConnection: {connection}\r\n",
        phrase(code)
    )
}

const fn phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
