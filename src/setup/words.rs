//! Which environments a name speaks of. No I/O.

use std::collections::BTreeSet;

use crate::level;

/// Words that mean the same environment, the usual name first. Those without a
/// word in common are different ones, also when they are equally strict.
const ENVIRONMENTS: &[&[&str]] = &[
    &["develop", "dev", "development", "開発"],
    &["sandbox"],
    &["test", "testing"],
    &["local"],
    &["nonprod", "nonprd", "nonproduction"],
    &["staging", "stg", "stage", "ステージング"],
    &["uat"],
    &["qa"],
    &["検証"],
    &["preprod", "pre"],
    &["production", "prod", "prd", "live", "honban", "本番", "商用"],
    &["dr"],
];

/// The one of `names` that `name` was probably meant to be.
#[must_use]
pub(super) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let (score, nearest) = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    // Less alike than that, it is another word and not a slip.
    (score > 0.7).then_some(nearest)
}

/// The environments that the words of `name` stand for, by their usual names.
#[must_use]
pub(super) fn environments(name: &str) -> BTreeSet<&'static str> {
    let words = level::words(name);
    let mut found = BTreeSet::new();
    let mut previous = "";
    for word in &words {
        let known = of_word(word);
        // `non-prod` is not production.
        let negated = previous == "non" && known == Some("production");
        found.extend(if negated { Some("nonprod") } else { known });
        previous = word;
    }
    found
}

fn of_word(word: &str) -> Option<&'static str> {
    let unnumbered = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let same = |known: &&str| *known == word || *known == unnumbered;
    let inside = |known: &&str| !known.is_ascii() && word.contains(known);
    let entry = ENVIRONMENTS.iter().find(|words| words.iter().any(|w| same(w) || inside(w)))?;
    entry.first().copied()
}

/// Whether `name` is a word for an environment and nothing else.
#[must_use]
pub(super) fn is_plain(name: &str) -> bool {
    match level::words(name).as_slice() {
        [word] => ENVIRONMENTS.iter().any(|words| words.contains(&word.as_str())),
        [non, word] => non == "non" && of_word(word) == Some("production"),
        _ => false,
    }
}

/// `name` without its words for environments: `eks-dev` and `eks-prod` differ in
/// nothing else.
#[must_use]
pub(super) fn rest(name: &str) -> Vec<String> {
    level::words(name).into_iter().filter(|word| word != "non" && of_word(word).is_none()).collect()
}

/// The names among `names` that mean `environment`: the same name; else what is
/// nothing but another word for it; else the only one that has such a word.
#[must_use]
pub(super) fn meaning<'n>(environment: &str, names: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
    let lower = environment.to_lowercase();
    let only = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<&'n str> {
        names.iter().copied().filter(|name| wanted(name)).collect()
    };
    let same = only(&|name| name.to_lowercase() == lower);
    let wanted = environments(environment);
    let shares = |name: &str| !wanted.is_empty() && environments(name) == wanted;
    let plain = only(&|name| is_plain(name) && shares(name));
    if is_plain(environment) && !(same.is_empty() && plain.is_empty()) {
        return &same | &plain;
    }
    if !same.is_empty() {
        return same;
    }
    let rest_of = rest(environment);
    let alike = only(&|name| shares(name) && rest(name) == rest_of);
    if !alike.is_empty() {
        return alike;
    }
    if !plain.is_empty() {
        return plain;
    }
    let containing = only(&|name| shares(name));
    if containing.len() == 1 { containing } else { BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_environments() {
        for (name, expected) in [
            ("develop", &["develop"][..]),
            ("dev", &["develop"]),
            ("dev2", &["develop"]),
            ("eksProd", &["production"]),
            ("arn:aws:eks:ap-northeast-1:1:cluster/prod-eks", &["production"]),
            ("non-prod", &["nonprod"]),
            ("nonprod", &["nonprod"]),
            ("本番環境", &["production"]),
            ("dev-prod", &["develop", "production"]),
            ("base", &[]),
            ("product", &[]),
            ("developer", &[]),
            ("device", &[]),
        ] {
            let expected: BTreeSet<&str> = expected.iter().copied().collect();
            assert_eq!(environments(name), expected, "{name}");
        }
    }

    #[test]
    fn an_environment_is_found_among_the_names() {
        for (environment, names, expected) in [
            ("develop", &["develop", "prod"][..], &["develop"][..]),
            ("develop", &["dev", "prod"], &["dev"]),
            ("develop", &["dev", "development", "dev-eu"], &["dev", "development"]),
            ("dev", &["dev-eu", "prod"], &["dev-eu"]),
            ("dev", &["dev-eu", "dev-us"], &[]),
            ("dev-eu", &["dev-eu", "dev-us", "dev"], &["dev-eu"]),
            ("eu-dev", &["dev-eu", "dev-us"], &["dev-eu"]),
            ("dev-tokyo", &["dev", "prod"], &["dev"]),
            ("production", &["prod", "nonprod"], &["prod"]),
            ("本番", &["prod", "stg"], &["prod"]),
            ("blue", &["blue", "green"], &["blue"]),
            ("Blue", &["blue", "green"], &["blue"]),
            ("blue", &["green", "prod"], &[]),
        ] {
            let names: BTreeSet<&str> = names.iter().copied().collect();
            let expected: BTreeSet<&str> = expected.iter().copied().collect();
            assert_eq!(meaning(environment, &names), expected, "{environment} in {names:?}");
        }
    }
}
