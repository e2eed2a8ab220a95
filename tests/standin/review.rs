//! Reviews: objects that are answered and never stored. `kubectl auth can-i`
//! and `kubectl auth whoami` post them. The token's owner may do everything,
//! as the administrator of a cluster may.

use serde_json::{Value, json};

use crate::body;
use crate::http::Request;
use crate::reply::{Answer, Failure, Reply};

/// One kind of review.
pub(crate) struct Review {
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
}

pub(crate) static KINDS: &[Review] = &[
    Review {
        group: "authentication.k8s.io",
        plural: "selfsubjectreviews",
        kind: "SelfSubjectReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
    },
];

/// `None` when the path is not about a review.
pub(crate) fn answer(request: &Request, path: &[String]) -> Option<Answer<Reply>> {
    let [apis, group, version, plural] = path else { return None };
    if apis != "apis" || version != "v1" {
        return None;
    }
    let review = KINDS.iter().find(|review| review.group == group && review.plural == plural)?;
    Some(fill(request, review))
}

fn fill(request: &Request, review: &Review) -> Answer<Reply> {
    if request.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    let mut body = body::object(request)?;
    let Some(object) = body.as_object_mut() else {
        return Err(Failure::bad_request("the body is not an object"));
    };
    if object.get("kind").is_none_or(|kind| kind != review.kind) {
        return Err(Failure::bad_request(format!("the body is not a {}", review.kind)));
    }
    let status = match review.kind {
        "SelfSubjectAccessReview" => json!({ "allowed": true, "reason": "administrator" }),
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
            "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            "incomplete": false,
        }),
        _ => json!({ "userInfo": user(request) }),
    };
    object.insert("status".into(), status);
    Ok(Reply::json(201, &body))
}

/// Who the client is, or pretends to be with `--as`.
fn user(request: &Request) -> Value {
    match request.header("impersonate-user") {
        Some(name) => json!({ "username": name, "groups": ["system:authenticated"] }),
        None => json!({
            "username": "standin-admin",
            "groups": ["system:masters", "system:authenticated"],
        }),
    }
}
