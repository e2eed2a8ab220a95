//! Rows about the API server. It is asked only where somebody said `--online`.

use super::finding::{failed, no_configuration};
use super::{Finding, Situation, remedy};
use crate::env::Env;
use crate::installed::{Installed, server as record};
use crate::judge::{self, Versions};
use crate::policy::Care;
use crate::server::{self, Error, Server};
use crate::text::{rough, shown};

impl Situation {
    /// Asks the server, and keeps its version for later. A kubeconfig that leads away
    /// from the pin gets no credentials for that.
    pub fn ask_server(&mut self, env: &Env) {
        let Some(policy) = self.policy() else { return };
        let fits = self.pinned.as_ref().is_some_and(|found| self.drift(found).is_empty());
        let answer = fits.then(|| server::ask(&policy.pin.kubeconfig, env, server::TIMEOUT));
        if let Some(Ok(found)) = &answer {
            record::keep(&policy.pin.server, &found.version, env);
        }
        self.server = Some(answer);
    }
}

/// Whether the server answers, and is the one that was pinned.
pub(super) fn server(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    let found = match &situation.server {
        None => return Finding::Told("not asked: kubectl envguard status --online".into()),
        Some(None) => {
            return Finding::Unknown("not asked: the kubeconfig does not match the pin".into());
        }
        Some(Some(Err(Error { message, remedy, .. }))) => {
            return failed(shown(message), shown(remedy));
        }
        Some(Some(Ok(found))) => found,
    };
    let Server { version, uid, .. } = found;
    match (uid, &policy.pin.uid) {
        (Ok(uid), Some(pinned)) if uid != pinned => failed(
            format!(
                "this is another cluster at the same address: its kube-system is {}, and {} is pinned",
                shown(uid),
                shown(pinned)
            ),
            // Old and new stand side by side there, and a name is typed.
            remedy::setup(situation, "--repin"),
        ),
        (Ok(uid), Some(_)) => {
            Finding::Told(format!("{}, kube-system {} as pinned", shown(version), shown(uid)))
        }
        (Ok(uid), None) => Finding::Told(format!(
            "{}, kube-system {}, which is not pinned",
            shown(version),
            shown(uid)
        )),
        (Err(error), _) => Finding::Unknown(format!(
            "{}; who it is cannot be told: {}",
            shown(version),
            shown(&error.message)
        )),
    }
}

/// Whether kubectl and server are near enough.
pub(super) fn skew(situation: &Situation) -> Finding {
    let Some(policy) = situation.policy() else { return no_configuration() };
    let Some(server) = record::known(&policy.pin.server, &situation.env) else {
        return Finding::Told(
            "the server's version is not known: kubectl envguard status --online".into(),
        );
    };
    let kubectl = situation.kubectl();
    let release = kubectl.and_then(|file| Installed::new(&file, &situation.env).release());
    let Some(kubectl) = release else {
        return Finding::Unknown("kubectl does not tell its release".into());
    };
    let versions = Versions {
        kubectl,
        server: server.release,
        server_version: server.version,
        age: server.age,
    };
    let both = format!(
        "kubectl {kubectl}, server {} as of {} ago",
        shown(&versions.server_version),
        rough(versions.age)
    );
    if !judge::is_too_far(&versions) {
        return Finding::Told(both);
    }
    if policy.skew == Care::Allow {
        return Finding::Told(format!("{both}; policy.skew is `allow`"));
    }
    failed(
        format!("{both}: more than one minor version apart"),
        judge::download(&versions.server_version),
    )
}
