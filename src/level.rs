//! How strict an instance is, and how that follows from its environment's name.

use std::fmt;

/// Drives strictness. Ordered: the stricter level is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Development; shown green.
    Normal,
    /// Staging and the like; shown yellow.
    Caution,
    /// Production, and every name that says nothing; shown red.
    Critical,
}

impl Level {
    /// All levels, mildest first.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Caution, Self::Critical];

    /// The level's name as it is written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Caution => "caution",
            Self::Critical => "critical",
        }
    }

    /// The level that an environment's `name` implies when the configuration
    /// states none. The strictest word wins; a name without a known word is
    /// critical, because a mistake there must not be the cheap one. A number behind
    /// a word (`prod2`) can only make it stricter: `dev-prod2` is critical, and so
    /// is `dev2`, in which nothing is known for sure.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let words = words(name);
        let plain = of_words(words.iter().map(String::as_str)).max(of_japanese(name));
        let unnumbered = words.iter().map(|word| word.trim_end_matches(char::is_numeric));
        match plain {
            Some(level) => level.max(of_words(unnumbered).unwrap_or(level)),
            None => Self::Critical,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const CRITICAL: &[&str] = &["prod", "prd", "production", "live", "dr", "honban"];
const CAUTION: &[&str] = &["stg", "stage", "staging", "uat", "qa", "preprod", "pre"];
const NORMAL: &[&str] = &["dev", "develop", "development", "sandbox", "test", "local"];
const NEGATED: &[&str] = &["nonprod", "nonprd", "nonproduction"];

// Japanese is written without spaces: these count anywhere in the name.
const CRITICAL_JA: &[&str] = &["本番", "商用"];
const CAUTION_JA: &[&str] = &["検証", "ステージング"];
const NORMAL_JA: &[&str] = &["開発"];

fn of_words<'w>(words: impl Iterator<Item = &'w str>) -> Option<Level> {
    let mut level = None;
    let mut previous = "";
    for word in words {
        let negated = previous == "non" && CRITICAL.contains(&word);
        let found =
            if negated || NEGATED.contains(&word) { Some(Level::Caution) } else { of_word(word) };
        level = level.max(found);
        previous = word;
    }
    level
}

fn of_word(word: &str) -> Option<Level> {
    if CRITICAL.contains(&word) {
        Some(Level::Critical)
    } else if CAUTION.contains(&word) {
        Some(Level::Caution)
    } else if NORMAL.contains(&word) {
        Some(Level::Normal)
    } else {
        None
    }
}

fn of_japanese(name: &str) -> Option<Level> {
    let has = |terms: &[&str]| terms.iter().any(|term| name.contains(term));
    if has(CRITICAL_JA) {
        Some(Level::Critical)
    } else if has(CAUTION_JA) {
        Some(Level::Caution)
    } else if has(NORMAL_JA) {
        Some(Level::Normal)
    } else {
        None
    }
}

/// Lower-case words of a name: split at everything that is neither letter nor
/// digit, where the case changes (`myProd`, `EKSProd`, `eksPROD`), and between
/// ASCII and other scripts (`dev環境`).
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(index + 1);
        let starts_word = before.is_some_and(|before| {
            before.is_alphanumeric()
                && ((before.is_lowercase() && letter.is_uppercase())
                    || (before.is_uppercase()
                        && letter.is_uppercase()
                        && after.is_some_and(|after| after.is_lowercase()))
                    || before.is_ascii() != letter.is_ascii())
        });
        if starts_word {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::Level::{self, Caution, Critical, Normal};

    #[test]
    fn the_level_follows_from_the_name() {
        let table: &[(&str, Level)] = &[
            ("production", Critical),
            ("prod", Critical),
            ("prd", Critical),
            ("PRODUCTION", Critical),
            ("Prod", Critical),
            ("live", Critical),
            ("dr", Critical),
            ("honban", Critical),
            ("本番", Critical),
            ("本番環境", Critical),
            ("商用", Critical),
            ("商用クラスタ", Critical),
            ("prod-eu-west-1", Critical),
            ("eu-prod", Critical),
            ("eu_prod_2", Critical),
            ("myProd", Critical),
            ("eksPROD", Critical),
            ("EKSProd", Critical),
            ("prod.example.com", Critical),
            ("pre-prod", Critical), // two words, the stricter one
            ("dev-prod", Critical),
            ("dev-prod2", Critical),
            ("prod2-dev", Critical),
            ("開発-prod1", Critical),
            ("non-prod-prod", Critical),
            ("開発-本番", Critical),
            ("live-test", Critical),
            ("staging", Caution),
            ("stg", Caution),
            ("stage", Caution),
            ("uat", Caution),
            ("qa", Caution),
            ("preprod", Caution),
            ("pre", Caution),
            ("staging-eu-west-1-blue", Caution),
            ("検証", Caution),
            ("検証環境", Caution),
            ("ステージング", Caution),
            ("stg-dev", Caution),
            ("stg1-dev", Caution),
            ("non-prod2-dev", Caution),
            ("non-prod", Caution),
            ("nonprod", Caution),
            ("NonProd", Caution),
            ("non_production", Caution),
            ("nonprod-dev", Caution),
            ("develop", Normal),
            ("dev", Normal),
            ("development", Normal),
            ("DEVELOP", Normal),
            ("sandbox", Normal),
            ("test", Normal),
            ("local", Normal),
            ("開発", Normal),
            ("開発環境", Normal),
            ("dev環境", Normal),
            ("team-a-dev", Normal),
            ("devEast", Normal),
            // nothing that is known: the strictest
            ("", Critical),
            ("blue", Critical),
            ("product", Critical),
            ("delivery", Critical),
            ("developer", Critical),
            ("devprod", Critical),
            ("testing", Critical),
            ("drill", Critical),
            ("non", Critical),
            ("dev2", Critical),
            ("\u{1b}[31m", Critical),
        ];
        for (name, expected) in table {
            assert_eq!(Level::of_name(name), *expected, "{name:?}");
        }
    }
}
