//! Real kubectl versions against an API server over TLS: through the shim, as a
//! plugin of kubectl, and called directly.

use crate::support::{Instance, Kubectl, Output, Server, envguard, kubectls, read, shim};

/// The three ways an operator reaches the guard.
#[derive(Debug, Clone, Copy)]
enum Way {
    Shim,
    Direct,
    Plugin,
}

fn run(instance: &Instance, way: Way, words: &[&str]) -> Output {
    let mut command = match way {
        Way::Shim => instance.command(&shim()),
        Way::Direct => instance.command(&envguard()),
        Way::Plugin => {
            // kubectl finds the plugin on PATH and becomes it.
            instance.link(envguard().to_str().unwrap(), "plugins/kubectl-envguard");
            let mut command = instance.command(&instance.path("bin/kubectl"));
            let path = [instance.path("plugins"), instance.path("bin")]
                .map(|dir| dir.display().to_string())
                .join(":");
            command.env("PATH", format!("{path}:/usr/bin:/bin"));
            command.env("KUBECONFIG", instance.path("kubeconfig")).arg("envguard");
            command
        }
    };
    let output = Output::of(command.args(words));
    std::fs::remove_dir_all(instance.path("plugins")).unwrap_or_default();
    output
}

fn each_kubectl(test: impl Fn(&Kubectl)) {
    for kubectl in kubectls() {
        eprintln!("kubectl {}", kubectl.version);
        test(&kubectl);
    }
}

#[test]
fn apply_diff_and_delete_reach_the_pinned_cluster() {
    each_kubectl(|kubectl| {
        for way in [Way::Shim, Way::Direct, Way::Plugin] {
            let server = Server::start("develop-eks");
            let instance = Instance::with_server(&server, kubectl);
            let run = |words: &[&str]| run(&instance, way, words);
            run(&["apply", "-k", "overlays/develop"])
                .prints("configmap/develop-web created")
                .exits(0);
            run(&["apply", "-k", "overlays/develop"]).prints("unchanged").exits(0);
            run(&["get", "cm", "develop-web", "-o", "name"])
                .prints("configmap/develop-web")
                .exits(0);
            run(&["diff", "-k", "overlays/develop"]).exits(0);
            let changed = read(&instance.path("m/base/cm.yaml")).replace("a: \"1\"", "a: \"2\"");
            instance.write("m/base/cm.yaml", &changed);
            run(&["diff", "-k", "overlays/develop"]).prints("+  a: \"2\"").exits(1);
            run(&["apply", "-k", "overlays/develop"]).prints("configured").exits(0);
            run(&["delete", "-k", "overlays/develop"]).prints("deleted").exits(0);
            run(&["get", "cm", "develop-web"]).says("not found").exits(1);
            assert!(server.changes().iter().any(|line| line.starts_with("DELETE ")), "{way:?}");
        }
    });
}

#[test]
fn what_is_refused_sends_nothing() {
    each_kubectl(|kubectl| {
        for way in [Way::Shim, Way::Direct, Way::Plugin] {
            let server = Server::start("develop-eks");
            let instance = Instance::with_server(&server, kubectl);
            instance.write("m/overlays/develop/kustomization.yaml", "bases: [../prod]\n");
            for words in [
                &["apply", "-k", "overlays/prod"][..],
                &["delete", "-k", "overlays/prod"],
                &["apply", "-k", "overlays/develop"],
                &["apply", "-Rf", "overlays"],
                &["get", "pods", "--context", "x"],
            ] {
                let output = run(&instance, way, words).exits(77);
                assert_eq!(output.stdout, "", "{way:?} {words:?}");
            }
            // A vendor's or plain kubectl may ask for nothing before it becomes
            // the plugin: the plugin way proves that too.
            assert_eq!(server.requests(), [""; 0], "{way:?} kubectl {}", kubectl.version);
        }
    });
}

#[test]
fn the_accident_happens_without_the_guard() {
    // The same line, guard off: proof that the tests above refuse something real.
    each_kubectl(|kubectl| {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, kubectl);
        let mut command = instance.command(&instance.path("bin/kubectl"));
        command.env("KUBECONFIG", instance.path("kubeconfig"));
        Output::of(command.args(["apply", "-k", "overlays/prod"]))
            .prints("prod-web created")
            .exits(0);
    });
}

