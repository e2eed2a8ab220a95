//! A text without what is called, or looks, like a secret, in whatever language it is written.
//!
//! There is no list of languages. Where a word stands that is called like a secret, nothing of
//! the line can be seen behind it, and nothing that is indented below it. Only of command lines
//! and addresses more is known: there one word is masked, and what follows stays.

use std::ops::Range;

use crate::mask::{is_secret_name, line_of_object};
use crate::text::MASK;

/// What may stand between a name and its value, and is no value.
const SEPARATORS: [char; 18] =
    ['"', '\'', '\\', '`', '=', ':', '>', ',', ';', '|', '{', '[', '(', ' ', '\t', '-', '+', '&'];

/// A text as it may be seen.
pub(super) fn text(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return MASK.to_owned();
    }
    let mut below = Below::Nothing;
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = Line::next(&mut lines) {
        let whole = line.whole.as_str();
        if whole.trim().is_empty() {
            out.push(line.written);
        } else if below.hides(whole) {
            out.push(format!("{}{MASK}", &whole[..indent(whole)]));
        } else {
            below = Below::of(whole);
            let masked = masked(whole);
            out.push(if masked == whole { line.written } else { masked });
        }
    }
    out.join("\n")
}

/// What a `\` holds together is one line, and stays several when nothing is hidden.
struct Line {
    whole: String,
    written: String,
}

impl Line {
    fn next<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Option<Self> {
        let first = lines.next()?;
        let mut line = Self { whole: first.to_owned(), written: first.to_owned() };
        while line.whole.ends_with('\\')
            && let Some(next) = lines.next()
        {
            line.whole.pop();
            line.whole = match next.strip_prefix([' ', '\t']) {
                Some(next) => format!("{} {}", line.whole.trim_end(), next.trim_start()),
                None => line.whole + next,
            };
            line.written = line.written + "\n" + next;
        }
        Some(line)
    }
}

/// What is hidden in the lines that follow.
enum Below {
    Nothing,
    /// What is indented more than this.
    Deeper(usize),
    /// The next line that is not empty, and what is indented more than this.
    Next(usize),
    /// A quote is open: there is no knowing where it ends.
    Everything,
}

impl Below {
    /// What the names in `line` hide below it.
    fn of(line: &str) -> Self {
        let Some(last) = names(line).last() else { return Self::Nothing };
        if names(line).any(|name| name.opens_a_quote()) {
            Self::Everything
        } else if last.announces_its_value() {
            Self::Next(indent(line))
        } else {
            Self::Deeper(indent(line))
        }
    }

    /// Whether `line`, which is not empty, is hidden.
    fn hides(&mut self, line: &str) -> bool {
        match *self {
            Self::Nothing => false,
            Self::Deeper(than) => indent(line) > than,
            Self::Next(than) => {
                *self = Self::Deeper(than);
                true
            }
            Self::Everything => true,
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// One line. Of flags and of parameters of addresses the value alone is masked, where it can
/// be found; with any other name the line ends.
fn masked(line: &str) -> String {
    match names(line).find(|name| !name.is_flag() && !name.is_parameter()) {
        Some(name) => masked_values(name.before()) + &name.with_mask(),
        None => masked_values(line),
    }
}

/// A line of flags and addresses. What could not be found of their values ends it, too.
fn masked_values(line: &str) -> String {
    let known = line_of_object(line);
    let unmasked = names(&known).find(|name| !name.is_masked());
    let ended = unmasked.map(|name| name.before().to_owned() + &name.with_mask());
    ended.unwrap_or(known)
}

/// A word that is called like a secret, in its line.
struct Name<'l> {
    line: &'l str,
    at: Range<usize>,
}

impl<'l> Name<'l> {
    fn before(&self) -> &'l str {
        &self.line[..self.at.start]
    }

    fn text(&self) -> &'l str {
        &self.line[self.at.clone()]
    }

