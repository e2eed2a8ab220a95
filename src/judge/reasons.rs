//! The words of every refusal: what is refused, which path or word, which rule,
//! what to do instead. `tests/golden/reasons.txt` holds them all.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::facts::{Facts, Local, Nature, Reached, Role, Trouble};
use super::place::Overlay;
use super::verdict::{Code, Reason};
use crate::kubectl::{Misfit, Override, Request};
use crate::policy::{Policy, Unacceptable, Unusable};
use crate::text::{command_line, listed, quoted, shown};

fn reason(code: Code, what: String, offender: String, rule: String, remedy: String) -> Reason {
    Reason { code, what, offender, rule, remedy, binding: false }
}

fn binding(code: Code, what: String, offender: String, rule: String, remedy: String) -> Reason {
    Reason { code, what, offender, rule, remedy, binding: true }
}

/// `this is the DEVELOP instance of develop-eks`
fn instance(policy: &Policy) -> String {
    format!("this is the {} instance of {}", shown(policy.display_name()), shown(&policy.pin.name))
}

fn allowed(policy: &Policy) -> String {
    let names: Vec<String> = policy.allowed_names().iter().map(shown).collect();
    listed(&names)
}

// ---- targets ----

pub(super) fn target_foreign(
    policy: &Policy,
    request: &Request,
    reached: &Reached,
    overlay: &Overlay,
) -> Reason {
    let spelled = match &reached.role {
        Role::Below { target } => target,
        _ => &reached.spelled,
    };
    reason(
        Code::TargetForeign,
        format!(
            "{} is in the overlay {}, which belongs to another environment",
            shown(spelled),
            shown(&overlay.name)
        ),
        shown(&overlay.path),
        format!("{}; overlays that may be applied here: {}", instance(policy), allowed(policy)),
        remedy_with_allowed(request, spelled, overlay).unwrap_or_else(|| {
            format!("on the {} instance: {}", shown(&overlay.name), command_line(&request.words))
        }),
    )
}

/// The same command line with the allowed overlay's name in the place of the
/// foreign one, when that overlay exists.
fn remedy_with_allowed(request: &Request, spelled: &OsStr, overlay: &Overlay) -> Option<String> {
    let allowed = overlay.beside.first()?;
    let replaced = replace_component(spelled, &overlay.name, allowed)?;
    let words: Vec<OsString> = request
        .words
        .iter()
        .map(|word| replace_bytes(word, spelled, &replaced).unwrap_or_else(|| word.clone()))
        .collect();
    (words != request.words).then(|| command_line(&words))
}

fn replace_component(path: &OsStr, name: &OsStr, by: &OsStr) -> Option<OsString> {
    let parts: Vec<&[u8]> = path.as_bytes().split(|byte| *byte == b'/').collect();
    let at = parts.iter().rposition(|part| *part == name.as_bytes())?;
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(if index == at { by.as_bytes() } else { part });
    }
    Some(OsStr::from_bytes(&out).to_os_string())
}

/// `word` with its part `from` replaced; the part may be attached to a flag.
fn replace_bytes(word: &OsStr, from: &OsStr, to: &OsStr) -> Option<OsString> {
    let (word, from) = (word.as_bytes(), from.as_bytes());
    if from.is_empty() {
        return None;
    }
    let at = word.windows(from.len()).position(|part| part == from)?;
    let out = [&word[..at], to.as_bytes(), &word[at + from.len()..]].concat();
    Some(OsStr::from_bytes(&out).to_os_string())
}

pub(super) fn target_outside(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    reached: &Reached,
    local: &Local,
) -> Reason {
    let offender = place_of(local);
    let missing = local.nature == Nature::Missing;
    let what = if missing {
        format!("{} does not exist and is in no allowed overlay", shown(&reached.spelled))
    } else {
        format!("{} is in no allowed overlay", shown(&reached.spelled))
    };
    reason(
        Code::TargetOutside,
        what,
        offender,
        format!(
            "commands that change the cluster name an allowed overlay ({}) or a place under alsoAllow; shared bases are reached through references",
            allowed(policy)
        ),
        outside_remedy(policy, request, facts, reached, local),
    )
}

