//! Refusals that concern the instance itself: confirmation, sandbox, configuration.

use std::ffi::OsString;
use std::path::Path;

use super::{binding, instance, reason};
use crate::judge::facts::Versions;
use crate::judge::verdict::{Code, Reason};
use crate::mask;
use crate::policy::{Policy, Unusable};
use crate::text::{quoted, rough, shown, with_sudo};

/// The sandbox is demanded and cannot be had.
#[must_use]
pub fn sandbox_missing(why: &str, remedy: &str) -> Reason {
    reason(
        Code::SandboxMissing,
        format!("there is no sandbox: {why}"),
        "policy.sandbox".to_owned(),
        "policy.sandbox is `require`: a command that names a file, or a plugin, runs only where the kernel keeps other overlays from it"
            .to_owned(),
        remedy.to_owned(),
    )
}

/// The kernel refuses what was judged: `path` leads to `leads_to` now, and to how
/// many others that happened besides.
#[must_use]
pub fn sandbox_denied(words: &[OsString], path: &Path, leads_to: &Path, others: usize) -> Reason {
    let more = match others {
        0 => String::new(),
        1 => "; and one more".to_owned(),
        others => format!("; and {others} more"),
    };
    let leads = if leads_to == path {
        "this is another one since, or a plugin asks for it whose own sandbox closes it".to_owned()
    } else {
        format!("it leads to {} now", shown(leads_to))
    };
    reason(
        Code::SandboxDenied,
        format!("the kernel keeps {} from kubectl", shown(path)),
        shown(path),
        format!("kubectl may read only what was judged, and {leads}{more}"),
        mask::line_to_paste(words),
    )
}

/// The name was not typed, or something else was.
#[must_use]
pub fn not_confirmed(
    policy: &Policy,
    words: &[OsString],
    break_glass: Option<&str>,
    why: &str,
) -> Reason {
    reason(
        Code::NotConfirmed,
        format!("not confirmed: {why}"),
        mask::line(words),
        format!(
            "{}, level {}: this command asks for the environment's name",
            instance(policy),
            policy.environment.level
        ),
        line(words, break_glass, Some(&policy.environment.name)),
    )
}

/// The line for who typed another name: perhaps another instance was meant, so none that
/// would run here without a question.
#[must_use]
pub fn again(policy: &Policy, words: &[OsString], break_glass: Option<&str>) -> String {
    format!(
        "{}   # and type {}, if this instance is meant",
        line(words, break_glass, None),
        shown(&policy.environment.name)
    )
}

/// `words` once more, with what is said to envguard.
fn line(words: &[OsString], break_glass: Option<&str>, confirm: Option<&str>) -> String {
    let options = [("--break-glass", break_glass), ("--confirm", confirm)];
    let said = options.map(|(flag, value)| value.map(|value| format!(" {flag} {}", quoted(value))));
    let said: String = said.into_iter().flatten().collect();
    let command = mask::line_to_paste(words);
    if said.is_empty() {
        return command;
    }
    format!("kubectl envguard{said}{}", command.strip_prefix("kubectl").unwrap_or(&command))
}

/// The name given with `--confirm` is that of another instance.
#[must_use]
pub fn misnamed(
    policy: &Policy,
    words: &[OsString],
    break_glass: Option<&str>,
    given: &str,
) -> Reason {
    let why = format!("--confirm {} is not this environment", quoted(given));
    let reason = not_confirmed(policy, words, break_glass, &why);
    Reason {
        rule: format!("{}: what is meant for another one does not run here", instance(policy)),
        remedy: format!(
            "log in to the instance of {}; if this one is meant: {}",
            quoted(given),
            reason.remedy
        ),
        ..reason
    }
}

/// kubectl and the server are more than one minor version apart.
pub(in crate::judge) fn kubectl_skew(versions: &Versions) -> Reason {
    let Versions { kubectl, server_version, age, .. } = versions;
    reason(
        Code::KubectlSkew,
        format!(
            "kubectl {kubectl} is more than one minor version from the server, which was {} {} ago",
            shown(server_version),
            rough(*age)
        ),
        format!("kubectl {kubectl}"),
        "Kubernetes supports a kubectl at most one minor version older or newer than the server (policy.skew)"
            .to_owned(),
        download(server_version),
    )
}

/// The line that fetches the kubectl of a server's version for this processor, and
/// compares its checksum: what the server calls `v1.33.5-eks-113cf36` is `v1.33.5`.
#[must_use]
pub fn download(server_version: &str) -> String {
    let numbers: String = server_version
        .trim_start_matches('v')
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || *letter == '.')
        .collect();
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let url = format!("https://dl.k8s.io/release/v{numbers}/bin/linux/{processor}/kubectl");
    format!("curl -fLO {url} && echo \"$(curl -fL {url}.sha256)  kubectl\" | sha256sum --check")
}

/// This machine is another one than that which was set up.
pub(in crate::judge) fn instance_cloned(policy: &Policy, here: &str, set_up: &str) -> Reason {
    binding(
        Code::InstanceCloned,
        format!(
            "CLONED INSTANCE: this machine is not the one that was set up as {}",
            shown(policy.display_name())
        ),
        shown(here),
        format!(
            "{}: it was set up on {}, and a copy of it changes nothing",
            instance(policy),
            shown(set_up)
        ),
        format!(
            "go to the right machine; if this is to be it: {} setup",
            with_sudo("", "kubectl-envguard")
        ),
    )
}

/// The command cannot be recorded, and this level demands a record.
#[must_use]
pub fn audit_unwritable(policy: &Policy, problem: &str) -> Reason {
    reason(
        Code::AuditUnwritable,
        "this command cannot be written to the audit log".to_owned(),
        shown(problem),
        format!(
            "{}, level {}: nothing runs without a line in the audit log",
            instance(policy),
            policy.environment.level
        ),
        format!("sudo install -d -m 1733 {}; df -h {0}", quoted(&policy.audit)),
    )
}

/// There is no configuration that can be used.
#[must_use]
pub fn config_unusable(unusable: &Unusable) -> Reason {
    match unusable {
        Unusable::Missing { looked_for } => binding(
            Code::ConfigMissing,
            "this instance has no configuration".to_owned(),
            looked_for.first().map_or_else(String::new, shown),
            "without one only commands that read may run".to_owned(),
            format!(
                "{} setup   # or name a file: kubectl envguard --config FILE ...",
                with_sudo("", "kubectl-envguard")
            ),
        ),
        Unusable::Invalid { file, remedy, .. } => binding(
            Code::ConfigInvalid,
            shown(unusable.to_string()),
            shown(file),
            "without a valid configuration only commands that read may run".to_owned(),
            remedy.clone(),
        ),
    }
}
