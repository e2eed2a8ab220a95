//! `why`: one page for each reason, in English and Japanese, built into the program
//! so that it can be read without a network at three in the morning.

use crate::env::Env;
use crate::judge::Code;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// The language the locale asks for: Japanese for `ja`, else English. POSIX:
    /// `LC_ALL` before `LC_MESSAGES` before `LANG`. The pages are UTF-8: a locale
    /// that names another encoding gets the English ones, which are ASCII.
    #[must_use]
    pub fn of_env(env: &Env) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| env.get(name));
        let locale = locale.map(|locale| locale.to_string_lossy().to_ascii_lowercase());
        let locale = locale.unwrap_or_default();
        let language = locale.split(['_', '.', '@']).next();
        let encoding = locale.split_once('.').map(|(_, rest)| rest.split('@').next());
        let is_readable = matches!(encoding, None | Some(Some("utf-8" | "utf8")));
        if language == Some("ja") && is_readable { Self::Japanese } else { Self::English }
    }
}

macro_rules! pages {
    ($language:literal: $code:expr; $($variant:ident => $file:literal),* $(,)?) => {
        match $code {
            $(Code::$variant => include_str!(concat!($language, "/", $file, ".md"))),*
        }
    };
}

macro_rules! page_in {
    ($language:literal, $code:expr) => {
        pages! {
            $language: $code;
            TargetForeign => "target-foreign",
            TargetOutside => "target-outside",
            KustomizeAsFiles => "kustomize-as-files",
            ReferenceForeign => "reference-foreign",
            ReferenceOutside => "reference-outside",
            ReferenceGit => "reference-git",
            TargetRemote => "target-remote",
            ReferenceRemote => "reference-remote",
            TargetStdin => "target-stdin",
            InputForeign => "input-foreign",
            OutputForeign => "output-foreign",
            ClusterOverride => "cluster-override",
            IdentityOverride => "identity-override",
            ClusterDrift => "cluster-drift",
            KubeconfigEdit => "kubeconfig-edit",
            FlagUnknown => "flag-unknown",
            CommandUnknown => "command-unknown",
            InputUnreadable => "input-unreadable",
            TreeUncommitted => "tree-uncommitted",
            TreeBranch => "tree-branch",
            CheckoutMoved => "checkout-moved",
            KubectlSkew => "kubectl-skew",
            InstanceCloned => "instance-cloned",
            NotConfirmed => "not-confirmed",
            AuditUnwritable => "audit-unwritable",
            SandboxMissing => "sandbox-missing",
            SandboxDenied => "sandbox-denied",
            ConfigMissing => "config-missing",
            ConfigInvalid => "config-invalid",
        }
    };
}

/// The page about `code`.
#[must_use]
pub const fn page(code: Code, language: Language) -> &'static str {
    match language {
        Language::English => page_in!("en", code),
        Language::Japanese => page_in!("ja", code),
    }
}

/// All codes with the first sentence of their pages.
#[must_use]
pub fn overview(language: Language) -> String {
    let mut text = String::new();
    for code in Code::ALL {
        text.push_str(code.name());
        for line in gist(page(code, language)) {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

/// The first sentence under the first heading, in the page's own lines.
fn gist(page: &str) -> Vec<&str> {
    let mut sentence = Vec::new();
    let lines = page.lines().skip_while(|line| !line.starts_with("## ")).skip(1);
    for line in lines.take_while(|line| !line.is_empty()) {
        let end = line
            .find(". ")
            .map(|at| at + 1)
            .or_else(|| line.find('。').map(|at| at + '。'.len_utf8()));
        match end {
            Some(end) => {
                sentence.push(&line[..end]);
                break;
            }
            None => sentence.push(line),
        }
        if line.ends_with('.') {
            break;
        }
    }
    sentence
}
