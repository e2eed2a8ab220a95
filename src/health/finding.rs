//! What a check found, and the two findings that many rows share.

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Fine,
    /// Nothing is wrong, and there is something to tell.
    Told(String),
    /// Not as it should be.
    Failed {
        /// What is wrong, in one sentence.
        what: String,
        /// What to do, if possible as a line that can be pasted.
        remedy: String,
    },
    /// Could not be found out; why.
    Unknown(String),
}

pub(super) fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Failed { what: what.into(), remedy: remedy.into() }
}

/// The row `configuration` says it; the others have nothing to look at.
pub(super) fn no_configuration() -> Finding {
    Finding::Unknown("there is no usable configuration".into())
}
