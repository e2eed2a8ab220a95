//! What commands do to the cluster, and what their flags make of it.

use super::*;
use Class::*;

fn rows(rows: &[(&[&str], Class)]) {
    for (line, expected) in rows {
        let found = readings(&words(line)).unwrap();
        let classes: Vec<_> = found
            .into_iter()
            .map(|reading| Request::new(&words(line), reading).class)
            // A command of newer versions is a plugin's name for 1.20.
            .filter(|class| *expected == Plugin || *class != Some(Plugin))
            .collect();
        assert!(!classes.is_empty(), "{line:?}");
        assert!(classes.iter().all(|class| *class == Some(*expected)), "{line:?}: {classes:?}");
    }
}

#[test]
fn commands_that_change_the_cluster() {
    rows(&[
        (&["annotate", "pod", "x", "a=b"], Mutate),
        (&["apply", "-k", "x"], Mutate),
        (&["apply", "edit-last-applied", "-f", "x"], Mutate),
        (&["apply", "set-last-applied", "-f", "x"], Mutate),
        (&["auth", "reconcile", "-f", "x"], Mutate),
        (&["autoscale", "deploy", "x", "--max=3"], Mutate),
        (&["certificate", "approve", "x"], Mutate),
        (&["certificate", "deny", "x"], Mutate),
        (&["cordon", "n"], Mutate),
        (&["create", "-f", "x"], Mutate),
        (&["create", "cm", "x"], Mutate),
        (&["create", "secret", "generic", "x"], Mutate),
        (&["create", "token", "x"], Mutate),
        (&["edit", "deploy", "x"], Mutate),
        (&["expose", "deploy", "x"], Mutate),
        (&["label", "pod", "x", "a=b"], Mutate),
        (&["patch", "pod", "x", "-p", "{}"], Mutate),
        (&["replace", "-f", "x"], Mutate),
        (&["rollout", "pause", "deploy/x"], Mutate),
        (&["rollout", "restart", "deploy/x"], Mutate),
        (&["rollout", "resume", "deploy/x"], Mutate),
        (&["run", "x", "--image=i"], Mutate),
        (&["scale", "deploy/x", "--replicas=3"], Mutate),
        (&["set", "env", "deploy/x", "A=1"], Mutate),
        (&["set", "env", "deploy/x", "-"], Mutate),
        (&["set", "image", "deploy/x", "c=i"], Mutate),
        (&["set", "sa", "deploy/x", "y"], Mutate),
        (&["set", "subject", "rolebinding", "x", "--user=u"], Mutate),
        (&["taint", "node", "n", "k=v:NoSchedule"], Mutate),
        (&["uncordon", "n"], Mutate),
    ]);
}

#[test]
fn commands_that_take_something_away() {
    rows(&[
        (&["delete", "pod", "x"], Destroy),
        (&["delete", "-f", "x"], Destroy),
        (&["drain", "n"], Destroy),
        (&["rollout", "undo", "deploy/x"], Destroy),
        (&["apply", "-k", "x", "--prune"], Destroy),
        (&["apply", "-k", "x", "--prune=false"], Mutate),
        (&["apply", "-k", "x", "--force"], Destroy),
        (&["apply", "-k", "x", "--server-side", "--force-conflicts"], Mutate),
        (&["replace", "--force", "-f", "x"], Destroy),
        (&["replace", "--force=false", "-f", "x"], Mutate),
        (&["scale", "deploy/x", "--replicas=0"], Destroy),
        (&["scale", "deploy/x", "--replicas", "00"], Destroy),
        (&["scale", "deploy/x", "--replicas=0x0"], Destroy),
        (&["scale", "deploy/x", "--replicas=-0"], Destroy),
        (&["scale", "deploy/x", "--replicas=0", "--replicas=2"], Mutate),
        (&["scale", "deploy/x", "--replicas=2", "--replicas=0"], Destroy),
        (&["taint", "node", "n", "k=v:NoExecute"], Destroy),
        (&["taint", "node", "n", "k:NoExecute"], Destroy),
        (&["taint", "node", "n", "k:NoExecute-"], Mutate),
        (&["taint", "node", "n", "k=v:NoSchedule", "j:NoExecute"], Destroy),
        (&["auth", "reconcile", "-f", "x", "--remove-extra-permissions"], Destroy),
        (&["auth", "reconcile", "-f", "x", "--remove-extra-subjects"], Destroy),
        (&["debug", "pod/x", "--copy-to=y", "--replace"], Destroy),
        // What a raw request does stands in its address: evictions are created.
        (&["create", "--raw", "/api/v1/x", "-f", "x"], Destroy),
        (&["replace", "--raw", "/api/v1/x", "-f", "x"], Destroy),
        (&["delete", "--raw", "/api/v1/x"], Destroy),
    ]);
}

