//! One context of a kubeconfig, by itself: what kubectl is given on this instance.

use std::path::{Path, PathBuf};

use base64::Engine;
use serde_yaml::{Mapping, Value};

use super::trouble::{Result, Trouble};
use crate::env::{Env, is_executable};
use crate::judge::{Resolved, drift};
use crate::kubeconfig::{Kubeconfig, Selection};
use crate::policy::{Fingerprint, Pin, is_secret};
use crate::text::{listed, quoted, shown};

/// A kubeconfig with one context.
#[derive(Debug, Clone)]
pub struct Minified {
    /// The file's content.
    pub text: String,
    /// What it resolves to.
    pub resolved: Resolved,
    /// The cluster's name in it.
    pub cluster: String,
    /// What in it only some may read, in words: inline secrets and key files.
    pub secrets: Vec<String>,
    /// What an operator should know.
    pub notes: Vec<String>,
}

/// Files that kubectl would read: those that `KUBECONFIG` lists, else
/// `~/.kube/config`.
#[must_use]
pub(super) fn usual_files(env: &Env) -> Vec<PathBuf> {
    match env.get("KUBECONFIG") {
        Some(list) => std::env::split_paths(list).filter(|p| !p.as_os_str().is_empty()).collect(),
        None => env.home().map(|home| home.join(".kube/config")).into_iter().collect(),
    }
}

/// The names of the contexts in `files`, and the current one.
///
/// # Errors
/// When a file cannot be understood, or none has a context.
pub(super) fn contexts(files: &[PathBuf]) -> Result<(Vec<String>, Option<String>)> {
    if files.is_empty() {
        return Err(Trouble::new(
            "there is no home directory to look for a kubeconfig in",
            "name it: --from FILE",
        ));
    }
    let read = Kubeconfig::of_list(files.iter().map(PathBuf::as_path))?;
    let names: Vec<String> = read.contexts().map(str::to_owned).collect();
    if names.is_empty() {
        let files: Vec<String> = files.iter().map(shown).collect();
        return Err(Trouble::new(
            format!("no context was found in {}", listed(&files)),
            "aws eks update-kubeconfig --region REGION --name CLUSTER; with sudo, name your own: --from ~/.kube/config",
        ));
    }
    let current = read.resolve(&Selection::default()).ok().map(|resolved| resolved.context);
    Ok((names, current))
}

/// The context `name` of `files` by itself, as client-go merges them: relative paths
/// are made absolute, the CA certificates stand in it, and the program that gets the
/// credentials is named by its path.
///
/// # Errors
/// When it lacks something that the pin needs.
pub(super) fn minify(files: &[PathBuf], name: &str, env: &Env) -> Result<Minified> {
    let selection = Selection { context: Some(name.to_owned()), ..Selection::default() };
    let read = Kubeconfig::of_list(files.iter().map(PathBuf::as_path))?;
    let resolved = read.resolve(&selection)?;
    let source = Source::read(files)?;
    let unknown = || Trouble::new(format!("the context {name:?} is incomplete"), look(files));
    let (_, context) = source.entry("contexts", name, "context").ok_or_else(unknown)?;
    let text_of = |key: &str| context.get(key).and_then(Value::as_str).map(str::to_owned);
    let cluster_name = text_of("cluster").ok_or_else(unknown)?;
    let (file, cluster) = source.entry("clusters", &cluster_name, "cluster").ok_or_else(unknown)?;
    let mut minified = Minified {
        text: String::new(),
        resolved,
        cluster: cluster_name.clone(),
        secrets: Vec::new(),
        notes: Vec::new(),
    };
    minified.require_identity(files)?;
    let cluster = with_certificates(cluster, file)?;
    let user_name = text_of("user").unwrap_or_default();
    let user = source.entry("users", &user_name, "user");
    let user = user.map(|(file, user)| minified.user(user, file, env));
    let mut kept = Mapping::new();
    for key in ["cluster", "user", "namespace"] {
        if let Some(value) = context.get(key) {
            kept.insert(key.into(), value.clone());
        }
    }
    minified.text = written(name, &kept, (&cluster_name, cluster), (&user_name, user))?;
    Ok(minified)
}

