//! The audit log: one JSON line for each judged command, and a second one when a
//! confirmation is answered.
//!
//! It is a record against haste and forgetting, not evidence against its author:
//! everybody appends to a file of their own, which they own.

mod allowing;
mod append;
mod arrivals;
mod backwards;
mod circumstances;
mod event;
mod follow;
mod journal;
mod log;
mod select;
mod system_log;
mod table;
mod would_refuse;

pub use allowing::Allowing;
pub use append::{append, file_of};
pub use arrivals::Arrivals;
pub use circumstances::now;
pub use event::{Circumstances, Event, EventReason};
pub use follow::Follow;
pub use journal::to_journal;
pub use log::{Log, lifted};
pub use select::{Selection, since};
pub use system_log::to_system_log;
pub use table::Table;
pub use would_refuse::WouldRefuse;
