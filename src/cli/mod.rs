//! Our own command line: which program we are called as, the guard's options, and
//! one function for each of our own commands.

mod admission;
mod args;
mod audit;
mod broadcast;
mod check;
mod complete;
mod dispatch;
mod login;
mod owners;
mod restore;
mod setup;
mod status;
mod tidy;
mod unlock;
mod watch;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;

use clap::Parser;

use crate::config;
use crate::env::{Env, this_program};
use crate::exec;
use crate::exit::Exit;
use crate::report::Reporter;
use crate::run;
use crate::sandbox::WITNESS;
use crate::text::shown;
pub use args::OWN_COMMANDS;
use dispatch::{Call, dispatch};

/// The definition of our command line, for the manual.
#[must_use]
pub fn command_line() -> clap::Command {
    <args::Own as clap::CommandFactory>::command()
}

/// The whole program. Called as `kubectl` it is the shim.
#[must_use]
pub fn main(args: impl Iterator<Item = OsString>, env: &Env) -> Exit {
    let mut args = args;
    let name = args.next().unwrap_or_default();
    let words: Vec<OsString> = args.collect();
    let reporter = Reporter::new(env);
    if name == WITNESS {
        return run::witness(reporter);
    }
    if base_name(&name) == complete::PROGRAM {
        return complete::answer(&words, env, reporter);
    }
    match dispatch(&name, words) {
        Call::Kubectl { options, words } => {
            say_what_is_read(options.config.as_deref(), reporter);
            run::guard(&words, &options, env, reporter)
        }
        Call::Own { words } => own(&words, env, reporter),
        Call::Usage(problem) => usage(&problem, reporter),
    }
}

/// The shim alone. Our own commands are answered by the whole program, which is
/// started in its place.
#[must_use]
pub fn shim(args: impl Iterator<Item = OsString>, env: &Env) -> Exit {
    let mut args = args;
    let name = args.next().unwrap_or_default();
    let words: Vec<OsString> = args.collect();
    let reporter = Reporter::new(env);
    if name == WITNESS {
        return run::witness(reporter);
    }
    match dispatch(OsStr::new("kubectl"), words) {
        Call::Kubectl { options, words } => run::guard(&words, &options, env, reporter),
        Call::Own { words } => hand_over(&words, env, reporter),
        Call::Usage(problem) => usage(&problem, reporter),
    }
}

fn usage(problem: &str, reporter: Reporter) -> Exit {
    reporter.error(problem, "kubectl envguard --help");
    Exit::Usage
}

fn hand_over(words: &[OsString], env: &Env, reporter: Reporter) -> Exit {
    let beside = this_program()
        .ok()
        .into_iter()
        .flat_map(|exe| exec::siblings(&exe))
        .filter(|path| path.file_name() == Some(OsStr::new(exec::WHOLE)));
    let on_path = env.get("PATH").into_iter().flat_map(std::env::split_paths);
    let on_path = on_path.filter(|dir| dir.is_absolute()).map(|dir| dir.join(exec::WHOLE));
    let program = beside.chain(on_path).find(|path| path.is_file());
    let Some(program) = program else {
        reporter.error(
            "the program kubectl-envguard is not installed beside the shim",
            "install envguard again: ./install.sh",
        );
        return Exit::Failure;
    };
    let error = std::process::Command::new(&program).args(words).exec();
    reporter.error(
        &format!("could not run {}: {error}", program.display()),
        "install envguard again: ./install.sh",
    );
    Exit::Failure
}

