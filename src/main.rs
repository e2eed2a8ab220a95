//! `kubectl-envguard`: kubectl plugin, own commands, and the shim when it is called
//! `kubectl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_envguard::cli::main(std::env::args_os(), &kubectl_envguard::env::Env::from_process())
        .into()
}
