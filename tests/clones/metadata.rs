//! A metadata service as EC2's, on a port of this machine, that answers as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the service behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    /// The tag `envguard:environment`; without it tags are off.
    pub(crate) tag: Option<String>,
    /// Account and instance id.
    pub(crate) instance: Option<(&'static str, &'static str)>,
    /// Every PUT gets this status.
    pub(crate) refuses_tokens: Option<u16>,
    /// So many GETs find their token expired.
    pub(crate) expired: usize,
    /// Every GET gets this status.
    pub(crate) fails: Option<u16>,
    /// Connections are taken and never answered.
    pub(crate) is_silent: bool,
    /// Answers never end, a byte at a time.
    pub(crate) dribbles: bool,
}

/// A running one. It ends with the process: its thread waits for connections.
pub(crate) struct Metadata {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    service: Service,
    /// `PUT /latest/api/token`, in their order.
    requests: Vec<String>,
    tokens: usize,
    /// Connections that are kept open without an answer.
    kept: Vec<TcpStream>,
}

impl Metadata {
    pub(crate) fn start(service: Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { service, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { address, state }
    }

    pub(crate) fn becomes(&self, service: Service) {
        self.state.lock().unwrap().service = service;
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

/// One request; a client that goes away early is its own business.
fn answer(mut stream: TcpStream, shared: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let mut fields = BTreeMap::new();
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        fields.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut state = shared.lock().unwrap();
    let request = first.trim_end_matches(" HTTP/1.1").to_owned();
    state.requests.push(request.clone());
    if state.service.is_silent {
        return state.kept.push(stream);
    }
    if state.service.dribbles {
        drop(state);
        let mut write = |bytes: &[u8]| stream.write_all(bytes).is_ok();
        if write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n") {
            // Slow is a matter of time: there is nothing to wait for.
            while write(b"x") {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        return;
    }
    let (status, body) = reply(&mut state, &request, &fields);
    drop(state);
    let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap_or_default();
}

fn reply(state: &mut State, request: &str, fields: &BTreeMap<String, String>) -> (u16, String) {
    if request == "PUT /latest/api/token" {
        if let Some(status) = state.service.refuses_tokens {
            return (status, String::new());
        }
        let lasts = fields.get("x-aws-ec2-metadata-token-ttl-seconds");
        // EC2 takes 1 to 21600 seconds, and no request that came through a proxy.
        let lasts: Option<u32> = lasts.and_then(|seconds| seconds.parse().ok());
        if !lasts.is_some_and(|seconds| (1..=21_600).contains(&seconds)) {
            return (400, String::new());
        }
        if fields.contains_key("x-forwarded-for") {
            return (403, String::new());
        }
        state.tokens += 1;
        return (200, format!("token-{}", state.tokens));
    }
    if fields.get("x-aws-ec2-metadata-token") != Some(&format!("token-{}", state.tokens)) {
        return (401, String::new());
    }
    if state.service.expired > 0 {
        state.service.expired -= 1;
        return (401, String::new());
    }
    if let Some(status) = state.service.fails {
        return (status, String::new());
    }
    match request {
        "GET /latest/meta-data/tags/instance/envguard:environment" => {
            state.service.tag.clone().map_or((404, String::new()), |tag| (200, tag))
        }
        "GET /latest/dynamic/instance-identity/document" => match state.service.instance {
            Some((account, id)) => (
                200,
                format!(
                    "{{\n  \"accountId\" : \"{account}\",\n  \"instanceId\" : \"{id}\",\n  \"region\" : \"ap-northeast-1\"\n}}"
                ),
            ),
            None => (404, String::new()),
        },
        _ => (404, String::new()),
    }
}
