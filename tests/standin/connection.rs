//! One thread per connection: read a request, have it answered, write it down,
//! and only then send the answer, so that a client that has its answer finds
//! its request in the log.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use crate::http::{self, Unreadable};
use crate::reply::{Failure, Reply};
use crate::server::{Outcome, Server};
use crate::tls::Stream;

/// A client that says nothing for so long is gone. It also bounds how long a
/// half-sent request can hold a thread.
const SILENCE: Duration = Duration::from_secs(120);

/// Serves connections until the process ends.
pub(crate) fn accept(
    listener: &TcpListener,
    server: &Arc<Server>,
    tls: Option<&Arc<ServerConfig>>,
) {
    for socket in listener.incoming() {
        let Ok(socket) = socket else {
            thread::sleep(Duration::from_millis(10)); // out of file descriptors: let some close
            continue;
        };
        let (server, tls) = (server.clone(), tls.cloned());
        // When no thread can be had the connection closes, which is an answer.
        drop(
            thread::Builder::new()
                .name("connection".into())
                .spawn(move || converse(socket, &server, tls.as_ref())),
        );
    }
}

/// All requests of one connection. Errors of the connection itself end it and
/// are nobody's business: the client knows, and the server has many others.
fn converse(socket: TcpStream, server: &Server, tls: Option<&Arc<ServerConfig>>) {
    let configured = socket.set_nodelay(true).and_then(|()| socket.set_read_timeout(Some(SILENCE)));
    let Ok(stream) = configured.and_then(|()| Stream::new(socket, tls)) else { return };
    let mut stream = BufReader::new(stream);
    loop {
        match http::read(&mut stream) {
            Ok(Some(request)) => {
                let outcome = server.answer(&request);
                server.log_request(&request, outcome.code());
                let sent = match outcome {
                    Outcome::Reply(reply) => send(stream.get_mut(), &reply, request.keep_alive),
                    Outcome::Watch(watch) => watch.stream(server, stream.get_mut()),
                };
                if sent.is_err() || !request.keep_alive {
                    return;
                }
            }
            Ok(None) | Err(Unreadable::Gone) => return,
            Err(Unreadable::Malformed(code, reason)) => {
                server.log("MALFORMED", "-", code);
                let reply = Reply { code, ..Failure::bad_request(reason).into() };
                drop(send(stream.get_mut(), &reply, false));
                return;
            }
        }
    }
}

fn send(stream: &mut impl Write, reply: &Reply, keep_alive: bool) -> std::io::Result<()> {
    http::respond(stream, reply.code, reply.content_type, &reply.body, keep_alive)
}
