//! A stand-in for a Kubernetes API server, over TLS, for the tests and for the
//! demo.
//!
//! The promises of this project are about what the *real* kubectl does, so the
//! tests run real kubectl binaries, and those want a server to talk to. Where
//! no real one is at hand this one takes its place: it keeps objects in memory
//! and behaves like a server towards kubectl (discovery, versions, conflicts,
//! dry runs, watches), and it writes down every request, because "kubectl
//! asked this server for nothing" is often the thing to be proved.
//!
//! It has no scheduler, no kubelet and no admission; `lifecycle` fills in just
//! so much status that kubectl does not wait for ever.

mod apply;
mod body;
mod clock;
mod connection;
mod directory;
mod discovery;
mod http;
mod json_patch;
mod kinds;
mod lifecycle;
mod merge_keys;
mod metadata;
mod objects;
mod openapi;
mod options;
mod patch;
mod protobuf;
mod reply;
mod review;
mod route;
mod scale;
mod schema;
mod seed;
mod selector;
mod server;
mod store;
mod subresource;
mod table;
mod tls;
mod watch;

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use crate::directory::Directory;
use crate::options::Options;
use crate::server::Server;
use crate::tls::Identity;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)) {
        Ok(options) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string(), 1),
        },
        Err(usage) => complain(&usage, 64),
    }
}

/// Binds, writes down how to get in, and only then says `ready`.
fn run(options: &Options) -> io::Result<()> {
    let directory = Directory::open(&options.dir).map_err(|error| {
        io::Error::other(format!("could not prepare {}: {error}", options.dir.display()))
    })?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let identity = if options.plain { None } else { Some(Identity::generate()?) };
    let token = clock::random_hex(16)?;
    directory.describe(&options.name, address, identity.as_ref(), &token)?;

    let log = directory.request_log()?;
    let tls = identity.map(Identity::into_config);
    let server = Arc::new(Server::new(options, address, token, log)?);
    let accepting = thread::Builder::new()
        .name("accept".into())
        .spawn(move || connection::accept(&listener, &server, tls.as_ref()))?;
    directory.ready()?;
    // For a starter that waits on the pipe; one that only has a file has `ready`.
    drop(writeln!(io::stdout(), "ready"));

    if options.exit_with_stdin {
        wait_for_end_of(io::stdin().lock())
    } else {
        accepting.join().map_err(|_| io::Error::other("the accepting thread ended"))
    }
}

/// Whoever started the server holds the other end of this pipe; when that
/// process is gone, however it went, the pipe closes and so does the server.
fn wait_for_end_of(mut input: impl Read) -> io::Result<()> {
    let mut ignored = [0; 512];
    while input.read(&mut ignored)? > 0 {}
    Ok(())
}

/// Says on standard error what went wrong; a closed one is nobody's problem.
fn complain(message: &str, code: u8) -> ExitCode {
    drop(writeln!(io::stderr(), "apiserver-standin: {message}"));
    ExitCode::from(code)
}
