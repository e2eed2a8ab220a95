//! The hook in shells that are only POSIX.

use super::{Login, SEGMENT, SENTENCE, have, which};
use crate::support::Terminal;

#[test]
fn a_plain_sh_shows_banner_and_segment() {
    for (program, words) in [("dash", &["-i"][..]), ("busybox", &["sh", "-i"])] {
        if !have(program) {
            continue;
        }
        for options in ["", "set -eu\n"] {
            let place = Login::new();
            let hook = place.hook("sh");
            let file =
                place.instance.write("home/env", &format!("{options}PS1='user> '\n{hook}{hook}"));
            let mut command = place.command(which(program), words);
            command.env("ENV", file);
            let mut shell = Terminal::start(&command);
            let first = shell.first_prompt();
            assert_eq!(
                (first.count(SENTENCE), first.prompt()),
                (1, SEGMENT),
                "{program}: {}",
                first.0
            );
            shell.run("echo $KUBERC").contains("off");
            shell.run("command -v kubectl").contains(&format!("{}/kubectl", place.shims()));
            let shown = shell.run("ENVGUARD_NAMESPACE=web");
            assert_eq!(shown.prompt(), "[DEVELOP develop-eks ns=web] ", "{program}");
            // What is no namespace is not shown: it could move the cursor.
            let shown = shell.run("ENVGUARD_NAMESPACE=$(printf 'x\\033[2Jx$(id)')");
            assert_eq!(shown.prompt(), "[DEVELOP develop-eks ns=] ", "{program}");
        }
    }
}
