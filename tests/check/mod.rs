//! Verdicts on a real tree: what runs, what is refused, and under which code.

mod commands;
mod question;
mod targets;

use crate::support::{Instance, Output};

/// One row: the words, and the code they are refused under or `run`.
type Row<'r> = (&'r [&'r str], &'r str);

#[track_caller]
fn holds(instance: &Instance, rows: &[Row<'_>]) {
    for (words, expected) in rows {
        let output = instance.check(words);
        assert_verdict(&output, expected, words);
    }
}

#[track_caller]
fn assert_verdict(output: &Output, expected: &str, words: &[&str]) {
    let first = output.stdout.lines().next().unwrap_or_default();
    if expected == "run" {
        assert_eq!(output.code, Some(0), "{words:?} {output}");
        assert!(first.starts_with("envguard: would run"), "{words:?} {output}");
    } else {
        assert_eq!(output.code, Some(77), "{words:?} {output}");
        let prefix = format!("envguard: refused ({expected}): ");
        assert!(first.starts_with(&prefix), "{words:?}: expected {expected}: {output}");
    }
}
