//! kubectl reaches the pinned cluster or none.

use crate::support::{Instance, certificate, kubeconfig, read};

const SERVER: &str = "https://pinned.example.test";

#[test]
fn flags_that_leave_the_pin_are_refused() {
    let instance = Instance::new();
    let other =
        instance.write("other", &kubeconfig("prod-eks", "https://other.test", certificate()));
    let same = instance.write("same", &kubeconfig("elsewhere", SERVER, certificate()));
    let (other, same) = (other.to_str().unwrap(), same.to_str().unwrap());
    for words in [
        &["get", "po", "--context", "prod"][..],
        &["get", "po", "--context=prod"],
        &["--context=prod", "get", "po"],
        &["get", "po", "--cluster", "prod"],
        &["get", "po", "-s", "https://other.test"],
        &["get", "po", "-shttps://other.test"],
        &["get", "po", "--server=https://other.test"],
        &["get", "po", "--kubeconfig", other],
        &["get", "po", "--kubeconfig", "/does/not/exist"],
        &["get", "po", "--insecure-skip-tls-verify"],
        &["get", "po", "--insecure_skip_tls_verify=true"],
        &["get", "po", "--tls-server-name", "other.test"],
        &["get", "po", "--certificate-authority", "/etc/hostname"],
        &["version", "--context", "prod"],
        &["version", "--client", "--context", "prod"],
        &["config", "view", "--kubeconfig", other],
        &["get", "po", "--kuberc", "x"],
        &["get", "po", "--kuberc=x"],
        &["get", "po", "-l", "x=--kuberc=/f"],
        &["kuberc", "view"],
    ] {
        instance.envguard(words).refused("cluster-override");
        assert_eq!(instance.recorded(), None, "{words:?} reached kubectl");
    }
    for words in [
        &["get", "po", "--context", "develop-eks"][..],
        &["get", "po", "--cluster", "develop-eks"],
        &["get", "po", "-s", "https://PINNED.example.test:443/"],
        &["get", "po", "--kubeconfig", same],
        &["get", "po", "--kubeconfig="],
        &["get", "po", "--insecure-skip-tls-verify=false"],
        &["get", "po", "--insecure_skip-tls-verify", "--insecure-skip-tls-verify=F"],
        &["create", "rolebinding", "x", "--clusterrole=view", "--user=u"],
        &["exec", "p", "--", "x", "--context", "prod"],
    ] {
        instance.envguard(words).exits(42);
    }
}

/// Up to 1.33 kubectl takes the address of `--raw` from the root of the host, later
/// from the server's own path (seen with 1.20, 1.27, 1.33 and 1.36): a gateway has other
/// clusters beside this one.
#[test]
fn a_raw_address_stays_in_the_pinned_servers_path() {
    let instance = Instance::new();
    let server = format!("{SERVER}/k8s/clusters/c-1");
    instance.write("kubeconfig", &kubeconfig("develop-eks", &server, certificate()));
    instance.write("config.yaml", &instance.config_text().replace(SERVER, &server));
    for raw in [
        "/k8s/clusters/c-2/api/v1/pods",
        "/k8s/clusters/c-10/api",
        "/k8s/clusters/c-1/../c-2/api",
        "/../c-2/api",
        "/%2e%2e/c-2/api",
        "/x/.%2E/api",
        "//k8s/clusters/c-2/api",
        "/%6b8s/clusters/c-2/api",
        "https://other.test/k8s/clusters/c-2/api",
    ] {
        instance.envguard(&["get", "--raw", raw]).refused("cluster-override");
        instance.envguard(&["delete", "--raw", raw]).refused("cluster-override");
    }
    for raw in ["/readyz", "/api/v1/pods?limit=1", "/k8s/clusters/c-1/api", "/metrics", ""] {
        instance.envguard(&["get", "--raw", raw]).exits(42);
    }
    instance.envguard(&["get", "pods"]).exits(42);
    // Without a path there is nothing beside it.
    Instance::new().envguard(&["get", "--raw", "/k8s/clusters/c-2/api"]).exits(42);
}

#[test]
fn a_refused_override_shows_the_line_without_it() {
    Instance::new()
        .envguard(&["get", "po", "--context", "prod", "-n", "web"])
        .refused("cluster-override")
        .says("instead   kubectl get po -n web\n");
}

