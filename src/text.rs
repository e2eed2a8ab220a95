//! Text that is safe to print: whatever comes from a command line, a file or a
//! name is shown without control characters and can be pasted where it is meant
//! to be.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

/// `text` with control characters, invalid bytes and invisible direction marks
/// written as escapes, so that a name can neither move the cursor nor pose as
/// another.
#[must_use]
pub fn shown(text: impl AsRef<OsStr>) -> String {
    let mut out = String::new();
    for chunk in text.as_ref().as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            if deceives(letter) {
                out.extend(letter.escape_default());
            } else {
                out.push(letter);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn deceives(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` without its middle when it is longer than anybody reads: names can have
/// thousands of letters.
#[must_use]
pub fn brief(text: &str) -> String {
    const MOST: usize = 800;
    const KEPT: usize = 300;
    let length = text.chars().count();
    if length <= MOST {
        return text.to_owned();
    }
    let head: String = text.chars().take(KEPT).collect();
    let tail: String = text.chars().skip(length - KEPT).collect();
    format!("{head}[{} more characters]{tail}", length - 2 * KEPT)
}

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// What an address may say behind `?` without letting anybody in: what kustomize takes.
const OPEN_PARAMETERS: [&str; 5] = ["ref", "version", "timeout", "submodules", "depth"];

/// `text` without what lets somebody in, where it is an address or holds some: the user and
/// password before a host, and the values behind `?`. Links to raw files of private
/// repositories and signed ones to a bucket have nothing else for a key.
#[must_use]
pub fn without_keys(text: &str) -> String {
    if !text.contains("://") {
        return text.to_owned();
    }
    without_keys_but(text, |name, _| OPEN_PARAMETERS.contains(&name))
}

/// The same, also for an address that begins at its path, with those parameters that
/// `is_open` says of name and value.
#[must_use]
pub fn without_keys_but(text: &str, is_open: impl Fn(&str, &str) -> bool) -> String {
    let (places, query) = text.split_once('?').map_or((text, None), |(it, all)| (it, Some(all)));
    let mut places = places.split("://");
    let scheme = places.next().unwrap_or_default().to_owned();
    let places = places.fold(scheme, |before, place| before + "://" + &without_user(place));
    let parameters = query.map(|all| {
        let all = all.split('&').map(|one| parameter(one, &is_open));
        "?".to_owned() + &all.collect::<Vec<_>>().join("&")
    });
    places + &parameters.unwrap_or_default()
}

/// `USER:PASSWORD@host/path`
fn without_user(place: &str) -> String {
    let (authority, path) = place.split_at(place.find(['/', '#']).unwrap_or(place.len()));
    match authority.rfind('@') {
        // `ssh://git@host` is an address, and no secret.
        Some(at) if &authority[..at] != "git" => format!("{MASK}{}{path}", &authority[at..]),
        _ => place.to_owned(),
    }
}

/// `NAME=VALUE` behind `?`. Another address in it could have keys of its own.
fn parameter(text: &str, is_open: impl Fn(&str, &str) -> bool) -> String {
    match text.split_once('=') {
        Some((name, value)) if is_open(name, value) && !value.contains("://") => text.to_owned(),
        Some((name, _)) => format!("{name}={MASK}"),
        None if text.contains("://") => MASK.to_owned(),
        None => text.to_owned(),
    }
}

/// [`shown`], for what may be an address.
#[must_use]
pub fn shown_address(text: impl AsRef<OsStr>) -> String {
    without_keys(&shown(text))
}

/// One word as a POSIX shell takes it back. Words with control characters use
/// bash's `$'…'`.
#[must_use]
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let shown = shown(word);
    let plain = |letter: char| letter.is_alphanumeric() || "_-./=:,@%+".contains(letter);
    if shown.as_bytes() != word.as_bytes() {
        format!("$'{}'", escaped(word))
    } else if !shown.is_empty() && shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', "'\\''"))
    }
}

/// The inside of `$'…'`: every byte of what must not be shown as `\xHH`, which bash
/// ends after two digits.
fn escaped(word: &OsStr) -> String {
    let mut out = String::new();
    let hexadecimal = |out: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    };
    for chunk in word.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\'' | '\\' => out.extend(['\\', letter]),
                _ if deceives(letter) => {
                    hexadecimal(&mut out, letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => out.push(letter),
            }
        }
        hexadecimal(&mut out, chunk.invalid());
    }
    out
}

/// `program` as another user, root where `options` name none. sudo looks for it in its own
/// directories only (`secure_path`), where it need not be: this shell finds it.
#[must_use]
pub fn with_sudo(options: &str, program: &str) -> String {
    let sudo = if options.is_empty() { "sudo".to_owned() } else { format!("sudo {options}") };
    format!("{sudo} \"$(command -v {program})\"")
}

/// `kubectl` and `words` as one line that can be pasted.
#[must_use]
pub fn command_line<W: AsRef<OsStr>>(words: &[W]) -> String {
    let mut line = String::from("kubectl");
    for word in words {
        line.push(' ');
        line.push_str(&quoted(word));
    }
    line
}

/// `text` broken at blanks into lines of at most `width` characters; a word that
/// is longer stands on a line of its own.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.width();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A length of time in its largest unit.
#[must_use]
pub fn rough(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => "less than a minute".to_owned(),
        60..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shown_moves_the_cursor() {
        assert_eq!(shown("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(shown("\u{202e}dorp"), "\\u{202e}dorp");
        assert_eq!(shown(OsStr::from_bytes(b"x\xff")), "x\\xff");
        assert_eq!(shown("本番/é"), "本番/é");
    }

    #[test]
    fn quoted_words_survive_a_real_shell() {
        for word in
            ["a", "", "a b", "it's", "$HOME", "a;b", "*", "--x=y", "tab\there", "nl\nx", "~"]
        {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
        for word in [
            b"p\x1b[2Jx" as &[u8],
            b"bell\x07b",
            b"\xff'a\\b\n",
            "\u{202e}dorp\t本番".as_bytes(),
            b"\x9b1",
        ] {
            let quoted = quoted(OsStr::from_bytes(word));
            assert_eq!(shown(&quoted), quoted);
            let script = format!("printf %s {quoted}");
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(output.stdout, word, "{script}");
        }
    }

    #[test]
    fn long_text_breaks_at_blanks() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("/a/very/long/path x", 5), ["/a/very/long/path", "x"]);
        assert_eq!(wrapped("", 5), [""]);
        // Columns, not characters.
        assert_eq!(wrapped("本番 環境 x", 8), ["本番", "環境 x"]);
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let text = format!("{}{}{}", "a".repeat(400), "本".repeat(10_000), "z".repeat(400));
        let brief = brief(&text);
        assert!(brief.starts_with("aaa") && brief.ends_with("zzz"));
        assert!(brief.contains("[10200 more characters]"), "{brief}");
        assert_eq!(super::brief("short"), "short");
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (seconds, text) in [
            (5, "less than a minute"),
            (60, "1 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (200_000, "2 days"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
    }
}
