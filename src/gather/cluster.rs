//! Which cluster a request would reach.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::judge::{ClusterFacts, Resolved, Trouble};
use crate::kubeconfig::{self, Kubeconfig, Selection};
use crate::kubectl::Request;
use crate::policy::Policy;

/// Resolves the pinned kubeconfig with and without the flags of the request, and
/// what the operator exported. A sealed one is known without parsing it.
pub(super) fn facts(policy: &Policy, request: &Request, env: &Env) -> ClusterFacts {
    let pinned_file = &policy.pin.kubeconfig;
    let text = kubeconfig::text(pinned_file);
    let is_sealed = text.as_ref().is_ok_and(|text| policy.pin.is_sealed(text));
    if is_sealed && request.overrides.is_empty() {
        return ClusterFacts {
            pinned: Ok(Resolved::as_pinned(&policy.pin)),
            with_flags: None,
            other_file: false,
            exported: exported(policy, env),
        };
    }
    let pinned = text.and_then(|text| Kubeconfig::of_text(pinned_file, &text));
    let without_flags = match &pinned {
        Ok(kubeconfig) => kubeconfig.resolve(&Selection::default()),
        Err(trouble) => Err(trouble.clone()),
    };
    let named = named_file(request);
    ClusterFacts {
        with_flags: with_flags(request, named.as_deref(), &pinned),
        other_file: named.is_some_and(|file| !same_file(&file, pinned_file)),
        pinned: without_flags,
        exported: exported(policy, env),
    }
}

/// The file of `--kubeconfig`: the last one counts, one path and no list, and an
/// empty one counts as none (kubectl 1.20–1.36).
fn named_file(request: &Request) -> Option<PathBuf> {
    let given = request.overrides.iter().rfind(|given| given.flag == "kubeconfig")?;
    (!given.value.is_empty()).then(|| PathBuf::from(&given.value))
}

fn with_flags(
    request: &Request,
    named: Option<&Path>,
    pinned: &Result<Kubeconfig, Trouble>,
) -> Option<Result<Resolved, Trouble>> {
    if request.overrides.is_empty() {
        return None;
    }
    let last = |flag: &str| request.overrides.iter().rfind(|given| given.flag == flag);
    let text = |flag: &str| last(flag).map(|given| given.value.to_string_lossy().into_owned());
    let selection = Selection {
        context: text("context").filter(|name| !name.is_empty()),
        cluster: text("cluster").filter(|name| !name.is_empty()),
        server: text("server").filter(|name| !name.is_empty()),
        authority: text("certificate-authority").filter(|p| !p.is_empty()).map(PathBuf::from),
        tls_server_name: text("tls-server-name").filter(|name| !name.is_empty()),
        insecure: last("insecure-skip-tls-verify").is_some_and(|given| !given.is_false()),
    };
    let other = named.map(Kubeconfig::of_file);
    let kubeconfig = other.as_ref().unwrap_or(pinned);
    Some(match kubeconfig {
        Ok(kubeconfig) => kubeconfig.resolve(&selection),
        Err(trouble) => Err(trouble.clone()),
    })
}

/// What the operator's `KUBECONFIG` selects, when it is more than the pinned file.
#[must_use]
pub fn exported(
    policy: &Policy,
    env: &Env,
) -> Option<(std::ffi::OsString, Result<Resolved, Trouble>)> {
    let value = env.get("KUBECONFIG")?;
    let files: Vec<PathBuf> =
        std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect();
    if files.is_empty() || files.iter().all(|file| same_file(file, &policy.pin.kubeconfig)) {
        return None;
    }
    let resolved = Kubeconfig::of_list(files.iter().map(PathBuf::as_path))
        .and_then(|kubeconfig| kubeconfig.resolve(&Selection::default()));
    Some((value.to_os_string(), resolved))
}

/// Whether two paths lead to one file, through whatever links: kubectl writes
/// through them.
fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino())).ok();
    one == other || identity(one).is_some_and(|file| identity(other) == Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{drift, samples};

    /// What only a seal lets pass: no kubeconfig at all.
    const TEXT: &str = "not: [a kubeconfig";

    #[test]
    fn a_sealed_kubeconfig_is_what_the_pin_says_until_anything_differs() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("kubeconfig");
        std::fs::write(&file, TEXT).unwrap();
        let mut policy = samples::policy("develop");
        policy.pin.kubeconfig.clone_from(&file);
        let (get, env) = (samples::request("kubectl get pods"), Env::default());
        assert!(facts(&policy, &get, &env).pinned.is_err());

        policy.pin.seal = Some(policy.pin.seal_for(TEXT.as_bytes()));
        let found = facts(&policy, &get, &env);
        assert!(drift(&policy.pin, &found.pinned.unwrap()).is_empty());
        assert_eq!((found.with_flags, found.exported), (None, None));
        // A flag that selects is answered by the file itself.
        let selects = samples::request("kubectl get pods --context other");
        let found = facts(&policy, &selects, &env);
        assert!(found.pinned.is_err() && found.with_flags.unwrap().is_err());
        // Another KUBECONFIG is looked at all the same.
        let exports = Env::from_pairs([("KUBECONFIG", "/nonexistent")]);
        assert!(facts(&policy, &get, &exports).exported.is_some());

        std::fs::write(&file, format!("{TEXT} ")).unwrap();
        assert!(facts(&policy, &get, &env).pinned.is_err());
        std::fs::write(&file, TEXT).unwrap();
        policy.pin.tls_server_name = Some("other".to_owned());
        assert!(facts(&policy, &get, &env).pinned.is_err());
    }
}
