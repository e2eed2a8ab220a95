//! The checkout keeper on real repositories, with the real git.

mod git_work;
mod ground;
mod restore;
mod tidy;