#[test]
fn identities_may_read_but_not_change() {
    let instance = Instance::new();
    for flag in [
        "--as=x",
        "--as-group=x",
        "--token=x",
        "--user=x",
        "--username=x",
        "--password=x",
        "--client-certificate=/x",
        "--client-key=/x",
        "--as-uid=x",
    ] {
        instance.envguard(&["label", "pod", "x", "a=b", flag]).refused("identity-override");
        instance.envguard(&["exec", "x", flag, "--", "sh"]).refused("identity-override");
        instance.envguard(&["get", "pods", flag]).exits(42);
        instance.envguard(&["label", "pod", "x", "a=b", "--dry-run=server", flag]).exits(42);
    }
    let shown = instance.envguard(&["label", "pod", "x", "a=b", "--token=hunter2"]);
    assert!(!shown.stderr.contains("hunter2"), "{shown}");
}

#[test]
fn a_kubeconfig_that_drifted_is_refused() {
    for (what, from, to) in [
        ("server", SERVER, "https://other.test"),
        ("scheme", SERVER, "http://pinned.example.test"),
        ("proxy", "server: https", "proxy-url: http://p.test\n    server: https"),
        ("tls name", "server: https", "tls-server-name: x.test\n    server: https"),
        ("insecure", "server: https", "insecure-skip-tls-verify: true\n    server: https"),
        ("certificate", "ZW52Z3VhcmQ", "b3RoZXI"),
    ] {
        let instance = Instance::new();
        let certificate = certificate().replace(from, to);
        let text = kubeconfig("develop-eks", SERVER, &certificate).replace(from, to);
        instance.write("kubeconfig", &text);
        let output = instance.envguard(&["get", "pods"]);
        assert!(output.stderr.contains("(cluster-drift)"), "{what}: {output}");
        let _kept = output.exits(77);
        assert_eq!(instance.recorded(), None, "{what}");
        // what contacts nobody still works
        instance.envguard(&["kustomize", "overlays/develop"]).exits(42);
    }
}

#[test]
fn recorded_credentials_must_stay_the_same() {
    let exec = "exec: {command: aws, args: [eks, get-token, --cluster-name, develop-eks]}";
    let pinned = |kubeconfig_user: &str| {
        let instance = Instance::new();
        let text = kubeconfig("develop-eks", SERVER, certificate());
        instance.write("kubeconfig", &text.replace("token: secret", kubeconfig_user));
        let config =
            instance.config_text().replace("\ncheckouts:", &format!("\n  {exec}\ncheckouts:"));
        instance.write("config.yaml", &config);
        instance.envguard(&["get", "pods"])
    };
    pinned(exec).exits(42);
    pinned("exec: {command: aws, args: [eks, get-token, --cluster-name, prod-eks]}")
        .refused("cluster-drift");
    pinned("exec: {command: aws, args: [eks, get-token, --cluster-name, develop-eks], env: [{name: AWS_PROFILE, value: prod}]}")
        .refused("cluster-drift")
        .says("AWS_PROFILE=prod");
    pinned("token: x").refused("cluster-drift");
    // A pin that records no program permits none.
    let user = |user: &str| {
        let instance = Instance::new();
        let text = kubeconfig("develop-eks", SERVER, certificate());
        instance.write("kubeconfig", &text.replace("token: secret", user));
        instance.envguard(&["get", "pods"])
    };
    user(exec).refused("cluster-drift").says("the pin has none");
    user("token: x").exits(42);
    for pretence in ["as: root", "as-uid: '1'", "as-groups: ['system:masters']"] {
        user(&format!("token: x, {pretence}")).refused("cluster-drift").says("impersonates");
    }
}

#[test]
fn the_exported_kubeconfig_is_merged_as_client_go_merges() {
    let instance = Instance::new();
    let same = instance.write("same", &kubeconfig("develop-eks", SERVER, certificate()));
    let other =
        instance.write("other", &kubeconfig("prod-eks", "https://other.test", certificate()));
    let empty = instance.write("empty", "current-context: ''\n");
    let with = |value: String| {
        let mut command = instance.command(&crate::support::envguard());
        crate::support::Output::of(command.args(["get", "pods"]).env("KUBECONFIG", value))
    };
    let path = |one: &std::path::Path| one.to_str().unwrap().to_owned();
    with(path(&instance.path("kubeconfig"))).exits(42);
    with(path(&same)).exits(42);
    with(String::new()).exits(42);
    with(format!("/does/not/exist:{}", path(&same))).exits(42);
    with(format!("{}:{}", path(&same), path(&other))).exits(42); // the first one decides
    with(format!("{}:{}", path(&empty), path(&same))).exits(42); // an empty one does not
    // Of two entries with one name, too.
    let clash =
        instance.write("clash", &kubeconfig("develop-eks", "https://other.test", certificate()));
    with(format!("{}:{}", path(&same), path(&clash))).exits(42);
    with(format!("{}:{}", path(&clash), path(&same))).refused("cluster-override");
    with(path(&other)).refused("cluster-override").says("unset KUBECONFIG");
    with(format!("{}:{}", path(&other), path(&same))).refused("cluster-override");
    with("/does/not/exist".to_owned()).refused("cluster-override");
}

