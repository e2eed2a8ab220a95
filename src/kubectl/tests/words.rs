//! Which word is the command, which is a flag's value, and what is neither.

use super::*;

#[test]
fn words_that_are_values_are_not_commands() {
    for (line, expected) in [
        (&["-n", "apply", "get", "pods"][..], "get"),
        (&["--namespace", "delete", "get", "pods"], "get"),
        (&["-n", "apply", "apply", "-k", "x"], "apply"),
        (&["-v", "apply", "get", "pods"], "get"),
        (&["-s", "apply", "get", "pods"], "get"),
        // Unknown before the command, so the next word is taken for a value.
        (&["-h", "delete", "get", "pods"], "get"),
        (&["--help", "delete", "get", "pods"], "get"),
        (&["--bogus", "delete", "get", "pods", "--", "--bogus"], ""),
        (&["-R=true", "apply", "-f", "x"], "apply"),
        (&["--warnings-as-errors", "apply", "-f", "x"], "apply"),
        (&["--insecure-skip-tls-verify", "apply", "-f", "x"], "apply"),
        (&["get", "apply"], "get"),
        (&["rollout", "-n", "undo", "restart", "deploy/x"], "rollout restart"),
        (&["create", "-n", "cm", "secret", "generic", "x"], "create secret generic"),
        (&["config", "use", "x"], "config use-context"),
        (&["create", "deploy", "x"], "create deployment"),
        (&["create", "ing", "x"], "create ingress"),
        (&["create", "quota", "x"], "create quota"),
        (&["create", "resourcequota", "x"], "create quota"),
        (&["set", "sa", "x", "y"], "set serviceaccount"),
        (&["top", "no"], "top node"),
    ] {
        let found = readings(&words(line));
        let commands: Vec<_> = match &found {
            Ok(found) => found.iter().map(Invocation::command).collect(),
            Err(_) => vec![""],
        };
        assert!(commands.iter().all(|command| *command == expected), "{line:?}: {found:?}");
    }
}

#[test]
fn names_are_exact() {
    for line in [&["Apply", "-f", "x"][..], &["appl", "-f", "x"], &["apply ", "-f", "x"]] {
        let found = readings(&words(line)).unwrap();
        assert!(found.iter().all(|reading| reading.command().is_empty()), "{line:?}");
    }
    // A plugin's name stands first.
    for line in [&["-n", "x", "neat"][..], &["-R", "-f", "dir", "apply"], &["-Rf", "dir", "apply"]]
    {
        assert!(matches!(readings(&words(line)), Err(Misfit::FlagBeforePlugin(_))), "{line:?}");
    }
}

/// Up to 1.27 cobra took the first word that looks like the command's name out of
/// the words, even when that was a flag's value.
#[test]
fn older_versions_confuse_values_with_the_command() {
    let line = words(&["-n", "get", "-l", "-k=x", "get"]);
    let found = readings(&line).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let targets: Vec<usize> =
        found.into_iter().map(|reading| Request::new(&line, reading).targets.len()).collect();
    assert_eq!(targets, [0, 1]);
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
    for (line, expected) in [
        (&["get", "po", "--context", "prod"][..], &["context=prod"][..]),
        (&["--context=prod", "get", "po"], &["context=prod"]),
        (&["get", "po", "-shttps://h"], &["server=https://h"]),
        (&["get", "po", "-s=https://h"], &["server=https://h"]),
        (&["get", "po", "-As", "https://h"], &["server=https://h"]),
        (&["get", "po", "-ws=https://h"], &["server=https://h"]),
        (&["get", "po", "--insecure_skip_tls_verify"], &["insecure-skip-tls-verify=true"]),
        (&["get", "po", "--tls_server_name", "h"], &["tls-server-name=h"]),
        (&["get", "po", "--kubeconfig", "-f", "-f", "x"], &["kubeconfig=-f"]),
        (&["get", "po", "--as", "me", "--as-group=g"], &["as=me", "as-group=g"]),
        (&["get", "po", "--client_key=k"], &["client-key=k"]),
        (&["config", "view", "--kubeconfig=k"], &["kubeconfig=k"]),
        (&["config", "--kubeconfig", "k", "view"], &["kubeconfig=k"]),
        (&["config", "use", "x", "--user=u"], &["user=u"]),
        (&["create", "rolebinding", "x", "--user", "u"], &[]),
        (&["create", "clusterrolebinding", "x", "--user", "u"], &[]),
        (&["set", "subject", "rolebinding", "x", "--user=u"], &[]),
        (&["create", "rolebinding", "x", "--token=t"], &["token=t"]),
        (&["config", "set-context", "x", "--cluster", "c", "--user=u"], &[]),
        (&["config", "set-cluster", "x", "--server", "s"], &[]),
        (&["config", "set-credentials", "x", "--token", "t", "--username=u"], &[]),
        (&["exec", "p", "--", "--context", "x"], &[]),
        (&["get", "po", "-l", "--context=x"], &[]),
        (&["get", "po", "-n", "--context", "x"], &[]),
        (&["proxy", "-u", "--context", "-p", "1"], &[]),
    ] {
        assert_eq!(flags(line), expected, "{line:?}");
    }
}

