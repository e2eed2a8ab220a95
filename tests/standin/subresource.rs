//! The subresources that kubectl's everyday commands use besides `scale` and
//! `status`: logs, evictions (`drain`) and tokens. Nothing runs here, so there
//! is nothing to attach to: `exec`, `attach` and `port-forward` are answered as
//! by a node that does not.

use serde_json::json;

use crate::http::Request;
use crate::kinds::Kind;
use crate::objects::stored;
use crate::reply::{Answer, Failure, Reply};
use crate::store::{Key, Store};
use crate::{body, clock};

/// Name, group, version and kind of one, as discovery lists it.
type Listed = (&'static str, &'static str, &'static str, &'static str);

/// The subresources of a kind: `drain` looks for the eviction here.
pub(crate) fn of(kind: &Kind) -> &'static [Listed] {
    match kind.kind {
        "Pod" => &[
            ("attach", "", "v1", "PodAttachOptions"),
            ("ephemeralcontainers", "", "v1", "Pod"),
            ("eviction", "policy", "v1", "Eviction"),
            ("exec", "", "v1", "PodExecOptions"),
            ("log", "", "v1", "Pod"),
            ("portforward", "", "v1", "PodPortForwardOptions"),
        ],
        "ServiceAccount" => &[("token", "authentication.k8s.io", "v1", "TokenRequest")],
        _ => &[],
    }
}

pub(crate) fn answer(store: &mut Store, request: &Request, key: &Key, name: &str) -> Answer<Reply> {
    let uid = stored(store, key)?.object["metadata"]["uid"].clone();
    match (key.kind.kind, name, &*request.method) {
        ("Pod", "log", "GET") => Ok(Reply::text(&format!("{} is ready\n", key.name))),
        ("Pod", "eviction", "POST") => {
            if !body::is_dry_run(request) {
                store.remove(key);
            }
            let status = json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": { "name": key.name, "kind": "pods", "uid": uid },
            });
            Ok(Reply::json(201, &status))
        }
        ("Pod", "exec" | "attach" | "portforward", _) => {
            Err(Failure::bad_request("no containers run on this server"))
        }
        ("ServiceAccount", "token", "POST") => {
            let mut token = body::object(request)?;
            token["metadata"]["creationTimestamp"] = clock::now().into();
            token["status"] =
                json!({ "token": "standin-token", "expirationTimestamp": clock::now() });
            Ok(Reply::json(201, &token))
        }
        _ => Err(Failure::no_such_path()),
    }
}