    fn behind(&self) -> &'l str {
        &self.line[self.at.end..]
    }

    /// `--password X`
    fn is_flag(&self) -> bool {
        self.text().starts_with('-') && self.behind().starts_with(['=', ' '])
    }

    /// `https://host/path?token=X`
    fn is_parameter(&self) -> bool {
        let word = self.before().rsplit(char::is_whitespace).next().unwrap_or_default();
        let is_in_address = word.contains("://") && word.ends_with(['?', '&']);
        is_in_address && self.behind().starts_with('=')
    }

    /// Whether its value, and no more, is a mask already.
    fn is_masked(&self) -> bool {
        let value = self.behind().strip_prefix(['=', ' ']);
        let rest = value.and_then(|value| value.strip_prefix(MASK));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['&', ' ']))
    }

    /// Whether nothing but signs that separate stands behind it.
    fn is_without_value(&self) -> bool {
        self.behind().trim_matches(SEPARATORS).is_empty()
    }

    /// What stands behind it without what separates them.
    fn value(&self) -> &'l str {
        let behind = self.behind();
        let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
        behind.trim_start_matches(['=', ':', ' ', '\t'])
    }

    /// Whether its value begins with a quote that does not end in this line.
    fn opens_a_quote(&self) -> bool {
        let is_open =
            |quote| self.value().strip_prefix(quote).is_some_and(|rest| !rest.contains(quote));
        is_open('"') || is_open('\'')
    }

    /// `passphrase:`, with the value in the next line; `password: ""` has one.
    fn announces_its_value(&self) -> bool {
        let is_last_word = self.behind().trim().is_empty();
        self.is_without_value() && !is_last_word && !self.value().starts_with(['"', '\''])
    }

    /// Where its value begins.
    fn value_at(&self) -> usize {
        let behind = self.behind();
        if self.is_without_value() {
            return self.line.len();
        }
        // A value may begin with such a sign itself: the first that separates is the last.
        let separator = &behind[..behind.len() - behind.trim_start_matches(SEPARATORS).len()];
        let kept =
            separator.find(['=', ':', '>', ',', ';']).map_or(separator.len().min(1), |at| at + 1);
        let blank = usize::from(behind[kept..].starts_with(' '));
        self.at.end + kept + blank
    }

    /// The name, and a mask for the rest of the line.
    fn with_mask(&self) -> String {
        let value = self.value_at();
        let mask = if value < self.line.len() { MASK } else { "" };
        format!("{}{mask}", &self.line[self.at.start..value])
    }
}

/// The words of a line that are called like a secret.
fn names(line: &str) -> impl Iterator<Item = Name<'_>> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    let mut at = 0;
    let words = std::iter::from_fn(move || {
        let start = at + line[at..].find(is_part)?;
        let length = line[start..].find(|letter| !is_part(letter));
        at = length.map_or(line.len(), |length| start + length);
        Some(Name { line, at: start..at })
    });
    words.filter(|name| !is_place(name) && is_secret_name(name.text()))
}