#[test]
fn kubectl_gets_the_pinned_environment() {
    let instance = Instance::new();
    let mut command = instance.command(&crate::support::envguard());
    command
        .args(["get", "pods"])
        // It leads to the pin, and is not what kubectl gets.
        .env("KUBECONFIG", format!("/nowhere:{}", instance.path("kubeconfig").display()))
        .env("KUBERC", "/x")
        .env("KUBECTL_KUBERC", "true")
        .env("KUBERNETES_MASTER", "http://other.test")
        .env("KUBERNETES_SERVICE_HOST", "1.2.3.4")
        .env("KUBERNETES_SERVICE_PORT_HTTPS", "1")
        .env("POD_NAMESPACE", "x")
        .env("HTTPS_PROXY", "http://proxy.test:3128")
        .env("AWS_PROFILE", "kept");
    crate::support::Output::of(&mut command).exits(42);
    let (words, environment) = instance.recorded().unwrap();
    assert_eq!(words, ["get", "pods"]);
    let has = |line: &str| environment.iter().any(|one| one == line);
    let names = |name: &str| environment.iter().any(|one| one.starts_with(&format!("{name}=")));
    assert!(has(&format!("KUBECONFIG={}", instance.path("kubeconfig").display())));
    assert!(has("KUBERC=off"));
    assert!(has("HTTPS_PROXY=http://proxy.test:3128"));
    assert!(has("AWS_PROFILE=kept"));
    for name in [
        "KUBECTL_KUBERC",
        "KUBERNETES_MASTER",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT_HTTPS",
        "POD_NAMESPACE",
    ] {
        assert!(!names(name), "{name} reached kubectl: {environment:?}");
    }
}

#[test]
fn the_pinned_kubeconfig_is_not_edited() {
    let instance = Instance::new();
    for words in [
        &["config", "use-context", "x"][..],
        &["config", "use", "x"],
        &["config", "set", "a.b", "c"],
        &["config", "unset", "a"],
        &["config", "delete-context", "x"],
        &["config", "rename-context", "x", "y"],
        &["config", "set-cluster", "x", "--server=https://other.test"],
        &["config", "set-credentials", "x", "--token=t"],
    ] {
        instance.envguard(words).refused("kubeconfig-edit");
    }
    instance
        .envguard(&["config", "set-context", "--current", "--namespace=web"])
        .refused("kubeconfig-edit")
        .says("instead   export ENVGUARD_NAMESPACE=web\n");
    instance.envguard(&["config", "view"]).exits(42);
    instance.envguard(&["config", "get-contexts"]).exits(42);
    // The same file by name, and through links, is the same file.
    let pinned = instance.path("kubeconfig");
    instance.link(pinned.to_str().unwrap(), "symbolic");
    std::fs::hard_link(&pinned, instance.path("hard")).unwrap();
    for name in ["kubeconfig", "symbolic", "hard"] {
        let flag = format!("--kubeconfig={}", instance.path(name).display());
        instance
            .envguard(&["config", "set-context", "--current", "--namespace=x", &flag])
            .refused("kubeconfig-edit");
        instance.envguard(&["config", "view", &flag]).exits(42);
    }
    let text = read(&pinned);
    let copy = instance.write("copy", &text);
    let flag = format!("--kubeconfig={}", copy.display());
    instance.envguard(&["config", "set-context", "--current", "--namespace=x", &flag]).exits(42);
    // The last one counts, and an empty one is none.
    instance
        .envguard(&["config", "use", "develop-eks", &flag, "--kubeconfig="])
        .refused("kubeconfig-edit");
}

