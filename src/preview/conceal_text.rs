//! A text without what is called, or looks, like a secret, in whatever language it is written.
//!
//! There is no list of languages. Where a word stands that is called like a secret, nothing of
//! the line can be seen behind it, and nothing that is indented below it. Only of command lines
//! and addresses more is known: there one word is masked, and what follows stays.

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
    while let Some(line) = lines.next() {
        // What a `\` holds together is one line, and stays several when nothing is hidden.
        let (mut whole, mut shown) = (line.to_owned(), line.to_owned());
        while whole.ends_with('\\')
            && let Some(next) = lines.next()
        {
            whole.pop();
            whole = match next.strip_prefix([' ', '\t']) {
                Some(next) => format!("{} {}", whole.trim_end(), next.trim_start()),
                None => whole + next,
            };
            shown = shown + "\n" + next;
        }
        if whole.trim().is_empty() {
            out.push(shown);
            continue;
        }
        if below.hides(&whole) {
            out.push(format!("{}{MASK}", &whole[..indent(&whole)]));
            continue;
        }
        let masked = masked(&whole);
        below = Below::of(&whole);
        out.push(if masked == whole { shown } else { masked });
    }
    out.join("\n")
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
    fn of(line: &str) -> Self {
        let indent = indent(line);
        let Some((_, behind)) = names(line).last() else { return Self::Nothing };
        let is_empty = value(behind).starts_with(['"', '\'']);
        if names(line).any(|(_, behind)| is_open(value(behind))) {
            Self::Everything
        } else if !behind.trim().is_empty()
            && !is_empty
            && behind.trim_matches(SEPARATORS).is_empty()
        {
            Self::Next(indent)
        } else {
            Self::Deeper(indent)
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

/// What stands behind a name without what separates them.
fn value(behind: &str) -> &str {
    let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
    behind.trim_start_matches(['=', ':', ' ', '\t'])
}

/// Whether a quote begins here and does not end.
fn is_open(value: &str) -> bool {
    let is = |quote| value.strip_prefix(quote).is_some_and(|rest| !rest.contains(quote));
    is('"') || is('\'')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// One line. Of flags and of parameters of addresses the value alone is masked, where it can
/// be found; with any other name the line ends.
fn masked(line: &str) -> String {
    let is_flag =
        |name: &str, behind: &str| name.starts_with('-') && behind.starts_with(['=', ' ']);
    let is_parameter = |name: &str, behind: &str| {
        let before = &line[..line.len() - behind.len() - name.len()];
        let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
        word.contains("://") && word.ends_with(['?', '&']) && behind.starts_with('=')
    };
    let other = |name: &str, behind: &str| !is_flag(name, behind) && !is_parameter(name, behind);
    if let Some((start, end)) = cut(line, other) {
        return masked_before(&line[..start]) + &ended(&line[start..], end - start);
    }
    masked_before(line)
}

/// A line of flags and addresses.
fn masked_before(line: &str) -> String {
    let known = line_of_object(line);
    let is_left = |_: &str, behind: &str| {
        let value = behind.strip_prefix(['=', ' ']).and_then(|value| value.strip_prefix(MASK));
        !value.is_some_and(|rest| rest.is_empty() || rest.starts_with(['&', ' ']))
    };
    match cut(&known, is_left) {
        Some((_, end)) => ended(&known, end),
        None => known,
    }
}

/// What stands before `end`, and a mask for the rest of it.
fn ended(line: &str, end: usize) -> String {
    let mask = if end < line.len() { MASK } else { "" };
    format!("{}{mask}", &line[..end])
}

/// The first name that `counts`: where it begins, and where its value does.
fn cut(line: &str, counts: impl Fn(&str, &str) -> bool) -> Option<(usize, usize)> {
    let (name, behind) = names(line).find(|(name, behind)| counts(name, behind))?;
    let end = line.len() - behind.len();
    if behind.trim_matches(SEPARATORS).is_empty() {
        return Some((end - name.len(), line.len()));
    }
    // A value may begin with such a sign itself: the first that separates is the last.
    let separator = &behind[..behind.len() - behind.trim_start_matches(SEPARATORS).len()];
    let kept =
        separator.find(['=', ':', '>', ',', ';']).map_or(separator.len().min(1), |at| at + 1);
    let blank = usize::from(behind[kept..].starts_with(' '));
    Some((end - name.len(), end + kept + blank))
}

/// The words of a line that are called like a secret, each with what stands behind it.
fn names(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &line[at..];
            let start = at + rest.find(is_part)?;
            let length = line[start..].find(|letter| !is_part(letter));
            let end = length.map_or(line.len(), |length| start + length);
            at = end;
            let (before, name, behind) = (&line[..start], &line[start..end], &line[end..]);
            // A directory of a path, a machine, a scheme, or the end of an element.
            let is_apart = |letter: char| letter.is_whitespace() || "\"'=:,".contains(letter);
            let path = before.rsplit(is_apart).next().unwrap_or_default();
            let is_path = ["/", "./", "../", "~/"].iter().any(|root| path.starts_with(root));
            let is_place = is_path && behind.starts_with(['/', '?', '#'])
                || behind.starts_with("://")
                || before.ends_with("://")
                || before.ends_with("</");
            if !is_place && is_secret_name(name) {
                return Some((name, behind));
            }
        }
    })
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
