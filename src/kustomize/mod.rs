//! What a kustomization refers to, read from its text alone (kustomize 2.0.3 in
//! kubectl 1.20 up to 5.8.1 in kubectl 1.36).

mod document;
mod fields;
mod node;
mod plugin;
mod reference;
mod remote;

pub use document::{Unreadable, first_document, manifests};
pub use fields::{Kustomization, references};
pub use plugin::{Chart, PluginConfig, plugin_references};
pub use reference::{Kind, Reference};
pub use remote::{is_git_address, is_http_address};

/// The names under which kustomize looks for a kustomization, exactly as written.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
