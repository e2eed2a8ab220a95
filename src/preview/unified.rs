//! What `diff -N -U999999` prints of two directories: with that much context, both
//! files stand in it as a whole.

/// What `kubectl diff` is told to compare with. The words after the program's name
/// may have letters, digits, `-` and `=` only (kubectl 1.20–1.36).
pub(super) const PROGRAM: &str = "diff -N -a -U999999";

/// The two texts of every file that differs; empty where there is no such file.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        // A line of a file never stands here: the counts of a hunk say where it ends.
        if line.starts_with("--- ") {
            found.push((String::new(), String::new()));
        }
        let (Some((mut old, mut new)), Some(pair)) = (hunk(line), found.last_mut()) else {
            continue;
        };
        while old > 0 || new > 0 {
            let Some(line) = lines.next() else { break };
            let mut letters = line.chars();
            let mark = letters.next();
            let rest = letters.as_str();
            if matches!(mark, Some(' ' | '-') | None) {
                old = old.saturating_sub(1);
                pair.0.push_str(rest);
                pair.0.push('\n');
            }
            if matches!(mark, Some(' ' | '+') | None) {
                new = new.saturating_sub(1);
                pair.1.push_str(rest);
                pair.1.push('\n');
            }
        }
    }
    found
}

/// `@@ -1,46 +1,46 @@`: how many lines of either file follow.
fn hunk(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let count = |range: &str| match range.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => Some(1),
    };
    Some((count(old)?, count(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_found_again_whatever_stands_in_them() {
        let tricky = "a: 1\n--- x\n+++ y\n@@ -1,2 +1,2 @@\n\n  - b\n";
        let files = [
            (tricky.to_owned(), tricky.replace("a: 1", "a: 2") + "last\n"),
            (String::new(), "new: true\n".to_owned()),
            ("old: true\n".to_owned(), String::new()),
            ("no end".to_owned(), "other end".to_owned()),
        ];
        let dir = tempfile::tempdir().unwrap();
        for side in ["LIVE", "MERGED"] {
            std::fs::create_dir(dir.path().join(side)).unwrap();
        }
        for (index, (live, merged)) in files.iter().enumerate() {
            for (side, text) in [("LIVE", live), ("MERGED", merged)] {
                if !text.is_empty() {
                    std::fs::write(dir.path().join(side).join(index.to_string()), text).unwrap();
                }
            }
        }
        let mut words = PROGRAM.split(' ');
        let output = std::process::Command::new(words.next().unwrap())
            .args(words)
            .args(["LIVE", "MERGED"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let mut expected = files.to_vec();
        expected[3] = ("no end\n".to_owned(), "other end\n".to_owned());
        assert_eq!(pairs(&String::from_utf8(output.stdout).unwrap()), expected);
    }

    #[test]
    fn what_is_no_diff_has_no_files() {
        for text in ["", "x", "@@ -1 +1 @@\n-a\n+b", "--- a", "--- a\n+++ b\n@@ -1,9 +1,9 @@\n x"] {
            assert!(pairs(text).len() <= 1, "{text}");
        }
    }
}
