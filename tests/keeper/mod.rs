//! The checkout keeper on real repositories, with the real git.

mod ground;
mod restore;
mod tidy;