#[test]
fn another_cluster_is_never_contacted() {
    each_kubectl(|kubectl| {
        let pinned = Server::start("develop-eks");
        let other = Server::start("prod-eks");
        let instance = Instance::with_server(&pinned, kubectl);
        let other_config = other.kubeconfig().display().to_string();
        let url = other.url();
        for words in [
            &["get", "cm", "--kubeconfig", &other_config][..],
            &["get", "cm", "--server", &url],
            &["version", "--kubeconfig", &other_config],
            &["__complete", "get", "cm", "--kubeconfig", &other_config, ""],
        ] {
            let output = instance.kubectl(words);
            assert!(matches!(output.code, Some(0 | 77)), "{words:?} {output}");
        }
        // Variables that the operator's shell or a cluster has set lead nowhere.
        let host = url.strip_prefix("https://127.0.0.1:").unwrap();
        let mut command = instance.command(&shim());
        command.args(["get", "cm"]).env("KUBERNETES_MASTER", &url);
        command.env("KUBERNETES_SERVICE_HOST", "127.0.0.1").env("KUBERNETES_SERVICE_PORT", host);
        Output::of(&mut command).exits(0);
        let preferences = format!(
            "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults:\n- command: get\n  options: [{{name: kubeconfig, default: {other_config}}}]\n"
        );
        instance.write("home/.kube/kuberc", &preferences);
        instance.kubectl(&["get", "cm"]).exits(0);
        assert_eq!(other.requests(), [""; 0], "kubectl {}", kubectl.version);
        assert!(!pinned.requests().is_empty());
    });
}

#[test]
fn completion_asks_the_pinned_cluster() {
    each_kubectl(|kubectl| {
        if !kubectl.is_at_least(27) {
            return; // 1.20 has another kind of completion
        }
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, kubectl);
        instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        let output = instance.kubectl(&["__complete", "get", "cm", "dev"]);
        output.prints("develop-web").exits(0);
    });
}

#[test]
fn the_table_agrees_with_kubectl_on_ordinary_lines() {
    // Every line passes the guard, and kubectl itself understands it (no usage
    // error) against the same server.
    each_kubectl(|kubectl| {
        let server = Server::start("develop-eks");
        let instance = Instance::with_server(&server, kubectl);
        for words in [
            &["version"][..],
            &["api-resources"],
            &["get", "ns"],
            &["get", "cm", "-A", "-o", "wide"],
            &["-n", "default", "get", "cm"],
            &["create", "cm", "x", "--from-literal=a=b"],
            &["label", "cm", "x", "a=b"],
            &["annotate", "cm", "x", "a=b", "--overwrite"],
            &["describe", "cm", "x"],
            &["patch", "cm", "x", "-p", "{\"data\":{\"a\":\"c\"}}"],
            &["delete", "cm", "x", "--wait=false"],
            &["auth", "can-i", "get", "pods"],
            &["config", "view", "--minify"],
            &["config", "current-context"],
            &["kustomize", "overlays/develop"],
            &["apply", "-k", "overlays/develop", "--dry-run=client", "-o", "yaml"],
        ] {
            let output = instance.kubectl(words);
            assert_eq!(output.code, Some(0), "kubectl {} {words:?} {output}", kubectl.version);
        }
    });
}

/// The same on a real API server, where one is at hand (the envtest convention).
#[test]
fn a_real_api_server_behaves_like_the_stand_in() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(std::path::PathBuf::from) else {
        crate::support::left_out(
            "KUBEBUILDER_ASSETS names no etcd and kube-apiserver: ENVGUARD_ENVTEST=1 tests/run --install",
        );
        return;
    };
    let real = crate::support::RealServer::start(&assets);
    each_kubectl(|kubectl| {
        let instance = Instance::new();
        real.pin(&instance, kubectl);
        instance.kubectl(&["apply", "-k", "overlays/develop"]).exits(0);
        instance.kubectl(&["diff", "-k", "overlays/develop"]).exits(0);
        instance.kubectl(&["apply", "-k", "overlays/prod"]).refused("target-foreign");
        instance.kubectl(&["get", "cm", "prod-web"]).says("not found").exits(1);
        instance.kubectl(&["delete", "-k", "overlays/develop"]).exits(0);
    });
}
