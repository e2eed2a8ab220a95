//! Why an instance has no policy.

use std::fmt;
use std::path::PathBuf;

/// Why there is no policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// None of the places has a file.
    Missing {
        /// Where it was looked for, first choice first.
        looked_for: Vec<PathBuf>,
    },
    /// There is one, but it cannot be used.
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, when the problem has one.
        line: Option<usize>,
        /// Field and problem in one phrase.
        problem: String,
        /// What to do about it, as a line that can be pasted.
        remedy: String,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { looked_for } => {
                f.write_str("no configuration:")?;
                looked_for.iter().try_for_each(|path| write!(f, " {}", path.display()))
            }
            Self::Invalid { file, line, problem, .. } => {
                write!(f, "{}", file.display())?;
                if let Some(line) = line {
                    write!(f, ":{line}")?;
                }
                write!(f, ": {problem}")
            }
        }
    }
}