#[test]
fn dry_runs_and_lists_only_read() {
    rows(&[
        (&["apply", "-k", "x", "--dry-run=client"], Read),
        (&["apply", "-k", "x", "--dry-run=server"], Read),
        (&["apply", "-k", "x", "--dry-run"], Read),
        (&["apply", "-k", "x", "--dry-run=true"], Read),
        (&["apply", "-k", "x", "--dry-run=unchanged"], Read),
        (&["apply", "-k", "x", "--dry-run=none"], Mutate),
        (&["apply", "-k", "x", "--dry-run=false"], Mutate),
        (&["apply", "-k", "x", "--dry-run="], Mutate),
        (&["apply", "-k", "x", "--dry-run=nonsense"], Mutate),
        (&["apply", "-k", "x", "--dry-run=server", "--dry-run=none"], Mutate),
        (&["apply", "-k", "x", "--prune", "--dry-run=server"], Read),
        (&["delete", "pod", "x", "--dry-run=server"], Read),
        (&["drain", "n", "--dry-run=client"], Read),
        (&["scale", "deploy/x", "--replicas=0", "--dry-run=client"], Read),
        (&["label", "--list", "pod", "x"], Read),
        (&["annotate", "--list", "pod", "x"], Read),
        (&["set", "env", "--list", "deploy/x"], Read),
        (&["set", "image", "--local", "-f", "x", "c=i"], Read),
        (&["patch", "--local", "-f", "x", "-p", "{}"], Read),
        (&["label", "--local", "-f", "x", "a=b"], Read),
        (&["set", "image", "--local=false", "-f", "x", "c=i"], Mutate),
        // --raw does not know --dry-run, and kubectl 1.20 deletes before it looks.
        (&["create", "--raw", "/api", "-f", "x", "--dry-run=client"], Destroy),
        (&["delete", "--raw", "/api", "--dry-run=server"], Destroy),
        (&["replace", "--raw", "/api", "-f", "x", "--dry-run=client"], Destroy),
        (&["replace", "--force", "-f", "x", "--dry-run=client"], Destroy),
    ]);
}

#[test]
fn ways_into_the_cluster() {
    rows(&[
        (&["attach", "pod"], Channel),
        (&["cp", "x", "pod:/x"], Channel),
        (&["debug", "pod/x"], Channel),
        (&["exec", "-it", "pod", "--", "sh"], Channel),
        (&["port-forward", "pod/x", "80"], Channel),
        (&["proxy"], Channel),
    ]);
    let second = |line: &[&str]| request(line).second_class;
    assert_eq!(second(&["run", "x", "--image=i", "-i"]), Some(Channel));
    assert_eq!(second(&["run", "x", "--image=i", "-it", "--", "sh"]), Some(Channel));
    assert_eq!(second(&["run", "x", "--image=i", "--attach"]), Some(Channel));
    assert_eq!(second(&["run", "x", "--image=i"]), None);
    assert_eq!(second(&["run", "x", "--image=i", "-i", "--dry-run=client"]), None);
    assert_eq!(second(&["debug", "pod/x"]), Some(Mutate));
    assert_eq!(second(&["exec", "pod", "--", "sh"]), None);
}

#[test]
fn commands_that_only_read() {
    rows(&[
        (&["get", "pods"], Read),
        (&["get", "--raw", "/healthz"], Read),
        (&["describe", "pod", "x"], Read),
        (&["logs", "-f", "x"], Read),
        (&["diff", "-k", "x"], Read),
        (&["explain", "pod"], Read),
        (&["api-resources"], Read),
        (&["api-versions"], Read),
        (&["apply", "view-last-applied", "pod/x"], Read),
        (&["auth", "can-i", "get", "pods"], Read),
        (&["auth", "whoami"], Read),
        (&["cluster-info", "dump"], Read),
        (&["events"], Read),
        (&["rollout", "status", "deploy/x"], Read),
        (&["rollout", "history", "deploy/x"], Read),
        (&["top", "no"], Read),
        (&["top", "po"], Read),
        (&["top", "pods"], Read),
        (&["version"], Read),
        (&["version", "--client=false"], Read),
        (&["wait", "-f", "x"], Read),
        (&["kustomize", "x"], Local),
        (&["plugin", "list"], Local),
    ]);
}

