//! Command lines as operators, scripts and attackers of our parser write them.

use std::ffi::OsString;

use super::*;

fn request(line: &[&str]) -> Request {
    let words: Vec<OsString> = line.iter().map(OsString::from).collect();
    let found = readings(&words).unwrap_or_else(|misfit| panic!("{line:?}: {misfit:?}"));
    assert_eq!(found.len(), 1, "{line:?} has several readings: {found:?}");
    Request::new(&words, found.into_iter().next().unwrap())
}

fn targets(line: &[&str]) -> Vec<String> {
    request(line)
        .targets
        .iter()
        .map(|target| match target {
            Target::Manifests(FileSource::Stdin) => "stdin".to_owned(),
            Target::Manifests(FileSource::Url(url)) => format!("url {url}"),
            Target::Manifests(FileSource::Path(path)) => format!("f {}", path.display()),
            Target::Kustomization(dir) => format!("k {}", dir.display()),
        })
        .collect()
}

#[test]
fn targets_are_found_however_they_are_spelled() {
    for (line, expected) in [
        (&["apply", "-k", "overlays/prod"][..], &["k overlays/prod"][..]),
        (&["apply", "-koverlays/prod"], &["k overlays/prod"]),
        (&["apply", "-k=overlays/prod"], &["k overlays/prod"]),
        (&["apply", "--kustomize", "x"], &["k x"]),
        (&["apply", "--kustomize=x"], &["k x"]),
        (&["apply", "-k", "a", "-k", "b"], &["k b"]),
        (&["apply", "-k", "a", "-k", ""], &[]),
        (&["-k", "x", "apply"], &["k x"]),
        (&["-k=x", "apply"], &["k x"]),
        (&["-f", "x", "apply"], &["f x"]),
        (&["-Rf=x", "apply"], &["f x"]),
        (&["apply", "-Rf", "x"], &["f x"]),
        (&["apply", "-RfX"], &["f X"]),
        (&["apply", "-R=true", "-f", "X"], &["f X"]),
        (&["apply", "-f="], &["f ="]),
        (&["apply", "-filename=x"], &["f ilename=x"]),
        (&["apply", "-f", "a,b", "-f", "\"c,d\""], &["f a", "f b", "f c,d"]),
        (&["apply", "-f", "-"], &["stdin"]),
        (&["apply", "-f-"], &["stdin"]),
        (&["apply", "-f", "https://h/x.yaml"], &["url https://h/x.yaml"]),
        (&["apply", "-f", "HTTPS://h/x.yaml"], &["f HTTPS://h/x.yaml"]),
        (&["apply", "-n", "-k", "-k", "x"], &["k x"]),
        (&["apply", "-n", "--help", "-f", "x"], &["f x"]),
        (&["apply", "--dry-run", "-f", "x"], &["f x"]),
        (&["apply", "-oyamlf", "-f", "x"], &["f x"]),
        (&["apply", "--server_side", "-f", "x"], &["f x"]),
        (&["kustomize"], &["k ."]),
        (&["kustomize", "x"], &["k x"]),
        (&["kustomize", "--", "x"], &["k x"]),
        (&["kustomize", "-o", "out", "x"], &["k x"]),
        (&["kustomize", "--load_restrictor", "LoadRestrictionsNone", "x"], &["k x"]),
        (&["rollout", "-f", "x", "restart"], &["f x"]),
        (&["set", "-f", "x", "image", "c=i"], &["f x"]),
        (&["create", "--raw", "/api", "-f", "a,b"], &["f a,b"]),
        (&["delete", "-f", "x", "--help=false"], &["f x"]),
        // what looks like a file and is none
        (&["logs", "-f", "pod"], &[]),
        (&["logs", "-fp", "pod"], &[]),
        (&["run", "x", "--image=i", "sh", "-f", "prod.yaml"], &[]),
        (&["exec", "pod", "--", "cat", "-f", "x"], &[]),
        (&["get", "pods", "-l", "-f"], &[]),
        (&["apply", "-k", "x", "--help"], &[]),
        (&["apply", "-hk", "x"], &[]),
        (&["help", "apply"], &[]),
    ] {
        assert_eq!(targets(line), expected, "{line:?}");
    }
}