/// A local flag with a global one's name is a command's own, in every version.
#[test]
fn every_flag_that_shadows_an_override_is_known_as_such() {
    let names = request::CLUSTER_FLAGS.iter().chain(&request::IDENTITY_FLAGS);
    let names: Vec<&str> = names.copied().collect();
    let shadows = table::COMMANDS
        .iter()
        .flat_map(|command| command.flags.iter().map(move |flag| (command.path, flag)));
    for (path, flag) in shadows.filter(|(_, flag)| names.contains(&flag.long)) {
        let given = Given { flag, value: Some("x".into()) };
        assert!(request::is_own_flag(path, &given), "{path} --{}", flag.long);
    }
}

#[test]
fn what_no_version_accepts_is_a_misfit() {
    for line in [
        &["apply", "--filenam", "x"][..],
        &["apply", "--filename"],
        &["apply", "-f"],
        &["apply", "-Rf"],
        &["apply", "---x"],
        &["apply", "--=x"],
        &["get", "-Z"],
        &["apply", "-R="],
        &["apply", "-fx", "-f"],
        &["apply", "--Filename", "x"],
        &["apply", "--test.v", "-f", "x"],
        &["set", "-f", "x", "y"],
        &["exec", "-k", "x", "pod"],
        &["wait", "-k", "x"],
        &["--bogus", "apply", "apply", "-f", "x"],
        &["-f", "x"],
    ] {
        assert!(readings(&words(line)).is_err(), "{line:?}");
    }
    use std::os::unix::ffi::OsStringExt;
    let latin = OsString::from_vec(b"--filenam\xe9=x".to_vec());
    assert!(readings(&["apply".into(), latin]).is_err());
}

#[test]
fn words_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStringExt;
    let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let line = ["apply".into(), raw(b"-fo\xe9"), raw(b"--kustomize=p\xff"), raw(b"\xfe")];
    let found = readings(&line).unwrap();
    let request = Request::new(&line, found.into_iter().next().unwrap());
    assert_eq!(
        request.targets,
        [Target::Manifests(FileSource::Path(raw(b"o\xe9"))), Target::Kustomization(raw(b"p\xff"))]
    );
    assert_eq!(request.invocation.positionals, [raw(b"\xfe")]);
}

#[test]
fn versions_that_disagree_give_several_readings() {
    // `token` is a subcommand since 1.24 and a stray word before.
    let line = words(&["create", "token", "x"]);
    let found = readings(&line).unwrap();
    assert_eq!(found.len(), 2);
    for reading in found {
        assert_eq!(Request::new(&line, reading).class, Some(Class::Mutate));
    }
    // `events` is a plugin's word for 1.20 and a command later.
    assert_eq!(readings(&words(&["events", "--for", "pod/x"])).unwrap().len(), 2);
    // `auth whoami` is no command of 1.20, which stops there.
    assert_eq!(readings(&words(&["auth", "whoami"])).unwrap().len(), 1);
    // `--validate=false` is a boolean in 1.20 and text later, with one meaning.
    assert_eq!(readings(&words(&["apply", "--validate=false", "-f", "x"])).unwrap().len(), 1);
}

#[test]
fn completions_that_leave_the_pin() {
    for (line, expected) in [
        (&["get", "pods", ""][..], false),
        (&["get", "pods", "-n", "staging", ""], false),
        (&["get", "pods", "-nstaging", ""], false),
        (&["get", "pods", "-lapp=s", ""], false),
        (&["get", "--sort-by", ""], false),
        (&["get", "--context", ""], true),
        (&["get", "--context=prod", "pods", ""], true),
        (&["get", "-s", "https://h", ""], true),
        (&["get", "-shttps://h", ""], true),
        (&["get", "-As", "https://h", ""], true),
        (&["get", "--kubeconfig=x", ""], true),
        (&["get", "--tls_server_name=x", ""], true),
        (&["get", "--kuberc=x", ""], true),
    ] {
        assert_eq!(could_leave_pin(&words(line)), expected, "{line:?}");
    }
}
