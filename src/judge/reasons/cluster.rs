//! Refusals that concern cluster, kubeconfig and identity.

use std::ffi::{OsStr, OsString};

use super::{binding, instance, reason};
use crate::judge::verdict::{Code, Reason};
use crate::kubectl::{Override, Request};
use crate::mask;
use crate::policy::Policy;
use crate::text::{listed, quoted, shown, shown_address};

pub(in crate::judge) fn cluster_drift(policy: &Policy, difference: &str) -> Reason {
    binding(
        Code::ClusterDrift,
        "the kubeconfig of this instance no longer names the pinned cluster".to_owned(),
        shown(&policy.pin.kubeconfig),
        format!("{}: {}", shown(&policy.pin.name), shown_address(difference)),
        format!(
            "if the cluster was rebuilt, record it again (cluster.server, cluster.caCertHash); if not, restore {}",
            shown(&policy.pin.kubeconfig)
        ),
    )
}

pub(in crate::judge) fn cluster_override(
    policy: &Policy,
    request: &Request,
    difference: &str,
) -> Reason {
    let flags: Vec<String> = request
        .overrides
        .iter()
        .map(|given| format!("--{}={}", given.flag, shown_address(&given.value)))
        .collect();
    binding(
        Code::ClusterOverride,
        format!("{} would leave the pinned cluster", listed(&flags)),
        flags.join(" "),
        format!("{}: {}", instance(policy), shown_address(difference)),
        mask::line_to_paste(&without_overrides(request)),
    )
}

pub(in crate::judge) fn raw_elsewhere(policy: &Policy, request: &Request) -> Reason {
    let raw = request.invocation.last("raw").unwrap_or_default();
    binding(
        Code::ClusterOverride,
        format!("--raw {} would leave the pinned server's path", shown(raw)),
        shown(raw),
        format!("{}: the pin is {}", instance(policy), policy.pin.server),
        "name it from the root of the cluster: kubectl get --raw /readyz".to_owned(),
    )
}

/// The words without flags that choose a cluster.
fn without_overrides(request: &Request) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut rest = request.words.iter();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy().replace('_', "-");
        let is = |given: &Override| {
            let long = format!("--{}", given.flag);
            text == long || text.starts_with(&format!("{long}="))
        };
        if let Some(given) = request.overrides.iter().find(|given| is(given)) {
            if !text.contains('=') && given.flag != "insecure-skip-tls-verify" {
                rest.next();
            }
        } else if text == "-s" {
            rest.next();
        } else if !(text.starts_with("-s") && text.contains("://")) {
            words.push(word.clone());
        }
    }
    words
}

pub(in crate::judge) fn exported_kubeconfig(
    policy: &Policy,
    value: &OsStr,
    names_none: bool,
    difference: &str,
) -> Reason {
    let whose = if names_none { "no cluster that can be read" } else { "another cluster" };
    binding(
        Code::ClusterOverride,
        format!("the variable KUBECONFIG names {whose}"),
        format!("KUBECONFIG={}", shown(value)),
        format!("{}: {}", instance(policy), shown_address(difference)),
        "unset KUBECONFIG".to_owned(),
    )
}

pub(in crate::judge) fn plugin_override(
    policy: &Policy,
    request: &Request,
    word: &OsStr,
) -> Reason {
    let words: Vec<OsString> =
        request.words.iter().filter(|other| *other != word).cloned().collect();
    binding(
        Code::ClusterOverride,
        format!("{} could lead a plugin to another cluster", shown(word)),
        shown(word),
        format!("{}; a plugin gets the pinned kubeconfig and no other", instance(policy)),
        mask::line_to_paste(&words),
    )
}

pub(in crate::judge) fn preferences_flag(request: &Request, word: &OsStr) -> Reason {
    let words: Vec<OsString> =
        request.words.iter().filter(|other| *other != word).cloned().collect();
    binding(
        Code::ClusterOverride,
        format!("{} makes kubectl read preferences from a file", shown(word)),
        shown(word),
        "a preferences file can add any flag, even another cluster's; kubectl runs with KUBERC=off here".to_owned(),
        mask::line_to_paste(&words),
    )
}

pub(in crate::judge) fn preferences(request: &Request) -> Reason {
    binding(
        Code::ClusterOverride,
        "kubectl's preferences (kuberc) are switched off on this instance".to_owned(),
        format!("kubectl {}", request.invocation.command()),
        "a preferences file can add any flag, even another cluster's; kubectl runs with KUBERC=off here".to_owned(),
        "use a shell alias instead of a kuberc alias: alias kg='kubectl get'".to_owned(),
    )
}

pub(in crate::judge) fn identity_override(
    policy: &Policy,
    request: &Request,
    given: &Override,
) -> Reason {
    let secret = matches!(given.flag, "token" | "password");
    let offender = if secret {
        format!("--{}=***", given.flag)
    } else {
        shown(format!("--{}={}", given.flag, given.value.to_string_lossy()))
    };
    reason(
        Code::IdentityOverride,
        format!("{offender} would act under another identity"),
        offender.clone(),
        format!(
            "{}; other identities may read and try (--dry-run), not change the cluster",
            instance(policy)
        ),
        identity_remedy(request, given),
    )
}

fn identity_remedy(request: &Request, given: &Override) -> String {
    if request.invocation.command() == "exec" || request.class.is_none() {
        return format!("run it without --{}", given.flag);
    }
    format!(
        "to ask what that identity may do: kubectl auth can-i VERB RESOURCE --{} NAME; to change something: without --{0}",
        given.flag
    )
}

pub(in crate::judge) fn kubeconfig_edit(policy: &Policy, request: &Request) -> Reason {
    let namespace = request
        .invocation
        .last("namespace")
        .filter(|_| request.invocation.command() == "config set-context");
    let remedy = match namespace {
        Some(namespace) => format!("export ENVGUARD_NAMESPACE={}", quoted(namespace)),
        None => "for a namespace in this shell: export ENVGUARD_NAMESPACE=NAME".to_owned(),
    };
    binding(
        Code::KubeconfigEdit,
        format!("kubectl {} would change the pinned kubeconfig", request.invocation.command()),
        shown(&policy.pin.kubeconfig),
        "everybody on this instance uses this file; it names the one cluster and stays as it is"
            .to_owned(),
        remedy,
    )
}
