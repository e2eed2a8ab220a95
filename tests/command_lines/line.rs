//! One command line as a shell takes it.

use kubectl_envguard::text::quoted;

/// Variables of the shell and the words after `kubectl`. In both `$TOP`, `$HOME`,
/// `$OTHER` (the other cluster), `$PIN` (this instance's) and `$URL` (a web server)
/// stand for what the shell has under these names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) variables: Vec<(&'static str, &'static str)>,
    pub(super) words: Vec<String>,
}

impl Line {
    /// `NAME=VALUE kubectl WORD…`
    pub(super) fn text(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={}", word(value)));
        let words = self.words.iter().map(|text| word(text));
        variables.chain(["kubectl".to_owned()]).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The line without two words that stand together, without each word, and without
    /// each variable; one word stays.
    pub(super) fn shorter(&self) -> Vec<Self> {
        let mut shorter = Vec::new();
        for count in [2, 1] {
            for index in 0..(self.words.len() + 1).saturating_sub(count) {
                let mut line = self.clone();
                line.words.drain(index..index + count);
                shorter.extend(Some(line).filter(|line| !line.words.is_empty()));
            }
        }
        for index in 0..self.variables.len() {
            let mut line = self.clone();
            line.variables.remove(index);
            shorter.push(line);
        }
        shorter
    }
}

fn word(text: &str) -> String {
    if !text.contains('$') {
        return quoted(text);
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_shell_takes() {
        let words = ["apply", "-f", "$TOP/a\"b", "it's", "", "a\nb"].map(str::to_owned).to_vec();
        let line = Line { variables: vec![("KUBECONFIG", "$HOME/x")], words };
        assert_eq!(
            line.text(),
            r#"KUBECONFIG="$HOME/x" kubectl apply -f "$TOP/a\"b" 'it'\''s' '' $'a\x0ab'"#
        );
        assert_eq!(line.shorter().len(), 5 + 6 + 1);
    }
}
