//! `kubectl` first on `PATH`: judges, then becomes the real kubectl.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_envguard::cli::shim(std::env::args_os(), &kubectl_envguard::env::Env::from_process())
        .into()
}
