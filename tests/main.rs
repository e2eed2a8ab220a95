//! The integration tests, in one program: real kubectl, real files, real processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says where it is"
)]

mod admission;
mod architecture;
mod audit;
mod bad_input;
mod break_glass;
mod broadcast;
mod check;
mod clones;
mod closure;
mod cluster;
mod command_lines;
mod completion;
mod config;
mod copies;
mod corpus;
mod dialogue;
mod docs;
mod end_to_end;
mod entry_points;
mod golden;
mod hostile;
mod inputs;
mod install;
mod keeper;
mod load;
mod login;
mod lookup;
mod manual;
mod oracle;
mod own_commands;
mod preview;
mod rbac;
mod repositories;
mod sandbox;
mod server;
mod setup;
mod shim;
mod skew;
mod status;
mod streams;
mod support;
mod tickets;
mod trees;
mod try_out;
mod why;
mod working_trees;
