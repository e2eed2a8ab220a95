//! What a handler answers: a value with a status code, or a `Status` object
//! that says why not. kubectl prints the latter's message word for word.

use serde_json::{Value, json};

use crate::kinds::Kind;

/// A finished response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(code: u16, value: &Value) -> Self {
        Self { code, content_type: "application/json", body: value.to_string().into_bytes() }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self { code: 200, content_type: "text/plain; charset=utf-8", body: text.into() }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self::json(failure.code, &failure.status())
    }
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

/// Which object a failure is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: &'static Kind,
    pub(crate) name: &'a str,
}

impl Subject<'_> {
    /// `deployments.apps "web"`, as in every message of a real server.
    fn words(self) -> String {
        format!("{} \"{}\"", self.kind.qualified(), self.name)
    }

    fn details(self) -> Value {
        json!({ "name": self.name, "group": self.kind.group, "kind": self.kind.plural })
    }
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}) }
    }

    fn about(code: u16, reason: &'static str, subject: Subject<'_>, message: String) -> Self {
        Self { code, reason, message, details: subject.details() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// A path that leads nowhere, as opposed to an object that is not there.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn not_found(subject: Subject<'_>) -> Self {
        Self::about(404, "NotFound", subject, format!("{} not found", subject.words()))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    pub(crate) fn already_exists(subject: Subject<'_>) -> Self {
        Self::about(409, "AlreadyExists", subject, format!("{} already exists", subject.words()))
    }

    pub(crate) fn conflict(subject: Subject<'_>, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {}: {why}", subject.words());
        Self::about(409, "Conflict", subject, message)
    }

    pub(crate) fn expired() -> Self {
        Self::new(410, "Expired", "The resourceVersion for the provided watch is too old.")
    }

    pub(crate) fn unsupported_media_type(given: &str, supported: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format ({given:?}) - accepted media types include: {supported}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// A field has a value that it cannot have. kubectl prints the causes and
    /// not the message.
    pub(crate) fn invalid(subject: Subject<'_>, field: &str, why: &str) -> Self {
        let kind = subject.kind;
        let of_group = if kind.group.is_empty() { "" } else { "." };
        let object = format!("{}{of_group}{} \"{}\"", kind.kind, kind.group, subject.name);
        let message = format!("{object} is invalid: {field}: {why}");
        let mut failure = Self::about(422, "Invalid", subject, message);
        failure.details["causes"] =
            json!([{ "reason": "FieldValueInvalid", "field": field, "message": why }]);
        failure
    }

    pub(crate) fn status(&self) -> Value {
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        })
    }
}

/// What handlers return.
pub(crate) type Answer<T> = Result<T, Failure>;