/// A directory of a path, a machine, a scheme, or the end of an element.
fn is_place(name: &Name<'_>) -> bool {
    let (before, behind) = (name.before(), name.behind());
    let is_apart = |letter: char| letter.is_whitespace() || "\"'=:,".contains(letter);
    let path = before.rsplit(is_apart).next().unwrap_or_default();
    let is_path = ["/", "./", "../", "~/"].iter().any(|root| path.starts_with(root));
    is_path && behind.starts_with(['/', '?', '#'])
        || behind.starts_with("://")
        || before.ends_with("://")
        || before.ends_with("</")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_behind_what_is_called_like_a_secret() {
        for (hidden, expected) in [
            ("Server=db;Password=S3CRET", "Server=db;Password=***"),
            ("Server=db;Pwd=S3CRET;Pool=5", "Server=db;Pwd=***"),
            ("//r/:_authToken=S3CRET", "//r/:_authToken=***"),
            (
                "jdbc:sqlserver://db;user=sa;password=S3CRET",
                "jdbc:sqlserver://db;user=sa;password=***",
            ),
            (
                r#"{"level":"info","clientSecret":"S3CRET"}"#,
                r#"{"level":"info","clientSecret":***"#,
            ),
            (r#"{"name":"password","value":"S3CRET"}"#, r#"{"name":"password",***"#),
            (r#"<add key="password" value="S3CRET"/>"#, r#"<add key="password" ***"#),
            ("<password>S3CRET</password>", "<password>***"),
            (
                "<password>\n  S3CRET\n</password>\n<host>db</host>",
                "<password>\n  ***\n</password>\n<host>db</host>",
            ),
            ("bindpw=S3CRET", "bindpw=***"),
            ("password S3CRET S3CRET", "password ***"),
            ("PASSWORD=S3CRET S3CRET", "PASSWORD=***"),
            ("passphrase: S3CRET S3CRET", "passphrase: ***"),
            ("passphrase:\n  S3CRET\n  S3CRET\nhost: db", "passphrase:\n  ***\n  ***\nhost: db"),
            ("passphrase:\n\nS3CRET\nhost: db", "passphrase:\n\n***\nhost: db"),
            ("password: |\n  S3CRET\nhost: db", "password: |\n  ***\nhost: db"),
            ("password: S3CRET\n  S3CRET\nhost: db", "password: ***\n  ***\nhost: db"),
            (
                "- name: DB_PASSWORD\n  value: S3CRET\n- name: A",
                "- name: DB_PASSWORD\n  ***\n- name: A",
            ),
            (
                "{\n\"name\": \"token\",\n\"value\": \"S3CRET\"\n}",
                "{\n\"name\": \"token\",\n***\n}",
            ),
            ("PASSWORD=\"S3CRET\nS3CRET\"", "PASSWORD=***\n***"),
            ("password: -S3CRET", "password: ***"),
            ("password=:S3CRET", "password=***"),
            ("x -v \\\n  --password \\\n  S3CRET -h db", "x -v --password *** -h db"),
            ("put --name /db/password --value S3CRET", "put --name /db/password ***"),
            ("sed s/PASSWORD/S3CRET/", "sed s/PASSWORD***"),
            (r#"{"path":"/a/password","value":"S3CRET"}"#, r#"{"path":"/a/password",***"#),
            ("x --password=S3C\\\nRET -h db", "x --password=*** -h db"),
            ("mysql -uroot -pS3CRET web", "mysql -uroot -p*** web"),
            ("curl -u admin:S3CRET http://h/x", "curl -u admin:*** http://h/x"),
            ("Authorization: Bearer S3CRET", "Authorization: ***"),
            ("bearer S3CRET", "***"),
            ("curl -u --password S3CRET http://h", "curl -u --password ***"),
            ("password=\"S3CRET token\nS3CRET\"", "password=***\n***"),
            ("export DB_PW=S3CRET; run", "export DB_PW=***"),
            ("[\"--db-password\", \"S3CRET\"]", "[\"--db-password\", ***"),
            ("password: \"\"\nhost: db", "password: \"\"\nhost: db"),
            ("connect a with token S3CRET", "connect a with token ***"),
        ] {
            let found = text(hidden);
            assert_eq!(found, expected, "{hidden}");
            assert!(!found.contains("S3CRET"), "{found}");
        }
    }

    #[test]
    fn what_is_no_secret_can_be_seen() {
        for open in [
            "Server=db",
            "LOG_LEVEL=debug",
            "v42",
            "500m",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "cat /run/secrets/db/name --number",
            "http://token-service.web.svc:8080/x?page=2",
            "https://login.test/oauth2/token",
            "https://login.test/oauth2/token?page=2",
            "host=db\nport: 5432\n  - a: \"b c\"\n# it isn't \"much\"",
            "set -e\ncurl -s \\\n  http://h/x \\\n  -o /tmp/x",
            "kind: Secret",
        ] {
            assert_eq!(text(open), open);
        }
    }

    #[test]
    fn of_an_address_only_what_may_be_a_key_is_hidden() {
        for (address, expected) in [
            (
                "http://h/x?page=2&sort=name,asc&tz=Asia%2FTokyo&charset=UTF-8#a",
                "http://h/x?page=2&sort=name,asc&tz=Asia%2FTokyo&charset=UTF-8#a",
            ),
            ("postgres://u:S3CRET@db/x?sslmode=require", "postgres://***@db/x?sslmode=require"),
            (
                "jdbc:mysql://db/x?useSSL=false&password=S3",
                "jdbc:mysql://db/x?useSSL=false&password=***",
            ),
            (
                "https://h/x?key=S3&sig=S3&X-Amz-Signature=S3",
                "https://h/x?key=***&sig=***&X-Amz-Signature=***",
            ),
            ("https://h/x?api_key=S3&auth=S3&code=S3", "https://h/x?api_key=***&auth=***&code=***"),
            ("https://h/x?k=S3CRETS3CRETS3CRE", "https://h/x?k=***"),
            ("https://h/x?k=a@b&to=https://a:S3@b", "https://h/x?k=***&to=***"),
            ("--url=https://h/x?a=1&token=S3", "--url=https://h/x?a=1&token=***"),
        ] {
            assert_eq!(text(address), expected);
        }
    }
}
