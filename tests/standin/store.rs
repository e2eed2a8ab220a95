//! The objects, their versions, and what happened to them lately.
//!
//! Nothing here judges: rules about what may be written are in `objects` and
//! `metadata`. This module only guarantees that every change gets a version of
//! its own and an event that watches can find.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::clock;
use crate::kinds::{self, Kind};
use crate::lifecycle;

/// How far back a watch may begin.
const MAX_EVENTS: usize = 4096;

/// Identifies an object; in the order of listings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// One object as it is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) object: Value,
    /// What each field manager applied last with server-side apply: fields it
    /// leaves out next time are taken away.
    pub(crate) applied: BTreeMap<String, Value>,
}

/// A change, as a watch reports it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(crate) action: &'static str,
    pub(crate) key: Key,
    pub(crate) object: Value,
    /// Before the change: a selector may have matched then and not now.
    pub(crate) before: Option<Value>,
}

/// All objects of the cluster.
#[derive(Debug)]
pub(crate) struct Store {
    entries: BTreeMap<Key, Entry>,
    events: VecDeque<Event>,
    version: u64,
}

impl Store {
    /// A cluster as it is when it was just made. The uid of each namespace
    /// depends on the cluster's and the namespace's name only.
    pub(crate) fn with_namespaces(cluster: &str) -> Self {
        let mut store = Self { entries: BTreeMap::new(), events: VecDeque::new(), version: 0 };
        let Some(kind) = kinds::find("", "v1", "namespaces") else { return store };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let mut object = json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "uid": clock::fixed_uid(&format!("{cluster}/{name}")),
                    "creationTimestamp": clock::now(),
                },
            });
            lifecycle::complete(kind, &mut object, None);
            let key = Key { kind, namespace: String::new(), name: name.into() };
            store.put(key, Entry { object, applied: BTreeMap::new() });
        }
        store
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        self.entries.keys().any(|key| key.kind.kind == "Namespace" && key.name == name)
    }

    /// The objects of a kind in a namespace, or in all when it is empty.
    pub(crate) fn list<'a>(
        &'a self,
        kind: &'static Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        self.entries
            .iter()
            .filter(move |(key, _)| {
                key.kind == kind && (namespace.is_empty() || key.namespace == namespace)
            })
            .map(|(key, entry)| (key, &entry.object))
    }

    /// Stores an object under a new version and returns it with that version.
    pub(crate) fn put(&mut self, key: Key, mut entry: Entry) -> Value {
        self.version += 1;
        entry.object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = entry.object.clone();
        let before = self.entries.insert(key.clone(), entry).map(|entry| entry.object);
        let action = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.remember(Event { version: self.version, action, key, object: object.clone(), before });
        object
    }

    /// Notes what a manager applied when that changed nothing in the object.
    pub(crate) fn note_applied(&mut self, key: &Key, applied: BTreeMap<String, Value>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.applied = applied;
        }
    }

    /// Removes an object and, with a namespace, everything in it.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        if key.kind.kind == "Namespace" {
            let inside: Vec<Key> =
                self.entries.keys().filter(|other| other.namespace == key.name).cloned().collect();
            for key in inside {
                self.remove_one(&key);
            }
        }
        self.remove_one(key)
    }

    fn remove_one(&mut self, key: &Key) -> Option<Value> {
        let mut object = self.entries.remove(key)?.object;
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let before = Some(object.clone());
        let event = Event {
            version: self.version,
            action: "DELETED",
            key: key.clone(),
            object: object.clone(),
            before,
        };
        self.remember(event);
        Some(object)
    }

    fn remember(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// What happened after a version; `None` when that is no longer known.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Event>> {
        let oldest = self.events.front().map_or(1, |event| event.version);
        (version + 1 >= oldest)
            .then(|| self.events.iter().filter(move |event| event.version > version))
    }
}
