//! The checkout keeper on real repositories, with the real git.

mod bad_input;
mod fetch;
mod formats;
mod git_work;
pub(crate) mod ground;
mod guard;
mod interrupted;
mod killed;
mod lines;
mod meanwhile;
mod owners;
mod random;
mod restore;
mod tidy;
mod units;
mod watch;
pub(crate) mod watcher;