fn look(files: &[PathBuf]) -> String {
    let list = std::env::join_paths(files).unwrap_or_default();
    format!("KUBECONFIG={} kubectl config view", quoted(list))
}

/// The files as they are written.
struct Source(Vec<(PathBuf, Mapping)>);

impl Source {
    fn read(files: &[PathBuf]) -> Result<Self> {
        let mut read = Vec::new();
        for file in files {
            let bytes = match std::fs::read(file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| Trouble::io("read", file, &error))?,
            };
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            let document = crate::kustomize::first_document(bytes).map_err(|problem| {
                Trouble::new(format!("{} {problem}", shown(file)), look(files))
            })?;
            if let Some(Value::Mapping(mapping)) = document {
                let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                read.push((file, mapping));
            }
        }
        Ok(Self(read))
    }

    /// The first entry of that name: in `list`, under `key`.
    fn entry(&self, list: &str, name: &str, key: &str) -> Option<(&Path, Mapping)> {
        self.0.iter().find_map(|(file, mapping)| {
            let entries = mapping.get(list)?.as_sequence()?.iter();
            let mut named =
                entries.filter(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
            let value = named.next()?.get(key).and_then(Value::as_mapping).cloned();
            Some((file.as_path(), value.unwrap_or_default()))
        })
    }
}

impl Minified {
    /// The seal of this text, if it resolves to just what is recorded. None when there is
    /// a secret in it: everybody may read the seal, and could try out short passwords.
    pub(super) fn seal(&self) -> Option<Fingerprint> {
        let Resolved { server, authorities, credentials, .. } = &self.resolved;
        let Resolved { proxy_url, tls_server_name, .. } = &self.resolved;
        let pin = Pin {
            name: String::new(),
            kubeconfig: PathBuf::new(),
            server: server.clone()?,
            authorities: authorities.clone(),
            credentials: credentials.clone(),
            proxy_url: proxy_url.clone(),
            tls_server_name: tls_server_name.clone(),
            uid: None,
            seal: None,
        };
        let text = self.text.as_bytes();
        let read = Kubeconfig::of_text(&pin.kubeconfig, text).ok()?;
        let resolved = read.resolve(&Selection::default()).ok()?;
        let is_proved = self.secrets.is_empty() && drift(&pin, &resolved).is_empty();
        is_proved.then(|| pin.seal_for(text))
    }

    /// The server, its CA, and nobody's borrowed identity.
    fn require_identity(&self, files: &[PathBuf]) -> Result<()> {
        let Resolved { context, server, authorities, impersonates, .. } = &self.resolved;
        let problem = match server {
            None => "names no server".to_owned(),
            Some(server) if server.tls && authorities.is_empty() => {
                "names no CA certificate, which the cluster is recognised by".to_owned()
            }
            Some(_) if self.resolved.insecure => {
                "does not check the server's certificate (insecure-skip-tls-verify)".to_owned()
            }
            Some(_) => match impersonates {
                Some(who) => format!("acts as somebody else ({})", shown(who)),
                None => return Ok(()),
            },
        };
        let message = format!("the context {} {problem}", shown(context));
        Err(Trouble::new(
            message,
            format!("choose another with --context, or correct it: {}", look(files)),
        ))
    }

