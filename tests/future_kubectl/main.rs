//! A kubectl newer than any table: its help and its version are files beside it,
//! and it writes down every call.
//!
//! `NAME.help/apply.txt` is what `apply --help` prints, `NAME.help/.txt` what
//! `--help` alone does, `NAME.help/version.txt` what `version --client` does.
//! Every call adds a line to `NAME.asked` with the words and the names of the
//! environment variables; any other call ends with 42, like a kubectl that ran.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a part of the tests")]

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    let beside = |suffix: &str| {
        let mut name = program.clone().into_os_string();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    names.sort();
    let line = format!("{} | {}\n", words.join(" "), names.join(" "));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(beside(".asked"));
    log.unwrap().write_all(line.as_bytes()).unwrap();
    let page = match words.split_last() {
        Some((last, path)) if last == "--help" => path.join("-"),
        _ if words == ["version", "--client"] => "version".to_owned(),
        _ => return ExitCode::from(42),
    };
    match std::fs::read_to_string(beside(".help").join(page + ".txt")) {
        Ok(text) => print!("{text}"),
        Err(_) => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
