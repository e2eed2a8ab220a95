//! One page for each reason, in both languages.

use kubectl_envguard::judge::Code;
use kubectl_envguard::why::{Language, overview, page};

use crate::support::Instance;

#[test]
fn every_reason_has_a_page_in_both_languages() {
    for code in Code::ALL {
        let headings = |language| -> Vec<&str> {
            page(code, language).lines().filter(|line| line.starts_with('#')).collect()
        };
        let title = format!("# {code}");
        assert_eq!(
            headings(Language::English),
            [title.as_str(), "## What it means", "## Why", "## What to do", "## Example"]
        );
        assert_eq!(
            headings(Language::Japanese),
            [title.as_str(), "## 意味", "## 理由", "## 対処", "## 例"]
        );
        for language in [Language::English, Language::Japanese] {
            let page = page(code, language);
            let remedies = ["1. ", "2. ", "3. "]
                .map(|number| page.lines().filter(|line| line.starts_with(number)).count());
            assert_eq!(remedies, [1, 1, 1], "{code} has three remedies");
            assert!(page.lines().count() <= 42, "{code} does not fit a screen");
            for line in page.lines() {
                let width: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
                assert!(width <= 80, "{code}: {line}");
            }
        }
        assert!(page(code, Language::English).is_ascii(), "{code}");
    }
}

#[test]
fn every_page_belongs_to_a_reason() {
    for language in ["en", "ja"] {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/why/").to_owned() + language;
        let mut pages: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort();
        let mut codes = Code::ALL.map(|code| format!("{code}.md")).to_vec();
        codes.sort();
        assert_eq!(pages, codes);
    }
}

#[test]
fn names_of_codes_are_unique_and_read_back() {
    for code in Code::ALL {
        assert_eq!(Code::named(code.name()), Some(code));
    }
}

#[test]
fn the_overview_has_a_whole_sentence_for_each_code() {
    for (language, stop) in [(Language::English, '.'), (Language::Japanese, '。')] {
        let text = overview(language);
        let mut codes = Vec::new();
        let mut last = "";
        for line in text.lines() {
            let width: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
            assert!(width <= 80, "{line}");
            if !line.starts_with(' ') {
                assert!(last.is_empty() || last.ends_with(stop), "{last}");
                codes.push(Code::named(line));
            }
            last = line;
        }
        assert!(last.ends_with(stop), "{last}");
        assert_eq!(codes, Code::ALL.map(Some));
    }
}

#[test]
fn the_locale_chooses_the_language() {
    let instance = Instance::new();
    let say = |locale: Option<&str>, words: &[&str]| {
        let mut command = instance.command(&crate::support::envguard());
        if let Some(locale) = locale {
            command.env("LANG", locale);
        }
        crate::support::Output::of(command.args(words)).exits(0).stdout
    };
    assert!(say(None, &["why", "target-foreign"]).contains("## What to do"));
    assert!(say(Some("ja_JP.UTF-8"), &["why", "target-foreign"]).contains("## 対処"));
    assert!(
        say(Some("ja_JP.UTF-8"), &["why", "--lang", "en", "target-foreign"]).contains("## Why")
    );
    assert!(say(Some("ja_JP"), &["why", "target-foreign"]).contains("## 対処"));
    // these terminals could not show the Japanese page, or ask for something else
    for locale in ["ja_JP.eucJP", "ja_JP.SJIS@x", "jam_JM.UTF-8", "C"] {
        assert!(say(Some(locale), &["why", "target-foreign"]).contains("## Why"), "{locale}");
    }
    assert!(say(None, &["why"]).contains("target-foreign"));
}
