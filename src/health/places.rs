//! Rows about files that only `status` has time for, and about the kernel.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::{failed, no_configuration};
use super::{Finding, Situation};
use crate::env::sudo_for;
use crate::judge;
use crate::kubeconfig::{Kubeconfig, Selection};
use crate::policy::{Mode, SandboxRule};
use crate::sandbox;
use crate::text::{listed, quoted, shown};

/// Fields of a kubeconfig that are secrets or name their files.
const SECRETS: [&str; 5] = ["token", "tokenFile", "password", "client-key-data", "client-key"];

/// Who can change the configuration and the kubeconfig, and who can read secrets in
/// the latter.
pub(super) fn permissions(situation: &Situation) -> Finding {
    let Ok(loaded) = &situation.loaded else { return no_configuration() };
    let kubeconfig = &loaded.policy.pin.kubeconfig;
    let troubles = [
        changeable_by_others(loaded.file.parent().unwrap_or(Path::new("/"))),
        owned_by_somebody(&loaded.file),
        changeable_by_others(kubeconfig),
        owned_by_somebody(kubeconfig),
        readable_secret(kubeconfig),
    ];
    troubles.into_iter().flatten().next().unwrap_or(Finding::Fine)
}

fn changeable_by_others(path: &Path) -> Option<Finding> {
    let mode = path.metadata().ok()?.mode();
    let is_shared_safely = mode & 0o1000 != 0;
    (mode & 0o022 != 0 && !is_shared_safely).then(|| {
        failed(
            format!("others can change {} (mode {:04o})", shown(path), mode & 0o7777),
            format!("{}chmod go-w {}", sudo_for(path), quoted(path)),
        )
    })
}

fn owned_by_somebody(path: &Path) -> Option<Finding> {
    let owner = path.metadata().ok()?.uid();
    let me = rustix::process::geteuid().as_raw();
    (owner != 0 && owner != me).then(|| {
        failed(
            format!("{} belongs to user {owner}, who can change it", shown(path)),
            format!("sudo chown root {}", quoted(path)),
        )
    })
}

fn readable_secret(kubeconfig: &Path) -> Option<Finding> {
    let mode = kubeconfig.metadata().ok()?.mode();
    let text = std::fs::read_to_string(kubeconfig).ok()?;
    let secret = SECRETS.into_iter().find(|name| has_field(&text, name))?;
    (mode & 0o007 != 0).then(|| {
        failed(
            format!(
                "everybody can read {}, which has a secret ({secret}; mode {:04o})",
                shown(kubeconfig),
                mode & 0o7777
            ),
            format!(
                "{}chmod o-rwx {}    # it belongs to the operators' group: chgrp",
                sudo_for(kubeconfig),
                quoted(kubeconfig)
            ),
        )
    })
}

/// Whether `name` stands in front of a colon as a word of its own, as a key does in
/// block and flow style.
fn has_field(text: &str, name: &str) -> bool {
    let is_edge = |letter: char| !letter.is_alphanumeric() && letter != '-';
    text.match_indices(name).any(|(at, _)| {
        let rest = text[at + name.len()..].trim_start_matches(['"', '\'']);
        text[..at].chars().next_back().is_none_or(is_edge) && rest.trim_start().starts_with(':')
    })
}

/// Kubeconfigs besides the pinned one: tools that are not guarded read them.
pub(super) fn other_contexts(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    let pinned = policy.pin.kubeconfig.canonicalize().ok();
    for file in kubeconfigs(situation) {
        if file.canonicalize().ok() == pinned {
            continue;
        }
        let found = match Kubeconfig::of_file(&file) {
            Ok(found) => found,
            Err(trouble) => {
                return Finding::Unknown(format!("{} {}", trouble.subject, trouble.problem));
            }
        };
        let leads_away = |name: &&str| {
            let selection = Selection { context: Some((*name).to_owned()), ..Selection::default() };
            found.resolve(&selection).is_ok_and(|mut found| {
                // Who gets the credentials, and how, makes it no other cluster.
                found.credentials.clone_from(&policy.pin.credentials);
                !judge::drift(&policy.pin, &found).is_empty()
            })
        };
        let names: Vec<&str> = found.contexts().filter(leads_away).collect();
        let remedy = match names.as_slice() {
            [] => continue,
            [name] => format!(
                "KUBECONFIG={} {} config delete-context {}",
                quoted(&file),
                situation.programs.real.as_ref().map_or("kubectl".into(), quoted),
                quoted(name)
            ),
            _ => format!("mv {0} {0}.off", quoted(&file)),
        };
        let names: Vec<String> = names.iter().map(shown).collect();
        return failed(
            format!("{} leads to other clusters: {}", shown(&file), listed(&names)),
            remedy,
        );
    }
    Finding::Fine
}

/// Those in the home directory and in `KUBECONFIG` that exist.
pub(super) fn kubeconfigs(situation: &Situation) -> Vec<PathBuf> {
    let env = &situation.env;
    let mut files: Vec<PathBuf> =
        env.home().map(|home| home.join(".kube/config")).into_iter().collect();
    let exported: OsString = env.get("KUBECONFIG").map(Into::into).unwrap_or_default();
    files.extend(std::env::split_paths(&exported).filter(|file| file.is_absolute()));
    files.retain(|file| file.is_file());
    files
}

/// What the kernel can do.
pub(super) fn sandbox(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    if policy.sandbox == SandboxRule::Off {
        return Finding::Told("not used: policy.sandbox is `off`".into());
    }
    if policy.mode == Mode::Observe {
        return Finding::Told("not used: policy.mode is `observe`".into());
    }
    let kubectl = situation.kubectl();
    match sandbox::ability(policy, kubectl.as_deref(), &situation.env) {
        Ok(None) => sandbox::abi().map_or(Finding::Fine, |abi| {
            Finding::Told(format!("the kernel enforces the verdict (Landlock ABI {abi})"))
        }),
        Ok(Some(gap)) => failed(gap, "mount /proc: mount -t proc proc /proc"),
        Err(missing) => {
            failed(format!("there is none, only the verdict protects: {missing}"), missing.remedy())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_word_before_a_colon() {
        for text in ["  token: x", "user: {token: x}", "{\"token\":\"x\"}", "'token' : x"] {
            assert!(has_field(text, "token"), "{text}");
        }
        for text in ["get-token, --x", "- get-token: x", "tokenFile: x", "args: [token]", ""] {
            assert!(!has_field(text, "token"), "{text}");
        }
    }
}