#[test]
fn commands_have_their_class() {
    use Class::*;
    for (line, expected) in [
        (&["get", "pods"][..], Read),
        (&["apply", "-k", "x"], Mutate),
        (&["apply", "-k", "x", "--dry-run=client"], Read),
        (&["apply", "-k", "x", "--dry-run"], Read),
        (&["apply", "-k", "x", "--dry-run=none"], Mutate),
        (&["apply", "-k", "x", "--dry-run=server", "--dry-run=none"], Mutate),
        (&["apply", "-k", "x", "--prune"], Destroy),
        (&["delete", "pod", "x"], Destroy),
        (&["delete", "pod", "x", "--dry-run=server"], Read),
        (&["scale", "deploy/x", "--replicas=0"], Destroy),
        (&["scale", "deploy/x", "--replicas", "00"], Destroy),
        (&["scale", "deploy/x", "--replicas=3"], Mutate),
        (&["taint", "node", "n", "k=v:NoExecute"], Destroy),
        (&["taint", "node", "n", "k=v:NoSchedule"], Mutate),
        (&["replace", "-f", "x"], Mutate),
        (&["replace", "--force", "-f", "x"], Destroy),
        (&["rollout", "undo", "deploy/x"], Destroy),
        (&["rollout", "restart", "deploy/x"], Mutate),
        (&["rollout", "status", "deploy/x"], Read),
        (&["auth", "reconcile", "-f", "x", "--remove-extra-permissions"], Destroy),
        (&["auth", "can-i", "get", "pods"], Read),
        (&["exec", "-it", "pod", "--", "sh"], Channel),
        (&["cp", "x", "pod:/x"], Channel),
        (&["label", "pod", "x", "a=b"], Mutate),
        (&["label", "--list", "pod", "x"], Read),
        (&["set", "image", "--local", "-f", "x", "c=i"], Read),
        (&["create", "cm", "x"], Mutate),
        (&["version"], Read),
        (&["version", "--client"], PassThrough),
        (&["version", "--client=false"], Read),
        (&[], PassThrough),
        (&["help"], PassThrough),
        (&["options"], PassThrough),
        (&["completion", "bash"], PassThrough),
        (&["kustomize", "x"], Local),
        (&["config", "view"], KubeconfigRead),
        (&["config", "use", "x"], KubeconfigWrite),
        (&["config", "set-context", "--current", "--namespace=x"], KubeconfigWrite),
        (&["__complete", "get", ""], Completion),
        (&["envguard", "status"], Plugin),
        (&["wait", "-f", "x"], Read),
        (&["debug", "pod/x"], Channel),
        (&["proxy"], Channel),
    ] {
        let words: Vec<OsString> = line.iter().map(OsString::from).collect();
        for reading in readings(&words).unwrap() {
            assert_eq!(Request::new(&words, reading).class, Some(expected), "{line:?}");
        }
    }
}

#[test]
fn every_builtin_command_has_a_class() {
    let unclassified: Vec<&str> = super::table::COMMANDS
        .iter()
        .map(|command| command.path)
        .filter(|path| !path.starts_with("__complete"))
        .filter(|path| class_of_command(path).is_none())
        .collect();
    assert!(unclassified.is_empty(), "{unclassified:?}");
}

#[test]
fn words_that_are_values_are_not_commands() {
    for line in [&["-n", "apply", "get", "pods"][..], &["--namespace", "delete", "get", "pods"]] {
        assert_eq!(request(line).invocation.command(), "get", "{line:?}");
    }
    assert_eq!(request(&["-n", "apply", "apply", "-k", "x"]).invocation.command(), "apply");
    // `-R` is unknown before the command and eats the next word (cobra).
    let words: Vec<OsString> = ["-R", "-f", "dir", "apply"].map(OsString::from).to_vec();
    assert!(matches!(readings(&words), Err(Misfit::FlagBeforePlugin(_))));
}

#[test]
fn overrides_are_told_from_a_commands_own_flags() {
    let flags = |line: &[&str]| -> Vec<String> {
        request(line)
            .overrides
            .iter()
            .chain(&request(line).identities)
            .map(|given| format!("{}={}", given.flag, given.value.display()))
            .collect()
    };
    assert_eq!(flags(&["get", "po", "--context", "prod"]), ["context=prod"]);
    assert_eq!(flags(&["--context=prod", "get", "po"]), ["context=prod"]);
    assert_eq!(flags(&["get", "po", "-shttps://h"]), ["server=https://h"]);
    assert_eq!(flags(&["get", "po", "-s=https://h"]), ["server=https://h"]);
    assert_eq!(
        flags(&["get", "po", "--insecure_skip_tls_verify"]),
        ["insecure-skip-tls-verify=true"]
    );
    assert_eq!(flags(&["create", "rolebinding", "x", "--user", "u"]), [""; 0]);
    assert_eq!(flags(&["config", "set-context", "x", "--cluster", "c"]), [""; 0]);
    assert_eq!(flags(&["get", "po", "--as", "me"]), ["as=me"]);
    assert_eq!(flags(&["exec", "p", "--", "--context", "x"]), [""; 0]);
}

#[test]
fn recursion_is_the_default_where_kubectl_has_it() {
    assert!(request(&["wait", "-f", "x", "--for=delete"]).recursive);
    assert!(!request(&["wait", "-f", "x", "-R=false", "--for=delete"]).recursive);
    assert!(!request(&["apply", "-f", "x"]).recursive);
    assert!(request(&["apply", "-Rf", "x"]).recursive);
}

#[test]
fn what_no_version_accepts_is_a_misfit() {
    for line in
        [&["apply", "--filenam", "x"][..], &["apply", "-f"], &["apply", "---x"], &["get", "-Z"]]
    {
        let words: Vec<OsString> = line.iter().map(OsString::from).collect();
        assert!(readings(&words).is_err(), "{line:?}");
    }
}

#[test]
fn versions_that_disagree_give_several_readings() {
    let words: Vec<OsString> = ["config", "get-users"].map(OsString::from).to_vec();
    assert!(!readings(&words).unwrap().is_empty());
    // `token` is a subcommand since 1.24 and a stray word before.
    let words: Vec<OsString> = ["create", "token", "x"].map(OsString::from).to_vec();
    let found = readings(&words).unwrap();
    assert_eq!(found.len(), 2);
    for reading in found {
        assert_eq!(Request::new(&words, reading).class, Some(Class::Mutate));
    }
    // `events` is a plugin's word for 1.20 and a command later.
    let words: Vec<OsString> = ["events", "--for", "pod/x"].map(OsString::from).to_vec();
    assert_eq!(readings(&words).unwrap().len(), 2);
}
