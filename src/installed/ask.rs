//! Runs kubectl for what it says of itself.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long kubectl may take. It takes a tenth of a second; a machine that is
/// busy gets its time, and a program that waits for something is given up.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read; a page of help has a few thousand.
const LIMIT: u64 = 1 << 20;

/// Nothing of the operator's: no plugins, no kubeconfig, no preferences. No server
/// is configured, and were one wanted, port 0 of this machine has none.
const NEUTRAL: [(&str, &str); 5] = [
    ("HOME", "/nonexistent"),
    ("PATH", "/nonexistent"),
    ("KUBECONFIG", "/nonexistent/kubeconfig"),
    ("KUBERC", "off"),
    ("KUBERNETES_MASTER", "http://127.0.0.1:0"),
];

/// What `program WORDS` prints, or `None` when it cannot be run or says nothing
/// until the deadline.
pub(super) fn ask(program: &Path, words: &[&str], deadline: Duration) -> Option<String> {
    let mut child = Command::new(program)
        // Under a name like `kubectl-1.40` it would take itself for a plugin.
        .arg0("kubectl")
        .args(words)
        .env_clear()
        .envs(NEUTRAL)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let answer = child.stdout.take().and_then(|stdout| {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stdout.take(LIMIT).read_to_string(&mut text);
            // Nobody listens any more after the deadline.
            sender.send(read.map(|_| text)).unwrap_or_default();
        });
        receiver.recv_timeout(deadline).ok()?.ok()
    });
    // It has said everything, or it has had its time.
    child.kill().and_then(|()| child.wait()).ok()?;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_what_it_prints() {
        let answer = ask(Path::new("/bin/echo"), &["apply", "--help"], DEADLINE);
        assert_eq!(answer.as_deref(), Some("apply --help\n"));
        assert_eq!(ask(Path::new("/bin/cat"), &[], DEADLINE).as_deref(), Some(""));
        assert_eq!(ask(Path::new("/nonexistent/kubectl"), &[], DEADLINE), None);
    }

    #[test]
    fn the_environment_is_neutral() {
        let answer = ask(Path::new("/usr/bin/env"), &[], DEADLINE).unwrap();
        let names = answer.lines().filter_map(|line| Some(line.split_once('=')?.0));
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "KUBECONFIG", "KUBERC", "KUBERNETES_MASTER", "PATH"]);
    }

    #[test]
    fn one_that_does_not_answer_is_given_up() {
        let brief = Duration::from_millis(1);
        assert_eq!(ask(Path::new("/bin/sleep"), &["1000"], brief), None);
    }
}