    /// The user's entry; notes what in it is secret.
    fn user(&mut self, mut user: Mapping, file: &Path, env: &Env) -> Mapping {
        for key in ["token", "password", "client-key-data"] {
            if user.get(key).and_then(Value::as_str).is_some_and(|value| !value.is_empty()) {
                self.secrets.push(format!("an inline {key}"));
            }
        }
        if user.contains_key("auth-provider") {
            self.secrets.push("an auth-provider".to_owned());
        }
        for key in ["client-certificate", "client-key", "tokenFile"] {
            let Some(path) = user.get(key).and_then(Value::as_str).filter(|path| !path.is_empty())
            else {
                continue;
            };
            let path = beside(file, path);
            if key != "client-certificate" {
                self.secrets.push(format!("the file {}", shown(&path)));
            }
            user.insert(key.into(), path.to_string_lossy().into_owned().into());
        }
        if let Some(Value::Mapping(exec)) = user.get_mut("exec") {
            self.exec(exec, file, env);
        }
        user
    }

    fn exec(&mut self, exec: &mut Mapping, file: &Path, env: &Env) {
        let variables = exec.get("env").and_then(Value::as_sequence).into_iter().flatten();
        let names = variables.filter_map(|variable| variable.get("name")?.as_str());
        for name in names.filter(|name| is_secret(name)) {
            self.secrets.push(format!("the variable {}", shown(name)));
        }
        let command = exec.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = if command.contains('/') {
            Some(beside(file, &command)).filter(|path| is_executable(path))
        } else {
            env.programs(&command).next()
        };
        // Where it is does not depend on who runs kubectl from now on.
        match found {
            Some(path) => {
                let path = path.to_string_lossy().into_owned();
                if let Some(credentials) = &mut self.resolved.credentials {
                    credentials.command.clone_from(&path);
                }
                exec.insert("command".into(), path.into());
            }
            None => self.notes.push(format!(
                "{} gets the credentials, and is not installed: until it is, no command reaches the cluster",
                shown(&command)
            )),
        }
    }
}

/// A path as client-go resolves it.
fn beside(file: &Path, path: &str) -> PathBuf {
    crate::path::join_clean(file.parent().unwrap_or(Path::new("/")), Path::new(path))
}

/// The cluster's entry with its CA certificates in it: they are no secret, and a file
/// could change.
fn with_certificates(mut cluster: Mapping, file: &Path) -> Result<Mapping> {
    let inline = cluster.get("certificate-authority-data").and_then(Value::as_str);
    let named = cluster.get("certificate-authority").and_then(Value::as_str);
    if inline.is_none_or(str::is_empty)
        && let Some(path) = named.filter(|path| !path.is_empty())
    {
        let path = beside(file, path);
        let pem = std::fs::read(&path).map_err(|error| Trouble::io("read", &path, &error))?;
        let data = base64::engine::general_purpose::STANDARD.encode(pem);
        cluster.insert("certificate-authority-data".into(), data.into());
    }
    cluster.remove("certificate-authority");
    Ok(cluster)
}

fn written(
    name: &str,
    context: &Mapping,
    (cluster_name, cluster): (&str, Mapping),
    (user_name, user): (&str, Option<Mapping>),
) -> Result<String> {
    let entry = |name: &str, key: &str, value: Mapping| {
        let pairs = [("name".into(), name.into()), (key.into(), Value::Mapping(value))];
        Value::Sequence(vec![Value::Mapping(pairs.into_iter().collect())])
    };
    let users =
        user.map_or_else(|| Value::Sequence(Vec::new()), |user| entry(user_name, "user", user));
    let pairs: [(Value, Value); 6] = [
        ("apiVersion".into(), "v1".into()),
        ("kind".into(), "Config".into()),
        ("current-context".into(), name.into()),
        ("contexts".into(), entry(name, "context", context.clone())),
        ("clusters".into(), entry(cluster_name, "cluster", cluster)),
        ("users".into(), users),
    ];
    let document = Value::Mapping(pairs.into_iter().collect());
    let text = serde_yaml::to_string(&document).map_err(|error| {
        Trouble::new(format!("the kubeconfig cannot be written: {error}"), "report it")
    })?;
    Ok(format!("# Written by `kubectl-envguard setup`: the one context of this instance.\n{text}"))
}
