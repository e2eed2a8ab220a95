//! Watches: a response that never ends by itself and carries one line per
//! change. `kubectl rollout status`, `wait`, `get -w` and `delete --wait`
//! stand on them.

use std::io::{self, Write};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Request};
use crate::kinds::Kind;
use crate::reply::{Answer, Failure};
use crate::route::{Resource, Target};
use crate::selector::Selector;
use crate::server::Server;
use crate::store::{Event, Store};
use crate::table::View;

/// A watch that asks for no end gets one all the same, as on a real server.
const LONGEST: u64 = 1800;

/// How often a silent watch is looked after.
const TICK: Duration = Duration::from_secs(5);

/// What one client watches, and how far it has got.
pub(crate) struct Watch {
    kind: &'static Kind,
    namespace: String,
    name: Option<String>,
    selector: Selector,
    view: View,
    bookmarks: bool,
    version: u64,
    deadline: Instant,
    /// What is there already, for a watch that begins without a version.
    initial: Vec<Value>,
}

impl Watch {
    pub(crate) fn begin(
        store: &Store,
        request: &Request,
        target: &Target,
        resource: &Resource,
    ) -> Answer<Self> {
        let bad = |what: &str| Failure::bad_request(format!("{what} is not a number"));
        let seconds = target.parameter("timeoutSeconds").map_or(Ok(LONGEST), |seconds| {
            seconds
                .parse()
                .map_err(|_| bad("timeoutSeconds"))
                .map(|seconds: u64| seconds.min(LONGEST))
        })?;
        let from = target.parameter("resourceVersion").unwrap_or("0");
        let from: u64 = from.parse().map_err(|_| bad("resourceVersion"))?;
        let streams_list = target.is_set("sendInitialEvents");
        let everything = streams_list || from == 0;
        let mut watch = Self {
            kind: resource.kind,
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
            selector: Selector::of(target)?,
            view: View::of(request),
            bookmarks: target.is_set("allowWatchBookmarks"),
            version: if everything { store.version() } else { from },
            deadline: Instant::now() + Duration::from_secs(seconds),
            initial: Vec::new(),
        };
        if store.since(watch.version).is_none() {
            return Err(Failure::expired());
        }
        if everything {
            watch.initial = store
                .list(watch.kind, &watch.namespace)
                .filter(|(key, object)| watch.wants(&key.name, object))
                .map(|(_, object)| watch.line("ADDED", object))
                .collect();
        }
        if streams_list {
            watch.initial.push(watch.bookmark(&json!({ "k8s.io/initial-events-end": "true" })));
        }
        Ok(watch)
    }

    /// Sends events until the time is up or the client is gone.
    pub(crate) fn stream(mut self, server: &Server, out: &mut impl Write) -> io::Result<()> {
        http::begin_chunks(out, "application/json")?;
        for event in std::mem::take(&mut self.initial) {
            send(out, &event)?;
        }
        while Instant::now() < self.deadline {
            let Some(events) = self.next(server) else {
                let error = json!({ "type": "ERROR", "object": Failure::expired().status() });
                send(out, &error)?;
                break;
            };
            for event in &events {
                send(out, event)?;
            }
            if events.is_empty() && self.bookmarks {
                send(out, &self.bookmark(&json!({})))?; // fails once the client is gone
            }
        }
        http::chunk(out, b"")
    }

    /// Waits for changes; empty when there was none of interest for a while,
    /// `None` when too much has happened since the last look.
    fn next(&mut self, server: &Server) -> Option<Vec<Value>> {
        let mut store = server.store();
        if store.version() == self.version {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let waited = server.changed.wait_timeout(store, left.min(TICK));
            store = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let events = store.since(self.version)?.filter_map(|event| self.seen(event)).collect();
        self.version = store.version();
        Some(events)
    }

    fn wants(&self, name: &str, object: &Value) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name) && self.selector.matches(object)
    }

    /// An event as this watch sees it: to a watch with a selector, an object
    /// that begins or ceases to match appears or disappears.
    fn seen(&self, event: &Event) -> Option<Value> {
        let key = &event.key;
        let elsewhere = !self.namespace.is_empty() && self.namespace != key.namespace;
        if key.kind != self.kind || elsewhere {
            return None;
        }
        let before = event.before.as_ref().is_some_and(|object| self.wants(&key.name, object));
        let now = event.action != "DELETED" && self.wants(&key.name, &event.object);
        let action = match (before, now) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(self.line(action, &event.object))
    }

    fn line(&self, action: &str, object: &Value) -> Value {
        json!({ "type": action, "object": self.view.one(self.kind, object) })
    }

    /// Tells the client how far it has got.
    fn bookmark(&self, annotations: &Value) -> Value {
        let object = json!({
            "apiVersion": self.kind.api_version(),
            "kind": self.kind.kind,
            "metadata": { "resourceVersion": self.version.to_string(), "annotations": annotations },
        });
        self.line("BOOKMARK", &object)
    }
}

fn send(out: &mut impl Write, event: &Value) -> io::Result<()> {
    http::chunk(out, format!("{event}\n").as_bytes())
}