#[test]
fn commands_that_only_print() {
    rows(&[
        (&[], PassThrough),
        (&["help"], PassThrough),
        (&["help", "apply"], PassThrough),
        (&["--help"], PassThrough),
        (&["-h"], PassThrough),
        (&["apply", "-h"], PassThrough),
        (&["apply", "--prune", "--help", "-k", "x"], PassThrough),
        (&["delete", "pod", "x", "--help=true"], PassThrough),
        (&["delete", "pod", "x", "--help=false"], Destroy),
        (&["delete", "pod", "x", "-n", "--help"], Destroy),
        (&["options"], PassThrough),
        (&["completion", "bash"], PassThrough),
        (&["version", "--client"], PassThrough),
        (&["rollout"], PassThrough),
        (&["config"], PassThrough),
        (&["-n", "x", "top"], PassThrough),
    ]);
}

#[test]
fn the_kubeconfig_and_preferences() {
    rows(&[
        (&["config", "view"], KubeconfigRead),
        (&["config", "view", "--minify"], KubeconfigRead),
        (&["config", "current-context"], KubeconfigRead),
        (&["config", "get-contexts"], KubeconfigRead),
        (&["config", "get-clusters"], KubeconfigRead),
        (&["config", "get-users"], KubeconfigRead),
        (&["config", "use-context", "x"], KubeconfigWrite),
        (&["config", "use", "x"], KubeconfigWrite),
        (&["config", "set-context", "--current", "--namespace=x"], KubeconfigWrite),
        (&["config", "set-cluster", "x", "--server=https://h"], KubeconfigWrite),
        (&["config", "set-credentials", "x", "--token=t"], KubeconfigWrite),
        (&["config", "set", "current-context", "x"], KubeconfigWrite),
        (&["config", "unset", "current-context"], KubeconfigWrite),
        (&["config", "rename-context", "a", "b"], KubeconfigWrite),
        (&["config", "delete-context", "x"], KubeconfigWrite),
        (&["config", "delete-cluster", "x"], KubeconfigWrite),
        (&["config", "delete-user", "x"], KubeconfigWrite),
    ]);
    for line in [&["kuberc", "view"][..], &["kuberc", "set", "--section", "defaults"]] {
        let newest = readings(&words(line)).unwrap().remove(0);
        assert_eq!(Request::new(&words(line), newest).class, Some(Preferences), "{line:?}");
    }
}

#[test]
fn plugins_and_completions() {
    rows(&[
        (&["envguard", "status"], Plugin),
        (&["neat", "-f", "x"], Plugin),
        (&["local/x"], Plugin),
        (&["GET", "pods"], Plugin),
        (&["ge", "pods"], Plugin),
        (&["__complete", "get", ""], Completion),
        (&["__completeNoDesc", "get", ""], Completion),
        (&["--v=1", "__complete", "get", ""], Completion),
        (&["--context=x", "__complete", "get", ""], Completion),
    ]);
    // Here the first word without a dash is `x`, which is no completion callback.
    let callback = completion_words(&words(&["-n", "x", "__complete", "get", ""]));
    assert_eq!(callback, None);
    let callback = completion_words(&words(&["--v=1", "__complete", "get", ""]));
    assert_eq!(callback, Some(words(&["--v=1", "get", ""])));
}

#[test]
fn a_subcommand_that_nobody_knows_has_no_class() {
    for line in [
        &["rollout", "forwards"][..],
        &["set", "everything"],
        &["config", "frobnicate"],
        &["auth", "x", "y"],
        &["-n", "x", "top", "everything"],
    ] {
        for reading in readings(&words(line)).unwrap() {
            assert_eq!(Request::new(&words(line), reading).class, None, "{line:?}");
        }
    }
}

#[test]
fn every_builtin_command_has_a_class() {
    let unclassified: Vec<&str> = table::COMMANDS
        .iter()
        .map(|command| command.path)
        .filter(|path| !path.starts_with("__complete"))
        .filter(|path| class_of_command(path).is_none())
        .collect();
    assert!(unclassified.is_empty(), "{unclassified:?}");
}
