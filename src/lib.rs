//! envguard keeps a kubectl instance to its own environment.
//!
//! A team runs several clusters and keeps one machine per cluster to run kubectl
//! from. Two accidents remain: being logged in to the wrong machine, and applying
//! another environment's overlay. This crate refuses, before the real kubectl
//! starts, every invocation that would read manifests of another environment or
//! reach another cluster. It guards against haste, not against a malicious root.
//!
//! # The story
//!
//! [`run`] tells it from top to bottom:
//!
//! ```text
//! words ─▶ parse ─▶ gather ─▶ judge ─▶ record ─▶ confirm ─▶ sandbox ─▶ exec
//!          kubectl  gather    judge    audit     confirm    sandbox    exec
//! ```
//!
//! [`kubectl`] reads the command line exactly as kubectl's own parser does, from a
//! table generated from real kubectl binaries. [`gather`] finds out what kubectl
//! would open, fetch and contact, and writes it down as plain data. [`judge`] is a
//! pure function of policy, request and those facts; its default is to refuse.
//! [`sandbox`] makes the kernel hold kubectl to that verdict while it runs, and
//! [`exec`] replaces this process with the real kubectl, so that signals, job
//! control, terminal and exit code are kubectl's own.
//!
//! # The map
//!
//! | layer | modules | may use |
//! |---|---|---|
//! | centre: no file, process, network or clock | [`path`], [`pattern`], [`text`], [`level`], [`policy`], [`kubectl`], [`kustomize`], [`manifest`], [`mask`], [`judge`] | the centre |
//! | edge that reads | [`env`](mod@env), [`runtime`], [`signals`], [`config`], [`kubeconfig`], [`git`], [`gather`]; [`machine`], [`session`], [`identity`], [`upstream`], [`installed`], [`server`] | the centre, and each other downwards |
//! | edge that acts | [`audit`], [`confirm`], [`ticket`], [`notices`], [`exec`] | the centre, `env`, `runtime`, `signals`, `colour` |
//! | | [`preview`]: what a command would change, before it is asked about | the centre, `audit`, `colour` |
//! | | [`sandbox`]: what the kernel lets kubectl read | the centre, `env`, `runtime`, `gather` |
//! | | [`keeper`]: foreign overlays off the disk | the centre, `env`, `gather`, `signals` |
//! | edge that asks both | [`health`]: the checks of prompt, banner and `status` | the centre, and the edges |
//! | what is shown at login | [`colour`], [`banner`], [`prompt`], [`hook`] | the centre |
//! | text for the cluster | [`admission`]: the policy of its API server | – |
//! | makes the configuration | [`setup`]: proposal, proof by the judge, files | the centre, the edges, `run` |
//! | outside | [`report`], [`run`], [`cli`], [`why`], [`exit`] | everything |
//!
//! `tests/architecture.rs` holds the code to this table.
//!
//! # Two programs
//!
//! `kubectl-envguard` is the whole program. `envguard-shim` is the part that
//! stands as `kubectl` first on `PATH` and judges every invocation; it leaves out
//! the crates that only our own commands need, because it runs before every
//! kubectl (`benches/NOTES.md`).

#![forbid(unsafe_code)]

pub mod admission;
pub mod audit;
pub mod banner;
pub mod cli;
pub mod colour;
pub mod config;
pub mod confirm;
pub mod env;
pub mod exec;
pub mod exit;
pub mod gather;
pub mod git;
pub mod health;
pub mod hook;
pub mod identity;
pub mod installed;
pub mod judge;
pub mod keeper;
pub mod kubeconfig;
pub mod kubectl;
pub mod kustomize;
pub mod level;
pub mod machine;
pub mod manifest;
pub mod mask;
pub mod notices;
pub mod path;
pub mod pattern;
pub mod policy;
pub mod preview;
pub mod prompt;
pub mod report;
pub mod run;
pub mod runtime;
pub mod sandbox;
pub mod server;
pub mod session;
pub mod setup;
pub mod signals;
pub mod text;
pub mod ticket;
pub mod upstream;
pub mod why;