#[test]
fn a_shell_may_have_its_own_namespace() {
    let words = |namespace: &str, words: &[&str]| {
        let instance = Instance::new();
        instance.write("bin/kubectl-create-thing", "#!/bin/sh\nexit 7\n");
        instance.executable("bin/kubectl-create-thing");
        let mut command = instance.command(&crate::support::envguard());
        command.args(words).env("ENVGUARD_NAMESPACE", namespace);
        let output = crate::support::Output::of(&mut command);
        (output.code, instance.recorded().map(|(words, _)| words))
    };
    let given =
        |list: &[&str]| Some(list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    assert_eq!(words("web", &["get", "po"]), (Some(42), given(&["--namespace=web", "get", "po"])));
    assert_eq!(words("web", &["get", "po", "-n", "x"]).1, given(&["get", "po", "-n", "x"]));
    assert_eq!(words("web", &["kustomize", "base"]).1, given(&["kustomize", "base"]));
    assert_eq!(words("", &["get", "po"]).1, given(&["get", "po"]));
    // A plugin of `create` is one only when it stands first.
    assert_eq!(words("web", &["create", "thing"]).1, given(&["create", "thing"]));
    assert_eq!(words("-x --context=prod", &["get", "po"]), (Some(64), None));
}

#[test]
fn completion_callbacks_stay_with_the_pin_and_open_no_file() {
    let instance = Instance::new();
    instance.envguard(&["__complete", "get", "pods", ""]).exits(42);
    let (_, environment) = instance.recorded().unwrap();
    assert!(environment.contains(&"KUBERC=off".to_owned()));
    assert!(environment.contains(&format!("KUBECONFIG={}", instance.path("kubeconfig").display())));
    for words in [
        &["__complete", "get", "--context", "prod", "po"][..],
        &["__complete", "get", "--context=prod", "po"],
        &["__complete", "-shttps://other.test", "get", ""],
        &["__completeNoDesc", "--kubeconfig=/x", "get", ""],
        &["--context=prod", "__complete", "get", ""],
        &["__complete", "get", "pods", "--profile=heap", ""],
        &["__complete", "get", "--cache-dir", "overlays/prod", ""],
        &["__complete", "get", "--client-certificate=overlays/prod/x", ""],
    ] {
        std::fs::remove_file(instance.path("kubectl-called")).unwrap_or_default();
        let output = instance.envguard(words).exits(0);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), (":1\n", ""));
        assert_eq!(instance.recorded(), None);
    }
}

#[test]
fn unusual_kubeconfigs_are_read_as_kubectl_reads_them() {
    let usual = kubeconfig("develop-eks", SERVER, certificate());
    let with = |text: &str| {
        let instance = Instance::new();
        instance.write("kubeconfig", text);
        instance.envguard(&["get", "pods"])
    };
    with(&format!("\u{feff}{usual}")).exits(42);
    with(&format!("# a comment\n---\n{usual}")).exits(42);
    with(&format!("{usual}---\ncurrent-context: other\n")).exits(42);
    // an empty first document is the one that counts
    with(&format!("---\n---\n{usual}")).refused("input-unreadable").says("has no current-context");
    with("").refused("input-unreadable").says("has no current-context");
    let data = usual.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    with(&usual.replace(data, "    certificate-authority: ''"))
        .refused("cluster-drift")
        .says("the CA certificate is none");
}

#[test]
fn an_answer_of_nothing_confirms_nothing() {
    let instance = Instance::of("production");
    for given in ["--confirm=", "--confirm= "] {
        let output = instance.envguard(&[given, "apply", "-k", "overlays/production"]);
        assert_ne!(output.code, Some(42), "{output}");
    }
}

#[test]
fn observing_what_is_not_understood_still_stays_with_the_pin() {
    let instance = Instance::new().rules("policy: {mode: observe}");
    instance.envguard(&["get", "po", "--flag-of-a-later-kubectl"]).exits(42);
    for leaving in ["--server=https://other.test", "--kubeconfig=/x", "-shttps://other.test"] {
        let words = ["get", "po", "--flag-of-a-later-kubectl", leaving];
        instance.envguard(&words).refused("flag-unknown");
    }
}

#[test]
fn the_name_is_typed_for_the_line_that_runs() {
    let instance = Instance::of("production");
    let with = |namespace: &str| {
        let mut command = instance.command(&crate::support::envguard());
        command.env("ENVGUARD_NAMESPACE", namespace);
        crate::support::Output::of(command.args(["delete", "pod", "x"]))
    };
    with("web").refused("not-confirmed").says("word      kubectl --namespace=web delete pod x\n");
    // what cannot run is not asked about
    with("no namespace").says("is no namespace").exits(64);
}
