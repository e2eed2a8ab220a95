//! kubeconfig files as client-go reads and merges them (client-go 0.36; the rules
//! are the same since 1.20).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::judge::{Resolved, Trouble};
use crate::policy::{Credentials, Fingerprint, Server};
use crate::text::quoted;

/// A kubeconfig with hundreds of clusters is well below this.
const MAX_BYTES: u64 = 4 << 20;

/// What one or several files together say.
#[derive(Debug, Default)]
pub struct Kubeconfig {
    clusters: Vec<Entry<Cluster>>,
    contexts: Vec<Entry<Context>>,
    users: Vec<Entry<User>>,
    current: String,
    sources: Vec<PathBuf>,
}

#[derive(Debug)]
struct Entry<T> {
    name: String,
    value: T,
    /// Relative paths resolve against its directory.
    file: PathBuf,
}

/// Flags that change what is selected.
#[derive(Debug, Default, Clone)]
pub struct Selection {
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--certificate-authority`
    pub authority: Option<PathBuf>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    clusters: Option<Vec<NamedCluster>>,
    contexts: Option<Vec<NamedContext>>,
    users: Option<Vec<NamedUser>>,
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default)]
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    #[serde(default)]
    context: Option<Context>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: Option<String>,
    user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    exec: Option<Exec>,
    r#as: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    as_user_extra: Option<BTreeMap<String, Vec<String>>>,
}

impl User {
    /// Whom its requests pretend to come from (client-go: `as`, `as-uid`,
    /// `as-groups`, `as-user-extra`).
    fn impersonates(&self) -> Option<String> {
        let groups = self.as_groups.iter().flatten();
        let extra = self.as_user_extra.iter().flat_map(BTreeMap::keys);
        let names = self.r#as.iter().chain(&self.as_uid).chain(groups).chain(extra);
        let names: Vec<&str> = names.map(String::as_str).filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

#[derive(Debug, Deserialize)]
struct Exec {
    #[serde(default)]
    command: String,
    #[serde(default)]
    args: Option<Vec<String>>,
    #[serde(default)]
    env: Option<Vec<Variable>>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    #[serde(default)]
    value: String,
}

impl Kubeconfig {
    /// One file, which must exist.
    ///
    /// # Errors
    /// [`Trouble`] naming the file.
    pub fn of_file(file: &Path) -> Result<Self, Trouble> {
        Self::of_text(file, &text(file)?)
    }

    /// The one file whose content is `text`.
    ///
    /// # Errors
    /// [`Trouble`] naming the file.
    pub fn of_text(file: &Path, text: &[u8]) -> Result<Self, Trouble> {
        let mut merged = Self::default();
        merged.add(file, parsed(file, text)?)?;
        Ok(merged)
    }

    /// The files of a `KUBECONFIG` list: missing ones are skipped, the first file
    /// wins per name, and the first one with a current context decides that.
    ///
    /// # Errors
    /// [`Trouble`] naming the file that cannot be read.
    pub fn of_list<'p>(files: impl IntoIterator<Item = &'p Path>) -> Result<Self, Trouble> {
        let mut merged = Self::default();
        for file in files.into_iter().filter(|file| !file.as_os_str().is_empty()) {
            if let Some(text) = read_bytes(file)? {
                merged.add(file, parsed(file, &text)?)?;
            }
        }
        Ok(merged)
    }

    fn add(&mut self, file: &Path, parsed: File) -> Result<(), Trouble> {
        let clusters = parsed.clusters.unwrap_or_default().into_iter();
        let contexts = parsed.contexts.unwrap_or_default().into_iter();
        let users = parsed.users.unwrap_or_default().into_iter();
        let clusters = clusters.map(|one| (one.name, one.cluster.unwrap_or_default()));
        let contexts = contexts.map(|one| (one.name, one.context.unwrap_or_default()));
        let users = users.map(|one| (one.name, one.user.unwrap_or_default()));
        merge(&mut self.clusters, clusters, file, "cluster")?;
        merge(&mut self.contexts, contexts, file, "context")?;
        merge(&mut self.users, users, file, "user")?;
        if self.current.is_empty() {
            self.current = parsed.current_context.unwrap_or_default();
        }
        self.sources.push(file.to_path_buf());
        Ok(())
    }

    /// The names of all contexts.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.contexts.iter().map(|context| context.name.as_str())
    }

    /// What `selection` resolves to.
    ///
    /// # Errors
    /// [`Trouble`] when a context, cluster or certificate is missing or cannot be
    /// understood.
    pub fn resolve(&self, selection: &Selection) -> Result<Resolved, Trouble> {
        let (name, context, cluster) = self.selected(selection)?;
        let user = context.user.as_ref().and_then(|user| entry(&self.users, user));
        let mut resolved = Resolved {
            context: name.clone(),
            server: server(cluster, selection)?,
            authorities: authorities(cluster, selection)?,
            insecure: selection.insecure || cluster.value.insecure_skip_tls_verify == Some(true),
            proxy_url: non_empty(cluster.value.proxy_url.as_ref()),
            tls_server_name: non_empty(cluster.value.tls_server_name.as_ref()),
            credentials: user.and_then(|user| user.value.exec.as_ref()).map(credentials),
            impersonates: user.and_then(|user| user.value.impersonates()),
        };
        if selection.server.is_some() {
            // client-go: --server clears the name that belonged to the old one.
            resolved.tls_server_name = None;
        }
        if selection.tls_server_name.is_some() {
            resolved.tls_server_name = non_empty(selection.tls_server_name.as_ref());
        }
        Ok(resolved)
    }

    /// The CA certificates (DER) of what `selection` resolves to.
    ///
    /// # Errors
    /// As for [`Kubeconfig::resolve`].
    pub fn authorities(&self, selection: &Selection) -> Result<Vec<Vec<u8>>, Trouble> {
        certificates(self.selected(selection)?.2, selection)
    }

    /// The selected context by name and value, and its cluster.
    fn selected<'k>(
        &'k self,
        selection: &'k Selection,
    ) -> Result<(&'k String, &'k Context, &'k Entry<Cluster>), Trouble> {
        let Some(source) = self.sources.first() else {
            return Err(trouble(Path::new("the kubeconfig"), "does not exist"));
        };
        let name = selection.context.as_ref().unwrap_or(&self.current);
        if name.is_empty() {
            return Err(trouble(source, "has no current-context"));
        }
        let context = entry(&self.contexts, name)
            .ok_or_else(|| trouble(source, &format!("has no context {name:?}")))?;
        let cluster_name = selection.cluster.as_ref().or(context.value.cluster.as_ref());
        let cluster = match cluster_name.filter(|name| !name.is_empty()) {
            None => return Err(trouble(source, &format!("context {name:?} names no cluster"))),
            Some(cluster) => entry(&self.clusters, cluster)
                .ok_or_else(|| trouble(source, &format!("has no cluster {cluster:?}")))?,
        };
        Ok((name, &context.value, cluster))
    }
}

/// The files with CA certificates that `kubeconfig` names: their change, too, is a
/// change of the cluster. None when it cannot be read.
#[must_use]
pub fn certificate_files(kubeconfig: &Path) -> Vec<PathBuf> {
    let Ok(found) = Kubeconfig::of_file(kubeconfig) else { return Vec::new() };
    let named = found.clusters.iter().filter_map(|cluster| {
        let path = cluster.value.certificate_authority.as_ref()?;
        Some(cluster.file.parent().unwrap_or(Path::new("/")).join(path))
    });
    named.collect()
}

fn merge<T>(
    into: &mut Vec<Entry<T>>,
    from: impl Iterator<Item = (String, T)>,
    file: &Path,
    what: &str,
) -> Result<(), Trouble> {
    let before = into.len();
    for (name, value) in from {
        if into[before..].iter().any(|entry| entry.name == name) {
            return Err(trouble(file, &format!("has the {what} {name:?} twice")));
        }
        if !into[..before].iter().any(|entry| entry.name == name) {
            into.push(Entry { name, value, file: file.to_path_buf() });
        }
    }
    Ok(())
}

fn entry<'e, T>(entries: &'e [Entry<T>], name: &str) -> Option<&'e Entry<T>> {
    entries.iter().find(|entry| entry.name == name)
}

fn non_empty(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn server(cluster: &Entry<Cluster>, selection: &Selection) -> Result<Option<Server>, Trouble> {
    let text = selection.server.as_ref().or(cluster.value.server.as_ref());
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => Server::parse(text)
            .map(Some)
            .map_err(|problem| trouble(&cluster.file, &format!("server {text:?} {problem}"))),
    }
}

fn authorities(
    cluster: &Entry<Cluster>,
    selection: &Selection,
) -> Result<BTreeSet<Fingerprint>, Trouble> {
    let certificates = certificates(cluster, selection)?;
    Ok(certificates.iter().map(|der| Fingerprint(Sha256::digest(der).into())).collect())
}

/// The CA certificates (DER) that the server's own is checked against; none when
/// the kubeconfig names none.
fn certificates(cluster: &Entry<Cluster>, selection: &Selection) -> Result<Vec<Vec<u8>>, Trouble> {
    let relative_to = |path: &Path| cluster.file.parent().unwrap_or(Path::new("/")).join(path);
    let (pem, origin) = if let Some(path) = &selection.authority {
        (read_certificates(path)?, path.clone())
    } else if let Some(data) = non_empty(cluster.value.certificate_authority_data.as_ref()) {
        let pem = base64::engine::general_purpose::STANDARD
            .decode(data.trim())
            .map_err(|_| trouble(&cluster.file, "certificate-authority-data is not base64"))?;
        (pem, cluster.file.clone())
    } else if let Some(path) = named_authority(&cluster.value) {
        let path = relative_to(path);
        (read_certificates(&path)?, path)
    } else {
        return Ok(Vec::new());
    };
    decoded(&pem).ok_or_else(|| trouble(&origin, "holds no readable CA certificate"))
}

/// client-go takes an empty name for none.
fn named_authority(cluster: &Cluster) -> Option<&Path> {
    cluster.certificate_authority.as_deref().filter(|path| !path.as_os_str().is_empty())
}

fn read_certificates(path: &Path) -> Result<Vec<u8>, Trouble> {
    text(path)
}

/// SHA-256 of each certificate of a PEM bundle; `None` when there is none or one
/// cannot be decoded.
#[must_use]
pub fn fingerprints(pem: &[u8]) -> Option<BTreeSet<Fingerprint>> {
    let certificates = decoded(pem)?;
    Some(certificates.iter().map(|der| Fingerprint(Sha256::digest(der).into())).collect())
}

/// The certificates (DER) of a PEM bundle; `None` when there is none or one cannot
/// be decoded.
fn decoded(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = std::str::from_utf8(pem).ok()?;
    let mut found = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let body: String = block.split(END).next()?.split_whitespace().collect();
        found.push(base64::engine::general_purpose::STANDARD.decode(body).ok()?);
    }
    (!found.is_empty()).then_some(found)
}

fn credentials(exec: &Exec) -> Credentials {
    let variables = exec.env.iter().flatten();
    Credentials::of_kubeconfig(
        exec.command.clone(),
        exec.args.clone().unwrap_or_default(),
        variables.map(|variable| (variable.name.clone(), variable.value.clone())),
    )
}

/// What the one file holds, which must exist.
///
/// # Errors
/// [`Trouble`] naming the file.
pub fn text(file: &Path) -> Result<Vec<u8>, Trouble> {
    read_bytes(file)?.ok_or_else(|| trouble(file, "does not exist"))
}

fn parsed(file: &Path, text: &[u8]) -> Result<File, Trouble> {
    // kubectl (1.20–1.36) passes over a byte order mark, and takes the first
    // document even when that is empty.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let document = match text.iter().all(u8::is_ascii_whitespace) {
        true => None,
        false => crate::kustomize::first_document(text)
            .map_err(|problem| trouble(file, &problem.to_string()))?,
    };
    let Some(document) = document else { return Ok(File::default()) };
    serde_yaml::from_value(document)
        .map_err(|problem| trouble(file, &format!("is not a kubeconfig: {problem}")))
}

fn read_bytes(file: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(file, &error)),
    };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(trouble(file, "is not a regular file of a reasonable size"));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    std::fs::File::open(file)
        .and_then(|opened| opened.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| unread(file, &error))?;
    Ok(Some(bytes))
}

fn unread(file: &Path, error: &std::io::Error) -> Trouble {
    let trouble = trouble(file, &format!("cannot be read: {error}"));
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Trouble { remedy: made_readable(file), ..trouble },
        _ => trouble,
    }
}

/// What lets this user read `file`, which is there. As a secret it is for root and one
/// group: whoever works here belongs to it.
#[must_use]
pub fn made_readable(file: &Path) -> String {
    let name = quoted(file);
    let Ok(metadata) = file.metadata() else {
        let dir = file.parent().map(quoted).unwrap_or_default();
        return format!("ls -ld {dir}    # its permissions keep you out, not the file's");
    };
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return format!("chmod u+r {name}");
    }
    let readable = if metadata.mode() & 0o040 == 0 {
        format!(" && sudo chmod g+r {name}")
    } else {
        String::new()
    };
    format!("sudo chgrp \"$(id -gn)\" {name}{readable}    # or the group of all operators")
}

fn trouble(file: &Path, problem: &str) -> Trouble {
    Trouble {
        subject: file.to_string_lossy().into_owned(),
        problem: problem.to_owned(),
        remedy: format!(
            "restore the file, or name the right one: cluster.kubeconfig ({} is read now)",
            file.display()
        ),
    }
}
