//! A web server that has a manifest under every name.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fetched}\n";

/// Runs as long as the tests do.
pub(super) struct Web(SocketAddr);

impl Web {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
        Self(address)
    }

    /// `127.0.0.1:PORT`
    pub(super) fn host(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// Whoever hangs up early gets no answer.
fn answer(mut stream: TcpStream) {
    let Ok(copy) = stream.try_clone() else { return };
    let head = BufReader::new(copy).lines().map_while(Result::ok);
    // A TLS greeting is no request and never ends with an empty line.
    if head.take_while(|line| !line.is_empty()).count() > 0 {
        let length = MANIFEST.len();
        let reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{MANIFEST}"
        );
        stream.write_all(reply.as_bytes()).unwrap_or_default();
    }
}