fn outside_remedy(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    reached: &Reached,
    local: &Local,
) -> String {
    if let Some(vanished) = facts.territory.vanished.first()
        && facts.territory.checkouts.is_empty()
    {
        return format!(
            "the checkout {} does not exist: clone it there, or correct `checkouts` in {}",
            shown(vanished),
            shown(&facts.config_file)
        );
    }
    // Where an allowed overlay stands below the directory that was named, the
    // line that was meant is known.
    let below = facts.territory.roots.iter().find(|(root, found)| {
        !found.allowed.is_empty() && local.readings.iter().any(|path| root.starts_with(path))
    });
    if let Some((root, found)) = below
        && let Some(name) = found.allowed.first()
        && !reached.spelled.is_empty()
    {
        let words: Vec<OsString> = request
            .words
            .iter()
            .map(|word| {
                replace_bytes(word, &reached.spelled, root.join(name).as_os_str())
                    .unwrap_or_else(|| word.clone())
            })
            .collect();
        if words != request.words {
            return command_line(&words);
        }
    }
    let example = policy.allowed_names().first().map_or_else(String::new, shown);
    format!(
        "kubectl {} -k PATH/TO/{example}, or list the place under alsoAllow in {}",
        request.invocation.command(),
        shown(&facts.config_file)
    )
}

pub(super) fn kustomize_as_files(
    request: &Request,
    reached: &Reached,
    kustomization: &Path,
) -> Reason {
    let dir = Path::new(&reached.spelled);
    let names_file = dir.file_name() == kustomization.file_name();
    let dir = if names_file { dir.parent().unwrap_or(Path::new(".")) } else { dir };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    reason(
        Code::KustomizeAsFiles,
        format!("-f {} would apply a kustomization as plain files", shown(&reached.spelled)),
        shown(kustomization),
        "-f would create its patches as whole objects, without namespace and name prefix; a kustomization is built with -k".to_owned(),
        command_line(&as_kustomization(request, &reached.spelled, dir.as_os_str())),
    )
}

/// The words with `-k dir` in the place of `-f spelled`, and without `-R`.
fn as_kustomization(request: &Request, spelled: &OsStr, dir: &OsStr) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut rest = request.words.iter();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        let attached = ["--filename=", "-f=", "-f"].iter().any(|flag| {
            text.strip_prefix(flag).is_some_and(|value| *value == *spelled.to_string_lossy())
        });
        if attached {
            words.extend(["-k".into(), dir.to_os_string()]);
        } else if *word == "-f" || *word == "--filename" {
            match rest.next() {
                Some(value) if value == spelled => words.extend(["-k".into(), dir.to_os_string()]),
                Some(value) => words.extend([word.clone(), value.clone()]),
                None => words.push(word.clone()),
            }
        } else if *word != "-R" && *word != "--recursive" {
            words.push(word.clone());
        }
    }
    words
}

// ---- references ----

fn refers(reached: &Reached, file: &Path, field: &str) -> String {
    format!("{} refers to {} ({})", shown(file), shown(&reached.spelled), shown(field))
}

pub(super) fn reference_foreign(
    policy: &Policy,
    facts: &Facts,
    reached: &Reached,
    file: &Path,
    field: &str,
    overlay: &Overlay,
) -> Reason {
    reason(
        Code::ReferenceForeign,
        refers(reached, file, field),
        shown(&overlay.path),
        format!(
            "{}; what is applied here must not come from the overlay {} of another environment",
            instance(policy),
            shown(&overlay.name)
        ),
        format!(
            "move what both need into a shared directory, or add {} to `shared` in {}",
            quoted(&overlay.name),
            shown(&facts.config_file)
        ),
    )
}

pub(super) fn reference_outside(
    facts: &Facts,
    reached: &Reached,
    file: &Path,
    field: &str,
    local: &Local,
) -> Reason {
    reason(
        Code::ReferenceOutside,
        refers(reached, file, field),
        place_of(local),
        "references stay inside the configured checkouts".to_owned(),
        format!(
            "copy it into the checkout, or list its directory under alsoAllow in {}",
            shown(&facts.config_file)
        ),
    )
}

