//! The server as its connections see it: a request in, an outcome out.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::http::Request;
use crate::objects;
use crate::options::Options;
use crate::reply::{Answer, Failure, Reply};
use crate::route::{Resource, Target};
use crate::store::Store;
use crate::watch::Watch;
use crate::{body, discovery, openapi, review, seed};

/// Shared by all connections.
pub(crate) struct Server {
    token: String,
    /// Whether to serve those who show no token: kubectl shows none over plain
    /// HTTP. A wrong one is refused all the same.
    anonymous: bool,
    minor: u16,
    address: SocketAddr,
    log: Mutex<File>,
    store: Mutex<Store>,
    /// Signalled after every request that may have changed the store.
    pub(crate) changed: Condvar,
}

/// How a request ends.
pub(crate) enum Outcome {
    Reply(Reply),
    /// Goes on until the client or the time limit ends it.
    Watch(Watch),
}

impl Outcome {
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Reply(reply) => reply.code,
            Self::Watch(_) => 200,
        }
    }
}

impl Server {
    pub(crate) fn new(
        options: &Options,
        address: SocketAddr,
        token: String,
        log: File,
    ) -> std::io::Result<Self> {
        let mut store = Store::with_namespaces(&options.name);
        if let Some(file) = &options.objects {
            seed::sow(&mut store, file)?;
        }
        Ok(Self {
            token,
            anonymous: options.plain,
            minor: options.minor,
            address,
            log: Mutex::new(log),
            store: Mutex::new(store),
            changed: Condvar::new(),
        })
    }

    /// A thread that panicked cannot have left half an object behind: objects
    /// are replaced whole. So a poisoned lock is still good.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends `METHOD TARGET STATUS`.
    pub(crate) fn log(&self, method: &str, target: &str, code: u16) {
        self.log_line(&format!("{method} {target} {code}\n"));
    }

    /// The same of a request, with `dryRun=All` behind it where the body says so:
    /// targets say it themselves.
    pub(crate) fn log_request(&self, request: &Request, code: u16) {
        let Request { method, target, .. } = request;
        let note = if body::is_dry_run(request) { " dryRun=All" } else { "" };
        self.log_line(&format!("{method} {target} {code}{note}\n"));
    }

    /// In one write, so that lines of two connections never mix; a full disk must not
    /// stop the server.
    fn log_line(&self, line: &str) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        drop(log.write_all(line.as_bytes()));
    }

    pub(crate) fn answer(&self, request: &Request) -> Outcome {
        self.authenticate(request)
            .and_then(|()| Target::parse(&request.target))
            .and_then(|target| self.dispatch(request, &target))
            .unwrap_or_else(|failure| Outcome::Reply(failure.into()))
    }

    fn authenticate(&self, request: &Request) -> Answer<()> {
        let given = match request.header("authorization") {
            None if self.anonymous => return Ok(()),
            given => given.and_then(|value| value.strip_prefix("Bearer ")),
        };
        if given == Some(&self.token) { Ok(()) } else { Err(Failure::unauthorized()) }
    }

    fn dispatch(&self, request: &Request, target: &Target) -> Answer<Outcome> {
        if let Some(resource) = Resource::parse(&target.path) {
            return self.objects(request, target, &resource);
        }
        if let Some(answer) = review::answer(request, &target.path) {
            return Ok(Outcome::Reply(answer?));
        }
        let reply = self.document(request, target).ok_or_else(Failure::no_such_path)?;
        if request.method != "GET" {
            return Err(Failure::method_not_allowed());
        }
        Ok(Outcome::Reply(reply))
    }

    fn objects(&self, request: &Request, target: &Target, resource: &Resource) -> Answer<Outcome> {
        if request.method == "GET" && target.is_set("watch") {
            let watch = Watch::begin(&self.store(), request, target, resource)?;
            return Ok(Outcome::Watch(watch));
        }
        let reply = objects::answer(&mut self.store(), request, target, resource);
        if request.method != "GET" {
            self.changed.notify_all();
        }
        reply.map(Outcome::Reply)
    }

    /// Everything that never changes.
    fn document(&self, request: &Request, target: &Target) -> Option<Reply> {
        let path: Vec<&str> = target.path.iter().map(String::as_str).collect();
        match path[..] {
            ["version"] => Some(Reply::json(200, &discovery::version(self.minor))),
            ["healthz" | "livez" | "readyz", ..] => Some(Reply::text("ok")),
            ["openapi", "v2"] => Some(openapi::v2(request.header("accept").unwrap_or_default())),
            ["openapi", "v3", ref rest @ ..] => openapi::v3(rest),
            _ => discovery::document(&path, &self.address.to_string())
                .map(|document| Reply::json(200, &document)),
        }
    }
}
