//! Exit codes. They are part of the interface: scripts rely on them.

use std::process::ExitCode;

/// How an envguard process ends when it does not become kubectl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// One of our own commands did its work.
    Success,
    /// An error of input or output, or a missing kubectl.
    Failure,
    /// Our own command line is wrong (EX_USAGE).
    Usage,
    /// Refused (EX_NOPERM).
    Refused,
    /// No configuration, or one that cannot be used (EX_CONFIG).
    Config,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 64,
            Self::Refused => 77,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
