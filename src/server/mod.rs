//! Asks the API server who it is: its version and the UID of `kube-system`, which
//! stays the same for as long as the cluster lives. The only module that speaks to
//! a cluster; everything else leaves that to kubectl.

mod proxy;
mod trouble;

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{AuthInfo, ExecInteractiveMode};

use crate::env::Env;
use crate::judge::Resolved;
use crate::kubeconfig::{Kubeconfig, Selection};
use crate::kubectl::Release;
use trouble::Asked;
pub use trouble::{Cause, Error};

/// Long enough for a credential program that has to start an interpreter, short
/// enough for somebody who waits.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As it writes it: `v1.33.5-eks-113cf36`.
    pub version: String,
    /// The same, as kubectl's releases count.
    pub release: Release,
    /// UID of the namespace `kube-system`; or why it cannot be had: the version is
    /// told to anybody, the namespace is not.
    pub uid: Result<String, Error>,
}

/// Asks the server of the current context in `kubeconfig`; with everything, also
/// the program that gets the credentials, it takes no longer than `timeout`.
///
/// # Errors
/// [`Error`] says at which step it failed, and what to look at.
pub fn ask(kubeconfig: &Path, env: &Env, timeout: Duration) -> Result<Server, Error> {
    let asked = asked(kubeconfig)?;
    let config = config(kubeconfig, &asked, env, timeout)?;
    let (sender, receiver) = mpsc::channel();
    let (started, task) = mpsc::channel();
    let question = asked.clone();
    // kube starts the credential program without a limit of time, and a name is
    // looked up without one: both are left behind with their thread.
    let thread = std::thread::Builder::new().name("server".into()).spawn(move || {
        // Nobody listens any more when it was too late.
        let _ = started.send(rustix::thread::gettid());
        drop(sender.send(converse(config, &question)));
    });
    thread.map_err(|error| Error::here(&asked, format!("no thread can be started: {error}")))?;
    match receiver.recv_timeout(timeout) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Disconnected) => {
            Err(Error::here(&asked, "the question ended without an answer".to_owned()))
        }
        Err(RecvTimeoutError::Timeout) => {
            let program = task.recv().is_ok_and(end_children_of);
            Err(Error::late(&asked, timeout, program))
        }
    }
}

/// What the question is about, also for messages.
fn asked(kubeconfig: &Path) -> Result<Asked, Error> {
    let read = Kubeconfig::of_file(kubeconfig).map_err(|trouble| Error::kubeconfig(&trouble))?;
    let selection = Selection::default();
    let resolved = read.resolve(&selection).map_err(|trouble| Error::kubeconfig(&trouble))?;
    let authorities =
        read.authorities(&selection).map_err(|trouble| Error::kubeconfig(&trouble))?;
    let Some(server) = resolved.server.clone() else {
        return Err(Error::unreadable(kubeconfig, "names no server"));
    };
    Ok(Asked { kubeconfig: kubeconfig.to_path_buf(), server, resolved, authorities })
}

/// kube's own reading of the file is used for the credentials only: for the rest it
/// differs from kubectl, and it takes `NO_PROXY` to speak of the proxy.
fn config(
    kubeconfig: &Path,
    asked: &Asked,
    env: &Env,
    timeout: Duration,
) -> Result<kube::Config, Error> {
    let unreadable = |problem: String| Error::unreadable(kubeconfig, &problem);
    let Resolved { insecure, tls_server_name, .. } = &asked.resolved;
    let url = asked.server.to_string();
    let url = url.parse().map_err(|_| unreadable(format!("has the server {url}")))?;
    let mut config = kube::Config::new(url);
    config.root_cert = Some(asked.authorities.clone()).filter(|list| !list.is_empty());
    config.accept_invalid_certs = *insecure;
    config.tls_server_name.clone_from(tls_server_name);
    if let Some(proxy) = proxy::chosen(asked.resolved.proxy_url.as_deref(), &asked.server, env) {
        let uri =
            proxy.parse().map_err(|_| unreadable(format!("the proxy {proxy:?} is no URL")))?;
        config.proxy_url = Some(uri);
    }
    // Only to end a conversation that nobody waits for any longer: were they as short
    // as `timeout`, it would be chance which of them speaks first.
    let longer = timeout * 2;
    config.connect_timeout = Some(longer);
    config.read_timeout = Some(longer);
    config.write_timeout = Some(longer);
    config.default_retry = false;
    config.auth_info = credentials(kubeconfig, asked)?;
    if let (Ok(name), Ok(value)) =
        ("user-agent".parse(), concat!("envguard/", env!("CARGO_PKG_VERSION")).parse())
    {
        config.headers.push((name, value));
    }
    Ok(config)
}

fn credentials(kubeconfig: &Path, asked: &Asked) -> Result<AuthInfo, Error> {
    let read = kube::config::Kubeconfig::read_from(kubeconfig)
        .map_err(|error| Error::unreadable(kubeconfig, &trouble::innermost(&error)))?;
    let context = read.contexts.iter().find(|named| named.name == asked.resolved.context);
    let context = context.and_then(|named| named.context.as_ref());
    let user = context.and_then(|context| context.user.as_ref());
    let user = read.auth_infos.iter().find(|named| Some(&named.name) == user);
    let mut user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();
    if let Some(exec) = &mut user.exec {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(Error::interactive(asked));
        }
        // It must not take what is typed for a question of ours.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        if exec.provide_cluster_info {
            let cluster = context.map(|context| &context.cluster);
            let cluster = read.clusters.iter().find(|named| Some(&named.name) == cluster);
            exec.cluster = cluster
                .and_then(|named| named.cluster.as_ref())
                .and_then(|cluster| cluster.try_into().ok());
        }
    }
    Ok(user)
}

/// The conversation itself, on a runtime of its own.
fn converse(config: kube::Config, asked: &Asked) -> Result<Server, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::here(asked, format!("no runtime: {error}")))?;
    let answer = runtime.block_on(async {
        let failed = |error| Error::of(asked, &error);
        let client = kube::Client::try_from(config).map_err(failed)?;
        let version = client.apiserver_version().await.map_err(failed)?.git_version;
        let release = Release::find(&version).ok_or_else(|| {
            Error::strange(asked, &format!("it says that its version is {version:?}"))
        })?;
        let namespaces = kube::Api::<Namespace>::all(client);
        let uid = match namespaces.get_metadata("kube-system").await {
            Ok(found) => found
                .metadata
                .uid
                .ok_or_else(|| Error::strange(asked, "its namespace kube-system has no UID")),
            Err(error) => Err(failed(error)),
        };
        Ok(Server { version, release, uid })
    });
    // A name that is still being looked up would be waited for.
    runtime.shutdown_background();
    answer
}

/// Ends the programs that `thread` has started and still waits for; whether there
/// were any. They cannot be others by now: only their parent takes them from the
/// table of processes, and that is the thread that waits.
fn end_children_of(thread: rustix::thread::Pid) -> bool {
    use rustix::process::{Pid, Signal, kill_process};
    let list = format!("/proc/self/task/{}/children", thread.as_raw_nonzero());
    let list = std::fs::read_to_string(list).unwrap_or_default();
    let children = list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
    children.filter(|child| kill_process(*child, Signal::KILL).is_ok()).count() > 0
}
