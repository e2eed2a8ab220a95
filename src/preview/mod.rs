//! What a command would change, found out before anybody is asked: one line per
//! object.
//!
//! [`Plan`] says which harmless kubectl commands tell it, as plain data. [`look`]
//! asks them; [`unified`] and [`object`] understand the answers, [`change`] compares,
//! [`render`] makes lines of it. Secrets are masked where values become text, so no
//! way of showing them leads past it.

mod change;
pub mod child;
mod conceal;
mod conceal_text;
mod look;
mod object;
mod plan;
mod render;
mod unified;

pub use change::{Change, Fate};
pub use look::{Answer, Input, Kubectl, Preview, look};
pub use object::{Controller, Identity};
pub use plan::{Plan, Step};
pub use render::rendered;

use crate::exec::Change as Variable;

/// What kubectl's environment must be for an answer that is understood: an operator's
/// own program would show differences in its own way.
#[must_use]
pub fn environment() -> Vec<Variable> {
    vec![Variable::Set("KUBECTL_EXTERNAL_DIFF".into(), unified::PROGRAM.into())]
}