pub(super) fn in_git_directory(reached: &Reached, local: &Local) -> Reason {
    let what = match &reached.role {
        Role::Reference { file, field } => refers(reached, file, field),
        _ => format!("{} is inside a git directory", shown(&reached.spelled)),
    };
    reason(
        Code::ReferenceGit,
        what,
        place_of(local),
        "nothing is applied from a git directory: put-aside files of other environments lie there".to_owned(),
        "name the file in the working tree instead: git ls-files".to_owned(),
    )
}

fn place_of(local: &Local) -> String {
    local.readings.first().map_or_else(|| "?".to_owned(), shown)
}

// ---- remotes ----

fn remote_code(reached: &Reached) -> Code {
    if matches!(reached.role, Role::Reference { .. }) {
        Code::ReferenceRemote
    } else {
        Code::TargetRemote
    }
}

fn remote_what(reached: &Reached) -> String {
    match &reached.role {
        Role::Reference { file, field } => refers(reached, file, field),
        _ => format!("{} would be fetched from elsewhere", shown(&reached.spelled)),
    }
}

pub(super) fn remote_not_listed(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    reached: &Reached,
) -> Reason {
    let listed_prefixes: Vec<String> =
        policy.remotes.iter().map(|prefix| shown(prefix.to_string())).collect();
    let rule = if listed_prefixes.is_empty() {
        "manifests are fetched only from addresses listed under policy.remotes; none is listed"
            .to_owned()
    } else {
        format!("manifests are fetched only from {}", listed(&listed_prefixes))
    };
    reason(
        remote_code(reached),
        remote_what(reached),
        shown(&reached.spelled),
        rule,
        remote_remedy(request, facts, reached),
    )
}

fn remote_remedy(_request: &Request, facts: &Facts, reached: &Reached) -> String {
    let prefix = prefix_of(&reached.spelled);
    format!(
        "save it in the allowed overlay, review and commit it; or add {prefix:?} to policy.remotes in {}",
        shown(&facts.config_file)
    )
}

/// The address up to its first path segment.
fn prefix_of(address: &OsStr) -> String {
    let text = shown(address);
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].match_indices('/').nth(1).map(|(at, _)| start + at + 1);
    end.map_or_else(|| text.clone(), |end| text[..end].to_owned())
}

pub(super) fn remote_unacceptable(
    _request: &Request,
    _facts: &Facts,
    reached: &Reached,
    why: &Unacceptable,
) -> Reason {
    reason(
        remote_code(reached),
        remote_what(reached),
        shown(&reached.spelled),
        format!("the address cannot be compared with policy.remotes: {why}"),
        "write the address as https://host/path, without user name and without `..`".to_owned(),
    )
}

pub(super) fn remote_not_immutable(
    policy: &Policy,
    _request: &Request,
    reached: &Reached,
) -> Reason {
    reason(
        remote_code(reached),
        remote_what(reached),
        shown(&reached.spelled),
        format!(
            "{}, level {}: a fetched reference names a commit, because branches and tags move",
            instance(policy),
            policy.environment.level
        ),
        format!("{}?ref=COMMIT (40 hex digits: git rev-parse)", shown(&reached.spelled).split('?').next().unwrap_or_default()),
    )
}

// ---- standard input ----

fn stream_what(stream: &Reached) -> String {
    if stream.spelled == "-" {
        "manifests from standard input".to_owned()
    } else {
        format!("manifests from the stream {}", shown(&stream.spelled))
    }
}

pub(super) fn stdin_refused(policy: &Policy, request: &Request, stream: &Reached) -> Reason {
    reason(
        Code::TargetStdin,
        stream_what(stream),
        shown(&stream.spelled),
        "policy.stdin is `refuse`: manifests come from files in an allowed overlay".to_owned(),
        directory_remedy(policy, request),
    )
}

/// The same command with `-k` and an allowed overlay.
fn directory_remedy(policy: &Policy, request: &Request) -> String {
    let name = policy.allowed_names().first().map_or_else(String::new, shown);
    format!("kubectl {} -k PATH/TO/{name}", request.invocation.command())
}

