//! The text of `kubectl COMMAND --help`: what kubectl says of itself, for flags and
//! commands that the table lacks.

use std::fmt;

/// What one page of help lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Names of subcommands.
    pub subcommands: Vec<String>,
    /// The command's own flags. Global ones stand on no command's page.
    pub flags: Vec<Listed>,
}

/// A flag as a page lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name without dashes.
    pub long: String,
    /// Its letter.
    pub short: Option<u8>,
    /// Whether its default is `true` or `false`. Whether any other flag takes the
    /// next word cannot be told from the page: some have a value of their own.
    pub boolean: bool,
}

impl Page {
    /// Reads a page; `None` when the text is none. The layout is that of kubectl
    /// 1.20–1.36: headings at the left edge, commands under `… Commands:`, flags
    /// under `Options:` as `-f, --filename=[]:`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut page = Self::default();
        let mut heading = "";
        let mut has_usage = false;
        for line in text.lines() {
            if !line.is_empty() && !line.starts_with([' ', '\t']) {
                heading = line.trim_end();
                has_usage |= heading == "Usage:";
            } else if heading == "Options:" {
                page.flags.extend(listed(line));
            } else if is_list_of_commands(heading) {
                page.subcommands.extend(line.strip_prefix("  ").and_then(first_name));
            }
        }
        has_usage.then_some(page)
    }

    /// Reads what `Display` wrote.
    #[must_use]
    pub fn restore(text: &str) -> Option<Self> {
        let mut page = Self::default();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["sub", name] if is_name(name) => page.subcommands.push(name.to_owned()),
                ["flag", long, short, kind] if is_name(long) && short.len() == 1 => {
                    let short = short.bytes().next().filter(|letter| *letter != b'-');
                    let boolean = kind == "bool";
                    page.flags.push(Listed { long: long.to_owned(), short, boolean });
                }
                _ => return None,
            }
        }
        Some(page)
    }

    /// Adds what another kubectl says of the same command.
    pub fn merge(&mut self, other: Self) {
        self.subcommands.extend(other.subcommands);
        self.subcommands.sort();
        self.subcommands.dedup();
        for flag in other.flags {
            if !self.flags.contains(&flag) {
                self.flags.push(flag);
            }
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.subcommands {
            writeln!(f, "sub {name}")?;
        }
        for Listed { long, short, boolean } in &self.flags {
            let letter = short.map_or('-', char::from);
            writeln!(f, "flag {long} {letter} {}", if *boolean { "bool" } else { "value" })?;
        }
        Ok(())
    }
}

/// `Basic Commands (Beginner):`, `Available Commands:`; not `Subcommands provided
/// by plugins:`, which kubectl does not have built in.
fn is_list_of_commands(heading: &str) -> bool {
    let Some(heading) = heading.strip_suffix(':') else { return false };
    let title = heading.split(" (").next().unwrap_or_default();
    title.split(' ').next_back().is_some_and(|word| word == "Commands" || word == "Command")
}

fn first_name(line: &str) -> Option<String> {
    let name = line.split(' ').next()?;
    is_name(name).then(|| name.to_owned())
}

/// `    -f, --filename=[]:` or `      --all=false: Select all resources`.
fn listed(line: &str) -> Option<Listed> {
    let text = line.trim_start_matches(' ');
    let (short, text) = match text.as_bytes() {
        [b'-', letter, b',', b' ', ..] if *letter != b'-' => (Some(*letter), &text[4..]),
        _ => (None, text),
    };
    let (long, default) = text.strip_prefix("--")?.split_once('=')?;
    let boolean = default.starts_with("false:") || default.starts_with("true:");
    is_name(long).then(|| Listed { long: long.to_owned(), short, boolean })
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
Apply a configuration to a resource.

  --not-a-flag=false: an example

Examples:
  # Apply
  kubectl apply -f ./pod.json

Available Commands:
  edit-last-applied   Edit latest last-applied-configuration annotations
  set-last-applied    Set the annotation

Options:
    --all=false:
\tSelect all resources, --also=false: not a flag.

    --cascade='background':
\tMust be \"background\", \"orphan\", or \"foreground\".

    -f, --filename=[]:
\tThe files.

      --force=true: In the layout of older versions.

Usage:
  kubectl apply (-f FILENAME | -k DIRECTORY) [options]

Use \"kubectl apply <command> --help\" for more information about a given command.
";

    fn flag(long: &str, short: Option<u8>, boolean: bool) -> Listed {
        Listed { long: long.to_owned(), short, boolean }
    }

    #[test]
    fn a_page_lists_subcommands_and_flags() {
        let page = Page::parse(PAGE).unwrap();
        assert_eq!(page.subcommands, ["edit-last-applied", "set-last-applied"]);
        assert_eq!(
            page.flags,
            [
                flag("all", None, true),
                flag("cascade", None, false),
                flag("filename", Some(b'f'), false),
                flag("force", None, true),
            ]
        );
        assert_eq!(Page::restore(&page.to_string()), Some(page));
    }

    #[test]
    fn plugins_are_not_built_in() {
        let text = "Basic Commands (Beginner):\n  create   Create\n\nSubcommands provided by plugins:\n  evil     The command\n\nUsage:\n  kubectl [flags]\n";
        assert_eq!(Page::parse(text).unwrap().subcommands, ["create"]);
    }

    #[test]
    fn other_texts_are_no_page() {
        for text in ["", "error: unknown command", "Options:\n    --all=false:\n"] {
            assert_eq!(Page::parse(text), None, "{text:?}");
        }
        for text in ["flag a", "flag a b c d", "sub ../x", "page", "\u{0}", "flag  - bool"] {
            assert_eq!(Page::restore(text), None, "{text:?}");
        }
    }
}
