//! Lines to paste that mend something: each as the user who asks has to type it.

use std::path::Path;

use super::Situation;
use super::places::kubeconfigs;
use crate::config;
use crate::kubeconfig::{Kubeconfig, Selection, made_readable};
use crate::policy::Pin;
use crate::text::{quoted, with_sudo};

/// `setup WORDS` for the configuration that is in force: root's for the whole
/// instance, else the one that this user has.
pub(super) fn setup(situation: &Situation, words: &str) -> String {
    let file = situation.loaded.as_ref().map(|loaded| loaded.file.as_path());
    let program = match file {
        Ok(file) if file != Path::new(config::SYSTEM) => {
            format!("kubectl-envguard --config {}", quoted(file))
        }
        _ => as_root("kubectl-envguard"),
    };
    format!("{program} setup {words}").trim_end().to_owned()
}

/// The pinned kubeconfig as it was: from another one of this machine that leads to the
/// cluster, or from AWS. Else somebody has to look at both clusters.
pub(super) fn pinned_again(situation: &Situation) -> String {
    let Some(policy) = situation.policy() else { return setup(situation, "") };
    let pin = &policy.pin;
    let opened = std::fs::File::open(&pin.kubeconfig);
    if opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
        return made_readable(&pin.kubeconfig);
    }
    let leads_there = |file: &Path| {
        Kubeconfig::of_file(file).is_ok_and(|found| {
            found.contexts().any(|name| {
                let context = Some(name.to_owned());
                let resolved = found.resolve(&Selection { context, ..Selection::default() });
                situation.drift(&resolved).is_empty()
            })
        })
    };
    let others = kubeconfigs(situation).into_iter().find(|file| leads_there(file));
    if let Some(file) = others {
        return setup(situation, &format!("--from {}", quoted(file)));
    }
    let file = format!("~/.kube/{}", pin.name);
    match aws(pin, &file) {
        Some(line) => format!("{line} && {}", setup(situation, &format!("--from {file}"))),
        None => format!(
            "{}    # shows both clusters, and writes nothing before the name is typed",
            setup(situation, "--repin")
        ),
    }
}

/// AWS writes a kubeconfig of the cluster, where its program gets the credentials.
fn aws(pin: &Pin, file: &str) -> Option<String> {
    let exec = pin.credentials.as_ref()?;
    let is_plain =
        |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if Path::new(&exec.command).file_name()? != "aws" || !is_plain(&pin.name) {
        return None;
    }
    let value = |flag: &str| {
        let at = exec.args.iter().position(|word| word == flag)?;
        exec.args.get(at + 1).map(quoted)
    };
    let region = value("--region").map(|region| format!(" --region {region}")).unwrap_or_default();
    Some(format!(
        "aws eks update-kubeconfig --name {}{region} --kubeconfig {file}",
        value("--cluster-name")?
    ))
}

/// `program` run by root.
pub(super) fn as_root(program: &str) -> String {
    if rustix::process::geteuid().is_root() { program.to_owned() } else { with_sudo("", program) }
}
