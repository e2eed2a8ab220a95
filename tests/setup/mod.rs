//! `setup`: from repositories as they are to guarded instances.

mod dialogue;
mod files;
mod ground;
mod layouts;
mod pin;
