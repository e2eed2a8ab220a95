//! Files that look as if they came from another environment: nothing against running,
//! and nothing that a program can decide.

use super::facts::Copied;
use crate::text::shown;

/// So many are named.
const NAMED: usize = 3;

/// One line for each of the first few.
#[must_use]
pub fn copied(copies: &[Copied]) -> Vec<String> {
    let line = |Copied { file, of, revision }: &Copied| {
        format!(
            "{} is not committed, and equals {} of another environment ({revision}): a promotion, or a mistake?",
            shown(file),
            shown(of)
        )
    };
    let mut lines: Vec<String> = copies.iter().take(NAMED).map(line).collect();
    match copies.len().saturating_sub(NAMED) {
        0 => {}
        1 => lines.push("and so does 1 file more".to_owned()),
        more => lines.push(format!("and so do {more} files more")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_named_and_the_others_counted() {
        let copies = |count: usize| {
            let one = |n| Copied {
                file: format!("/m/overlays/develop/{n}.yaml").into(),
                of: format!("/m/overlays/prod/{n}.yaml").into(),
                revision: "HEAD",
            };
            copied(&(0..count).map(one).collect::<Vec<_>>())
        };
        assert!(copies(0).is_empty());
        assert_eq!(
            copies(1),
            [
                "/m/overlays/develop/0.yaml is not committed, and equals /m/overlays/prod/0.yaml of another environment (HEAD): a promotion, or a mistake?"
            ]
        );
        assert_eq!(copies(3).len(), 3);
        assert_eq!(copies(4).last().unwrap(), "and so does 1 file more");
        assert_eq!(copies(9).last().unwrap(), "and so do 6 files more");
    }
}