pub(super) fn stdin_beside_foreign(
    policy: &Policy,
    request: &Request,
    stream: &Reached,
    overlay: &Path,
) -> Reason {
    reason(
        Code::TargetStdin,
        format!("{} while a foreign overlay is on the disk", stream_what(stream)),
        shown(overlay),
        "where a stream was made cannot be seen; it is taken only when nothing foreign is at hand"
            .to_owned(),
        directory_remedy(policy, request),
    )
}

pub(super) fn stdin_equals_foreign(
    policy: &Policy,
    request: &Request,
    document: &str,
    origin: &str,
) -> Reason {
    reason(
        Code::TargetStdin,
        format!("standard input holds {} of another environment", shown(document)),
        shown(origin),
        format!("{}; this document equals one of a foreign overlay", instance(policy)),
        directory_remedy(policy, request),
    )
}

pub(super) fn stdin_incomparable(request: &Request, stream: &Reached, problem: &str) -> Reason {
    reason(
        Code::TargetStdin,
        format!("{}: {}", stream_what(stream), shown(problem)),
        shown(&stream.spelled),
        "manifests from a stream are compared with the foreign overlays before they are used"
            .to_owned(),
        format!(
            "save them in an allowed overlay and name that: kubectl {} -f FILE",
            request.invocation.command()
        ),
    )
}

pub(super) fn stream_not_judged(request: &Request, stream: &Reached) -> Reason {
    reason(
        Code::TargetStdin,
        stream_what(stream),
        shown(&stream.spelled),
        "only standard input can be compared with the foreign overlays before it is used"
            .to_owned(),
        format!("COMMAND | kubectl {} -f -", request.invocation.command()),
    )
}

// ---- cluster and identity ----

pub(super) fn cluster_drift(policy: &Policy, difference: &str) -> Reason {
    binding(
        Code::ClusterDrift,
        "the kubeconfig of this instance no longer names the pinned cluster".to_owned(),
        shown(&policy.pin.kubeconfig),
        format!("{}: {}", shown(&policy.pin.name), shown(difference)),
        format!(
            "if the cluster was rebuilt, record it again (cluster.server, cluster.caCertHash); if not, restore {}",
            shown(&policy.pin.kubeconfig)
        ),
    )
}