fn own(words: &[OsString], env: &Env, reporter: Reporter) -> Exit {
    let name = OsString::from("kubectl envguard");
    let parsed = match args::Own::try_parse_from(std::iter::once(&name).chain(words)) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help goes to standard output, errors to standard error.
            let printed = written(error.print());
            return if error.use_stderr() { Exit::Usage } else { printed };
        }
    };
    if parsed.break_glass.is_some() {
        return usage("--break-glass goes with a kubectl command, not with one of ours", reporter);
    }
    if parsed.full {
        return usage("--full goes with a kubectl command, not with one of ours", reporter);
    }
    // `setup` does not go on with another file than was asked for.
    if !matches!(parsed.command, args::Command::Setup(_)) {
        say_what_is_read(parsed.config.as_deref(), reporter);
    }
    match parsed.command {
        args::Command::Check(check) => check::check(&check, parsed.config.as_deref(), env),
        args::Command::AdmissionPolicy(wanted) => {
            admission::policy(&wanted, parsed.config.as_deref(), env, reporter)
        }
        args::Command::Audit(audit) => audit::show(&audit, parsed.config.as_deref(), env, reporter),
        args::Command::Restore(restore) => {
            restore::restore(&restore, parsed.config.as_deref(), env, reporter)
        }
        args::Command::Setup(setup) => {
            setup::setup(&setup, parsed.confirm.as_deref(), parsed.config.as_deref(), env, reporter)
        }
        args::Command::Status(status) => {
            status::status(&status, parsed.config.as_deref(), env, reporter)
        }
        args::Command::Tidy(tidy) => tidy::tidy(&tidy, parsed.config.as_deref(), env, reporter),
        args::Command::Unlock(unlock) => unlock::unlock(
            &unlock,
            parsed.confirm.as_deref(),
            parsed.config.as_deref(),
            env,
            reporter,
        ),
        args::Command::Lock => unlock::lock(env, reporter),
        args::Command::Watch(watch) => {
            watch::watch(&watch, parsed.config.as_deref(), env, reporter)
        }
        args::Command::Broadcast(broadcast) => {
            broadcast::broadcast(&broadcast, parsed.config.as_deref(), env, reporter)
        }
        args::Command::Banner(banner) => login::banner(&banner, parsed.config.as_deref(), env),
        args::Command::Prompt(prompt) => login::prompt(&prompt, parsed.config.as_deref(), env),
        args::Command::Completion(completion) => print(complete::script(completion.shell)),
        args::Command::Hook(hook) => login::hook(&hook, parsed.config.as_deref(), env),
        args::Command::Why(why) => show_why(&why, env, reporter),
    }
}

/// No flag changes what an instance is; who gave one should know.
fn say_what_is_read(named: Option<&Path>, reporter: Reporter) {
    if let Some(named) = named.filter(|named| config::passes_over(named)) {
        reporter.warning(&format!(
            "--config {} is not read: this instance has {}",
            shown(named),
            config::SYSTEM
        ));
    }
}

fn show_why(why: &args::Why, env: &Env, reporter: Reporter) -> Exit {
    let language = why.lang.map_or_else(|| crate::why::Language::of_env(env), Into::into);
    match &why.code {
        Some(name) => match crate::judge::Code::named(name) {
            Some(code) => print(crate::why::page(code, language)),
            None => usage(
                &format!("there is no reason {}; all of them: kubectl envguard why", shown(name)),
                reporter,
            ),
        },
        None => print(&crate::why::overview(language)),
    }
}

/// Prints to standard output.
fn print(text: &str) -> Exit {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// How writing to standard output ended; a reader that went away is no error.
fn written(result: std::io::Result<()>) -> Exit {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Reporter::plain().error(
                &format!("could not write to standard output: {error}"),
                "check the disk: df -h",
            );
            Exit::Failure
        }
        _ => Exit::Success,
    }
}

/// The last part of a path, for `argv[0]`.
fn base_name(name: &OsStr) -> &OsStr {
    Path::new(name).file_name().unwrap_or(name)
}

/// Our own commands need a configuration.
fn unusable(unusable: &crate::policy::Unusable, reporter: Reporter) -> Exit {
    reporter.error(&unusable.to_string(), "kubectl envguard why config-invalid");
    Exit::Config
}
