//! The checkout keeper on real repositories, with the real git.

mod git_work;
mod ground;
mod guard;
mod killed;
mod restore;
mod tidy;
mod watch;