pub(super) fn cluster_override(policy: &Policy, request: &Request, difference: &str) -> Reason {
    let flags: Vec<String> = request
        .overrides
        .iter()
        .map(|given| shown(format!("--{}={}", given.flag, given.value.to_string_lossy())))
        .collect();
    binding(
        Code::ClusterOverride,
        format!("{} would leave the pinned cluster", listed(&flags)),
        flags.join(" "),
        format!("{}: {}", instance(policy), shown(difference)),
        command_line(&without_overrides(request)),
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

pub(super) fn exported_kubeconfig(policy: &Policy, value: &OsStr, difference: &str) -> Reason {
    binding(
        Code::ClusterOverride,
        "the variable KUBECONFIG names another cluster".to_owned(),
        format!("KUBECONFIG={}", shown(value)),
        format!("{}: {}", instance(policy), shown(difference)),
        "unset KUBECONFIG".to_owned(),
    )
}

pub(super) fn plugin_override(policy: &Policy, request: &Request, word: &OsStr) -> Reason {
    let words: Vec<OsString> = request.words.iter().filter(|other| *other != word).cloned().collect();
    binding(
        Code::ClusterOverride,
        format!("{} could lead a plugin to another cluster", shown(word)),
        shown(word),
        format!("{}; a plugin gets the pinned kubeconfig and no other", instance(policy)),
        command_line(&words),
    )
}

pub(super) fn preferences_flag(request: &Request, word: &OsStr) -> Reason {
    let words: Vec<OsString> =
        request.words.iter().filter(|other| *other != word).cloned().collect();
    binding(
        Code::ClusterOverride,
        format!("{} makes kubectl read preferences from a file", shown(word)),
        shown(word),
        "a preferences file can add any flag, even another cluster's; kubectl runs with KUBERC=off here".to_owned(),
        command_line(&words),
    )
}

pub(super) fn preferences(request: &Request) -> Reason {
    binding(
        Code::ClusterOverride,
        "kubectl's preferences (kuberc) are switched off on this instance".to_owned(),
        format!("kubectl {}", request.invocation.command()),
        "a preferences file can add any flag, even another cluster's; kubectl runs with KUBERC=off here".to_owned(),
        "use a shell alias instead of a kuberc alias: alias kg='kubectl get'".to_owned(),
    )
}

pub(super) fn identity_override(policy: &Policy, request: &Request, given: &Override) -> Reason {
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

pub(super) fn kubeconfig_edit(policy: &Policy, request: &Request) -> Reason {
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

// ---- what is not understood ----

pub(super) fn command_unknown(request: &Request) -> Reason {
    let word = request
        .plugin_words()
        .and_then(|words| words.first())
        .map_or_else(|| request.invocation.command().to_owned(), shown);
    reason(
        Code::CommandUnknown,
        format!("{word} is no kubectl command, and no plugin kubectl-{} is on PATH", word.replace('-', "_")),
        word.clone(),
        "what is not understood is not run".to_owned(),
        "kubectl help (all commands); kubectl plugin list (all plugins)".to_owned(),
    )
}

/// A command line that no known kubectl accepts.
#[must_use]
pub fn misfit(words: &[OsString], misfit: &Misfit) -> Reason {
    let help = words
        .first()
        .filter(|word| !word.as_bytes().starts_with(b"-"))
        .map_or_else(|| "kubectl options".to_owned(), |word| format!("kubectl {} --help", quoted(word)));
    let (what, offender) = match misfit {
        Misfit::UnknownFlag(word) => {
            (format!("{} is a flag that no known kubectl has here", shown(word)), word)
        }
        Misfit::MissingValue(word) => (format!("{} needs a value", shown(word)), word),
        Misfit::BadSyntax(word) => (format!("{} is not a flag", shown(word)), word),
        Misfit::FlagBeforePlugin(word) => {
            (format!("{} stands before the command's name", shown(word)), word)
        }
    };
    reason(
        Code::FlagUnknown,
        what,
        shown(offender),
        "what is not understood is not run: the flag could name a file or a cluster".to_owned(),
        help,
    )
}

pub(super) fn malformed_list(value: &OsStr) -> Reason {
    reason(
        Code::InputUnreadable,
        format!("-f {} has quotes that kubectl cannot read", shown(value)),
        shown(value),
        "a -f value is a list separated by commas, and a quote must be closed".to_owned(),
        "repeat -f once per file".to_owned(),
    )
}

pub(super) fn unreadable(trouble: &Trouble, concerns_cluster: bool) -> Reason {
    Reason {
        code: Code::InputUnreadable,
        what: format!("{} {}", shown(&trouble.subject), shown(&trouble.problem)),
        offender: shown(&trouble.subject),
        rule: "what cannot be read and understood cannot be judged, and is not used".to_owned(),
        remedy: shown(&trouble.remedy),
        binding: concerns_cluster,
    }
}

pub(super) fn sandbox_missing(facts: &Facts) -> Reason {
    reason(
        Code::SandboxMissing,
        "this version has no kernel sandbox, and policy.sandbox is `require`".to_owned(),
        "policy.sandbox".to_owned(),
        "with `require` nothing that names a file runs outside the sandbox".to_owned(),
        format!("sandbox: auto (in {})", shown(&facts.config_file)),
    )
}

// ---- confirmation and configuration ----

/// The name was not typed, or something else was.
#[must_use]
pub fn not_confirmed(policy: &Policy, words: &[OsString], why: &str) -> Reason {
    let name = quoted(&policy.environment.name);
    reason(
        Code::NotConfirmed,
        format!("not confirmed: {why}"),
        command_line(words),
        format!(
            "{}, level {}: this command asks for the environment's name",
            instance(policy),
            policy.environment.level
        ),
        format!("kubectl envguard --confirm {name}{}", command_line(words).trim_start_matches("kubectl")),
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
                "write {} (README, “Configuration”), or name one: kubectl envguard --config FILE …",
                looked_for.first().map_or_else(String::new, shown)
            ),
        ),
        Unusable::Invalid { file, .. } => binding(
            Code::ConfigInvalid,
            shown(unusable.to_string()),
            shown(file),
            "without a valid configuration only commands that read may run".to_owned(),
            format!("correct it: ${{EDITOR:-vi}} {}", quoted(file)),
        ),
    }
}
