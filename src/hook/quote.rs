//! Values in the notation of each shell.

use crate::prompt::Shell;

/// One word that `shell` reads back byte by byte. Bytes need not be UTF-8; there
/// is no way to write a NUL, and none can occur in what a shell holds.
pub(super) fn quoted(value: &[u8], shell: Shell) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in value.iter().filter(|byte| **byte != 0) {
        match (shell, byte) {
            (Shell::Fish, b'\'' | b'\\') => out.extend([b'\\', *byte]),
            (_, b'\'') => out.extend(b"'\\''"),
            _ => out.push(*byte),
        }
    }
    out.push(b'\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_shells_read_back_what_was_written() {
        let all: Vec<u8> = (1..=255).collect();
        let values: [&[u8]; 7] = [
            b"",
            b"it's",
            b"a\\b\\\\'c",
            b"$(id) `id` !x %",
            b"two\nlines\n",
            "本番".as_bytes(),
            &all,
        ];
        for (program, shell) in [
            ("bash", Shell::Bash),
            ("dash", Shell::Bash),
            ("zsh", Shell::Zsh),
            ("fish", Shell::Fish),
        ] {
            for value in values {
                // fish replaces bytes that are no UTF-8 when it prints them.
                if shell == Shell::Fish && std::str::from_utf8(value).is_err() {
                    continue;
                }
                let mut script = b"printf %s ".to_vec();
                script.extend(quoted(value, shell));
                let mut command = std::process::Command::new(program);
                let script = std::os::unix::ffi::OsStringExt::from_vec(script);
                let script: std::ffi::OsString = script;
                let Ok(output) = command.arg("-c").arg(script).output() else { continue };
                assert_eq!(output.stdout, value, "{program}");
            }
        }
    }
}
